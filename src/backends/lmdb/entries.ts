import { viewOf } from '../../util/bytes.js';
import { type LmdbMarks, REMEMBERS_MS } from './deletion-marks.js';
import {
  decodeHead,
  decodeOrder,
  encodeEntry,
  encodeOrder,
  expiryOf,
  HASHED,
  HEAD_LEN,
  type Head,
  isEntry,
  isInBodies,
  isOfFuture,
  lengthOf,
  nameOf,
  remainingMs,
  type Times,
  writtenOf,
} from './entry-format.js';
import type { TableKey, Tables } from './environment.js';

const KEYS_PER_READ = 256;
const FIRST = Buffer.of(0);
const NOTHING = Buffer.of(0);
/** Entries know the whole milliseconds of the wall clock in which they were written. */
const CLOCK_RESOLUTION_MS = 2;

export interface StoredEntry {
  bytes: Buffer;
  expiresInMs: number;
}

/** The entries of a directory: what is in which of its tables. Reads are synchronous; writes belong in a transaction. */
export class LmdbEntries {
  readonly #tables: Tables;
  readonly #marks: LmdbMarks;
  readonly #now: () => number;

  constructor(tables: Tables, marks: LmdbMarks, now: () => number) {
    this.#tables = tables;
    this.#marks = marks;
    this.#now = now;
  }

  /** A copy of what is stored and has not expired. */
  read(cacheKey: string, now: number): StoredEntry | undefined {
    const entry = this.view(cacheKey, now);
    return entry && { ...entry, bytes: Buffer.from(entry.bytes) };
  }

  /** As `read`, with bytes that the next read may overwrite. */
  view(cacheKey: string, now: number): StoredEntry | undefined {
    const { heads, bodies } = this.#tables;
    const name = nameOf(cacheKey);
    // A view on memory that the next read overwrites.
    const value = heads.getBinaryFast(name);
    if (value === undefined || !isEntry(value)) return undefined;
    const expiresInMs = remainingMs(expiryOf(value), writtenOf(value), now);
    if (expiresInMs <= 0) return undefined;
    if (typeof name !== 'string' && decodeHead(value)?.cacheKey !== cacheKey) return undefined;
    const length = lengthOf(value);
    if (isInBodies(value)) {
      const body = bodies.getBinaryFast(name);
      // Its own length is a property that lmdb sets; a view's is real.
      return body?.length === length ? { bytes: body.subarray(0, length), expiresInMs } : undefined;
    }
    return { bytes: viewOf(value, HEAD_LEN, length), expiresInMs };
  }

  /** What is known, without its bytes, of an entry that has not expired. */
  head(cacheKey: string, now: number): Head | undefined {
    const name = nameOf(cacheKey);
    const value = this.#tables.heads.getBinaryFast(name);
    const head = value && decodeHead(value);
    if (head === undefined || remainingMs(head.expiry, head.written, now) <= 0) return undefined;
    return typeof name === 'string' || head.cacheKey === cacheKey ? head : undefined;
  }

  /**
   * Whether an entry holds `found`, or nothing when that is undefined, and was not set within the last `sinceMs`; also where
   * it has expired since.
   */
  holds(cacheKey: string, found: Uint8Array | undefined, sinceMs: number, now: number): boolean {
    const name = nameOf(cacheKey);
    const value = this.#tables.heads.getBinaryFast(name);
    const head = value && decodeHead(value);
    if (head === undefined || (typeof name !== 'string' && head.cacheKey !== cacheKey)) return found === undefined;
    const { expiry, written } = head;
    const isOld = written - (now - sinceMs) < (found === undefined ? -CLOCK_RESOLUTION_MS : CLOCK_RESOLUTION_MS);
    if (!isOld && !isOfFuture(written, now)) return false;
    if (found === undefined) return remainingMs(expiry, written, now) <= 0;
    // At its own time of writing, an entry has not expired.
    return this.view(cacheKey, written)?.bytes.equals(found) ?? false;
  }

  put(cacheKey: string, bytes: Uint8Array, times: Times, tags: readonly string[]): void {
    const { heads, bodies, order, tags: tagged } = this.#tables;
    const name = nameOf(cacheKey);
    this.remove(name);
    const { head, body } = encodeEntry(bytes, times, typeof name === 'string' ? undefined : cacheKey, tags);
    heads.put(name, head);
    if (body) bodies.put(name, body as Buffer);
    order.put(encodeOrder(times, name), NOTHING);
    for (const tag of tags) tagged.put(nameOf(tag), bytesOf(name));
  }

  /** Whatever has the name, in a transaction; whether it had not expired. */
  remove(name: TableKey): boolean {
    const { heads, bodies, order, tags: tagged } = this.#tables;
    const value = heads.getBinaryFast(name);
    const head = value && decodeHead(value);
    if (value === undefined) return false;
    heads.remove(name);
    if (!head) return false;
    if (head.inBodies) bodies.remove(name);
    order.remove(encodeOrder(head, name));
    for (const tag of head.tags) tagged.remove(nameOf(tag), bytesOf(name));
    return remainingMs(head.expiry, head.written, this.#now()) > 0;
  }

  /** Cache keys that begin with `prefix` and have not expired, in steps that each see a snapshot of their own. */
  *cacheKeys(prefix: string): Generator<string> {
    // The names that are hashes come last; of them each one must be looked at.
    const names = typeof nameOf(prefix) === 'string' ? [prefix === '' ? FIRST : Buffer.from(prefix)] : [];
    for (const start of [...names, Buffer.of(HASHED)]) {
      for (const { key, value } of this.#entriesFrom(start)) {
        const hashed = key[0] === HASHED;
        if (hashed !== (start[0] === HASHED)) break;
        const head = decodeHead(value);
        const cacheKey = hashed ? head?.cacheKey : key.toString();
        if (cacheKey?.startsWith(prefix)) {
          if (head && remainingMs(head.expiry, head.written, this.#now()) > 0) yield cacheKey;
        } else if (!hashed) break;
      }
    }
  }

  *#entriesFrom(first: Buffer): Generator<{ key: Buffer; value: Buffer }> {
    let start = first;
    for (;;) {
      const range = this.#tables.heads.getRange({ start, limit: KEYS_PER_READ });
      const step = [...range] as { key: Buffer; value: Buffer }[];
      yield* step;
      const last = step.at(-1);
      if (!last || step.length < KEYS_PER_READ) return;
      start = Buffer.concat([last.key, FIRST]);
    }
  }

  /** Removes up to `count` entries that were last set with the tag, in a transaction: how many, and whether there may be more. */
  removeTagged(tag: string, count: number): { removed: number; more: boolean } {
    const { heads, tags } = this.#tables;
    const names = [...tags.getValues(nameOf(tag), { limit: count })] as Buffer[];
    let removed = 0;
    for (const name of names) {
      const value = heads.getBinaryFast(name);
      const isTagged = (value && decodeHead(value))?.tags.includes(tag) ?? false;
      if (isTagged && this.#removeYoung(name, writtenOf(value as Buffer))) removed++;
      // Also what should not be there, so that the next step finds others.
      if (!isTagged) tags.remove(nameOf(tag), name);
    }
    return { removed, more: names.length === count };
  }

  /** Removes up to `count` entries that expire first, as far as they do before `end`; how many places are free in `order`. */
  removeFirst(count: number, end: number): number {
    const { order } = this.#tables;
    let removed = 0;
    for (const key of [...order.getKeys({ start: FIRST, limit: count })] as Buffer[]) {
      const { expiry, written, name } = decodeOrder(key);
      if (expiry > end) break;
      order.remove(key);
      const value = this.#tables.heads.getBinaryFast(name);
      if (value && isEntry(value) && expiryOf(value) === expiry && writtenOf(value) === written) {
        this.#removeYoung(name, written);
      }
      removed++;
    }
    return removed;
  }

  /**
   * As `remove`, of what no caller asked to have deleted. A function that began before the entry was set would find nothing, as
   * it did then: a mark of the time of that set remains.
   */
  #removeYoung(name: TableKey, written: number): boolean {
    const ago = this.#now() - written;
    if (ago < REMEMBERS_MS) this.#marks.put(name, Math.max(ago - CLOCK_RESOLUTION_MS, 0));
    return this.remove(name);
  }
}

function bytesOf(name: TableKey): Buffer {
  return Buffer.from(name as string);
}
