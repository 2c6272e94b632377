import type { TenantKey } from '../keys/held-key.js';
import { SCRATCH_LEN } from '../native/memory.js';
import { allocate } from '../util/bytes.js';
import { append } from '../util/own-property.js';
import type { TenantContext } from './tenant-context.js';

/** Numbers an item has in the table of a native call: AAD length, offset, result, unused. */
const STRIDE = 4;
const FIRST_ITEMS = 16;
const FIRST_AADS_LEN = 1024;
/** The largest buffer of AADs that is kept for the next batch. */
const LARGEST_KEPT = 128 * 1024;

/** What one native call does of a batch: its items under one key of one tenant. */
export class BatchGroup {
  /** The places of its items in the batch. */
  readonly indexes: number[] = [];
  /** Payloads to seal, or sealed values to open. */
  readonly inputs: Uint8Array[] = [];
  readonly #memory: GroupMemory;

  constructor(
    readonly key: TenantKey,
    readonly tenant: TenantContext,
  ) {
    this.#memory = spare ?? new GroupMemory();
    spare = undefined;
  }

  /** The AADs, each followed by its format. */
  get aads(): Buffer {
    return this.#memory.aads;
  }

  /** What the native call reads of the items, and writes. */
  get table(): Int32Array {
    return this.#memory.table;
  }

  /** @param offset the bytes in front of the sealed ones. */
  add(index: number, cacheKey: string, input: Uint8Array, offset: number): void {
    this.#memory.add(this.indexes.length, this.tenant, cacheKey, offset);
    append(this.indexes, index);
    append(this.inputs, input);
  }

  /** What the native call says of an item: a length, or a failure. */
  result(i: number): number {
    return this.table[i * STRIDE + 2] as number;
  }

  /** Memory for what is opened; it is the group's until `release`. */
  room(length: number): Buffer {
    if (length > SCRATCH_LEN) return allocate(length);
    this.#memory.opened ??= allocate(SCRATCH_LEN);
    return this.#memory.opened;
  }

  /** Lends its memory to the next batch. Without it, memory is only made again. */
  release(): void {
    if (this.aads.length <= LARGEST_KEPT) spare = this.#memory;
  }
}

class GroupMemory {
  aads = allocate(FIRST_AADS_LEN);
  table = new Int32Array(FIRST_ITEMS * STRIDE);
  opened: Buffer | undefined;
  #end = 0;

  add(i: number, { aad }: TenantContext, cacheKey: string, offset: number): void {
    if (i === 0) this.#end = 0;
    const aadLen = aad.write(cacheKey);
    const length = aadLen + aad.formatLen;
    const at = this.#end;
    if (at + length > this.aads.length) this.aads = grown(this.aads, allocate(2 * (at + length)));
    if ((i + 1) * STRIDE > this.table.length) this.table = grown(this.table, new Int32Array(2 * this.table.length));
    const { aads, table } = this;
    const { scratch } = aad;
    // A loop, because `copy` costs more than the hundred bytes that an AAD has are worth.
    for (let n = 0; n < length; n++) aads[at + n] = scratch[n] as number;
    table[i * STRIDE] = aadLen;
    table[i * STRIDE + 1] = offset;
    this.#end = at + length;
  }
}

// A batch whose values run user code (a reviver, a serializer) may have another one inside it, which then has memory of its own.
let spare: GroupMemory | undefined;

/** The groups of a batch, in the order of their first items. */
export class BatchGroups {
  readonly #groups = new Map<TenantKey, BatchGroup>();
  #last: BatchGroup | undefined;

  [Symbol.iterator](): Iterator<BatchGroup> {
    return this.#groups.values();
  }

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
}

function grown<A extends Uint8Array | Int32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
