//! Reads envelopes of every writer, and nothing else.

use std::borrow::Cow;
use std::ops::Range;

use super::{FIELDS, MAX_LEN};
use crate::error::Failure;
use crate::hash::{checksum, CHECKSUM_LEN};
use crate::lz4;
use crate::msgpack::Cursor;

const NAMES: [&[u8]; FIELDS] = [b"compressed_data", b"checksum", b"original_size", b"format"];

/// An envelope whose fields are read and whose limits hold. The payload is still compressed.
#[derive(Debug)]
pub struct Envelope<'a> {
    block: Cow<'a, [u8]>,
    checksum: [u8; CHECKSUM_LEN],
    payload_len: usize,
    format: Range<usize>,
}

impl<'a> Envelope<'a> {
    /// Reads the fields. Nothing is allocated but the bytes of a legacy integer array, which the input backs.
    ///
    /// The shape is fixed and every length is checked against the input, so that a document which passes nests two
    /// deep and claims less than it holds: the protocol's structural scan has nothing left to refuse.
    ///
    /// # Errors
    /// [`Failure::Envelope`] for every envelope that cannot be opened.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Failure> {
        if bytes.len() > MAX_LEN {
            return Err(Failure::Envelope);
        }
        let fields = fields(bytes).ok_or(Failure::Envelope)?;
        fields.check_limits()?;
        Ok(fields)
    }

    /// Length of the payload in bytes.
    pub fn payload_len(&self) -> usize {
        self.payload_len
    }

    /// Where in the envelope its format string stands.
    pub fn format(&self) -> Range<usize> {
        self.format.clone()
    }

    /// Decompresses the payload to the start of `out` and checks it; a failure leaves zeros.
    ///
    /// # Errors
    /// [`Failure::Needs`] if `out` is too short, else [`Failure::Envelope`].
    pub fn read(&self, out: &mut [u8]) -> Result<usize, Failure> {
        let out = out.get_mut(..self.payload_len).ok_or(Failure::Needs(self.payload_len))?;
        match lz4::decompress(out, &self.block) {
            Ok(len) if len == out.len() && checksum(out) == self.checksum => Ok(len),
            _ => {
                out.fill(0);
                Err(Failure::Envelope)
            }
        }
    }

    // The protocol allows a payload of 1,000 times its block; no LZ4 block holds even 256 times its length, so that the
    // stricter limit refuses nothing more and bounds what is allocated for a claim. An empty block holds nothing at
    // all, not even an empty payload: it fails to decompress.
    fn check_limits(&self) -> Result<(), Failure> {
        let plausible = (self.payload_len as u64) <= lz4::max_payload_len(self.block.len());
        if self.payload_len <= MAX_LEN && plausible {
            Ok(())
        } else {
            Err(Failure::Envelope)
        }
    }
}

fn fields(bytes: &[u8]) -> Option<Envelope<'_>> {
    let (mut block, mut checksum, mut payload_len, mut format) = (None, None, None, None);
    let mut cursor = Cursor { rest: bytes };
    let named = is_named(&mut cursor)?;
    for index in 0..FIELDS {
        let field = if named { name(&mut cursor)? } else { index };
        match field {
            0 if block.is_none() => block = Some(read_block(&mut cursor)?),
            1 if checksum.is_none() => checksum = Some(read_checksum(&mut cursor)?),
            2 if payload_len.is_none() => payload_len = Some(u32::try_from(integer(&mut cursor)?).ok()? as usize),
            3 if format.is_none() => {
                let len = std::str::from_utf8(text(&mut cursor)?).ok()?.len();
                let end = bytes.len() - cursor.rest.len();
                format = Some(end - len..end);
            }
            _ => return None,
        }
    }
    Some(Envelope { block: block?, checksum: checksum?, payload_len: payload_len?, format: format? })
}

fn name(cursor: &mut Cursor<'_>) -> Option<usize> {
    let name = text(cursor)?;
    NAMES.iter().position(|known| *known == name)
}

// Reads the header of the four fields.
fn is_named(cursor: &mut Cursor<'_>) -> Option<bool> {
    let (named, len) = match cursor.byte()? {
        0x84 => (true, 4),
        0xde => (true, cursor.uint(2)?),
        0xdf => (true, cursor.uint(4)?),
        marker => (false, cursor.array_len(marker)?),
    };
    (len == FIELDS as u64).then_some(named)
}

fn read_block<'a>(cursor: &mut Cursor<'a>) -> Option<Cow<'a, [u8]>> {
    match cursor.byte()? {
        marker @ 0xc4..=0xc6 => cursor.data(marker).map(Cow::Borrowed),
        // Grows as it is read: the length may be a lie.
        marker => (0..cursor.array_len(marker)?).map(|_| integer_byte(cursor)).collect::<Option<_>>().map(Cow::Owned),
    }
}

fn read_checksum(cursor: &mut Cursor<'_>) -> Option<[u8; CHECKSUM_LEN]> {
    match cursor.byte()? {
        marker @ 0xc4..=0xc6 => cursor.data(marker)?.try_into().ok(),
        marker if cursor.array_len(marker)? == CHECKSUM_LEN as u64 => {
            let mut checksum = [0; CHECKSUM_LEN];
            for byte in &mut checksum {
                *byte = integer_byte(cursor)?;
            }
            Some(checksum)
        }
        _ => None,
    }
}

// A string, which some writers have as bin.
fn text<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let marker = cursor.byte()?;
    cursor.data(marker)
}

// The forms that every writer of today uses come first: a checksum has eight of these.
#[inline]
fn integer_byte(cursor: &mut Cursor<'_>) -> Option<u8> {
    match cursor.rest {
        [byte @ 0..=0x7f, rest @ ..] | [0xcc, byte, rest @ ..] => {
            cursor.rest = rest;
            Some(*byte)
        }
        _ => u8::try_from(integer(cursor)?).ok(),
    }
}

// An integer of any width that is not negative.
fn integer(cursor: &mut Cursor<'_>) -> Option<u64> {
    match cursor.byte()? {
        0xd0 => cursor.uint(1).filter(|value| *value <= i8::MAX as u64),
        0xd1 => cursor.uint(2).filter(|value| *value <= i16::MAX as u64),
        0xd2 => cursor.uint(4).filter(|value| *value <= i32::MAX as u64),
        0xd3 => cursor.uint(8).filter(|value| *value <= i64::MAX as u64),
        marker => cursor.unsigned(marker),
    }
}
