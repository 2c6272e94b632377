import { isDetached } from '../util/bytes.js';
import { Ancestors, NOTED_FROM } from './ancestors.js';
import { CanonicalWriter } from './canonical-writer.js';
import { sortByCodePoint } from './code-points.js';
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
} from './kinds.js';
import { MAX_DEPTH } from './limits.js';
import { asRefusal, assertLength, assertNoHole, Refusal } from './refusal.js';
import { MARKERS } from './temporal.js';
import { isPlainBytes } from './typed-arrays.js';

/**
 * Walks a value and writes its canonical MessagePack: object keys by code point, properties that are `undefined` left out,
 * cycles and unknown kinds refused. The two encodings of interop mode, arguments and values, differ in the methods that
 * are abstract here.
 *
 * Protocol: docs/protocol.md, "Interop/v1".
 */
export abstract class CanonicalEncoder extends CanonicalWriter {
  /** Which element or property of the innermost container is being written; -1 is none. */
  protected index = -1;
  readonly #ancestors: Ancestors;

  /** @param deepest the depth of the deepest container. */
  constructor(deepest = MAX_DEPTH) {
    super();
    this.#ancestors = new Ancestors(deepest);
  }

  protected abstract encodeNumber(value: number): void;
  protected abstract encodeBigInt(value: bigint): void;
  protected abstract encodeDate(date: Date): void;
  /** `undefined` that is no property. */
  protected abstract encodeUndefined(depth: number): void;
  /** An object that is neither an array, a plain object, bytes nor a Date. */
  protected abstract encodeOther(value: object, depth: number, parent: object | undefined): void;
  /** After a map of `size` entries which has a marker of a date or time, and a text as its `value`. */
  protected abstract assertMarked(marker: string, iso: string, size: number): void;

  /** Ends a document, written or not: values are not kept longer than it takes to write them. */
  protected end(): void {
    if (this.#ancestors.entered !== 0) this.#ancestors.clear();
  }

  /** @param depth the level of the value, from 1; `parent` is the container that it lies in. */
  protected encode(value: unknown, depth: number, parent: object | undefined): void {
    switch (typeof value) {
      case 'string':
        if (!this.string(value)) throw new Refusal('a string with a lone surrogate');
        break;
      case 'number':
        this.encodeNumber(value);
        break;
      case 'boolean':
        this.boolean(value);
        break;
      case 'bigint':
        this.encodeBigInt(value);
        break;
      case 'object':
        if (value === null) this.nil();
        else this.#encodeObject(value, depth, parent);
        break;
      case 'undefined':
        this.encodeUndefined(depth);
        break;
      default:
        throw new Refusal(kindOfValue(value));
    }
  }

  protected encodeElements(elements: readonly unknown[], depth: number): void {
    const size = elements.length;
    assertLength(size);
    this.arrayHeader(size);
    for (let i = 0; i < size; i++) {
      this.index = i;
      const element = elements[i];
      if (element === undefined) assertNoHole(elements, i);
      this.encode(element, depth + 1, elements);
    }
  }

  /** Before the content of a container. @throws Refusal when it is cyclic or lies too deep. */
  protected enter(container: object, depth: number, parent: object | undefined): void {
    if (depth >= NOTED_FROM) this.#ancestors.enter(container, depth, parent);
  }

  #encodeObject(value: object, depth: number, parent: object | undefined): void {
    const { index } = this;
    this.index = -1;
    // One place for it: around the loops it would cost each element.
    try {
      if (Array.isArray(value)) {
        if (!isPlainArray(value)) throw new Refusal(kindOfValue(value));
        if (!hasOnlyElements(value)) throw new Refusal('an array with properties beside its elements');
        this.enter(value, depth, parent);
        this.encodeElements(value, depth);
      } else if (isPlainObject(value)) {
        this.#encodeMap(value, depth, parent);
      } else if (isPlainBytes(value)) {
        if (isDetached(value)) throw new Refusal('a detached Uint8Array');
        this.binary(value);
      } else if (isPlainDate(value)) {
        if (hasOwnProperties(value)) throw new Refusal('a Date with properties of its own');
        this.encodeDate(value);
      } else {
        this.encodeOther(value, depth, parent);
      }
    } catch (error) {
      throw asRefusal(error).locate(value, this.index, parent, index, true);
    }
  }

  #encodeMap(map: Record<string, unknown>, depth: number, parent: object | undefined): void {
    if (!hasOnlyNames(map)) throw new Refusal('an object with a symbol as a property');
    const names = Object.keys(map);
    if (mayBeElse(names) && !hasNoSlots(map)) throw new Refusal(kindOfValue(map));
    sortByCodePoint(names);
    this.enter(map, depth, parent);
    const header = this.length;
    this.mapHeader(names.length);
    let size = 0;
    let marker: string | undefined;
    let iso: string | undefined;
    for (let i = 0; i < names.length; i++) {
      this.index = i;
      const name = names[i] as string;
      const value = map[name];
      if (value === undefined) continue;
      size++;
      if (value === true && MARKERS.has(name)) marker = name;
      else if (typeof value === 'string' && name === 'value') iso = value;
      if (!this.string(name)) throw new Refusal('a property name with a lone surrogate');
      this.encode(value, depth + 1, map);
    }
    this.index = -1;
    if (size < names.length) this.shrinkMap(header, names.length, size);
    if (marker !== undefined && iso !== undefined) this.assertMarked(marker, iso, size);
  }
}
