//! Bounds of untrusted MessagePack, checked before any decoder sees it, and the reading of containers. Protocol: docs/protocol.md, "Decode bounds".

use std::cell::Cell;

use crate::error::Failure;

/// Deepest nesting of arrays and maps.
pub const MAX_DEPTH: usize = 1024;

thread_local! {
    static OPEN: Cell<Vec<u64>> = const { Cell::new(Vec::new()) };
}

/// Checks that `bytes` are one complete document, nested at most 1,024 deep, with nothing after it.
///
/// Such a document backs all that it declares: every declared element has a header byte, every declared byte is there,
/// and the root's own header is the one byte more. So the protocol's sum of declared slots needs no count of its own.
/// Nothing is built, and each step consumes input.
///
/// # Errors
/// [`Failure::PayloadBounds`].
pub fn check(bytes: &[u8]) -> Result<(), Failure> {
    let mut open = OPEN.take();
    open.clear();
    let result = walk(bytes, &mut open).ok_or(Failure::PayloadBounds);
    OPEN.set(open);
    result
}

// `open` holds how many values are to come in each array and map around the innermost, and `left` in that.
fn walk(bytes: &[u8], open: &mut Vec<u64>) -> Option<()> {
    let (mut at, mut left) = (0, 1);
    loop {
        while left == 0 {
            match open.pop() {
                Some(outer) => left = outer,
                None => return (at == bytes.len()).then_some(()),
            }
        }
        left -= 1;
        let marker = *bytes.get(at)?;
        at += 1;
        let elements = match FIXED_LEN[usize::from(marker)] {
            VARIABLE => match marker {
                0x80..=0x8f => 2 * u64::from(marker & 15),
                0x90..=0x9f => u64::from(marker & 15),
                0xdc => uint(bytes, &mut at, 2)?,
                0xdd => uint(bytes, &mut at, 4)?,
                0xde => 2 * uint(bytes, &mut at, 2)?,
                0xdf => 2 * uint(bytes, &mut at, 4)?,
                _ => {
                    let len = data_len(bytes, marker, &mut at)?;
                    at = at.checked_add(usize::try_from(len).ok()?)?;
                    continue;
                }
            },
            len => {
                // Past the end, if so: the next read or the last comparison finds out.
                at += usize::from(len);
                continue;
            }
        };
        open.push(left);
        if open.len() > MAX_DEPTH {
            return None;
        }
        left = elements;
    }
}

// Length of a str, bin or ext (with its type byte) after its header.
fn data_len(bytes: &[u8], marker: u8, at: &mut usize) -> Option<u64> {
    match marker {
        0xc4 | 0xd9 => uint(bytes, at, 1),
        0xc5 | 0xda => uint(bytes, at, 2),
        0xc6 | 0xdb => uint(bytes, at, 4),
        0xc7 => Some(uint(bytes, at, 1)? + 1),
        0xc8 => Some(uint(bytes, at, 2)? + 1),
        0xc9 => Some(uint(bytes, at, 4)? + 1),
        _ => None,
    }
}

fn uint(bytes: &[u8], at: &mut usize, len: usize) -> Option<u64> {
    let end = *at + len;
    let value = bytes.get(*at..end)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    *at = end;
    Some(value)
}

const VARIABLE: u8 = u8::MAX;

/// Bytes that follow each marker, where the marker alone tells.
static FIXED_LEN: [u8; 256] = {
    let mut lens = [0; 256];
    let mut marker = 0;
    while marker < 256 {
        lens[marker] = match marker {
            0x80..=0x9f | 0xc1 | 0xc4..=0xc9 | 0xd9..=0xdf => VARIABLE,
            0xa0..=0xbf => marker as u8 & 31,
            0xcc | 0xd0 => 1,
            0xcd | 0xd1 | 0xd4 => 2,
            0xd5 => 3,
            0xca | 0xce | 0xd2 => 4,
            0xd6 => 5,
            0xcb | 0xcf | 0xd3 => 8,
            0xd7 => 9,
            0xd8 => 17,
            _ => 0,
        };
        marker += 1;
    }
    lens
};

/// Reads parts of a document. Each answers `None` for another marker than its own, and where the bytes end before it does.
pub(crate) struct Cursor<'a> {
    pub(crate) rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    /// A big-endian integer of `len` bytes.
    pub(crate) fn uint(&mut self, len: u64) -> Option<u64> {
        Some(self.take(len)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// An integer of any unsigned type.
    pub(crate) fn unsigned(&mut self, marker: u8) -> Option<u64> {
        match marker {
            0..=0x7f => Some(u64::from(marker)),
            0xcc..=0xcf => self.uint(1 << (marker - 0xcc)),
            _ => None,
        }
    }

    pub(crate) fn array_len(&mut self, marker: u8) -> Option<u64> {
        match marker {
            0x90..=0x9f => Some(u64::from(marker & 15)),
            0xdc => self.uint(2),
            0xdd => self.uint(4),
            _ => None,
        }
    }

    /// The bytes of a str or bin.
    pub(crate) fn data(&mut self, marker: u8) -> Option<&'a [u8]> {
        let len = match marker {
            0xa0..=0xbf => u64::from(marker & 31),
            0xc4 | 0xd9 => self.uint(1)?,
            0xc5 | 0xda => self.uint(2)?,
            0xc6 | 0xdb => self.uint(4)?,
            _ => return None,
        };
        self.take(len)
    }

    fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(len).ok()?)?;
        self.rest = rest;
        Some(taken)
    }
}
