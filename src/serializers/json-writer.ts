import { Buffer } from 'node:buffer';
import { Ancestors, NOTED_FROM } from '../protocol/ancestors.js';
import {
  hasNoSlots,
  hasOnlyElements,
  hasOnlyNames,
  isPlainArray,
  isPlainObject,
  kindOfValue,
  mayBeElse,
} from '../protocol/kinds.js';
import { MAX_VALUE_LEN } from '../protocol/limits.js';
import {
  asRefusal,
  assertLength,
  assertNoHole,
  type ErrorPaths,
  Refusal,
  refusedUndefined,
  tooLarge,
} from '../protocol/refusal.js';
import { writeUtf8 } from '../protocol/utf8.js';

const INITIAL_BUFFER = 4096;
const LARGEST_KEPT = 1 << 20;
const SHORT_STRING = 96;
/** From here on JavaScript writes integers with an exponent, as JSON's floats are written. */
const EXPONENT_FROM = 1e21;

const NULL = Buffer.from('null');
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');

/** `JSON.stringify`, except that inexact values are refused. Integers beyond ±(2^53−1) get an exponent: without one they are read as BigInt. */
export class JsonWriter {
  private buffer: Uint8Array = new Uint8Array(INITIAL_BUFFER);
  private length = 0;
  private readonly ancestors = new Ancestors();
  /** Which element or property of the innermost container is being written; -1 is none. */
  private index = -1;
  private busy = false;

  constructor(private readonly errorPaths: ErrorPaths) {}

  /** The text in a buffer that the next call overwrites. @throws SerializationError */
  shared(value: unknown): Uint8Array {
    // A getter in a value may serialize a value of its own.
    if (this.busy) return new JsonWriter(this.errorPaths).shared(value);
    this.busy = true;
    if (this.buffer.length > LARGEST_KEPT) this.buffer = new Uint8Array(INITIAL_BUFFER);
    this.length = 0;
    try {
      this.value(value, 1, undefined);
      return this.buffer.subarray(0, this.length);
    } catch (error) {
      throw asRefusal(error).asSerializationError(this.errorPaths);
    } finally {
      this.busy = false;
      if (this.ancestors.entered !== 0) this.ancestors.clear();
    }
  }

  private value(value: unknown, depth: number, parent: object | undefined): void {
    switch (typeof value) {
      case 'string':
        this.string(value);
        break;
      case 'number':
        this.number(value);
        break;
      case 'boolean':
        this.raw(value ? TRUE : FALSE);
        break;
      case 'object':
        if (value === null) this.raw(NULL);
        else this.container(value, depth, parent);
        break;
      case 'undefined':
        throw refusedUndefined(depth);
      default:
        throw new Refusal(kindOfValue(value), ' as JSON');
    }
  }

  private container(value: object, depth: number, parent: object | undefined): void {
    const { index } = this;
    this.index = -1;
    // One place for it: around the loops it would cost each element.
    try {
      if (Array.isArray(value)) this.array(value, depth, parent);
      else if (isPlainObject(value)) this.object(value, depth, parent);
      else throw new Refusal(kindOfValue(value), ' as JSON');
    } catch (error) {
      throw asRefusal(error).locate(value, this.index, parent, index);
    }
  }

  private array(array: unknown[], depth: number, parent: object | undefined): void {
    if (!isPlainArray(array)) throw new Refusal(kindOfValue(array), ' as JSON');
    if (!hasOnlyElements(array)) throw new Refusal('an array with properties beside its elements');
    if (depth >= NOTED_FROM) this.ancestors.enter(array, depth, parent);
    this.character(0x5b);
    const size = array.length;
    assertLength(size);
    for (let i = 0; i < size; i++) {
      this.index = i;
      if (i > 0) this.character(0x2c);
      const element = array[i];
      if (element === undefined) assertNoHole(array, i);
      this.value(element, depth + 1, array);
    }
    this.character(0x5d);
  }

  private object(object: Record<string, unknown>, depth: number, parent: object | undefined): void {
    if (!hasOnlyNames(object)) throw new Refusal('an object with a symbol as a property');
    const names = Object.keys(object);
    if (mayBeElse(names) && !hasNoSlots(object)) throw new Refusal(kindOfValue(object), ' as JSON');
    if (depth >= NOTED_FROM) this.ancestors.enter(object, depth, parent);
    this.character(0x7b);
    let first = true;
    for (let i = 0; i < names.length; i++) {
      this.index = i;
      const name = names[i] as string;
      const value = object[name];
      if (value === undefined) continue;
      if (first) first = false;
      else this.character(0x2c);
      this.string(name);
      this.character(0x3a);
      this.value(value, depth + 1, object);
    }
    this.character(0x7d);
  }

  private number(value: number): void {
    if (!Number.isFinite(value)) throw new Refusal('NaN or an infinity', ' as JSON');
    if (value === 0 && 1 / value < 0) throw new Refusal('-0', ' as JSON');
    const integral = Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < EXPONENT_FROM;
    const text = integral ? value.toExponential() : `${value}`;
    const { length } = text;
    this.reserve(length);
    const { buffer } = this;
    for (let i = 0; i < length; i++) buffer[this.length++] = text.charCodeAt(i);
  }

  private string(text: string): void {
    const { length } = text;
    if (length < SHORT_STRING) {
      this.reserve(length + 2);
      const { buffer } = this;
      let at = this.length;
      buffer[at++] = 0x22;
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code < 0x20 || code >= 0x80 || code === 0x22 || code === 0x5c) break;
        buffer[at++] = code;
      }
      if (i === length) {
        buffer[at++] = 0x22;
        this.length = at;
        return;
      }
    }
    if (!text.isWellFormed()) throw new Refusal('a string with a lone surrogate');
    const quoted = JSON.stringify(text);
    const byteLength = Buffer.byteLength(quoted);
    this.reserve(byteLength);
    writeUtf8(this.buffer, quoted, this.length, byteLength);
    this.length += byteLength;
  }

  private raw(bytes: Uint8Array): void {
    const { length } = bytes;
    this.reserve(length);
    for (let i = 0; i < length; i++) this.buffer[this.length++] = bytes[i] as number;
  }

  private character(code: number): void {
    this.reserve(1);
    this.buffer[this.length++] = code;
  }

  private reserve(size: number): void {
    const needed = this.length + size;
    if (needed <= this.buffer.length) return;
    if (needed > MAX_VALUE_LEN) throw tooLarge(`A value is limited to ${MAX_VALUE_LEN} serialized bytes`);
    const grown = new Uint8Array(Math.min(needed * 2, MAX_VALUE_LEN));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }
}
