import { createHash } from 'node:crypto';
import { elapsed } from '../../util/clock.js';
import type { CheckedItem, Unchanged } from '../arguments.js';
import { countOf, type RedisCommands, setCommand } from './commands.js';
import {
  CHANGED,
  changedArgs,
  isMarkedSince,
  isShort,
  markCommand,
  REMEMBERS_MS,
  type RedisClock,
} from './deletion-marks.js';
import { markOf } from './key-names.js';
import { Script } from './scripts.js';
import { type ExclusiveConnection, transact } from './transactions.js';

/** Arguments of {@link UNCHANGED}, for scripts that have their own behind them. */
export const UNCHANGED_ARGS = 10;
/**
 * The beginning of scripts that store the result of a function; KEYS: entry, mark; ARGV: those of {@link unchangedArgs}. It ends
 * with 0 where something has changed, and else has stored the bytes: as its first write, so that a server whose memory is
 * full refuses it. The look makes the server remember that this connection has them.
 */
export const UNCHANGED = `${CHANGED}
if ARGV[7]~='always' and (forgotten(${REMEMBERS_MS},checked,tonumber(ARGV[6])) or marked(KEYS[2],${REMEMBERS_MS})) then return 0 end
if ARGV[7]=='none' then
  if redis.call('exists',KEYS[1])==1 then return 0 end
elseif ARGV[7]~='any' and ARGV[7]~='always' then
  local held=redis.call('get',KEYS[1])
  if not held or redis.sha1hex(held)~=ARGV[7] then return 0 end
end
local ttl=tonumber(ARGV[9])
local function store()
  if ttl then redis.call('set',KEYS[1],ARGV[8],'px',ARGV[9]) else redis.call('set',KEYS[1],ARGV[8]) end
  redis.call('exists',KEYS[1])
  if ARGV[10]~='' then redis.call('set',KEYS[2],ARGV[10],'px',${REMEMBERS_MS}) end
end `;

const STORE = new Script(`${UNCHANGED} store() return 1`);

/** Since when nothing may have changed, and what the entry must hold; `'any'`: whatever it holds; `'always'`: it is stored. */
export type Since = Pick<Unchanged, 'begun' | 'checked'> & {
  readonly found: Uint8Array | undefined | 'any' | 'always';
};

/** @param mark what the entry's mark is to hold afterwards; empty: none is made. */
export function unchangedArgs(
  clock: RedisClock,
  since: Since,
  { bytes, ttlMs }: Pick<CheckedItem, 'bytes' | 'ttlMs'>,
  mark = '',
): (string | Buffer)[] {
  return [...changedArgs(clock, since), digestOf(since.found), bytes, String(ttlMs ?? ''), mark];
}

/** The value itself may be large, and is not sent a second time. */
function digestOf(found: Since['found']): string {
  if (typeof found === 'string') return found;
  return found === undefined ? 'none' : createHash('sha1').update(found).digest('hex');
}

/** Stores the result of a function, of an entry that has no tags; whether it did. */
export async function storeUnchanged(
  commands: RedisCommands,
  clock: RedisClock,
  item: CheckedItem,
  since: Since,
): Promise<boolean> {
  const asked = clock.ready(commands);
  if (asked !== undefined) await asked;
  const keys = [item.cacheKey, markOf(commands, item.cacheKey)];
  return countOf(await STORE.run(commands, { keys, args: unchangedArgs(clock, since, item) })) > 0;
}

/** As {@link storeUnchanged}, without the right to run scripts: by a transaction that watches the entry and its mark. */
export async function storeByTransaction(
  commands: RedisCommands,
  exclusive: ExclusiveConnection,
  item: CheckedItem,
  { begun, checked, found }: Unchanged,
): Promise<boolean> {
  const { cacheKey } = item;
  // The connection that reads is to be notified of every change from here on, of this one as well.
  await commands.send(['exists', cacheKey]);
  return exclusive.run(async (own) => {
    const { server } = await own.at(cacheKey);
    const mark = markOf(own, cacheKey);
    const stored = await transact(server, [cacheKey, mark], async () => {
      if (await isMarkedSince(server, mark, begun)) return undefined;
      // Asked after the look: this may have waited for others that had to be ended.
      if (2 * (elapsed() - checked) >= REMEMBERS_MS) return undefined;
      const held = await server.send(['get', cacheKey]);
      const unchanged = found === undefined ? held === null : Buffer.isBuffer(held) && held.equals(found);
      if (!unchanged) return undefined;
      const marks = isShort(item.ttlMs) ? [markCommand(own, cacheKey)] : [];
      return [...marks, setCommand(item), ['exists', cacheKey]];
    });
    // What others keep changing is not unchanged.
    return stored === 'done';
  });
}
