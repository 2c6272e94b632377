//! Reads envelopes of every writer, and nothing else.

use std::borrow::Cow;
use std::ops::Range;

use super::{FIELDS, MAX_LEN};
use crate::error::Failure;
use crate::hash::{checksum, CHECKSUM_LEN};
use crate::lz4;

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
        let fields = Reader { bytes, at: 0 }.fields().ok_or(Failure::Envelope)?;
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

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn fields(mut self) -> Option<Envelope<'a>> {
        let (mut block, mut checksum, mut payload_len, mut format) = (None, None, None, None);
        let named = self.container()?;
        for index in 0..FIELDS {
            let field = if named { self.name()? } else { index };
            match field {
                0 if block.is_none() => block = Some(self.block()?),
                1 if checksum.is_none() => checksum = Some(self.checksum()?),
                2 if payload_len.is_none() => payload_len = Some(self.payload_len()?),
                3 if format.is_none() => format = Some(self.format()?),
                _ => return None,
            }
        }
        Some(Envelope { block: block?, checksum: checksum?, payload_len: payload_len?, format: format? })
    }

    // Whether the four fields are named.
    fn container(&mut self) -> Option<bool> {
        let (named, len) = match self.byte()? {
            0x94 => (false, 4),
            0xdc => (false, self.uint(2)?),
            0xdd => (false, self.uint(4)?),
            0x84 => (true, 4),
            0xde => (true, self.uint(2)?),
            0xdf => (true, self.uint(4)?),
            _ => return None,
        };
        (len == FIELDS as u64).then_some(named)
    }

    fn name(&mut self) -> Option<usize> {
        let name = self.text()?;
        let names: [&[u8]; FIELDS] = [b"compressed_data", b"checksum", b"original_size", b"format"];
        names.iter().position(|known| *known == &self.bytes[name.clone()])
    }

    fn block(&mut self) -> Option<Cow<'a, [u8]>> {
        match self.bin_or_array()? {
            Run::Bytes(range) => Some(Cow::Borrowed(&self.bytes[range])),
            Run::Integers(len) => {
                let mut block = Vec::with_capacity(len);
                for _ in 0..len {
                    block.push(self.integer_byte()?);
                }
                Some(Cow::Owned(block))
            }
        }
    }

    fn checksum(&mut self) -> Option<[u8; CHECKSUM_LEN]> {
        match self.bin_or_array()? {
            Run::Bytes(range) => self.bytes[range].try_into().ok(),
            Run::Integers(CHECKSUM_LEN) => {
                let mut checksum = [0; CHECKSUM_LEN];
                for byte in &mut checksum {
                    *byte = self.integer_byte()?;
                }
                Some(checksum)
            }
            Run::Integers(_) => None,
        }
    }

    fn payload_len(&mut self) -> Option<usize> {
        let len = self.integer()?;
        usize::try_from(u32::try_from(len).ok()?).ok()
    }

    fn format(&mut self) -> Option<Range<usize>> {
        let format = self.text()?;
        std::str::from_utf8(&self.bytes[format.clone()]).ok()?;
        Some(format)
    }

    fn bin_or_array(&mut self) -> Option<Run> {
        let len = match self.byte()? {
            0xc4 => self.uint(1)?,
            0xc5 => self.uint(2)?,
            0xc6 => self.uint(4)?,
            marker @ 0x90..=0x9f => return self.integers(u64::from(marker & 15)),
            0xdc => {
                let len = self.uint(2)?;
                return self.integers(len);
            }
            0xdd => {
                let len = self.uint(4)?;
                return self.integers(len);
            }
            _ => return None,
        };
        Some(Run::Bytes(self.range(len)?))
    }

    // Each integer takes at least a byte, so that a length beyond the input is a lie.
    fn integers(&mut self, len: u64) -> Option<Run> {
        (len <= (self.bytes.len() - self.at) as u64).then_some(Run::Integers(len as usize))
    }

    fn text(&mut self) -> Option<Range<usize>> {
        let len = match self.byte()? {
            marker @ 0xa0..=0xbf => u64::from(marker & 31),
            0xc4 | 0xd9 => self.uint(1)?,
            0xc5 | 0xda => self.uint(2)?,
            0xc6 | 0xdb => self.uint(4)?,
            _ => return None,
        };
        self.range(len)
    }

    // The forms that every writer of today uses come first: a checksum has eight of these.
    #[inline]
    fn integer_byte(&mut self) -> Option<u8> {
        match *self.bytes.get(self.at..)? {
            [byte @ 0..=0x7f, ..] => {
                self.at += 1;
                Some(byte)
            }
            [0xcc, byte, ..] => {
                self.at += 2;
                Some(byte)
            }
            _ => u8::try_from(self.integer()?).ok(),
        }
    }

    // An integer of any width that is not negative.
    fn integer(&mut self) -> Option<u64> {
        match self.byte()? {
            marker @ 0..=0x7f => Some(u64::from(marker)),
            0xcc => self.uint(1),
            0xcd => self.uint(2),
            0xce => self.uint(4),
            0xcf => self.uint(8),
            0xd0 => self.uint(1).filter(|value| *value <= i8::MAX as u64),
            0xd1 => self.uint(2).filter(|value| *value <= i16::MAX as u64),
            0xd2 => self.uint(4).filter(|value| *value <= i32::MAX as u64),
            0xd3 => self.uint(8).filter(|value| *value <= i64::MAX as u64),
            _ => None,
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn uint(&mut self, len: usize) -> Option<u64> {
        let range = self.range(len as u64)?;
        Some(self.bytes[range].iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn range(&mut self, len: u64) -> Option<Range<usize>> {
        let start = self.at;
        let end = start.checked_add(usize::try_from(len).ok()?)?;
        if end > self.bytes.len() {
            return None;
        }
        self.at = end;
        Some(start..end)
    }
}

enum Run {
    Bytes(Range<usize>),
    Integers(usize),
}
