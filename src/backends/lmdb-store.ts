import { BackendError, CacheKitError } from '../errors.js';
import { isError } from '../realms.js';
import { pause } from '../timers.js';
import { codeOf } from './cause.js';
import { LmdbEntries } from './lmdb-entries.js';
import { NEVER } from './lmdb-entry.js';
import { fileBytes, openTables, type Place, placeIn, type Tables, usedBytes } from './lmdb-environment.js';

/** Entries that one transaction removes at most beside its own work, so that none takes long. */
const STEP = 500;
/** Expired entries that are reclaimed with each write, besides as many as it writes. */
const SWEEP = 8;
/** Between two looks whether another process still opens the directory, which takes it some milliseconds. */
const OPENING_PAUSE_MS = 2;
const READER_CHECK_MS = 60_000;
/** What an entry takes beside its bytes, at most: parts of pages in the tables. */
const ENTRY_OVERHEAD = 4_096;

interface Write {
  /** Bytes that it may add. */
  size: number;
  run(tables: Tables): unknown;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/**
 * One directory, for all backends of this process that use it.
 *
 * Reads are synchronous, on the snapshot of the event loop's turn. Writes of all callers are gathered and run together,
 * each in the one transaction that the machine's processes may have at a time.
 */
export class LmdbStore {
  readonly entries: LmdbEntries;
  readonly #tables: Tables;
  readonly #now: () => number;
  readonly #queue: Write[] = [];
  #maxBytes = Number.POSITIVE_INFINITY;
  #writing: Promise<void> | undefined;
  #readersChecked = 0;

  constructor(place: Place, now: () => number) {
    this.#tables = openTables(place);
    this.entries = new LmdbEntries(this.#tables, now);
    this.#now = now;
  }

  /** Of several bounds the smallest holds. */
  limit(maxBytes: number): void {
    this.#maxBytes = Math.min(this.#maxBytes, maxBytes);
  }

  /**
   * Runs `work`, once, in a transaction of its own or together with others; what it answers, once all processes see it.
   */
  write<T>(size: number, work: (tables: Tables) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ size: size + ENTRY_OVERHEAD, run: work, resolve: resolve as Write['resolve'], reject });
      this.#writing ??= this.#drain();
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#tables.root.close();
    this.#tables.turns.close();
  }

  async #drain(): Promise<void> {
    // What is asked for in this turn goes together.
    await undefined;
    while (this.#queue.length > 0) {
      const batch: Write[] = [];
      const results: { ok: boolean; result: unknown }[] = [];
      let begun = false;
      try {
        await this.#tables.root.transaction(() => {
          begun = this.#tables.turns.beginWrite();
          if (begun) this.#transact(batch, results);
        });
      } catch (error) {
        const failure = lmdbError(await commitError(error));
        // Where nothing was begun, somebody must still hear of it.
        if (batch.length === 0) batch.push(...this.#queue.splice(0, 1));
        for (const { reject } of batch) reject(failure);
        continue;
      } finally {
        if (begun) this.#tables.turns.endWrite();
      }
      if (!begun) {
        await pause(OPENING_PAUSE_MS);
        continue;
      }
      // Whoever was waiting, as for a lock, sees what others wrote before: not this turn's older snapshot.
      this.#tables.root.resetReadTxn();
      for (const [i, { resolve, reject }] of batch.entries()) {
        const { ok, result } = results[i] as { ok: boolean; result: unknown };
        if (ok) resolve(result);
        else reject(lmdbError(result));
      }
    }
    // In the same breath as the queue was seen empty: what comes next begins anew.
    this.#writing = undefined;
  }

  /** What may throw leaves nothing half done: an operation of LMDB that fails makes the whole transaction fail. */
  #transact(batch: Write[], results: { ok: boolean; result: unknown }[]): void {
    const now = this.#now();
    if (now < this.#readersChecked || now - this.#readersChecked > READER_CHECK_MS) {
      this.#readersChecked = now;
      // The snapshots of killed processes would keep their pages from being used again.
      this.#tables.root.readerCheck();
    }
    let size = 0;
    let taken = 0;
    while (taken < STEP && taken < this.#queue.length) {
      const next = (this.#queue[taken] as Write).size;
      if (taken > 0 && size + next > this.#maxBytes / 8) break;
      size += next;
      taken++;
    }
    // Without enough room this transaction only makes some, and the next one comes back here.
    if (!this.#makeRoom(size)) return;
    for (const write of this.#queue.splice(0, taken)) {
      batch.push(write);
      try {
        results.push({ ok: true, result: write.run(this.#tables) });
      } catch (error) {
        results.push({ ok: false, result: error });
      }
    }
    this.entries.removeFirst(SWEEP + taken, now);
  }

  /** Whether there is room, now or after removing some entries: the expired ones and those that expire soonest. */
  #makeRoom(size: number): boolean {
    if (fileBytes(this.#tables) + size <= this.#maxBytes) return true;
    for (let removed = 0; removed < STEP; removed += 16) {
      if (usedBytes(this.#tables) + size <= this.#maxBytes) return true;
      if (this.entries.removeFirst(16, NEVER) === 0) return true;
    }
    return false;
  }
}

interface Shared {
  store: LmdbStore;
  users: number;
}

/** By directory, which a process opens once. */
const opened = new Map<string, Shared>();

/** The store of a directory, opened when it is not. Each call is matched by one of {@link releaseStore}. */
export function acquireStore(directory: string, maxBytes: number, now: () => number): LmdbStore {
  try {
    const place = placeIn(directory);
    const shared = opened.get(place.path) ?? { store: new LmdbStore(place, now), users: 0 };
    opened.set(place.path, shared);
    shared.store.limit(maxBytes);
    shared.users++;
    return shared.store;
  } catch (error) {
    throw lmdbError(error);
  }
}

/** Closes the store when nobody else uses it. */
export async function releaseStore(store: LmdbStore): Promise<void> {
  for (const [path, shared] of opened) {
    if (shared.store !== store) continue;
    if (--shared.users > 0) return;
    opened.delete(path);
    await store.close();
  }
}

/** Why a commit failed comes after the failure, as a promise that somebody must listen to. */
async function commitError(error: unknown): Promise<unknown> {
  try {
    await (error as { commitError?: unknown }).commitError;
    return error;
  } catch (reason) {
    return reason;
  }
}

/** Without LMDB's own message, which may quote the key. */
export function lmdbError(error: unknown): unknown {
  if (!isError(error) || error instanceof CacheKitError) return error;
  const code = codeOf(error) ?? /^MDB_[A-Z_]+/.exec(error.message)?.[0];
  return new BackendError(`The LMDB directory cannot be used: ${code ?? error.name}`);
}
