import { elapsed } from '../../util/clock.js';
import { machineTime } from '../../util/machine-time.js';
import { nameOf } from './entry-format.js';
import type { TableKey, Tables } from './environment.js';

/** For how long a deletion is remembered, in milliseconds, as `remembersMs` of the backend. */
export const REMEMBERS_MS = 60_000;
/** The same of an invalidated tag, which is asked for only when a function has ended. */
export const REMEMBERS_TAGS_MS = 3_600_000;

/** Of the machine's clock, so that a mark of the same moment counts as later. */
const RESOLUTION_MS = 0.01;
/** Marks that are looked at with each transaction besides twice as many as it makes, and how often without any. */
const SWEEP = 8;
const SWEEP_EVERY_MS = 1_000;
const SWEEP_AT_LEAST = 64;

/*
 * A mark in the tables `marks` and `tag-marks`, under the name of what was deleted: when, as a double of the milliseconds
 * of the machine's monotonic clock, big-endian.
 */
const MARK_LEN = 8;

/** What was deleted, when. A function that began before does not store its result. */
export class LmdbMarks {
  readonly #entries: Marked;
  readonly #tags: Marked;
  readonly #tables: Tables;
  #swept = Number.NEGATIVE_INFINITY;

  constructor(tables: Tables) {
    this.#tables = tables;
    this.#entries = new Marked(tables.marks, REMEMBERS_MS);
    this.#tags = new Marked(tables.tagMarks, REMEMBERS_TAGS_MS);
  }

  /** In a transaction. `agoMs`: so many milliseconds ago. */
  put(name: TableKey, agoMs = 0): void {
    this.#entries.put(name, machineTime() - agoMs);
  }

  /** In a transaction. */
  putTags(tags: readonly string[]): void {
    const at = machineTime();
    for (const tag of tags) this.#tags.put(nameOf(tag), at);
  }

  /** Whether an entry was marked at that time of the machine's clock, or later. */
  since(name: TableKey, begun: number): boolean {
    return isMarked(this.#tables.marks, name, begun);
  }

  /** As `since`, for tags, also when that is longer ago than they are remembered. */
  sinceTags(tags: readonly string[], begun: number): boolean {
    if (tags.length === 0) return false;
    if (machineTime() - begun > REMEMBERS_TAGS_MS) return true;
    return tags.some((tag) => isMarked(this.#tables.tagMarks, nameOf(tag), begun));
  }

  /** In a transaction: removes some of the marks that are too old to matter. */
  sweep(): void {
    const due = elapsed() - this.#swept > SWEEP_EVERY_MS;
    if (due) this.#swept = elapsed();
    this.#entries.sweep(due);
    this.#tags.sweep(due);
  }
}

/** The marks of one table. */
class Marked {
  readonly #table: Tables['marks'];
  readonly #rememberedMs: number;
  #made = 0;
  #last: Buffer = Buffer.of(0);

  constructor(table: Tables['marks'], rememberedMs: number) {
    this.#table = table;
    this.#rememberedMs = rememberedMs;
  }

  put(name: TableKey, at: number): void {
    const mark = Buffer.allocUnsafe(MARK_LEN);
    mark.writeDoubleBE(at);
    this.#table.put(name, mark);
    this.#made++;
  }

  /** Goes through the table in turn, faster than it grows. */
  sweep(due: boolean): void {
    if (this.#made === 0 && !due) return;
    const limit = Math.max(2 * this.#made + SWEEP, due ? SWEEP_AT_LEAST : 0);
    this.#made = 0;
    const oldest = machineTime() - this.#rememberedMs;
    const range = [...this.#table.getRange({ start: this.#last, limit })] as { key: Buffer; value: Buffer }[];
    for (const { key, value } of range) if (!(timeOf(value) > oldest)) this.#table.remove(key);
    this.#last = range.length === limit ? (range.at(-1)?.key ?? Buffer.of(0)) : Buffer.of(0);
  }
}

function isMarked(table: Tables['marks'], name: TableKey, begun: number): boolean {
  const mark = table.getBinaryFast(name);
  return mark !== undefined && timeOf(mark) >= begun - RESOLUTION_MS;
}

function timeOf(mark: Buffer): number {
  return mark.length < MARK_LEN ? Number.NEGATIVE_INFINITY : mark.readDoubleBE();
}
