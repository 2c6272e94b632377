import { isError, type TimeoutError } from '../../errors.js';
import { elapsed } from '../../util/clock.js';
import { Deadline } from '../../util/deadlines.js';
import { closedError } from '../arguments.js';
import type { RedisAddress } from './address.js';
import { RedisWatch } from './client-tracking.js';
import type { RedisCommands } from './commands.js';
import { connectError } from './error.js';
import { subscribe } from './invalidation-channel.js';
import { openClient } from './open-client.js';
import type { OpenClient, OpenServer, RedisLibrary } from './owned-client.js';
import { assertPrimary, primaryOf } from './sentinel.js';

/** Where commands go: a connection of ours, or a client that its owner connects and closes. */
export interface RedisSource {
  readonly library: RedisLibrary;
  /** Where commands went last; {@link connected} is asked when it is not ready. */
  readonly current: RedisCommands | undefined;
  /** @throws BackendError when there is no connection to be had. */
  connected(): Promise<RedisCommands>;
  /** A command that began then, on the clock of `elapsed()`, had no answer in time, and none came for any other either. */
  unresponsive(begun: number): void;
  /** The server behind these commands has become a replica, or does not serve yet. */
  demoted(commands: RedisCommands): void;
  close(): Promise<void>;
}

/** At least, in milliseconds: to connect takes some ten round trips, and must be possible with a short time limit for operations. */
const ATTEMPT_MS = 2_000;
/** How long a failed connection attempt answers for those that come right after it. */
const COOL_DOWN_MS = 100;
/** Between two connections that are made because servers are demoted: at first, and at most. */
const RENEW_MS = { first: 500, most: 5_000 };
/** After so long without any, it begins at the first again. */
const RENEW_FORGET_MS = 60_000;

/** A connection made when a command needs it and dropped when it fails, without a queue or timers. See docs/decisions/0023. */
export class RedisConnection implements RedisSource {
  readonly #address: RedisAddress;
  /** As the address, with the server that the Sentinels named last in their place. */
  #server: RedisAddress;
  readonly library: RedisLibrary;
  current: RedisCommands | undefined;
  /** How long an attempt to connect may take. */
  readonly #attemptMs: number;
  /** When the last connection was there. */
  #opened = Number.NEGATIVE_INFINITY;
  #open: OpenClient | undefined;
  #opening: Promise<RedisCommands> | undefined;
  #failure: { error: unknown; until: number } | undefined;
  #renewed = { at: Number.NEGATIVE_INFINITY, pauseMs: RENEW_MS.first };
  readonly #predecessors = new Predecessors();
  #closed = false;

  readonly watch: RedisWatch;

  /** @param underWay as {@link RedisWatch} takes it. */
  constructor(
    address: RedisAddress,
    library: RedisLibrary,
    timeoutMs: number,
    underWay: () => Promise<void> | undefined,
  ) {
    this.#address = address;
    this.#server = address;
    this.library = library;
    this.#attemptMs = Math.max(timeoutMs, ATTEMPT_MS);
    this.watch = new RedisWatch(
      (node, invalidated, lost) => subscribe(library, address, this.#attemptMs, node, invalidated, lost),
      underWay,
    );
  }

  /** Another connection to the same place, which its user makes and ends. */
  another(): OpenClient {
    return openClient(this.library, this.#server, this.#attemptMs);
  }

  connected(): Promise<RedisCommands> {
    if (this.#opening) return this.#opening;
    if (this.#failure && elapsed() < this.#failure.until) throw this.#failure.error;
    this.#drop();
    this.#opening = this.#connect().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  unresponsive(begun: number): void {
    // One that has waited for the connection says nothing about it.
    if (this.#opening === undefined && begun >= this.#opened) this.#drop();
  }

  /** A failover behind one address leaves connections open that lead to what is a replica now. */
  demoted(commands: RedisCommands): void {
    if (this.#open?.commands !== commands || this.#opening !== undefined) return;
    const time = elapsed();
    const { at, pauseMs } = this.#renewed;
    const since = time - at;
    if (since < pauseMs) return;
    const next = since > RENEW_FORGET_MS ? RENEW_MS.first : Math.min(2 * pauseMs, RENEW_MS.most);
    this.#renewed = { at: time, pauseMs: next };
    this.#drop();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#drop();
  }

  async #connect(): Promise<RedisCommands> {
    if (this.#address.sentinel !== undefined) {
      try {
        this.#server = await primaryOf(this.library, this.#address, this.#attemptMs);
      } catch (error) {
        this.#failure = { error, until: elapsed() + COOL_DOWN_MS };
        throw error;
      }
      if (this.#closed) throw closedError('Redis');
    }
    return this.#connectTo(this.#server);
  }

  async #connectTo(address: RedisAddress): Promise<RedisCommands> {
    const open = openClient(this.library, address, this.#attemptMs);
    this.#open = open;
    let lastError: Error | undefined;
    let timeout: TimeoutError | undefined;
    const expired = (error: TimeoutError) => {
      timeout = error;
      if (this.#open === open) this.#drop();
    };
    const limit = new Deadline(this.#attemptMs, 'The Redis backend', expired, false);
    // After an error (bytes that are not Redis's, say) replies may no longer match their commands.
    open.commands.onError((error) => {
      lastError = error;
      // A cluster's errors are about one of its servers, which the library has replaced by then.
      if (this.#open === open && this.#opening === undefined && !this.#address.cluster) this.#drop();
    });
    try {
      await open.connect();
      if (this.#address.sentinel !== undefined) await assertPrimary(open.commands);
      open.onChange(
        () => {
          if (this.#open !== open) return;
          // A cluster goes on without one of its servers.
          if (this.#address.cluster) this.watch.lost();
          else this.#drop();
        },
        () => {
          if (this.#open !== open) return;
          void this.#predecessors.end(open.servers());
          this.watch.serverConnected();
        },
      );
      await this.#predecessors.end(open.servers());
      await this.watch.connected(() => open.servers());
      if (this.#open !== open) throw new Error('closed while connecting');
      // ioredis reports a refused SELECT here, and would go on in database 0.
      if (lastError && !this.#address.cluster) throw lastError;
      this.#failure = undefined;
      this.#opened = elapsed();
      this.current = open.commands;
      return open.commands;
    } catch (error) {
      if (this.#open === open) this.#drop();
      const failure = timeout ?? connectError(lastError ?? error);
      this.#failure = { error: failure, until: elapsed() + COOL_DOWN_MS };
      throw failure;
    } finally {
      limit.end();
    }
  }

  #drop(): void {
    const open = this.#open;
    this.#open = undefined;
    this.current = undefined;
    this.watch.disconnected();
    open?.destroy();
  }
}

/** A connection of ours as its server knows it. */
interface Identity {
  readonly id: string;
  readonly address: string;
}

/** More are forgotten: so many connections in a row have never come so far as to end the ones before them. */
const MAX_KEPT = 8;

/** Has the server close our earlier connections: commands still on their way there would take effect after later ones. */
export class Predecessors {
  readonly #known = new Map<string, Identity[]>();

  /** To be awaited before a new connection is used. Without the rights for it, or before Redis 6.2, nothing is ended. Never rejects. */
  async end(servers: readonly OpenServer[]): Promise<void> {
    await Promise.all(servers.map((server) => this.#endAt(server).catch(() => undefined)));
  }

  async #endAt({ host, port, commands }: OpenServer): Promise<void> {
    const name = `${host}:${port}`;
    const known = this.#known.get(name) ?? [];
    // By number and address: another server behind the same name has numbers of its own. The server skips the asker.
    const killing = known.map(({ id, address }) => ['client', 'kill', 'id', id, 'addr', address] as const);
    const [info, ...killed] = await commands.sendAll([['client', 'info'], ...killing]);
    const current = identityOf(info);
    if (current === undefined) return;
    const left = known.filter(({ id }, i) => id !== current.id && isError(killed[i]));
    this.#known.set(name, [...left, current].slice(-MAX_KEPT));
  }
}

function identityOf(info: unknown): Identity | undefined {
  if (isError(info)) return undefined;
  const text = String(info);
  const id = /(?:^| )id=(\d+)/.exec(text)?.[1];
  const address = / addr=(\S+)/.exec(text)?.[1];
  return id === undefined || address === undefined ? undefined : { id, address };
}
