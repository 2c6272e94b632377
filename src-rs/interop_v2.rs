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
        Reader { rest: body }.container().ok_or(Failure::Envelope)
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

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn container(mut self) -> Option<Container<'a>> {
        let fields = match self.byte()? {
            marker @ 0x90..=0x9f => u64::from(marker & 15),
            0xdc => self.uint(2)?,
            0xdd => self.uint(4)?,
            _ => return None,
        };
        let (method, size) = (self.unsigned()?, self.unsigned()?);
        let stored = self.bin()?;
        if fields != FIELDS || !self.rest.is_empty() || size > MAX_LEN as u64 {
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

    fn unsigned(&mut self) -> Option<u64> {
        match self.byte()? {
            marker @ 0..=0x7f => Some(u64::from(marker)),
            0xcc => self.uint(1),
            0xcd => self.uint(2),
            0xce => self.uint(4),
            0xcf => self.uint(8),
            _ => None,
        }
    }

    fn bin(&mut self) -> Option<&'a [u8]> {
        let len = match self.byte()? {
            0xc4 => self.uint(1)?,
            0xc5 => self.uint(2)?,
            0xc6 => self.uint(4)?,
            _ => return None,
        };
        self.take(usize::try_from(len).ok()?)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn uint(&mut self, len: usize) -> Option<u64> {
        Some(self.take(len)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }
}
