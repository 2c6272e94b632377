import { overWithin } from '../../util/deadlines.js';
import { clearTimeout, setImmediate, setTimeout } from '../../util/timers.js';
import type { RedisNode } from './address.js';
import { watchError } from './error.js';
import type { OpenServer } from './owned-client.js';

export type InvalidationListener = (cacheKey: string | undefined) => void;
/** Called with whether changes are reported from now on, and if not, with the error once it is known. */
export type WatchState = (told: boolean, error?: unknown) => void;

/** A second connection to a server, which tells of changes of what the first one has read. */
export interface Subscription {
  /** The server's number for this connection. */
  readonly clientId: string;
  close(): void;
}

/** @param invalidated is called with the name of a key, or with nothing when all of them may have changed. */
export type Subscribe = (
  server: RedisNode,
  invalidated: (name: Uint8Array | undefined) => void,
  lost: () => void,
) => Promise<Subscription>;

/** How long a server is left alone that has refused or lost a subscription: the first time, and at most. */
const RETRY_MS = 250;
const MAX_RETRY_MS = 10_000;
/** How long a connection for commands waits for its subscription before it is used without. */
const CONNECT_MS = 1_000;

/**
 * Server-assisted invalidation: each server remembers which keys a connection has read (`CLIENT TRACKING`) and says once,
 * on a second connection, when another client changes one. Nothing is tracked without listeners.
 */
export class RedisWatch {
  readonly #subscribe: Subscribe;
  readonly #underWay: () => Promise<void> | undefined;
  readonly #listeners = new Set<{ listener: InvalidationListener; state: WatchState | undefined }>();
  readonly #subscriptions = new Map<string, Promise<Subscription>>();
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #servers: (() => readonly OpenServer[]) | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS;
  /** Why changes are not reported; listeners get it once. */
  #failure: unknown;
  #told = true;
  /** Whether anybody listens. */
  active = false;

  /** @param underWay resolves when the reads of this moment have been answered; nothing when there are none. */
  constructor(subscribe: Subscribe, underWay: () => Promise<void> | undefined) {
    this.#subscribe = subscribe;
    this.#underWay = underWay;
  }

  add(listener: InvalidationListener, state?: WatchState): () => void {
    const entry = { listener, state };
    this.#listeners.add(entry);
    this.active = true;
    if (!this.#told) state?.(false, this.#failure);
    if (this.#listeners.size === 1) void this.#trackAll();
    return () => {
      if (!this.#listeners.delete(entry)) return;
      this.active = this.#listeners.size > 0;
      if (!this.active) void this.#untrackAll();
    };
  }

  /** There is a connection: its servers remember from here on, unless they do not answer in time. Never rejects. */
  async connected(servers: () => readonly OpenServer[]): Promise<void> {
    this.#servers = servers;
    if (!this.active) return;
    if (!(await overWithin(CONNECT_MS, this.#trackAll(), false))) this.#setTold(false);
  }

  /** A server of a cluster has a new connection. */
  serverConnected(): void {
    void this.#trackAll();
  }

  /** A connection for commands is gone, and with it all that the server remembered for it. */
  lost(): void {
    this.#emit(undefined);
  }

  /** The connection was given up. */
  disconnected(): void {
    if (this.#servers === undefined) return;
    this.#servers = undefined;
    clearTimeout(this.#retry);
    this.#closeSubscriptions();
    this.#emit(undefined);
  }

  async #trackAll(): Promise<void> {
    const servers = this.#servers;
    if (!this.active || servers === undefined) return;
    try {
      await Promise.all(servers().map((server) => this.#track(server)));
      if (this.#servers === servers) this.#setTold(true);
      this.#retryMs = RETRY_MS;
    } catch (error) {
      if (this.#servers === servers) {
        this.#setTold(false, watchError(error));
        this.#tryAgain();
      }
    }
    // What was read before is not remembered.
    if (this.#servers === servers) this.#emit(undefined);
  }

  async #track(server: OpenServer): Promise<void> {
    const { clientId } = await this.#subscriptionTo(server);
    await server.commands.send(['client', 'tracking', 'on', 'redirect', clientId, 'noloop']);
  }

  #subscriptionTo({ host, port, path }: OpenServer): Promise<Subscription> {
    const name = `${host}:${port}`;
    const existing = this.#subscriptions.get(name);
    if (existing !== undefined) return existing;
    const forget = () => {
      if (this.#subscriptions.get(name) !== opening) return;
      this.#subscriptions.delete(name);
      this.#setTold(false);
      this.#emit(undefined);
      this.#tryAgain();
    };
    const opening = this.#subscribe({ host, port, path }, (key) => this.#invalidated(key), forget);
    this.#subscriptions.set(name, opening);
    opening.catch(forget);
    return opening;
  }

  #tryAgain(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#trackAll(), this.#retryMs).unref();
    this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
  }

  async #untrackAll(): Promise<void> {
    clearTimeout(this.#retry);
    this.#closeSubscriptions();
    try {
      for (const { commands } of this.#servers?.() ?? []) await commands.send(['client', 'tracking', 'off']);
    } catch {
      // A connection that is gone is not tracked either.
    }
  }

  #closeSubscriptions(): void {
    const closing = [...this.#subscriptions.values()];
    this.#subscriptions.clear();
    for (const opening of closing) {
      opening.then(
        (subscription) => subscription.close(),
        () => undefined,
      );
    }
  }

  #invalidated(name: Uint8Array | undefined): void {
    if (name === undefined) {
      this.#emit(undefined);
      return;
    }
    let cacheKey: string;
    try {
      cacheKey = this.#utf8.decode(name);
    } catch {
      // Not a cache key.
      return;
    }
    this.#emit(cacheKey);
  }

  /** A read under way may yet be answered with what was there before: once more when it has been. */
  #emit(cacheKey: string | undefined): void {
    this.#tell(cacheKey);
    this.#underWay()?.then(() => setImmediate(() => this.#tell(cacheKey)));
  }

  #setTold(told: boolean, error?: unknown): void {
    if (told ? this.#told : !this.#told && (error === undefined || this.#failure !== undefined)) return;
    this.#told = told;
    this.#failure = told ? undefined : error;
    for (const { state } of this.#listeners) state?.(told, error);
  }

  #tell(cacheKey: string | undefined): void {
    for (const { listener } of this.#listeners) listener(cacheKey);
  }
}
