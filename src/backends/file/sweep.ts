import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { elapsed } from '../../util/clock.js';
import { fileTime } from '../../util/machine-time.js';
import { idle } from '../../util/timers.js';
import { isOlder, isOwn } from './atomic-write.js';
import { type FileMarks, REMEMBERS_MS } from './deletion-marks.js';
import { type EntryState, readState, remainingMs, removed, withFile } from './entry-format.js';
import { type FileGuards, stateDirectory } from './guards.js';
import { FileLease } from './locks.js';

const ENTRY = /^[0-9a-f]{32}$/;
const TEMPORARY = /^[0-9a-f]{32}\.tmp\./;
const LOCK = /^\.([0-9a-f]{32})\.lock$/;
/** No writer takes as long: what is older was left by a process that ended. The Python SDK's limit, too. */
const STRAY_AFTER_MS = 60_000;

/** Between two sweeps at least; and so many times as long as one takes, so that they cost little. */
const EVERY_MS = 10_000;
const RESTS = 4;
/** A reader removes what has ended, but does not wait long for another process that is at it. */
const READER_WAITS_MS = 50;
/** Files that are looked at in one go. */
const STEP = 64;
/** What is left when a bound was reached, so that it is not reached again at once. */
const KEPT = 0.9;
/** File systems keep the times of files in steps of their own. */
export const FILE_TIME_MS = 20;

interface Settings {
  directory: string;
  guards: FileGuards;
  marks: FileMarks;
  maxBytes: number;
  maxEntries: number;
  now: () => number;
}

interface Own {
  name: string;
  size: number;
  endsInMs: number;
  mtimeMs: number;
}

/**
 * Removes, in the background after writes, entries that have ended, what killed processes left behind, and what is over the
 * bounds. Nothing waits for it, its failures are ignored, and the process may end during it. See docs/decisions/0030.
 */
export class FileSweep {
  readonly #settings: Settings;
  #running = false;
  #closed = false;
  #dueAt = Number.NEGATIVE_INFINITY;
  /** What this package has in the directory, at least what was seen and what this process wrote since. */
  #entries = 0;
  #bytes = 0;
  /** Names that this process wrote, where files do not tell. */
  readonly #written = new Set<string>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** After each write. */
  wrote(name: string, bytes: number): void {
    this.#entries++;
    this.#bytes += bytes;
    if (isOwn(0) === undefined) this.#written.add(name);
    if (this.#running || this.#closed || (elapsed() < this.#dueAt && !this.#isOver())) return;
    this.#running = true;
    const began = elapsed();
    this.#sweep()
      .catch(() => undefined)
      .finally(() => {
        this.#running = false;
        this.#dueAt = elapsed() + Math.max(EVERY_MS, RESTS * (elapsed() - began));
      });
  }

  close(): void {
    this.#closed = true;
  }

  /** Removes an entry when it has ended, or whatever is there when `ended` says so; leaves a mark where it is young. */
  async reclaim(
    name: string,
    ended = (state: EntryState) => this.#hasEnded(state),
    waitMs = Number.POSITIVE_INFINITY,
  ): Promise<void> {
    const { directory, guards, marks } = this.#settings;
    const path = join(directory, name);
    const begun = elapsed();
    const giveUp = () => this.#closed || elapsed() - begun > waitMs;
    await guards.inTurn(name, giveUp, (exclusively) =>
      exclusively(async () => {
        const state = await withFile(path, 'r', readState);
        if (!state || state.header.foreign || !ended(state)) return;
        // Else a function that began before it was written would find nothing, as it did then.
        const ago = fileTime() - state.stats.mtimeMs - FILE_TIME_MS;
        if (ago < REMEMBERS_MS) await marks.put(name, Math.max(ago, 0));
        await removed(path);
      }),
    );
  }

  /** Removes an entry that was read when it has ended. */
  async reclaimRead(name: string): Promise<void> {
    const { directory } = this.#settings;
    if (await exists(stateDirectory(directory))) {
      return this.reclaim(name, undefined, READER_WAITS_MS);
    }
    // No process of this package has written here, so that there are no guards; a reader makes no files.
    const path = join(directory, name);
    const state = await withFile(path, 'r', readState);
    if (state !== undefined && !state.header.foreign && this.#hasEnded(state)) await removed(path);
  }

  async #sweep(): Promise<void> {
    const { directory, marks } = this.#settings;
    const hurry = this.#isOver();
    const [entries, bytes] = [this.#entries, this.#bytes];
    const own: Own[] = [];
    let looked = 0;
    for await (const { name } of await opendir(directory)) {
      if (this.#closed) return;
      // What cannot be read or removed, as a file of another user, keeps nothing else from being looked at.
      await this.#visit(name, own).catch(() => undefined);
      if (++looked % STEP === 0) await idle(hurry ? 1 : 10);
    }
    // What is written during the sweep counts from now on, once for each write.
    this.#entries += own.length - entries;
    this.#bytes += bytesOf(own) - bytes;
    await this.#evict(own);
    await marks.sweep();
  }

  async #visit(name: string, own: Own[]): Promise<void> {
    const { directory, guards, now } = this.#settings;
    const path = join(directory, name);
    const [, locked] = LOCK.exec(name) ?? [];
    if (ENTRY.test(name)) {
      const state = await withFile(path, 'r', readState);
      if (!state || state.header.foreign) return;
      if (this.#hasEnded(state)) await this.reclaim(name);
      else if (isOwn(state.stats.mode) ?? this.#written.has(name)) {
        const { size, mtimeMs } = state.stats;
        own.push({ name, size, mtimeMs, endsInMs: remainingMs(state, now()) });
      }
    } else if (TEMPORARY.test(name)) {
      if (await isOlder(path, STRAY_AFTER_MS)) await removed(path);
    } else if (locked !== undefined && (await isOlder(path, STRAY_AFTER_MS))) {
      const lease = new FileLease(join(directory, locked));
      await guards.inTurn(
        locked,
        () => this.#closed,
        (exclusively) => exclusively(() => lease.clear()),
      );
    }
  }

  /** Those that end soonest go first, and of those that never do the oldest. */
  async #evict(own: Own[]): Promise<void> {
    const { maxBytes, maxEntries } = this.#settings;
    // Without what is written during the sweep, which the next one finds.
    let [entries, bytes] = [own.length, bytesOf(own)];
    if (entries <= maxEntries && bytes <= maxBytes) return;
    own.sort((a, b) => (a.endsInMs === b.endsInMs ? a.mtimeMs - b.mtimeMs : a.endsInMs - b.endsInMs));
    for (const [i, { name, size, mtimeMs }] of own.entries()) {
      if (this.#closed || (entries <= KEPT * maxEntries && bytes <= KEPT * maxBytes)) return;
      await this.reclaim(name, ({ stats }) => stats.mtimeMs === mtimeMs).catch(() => undefined);
      this.#written.delete(name);
      entries--;
      bytes -= size;
      this.#entries--;
      this.#bytes -= size;
      if (i % STEP === STEP - 1) await idle(1);
    }
  }

  #isOver(): boolean {
    return this.#entries > this.#settings.maxEntries || this.#bytes > this.#settings.maxBytes;
  }

  #hasEnded(state: EntryState): boolean {
    return remainingMs(state, this.#settings.now()) <= 0;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function bytesOf(own: readonly Own[]): number {
  return own.reduce((sum, { size }) => sum + size, 0);
}
