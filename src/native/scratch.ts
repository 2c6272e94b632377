import { allocate } from '../util/bytes.js';

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
export const openedBehindLead = openedScratch.subarray(CHECKSUM_LEN);
