#!/usr/bin/env node
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { CacheKitError } from '../errors.js';
import { inspect } from './inspect.js';
import { keygen } from './keygen.js';
import { print } from './print.js';
import { serve } from './serve.js';
import { UsageError, usageMessage } from './usage-error.js';

const usage = `
Usage: cachekit-native <command> [options]

Encrypted caching for Node.js that speaks the CacheKit protocol.

Commands:
  serve          serve the CacheKit HTTP API from this process’s memory, for development and tests
  inspect        show the header and the sizes of a sealed value, as JSON
  keygen         make a new master key

Options:
  -V, --version  show the version
  -h, --help     show this text; after a command, what that does and takes
`.trim();

const commands = new Map([
  ['serve', serve],
  ['inspect', inspect],
  ['keygen', keygen],
]);

const args = process.argv.slice(2);
const [name = ''] = args;
const command = commands.get(name);
try {
  if (command) await command(args.slice(1));
  else await withoutCommand();
} catch (error) {
  console.error(`error: ${messageOf(error)}`);
  process.exitCode = 1;
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
    const { version } = createRequire(import.meta.url)('cachekit-native/package.json') as { version: string };
    await print(version);
  } else {
    console.error(usage);
    process.exitCode = 1;
  }
}

/** What is wrong with a file, a port or an option, in one line. @throws anything else, which is a defect. */
function messageOf(error: unknown): string {
  const wrongUse = usageMessage(error);
  if (wrongUse !== undefined) return `${wrongUse} (see cachekit-native ${command ? `${name} ` : ''}--help)`;
  if (error instanceof CacheKitError) return error.message;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined || code === undefined) throw error;
  return code === 'EADDRINUSE' ? 'the port is in use' : `${syscall} failed: ${code}`;
}
