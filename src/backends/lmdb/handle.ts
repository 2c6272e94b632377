import { elapsed } from '../../util/clock.js';
import { overWithin, withDeadline } from '../../util/deadlines.js';
import { machineTime } from '../../util/machine-time.js';
import { assertSignal, throwIfAborted } from '../../util/realms.js';
import { closedError } from '../arguments.js';
import type { BackendOptions } from '../backend.js';
import { placeIn, type Tables } from './environment.js';
import { StoreRemovedError } from './open-guard.js';
import { LmdbStore, lmdbError } from './store.js';

/** How long a store that was replaced may take to be closed. */
const CLOSING_WAIT_MS = 1_000;

interface Settings {
  directory: string;
  maxBytes: number;
  timeoutMs: number;
  now: () => number;
}

/** What one backend has of the store of its directory: opened by the first use, and again when the directory was removed. */
export class LmdbHandle {
  readonly #settings: Settings;
  #shared: Shared | undefined;
  #store: LmdbStore | undefined;
  #opening: Promise<LmdbStore> | undefined;
  /** When the directory was seen to be removed, by the machine's clock: what was deleted before is forgotten. */
  replacedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** The store when it is open, to be read or written to at once. @throws BackendError when this is closed, and for an aborted signal. */
  ready(options: BackendOptions | undefined): LmdbStore | undefined {
    const signal = options?.signal;
    if (signal !== undefined) {
      assertSignal(signal);
      throwIfAborted(signal);
    }
    if (this.#store?.isCurrent) {
      this.#store.beginReading();
      return this.#store;
    }
    if (this.#closed) throw closedError('LMDB');
    return undefined;
  }

  /** The store, opened when it is not. @throws BackendError, TimeoutError. */
  async open(options: BackendOptions | undefined): Promise<LmdbStore> {
    const store = await withDeadline('The LMDB backend', this.#settings.timeoutMs, options?.signal, () =>
      this.#opened(),
    );
    store.beginReading();
    return store;
  }

  /** As `LmdbStore.write`; once more in the new store, when the directory was removed before anybody could see it. */
  async write<T>(
    options: BackendOptions | undefined,
    size: number,
    work: (store: LmdbStore, tables: Tables) => T,
  ): Promise<T> {
    const ready = this.ready(options);
    const written = async () => {
      try {
        const store = ready ?? (await this.#opened());
        return await store.write(size, (tables) => work(store, tables));
      } catch (error) {
        if (!(error instanceof StoreRemovedError)) throw error;
        const store = await this.#opened();
        return store.write(size, (tables) => work(store, tables));
      }
    };
    // Another process may be stopped in the middle of its transaction.
    return withDeadline('The LMDB backend', this.#settings.timeoutMs, options?.signal, written);
  }

  /** Waits for the writes under way. @throws TimeoutError when they take too long. */
  async close(): Promise<void> {
    this.#closed = true;
    await withDeadline('The LMDB backend', this.#settings.timeoutMs, undefined, async () => {
      // A write that finds its directory removed opens it again, to be closed as well.
      while (this.#opening !== undefined || this.#shared !== undefined) {
        await this.#opening?.catch(() => undefined);
        const shared = this.#shared;
        this.#shared = this.#store = undefined;
        if (shared) await release(shared);
      }
    });
  }

  #opened(): Promise<LmdbStore> {
    if (this.#store?.isCurrent) return Promise.resolve(this.#store);
    this.#opening ??= this.#reopened().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #reopened(): Promise<LmdbStore> {
    const { directory, maxBytes, timeoutMs, now } = this.#settings;
    const removed = this.#shared;
    if (removed) {
      this.#shared = this.#store = undefined;
      this.replacedAt = machineTime();
      // A process may be stopped in its transaction there, which nothing has to wait for.
      await overWithin(
        CLOSING_WAIT_MS,
        release(removed).catch(() => undefined),
        true,
      );
    }
    // Before the callers that wait for it only learn that it took too long.
    const end = elapsed() + timeoutMs - Math.min(0.1 * timeoutMs, 200);
    const shared = await acquire(directory, now, () => elapsed() > end);
    const store = await shared.store;
    store.limit(maxBytes);
    this.#shared = shared;
    this.#store = store;
    return store;
  }
}

interface Shared {
  readonly path: string;
  readonly store: Promise<LmdbStore>;
  users: number;
}

/** By directory, which a process opens once. */
const opened = new Map<string, Shared>();

/** The store of a directory, opened when it is not. Each call is matched by one of {@link release}. */
async function acquire(directory: string, now: () => number, giveUp: () => boolean): Promise<Shared> {
  for (;;) {
    try {
      const place = await placeIn(directory);
      const shared = opened.get(place.path) ?? {
        path: place.path,
        store: LmdbStore.open(place, now, giveUp),
        users: 0,
      };
      opened.set(place.path, shared);
      shared.users++;
      try {
        if ((await shared.store).isCurrent) return shared;
        throw new StoreRemovedError();
      } catch (error) {
        forget(shared);
        await release(shared);
        throw error;
      }
    } catch (error) {
      if (!(error instanceof StoreRemovedError) || giveUp()) throw lmdbError(error);
    }
  }
}

/** Closes the store when it has no other user. */
async function release(shared: Shared): Promise<void> {
  if (--shared.users > 0) return;
  forget(shared);
  const store = await shared.store.catch(() => undefined);
  await store?.close();
}

function forget(shared: Shared): void {
  if (opened.get(shared.path) === shared) opened.delete(shared.path);
}
