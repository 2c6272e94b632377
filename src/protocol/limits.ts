/** Levels of arrays and maps that a value may have. Protocol: decode bounds (32 to 1,024). */
export const MAX_DEPTH = 1024;

/** Bytes of a serialized value. Protocol: limits. */
export const MAX_PAYLOAD_LEN = 536_870_912;

/**
 * Arrays and objects of a value. As many different ones take a gigabyte; a value that has the same ones again and again (64 levels of
 * `[x, x]`) takes nothing, and would be written for minutes and fill the memory of who reads it.
 */
export const MAX_CONTAINERS = 16_777_216;

/** The integers that MessagePack carries. */
export const MIN_INT64 = -(2n ** 63n);
export const MAX_UINT64 = 2n ** 64n - 1n;
