import { BackendError } from '../errors.js';
import { isError } from '../realms.js';
import type { BackendEntry } from './backend.js';
import type { RedisCommand, RedisCommands } from './redis-client.js';

/** PTTL answers −1 for "never" and −2 for "no such key", which can only be of an instant before the value was set. */
export function entryOf(bytes: unknown, ttl?: unknown): BackendEntry | undefined {
  if (bytes === null || bytes === undefined) return undefined;
  if (!Buffer.isBuffer(bytes)) throw unexpected();
  if (typeof ttl !== 'number' || ttl < -1) return { bytes };
  return { bytes, expiresInMs: ttl === -1 ? Number.POSITIVE_INFINITY : ttl };
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
