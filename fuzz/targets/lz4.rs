//! LZ4 blocks and frames, against the specification and the C library.
//!
//! | bytes | |
//! |---|---|
//! | 1 | 0 a block, 1 a frame, 2 a payload for blocks, 3 a payload for frames, modulo 4; 255 content of a block's largest size |
//! | 1 | shape of a block or frame that the C library writes; bits 5-7: the bit that is altered |
//! | 2 | room, modulo 8,192, or the place of an altered byte |
//! | rest | the block, frame or payload |

#![no_main]

use cachekit_native::error::Failure;
use cachekit_native::{lz4, lz4_frame};
use cachekit_native_fuzz::input::Input;
use cachekit_native_fuzz::lz4 as oracle;
use cachekit_native_fuzz::memory::{is_untouched, marked};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let (what, shape, number) = (input.byte(), input.byte(), input.short());
    let bytes = input.rest();
    if what == u8::MAX {
        return read_large_block(bytes, shape, number);
    }
    match what % 4 {
        0 => read_block(bytes, number % 8_192),
        1 => read_frame(bytes, number % 8_192),
        2 => write_block(bytes, shape),
        _ => write_frame(bytes, shape, number),
    }
});

fn read_block(block: &[u8], room: usize) {
    let mut out = marked(room);
    let expected = oracle::block(block, &[], room);
    match lz4::decompress(&mut out, block) {
        Ok(len) => {
            assert_eq!(Some(&out[..len]), expected.as_deref());
            assert!(len as u64 <= lz4::max_payload_len(block.len()));
            if room > len && len > 0 {
                assert_eq!(lz4::decompress(&mut out[..len], block), Ok(len));
                assert_eq!(lz4::decompress(&mut out[..len - 1], block), Err(Failure::Envelope));
            }
        }
        Err(failure) => assert_eq!((failure, expected.as_deref()), (Failure::Envelope, None)),
    }
    // An offset of 0, which the specification forbids, is let through there.
    if let (Some(found), Some(expected)) = (oracle::library_block(block, room), expected) {
        assert_eq!(found, expected);
    }
}

fn read_frame(frame: &[u8], room: usize) {
    let expected = oracle::frame(frame, room);
    let len = expected.as_ref().map_or(room, Vec::len);
    let mut out = marked(len + 1);
    match lz4_frame::decompress(&mut out[..len], frame) {
        Ok(()) => assert_eq!(Some(&out[..len]), expected.as_deref()),
        Err(failure) => assert_eq!((failure, expected.as_deref()), (Failure::Envelope, None)),
    }
    assert!(is_untouched(&out[len..]));
    if let Some(expected) = expected {
        assert_eq!(lz4_frame::decompress(&mut out, frame), Err(Failure::Envelope));
        if len > 0 {
            assert_eq!(lz4_frame::decompress(&mut out[..len - 1], frame), Err(Failure::Envelope));
        }
        if let Some(found) = oracle::library_frame(frame, len) {
            assert_eq!(found, expected);
        }
    }
}

/// A frame of one block that is about as large as one may be, which no input is.
fn read_large_block(bytes: &[u8], shape: u8, number: usize) {
    const LARGEST: usize = 64 << 10;
    let len = LARGEST - 300 + number % 320;
    let mut content = [bytes, &[0]].concat().repeat(len / (bytes.len() + 1) + 1);
    content.truncate(len);
    let mut block = marked(lz4::literals_len(len));
    let stored = if shape & 1 == 0 { lz4::write_literals(&mut block, &content) as u32 } else { len as u32 | 1 << 31 };
    let data = if shape & 1 == 0 { &block } else { &content };
    let frame = [&[4, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82], &stored.to_le_bytes()[..], data, &[0; 4]].concat();
    let mut out = marked(len);
    let opened = lz4_frame::decompress(&mut out, &frame);
    assert_eq!(opened.is_ok(), data.len() <= LARGEST);
    assert_eq!(oracle::library_frame(&frame, len), opened.is_ok().then_some(content));
}

fn write_block(payload: &[u8], shape: u8) {
    let mut block = marked(lz4::compress_bound(payload.len()));
    let len = lz4::compress(&mut block, payload).unwrap();
    block.truncate(len);
    // With its rules for a block's end, which only it has.
    assert_eq!(oracle::library_block(&block, payload.len()).as_deref(), Some(payload));
    assert_eq!(oracle::block(&block, &[], payload.len()).as_deref(), Some(payload));

    let mut literals = marked(lz4::literals_len(payload.len()) + 1);
    let len = lz4::write_literals(&mut literals, payload);
    assert_eq!(len + 1, literals.len());
    assert!(is_untouched(&literals[len..]));
    assert_eq!(oracle::library_block(&literals[..len], payload.len()).as_deref(), Some(payload));

    let mut out = marked(payload.len());
    // The better compression takes a millisecond.
    for block in [&block, &literals[..len], &oracle::library_compress(payload, shape == u8::MAX)] {
        out.fill(0);
        assert_eq!(lz4::decompress(&mut out, block), Ok(payload.len()));
        assert_eq!(out, payload);
    }
}

fn write_frame(content: &[u8], shape: u8, at: usize) {
    let mut frame = marked(content.len() + 64);
    let len = lz4_frame::compress(&mut frame, content).unwrap();
    assert!(is_untouched(&frame[len..]));
    frame.truncate(len);
    assert_eq!(oracle::library_frame(&frame, content.len()).as_deref(), Some(content));
    assert_eq!(lz4_frame::compress(&mut marked(len - 1), content), Err(Failure::OutputTooSmall));

    let mut out = marked(content.len());
    for frame in [frame, oracle::library_compress_frame(content, shape)] {
        assert_eq!(lz4_frame::decompress(&mut out, &frame), Ok(()));
        assert_eq!(out, content);

        // Altered, it gives what the specification says it holds, which is nothing else where it has a checksum.
        let mut altered = frame;
        let at = at % altered.len();
        altered[at] ^= 1 << (shape >> 5);
        let opened = lz4_frame::decompress(&mut out, &altered).is_ok();
        let expected = oracle::frame(&altered, content.len()).filter(|found| found.len() == content.len());
        assert_eq!(opened.then_some(&out[..]), expected.as_deref());
        let checked = altered[4] & 4 != 0 && at != 4;
        assert!(!(opened && checked) || out == content);
    }
}
