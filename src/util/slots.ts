/* Internal slots of typed arrays. Their properties and methods can be overridden, and reading by those may exceed the array. */

type Bytes = Uint8Array;
type Elements = ArrayBufferView;
type Memory = ArrayBuffer | SharedArrayBuffer;

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
/** Makes a Buffer in two thirds of the time that `subarray` takes, and reads no property of any array. */
export const FastBuffer = (
  Buffer as unknown as { [Symbol.species]: new (memory: Memory, start: number, length: number) => Buffer }
)[Symbol.species];

function slot<T, V>(of: object, name: string): (of: T) => V {
  const { get } = Object.getOwnPropertyDescriptor(of, name) as { get(): V };
  return Function.prototype.call.bind(get) as (of: T) => V;
}

/** Elements in an array, so bytes of a `Uint8Array`; 0 when it is detached. */
export const lengthOf = slot<NodeJS.TypedArray, number>(typedArray, 'length');
/** As `lengthOf`, of a typed array of any kind. */
export const byteLengthOf = slot<Elements, number>(typedArray, 'byteLength');
export const offsetOf = slot<Elements, number>(typedArray, 'byteOffset');
export const bufferOf = slot<Elements, Memory>(typedArray, 'buffer');
const indexesOf = Function.prototype.call.bind((typedArray as Uint8Array).keys) as (of: Elements) => unknown;
const resizable = slot<Memory, boolean>(ArrayBuffer.prototype, 'resizable');

/** Whether memory can change its length, or be changed by another thread. */
export function kindOfMemory(memory: Memory): 'fixed' | 'resizable' | 'shared' {
  try {
    return resizable(memory) ? 'resizable' : 'fixed';
  } catch {
    return 'shared';
  }
}

/** Whether the memory of a typed array was taken away, or has shrunk so far that the array is out of its bounds. */
export function isDetached(elements: Elements): boolean {
  if (byteLengthOf(elements) !== 0) return false;
  // Node 20 has no `ArrayBuffer.prototype.detached`, and of bounds nothing tells but the methods of the array.
  try {
    indexesOf(elements);
    return false;
  } catch {
    return true;
  }
}

/** Some of the bytes, as a Buffer when it was one, else as a plain `Uint8Array`. */
export function partOf(bytes: Bytes, start: number, length: number): Bytes {
  return Buffer.isBuffer(bytes)
    ? viewOf(bytes, start, length)
    : new Uint8Array(bufferOf(bytes), offsetOf(bytes) + start, length);
}

/** The same bytes as a Buffer of ours, from `start` on. @throws TypeError for a detached array. */
export function viewOf(bytes: Bytes, start = 0, length: number = lengthOf(bytes) - start): Buffer {
  return new FastBuffer(bufferOf(bytes), offsetOf(bytes) + start, length);
}
