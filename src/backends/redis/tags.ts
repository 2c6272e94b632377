import type { CheckedItem } from '../arguments.js';
import { countOf, listOf, type RedisCommands } from './commands.js';
import {
  isShort,
  leaveMarks,
  leaveMarksAnyway,
  markCommand,
  REMEMBERS_MS,
  type RedisClock,
  TAG_REMEMBERS_MS,
  token,
} from './deletion-marks.js';
import { MARK_IN_LUA, markOf, RECORD_IN_LUA, recordOf } from './key-names.js';
import { Script } from './scripts.js';
import { type Since, UNCHANGED, unchangedArgs } from './set-if-unchanged.js';
import { CHUNK, INDEX, NOW } from './tag-index.js';
import { expireInCluster, invalidateInCluster, removeInCluster, setInCluster, storeInCluster } from './tags-cluster.js';

/** So many names are checked with each one added, and removed when their entries are gone: at most a quarter is stale. */
const LOOKED_AT = 5;

/** `leave(name, record)`: takes the entry out of the indexes of all its tags. */
const LEAVE = `
local function leave(name,record)
  for _,tag in ipairs(redis.call('smembers',record)) do redis.call('zrem',tag,name) end
  redis.call('del',record)
end `;
/** `sweep(tag)`. The command is of Redis 6.2. */
const SWEEP = `
local function sweep(tag)
  local names=redis.pcall('zrandmember',tag,${LOOKED_AT})
  if names.err then return end
  for _,name in ipairs(names) do if redis.call('exists',name)==0 then redis.call('zrem',tag,name) end end
end `;
/** `enter(ttl, tags)`: replaces the entry's tags, and removes the entry when that fails: it would not be found by them. */
const ENTER = `${INDEX}${LEAVE}${SWEEP}
local function enter(ttl,tags)
  local done,failure=pcall(function()
    leave(KEYS[1],KEYS[3])
    for _,tag in ipairs(tags) do
      index(tag,KEYS[1],ttl)
      sweep(tag)
      redis.call('sadd',KEYS[3],tag)
    end
    if ttl and #tags>0 then redis.call('pexpire',KEYS[3],ttl) end
  end)
  if done then return end
  redis.call('del',KEYS[1])
  error(failure)
end `;

/** KEYS: entry, mark, record, tags …; ARGV: bytes, TTL or nothing, what the mark holds or nothing. */
const SET = new Script(`${ENTER}
local ttl=tonumber(ARGV[2])
if ttl then redis.call('set',KEYS[1],ARGV[1],'px',ARGV[2]) else redis.call('set',KEYS[1],ARGV[1]) end
local tags={}
for i=4,#KEYS do tags[#tags+1]=KEYS[i] end
enter(ttl,tags)
redis.call('exists',KEYS[1])
if ARGV[3]~='' then redis.call('set',KEYS[2],ARGV[3],'px',${REMEMBERS_MS}) end
return 1`);
/** KEYS: entry, mark, record, tags … and their marks …. */
const STORE = new Script(`${ENTER}${UNCHANGED}
local tags,count={},(#KEYS-3)/2
if count>0 and forgotten(${TAG_REMEMBERS_MS},begun,tonumber(ARGV[5])) then return 0 end
for i=1,count do
  tags[i]=KEYS[3+i]
  if marked(KEYS[3+count+i],${TAG_REMEMBERS_MS}) then return 0 end
end
store()
enter(ttl,tags)
return 1`);
/** KEYS: entry, mark, record; ARGV: what the mark holds. */
const REMOVE = new Script(`${LEAVE} leave(KEYS[1],KEYS[3])
local removed=redis.call('del',KEYS[1])
redis.call('set',KEYS[2],ARGV[1],'px',${REMEMBERS_MS})
return removed`);
/** KEYS: entry, mark, record; ARGV: TTL, what the mark holds. */
const EXPIRE = new Script(`${INDEX}
local found=redis.call('pexpire',KEYS[1],ARGV[1])
if found==1 then
  for _,tag in ipairs(redis.call('smembers',KEYS[3])) do index(tag,KEYS[1],tonumber(ARGV[1])) end
  redis.call('pexpire',KEYS[3],ARGV[1])
  redis.call('set',KEYS[2],ARGV[2],'px',${REMEMBERS_MS})
end
return found`);
/** KEYS: tag; ARGV: the most entries, what their marks hold. Answers how many were removed and how many were looked at. */
const INVALIDATE = new Script(`${NOW}${LEAVE}
if now then redis.call('zremrangebyscore',KEYS[1],'-inf',now) end
local names=redis.call('zrange',KEYS[1],0,ARGV[1]-1)
local removed=0
for _,name in ipairs(names) do
  leave(name,name..${RECORD_IN_LUA})
  redis.call('zrem',KEYS[1],name)
  removed=removed+redis.call('del',name)
  redis.call('set',name..${MARK_IN_LUA},ARGV[2],'px',${REMEMBERS_MS})
end
return {removed,#names}`);

function keysOf(commands: RedisCommands, cacheKey: string): (string | Buffer)[] {
  return [cacheKey, markOf(commands, cacheKey), recordOf(commands, cacheKey)];
}

/** Writes entries with their tags, or without any where they may have had some. */
export async function setTagged(
  commands: RedisCommands,
  clock: RedisClock,
  items: readonly CheckedItem[],
): Promise<void> {
  if (commands.sharded) return setInCluster(commands, clock, items);
  await SET.runAll(
    commands,
    items.map(({ cacheKey, bytes, ttlMs, tags }) => {
      const keys = [...keysOf(commands, cacheKey), ...new Set(tags)];
      return { keys, args: [bytes, String(ttlMs ?? ''), isShort(ttlMs) ? token() : ''] };
    }),
  );
}

/** As {@link setTagged}, for the result of a function; whether it was stored. */
export async function storeTagged(
  commands: RedisCommands,
  clock: RedisClock,
  item: CheckedItem,
  since: Since,
): Promise<boolean> {
  const asked = clock.ready(commands);
  if (asked !== undefined) await asked;
  if (commands.sharded) return storeInCluster(commands, clock, item, since);
  const tags = [...new Set(item.tags)];
  const keys = [...keysOf(commands, item.cacheKey), ...tags, ...tags.map((tag) => markOf(commands, tag))];
  const args = unchangedArgs(clock, since, item);
  return countOf(await STORE.run(commands, { keys, args })) > 0;
}

/** Deletes entries that may have tags, and leaves marks; how many there were. */
export async function removeTagged(commands: RedisCommands, cacheKeys: readonly string[]): Promise<number> {
  if (commands.sharded) return removeInCluster(commands, cacheKeys);
  const replies = await REMOVE.runAll(
    commands,
    cacheKeys.map((cacheKey) => ({ keys: keysOf(commands, cacheKey), args: [token()] })),
  );
  return replies.reduce((sum: number, reply) => sum + countOf(reply), 0);
}

/** Gives an entry a new TTL, and its indexes with it; whether there was one. */
export async function expireTagged(commands: RedisCommands, cacheKey: string, ttlMs: number): Promise<boolean> {
  if (commands.sharded) return expireInCluster(commands, cacheKey, ttlMs);
  const keys = keysOf(commands, cacheKey);
  return countOf(await EXPIRE.run(commands, { keys, args: [String(ttlMs), token()] })) > 0;
}

/** One of the operations that a long one is made of, each with a time limit of its own. */
type Step = <T>(work: (commands: RedisCommands) => Promise<T>) => Promise<T>;

/**
 * Removes the entries of some tags, a chunk at a time; how many. The tags' marks come first: a function that stores its result
 * later sees them, and what one has stored before is found. Where memory is full they are made when something was deleted,
 * and it is done again.
 *
 * @param onProgress called after each step with how many were removed so far.
 */
export async function invalidateTags(
  step: Step,
  tags: readonly string[],
  onProgress: ((removed: number) => void) | undefined,
): Promise<number> {
  const mark = (leave: typeof leaveMarks) =>
    step((commands) =>
      leave(
        commands,
        tags.map((tag) => markCommand(commands, tag, TAG_REMEMBERS_MS)),
      ),
    );
  let removed = 0;
  const remove = async () => {
    for (const tag of tags) {
      for (let more = true; more; ) {
        const [count, seen] = await step((commands) =>
          commands.sharded ? invalidateInCluster(commands, tag) : invalidateOnServer(commands, tag),
        );
        removed += count;
        more = seen === CHUNK;
        onProgress?.(removed);
      }
    }
  };
  const marked = await mark(leaveMarks);
  await remove();
  if (!marked && (await mark(removed > 0 ? leaveMarksAnyway : leaveMarks))) await remove();
  return removed;
}

/** Removes so many of a tag's entries as one script may; how many were removed and how many were looked at. */
async function invalidateOnServer(commands: RedisCommands, tag: string): Promise<[removed: number, seen: number]> {
  const reply = listOf(await INVALIDATE.run(commands, { keys: [tag], args: [String(CHUNK), token()] }), 2);
  return [countOf(reply[0]), countOf(reply[1])];
}
