import type { TenantKey } from '../keys/held-key.js';
import { SCRATCH_LEN } from '../native/memory.js';
import type { AadTemplate } from '../protocol/aad.js';
import { allocate, bufferOf, lengthOf, offsetOf } from '../util/bytes.js';
import { writeCacheKey } from '../util/cache-key-bytes.js';
import { append } from '../util/own-property.js';
import type { TenantContext } from './tenant-context.js';

/** Numbers in a row of the table of a native call: src-rs/binding/batch.rs. */
const ROW = 4;
/** A place in a larger buffer is no number of the table. */
const MAX_SHARED = 2 ** 31 - 1;
const FIRST_ITEMS = 64;
const FIRST_TEXT_LEN = 4 * 1024;
/** The largest buffer of text that is kept for the next batch. */
const LARGEST_KEPT = 128 * 1024;

/** What one native call does of a batch: its items under one key of one tenant. */
export class BatchGroup {
  count = 0;
  readonly key: TenantKey;
  readonly tenant: TenantContext;
  readonly #memory: GroupMemory;

  constructor(key: TenantKey, tenant: TenantContext) {
    this.key = key;
    this.tenant = tenant;
    this.#memory = spare ?? new GroupMemory();
    spare = undefined;
    this.#memory.begin(tenant.aad);
  }

  /** @param place in the batch. @param offset the bytes in front of the sealed ones. */
  add(place: number, cacheKey: string, input: Uint8Array, offset: number): void {
    this.#memory.add(this.count, place, cacheKey, input, offset);
    this.count++;
  }

  /** What the native call is given. @param room to leave in front of each sealed item. */
  finished(room: number): { readonly inputs: Uint8Array[]; readonly text: Buffer; readonly table: Int32Array } {
    const { inputs, text, table } = this.#memory;
    table[3] = room;
    return { inputs, text, table };
  }

  place(n: number): number {
    return this.#memory.places[n] as number;
  }

  *places(): Generator<number> {
    for (let n = 0; n < this.count; n++) yield this.place(n);
  }

  /** Of an item; after the native call of what it made of it, or a failure. */
  length(n: number): number {
    return this.#memory.table[(n + 1) * ROW + 3] as number;
  }

  /** Memory for what is opened; it is the group's until `release`. */
  room(length: number): Buffer {
    if (length > SCRATCH_LEN) return allocate(length);
    this.#memory.opened ??= allocate(SCRATCH_LEN);
    return this.#memory.opened;
  }

  /** Lends its memory to the next batch. Without it, memory is only made again. */
  release(): void {
    this.#memory.inputs = [];
    if (this.#memory.text.length <= LARGEST_KEPT) spare = this.#memory;
  }
}

/** The groups of a batch, in the order of their first items. */
export class Groups {
  readonly #groups = new Map<TenantKey, BatchGroup>();
  #last: BatchGroup | undefined;

  of(key: TenantKey, tenant: TenantContext): BatchGroup {
    if (this.#last?.key === key) return this.#last;
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = new BatchGroup(key, tenant);
      this.#groups.set(key, group);
    }
    this.#last = group;
    return group;
  }

  [Symbol.iterator](): Iterator<BatchGroup> {
    return this.#groups.values();
  }
}

class GroupMemory {
  /** The parts of the AADs that all have, the format, and the cache keys. */
  text = allocate(FIRST_TEXT_LEN);
  table = new Int32Array((1 + FIRST_ITEMS) * ROW);
  places = new Int32Array(FIRST_ITEMS);
  inputs: Uint8Array[] = [];
  opened: Buffer | undefined;
  #end = 0;
  #buffer: ArrayBufferLike | undefined;

  begin({ around, format }: AadTemplate): void {
    const [before, behind] = around;
    this.#end = 0;
    this.#buffer = undefined;
    for (const [i, part] of [before, behind, format].entries()) {
      this.#reserve(part.length);
      this.text.set(part, this.#end);
      this.#end += part.length;
      this.table[i] = part.length;
    }
  }

  add(n: number, place: number, cacheKey: string, input: Uint8Array, offset: number): void {
    if (n === this.places.length) {
      this.places = grown(this.places, new Int32Array(2 * n));
      this.table = grown(this.table, new Int32Array((1 + 2 * n) * ROW));
    }
    this.#reserve(cacheKey.length * 3);
    const keyLen = writeCacheKey(this.text, cacheKey, this.#end);
    this.#end += keyLen;
    this.places[n] = place;
    const { table } = this;
    const row = (n + 1) * ROW;
    table[row] = keyLen;
    const buffer = bufferOf(input);
    if (buffer !== this.#buffer || buffer.byteLength > MAX_SHARED) {
      this.#buffer = buffer;
      if (this.inputs.length === 0) this.inputs = [input];
      else append(this.inputs, input);
      table[row + 2] = offset;
    } else {
      // Replies of a store lie in one chunk: asking for one array costs as much as opening a small value.
      const last = this.inputs.length - 1;
      const view = this.inputs[last] as Uint8Array;
      if (lengthOf(view) !== buffer.byteLength) {
        this.inputs[last] = new Uint8Array(buffer);
        table[row - ROW + 2] = (table[row - ROW + 2] as number) + offsetOf(view);
      }
      table[row + 2] = offsetOf(input) + offset;
    }
    table[row + 1] = this.inputs.length - 1;
    table[row + 3] = lengthOf(input) - offset;
  }

  #reserve(length: number): void {
    const needed = this.#end + length;
    if (needed > this.text.length) this.text = grown(this.text, allocate(2 * needed));
  }
}

// A batch whose values run user code (a reviver, a serializer) may have another one inside it, which then has memory of its own.
let spare: GroupMemory | undefined;

function grown<A extends Uint8Array | Int32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
