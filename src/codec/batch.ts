import { markAsUntransferable } from 'node:worker_threads';
import type { CacheKitError } from '../errors.js';
import type { TenantKey } from '../keys/held-key.js';
import { native } from '../native/addon.js';
import { SCRATCH_LEN, SLAB_MAX, sealedScratch, sealedSlab } from '../native/memory.js';
import { NATIVE_CODE, nativeError } from '../native/result.js';
import { SEAL_OVERHEAD } from '../protocol/limits.js';
import { allocate, exactly, trim } from '../util/bytes.js';
import { openSync } from './open.js';
import { type Payloads, packedBound } from './payloads.js';
import { sealSync } from './seal.js';
import { type CodecSettings, countOpen, countSeals, type TenantContext } from './tenant-context.js';
import type { DeserializeResult } from './value-codec.js';

interface PayloadToSeal {
  payload: Uint8Array;
  cacheKey: string;
  tenant: TenantContext;
}

interface ValueToOpen {
  sealed: Uint8Array;
  cacheKey: string;
  tenant: TenantContext;
}

/** Numbers an item has in the table of a native call: AAD length, offset, result, unused. */
const STRIDE = 4;
const FIRST_ITEMS = 16;
const FIRST_AADS_LEN = 1024;
/** The largest buffer of AADs that is kept for the next batch. */
const LARGEST_KEPT = 128 * 1024;

const NONE = Buffer.alloc(0);
/** Room for opened payloads, whose sizes are not known before; what does not fit is opened alone. */
const MAX_OPENED_LEN = 4 * 1024 * 1024;

/** Seals a batch, one native call per key; all of it or, when an item fails, nothing. */
export function sealBatch(settings: CodecSettings, items: readonly PayloadToSeal[]): Buffer[] {
  const results: Buffer[] = items.map(() => NONE);
  const groups: Groups = new Map();
  for (let i = 0; i < items.length; i++) {
    const { tenant, payload, cacheKey } = items[i] as PayloadToSeal;
    const { current, prefixLen } = tenant.snapshot();
    groupOf(groups, current, tenant).add(i, cacheKey, payload, prefixLen);
  }
  for (const group of groups.values()) {
    if (sealGroup(settings, group, results)) continue;
    for (let n = 0; n < group.count; n++) {
      const i = group.indexes[n] as number;
      const { tenant, payload, cacheKey } = items[i] as PayloadToSeal;
      results[i] = sealSync(settings, tenant, payload, cacheKey);
    }
  }
  return results;
}

/** @returns false when the key has not as many nonces left: its items are then sealed one by one, with those of a new sequence. */
function sealGroup(settings: CodecSettings, group: BatchGroup, results: Buffer[]): boolean {
  const { key, tenant, indexes } = group;
  const inputs = group.inputs();
  const { prefix, prefixLen } = tenant.snapshot();
  let bound = 0;
  for (let i = 0; i < inputs.length; i++) {
    bound += prefixLen + packedBound(settings.profile, (inputs[i] as Uint8Array).length) + SEAL_OVERHEAD;
  }
  const out = memoryFor(bound);
  const used = native.sealMany(key.sealer.handle, out, inputs, group.aads, group.table, tenant.mode);
  if (used === NATIVE_CODE.NONCE_EXHAUSTED) return false;
  if (used < 0) throw nativeError(used);
  const sealed = keep(out, bound, used);
  countSeals(settings, key, inputs.length);
  let at = 0;
  for (let i = 0; i < inputs.length; i++) {
    const start = at;
    at += prefixLen + group.result(i);
    if (prefix !== undefined) sealed.set(prefix, start);
    results[indexes[i] as number] = sealed.subarray(start, at);
  }
  group.release();
  return true;
}

function memoryFor(bound: number): Buffer {
  if (bound > SCRATCH_LEN) return allocate(bound);
  if (bound > SLAB_MAX) return sealedScratch;
  sealedSlab.reserve(bound);
  const { buffer, offset } = sealedSlab;
  return buffer.subarray(offset, offset + bound);
}

/** The memory that the results stay in. */
function keep(out: Buffer, bound: number, used: number): Buffer {
  if (bound <= SLAB_MAX) return sealedSlab.take(used);
  const kept = out === sealedScratch ? exactly(out, used) : trim(out, used);
  // Transferring one result to a worker would detach all the others.
  markAsUntransferable(kept.buffer);
  return kept;
}

/** Opens a batch, one native call per key; each item has its own result. */
export function openBatch<T>(
  settings: CodecSettings,
  payloads: Payloads<T>,
  items: readonly ValueToOpen[],
): DeserializeResult<T>[] {
  const results = items.map((): DeserializeResult<T> | undefined => undefined);
  const groups: Groups = new Map();
  for (let i = 0; i < items.length; i++) {
    const { tenant, sealed, cacheKey } = items[i] as ValueToOpen;
    try {
      const { offset, keys, aad } = tenant.parsePrefix(sealed);
      // A frame with metadata of its own has an AAD template of its own.
      if (aad === tenant.aad) groupOf(groups, keys[0] as TenantKey, tenant).add(i, cacheKey, sealed, offset);
    } catch (error) {
      results[i] = failed(error);
    }
  }
  for (const group of groups.values()) openGroup(settings, payloads, group, results);
  for (let i = 0; i < items.length; i++) {
    if (results[i] !== undefined) continue;
    // Alone, by every key that may fit it, and with as much room as it needs.
    const { tenant, sealed, cacheKey } = items[i] as ValueToOpen;
    try {
      results[i] = { ok: true, value: openSync(settings, payloads, tenant, sealed, cacheKey) };
    } catch (error) {
      results[i] = failed(error);
    }
  }
  return results as DeserializeResult<T>[];
}

function openGroup<T>(
  settings: CodecSettings,
  payloads: Payloads<T>,
  group: BatchGroup,
  results: (DeserializeResult<T> | undefined)[],
): void {
  const { key, tenant, indexes } = group;
  const inputs = group.inputs();
  let total = 0;
  for (let i = 0; i < inputs.length; i++) total += (inputs[i] as Uint8Array).length;
  const growth = settings.profile.hidesLength ? 4 : 1;
  const out = group.room(Math.min(total * growth, Math.max(total, MAX_OPENED_LEN)));
  const opened = native.openMany(key.sealer.handle, out, inputs, group.aads, group.table, tenant.mode);
  if (opened < 0) throw nativeError(opened);
  let at = 0;
  for (let i = 0; i < inputs.length; i++) {
    const length = group.result(i);
    // A failure may only mean that an older key is needed, or more room.
    if (length < 0) continue;
    const payload = out.subarray(at, at + length);
    at += length;
    countOpen(key);
    try {
      results[indexes[i] as number] = { ok: true, value: payloads.decodeBorrowed(payload, length) };
    } catch (error) {
      results[indexes[i] as number] = failed(error);
    }
  }
  group.release();
}

function failed(error: unknown): { ok: false; error: CacheKitError | Error } {
  return { ok: false, error: error as Error };
}

/** What one native call does of a batch: its items under one key of one tenant. */
class BatchGroup {
  count = 0;
  readonly #memory: GroupMemory;

  constructor(
    readonly key: TenantKey,
    readonly tenant: TenantContext,
  ) {
    this.#memory = spare ?? new GroupMemory();
    spare = undefined;
  }

  /** The places of its items in the batch, as many as `count`. */
  get indexes(): Int32Array {
    return this.#memory.indexes;
  }

  /** Payloads to seal, or sealed values to open. */
  inputs(): Uint8Array[] {
    return this.#memory.inputs.slice(0, this.count);
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
    this.#memory.add(this.count, this.tenant, cacheKey, offset);
    this.indexes[this.count] = index;
    this.#memory.inputs[this.count] = input;
    this.count++;
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
    this.#memory.inputs.fill(NONE, 0, this.count);
    if (this.aads.length <= LARGEST_KEPT) spare = this.#memory;
  }
}

class GroupMemory {
  aads = allocate(FIRST_AADS_LEN);
  table = new Int32Array(FIRST_ITEMS * STRIDE);
  indexes = new Int32Array(FIRST_ITEMS);
  // Elements of its own from the beginning: a setter of a prototype would take what is added.
  inputs: Uint8Array[] = new Array(FIRST_ITEMS).fill(NONE);
  opened: Buffer | undefined;
  #end = 0;

  add(i: number, { aad }: TenantContext, cacheKey: string, offset: number): void {
    if (i === 0) this.#end = 0;
    const aadLen = aad.write(cacheKey);
    const length = aadLen + aad.formatLen;
    const at = this.#end;
    if (at + length > this.aads.length) this.aads = grown(this.aads, allocate(2 * (at + length)));
    if (i === this.indexes.length) {
      this.table = grown(this.table, new Int32Array(2 * this.table.length));
      this.indexes = grown(this.indexes, new Int32Array(2 * i));
      this.inputs = this.inputs.concat(new Array(i).fill(NONE));
    }
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
type Groups = Map<TenantKey, BatchGroup>;

function groupOf(groups: Groups, key: TenantKey, tenant: TenantContext): BatchGroup {
  let group = groups.get(key);
  if (group === undefined) {
    group = new BatchGroup(key, tenant);
    groups.set(key, group);
  }
  return group;
}

function grown<A extends Uint8Array | Int32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
