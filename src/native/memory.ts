import { markAsUntransferable } from 'node:worker_threads';
import { allocate, bufferAt } from '../util/bytes.js';

/** Results up to this length, where the exact one is not known before, go through a reused buffer. */
export const SCRATCH_LEN = 64 * 1024;
/** Holds a sealed value until it is copied out, in the same call. */
export const sealedScratch = allocate(SCRATCH_LEN);
/**
 * Holds a payload until it is decoded, in the same call, by a serializer that keeps none of it. Twice the length, because
 * an envelope is opened at the end and its payload read to the start.
 */
export const openedScratch = allocate(2 * SCRATCH_LEN);
/** Bytes in front of a payload that a checksum is opened over. */
export const CHECKSUM_LEN = 8;
export const openedBehindHeadroom = openedScratch.subarray(CHECKSUM_LEN);

const SLAB_LEN = 16 * 1024;
/** The largest result that is carved from a slab rather than allocated for itself. */
export const SLAB_MAX = 4 * 1024;

/** A slab that is used up. */
const NONE = Buffer.alloc(0);

/** Whether what an array says of its length is one of results that slabs are for. It may say anything. */
export function fitsSlab(length: number): boolean {
  return length >>> 0 === length && length <= SLAB_MAX;
}

/**
 * Memory for small results, handed out once and never reused. A result is written straight to
 * `buffer` at `offset` after `reserve`, and becomes a Buffer of its exact length by `take`; one whose length is known
 * before is taken at once.
 *
 * Results expose the whole slab by `buffer`: it begins as zeros, and can be detached with any of them, for instance by a
 * stream of bytes. Sealed bytes have a slab of their own, so that none of them shares memory with plaintext.
 */
export class Slab {
  buffer: Buffer = NONE;
  offset = 0;
  // Asking a Buffer for it takes as long as half of making a result.
  #memory: ArrayBuffer = NONE.buffer as ArrayBuffer;

  /** @param length at most `SLAB_MAX`. */
  reserve(length: number): void {
    // A slab that was taken away has no length.
    if (this.offset + length > this.buffer.length) {
      this.#memory = new ArrayBuffer(SLAB_LEN);
      // Transferring one result to a worker would detach all the others.
      markAsUntransferable(this.#memory);
      this.buffer = bufferAt(this.#memory, 0, SLAB_LEN);
      this.offset = 0;
    }
  }

  /** @param length at most `SLAB_MAX`. */
  take(length: number): Buffer {
    this.reserve(length);
    const start = this.offset;
    this.offset = (start + length + 7) & ~7;
    return bufferAt(this.#memory, start, length);
  }
}

export const sealedSlab = new Slab();
