import { parseArgs } from 'node:util';
import { BACKEND_USAGE, optionalBackendUrl } from './backend-url.js';
import { type Check, checkBackend } from './doctor-backend.js';
import { checkKeys, checkMachine } from './doctor-machine.js';
import { EXIT, EXIT_CODES } from './exit-codes.js';
import { print } from './print.js';

const usage = `
Usage: cachekit-native doctor [options] [backend]

Check what a cache needs: the native addon with a known answer, the keys of the environment, and a
backend: whether it answers, what it is, what its user may do, whether it keeps entries, its clock,
and whether it tells of changes. One entry is stored for the test, and removed.

Arguments:
${BACKEND_USAGE}
                 (without one, only the machine and the keys are looked at)

Options:
  --namespace <name>  the cache's namespace, of which the test's entry is (default: cachekit-doctor)
  --json              as JSON
  -h, --help          show this text

A warning is something to know; a failure is something that a cache will meet.

${EXIT_CODES} (a check has failed)

Examples:
  npx cachekit-native doctor
  npx cachekit-native doctor redis://localhost --namespace app
`.trim();

export async function doctor(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      namespace: { type: 'string', default: 'cachekit-doctor' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return print(usage);
  const url = optionalBackendUrl(positionals);
  const checks = [...checkMachine(), ...checkKeys()];
  if (url !== undefined) checks.push(...(await checkBackend(url, values.namespace)));
  if (checks.some(({ status }) => status === 'failed')) process.exitCode = EXIT.left;
  await print(values.json ? JSON.stringify(checks, undefined, 2) : checks.map(line).join('\n'));
}

function line({ status, what, detail }: Check): string {
  return `${status.padEnd(8)} ${what.padEnd(22)} ${detail}`.trimEnd();
}
