import { parseArgs } from 'node:util';
import { ownRequire } from '../util/own-require.js';
import { EXIT, EXIT_CODES } from './exit-codes.js';
import { print } from './print.js';
import { UsageError, usageMessage } from './usage-error.js';

const usage = `
Usage: cachekit-native <command> [options]

Encrypted caching for Node.js that speaks the CacheKit protocol.

Commands:
  keygen         make a new master key
  fingerprint    show the keys of the environment by their fingerprints, for a tenant
  inspect        show the header and the sizes of a sealed value, and which key opens it, as JSON
  report         count how many stored values need which key
  rewrap         seal stored values again with the current key
  doctor         check this machine, the keys and a backend
  bench          measure what encryption costs here
  serve          serve the CacheKit HTTP API from this process’s memory, for development and tests

Options:
  -V, --version  show the version
  -h, --help     show this text; after a command, what that does and takes

Keys are read from CACHEKIT_MASTER_KEY and CACHEKIT_PREVIOUS_MASTER_KEYS, never from arguments.

${EXIT_CODES}
`.trim();

type Command = (args: string[]) => Promise<void>;

/** Each is loaded when it is called: those that need no native addon work where there is none. */
const commands = new Map<string, () => Promise<Command>>([
  ['keygen', async () => (await import('./keygen.js')).keygen],
  ['fingerprint', async () => (await import('./fingerprint.js')).fingerprint],
  ['inspect', async () => (await import('./inspect.js')).inspect],
  ['report', async () => (await import('./report.js')).report],
  ['rewrap', async () => (await import('./rewrap.js')).rewrap],
  ['doctor', async () => (await import('./doctor.js')).doctor],
  ['bench', async () => (await import('./bench.js')).bench],
  ['serve', async () => (await import('./serve.js')).serve],
]);

/** On every error of this package. */
const OURS = Symbol.for('cachekit-native.error');

const args = process.argv.slice(2);
const [name = ''] = args;
const command = commands.get(name);
main().catch((error: unknown) => {
  console.error(`error: ${messageOf(error)}`);
  process.exitCode = usageMessage(error) === undefined ? EXIT.failed : EXIT.wrongUse;
});

async function main(): Promise<void> {
  if (command) await (await command())(args.slice(1));
  else await withoutCommand();
}

async function withoutCommand(): Promise<void> {
  if (args.length > 0 && !name.startsWith('-')) throw new UsageError('unknown command');
  const { values } = parseArgs({
    args,
    allowPositionals: true,
    options: { version: { type: 'boolean', short: 'V' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    await print(usage);
  } else if (values.version) {
    const { version } = ownRequire('cachekit-native/package.json') as { version: string };
    await print(version);
  } else {
    console.error(usage);
    process.exitCode = EXIT.wrongUse;
  }
}

/** What is wrong with a file, a port or an option, in one line. @throws anything else, which is a defect. */
function messageOf(error: unknown): string {
  const wrongUse = usageMessage(error);
  if (wrongUse !== undefined) return `${wrongUse} (see cachekit-native ${command ? `${name} ` : ''}--help)`;
  // Without its class, which is of the part that loads the native addon.
  const { code, syscall, message, [OURS]: ours } = error as NodeJS.ErrnoException & { [OURS]?: unknown };
  if (ours === true) return message;
  if ((error as Error).name === 'AbortError') return 'stopped before anything was done';
  if (syscall === undefined || code === undefined) throw error;
  return code === 'EADDRINUSE' ? 'the port is in use' : `${syscall} failed: ${code}`;
}
