//! LZ4 frames, as Arrow compresses buffers: one frame for each, of a length that is known before.
//!
//! ```text
//! 04 22 4d 18 | FLG | BD | [content size, u64] | [dictionary id, u32] | HC | blocks … | 00000000 | [content checksum, u32]
//! block: length (u32, bit 31: not compressed) | data | [block checksum, u32]
//! FLG: bits 7-6 version 01 | 5 independent blocks | 4 block checksums | 3 content size | 2 content checksum | 1 reserved | 0 dictionary
//! BD: bits 6-4 largest block, 4 to 7 for 64 KiB, 256 KiB, 1 MiB, 4 MiB | the others 0
//! ```
//!
//! Numbers are little-endian; HC is the second byte of xxh32 of what stands between the magic and it, the others are xxh32.

use std::cell::RefCell;

use lz4_flex::block::decompress_into_with_dict;
use xxhash_rust::xxh32::xxh32;

use crate::error::Failure;
use crate::lz4;

const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
const VERSION: u8 = 0b0100_0000;
const INDEPENDENT: u8 = 1 << 5;
const BLOCK_CHECKSUMS: u8 = 1 << 4;
const CONTENT_SIZE: u8 = 1 << 3;
const CONTENT_CHECKSUM: u8 = 1 << 2;
/// Version and reserved bits, and that of a dictionary, which Arrow has no place for.
const FIXED: u8 = 0b1100_0011;
const NOT_COMPRESSED: u32 = 1 << 31;
/// How far back a block may refer.
const WINDOW_LEN: usize = 64 * 1024;

/// Blocks that [`compress`] writes, and their number in `BD`.
const BLOCK_LEN: usize = 256 * 1024;
const BLOCK_SIZE: u8 = 5 << 4;

thread_local! {
    static BLOCK: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Fills `out` with what `frame` holds, which is one frame and nothing else. All checksums that it has are verified.
///
/// # Errors
/// [`Failure::Envelope`] for a frame that is malformed, or holds more or less than `out`; what is in `out` then is of no use.
pub fn decompress(out: &mut [u8], frame: &[u8]) -> Result<(), Failure> {
    let mut rest = Reader(frame);
    if rest.take(MAGIC.len())? != MAGIC {
        return Err(Failure::Envelope);
    }
    let descriptor = rest.0;
    let (flags, size) = (rest.byte()?, rest.byte()?);
    let block_len = match size {
        0x40 => 64 << 10,
        0x50 => 256 << 10,
        0x60 => 1 << 20,
        0x70 => 4 << 20,
        _ => return Err(Failure::Envelope),
    };
    if flags & FIXED != VERSION || (flags & CONTENT_SIZE != 0 && rest.long()? != out.len() as u64) {
        return Err(Failure::Envelope);
    }
    let descriptor = &descriptor[..descriptor.len() - rest.0.len()];
    if rest.byte()? != header_checksum(descriptor) {
        return Err(Failure::Envelope);
    }
    let mut filled = 0;
    loop {
        let word = rest.word()?;
        if word == 0 {
            break;
        }
        let block = rest.take((word & !NOT_COMPRESSED) as usize)?;
        if block.len() > block_len || (flags & BLOCK_CHECKSUMS != 0 && rest.word()? != xxh32(block, 0)) {
            return Err(Failure::Envelope);
        }
        let (done, target) = out.split_at_mut(filled);
        let room = target.len().min(block_len);
        let target = &mut target[..room];
        filled += if word & NOT_COMPRESSED != 0 {
            target.get_mut(..block.len()).ok_or(Failure::Envelope)?.copy_from_slice(block);
            block.len()
        } else if flags & INDEPENDENT != 0 {
            lz4::decompress(target, block)?
        } else {
            let window = &done[done.len().saturating_sub(WINDOW_LEN)..];
            decompress_into_with_dict(block, target, window).map_err(|_| Failure::Envelope)?
        };
    }
    if filled != out.len() || (flags & CONTENT_CHECKSUM != 0 && rest.word()? != xxh32(out, 0)) || !rest.0.is_empty() {
        return Err(Failure::Envelope);
    }
    Ok(())
}

/// Writes `content` as a frame of independent blocks with its size to the start of `out` and returns the frame's length.
///
/// # Errors
/// [`Failure::OutputTooSmall`] for a frame that is longer than `out`.
pub fn compress(out: &mut [u8], content: &[u8]) -> Result<usize, Failure> {
    let mut writer = Writer { out, len: 0 };
    writer.put(&MAGIC)?;
    writer.put(&[VERSION | INDEPENDENT | CONTENT_SIZE, BLOCK_SIZE])?;
    writer.put(&(content.len() as u64).to_le_bytes())?;
    let checksum = header_checksum(&writer.out[MAGIC.len()..writer.len]);
    writer.put(&[checksum])?;
    BLOCK.with_borrow_mut(|scratch| {
        scratch.resize(lz4::compress_bound(BLOCK_LEN), 0);
        content.chunks(BLOCK_LEN).try_for_each(|chunk| {
            let len = lz4::compress(scratch, chunk)?;
            let (block, mark) = if len < chunk.len() { (&scratch[..len], 0) } else { (chunk, NOT_COMPRESSED) };
            writer.put(&(block.len() as u32 | mark).to_le_bytes())?;
            writer.put(block)
        })
    })?;
    writer.put(&0u32.to_le_bytes())?;
    Ok(writer.len)
}

fn header_checksum(descriptor: &[u8]) -> u8 {
    xxh32(descriptor, 0).to_le_bytes()[1]
}

/// What is left of a frame.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Failure> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Failure::Envelope)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Failure::Envelope)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Failure> {
        self.array().map(|[byte]| byte)
    }

    fn word(&mut self) -> Result<u32, Failure> {
        self.array().map(u32::from_le_bytes)
    }

    fn long(&mut self) -> Result<u64, Failure> {
        self.array().map(u64::from_le_bytes)
    }
}

struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let end = self.len + bytes.len();
        self.out.get_mut(self.len..end).ok_or(Failure::OutputTooSmall)?.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }
}
