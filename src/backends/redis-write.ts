import type { RedisCommand, RedisCommands } from './redis-client.js';
import { sendAll } from './redis-reply.js';

/** An entry to be written. */
export interface WrittenItem {
  readonly cacheKey: string;
  readonly bytes: Buffer;
  /** Whole milliseconds; `undefined` for never. */
  readonly ttlMs: number | undefined;
}

export function setCommand({ cacheKey, bytes, ttlMs }: WrittenItem): RedisCommand {
  return ttlMs === undefined ? ['set', cacheKey, bytes] : ['set', cacheKey, bytes, 'px', String(ttlMs)];
}

/**
 * A server remembers what a connection has read, and forgets it when that connection itself writes: so that a change
 * which somebody else makes to what we have written is told as well, it is touched by a reading command.
 */
export function setAndRemember(item: WrittenItem): RedisCommand[] {
  return [setCommand(item), ['exists', item.cacheKey]];
}

export async function setPlain(commands: RedisCommands, items: readonly WrittenItem[]): Promise<void> {
  await sendAll(commands, items.map(setCommand));
}

export async function setTracked(commands: RedisCommands, items: readonly WrittenItem[]): Promise<void> {
  await sendAll(commands, items.flatMap(setAndRemember));
}
