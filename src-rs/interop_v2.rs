//! The container of interop/v2: a payload, compressed where that makes it shorter.
//! Protocol: docs/protocol.md, "Interop v2".
//!
//! | | written as | also read as |
//! |---|---|---|
//! | 2 bytes | `c1 02` | |
//! | array of 3 | fixarray | array 16, array 32 |
//! | method: 0 as it is, 1 an LZ4 block | fixint | any unsigned width |
//! | original_size | shortest unsigned integer | any unsigned width |
//! | payload | bin | any width of bin |
//!
//! Nothing else is read: no signed integers, no other types in the payload's place, nothing behind it.

use crate::copy::copy;
use crate::envelope::{write_bin_header, write_uint, MAX_LEN};
use crate::error::Failure;
use crate::lz4;
use crate::msgpack::Cursor;

const MAGIC: [u8; 2] = [0xc1, 0x02];
/// What a Python-internal frame begins with.
const FRAME: [u8; 2] = [0x43, 0x4b];
const FIELDS: u64 = 3;
const AS_IT_IS: u64 = 0;
const LZ4_BLOCK: u64 = 1;
/// Below it no LZ4 block is shorter than what it holds: the last 12 bytes are literals.
const MIN_COMPRESSED_LEN: usize = 13;
/// Magic, array, method, and the widest forms of size and bin.
const MAX_HEAD_LEN: usize = 2 + 1 + 1 + 5 + 5;

/// Room that [`write`] needs for a payload of this length, more than it ever uses.
pub const fn bound(payload_len: usize, literals: bool) -> usize {
    let longest = if literals { payload_len } else { lz4::compress_bound(payload_len) };
    MAX_HEAD_LEN + longest
}

/// Writes the container of `payload` and returns its length. `literals` leaves out compression.
///
/// # Errors
/// [`Failure::TooLarge`] above 512 MiB, [`Failure::Needs`] if `out` is shorter than [`bound`]. Behind the container `out`
/// then holds no part of the payload.
pub fn write(out: &mut [u8], payload: &[u8], literals: bool) -> Result<usize, Failure> {
    let needs = bound(payload.len(), literals);
    if payload.len() > MAX_LEN {
        return Err(Failure::TooLarge);
    }
    if out.len() < needs {
        return Err(Failure::Needs(needs));
    }
    if !literals && payload.len() >= MIN_COMPRESSED_LEN {
        // The width of the bin's header depends on a length that is not known yet.
        let len = lz4::compress(&mut out[MAX_HEAD_LEN..], payload)?;
        let block = MAX_HEAD_LEN..MAX_HEAD_LEN + len;
        if len < payload.len() {
            let at = write_head(out, LZ4_BLOCK, payload.len(), len);
            out.copy_within(block.clone(), at);
            out[at + len..block.end].fill(0);
            return Ok(at + len);
        }
        out[block].fill(0);
    }
    let at = write_head(out, AS_IT_IS, payload.len(), payload.len());
    let end = at + payload.len();
    if end > MAX_LEN {
        return Err(Failure::TooLarge);
    }
    copy(&mut out[at..end], payload);
    Ok(end)
}

fn write_head(out: &mut [u8], method: u64, payload_len: usize, stored_len: usize) -> usize {
    out[..4].copy_from_slice(&[MAGIC[0], MAGIC[1], 0x90 | FIELDS as u8, method as u8]);
    let at = write_uint(out, 4, payload_len as u32);
    write_bin_header(out, at, stored_len)
}

/// A container whose fields are read and whose limits hold. The payload may still be compressed.
#[derive(Debug)]
pub struct Container<'a> {
    compressed: bool,
    payload_len: usize,
    stored: &'a [u8],
}

impl<'a> Container<'a> {
    /// Reads the fields; allocates nothing.
    ///
    /// # Errors
    /// [`Failure::OtherContainer`] and [`Failure::PythonFrame`] for what begins otherwise, [`Failure::Envelope`] for every
    /// other container that cannot be opened.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Failure> {
        if bytes.len() > MAX_LEN {
            return Err(Failure::Envelope);
        }
        if bytes.starts_with(&FRAME) {
            return Err(Failure::PythonFrame);
        }
        if bytes.first() != Some(&MAGIC[0]) {
            return Err(Failure::OtherContainer);
        }
        let body = bytes.strip_prefix(&MAGIC).ok_or(Failure::Envelope)?;
        container(body).ok_or(Failure::Envelope)
    }

    /// Length of the payload in bytes.
    pub fn payload_len(&self) -> usize {
        self.payload_len
    }

    /// Writes the payload to the start of `out`; a failure leaves zeros.
    ///
    /// # Errors
    /// [`Failure::Needs`] if `out` is too short, else [`Failure::Envelope`].
    pub fn read(&self, out: &mut [u8]) -> Result<usize, Failure> {
        let out = out.get_mut(..self.payload_len).ok_or(Failure::Needs(self.payload_len))?;
        if !self.compressed {
            copy(out, self.stored);
            return Ok(out.len());
        }
        match lz4::decompress(out, self.stored) {
            Ok(len) if len == out.len() => Ok(len),
            _ => {
                out.fill(0);
                Err(Failure::Envelope)
            }
        }
    }
}

fn container(body: &[u8]) -> Option<Container<'_>> {
    let mut cursor = Cursor { rest: body };
    let marker = cursor.byte()?;
    let fields = cursor.array_len(marker)?;
    let (method, size) = (unsigned(&mut cursor)?, unsigned(&mut cursor)?);
    let stored = match cursor.byte()? {
        marker @ 0xc4..=0xc6 => cursor.data(marker)?,
        _ => return None,
    };
    if fields != FIELDS || !cursor.rest.is_empty() || size > MAX_LEN as u64 {
        return None;
    }
    let stored_len = stored.len() as u64;
    // The protocol allows 1,000 times the block; no LZ4 block holds even 256 times its length.
    let holds = match method {
        AS_IT_IS => size == stored_len,
        LZ4_BLOCK => stored_len > 0 && size <= lz4::max_payload_len(stored.len()),
        _ => false,
    };
    holds.then_some(Container { compressed: method == LZ4_BLOCK, payload_len: size as usize, stored })
}

fn unsigned(cursor: &mut Cursor<'_>) -> Option<u64> {
    let marker = cursor.byte()?;
    cursor.unsigned(marker)
}
