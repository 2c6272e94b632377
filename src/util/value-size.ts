import { types } from 'node:util';

/*
 * What V8 takes for a decoded value, on 64 bits without pointer compression: measured as the memory of many. Numbers that are
 * no small integers have an object of their own in arrays and properties.
 */
const POINTER = 8;
const OBJECT = 56;
const PROPERTY = 8;
const STRING = 24;
const HEAP_NUMBER = 16;
const DATE = 96;
const COLLECTION = 200;
const COLLECTION_SLOT = 40;
/** With the store that it lies in. */
const TYPED_ARRAY = 240;

/**
 * Bytes that a value takes in memory, about. Objects that several values share count in each; what getters, closures, private fields and
 * memory hold of which a view shows a part is not seen.
 *
 * @param enough where to stop counting.
 */
export function sizeOf(value: unknown, enough: number): number {
  const seen = new Set<object>();
  const waiting: unknown[] = [value];
  let size = 0;
  try {
    while (waiting.length > 0 && size <= enough) size += POINTER + sizeOfOne(waiting.pop(), seen, waiting);
  } catch {
    // Of what cannot be looked at nothing is known.
    return Number.POSITIVE_INFINITY;
  }
  return size;
}

function sizeOfOne(value: unknown, seen: Set<object>, waiting: unknown[]): number {
  switch (typeof value) {
    case 'string':
      // One byte a character only where all are Latin-1, which looking at them would tell.
      return STRING + 2 * value.length;
    case 'number':
      return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? 0 : HEAP_NUMBER;
    case 'bigint':
      return HEAP_NUMBER + value.toString(16).length / 2;
    case 'object':
      if (value === null || seen.has(value)) return 0;
      seen.add(value);
      return sizeOfObject(value, waiting);
    default:
      return 0;
  }
}

function sizeOfObject(value: object, waiting: unknown[]): number {
  if (types.isProxy(value)) return OBJECT;
  // A view may keep more alive than its own bytes, which it shares with others.
  if (ArrayBuffer.isView(value)) return TYPED_ARRAY + value.byteLength;
  if (types.isDate(value)) return DATE;
  if (types.isMap(value)) {
    for (const [key, element] of value) waiting.push(key, element);
    return COLLECTION + value.size * COLLECTION_SLOT;
  }
  if (types.isSet(value)) {
    for (const element of value) waiting.push(element);
    return COLLECTION + value.size * COLLECTION_SLOT;
  }
  if (Array.isArray(value)) {
    for (const element of value) waiting.push(element);
    return OBJECT;
  }
  const names = Object.keys(value);
  // Getters are not asked.
  for (const name of names) waiting.push(Object.getOwnPropertyDescriptor(value, name)?.value);
  return OBJECT + names.length * PROPERTY;
}
