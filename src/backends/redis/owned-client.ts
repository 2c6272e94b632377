import { ConfigurationError } from '../../errors.js';
import { ownRequire } from '../../util/own-require.js';
import type { RedisNode } from './address.js';
import type { RedisCommands } from './commands.js';

export type RedisLibrary = 'ioredis' | 'redis';

/**
 * Which of the optional peers is installed, `ioredis` first: `redis` waits for the event loop's next turn before it writes.
 *
 * @throws TypeError for another name, ConfigurationError when it is missing.
 */
export function installedLibrary(wanted: unknown): RedisLibrary {
  if (wanted !== undefined && wanted !== 'ioredis' && wanted !== 'redis') {
    throw new TypeError("library must be 'ioredis' or 'redis'");
  }
  const candidates: readonly RedisLibrary[] = wanted === undefined ? ['ioredis', 'redis'] : [wanted];
  for (const library of candidates) {
    try {
      ownRequire.resolve(library);
      return library;
    } catch {
      // Not installed: the next one may be.
    }
  }
  const command = `npm install ${wanted ?? 'ioredis'}`;
  throw new ConfigurationError(`A Redis backend needs ${wanted ?? 'ioredis or redis'}, an optional peer: ${command}`);
}

/** One server of a connection of ours. */
export interface OpenServer extends RedisNode {
  readonly commands: RedisCommands;
}

/** A client of ours that has not been connected yet. It does not come back by itself once its connection is lost. */
export interface OpenClient {
  readonly commands: RedisCommands;
  connect(): Promise<unknown>;
  /** Calls `lost` when the connection to a server is gone, `connected` when a cluster has one to another server. */
  onChange(lost: () => void, connected: () => void): void;
  /** Those that are connected. */
  servers(): readonly OpenServer[];
  destroy(): void;
}

/** How often a cluster's command is sent again, every 100 ms while its server is away. */
export const MAX_REDIRECTIONS = 6;

/** A client of ours, whose events are known. */
export interface Emitter {
  on(event: string, listener: (...args: never[]) => void): unknown;
}
