#!/usr/bin/env node
import { createRequire } from 'node:module';
import { Command } from 'commander';
import { CacheKitError } from '../errors.js';
import { inspectCommand } from './inspect.js';
import { keygenCommand } from './keygen.js';
import { serveCommand } from './serve.js';

const { version } = createRequire(import.meta.url)('cachekit-native/package.json') as { version: string };

/** What was typed may hold a token or a key, in an option as in a word of its own. */
const withoutSecrets = (text: string) => text.replace(/=[^'\n]*/g, '=…').replace(/ck_[a-z]+_[^\s']*/gi, '…');

const program = new Command('cachekit-native')
  .description('Encrypted caching for Node.js that speaks the CacheKit protocol.')
  .version(version)
  .configureOutput({ outputError: (text, write) => write(withoutSecrets(text)) })
  .showHelpAfterError('(--help tells what there is)');
for (const command of [serveCommand(), inspectCommand(), keygenCommand()]) {
  program.addCommand(command.copyInheritedSettings(program));
}

try {
  await program.parseAsync();
} catch (error) {
  console.error(`error: ${messageOf(error)}`);
  process.exitCode = 1;
}

/** What is wrong with a file, a port or an option, in one line. @throws anything else, which is a defect. */
function messageOf(error: unknown): string {
  if (error instanceof CacheKitError) return error.message;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined || code === undefined) throw error;
  return code === 'EADDRINUSE' ? 'the port is in use' : `${syscall} failed: ${code}`;
}
