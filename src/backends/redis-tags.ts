import type { RedisCommand, RedisCommands } from './redis-client.js';
import { removeMany } from './redis-read.js';
import { countOf, listOf, sendAll } from './redis-reply.js';
import { setAndRemember, type WrittenItem } from './redis-write.js';

/**
 * Under the name of a tag there is a sorted set of its entries' names, each with the time at which the entry expires by
 * the server's clock, so that what has expired can be found. It lives as long as its longest-lived entry. Beside each
 * tagged entry there is a record of its tags, so that one set again with others leaves the old ones.
 *
 * All names in them are as the server knows them, with the prefix of the client's owner.
 */

/** An entry to be written. */
export interface TaggedItem extends WrittenItem {
  readonly tags: readonly string[];
}

/** 0xFF is in no UTF-8, so that no record has the name of an entry. */
const RECORD = Buffer.from([0xff, ...Buffer.from('tags')]);
const RECORD_IN_LUA = "'\\255tags'";
/** Entries that one script deals with: a server that runs it answers nobody else. */
const CHUNK = 500;

const NOW = "local t=redis.call('time') local now=t[1]*1000+math.floor(t[2]/1000) ";
/** `index(tag, name, ttl)` */
const INDEX = `${NOW}
local function index(tag,name,ttl)
  redis.call('zremrangebyscore',tag,'-inf',now)
  local left=redis.call('pttl',tag)
  if ttl then redis.call('zadd',tag,string.format('%.0f',now+ttl),name) else redis.call('zadd',tag,'+inf',name) end
  if not ttl then redis.call('persist',tag) elseif left==-2 or (left>=0 and left<ttl) then redis.call('pexpire',tag,ttl) end
end `;
/** `leave(name, record)`: takes the entry out of the indexes of all its tags. */
const LEAVE = `
local function leave(name,record)
  for _,tag in ipairs(redis.call('smembers',record)) do redis.call('zrem',tag,name) end
  redis.call('del',record)
end `;

/** KEYS: entry, record, tags …; ARGV: bytes, TTL or nothing. */
const SET = `${INDEX}${LEAVE}
local ttl=tonumber(ARGV[2])
leave(KEYS[1],KEYS[2])
if ttl then redis.call('set',KEYS[1],ARGV[1],'px',ARGV[2]) else redis.call('set',KEYS[1],ARGV[1]) end
for i=3,#KEYS do
  index(KEYS[i],KEYS[1],ttl)
  redis.call('sadd',KEYS[2],KEYS[i])
end
redis.call('exists',KEYS[1])
if ttl and #KEYS>2 then redis.call('pexpire',KEYS[2],ARGV[2]) end
return 1`;
/** KEYS: entry, record. */
const REMOVE = `${LEAVE} leave(KEYS[1],KEYS[2]) return redis.call('del',KEYS[1])`;
/** KEYS: entry, record; ARGV: TTL. */
const EXPIRE = `${INDEX}
local found=redis.call('pexpire',KEYS[1],ARGV[1])
if found==1 then
  for _,tag in ipairs(redis.call('smembers',KEYS[2])) do index(tag,KEYS[1],tonumber(ARGV[1])) end
  redis.call('pexpire',KEYS[2],ARGV[1])
end
return found`;
/** KEYS: tag; ARGV: the most entries. Answers how many were removed and how many were looked at. */
const INVALIDATE = `${NOW}${LEAVE}
redis.call('zremrangebyscore',KEYS[1],'-inf',now)
local names=redis.call('zrange',KEYS[1],0,ARGV[1]-1)
local removed=0
for _,name in ipairs(names) do
  leave(name,name..${RECORD_IN_LUA})
  redis.call('zrem',KEYS[1],name)
  removed=removed+redis.call('del',name)
end
return {removed,#names}`;

/** For clusters, where each script has the keys of one server. KEYS: tag; ARGV: name, TTL or nothing. */
const INDEX_ONE = `${INDEX} index(KEYS[1],ARGV[1],tonumber(ARGV[2])) return 1`;
/** KEYS: record; ARGV: TTL or nothing, tags …. */
const WRITE_RECORD = `redis.call('del',KEYS[1])
for i=2,#ARGV do redis.call('sadd',KEYS[1],ARGV[i]) end
if tonumber(ARGV[1]) then redis.call('pexpire',KEYS[1],ARGV[1]) end
return 1`;
/** KEYS: tag; ARGV: the most entries. Names and scores in turn. */
const PEEK = `${NOW} redis.call('zremrangebyscore',KEYS[1],'-inf',now)
return redis.call('zrange',KEYS[1],0,ARGV[1]-1,'withscores')`;
/** KEYS: tag; ARGV: names and scores in turn. One that was set again meanwhile stays. */
const DROP = `for i=1,#ARGV,2 do
  if redis.call('zscore',KEYS[1],ARGV[i])==ARGV[i+1] then redis.call('zrem',KEYS[1],ARGV[i]) end
end
return 1`;

/** The name of the record of an entry's tags. */
export function recordOf(cacheKey: string): Buffer {
  return Buffer.concat([Buffer.from(cacheKey), RECORD]);
}

/** Writes entries with their tags, or without any where they may have had some. */
export async function setTagged(commands: RedisCommands, items: readonly TaggedItem[]): Promise<void> {
  if (commands.sharded) return setTaggedInCluster(commands, items);
  await sendAll(
    commands,
    items.map(({ cacheKey, bytes, ttlMs, tags }) => {
      const keys = [cacheKey, recordOf(cacheKey), ...new Set(tags)];
      return ['eval', SET, String(keys.length), ...keys, bytes, String(ttlMs ?? '')];
    }),
  );
}

/** Deletes entries that may have tags; how many there were. */
export async function removeTagged(commands: RedisCommands, cacheKeys: readonly string[]): Promise<number> {
  if (commands.sharded) {
    const removed = await removeMany(commands, cacheKeys);
    await leaveTags(commands, cacheKeys);
    return removed;
  }
  const replies = await sendAll(
    commands,
    cacheKeys.map((cacheKey) => ['eval', REMOVE, '2', cacheKey, recordOf(cacheKey)]),
  );
  return replies.reduce((sum: number, reply) => sum + countOf(reply), 0);
}

/** Gives an entry a new TTL, and its indexes with it; whether there was one. */
export async function expireTagged(commands: RedisCommands, cacheKey: string, ttlMs: number): Promise<boolean> {
  if (!commands.sharded) {
    return countOf(await commands.send(['eval', EXPIRE, '2', cacheKey, recordOf(cacheKey), String(ttlMs)])) > 0;
  }
  // The indexes first: an entry that outlived its place in them would not be found any more.
  const [tags = []] = await recordedTags(commands, [cacheKey]);
  const indexing = tags.map((tag) => indexOne(commands, tag, cacheKey, ttlMs));
  await sendAll(commands, [...indexing, ['pexpire', recordOf(cacheKey), String(ttlMs)]]);
  return countOf(await commands.send(['pexpire', cacheKey, String(ttlMs)])) > 0;
}

/** One step of removing a tag's entries: how many there were, and whether there may be more. */
export async function invalidateStep(
  commands: RedisCommands,
  tag: string,
): Promise<{ removed: number; more: boolean }> {
  const chunk = commands.sharded ? invalidateInCluster : invalidateOnServer;
  const [removed, seen] = await chunk(commands, tag);
  return { removed, more: seen === CHUNK };
}

async function invalidateOnServer(commands: RedisCommands, tag: string): Promise<[removed: number, seen: number]> {
  const [removed, seen] = listOf(await commands.send(['eval', INVALIDATE, '1', tag, String(CHUNK)]), 2);
  return [countOf(removed), countOf(seen)];
}

// The entries go before their places in the index: what fails in between is found again.
async function invalidateInCluster(commands: RedisCommands, tag: string): Promise<[removed: number, seen: number]> {
  const found = listOf(await commands.send(['eval', PEEK, '1', tag, String(CHUNK)])) as Buffer[];
  const cacheKeys = found.filter((_, i) => i % 2 === 0).map((name) => withoutPrefix(commands, name));
  if (cacheKeys.length === 0) return [0, 0];
  const removed = await removeMany(commands, cacheKeys);
  await leaveTags(commands, cacheKeys, tag);
  await commands.send(['eval', DROP, '1', tag, ...found]);
  return [removed, cacheKeys.length];
}

/**
 * The index is written before the entry, so that no entry is without its place in it; and after it as well, because an
 * invalidation in between has removed the place and not yet the entry.
 */
async function setTaggedInCluster(commands: RedisCommands, items: readonly TaggedItem[]): Promise<void> {
  const recorded = await recordedTags(
    commands,
    items.map(({ cacheKey }) => cacheKey),
  );
  const before: RedisCommand[] = [];
  const after: RedisCommand[] = [];
  const { keyPrefix } = commands;
  for (const [i, { cacheKey, bytes, ttlMs, tags }] of items.entries()) {
    const left = (recorded[i] ?? []).filter((tag) => !tags.includes(tag));
    for (const tag of left) before.push(['zrem', tag, keyPrefix + cacheKey]);
    const indexing = [...new Set(tags)].map((tag) => indexOne(commands, tag, cacheKey, ttlMs));
    const names = tags.map((tag) => keyPrefix + tag);
    if (names.length + left.length > 0) {
      before.push(...indexing, ['eval', WRITE_RECORD, '1', recordOf(cacheKey), String(ttlMs ?? ''), ...names]);
    }
    after.push(...setAndRemember({ cacheKey, bytes, ttlMs }), ...indexing);
  }
  await sendAll(commands, before);
  await sendAll(commands, after);
}

function indexOne(commands: RedisCommands, tag: string, cacheKey: string, ttlMs: number | undefined): RedisCommand {
  return ['eval', INDEX_ONE, '1', tag, commands.keyPrefix + cacheKey, String(ttlMs ?? '')];
}

/** Takes entries out of the indexes of all their tags but one, and forgets these. */
async function leaveTags(commands: RedisCommands, cacheKeys: readonly string[], but?: string): Promise<void> {
  const recorded = await recordedTags(commands, cacheKeys);
  const leaving: RedisCommand[] = [];
  for (const [i, cacheKey] of cacheKeys.entries()) {
    const tags = recorded[i] ?? [];
    for (const tag of tags) if (tag !== but) leaving.push(['zrem', tag, commands.keyPrefix + cacheKey]);
    if (tags.length > 0) leaving.push(['del', recordOf(cacheKey)]);
  }
  await sendAll(commands, leaving);
}

async function recordedTags(commands: RedisCommands, cacheKeys: readonly string[]): Promise<string[][]> {
  const replies = await sendAll(
    commands,
    cacheKeys.map((cacheKey) => ['smembers', recordOf(cacheKey)]),
  );
  return replies.map((names) => (listOf(names) as Buffer[]).map((name) => withoutPrefix(commands, name)));
}

function withoutPrefix({ keyPrefix }: RedisCommands, name: Buffer): string {
  return name.toString().slice(keyPrefix.length);
}
