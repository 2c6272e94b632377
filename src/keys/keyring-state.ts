/** What codecs read and count for each value, without a call. */
export interface KeyringState {
  /** Goes up when the keys change, so that others may keep what `tenantKeys` returned. */
  generation: number;
  /** Nonces that were used since the sequence began. */
  sequenceSeals: number;
}
