import { BACKEND_USAGE, KEYS_USAGE } from './backend-url.js';
import { ENTRIES_USAGE, entriesCommand, isLeft, reportLines } from './entries-command.js';
import { EXIT, EXIT_CODES } from './exit-codes.js';
import { print } from './print.js';
import { Progress } from './progress.js';

const usage = `
Usage: cachekit-native report [options] [backend]

Count how many stored values need which key: of a namespace, its tenants and its functions. Values
are opened, and left as they are. While some need a previous key, that key must be kept.

Arguments:
${BACKEND_USAGE}

Options:
${ENTRIES_USAGE}

${KEYS_USAGE}

${EXIT_CODES}

Examples:
  npx cachekit-native report redis://localhost --namespace app
  npx cachekit-native report --namespace app --json --tenants-from tenants.txt
`.trim();

export async function report(args: string[]): Promise<void> {
  const command = entriesCommand(args);
  if (command === undefined) return print(usage);
  const { cache, options, values } = command;
  const progress = new Progress();
  try {
    const made = await cache.keyReport({
      ...options,
      total: process.stderr.isTTY,
      onProgress: (to) => progress.show(to),
    });
    progress.end();
    await print(values.json ? JSON.stringify(made, undefined, 2) : reportLines(made));
    if (isLeft(made)) process.exitCode = EXIT.left;
  } finally {
    progress.end();
    await cache.close();
  }
}
