//! Writes envelopes, in MessagePack's shortest forms.

use super::{FIELDS, MAX_LEN};
use crate::error::Failure;
use crate::hash::{checksum, CHECKSUM_LEN};
use crate::lz4;

/// Room that [`write`] needs for a payload and a format of these lengths, more than it ever uses.
pub const fn bound(payload_len: usize, format_len: usize, literals: bool) -> usize {
    let block = if literals || !lz4::searches(payload_len) {
        lz4::literals_len(payload_len)
    } else {
        lz4::compress_bound(payload_len)
    };
    1 + bin_header_len(block) + block + (1 + 2 * CHECKSUM_LEN) + 5 + 5 + format_len
}

/// Writes the envelope of `payload` and returns its length. `literals` leaves out compression.
///
/// # Errors
/// [`Failure::TooLarge`] if payload or envelope exceed 512 MiB, [`Failure::Needs`] if `out` is shorter than [`bound`].
/// `out` then holds no part of the payload.
pub fn write(out: &mut [u8], payload: &[u8], format: &[u8], literals: bool) -> Result<usize, Failure> {
    if payload.len() > MAX_LEN || format.len() > MAX_LEN {
        return Err(Failure::TooLarge);
    }
    let needs = bound(payload.len(), format.len(), literals);
    if out.len() < needs {
        return Err(Failure::Needs(needs));
    }
    let mut at = write_block(out, payload, literals)?;
    out[at] = 0x90 | CHECKSUM_LEN as u8;
    at += 1;
    for byte in checksum(payload) {
        at = write_uint(out, at, u32::from(byte));
    }
    at = write_uint(out, at, payload.len() as u32);
    at = write_str(out, at, format);
    if at > MAX_LEN {
        out[..at].fill(0);
        return Err(Failure::TooLarge);
    }
    Ok(at)
}

// The array's header and the block as bin.
fn write_block(out: &mut [u8], payload: &[u8], literals: bool) -> Result<usize, Failure> {
    out[0] = 0x90 | FIELDS as u8;
    if literals || !lz4::searches(payload.len()) {
        let at = write_bin_header(out, 1, lz4::literals_len(payload.len()));
        return Ok(at + lz4::write_literals(&mut out[at..], payload));
    }
    // The header's width depends on a length that is not known yet: leave room for the widest, then close the gap.
    // What the move leaves behind is overwritten by the fields that follow, which are longer than the gap.
    let start = 1 + bin_header_len(lz4::literals_len(payload.len()));
    let len = lz4::compress(&mut out[start..], payload)?;
    let at = write_bin_header(out, 1, len);
    if at != start {
        out.copy_within(start..start + len, at);
    }
    Ok(at + len)
}

const fn bin_header_len(len: usize) -> usize {
    match len {
        0..=0xff => 2,
        0x100..=0xffff => 3,
        _ => 5,
    }
}

/// Writes the header of a bin of `len` bytes in its shortest form and returns where it ends.
pub(crate) fn write_bin_header(out: &mut [u8], at: usize, len: usize) -> usize {
    match len {
        0..=0xff => put(out, at, &[0xc4, len as u8]),
        0x100..=0xffff => put_marked(out, at, 0xc5, &(len as u16).to_be_bytes()),
        _ => put_marked(out, at, 0xc6, &(len as u32).to_be_bytes()),
    }
}

/// Writes an unsigned integer in its shortest form and returns where it ends.
pub(crate) fn write_uint(out: &mut [u8], at: usize, value: u32) -> usize {
    match value {
        0..=0x7f => put(out, at, &[value as u8]),
        0x80..=0xff => put(out, at, &[0xcc, value as u8]),
        0x100..=0xffff => put_marked(out, at, 0xcd, &(value as u16).to_be_bytes()),
        _ => put_marked(out, at, 0xce, &value.to_be_bytes()),
    }
}

fn write_str(out: &mut [u8], at: usize, text: &[u8]) -> usize {
    let at = match text.len() {
        len @ 0..=31 => put(out, at, &[0xa0 | len as u8]),
        len @ 32..=0xff => put(out, at, &[0xd9, len as u8]),
        len @ 0x100..=0xffff => put_marked(out, at, 0xda, &(len as u16).to_be_bytes()),
        len => put_marked(out, at, 0xdb, &(len as u32).to_be_bytes()),
    };
    put(out, at, text)
}

fn put_marked(out: &mut [u8], at: usize, marker: u8, bytes: &[u8]) -> usize {
    out[at] = marker;
    put(out, at + 1, bytes)
}

fn put(out: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    out[at..at + bytes.len()].copy_from_slice(bytes);
    at + bytes.len()
}
