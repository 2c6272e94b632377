import { Buffer } from 'node:buffer';

// The methods behind `toString('latin1')`, `toString('utf8')` and `write`: they take any Uint8Array and skip the look-up of the encoding.
interface BufferMethods {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  utf8Slice(this: Uint8Array, start: number, end: number): string;
  utf8Write(this: Uint8Array, text: string, offset: number, length: number): number;
}

const { latin1Slice, utf8Slice, utf8Write } = Buffer.prototype as unknown as BufferMethods;

/** `bytes[start..end]`, one character a byte. */
export function readLatin1(bytes: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(bytes, start, end);
}

/** `bytes[start..end]` as UTF-8, with U+FFFD for what is not. A byte order mark is a character like any other. */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  return utf8Slice.call(bytes, start, end);
}

/**
 * Writes the UTF-8 form of a string into the `length` bytes that there are for it, with U+FFFD for a lone surrogate.
 *
 * @returns the bytes written: as many as characters exactly when all of them are ASCII.
 */
export function writeUtf8(bytes: Uint8Array, text: string, offset: number, length: number): number {
  return utf8Write.call(bytes, text, offset, length);
}
