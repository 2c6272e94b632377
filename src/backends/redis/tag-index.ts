import type { RedisCommands } from './commands.js';
import { recordOf } from './key-names.js';
import { Script } from './scripts.js';

/**
 * Under the name of a tag there is a sorted set of its entries' names, each with the time at which the entry expires by
 * the server's clock, so that what has expired can be found. It lives as long as its longest-lived entry. Each
 * tagged entry has a record of its tags, so that one set again with others leaves the old ones.
 *
 * All names in them are as the server knows them, with the prefix of the client's owner. On one server each operation is a
 * script; those of a cluster are in backends/redis/tags-cluster.ts.
 */

/** Entries that one script deals with: a server that runs it answers no other client. */
export const CHUNK = 500;

/** False where the user may not ask for the time. */
export const NOW = "local t=redis.pcall('time') local now=not t.err and t[1]*1000+math.floor(t[2]/1000) ";
/**
 * `index(tag, name, ttl)`. The first write is one that a server refuses whose memory is full. Without the time a name stays until
 * it is found that its entry is gone.
 */
export const INDEX = `${NOW}
local function index(tag,name,ttl)
  local left=redis.call('pttl',tag)
  if ttl and now then redis.call('zadd',tag,string.format('%.0f',now+ttl),name) else redis.call('zadd',tag,'+inf',name) end
  if now then redis.call('zremrangebyscore',tag,'-inf',now) end
  if not ttl then redis.call('persist',tag) elseif left==-2 or (left>=0 and left<ttl) then redis.call('pexpire',tag,ttl) end
end `;

/** What one write of an entry has put into the index of a tag, in a cluster. */
export interface Place {
  readonly tag: string;
  readonly cacheKey: string;
  /** In the index: the entry's full name, 0xFF and what tells the write from all others. */
  readonly name: Buffer;
  /** In the entry's record: the tag's full name, 0xFF and the same; empty for a place that an earlier version has made. */
  readonly recorded: Buffer;
}

const SEPARATOR = Buffer.of(0xff);

/**
 * By any two of its parts.
 *
 * @param tag or what the record holds.
 * @param cacheKey or what the index holds.
 * @param id what tells the write from all others.
 */
export function placeOf(
  { keyPrefix }: Pick<RedisCommands, 'keyPrefix'>,
  tag: string | Buffer,
  cacheKey: string | Buffer,
  id?: string,
): Place {
  const [tagName, tagId] = typeof tag === 'string' ? [keyPrefix + tag, undefined] : parts(tag);
  const [entryName, entryId] = typeof cacheKey === 'string' ? [keyPrefix + cacheKey, undefined] : parts(cacheKey);
  const own = Buffer.from(id ?? tagId ?? entryId ?? '');
  const behind = (name: string) => Buffer.concat([Buffer.from(name), SEPARATOR, own]);
  return {
    tag: tagName.slice(keyPrefix.length),
    cacheKey: entryName.slice(keyPrefix.length),
    name: own.length > 0 ? behind(entryName) : Buffer.from(entryName),
    recorded: own.length > 0 ? behind(tagName) : Buffer.alloc(0),
  };
}

function parts(joined: Buffer): [name: string, id: string | undefined] {
  const at = joined.lastIndexOf(0xff);
  return at < 0 ? [joined.toString(), undefined] : [joined.toString('utf8', 0, at), joined.toString('utf8', at + 1)];
}

/** KEYS: entry, record; ARGV: the place. Whether the entry is gone, or was written again with another place. */
const IS_LEFT = new Script(`if redis.call('exists',KEYS[1])==0 then return 1 end
if ARGV[1]=='' or redis.call('exists',KEYS[2])==0 then return 0 end
return 1-redis.call('sismember',KEYS[2],ARGV[1])`);

/** Takes names out of an index whose entries are gone. */
export async function sweepPlaces(commands: RedisCommands, tag: string, names: readonly Buffer[]): Promise<void> {
  const places = names.map((name) => placeOf(commands, tag, name));
  const replies = await IS_LEFT.runAll(
    commands,
    places.map(({ cacheKey, recorded }) => {
      return { keys: [cacheKey, recordOf(commands, cacheKey)], args: [recorded] };
    }),
  );
  const left = places.filter((_, i) => replies[i] === 1).map(({ name }) => name);
  if (left.length > 0) await commands.send(['zrem', tag, ...left]);
}
