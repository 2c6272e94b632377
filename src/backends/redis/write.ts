import { isError } from '../../errors.js';
import type { CheckedItem } from '../arguments.js';
import { assertDone, type RedisCommand, type RedisCommands, sendAll, setCommand } from './commands.js';
import { markCommand, REMEMBERS_MS, token } from './deletion-marks.js';
import { markOf } from './key-names.js';
import { Script } from './scripts.js';

/** Entries in one transaction: a server that runs it answers no other client. */
const TRANSACTION = 250;

/** Whether a value may have come and gone while a function runs: then a mark says that it was there. */
export function isShort(ttlMs: number | undefined): boolean {
  return ttlMs !== undefined && ttlMs < REMEMBERS_MS;
}

export async function setPlain(commands: RedisCommands, items: readonly CheckedItem[]): Promise<void> {
  const marks = items.filter(({ ttlMs }) => isShort(ttlMs)).map(({ cacheKey }) => markCommand(commands, cacheKey));
  for (const reply of await sendAll(commands, [...marks, ...items.map(setCommand)])) assertDone(reply);
}

/** KEYS: entry, mark where there is one to be made; ARGV: bytes, TTL or nothing, what the mark holds. */
const SET_AND_LOOK = new Script(`
if ARGV[2]~='' then redis.call('set',KEYS[1],ARGV[1],'px',ARGV[2]) else redis.call('set',KEYS[1],ARGV[1]) end
if KEYS[2] then redis.call('set',KEYS[2],ARGV[3],'px',${REMEMBERS_MS}) end
return redis.call('exists',KEYS[1])`);

/**
 * A server stops tracking a key when the connection that read it writes it. So each write is followed by a reading command, in one
 * step with it: the server then reports later changes of other clients.
 */
export async function setTracked(commands: RedisCommands, items: readonly CheckedItem[]): Promise<void> {
  // Of many a script for each would cost more than it saves.
  if (items.length > 1 && !commands.sharded) return setTrackedWithoutScripts(commands, items);
  await SET_AND_LOOK.runAll(
    commands,
    items.map(({ cacheKey, bytes, ttlMs }) => {
      const short = isShort(ttlMs);
      const keys = short ? [cacheKey, markOf(commands, cacheKey)] : [cacheKey];
      const args = [bytes, String(ttlMs ?? ''), ...(short ? [token()] : [])];
      return { keys, args };
    }),
  );
}

/** As {@link setTracked}, without the right to run scripts: by a transaction, which in a cluster is not one step. */
export async function setTrackedWithoutScripts(commands: RedisCommands, items: readonly CheckedItem[]): Promise<void> {
  const writes = items.map((item): RedisCommand[] => [
    ...(isShort(item.ttlMs) ? [markCommand(commands, item.cacheKey)] : []),
    setCommand(item),
    ['exists', item.cacheKey],
  ]);
  const all: RedisCommand[] = [];
  for (let i = 0; i < writes.length; i += TRANSACTION) {
    const some = writes.slice(i, i + TRANSACTION).flat();
    if (commands.sharded) all.push(...some);
    else all.push(['multi'], ...some, ['exec']);
  }
  for (const reply of await sendAll(commands, all)) {
    if (Array.isArray(reply)) for (const one of reply) if (isError(one)) throw one;
  }
}
