import type { RedisCommands } from './clients.js';
import { besideKey } from './slot.js';

/*
 * What is kept beside an entry, or beside the index of a tag, is called like it with a suffix: so it has the owner's prefix, is
 * allowed by the same patterns of an access list, and in a cluster lies in the same slot. 0xFF is in no UTF-8, so that no entry
 * has such a name.
 */
const RECORD = Buffer.from([0xff, ...Buffer.from('tags')]);
const MARK = Buffer.from([0xff, ...Buffer.from('gone')]);
/** The same in scripts for one server. */
export const RECORD_IN_LUA = "'\\255tags'";
export const MARK_IN_LUA = "'\\255gone'";

/** The record of an entry's tags. */
export function recordOf(commands: RedisCommands, cacheKey: string): Buffer {
  return beside(commands, cacheKey, RECORD);
}

/** The mark that an entry was deleted, or a tag invalidated. */
export function markOf(commands: RedisCommands, name: string): Buffer {
  return beside(commands, name, MARK);
}

function beside({ sharded, keyPrefix }: RedisCommands, name: string, suffix: Buffer): Buffer {
  if (!sharded) return Buffer.concat([Buffer.from(name), suffix]);
  const full = Buffer.from(keyPrefix + name);
  return besideKey(full, suffix).subarray(Buffer.byteLength(keyPrefix));
}
