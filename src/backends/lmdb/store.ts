import { statSync } from 'node:fs';
import { join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { BackendError, CacheKitError, isError } from '../../errors.js';
import { type NativeFileLock, native } from '../../native/addon.js';
import { elapsed } from '../../util/clock.js';
import { clearTimeout, nextTick, pause, setImmediate, setTimeout } from '../../util/timers.js';
import { codeOf } from '../cause.js';
import { LmdbMarks } from './deletion-marks.js';
import { LmdbEntries } from './entries.js';
import { NEVER, nameOf } from './entry-format.js';
import { fileBytes, openTables, type Place, type Tables, usedBytes } from './environment.js';
import { StoreRemovedError } from './open-guard.js';

/** Entries that one transaction removes at most in addition to its own work, so that none takes long. */
const STEP = 500;
/** After how many milliseconds a transaction leaves the rest of the writes to the next one: it holds the event loop. */
const TRANSACTION_MS = 5;
/** Expired entries that are reclaimed with each write, besides as many as it writes. */
const SWEEP = 8;
/** Between looks whether another process still opens the directory, which takes it some milliseconds; twice as long each time. */
const OPENING_PAUSE_MS = 2;
const MAX_OPENING_PAUSE_MS = 16;
const READER_CHECK_MS = 60_000;
/** How long reads go on in a directory that has been removed. */
const LOOK_AFTER_MS = 500;
/** What an entry takes in addition to its bytes, at most: parts of pages in the tables. */
const ENTRY_OVERHEAD = 4_096;

interface Write {
  /** Bytes that it may add. */
  size: number;
  run(tables: Tables): unknown;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** One directory, for all backends of this process: synchronous reads, and writes gathered into transactions. */
export class LmdbStore {
  readonly entries: LmdbEntries;
  readonly marks: LmdbMarks;
  readonly #tables: Tables;
  readonly #now: () => number;
  readonly #queue: Write[] = [];
  readonly #file: string;
  readonly #identity: string;
  /** Tells at little cost, with each commit, whether the file was removed. */
  readonly #data: NativeFileLock;
  readonly #timer: NodeJS.Timeout;
  #looked = true;
  #removed = false;
  #reading = false;
  #maxBytes = Number.POSITIVE_INFINITY;
  #writing: Promise<void> | undefined;
  #readersChecked = 0;

  private constructor(path: string, tables: Tables, now: () => number) {
    this.#tables = tables;
    this.marks = new LmdbMarks(tables);
    this.entries = new LmdbEntries(tables, this.marks, now);
    this.#now = now;
    this.#file = join(path, 'data.mdb');
    this.#identity = identityOf(this.#file);
    this.#data = new native.FileLock(this.#file);
    this.#timer = setTimeout(() => {
      this.#looked = false;
    }, LOOK_AFTER_MS);
    this.#timer.unref();
  }

  /** @throws BackendError when it gives up, as another process stays in its transaction. */
  static async open(place: Place, now: () => number, giveUp: () => boolean): Promise<LmdbStore> {
    const tables = await openTables(place, giveUp);
    try {
      return new LmdbStore(place.path, tables, now);
    } catch {
      await tables.root.close();
      tables.turns.close();
      throw new StoreRemovedError();
    }
  }

  /** Whether the directory still has the file that is open, as far as was seen within the last half second. */
  get isCurrent(): boolean {
    return this.#looked || this.#look();
  }

  /** Before a read: each callback of the event loop reads one snapshot. The library's own timer would end it later. */
  beginReading(): void {
    if (this.#reading) return;
    this.#reading = true;
    nextTick(this.#endReading);
  }

  readonly #endReading = () => {
    this.#reading = false;
    this.#tables.root.resetReadTxn();
  };

  /** Of several bounds the smallest holds. */
  limit(maxBytes: number): void {
    this.#maxBytes = Math.min(this.#maxBytes, maxBytes);
  }

  /**
   * Runs `work`, once, in a transaction of its own or together with others; what it answers, once all processes see it.
   *
   * @throws StoreRemovedError when it has had no effect, as the directory was removed.
   */
  write<T>(size: number, work: (tables: Tables) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ size: size + ENTRY_OVERHEAD, run: work, resolve: resolve as Write['resolve'], reject });
      this.#writing ??= this.#drain();
    });
  }

  /** In a transaction: whether there was an entry. A function that began before does not store its result. */
  remove(cacheKey: string): boolean {
    const name = nameOf(cacheKey);
    this.marks.put(name);
    return this.entries.remove(name);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    await this.#tables.root.close();
    this.#tables.turns.close();
    this.#data.close();
  }

  #look(): boolean {
    if (!this.#removed && identityOf(this.#file) === this.#identity) {
      this.#looked = true;
      this.#timer.refresh();
      return true;
    }
    this.#giveUp();
    return false;
  }

  #giveUp(): void {
    this.#looked = false;
    this.#removed = true;
  }

  async #drain(): Promise<void> {
    // What is asked for in this turn goes together.
    await undefined;
    let pauseMs = OPENING_PAUSE_MS;
    let waited = false;
    while (this.#queue.length > 0) {
      const batch: Write[] = [];
      const results: { ok: boolean; result: unknown }[] = [];
      let begun = false;
      try {
        if (this.#removed) throw new StoreRemovedError();
        if (waited && this.#tables.turns.isOpening()) {
          await pause(pauseMs * (1 + Math.random()));
          pauseMs = Math.min(2 * pauseMs, MAX_OPENING_PAUSE_MS);
          continue;
        }
        const committed = this.#tables.root.transaction(() => {
          begun = this.#tables.turns.beginWrite();
          if (begun) this.#transact(batch, results);
        });
        // Right after the library has begun: a commit that fails also rejects a promise of its own, which would end the
        // process. Without its batches (`eventTurnBatching`) there is none, but fake timers would hold it.
        setImmediate(() => this.#tables.root.committed.then(ignore, ignore));
        await committed;
        // No process sees what was committed into a removed file.
        if (begun && this.#data.isRemoved()) throw new StoreRemovedError();
      } catch (error) {
        const failure = lmdbError(await commitError(error));
        // After a panic LMDB refuses all that follows; opened again, it does not.
        if (failure instanceof StoreRemovedError || /MDB_PANIC/.test(String(failure))) this.#giveUp();
        // Where nothing was begun, the caller must still hear of it.
        if (batch.length === 0) batch.push(...this.#queue.splice(0, this.#removed ? this.#queue.length : 1));
        for (const { reject } of batch) reject(failure);
        continue;
      } finally {
        if (begun) this.#tables.turns.endWrite();
      }
      waited = !begun;
      if (!begun) continue;
      pauseMs = OPENING_PAUSE_MS;
      // A caller that was waiting, as for a lock, sees what others wrote before.
      this.#tables.root.resetReadTxn();
      for (const [i, { resolve, reject }] of batch.entries()) {
        const { ok, result } = results[i] as { ok: boolean; result: unknown };
        if (ok) resolve(result);
        else reject(lmdbError(result));
      }
    }
    // In the same turn as the queue was seen empty, so that the next write starts another drain.
    this.#writing = undefined;
  }

  /** What may throw leaves nothing half done: an operation of LMDB that fails makes the whole transaction fail. */
  #transact(batch: Write[], results: { ok: boolean; result: unknown }[]): void {
    const now = this.#now();
    const end = elapsed() + TRANSACTION_MS;
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
    for (const write of this.#queue.slice(0, taken)) {
      batch.push(write);
      try {
        results.push({ ok: true, result: write.run(this.#tables) });
      } catch (error) {
        results.push({ ok: false, result: error });
      }
      if (elapsed() > end) break;
    }
    this.#queue.splice(0, batch.length);
    this.entries.removeFirst(SWEEP + taken, now);
    this.marks.sweep();
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

function ignore(): void {}

/** Names the file that is there, and none that is made later while that is open; empty when it cannot be seen. */
function identityOf(file: string): string {
  try {
    const { dev, ino } = statSync(file, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return '';
  }
}

/** Why a commit failed comes after the failure, as a promise whose rejection must be handled. */
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
  const code = codeOf(error) ?? systemCodeOf(error) ?? /^MDB_[A-Z_]+/.exec(error.message)?.[0];
  return new BackendError(`The LMDB directory cannot be used: ${code ?? error.name}`);
}

/** The library gives the number of an error of the system, as 28 for `ENOSPC`. */
function systemCodeOf(error: Error): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === 'number' && Number.isInteger(code) && code > 0 && code < 1_000
    ? getSystemErrorMap().get(-code)?.[0]
    : undefined;
}
