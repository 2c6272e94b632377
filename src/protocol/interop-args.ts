import { Buffer } from 'node:buffer';
import { kindOf } from '../util/bytes.js';
import { append } from '../util/own-property.js';
import { CanonicalEncoder } from './canonical-encoder.js';
import { hasOwnProperties, isPlainSet, kindOfValue } from './kinds.js';
import { MAX_DEPTH, MAX_UINT64, MIN_INT64 } from './limits.js';
import { asRefusal, type ErrorPaths, Refusal } from './refusal.js';

/**
 * The canonical MessagePack of a call's arguments: one flat array, the same bytes in every SDK.
 *
 * Numbers are canonical: `-0`, `2.0`, `2n` and a Date of whole seconds become integers, other Dates float64 seconds. Object
 * keys sort by code point, a Set becomes its sorted elements, a property that is `undefined` is left out.
 *
 * @throws TypeError, naming the option `key` and the place (`arguments[1].filter`), for an argument outside the interop
 *   model: `undefined`, NaN, infinities, BigInt beyond 64 bits, Map, instances of classes, functions, lone surrogates,
 *   holes, properties of their own of arrays, Dates and Sets, cycles, more than 1,024 levels. ValueTooLargeError over 512 MiB.
 * Protocol: docs/protocol.md, "Interop/v1".
 */
export function encodeInteropArgs(args: readonly unknown[]): Uint8Array {
  return encodeInteropArgsShared(args).copy();
}

/** What {@link encodeInteropArgsShared} returns: the bytes are `buffer[0..length]` until it is called again. */
export interface SharedBytes {
  readonly buffer: Uint8Array;
  readonly length: number;
  copy(): Uint8Array;
}

/** What of arguments is particular to a cache. */
export interface ArgumentsContext {
  /** Whether `undefined` is an argument, written as a byte that MessagePack never uses: no other SDK has such a key. */
  readonly allowUndefined: boolean;
  readonly errorPaths: ErrorPaths;
}

const INTEROP: ArgumentsContext = { allowUndefined: false, errorPaths: 'names' };

/** As {@link encodeInteropArgs}, into memory that the next call overwrites. */
export function encodeInteropArgsShared(args: readonly unknown[], context = INTEROP): SharedBytes {
  if (!Array.isArray(args)) throw new TypeError(`args must be an array, not ${kindOf(args)}`);
  // A getter in an argument may compute a cache key of its own.
  if (busy) return new ArgumentsEncoder().encodeArguments(args, context);
  busy = true;
  try {
    return shared.encodeArguments(args, context);
  } finally {
    busy = false;
  }
}

const INTEGERS_FROM = -(2 ** 63);
const INTEGERS_TO = 2 ** 64;

class ArgumentsEncoder extends CanonicalEncoder {
  #allowUndefined = false;

  constructor() {
    // The depths are those inside an argument: the array of arguments is one more.
    super(MAX_DEPTH - 1);
  }

  encodeArguments(args: readonly unknown[], context: ArgumentsContext): this {
    this.begin();
    this.#allowUndefined = context.allowUndefined;
    try {
      this.encodeElements(args, 0);
    } catch (error) {
      throw asRefusal(error).locate(args, this.index, undefined, -1).asArgumentError(context.errorPaths);
    } finally {
      this.end();
    }
    return this;
  }

  protected override encodeNumber(value: number): void {
    if (Number.isInteger(value) && value >= INTEGERS_FROM && value < INTEGERS_TO) this.integer(value);
    else if (Number.isFinite(value)) this.float(value);
    else throw new Refusal('NaN or an infinity');
  }

  protected override encodeBigInt(value: bigint): void {
    if (value < MIN_INT64 || value > MAX_UINT64) throw new Refusal('a BigInt beyond 64 bits');
    this.bigint(value);
  }

  /** Seconds since the epoch, by the arithmetic of every SDK: whole microseconds, then one division. */
  protected override encodeDate(date: Date): void {
    const ms = getTime.call(date);
    if (Number.isNaN(ms)) throw new Refusal('an invalid Date');
    this.encodeNumber((ms * 1000) / 1_000_000);
  }

  protected override encodeUndefined(): void {
    if (!this.#allowUndefined) throw new Refusal('undefined', ', and null can stand for it');
    this.undefined();
  }

  protected override encodeOther(value: object, depth: number, parent: object | undefined): void {
    if (!isPlainSet(value)) throw new Refusal(kindOfValue(value));
    if (hasOwnProperties(value)) throw new Refusal('a Set with properties of its own');
    this.enter(value, depth, parent);
    this.#encodeSet(value, depth);
  }

  /** Arguments are only hashed, never read back. */
  protected override assertMarked(): void {}

  #encodeSet(set: Set<unknown>, depth: number): void {
    const start = this.length;
    const size = sizeOf(set);
    this.arrayHeader(size);
    // Written where they stay: copied, elements of sets in sets would be copied at every level.
    const ends = [this.length];
    forEach.call(set, (element) => {
      this.index = ends.length - 1;
      this.encode(element, depth + 1, set);
      append(ends, this.length);
    });
    if (ends.length === size + 1 && isAscending(partsOf(this.buffer, ends))) return;
    const [first = start] = ends;
    const copy = this.buffer.slice(first, this.length);
    const parts = partsOf(
      copy,
      ends.map((end) => end - first),
    ).sort(Buffer.compare);
    const distinct = parts.filter((bytes, i) => i === 0 || Buffer.compare(bytes, parts[i - 1] as Uint8Array) !== 0);
    this.length = start;
    this.arrayHeader(distinct.length);
    for (const bytes of distinct) this.raw(bytes);
  }
}

const shared = new ArgumentsEncoder();
let busy = false;

function partsOf(bytes: Uint8Array, ends: readonly number[]): Uint8Array[] {
  return ends.slice(1).map((end, i) => bytes.subarray(ends[i], end));
}

function isAscending(parts: readonly Uint8Array[]): boolean {
  return parts.every((bytes, i) => i === 0 || Buffer.compare(parts[i - 1] as Uint8Array, bytes) < 0);
}

// What they are, whatever methods of its own an object has.
const { forEach } = Set.prototype;
const sizeOf = Function.prototype.call.bind(
  Object.getOwnPropertyDescriptor(Set.prototype, 'size')?.get as () => number,
) as (set: Set<unknown>) => number;
const { getTime } = Date.prototype;
