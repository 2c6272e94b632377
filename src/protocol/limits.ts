import { ValueTooLargeError } from '../errors.js';

/** Levels of arrays and maps that a value may have. Protocol: docs/protocol.md, "Decode bounds". */
export const MAX_DEPTH = 1024;

/** Bytes of a serialized value, and the most that are sealed as one: 512 MiB. Protocol: docs/protocol.md, "Decode bounds". */
export const MAX_VALUE_LEN = 536_870_912;
/** Bytes that sealing adds: a nonce of 12 in front, a tag of 16 behind. */
export const SEAL_OVERHEAD = 28;

/** Arrays and objects of a value, counted as written: 64 levels of `[x, x]` take no memory, but would be written for minutes. */
export const MAX_CONTAINERS = 16_777_216;

/** The integers that MessagePack carries. */
export const MIN_INT64 = -(2n ** 63n);
export const MAX_UINT64 = 2n ** 64n - 1n;

/** @throws ValueTooLargeError over 512 MiB, before anything is allocated for it. */
export function assertValueLen(length: number): void {
  if (length > MAX_VALUE_LEN) throw valueTooLarge(length);
}

export function valueTooLarge(length: number): ValueTooLargeError {
  return new ValueTooLargeError(`The value has ${length} bytes; the limit is 512 MiB`);
}

/** The most bytes an envelope of `dataLen` bytes may need while it is written (see `src-rs/envelope/writer.rs`). */
export function envelopeBound(dataLen: number, formatLen: number): number {
  return dataLen + Math.ceil(dataLen / 10) + 64 + formatLen;
}
