import { randomBytes } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { print } from './print.js';
import { UsageError } from './usage-error.js';

const usage = `
Usage: cachekit-native keygen [options]

Make a new master key: 32 random bytes as 64 hex digits, for CACHEKIT_MASTER_KEY.

Options:
  --out <file>  write it to a new file that only its owner can read, and print nothing
  --raw         32 bytes instead of digits
  -h, --help    show this text

Examples:
  export CACHEKIT_MASTER_KEY="$(npx cachekit-native keygen)"
  npx cachekit-native keygen --out /run/secrets/cachekit-master-key
`.trim();

export async function keygen(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { out: { type: 'string' }, raw: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) return print(usage);
  const key = randomBytes(32);
  if (values.out === undefined) return print(values.raw ? key : key.toString('hex'));
  if (values.out === '') throw new UsageError('--out must be a file');
  await writeNew(values.out, values.raw ? key : Buffer.from(`${key.toString('hex')}\n`));
}

/** A file that is there already is left alone; one that could not be written whole is removed. */
async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') throw new UsageError('the file of --out is there already, and is not overwritten');
    throw error;
  });
  try {
    await file.writeFile(bytes);
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}
