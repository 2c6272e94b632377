/** Python compresses Arrow columns with zstd. */
export const readsZstd = true;
