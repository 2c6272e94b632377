import { BackendError, isError } from '../../errors.js';
import { copyOf } from '../../util/bytes.js';
import { bufferOf } from '../../util/slots.js';
import { mayShare } from '../arguments.js';
import type { BackendEntry, BackendGetOptions } from '../backend.js';
import type { RedisCommand, RedisCommands } from './commands.js';

/** PTTL answers −1 for "never" and −2 for "no such key", which can only be of an instant before the value was set. */
export function entryOf(
  reply: unknown,
  ttl?: unknown,
  options?: BackendGetOptions,
  shared = false,
): BackendEntry | undefined {
  if (reply === null || reply === undefined) return undefined;
  if (!Buffer.isBuffer(reply)) throw unexpected();
  const bytes = ownFor(options, reply, shared);
  if (typeof ttl !== 'number' || ttl < -1) return { bytes };
  return { bytes, expiresInMs: ttl === -1 ? Number.POSITIVE_INFINITY : ttl };
}

/**
 * What one caller may have of a reply. Each may change its bytes, unless it said that it only reads them. The client's memory
 * has large values of others beside them, which another thread may be reading: a caller that is no cache gets none of that.
 */
function ownFor(options: BackendGetOptions | undefined, reply: Buffer, shared: boolean): Buffer {
  if (shared && !options?.readOnly) return copyOf(reply);
  const { byteLength } = bufferOf(reply);
  return mayShare(byteLength, options) || (!shared && byteLength === reply.length) ? reply : copyOf(reply);
}

/** A lock is called like its entry with this behind it, as the Python peer calls it. */
export const LOCK_SUFFIX = ':lock';

/** Whether an entry with this name may be a lock: one that holds a token. */
export function isLockName(name: string): boolean {
  return name.endsWith(LOCK_SUFFIX);
}

export function isLockToken(bytes: unknown): boolean {
  return Buffer.isBuffer(bytes) && bytes.length === 32 && /^[0-9a-f]{32}$/.test(bytes.toString('latin1'));
}

/** What was found under a cache key, unless it is a lock, which is no entry: not even one that is broken. */
export function unlessLock(cacheKey: string, entry: BackendEntry | undefined): BackendEntry | undefined {
  return entry?.bytes.length === 32 && isLockName(cacheKey) && isLockToken(entry.bytes) ? undefined : entry;
}

export function countOf(reply: unknown): number {
  if (typeof reply !== 'number') throw unexpected();
  return reply;
}

export function listOf(reply: unknown, length?: number): unknown[] {
  if (!Array.isArray(reply) || (length !== undefined && reply.length !== length)) throw unexpected();
  return reply;
}

export function unexpected(): BackendError {
  return new BackendError('Redis answered with something else than the command asks for');
}

/** As `commands.sendAll`, for replies that must all be good. @throws the first Error among them. */
export async function sendAll(commands: RedisCommands, list: readonly RedisCommand[]): Promise<unknown[]> {
  if (list.length === 0) return [];
  const replies = listOf(await commands.sendAll(list), list.length);
  for (const reply of replies) if (isError(reply)) throw reply;
  return replies;
}
