import { allocate } from './bytes.js';

/** Results up to this length, where the exact one is not known before, go through a reused buffer. */
export const SCRATCH_LEN = 64 * 1024;
/** Holds a sealed value until it is copied out, in the same call. */
export const sealedScratch = allocate(SCRATCH_LEN);
/** Holds a payload until it is decoded, in the same call, by a serializer that keeps none of it. */
export const openedScratch = allocate(SCRATCH_LEN);
