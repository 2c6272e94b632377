import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';

const usage = `
Usage: cachekit-native keygen

Print a new master key: 32 random bytes as 64 hex digits, for CACHEKIT_MASTER_KEY.

Options:
  -h, --help  show this text
`.trim();

export async function keygen(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { help: { type: 'boolean', short: 'h' } } });
  console.log(values.help ? usage : randomBytes(32).toString('hex'));
}
