import { markAsUntransferable } from 'node:worker_threads';
import { allocate, FastBuffer } from '../util/bytes.js';

/** Results up to this length, where the exact one is not known before, go through a reused buffer. */
export const SCRATCH_LEN = 64 * 1024;
/** Holds a sealed value until it is copied out, in the same call. */
export const sealedScratch = allocate(SCRATCH_LEN);
/** Holds a payload until it is decoded in the same call. Twice the length: an envelope is opened at the end, its payload read to the start. */
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
 * Memory for small results, handed out once: written at `offset` of `buffer` after `reserve`, then cut by `take`, or taken at once.
 *
 * Results expose the whole slab by `buffer`, which begins as zeros and can be detached: sealed bytes never share one with plaintext.
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
      this.buffer = new FastBuffer(this.#memory, 0, SLAB_LEN);
      this.offset = 0;
    }
  }

  /** @param length at most `SLAB_MAX`. */
  take(length: number): Buffer {
    this.reserve(length);
    const start = this.offset;
    this.offset = (start + length + 7) & ~7;
    return new FastBuffer(this.#memory, start, length);
  }
}

export const sealedSlab = new Slab();
