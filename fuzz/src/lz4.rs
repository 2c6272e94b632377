//! LZ4 by its specification, word for word, and the C library beside it.
//!
//! The C library also refuses blocks that break the rules for a block's end, which the specification has for encoders. So what a
//! decoder must answer is here, and the C library says what it must not refuse.

use std::io::{Read, Write};

use lz4::block::{compress_to_buffer, decompress_to_buffer, CompressionMode};
use lz4::{BlockMode, BlockSize, ContentChecksum, Decoder, EncoderBuilder};
use twox_hash::XxHash32;

/// What a block holds behind `window`, if it is no more than `room`.
pub fn block(block: &[u8], window: &[u8], room: usize) -> Option<Vec<u8>> {
    let mut bytes = block.iter().copied();
    let mut out = window.to_vec();
    let room = window.len().checked_add(room)?;
    loop {
        let token = bytes.next()?;
        let literals = length(token >> 4, &mut bytes)?;
        if literals > bytes.len() || literals > room - out.len() {
            return None;
        }
        out.extend(bytes.by_ref().take(literals));
        if bytes.len() == 0 {
            return Some(out.split_off(window.len()));
        }
        let offset = usize::from(u16::from_le_bytes([bytes.next()?, bytes.next()?]));
        let repeated = length(token & 15, &mut bytes)?.checked_add(4)?;
        if offset == 0 || offset > out.len() || repeated > room - out.len() {
            return None;
        }
        for _ in 0..repeated {
            out.push(out[out.len() - offset]);
        }
    }
}

// 15 means that bytes follow which are to be added, up to the first that is not 255.
fn length(nibble: u8, bytes: &mut impl Iterator<Item = u8>) -> Option<usize> {
    let mut len = usize::from(nibble);
    if nibble == 15 {
        loop {
            let more = bytes.next()?;
            len += usize::from(more);
            if more < 255 {
                break;
            }
        }
    }
    Some(len)
}

/// What a frame without a dictionary holds, if it is a whole frame and nothing else.
pub fn frame(frame: &[u8], room: usize) -> Option<Vec<u8>> {
    let flags = *frame.get(4)?;
    let largest = match frame.get(5)? {
        size @ (0x40 | 0x50 | 0x60 | 0x70) => 1 << (8 + 2 * (size >> 4)),
        _ => return None,
    };
    let has = |bit: u8| flags >> bit & 1 == 1;
    let (independent, block_sums, content_size, content_sum) = (has(5), has(4), has(3), has(2));
    if !frame.starts_with(&0x184d_2204_u32.to_le_bytes()) || flags >> 6 != 1 || has(1) || has(0) {
        return None;
    }
    let descriptor = frame.get(4..if content_size { 14 } else { 6 })?;
    let mut rest = &frame[4 + descriptor.len()..];
    if take(&mut rest, 1)?[0] != (XxHash32::oneshot(0, descriptor) >> 8) as u8 {
        return None;
    }
    let mut out = Vec::new();
    loop {
        let word = word(&mut rest)?;
        if word == 0 {
            break;
        }
        let data = take(&mut rest, (word & 0x7fff_ffff) as usize)?;
        if data.len() > largest || (block_sums && self::word(&mut rest)? != XxHash32::oneshot(0, data)) {
            return None;
        }
        let room = (room - out.len()).min(largest);
        let window = if independent { &[] } else { &out[out.len().saturating_sub(1 << 16)..] };
        let content = if word >> 31 == 0 { block(data, window, room)? } else { data.to_vec() };
        if content.len() > room {
            return None;
        }
        out.extend(content);
    }
    let right = (!content_size || descriptor[2..] == (out.len() as u64).to_le_bytes())
        && (!content_sum || word(&mut rest)? == XxHash32::oneshot(0, &out));
    (right && rest.is_empty()).then_some(out)
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(len)?;
    *rest = left;
    Some(taken)
}

fn word(rest: &mut &[u8]) -> Option<u32> {
    take(rest, 4).map(|taken| u32::from_le_bytes(taken.try_into().unwrap()))
}

/// What the C library reads from a block.
pub fn library_block(block: &[u8], room: usize) -> Option<Vec<u8>> {
    let mut out = vec![0; room];
    let len = decompress_to_buffer(block, Some(i32::try_from(room).ok()?), &mut out).ok()?;
    out.truncate(len);
    Some(out)
}

/// A block by the C library.
pub fn library_compress(payload: &[u8], high: bool) -> Vec<u8> {
    let mode = if high { CompressionMode::HIGHCOMPRESSION(9) } else { CompressionMode::FAST(1) };
    let mut out = vec![0; lz4::block::compress_bound(payload.len()).unwrap()];
    let len = compress_to_buffer(payload, Some(mode), false, &mut out).unwrap();
    out.truncate(len);
    out
}

/// What the C library reads from a frame, if that is the whole input and no more than `room`.
pub fn library_frame(frame: &[u8], room: usize) -> Option<Vec<u8>> {
    let mut decoder = Decoder::new(frame).ok()?;
    let mut out = Vec::new();
    decoder.by_ref().take(room as u64 + 1).read_to_end(&mut out).ok()?;
    let (rest, finished) = decoder.finish();
    (finished.is_ok() && rest.is_empty() && out.len() <= room).then_some(out)
}

/// A frame by the C library, whose shape the bits of `shape` choose.
pub fn library_compress_frame(content: &[u8], shape: u8) -> Vec<u8> {
    // No larger blocks: the library's memory for them takes a millisecond.
    let mut encoder = EncoderBuilder::new()
        .block_size(if shape & 3 == 0 { BlockSize::Max256KB } else { BlockSize::Max64KB })
        .block_mode(if shape & 4 == 0 { BlockMode::Linked } else { BlockMode::Independent })
        .checksum(if shape & 8 == 0 { ContentChecksum::NoChecksum } else { ContentChecksum::ChecksumEnabled })
        .content_size(if shape & 16 == 0 { 0 } else { content.len() as u64 })
        .build(Vec::new())
        .unwrap();
    encoder.write_all(content).unwrap();
    let (frame, result) = encoder.finish();
    result.unwrap();
    frame
}
