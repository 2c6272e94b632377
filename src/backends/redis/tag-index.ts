import type { WrittenItem } from './write.js';

/**
 * Under the name of a tag there is a sorted set of its entries' names, each with the time at which the entry expires by
 * the server's clock, so that what has expired can be found. It lives as long as its longest-lived entry. Beside each
 * tagged entry there is a record of its tags, so that one set again with others leaves the old ones.
 *
 * All names in them are as the server knows them, with the prefix of the client's owner. On one server each operation is a
 * script; those of a cluster are in backends/redis/tags-cluster.ts.
 */

/** An entry to be written. */
export interface TaggedItem extends WrittenItem {
  readonly tags: readonly string[];
}

/** Entries that one script deals with: a server that runs it answers nobody else. */
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
