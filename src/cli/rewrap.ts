import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Cache, KeyReport, RewrapOptions } from '../../index.js';
import { ConfigurationError } from '../errors.js';
import { BACKEND_USAGE, KEYS_USAGE } from './backend-url.js';
import { ENTRIES_USAGE, entriesCommand, isLeft, reportLines } from './entries-command.js';
import { EXIT, EXIT_CODES } from './exit-codes.js';
import { print } from './print.js';
import { Progress } from './progress.js';
import { UsageError } from './usage-error.js';

const usage = `
Usage: cachekit-native rewrap [options] [backend]

Seal again, with the current key, what a previous key has sealed: the values of a namespace, its
tenants and its functions. Values keep their TTL and are not decoded; services go on reading and
writing meanwhile. It may be ended at any time and begun again.

Arguments:
${BACKEND_USAGE}

Options:
  --dry-run              change nothing, and count what would be sealed again (as report does)
  --cursor-file <file>   keep in it how far the work is, and go on from there when it is there
${ENTRIES_USAGE}

${KEYS_USAGE}

${EXIT_CODES}

Examples:
  npx cachekit-native rewrap redis://localhost --namespace app --rate 5000
  npx cachekit-native rewrap --namespace app --cursor-file /var/tmp/rewrap-app
`.trim();

export async function rewrap(args: string[]): Promise<void> {
  const own = { 'dry-run': { type: 'boolean' }, 'cursor-file': { type: 'string' } } as const;
  const command = entriesCommand(args, own);
  if (command === undefined) return print(usage);
  const { cache, values } = command;
  const path = values['cursor-file'] as string | undefined;
  if (path !== undefined && values['dry-run']) {
    throw new UsageError('--cursor-file is for work that changes something: leave it out with --dry-run');
  }
  const cursor = path === undefined ? undefined : storedCursor(path);
  const controller = new AbortController();
  const stop = () => controller.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const options: RewrapOptions = {
    ...command.options,
    dryRun: values['dry-run'] === true,
    total: true,
    signal: controller.signal,
    ...(cursor !== undefined && { cursor }),
  };
  try {
    const report = await rewrapAll(cache, options, path).catch((error) => {
      if (error instanceof RangeError && cursor !== undefined) {
        throw new ConfigurationError('The cursor file is damaged: delete it, and the work begins anew');
      }
      throw error;
    });
    await print(values.json ? JSON.stringify(report, undefined, 2) : reportLines(report));
    // What was done before the cursor is not in this report.
    if (cursor !== undefined) await print('Continued from a cursor: run `cachekit-native report` for all values.');
    if (isLeft(report)) process.exitCode = EXIT.left;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    await cache.close();
  }
}

async function rewrapAll(cache: Cache, options: RewrapOptions, path: string | undefined): Promise<KeyReport> {
  const progress = new Progress();
  try {
    const steps = cache.rewrapSteps(options);
    let stored: string | undefined;
    for (;;) {
      const { done, value } = await steps.next();
      if (done) {
        if (path !== undefined) rmSync(path, { force: true });
        return value;
      }
      progress.show(value);
      if (path === undefined || value.cursor === undefined || value.cursor === stored) continue;
      stored = value.cursor;
      storeCursor(path, stored);
    }
  } finally {
    progress.end();
  }
}

function storedCursor(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whole or not at all, whenever the process ends. */
function storeCursor(path: string, cursor: string): void {
  const own = `${path}.${process.pid}.new`;
  writeFileSync(own, `${cursor}\n`);
  renameSync(own, path);
}
