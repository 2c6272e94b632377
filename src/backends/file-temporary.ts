import { randomBytes } from 'node:crypto';
import { mkdir, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from './cause.js';

/** A reader sees the old file or the new one, never a part. Makes the directory when it is missing. */
export async function replaceFile(path: string, content: Uint8Array): Promise<void> {
  await inDirectory(dirname(path), async () => {
    // As the SDK for Python names its own, so that each side clears away what the other left behind.
    const temporary = `${path}.tmp.${process.pid}.${randomBytes(6).toString('hex')}`;
    try {
      await writeFile(temporary, content, { mode: 0o600, flag: 'wx' });
      await rename(temporary, path);
    } catch (error) {
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
  });
}

/** Runs `work`, and once more in a directory made for its owner when that was missing. */
export async function inDirectory<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return work();
  }
}

/** Whether there is a file that was last written longer ago. */
export async function isOlder(path: string, ms: number): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > ms;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
