//! LZ4 blocks: no frame, no size in front.

use std::cell::RefCell;

use lz4_flex::block::{compress_into_with_table, decompress_into, get_maximum_output_size, CompressTable};

use crate::error::Failure;

/// Payloads below this are written as literals: a search costs as much as the seal, and finds next to nothing.
const MIN_SEARCHED_LEN: usize = 128;

/// Inputs that fit the small table's 16-bit positions.
const SMALL_TABLE_LIMIT: usize = u16::MAX as usize;

thread_local! {
    static SMALL_TABLE: RefCell<CompressTable> = RefCell::new(CompressTable::small());
    static LARGE_TABLE: RefCell<CompressTable> = RefCell::new(CompressTable::large());
}

/// Whether a payload of this length is searched for repeats at all.
pub const fn searches(len: usize) -> bool {
    len >= MIN_SEARCHED_LEN
}

/// Length of a block of `len` literals; no block of `len` bytes is longer.
pub const fn literals_len(len: usize) -> usize {
    1 + len + if len >= 15 { (len - 15) / 255 + 1 } else { 0 }
}

/// Room that [`compress`] needs, more than it ever uses.
pub const fn compress_bound(len: usize) -> usize {
    get_maximum_output_size(len)
}

/// The longest payload that a block of `len` bytes can hold: a byte of a block adds at most 255.
pub const fn max_payload_len(len: usize) -> u64 {
    len as u64 * 255
}

/// Writes `payload` as one run of literals and returns the block's length.
pub fn write_literals(out: &mut [u8], payload: &[u8]) -> usize {
    let len = payload.len();
    let mut at = 1;
    if len < 15 {
        out[0] = (len as u8) << 4;
    } else {
        out[0] = 0xf0;
        let rest = len - 15;
        out[at..at + rest / 255].fill(0xff);
        at += rest / 255;
        out[at] = (rest % 255) as u8;
        at += 1;
    }
    out[at..at + len].copy_from_slice(payload);
    at + len
}

/// Compresses `payload` into `out`, which has [`compress_bound`], and returns the block's length.
///
/// # Errors
/// [`Failure::OutputTooSmall`] without that much space.
pub fn compress(out: &mut [u8], payload: &[u8]) -> Result<usize, Failure> {
    let table = if payload.len() < SMALL_TABLE_LIMIT { &SMALL_TABLE } else { &LARGE_TABLE };
    table.with(|table| {
        compress_into_with_table(payload, out, &mut table.borrow_mut()).map_err(|_| Failure::OutputTooSmall)
    })
}

/// Decompresses a block into `out` and returns how much of it was filled.
///
/// # Errors
/// [`Failure::Envelope`] for a block that is malformed or holds more than `out`.
pub fn decompress(out: &mut [u8], block: &[u8]) -> Result<usize, Failure> {
    decompress_into(block, out).map_err(|_| Failure::Envelope)
}
