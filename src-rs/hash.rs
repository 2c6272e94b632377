//! Hashes without a key: BLAKE2b for cache keys and file names, xxh3 for checksums.

use blake2::digest::consts::{U16, U32};
use blake2::{Blake2b, Digest};

/// Length of a checksum in bytes.
pub const CHECKSUM_LEN: usize = 8;

/// BLAKE2b with a digest of 32 bytes.
pub fn blake2b_256(data: &[u8]) -> [u8; 32] {
    Blake2b::<U32>::digest(data).into()
}

/// BLAKE2b with a digest of 16 bytes.
pub fn blake2b_128(data: &[u8]) -> [u8; 16] {
    Blake2b::<U16>::digest(data).into()
}

/// Writes `bytes` as lower-case hex, two digits for each.
pub fn hex(bytes: &[u8], out: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (byte, pair) in bytes.iter().zip(out.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

/// xxh3-64 of a payload, big-endian.
pub fn checksum(payload: &[u8]) -> [u8; CHECKSUM_LEN] {
    xxhash_rust::xxh3::xxh3_64(payload).to_be_bytes()
}
