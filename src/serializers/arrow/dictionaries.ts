import { keyOf, merged } from './dictionary-values.js';
import { type ArrowData, type ArrowType, type ArrowVector, type ColumnsModule, type Indices, TYPE } from './memory.js';
import type { TableRefusal } from './refusal.js';
import { areBelow } from './scans.js';

interface Unified {
  readonly vector: ArrowVector;
  /** From a dictionary's indices to those of the vector; undefined where they are the same. */
  readonly places: ReadonlyMap<ArrowVector, Int32Array | undefined>;
  /** Dictionaries whose values have another order in the vector. */
  readonly turned: ReadonlySet<ArrowVector>;
}

const OUTSIDE = 'has indices outside its dictionary';

type Refuse = (why: string) => TableRefusal;

/** One dictionary for each id, as in a file: those that differ between batches or columns are merged, and their indices rewritten. */
export class Dictionaries {
  readonly #arrow: ColumnsModule;
  readonly #plain: (data: ArrowData, type: ArrowType) => ArrowData;
  readonly #assertFits: (data: ArrowData, type: ArrowType) => void;
  readonly #found = new Map<number, Set<ArrowVector>>();
  readonly #unified = new Map<number, Unified>();

  constructor(
    arrow: ColumnsModule,
    plain: (data: ArrowData, type: ArrowType) => ArrowData,
    assertFits: (data: ArrowData, type: ArrowType) => void,
  ) {
    this.#arrow = arrow;
    this.#plain = plain;
    this.#assertFits = assertFits;
  }

  /** Remembers the dictionaries of a column and its children. */
  collect(data: ArrowData, type: ArrowType): void {
    this.#assertFits(data, type);
    if (type.typeId !== TYPE.dictionary) {
      for (const [i, field] of (type.children ?? []).entries()) {
        const child = data.children[i];
        if (child !== undefined) this.collect(child, field.type);
      }
      return;
    }
    const { dictionary } = data;
    if (dictionary === undefined) return;
    let found = this.#found.get(type.id);
    if (found === undefined) {
      found = new Set();
      this.#found.set(type.id, found);
    }
    if (found.has(dictionary)) return;
    found.add(dictionary);
    for (const chunk of dictionary.data) this.collect(chunk, type.dictionary);
  }

  /** A column of indices into the dictionary that the file will have. */
  indices(data: ArrowData, type: ArrowType, refuse: Refuse): ArrowData {
    const { dictionary } = data;
    if (dictionary === undefined) throw refuse('has no dictionary');
    const { vector, places, turned } = this.#of(type, dictionary);
    const place = places.get(dictionary);
    const { offset, length, _nullCount, nullBitmap } = data;
    const values = data.values as Indices;
    const { ArrayType } = type.indices;
    const isOfType = data.type.indices.ArrayType === ArrayType;
    if (place === undefined && vector === dictionary && isOfType) {
      if (!areBelow(values, length, dictionary.length)) assertInside(data, dictionary.length, refuse);
      return data;
    }
    if (type.isOrdered && turned.has(dictionary)) throw refuse('has ordered dictionaries whose orders differ');
    const largest = largestIndex(type.indices);
    const indices = new (ArrayType as new (length: number) => Indices)(length);
    for (let row = 0; row < length; row++) {
      const index = Number(values[row]);
      if (index >= 0 && index < dictionary.length) {
        const at = place === undefined ? index : (place[index] as number);
        if (at <= largest) indices[row] = at;
        else if (data.getValid(row))
          throw refuse('has dictionaries with more values together than its indices can count: give them a wider type');
      } else if (data.getValid(row)) throw refuse(OUTSIDE);
    }
    const { Data } = this.#arrow;
    return new Data(type, offset, length, _nullCount, [undefined, indices, nullBitmap], [], vector);
  }

  #of(type: ArrowType, dictionary: ArrowVector): Unified {
    let unified = this.#unified.get(type.id);
    if (unified === undefined) {
      // None was found where all rows are null, and the columns were made here.
      const found = [...(this.#found.get(type.id) ?? [dictionary])];
      // Batches without rows have an empty one.
      const first = found.find(({ length }) => length > 0) ?? dictionary;
      const others = found.filter((other) => other !== first);
      unified = this.#unify(type, first, others);
      this.#unified.set(type.id, unified);
    }
    return unified;
  }

  #unify(type: ArrowType, first: ArrowVector, others: readonly ArrowVector[]): Unified {
    const different = others.filter((other) => !haveSameChunks(first, other));
    const places = new Map<ArrowVector, Int32Array | undefined>(others.map((other) => [other, undefined]));
    const parts = [...first.data];
    if (different.length > 0) {
      const union = new Union(type.dictionary, first);
      for (const other of different) places.set(other, union.add(other, parts));
    }
    const isTurned = ([, place]: [unknown, Int32Array | undefined]) =>
      place?.some((at, i) => i > 0 && at <= (place[i - 1] as number));
    const turned = new Set([...places].filter(isTurned).map(([dictionary]) => dictionary));
    const chunks = parts.map((chunk) => this.#plain(chunk, type.dictionary));
    const isSame = chunks.length === first.data.length && chunks.every((chunk, i) => chunk === first.data[i]);
    if (isSame) return { vector: first, places, turned };
    const { Data, Vector } = this.#arrow;
    const whole = different.length > 0 ? merged(Data, type.dictionary, chunks) : undefined;
    return { vector: new Vector(whole === undefined ? chunks : [whole]), places, turned };
  }
}

/** The values of several dictionaries, each of them once where they can be compared. */
class Union {
  readonly #keyOf: ((chunk: ArrowData, index: number) => string) | undefined;
  readonly #places = new Map<string, number>();
  length: number;

  constructor(type: ArrowType, first: ArrowVector) {
    this.#keyOf = keyOf(type);
    this.length = 0;
    for (const chunk of first.data) {
      for (let i = 0; i < chunk.length; i++, this.length++) {
        const key = this.#keyOf?.(chunk, i);
        if (key !== undefined && !this.#places.has(key)) this.#places.set(key, this.length);
      }
    }
  }

  /** Where the values of another one are, those that are new at the end, and as parts of its chunks in `parts`. */
  add(other: ArrowVector, parts: ArrowData[]): Int32Array {
    const places = new Int32Array(other.length);
    let at = 0;
    for (const chunk of other.data) {
      let newSince = -1;
      const endNew = (index: number) => {
        if (newSince >= 0) parts.push(chunk.slice(newSince, index - newSince));
        newSince = -1;
      };
      for (let i = 0; i < chunk.length; i++) {
        const key = this.#keyOf?.(chunk, i);
        let place = key === undefined ? undefined : this.#places.get(key);
        if (place === undefined) {
          place = this.length++;
          if (key !== undefined) this.#places.set(key, place);
          if (newSince < 0) newSince = i;
        } else endNew(i);
        places[at++] = place;
      }
      endNew(chunk.length);
    }
    return places;
  }
}

function assertInside(data: ArrowData, count: number, refuse: Refuse): void {
  const { length } = data;
  const values = data.values as Indices;
  for (let row = 0; row < length; row++) {
    const index = values[row] as number;
    if (!(index >= 0 && index < count) && data.getValid(row)) throw refuse(OUTSIDE);
  }
}

function haveSameChunks(one: ArrowVector, other: ArrowVector): boolean {
  return one.data.length === other.data.length && one.data.every((chunk, i) => chunk === other.data[i]);
}

function largestIndex({ bitWidth, isSigned }: ArrowType): number {
  // Places are 32-bit integers.
  return Math.min(2 ** (isSigned ? bitWidth - 1 : bitWidth) - 1, 2 ** 31 - 1);
}
