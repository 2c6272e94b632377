/** Levels of arrays and maps that a value may have. Protocol: decode bounds (32 to 1,024). */
export const MAX_DEPTH = 1024;

/** Bytes of a serialized value. Protocol: limits. */
export const MAX_PAYLOAD_LEN = 536_870_912;

/** The integers that MessagePack carries. */
export const MIN_INT64 = -(2n ** 63n);
export const MAX_UINT64 = 2n ** 64n - 1n;
