import { randomUUID } from 'node:crypto';
import { BackendError } from '../../errors.js';
import { wholeLeaseMs } from '../arguments.js';
import type { BackendEntry, BackendLock, BackendOptions } from '../backend.js';
import { type Comparison, deletionOf, type RedisChanges } from './changes.js';
import { assertDone } from './commands.js';
import type { RedisQueue } from './queue.js';

/** A lock is called like its entry with this behind it, as the Python peer calls it. */
export const LOCK_SUFFIX = ':lock';

export function isLockToken(bytes: unknown): boolean {
  return Buffer.isBuffer(bytes) && bytes.length === 32 && /^[0-9a-f]{32}$/.test(bytes.toString('latin1'));
}

/** What was found under a lock's name, unless it is a lock, which is no entry: not even one that is broken. */
export function unlessLock(entry: BackendEntry | undefined): BackendEntry | undefined {
  return isLockToken(entry?.bytes) ? undefined : entry;
}

/**
 * The name and the token are those of the Python peer, so that processes of both kinds keep each other out.
 *
 * @throws BackendError when an entry has the lock's name: it would look like a lock that is never released; and when this
 *   user has no right to release locks, for which others would wait until the lease ends.
 */
export async function takeLock(
  queue: RedisQueue,
  changes: RedisChanges,
  cacheKey: string,
  leaseMs: number,
  options: BackendOptions | undefined,
): Promise<BackendLock | undefined> {
  const name = cacheKey + LOCK_SUFFIX;
  const token = randomUUID().replaceAll('-', '');
  const taken = await queue.run(options, async (commands) => {
    await changes.assertAllowed(commands, deletionOf(name, token));
    const reply = await commands.send(['set', name, token, 'nx', 'px', String(leaseMs)]);
    if (reply !== null) {
      assertDone(reply);
      return true;
    }
    const held = await commands.send(['get', name]);
    // It may have ended since.
    if (held !== null && !isLockToken(held)) throw new BackendError('The name of the lock is taken by an entry');
    return false;
  });
  if (!taken) return undefined;
  const run = (comparison: Comparison) => queue.run(undefined, (commands) => changes.compare(commands, comparison));
  return {
    extend: async (ms) => {
      const lease = String(wholeLeaseMs(ms));
      return run({
        cacheKey: name,
        expected: token,
        script: "return redis.call('pexpire',KEYS[1],ARGV[2])",
        args: [lease],
        commands: (key) => [['pexpire', key, lease]],
      });
    },
    release: async () => {
      await run(deletionOf(name, token));
    },
  };
}
