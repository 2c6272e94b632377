import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type NativeFileLock, native } from '../native/addon.js';
import { idle } from '../util/timers.js';
import { codeOf } from './cause.js';

const FIRST_PAUSE_MS = 1;
const MAX_PAUSE_MS = 40;

/** The lock of this file, whose directory is made for its owner only when it is missing. */
export async function openLock(path: string): Promise<NativeFileLock> {
  for (let attempt = 0; ; attempt++) {
    try {
      return new native.FileLock(path);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || attempt === 2) throw error;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    }
  }
}

/**
 * Waits for a lock with growing, random pauses, without holding the event loop or keeping the process alive.
 *
 * @returns what `tryLock` answered last, 0 when it gave up.
 */
export async function takeLock(
  lock: Pick<NativeFileLock, 'tryLock'>,
  giveUp: () => boolean,
  maxPauseMs = MAX_PAUSE_MS,
): Promise<1 | 0 | -1> {
  for (let longest = FIRST_PAUSE_MS; ; longest = Math.min(2 * longest, maxPauseMs)) {
    const taken = lock.tryLock(true);
    if (taken !== 0 || giveUp()) return taken;
    await idle(1 + Math.random() * longest);
  }
}

const LOOK_MS = 100;

/** As {@link takeLock}, in the order in which processes came: of many, the first ones do not wait longest. */
export async function waitForLock(lock: NativeFileLock, giveUp: () => boolean): Promise<1 | 0 | -1> {
  const taken = lock.tryLock(true);
  if (taken !== 0) return taken;
  let over = false;
  const waited = new Promise<void>((resolve) => {
    lock.wait(() => {
      over = true;
      resolve();
    });
  });
  while (!over && !giveUp()) await Promise.race([waited, idle(LOOK_MS)]);
  return lock.endWait();
}
