import { randomBytes } from 'node:crypto';
import { BackendError } from '../../errors.js';
import { elapsed } from '../../util/clock.js';
import type { CheckedItem } from '../arguments.js';
import { countOf, listOf, type RedisCommands, sendAll } from './commands.js';
import {
  CHANGED,
  changedArgs,
  isShort,
  REMEMBERS_MS,
  type RedisClock,
  TAG_REMEMBERS_MS,
  token,
} from './deletion-marks.js';
import { markOf, recordOf } from './key-names.js';
import { Script } from './scripts.js';
import { type Since, UNCHANGED, UNCHANGED_ARGS, unchangedArgs } from './set-if-unchanged.js';
import { CHUNK, INDEX, NOW, type Place, placeOf, sweepPlaces } from './tag-index.js';

/*
 * Tags in a cluster, where a script has the keys of one slot: an index is in another one than its entries. Each write gives its
 * entry a place of its own in the indexes, first, and the entry's record, written in one step with the entry, says which places
 * count. A client that takes a place away has left a mark for the entry before, or has found another place in its record: so a
 * write that sees no mark since it began knows that its places are there.
 */

/** How often a write is tried again whose entry was deleted during it. */
const ATTEMPTS = 5;
/** Of so many writes one looks at so many other places of the index, as LOOKED_AT says for one server. */
const SWEEP = { oneIn: 4, places: 20 };
/** Places that are younger may be those of a write under way: its last step is refused when it comes later than its marks last. */
const SETTLED_MS = 2 * REMEMBERS_MS;

/** KEYS: tag, its mark; ARGV behind those of `changedArgs`: name, a random part, TTL or nothing, whether marks count, places to look at. */
const ENTER = new Script(`${CHANGED}${INDEX}
if ARGV[10]=='1' and (forgotten(${TAG_REMEMBERS_MS},begun,tonumber(ARGV[5])) or marked(KEYS[2],${TAG_REMEMBERS_MS})) then return 0 end
local place=ARGV[8]..string.format('%011x',now or 0)
index(KEYS[1],ARGV[7]..'\\255'..place,tonumber(ARGV[9]))
local old={}
if ARGV[11]~='0' and now then
  local names=redis.pcall('zrandmember',KEYS[1],ARGV[11])
  for _,name in ipairs(names) do
    local at=tonumber(string.sub(name,-11),16)
    if at and now-at>=${SETTLED_MS} then old[#old+1]=name end
  end
end
return {place,old}`);
/** KEYS: entry, mark, record; ARGV behind those of `unchangedArgs`: what the record holds. Answers what it held. */
const STORE = new Script(`${UNCHANGED}
store()
local old=redis.call('smembers',KEYS[3])
redis.call('del',KEYS[3])
for i=${UNCHANGED_ARGS + 1},#ARGV do redis.call('sadd',KEYS[3],ARGV[i]) end
if ttl and #ARGV>${UNCHANGED_ARGS} then redis.call('pexpire',KEYS[3],ARGV[9]) end
return old`);
/** KEYS: entry, mark, record; ARGV: what the mark holds. */
const REMOVE = new Script(`local old=redis.call('smembers',KEYS[3])
redis.call('del',KEYS[3])
local removed=redis.call('del',KEYS[1])
redis.call('set',KEYS[2],ARGV[1],'px',${REMEMBERS_MS})
return {removed,old}`);
/**
 * KEYS: entry, mark, record; ARGV: what the mark holds, the place. An entry with another place was written since; the mark
 * is made nevertheless, for a write under way that has taken this one.
 */
const TAKE = new Script(`local removed,old=0,{}
if ARGV[2]=='' or redis.call('exists',KEYS[3])==0 or redis.call('sismember',KEYS[3],ARGV[2])==1 then
  old=redis.call('smembers',KEYS[3])
  removed=redis.call('del',KEYS[1])
end
redis.call('del',#old>0 and KEYS[3] or KEYS[2])
redis.call('set',KEYS[2],ARGV[1],'px',${REMEMBERS_MS})
return {removed,old}`);
/** KEYS: entry, mark, record; ARGV: TTL, what the mark holds, what the record is to hold. Answers −1 when it holds something else. */
const EXPIRE = new Script(`if redis.call('scard',KEYS[3])~=#ARGV-2 then return -1 end
for i=3,#ARGV do if redis.call('sismember',KEYS[3],ARGV[i])==0 then return -1 end end
local found=redis.call('pexpire',KEYS[1],ARGV[1])
if found==1 then
  redis.call('pexpire',KEYS[3],ARGV[1])
  redis.call('set',KEYS[2],ARGV[2],'px',${REMEMBERS_MS})
end
return found`);
/** KEYS: tag; ARGV: name with its place, TTL. */
const PROLONG = new Script(`${INDEX} index(KEYS[1],ARGV[1],tonumber(ARGV[2])) return 1`);
/** KEYS: tag; ARGV: the most names. */
const PEEK = new Script(
  `${NOW} if now then redis.call('zremrangebyscore',KEYS[1],'-inf',now) end return redis.call('zrange',KEYS[1],0,ARGV[1]-1)`,
);

export async function setInCluster(
  commands: RedisCommands,
  clock: RedisClock,
  items: readonly CheckedItem[],
): Promise<void> {
  const asked = clock.ready(commands);
  if (asked !== undefined) await asked;
  await Promise.all(items.map((item) => setOne(commands, clock, item)));
}

async function setOne(commands: RedisCommands, clock: RedisClock, item: CheckedItem): Promise<void> {
  // Without tags there is no place to be lost.
  const found = item.tags.length === 0 ? 'always' : 'any';
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const begun = elapsed();
    if (await storeInCluster(commands, clock, item, { begun, checked: begun, found })) return;
  }
  throw new BackendError('The entry was deleted again and again while it was written', { transient: true });
}

/** Stores an entry with its tags unless it was changed since; whether it did. */
export async function storeInCluster(
  commands: RedisCommands,
  clock: RedisClock,
  item: CheckedItem,
  since: Since,
): Promise<boolean> {
  const { cacheKey, ttlMs } = item;
  const byFunction = since.found !== 'any' && since.found !== 'always';
  const places = await enter(commands, clock, item, since, byFunction);
  if (places === undefined) return false;
  const keys = keysOf(commands, cacheKey);
  const mark = !byFunction && isShort(ttlMs) ? token() : '';
  const args = [...unchangedArgs(clock, since, item, mark), ...places.map(({ recorded }) => recorded)];
  const old = await STORE.run(commands, { keys, args });
  if (old === 0) {
    await leave(commands, places);
    return false;
  }
  await leave(commands, recordedPlaces(commands, cacheKey, old));
  return true;
}

/** Gives an entry a place in the index of each of its tags; undefined where one of them was invalidated. */
async function enter(
  commands: RedisCommands,
  clock: RedisClock,
  { cacheKey, ttlMs, tags }: CheckedItem,
  since: Since,
  marksCount: boolean,
): Promise<Place[] | undefined> {
  const distinct = [...new Set(tags)];
  const args = [...changedArgs(clock, since), commands.keyPrefix + cacheKey];
  const replies = await ENTER.runAll(
    commands,
    distinct.map((tag) => {
      const looked = Math.random() * SWEEP.oneIn < 1 ? SWEEP.places : 0;
      const own = [randomBytes(6).toString('base64url'), String(ttlMs ?? ''), marksCount ? '1' : '0', String(looked)];
      return { keys: [tag, markOf(commands, tag)], args: [...args, ...own] };
    }),
  );
  const places: Place[] = [];
  for (const [i, tag] of distinct.entries()) {
    const reply = replies[i];
    if (reply === 0) continue;
    const [place, old] = listOf(reply, 2);
    places.push(placeOf(commands, tag, cacheKey, String(place)));
    const others = listOf(old) as Buffer[];
    // Not awaited by any caller.
    if (others.length > 0) sweepPlaces(commands, tag, others).catch(() => undefined);
  }
  if (places.length === distinct.length) return places;
  await leave(commands, places);
  return undefined;
}

export async function removeInCluster(commands: RedisCommands, cacheKeys: readonly string[]): Promise<number> {
  const replies = await REMOVE.runAll(
    commands,
    cacheKeys.map((cacheKey) => ({ keys: keysOf(commands, cacheKey), args: [token()] })),
  );
  return leaveAll(commands, cacheKeys, replies);
}

/** As `invalidateStep`. */
export async function invalidateInCluster(
  commands: RedisCommands,
  tag: string,
): Promise<[removed: number, seen: number]> {
  const names = listOf(await PEEK.run(commands, { keys: [tag], args: [String(CHUNK)] })) as Buffer[];
  if (names.length === 0) return [0, 0];
  const places = names.map((name) => placeOf(commands, tag, name));
  const replies = await TAKE.runAll(
    commands,
    places.map(({ cacheKey, recorded }) => ({ keys: keysOf(commands, cacheKey), args: [token(), recorded] })),
  );
  // The entries go before their places in the index: what fails in between is found again.
  const removed = await leaveAll(
    commands,
    places.map(({ cacheKey }) => cacheKey),
    replies,
  );
  await commands.send(['zrem', tag, ...names]);
  return [removed, names.length];
}

/** The indexes first: an entry that outlived its place in them would not be found any more. */
export async function expireInCluster(commands: RedisCommands, cacheKey: string, ttlMs: number): Promise<boolean> {
  const keys = keysOf(commands, cacheKey);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const recorded = listOf(await commands.send(['smembers', recordOf(commands, cacheKey)])) as Buffer[];
    const places = recordedPlaces(commands, cacheKey, recorded);
    await PROLONG.runAll(
      commands,
      places.map(({ tag, name }) => ({ keys: [tag], args: [name, String(ttlMs)] })),
    );
    const found = countOf(await EXPIRE.run(commands, { keys, args: [String(ttlMs), token(), ...recorded] }));
    if (found >= 0) return found > 0;
  }
  throw new BackendError('The entry was written again and again while its TTL was changed', { transient: true });
}

function keysOf(commands: RedisCommands, cacheKey: string): (string | Buffer)[] {
  return [cacheKey, markOf(commands, cacheKey), recordOf(commands, cacheKey)];
}

function recordedPlaces(commands: RedisCommands, cacheKey: string, recorded: unknown): Place[] {
  return (listOf(recorded) as Buffer[]).map((one) => placeOf(commands, one, cacheKey));
}

/** @param replies how many entries were removed, and what their records held. */
async function leaveAll(
  commands: RedisCommands,
  cacheKeys: readonly string[],
  replies: readonly unknown[],
): Promise<number> {
  let removed = 0;
  const places: Place[] = [];
  for (const [i, cacheKey] of cacheKeys.entries()) {
    const [count, old] = listOf(replies[i], 2);
    removed += countOf(count);
    places.push(...recordedPlaces(commands, cacheKey, old));
  }
  await leave(commands, places);
  return removed;
}

async function leave(commands: RedisCommands, places: readonly Place[]): Promise<void> {
  await sendAll(
    commands,
    places.map(({ tag, name }) => ['zrem', tag, name]),
  );
}
