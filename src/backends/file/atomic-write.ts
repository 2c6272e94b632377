import { randomBytes } from 'node:crypto';
import { mkdir, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileTime } from '../../util/machine-time.js';
import { codeOf } from '../cause.js';
import type { Exclusively } from './guards.js';

/** A mode bit without meaning that only Linux keeps: it marks the files that this package wrote. */
const OWN = 0o1000;
const keepsOwn = process.platform === 'linux';
const MODE = keepsOwn ? OWN | 0o600 : 0o600;

/** Whether this package wrote the file; `undefined` where the system does not keep that. */
export function isOwn(mode: number): boolean | undefined {
  return keepsOwn ? (mode & OWN) !== 0 : undefined;
}

/**
 * A reader sees the old file or the new one, never a part. Makes the directory when it is missing.
 *
 * @param mayReplace asked, and obeyed, while no other process of this package changes the entry.
 * @returns what it answered.
 */
export async function replaceFile(
  path: string,
  content: Uint8Array,
  exclusively: Exclusively,
  mayReplace: () => Promise<boolean>,
): Promise<boolean> {
  return inDirectory(dirname(path), async () => {
    // As the SDK for Python names its own, so that each side clears away what the other left behind.
    const temporary = `${path}.tmp.${process.pid}.${randomBytes(6).toString('hex')}`;
    let replaced = false;
    try {
      await writeFile(temporary, content, { mode: MODE, flag: 'wx' });
      await exclusively(async () => {
        if (!(await mayReplace())) return;
        await rename(temporary, path);
        replaced = true;
      });
    } finally {
      if (!replaced) await unlink(temporary).catch(() => undefined);
    }
    return replaced;
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
    return fileTime() - (await stat(path)).mtimeMs > ms;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
