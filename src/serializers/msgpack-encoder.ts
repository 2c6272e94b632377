import { Ancestors, NOTED_FROM } from '../protocol/ancestors.js';
import { DATE_TIME_LEN, writeDateTime } from '../protocol/date-time.js';
import {
  hasNoSlots,
  hasOnlyElements,
  hasOnlyNames,
  hasOwnProperties,
  isPlainArray,
  isPlainDate,
  isPlainObject,
  kindOfValue,
  mayBeElse,
} from '../protocol/kinds.js';
import { MAX_UINT64, MIN_INT64 } from '../protocol/limits.js';
import {
  asRefusal,
  assertLength,
  assertNoHole,
  type ErrorPaths,
  Refusal,
  refusedUndefined,
} from '../protocol/refusal.js';
import { MARKERS, plainTemporal } from '../protocol/temporal.js';
import { isPlainBytes } from '../protocol/typed-arrays.js';
import { isDetached } from '../util/bytes.js';
import { MessagePackWriter } from './msgpack-writer.js';

const NODE_KINDS = /^a (Map|Set|\w+Array)$/;

/** Encodes a value that the library does not know, or a nested `undefined`; answers whether it did. `depth` is its level in `parent`. */
export type ExtraTypes = (
  encoder: ExactEncoder,
  value: object | bigint | undefined,
  depth: number,
  parent: object | undefined,
) => boolean;

/** The library's Encoder, held to "exact or refused" (decision 0017). Each property is read once. */
export class ExactEncoder extends MessagePackWriter {
  private readonly ancestors = new Ancestors();
  /** Which element or property of the innermost container is being written; -1 is none. */
  private index = -1;

  constructor(
    private readonly extraTypes?: ExtraTypes,
    private readonly errorPaths: ErrorPaths = 'names',
  ) {
    super();
  }

  /** The payload in a buffer that the next call overwrites. */
  shared(value: unknown): Uint8Array<ArrayBuffer> {
    try {
      return this.encodeSharedRef(value);
    } catch (error) {
      throw asRefusal(error).asSerializationError(this.errorPaths);
    } finally {
      // Within a getter of a value that is being written, another encoder was at work.
      if (!this.entered && this.ancestors.entered !== 0) this.ancestors.clear();
      if (!this.entered) this.giveLargeBufferAway();
    }
  }

  override doEncode(value: unknown, depth: number, parent?: object): void {
    switch (typeof value) {
      case 'string':
        this.encodeString(value);
        break;
      case 'number':
        if (value === 0 && 1 / value < 0) this.encodeNumberAsFloat(value);
        else this.encodeNumber(value);
        break;
      case 'boolean':
        this.encodeBoolean(value);
        break;
      case 'bigint':
        this.encodeBigInt(value, depth, parent);
        break;
      case 'object':
        if (value === null) this.encodeNil();
        else this.encodeContainer(value, depth, parent);
        break;
      case 'undefined':
        if (depth === 1 || !this.extraTypes?.(this, value, depth, parent)) throw refusedUndefined(depth);
        break;
      default:
        throw new Refusal(kindOfValue(value));
    }
  }

  /** Before the content of a container. @throws Refusal when it is cyclic or lies too deep. */
  enter(container: object, depth: number, parent: object | undefined): void {
    if (depth >= NOTED_FROM) this.ancestors.enter(container, depth, parent);
  }

  /** An array of the `elements` of `container`, at level `depth`. */
  encodeElements(container: object, elements: readonly unknown[], depth: number): void {
    const size = elements.length;
    assertLength(size);
    this.writeArrayHeader(size);
    for (let i = 0; i < size; i++) {
      this.index = i;
      const element = elements[i];
      if (element === undefined) assertNoHole(elements, i);
      this.doEncode(element, depth + 1, container);
    }
  }

  override clone(): ExactEncoder {
    return new ExactEncoder(this.extraTypes, this.errorPaths);
  }

  private encodeContainer(value: object, depth: number, parent: object | undefined): void {
    const { index } = this;
    this.index = -1;
    // One place for it: around the loops it would cost each element.
    try {
      if (Array.isArray(value)) this.encodePlainArray(value, depth, parent);
      else if (isPlainObject(value)) this.encodeObject(value, depth, parent);
      else if (isPlainBytes(value)) this.encodeBytes(value);
      else if (isPlainDate(value)) this.encodeDate(value);
      else if (!this.encodeTemporal(value) && !this.extraTypes?.(this, value, depth, parent)) {
        throw this.refusedObject(value);
      }
    } catch (error) {
      throw asRefusal(error).locate(value, this.index, parent, index);
    }
  }

  private refusedObject(value: object): Refusal {
    const kind = kindOfValue(value);
    const node = this.extraTypes === undefined && NODE_KINDS.test(kind);
    return new Refusal(kind, node ? "; a StandardSerializer with types: 'node' carries it" : '');
  }

  private encodePlainArray(array: unknown[], depth: number, parent: object | undefined): void {
    if (!isPlainArray(array)) throw new Refusal(kindOfValue(array));
    if (!hasOnlyElements(array)) throw new Refusal('an array with properties beside its elements');
    this.enter(array, depth, parent);
    this.encodeElements(array, array, depth);
  }

  private encodeObject(object: Record<string, unknown>, depth: number, parent: object | undefined): void {
    if (!hasOnlyNames(object)) throw new Refusal('an object with a symbol as a property');
    const names = Object.keys(object);
    if (mayBeElse(names) && !hasNoSlots(object)) throw this.refusedObject(object);
    this.enter(object, depth, parent);
    const header = this.pos;
    this.writeMapHeader(names.length);
    let size = 0;
    let marked = false;
    for (let i = 0; i < names.length; i++) {
      this.index = i;
      const name = names[i] as string;
      const value = object[name];
      if (value === undefined) continue;
      size++;
      if (name.charCodeAt(0) === 0x5f && MARKERS.has(name) && value !== false) marked = true;
      this.encodeString(name);
      this.doEncode(value, depth + 1, object);
    }
    this.index = -1;
    if (marked && size === 2) throw new Refusal('an object that reads back as a date or a time');
    if (size < names.length) this.shrinkMapHeader(header, names.length, size);
  }

  private encodeBytes(bytes: Uint8Array): void {
    if (isDetached(bytes)) throw new Refusal('a detached Uint8Array');
    this.writeBinary(bytes);
  }

  private encodeDate(date: Date): void {
    if (hasOwnProperties(date)) throw new Refusal('a Date with properties of its own');
    this.ensureBufferSizeToWrite(DATE_TIME_LEN);
    const end = writeDateTime(this.bytes, this.pos, date);
    if (end === this.pos) throw new Refusal('a Date that is invalid or outside the years 1 to 9999');
    this.pos = end;
  }

  private encodeTemporal(value: object): boolean {
    const plain = plainTemporal(value);
    if (plain === undefined) return false;
    this.writeMapHeader(2);
    this.encodeString(plain.marker);
    this.encodeBoolean(true);
    this.encodeString('value');
    this.encodeString(plain.iso);
    return true;
  }

  private encodeBigInt(value: bigint, depth: number, parent: object | undefined): void {
    const small = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
    if (!small && value >= MIN_INT64 && value <= MAX_UINT64) this.encodeBigInt64(value);
    else if (!this.extraTypes?.(this, value, depth, parent)) {
      throw small
        ? new Refusal('a BigInt within ±(2^53−1)', ': it would be read as a number')
        : new Refusal('a BigInt beyond 64 bits');
    }
  }
}
