//! Frames of every shape, made by the `lz4_flex` library's own encoder, and those that must be refused.

use std::io::Write;

use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use proptest::prelude::*;

use crate::error::Failure;
use crate::lz4_frame::{compress, decompress};

fn frame_of(content: &[u8], info: FrameInfo) -> Vec<u8> {
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn infos(len: usize) -> impl Iterator<Item = FrameInfo> {
    let sizes = [BlockSize::Max64KB, BlockSize::Max256KB, BlockSize::Max1MB, BlockSize::Max4MB];
    sizes.into_iter().flat_map(move |size| {
        (0..16u8).map(move |bits| {
            FrameInfo::new()
                .block_size(size)
                .block_mode(if bits & 1 == 0 { BlockMode::Linked } else { BlockMode::Independent })
                .block_checksums(bits & 2 != 0)
                .content_checksum(bits & 4 != 0)
                .content_size((bits & 8 != 0).then_some(len as u64))
        })
    })
}

/// Text that repeats over more than a block, and bytes that do not shrink.
fn mixed(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    (0..len)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if i / 50_000 % 2 == 0 {
                (i % 251) as u8
            } else {
                (state >> 24) as u8
            }
        })
        .collect()
}

#[test]
fn frames_of_every_shape_fill_exactly_the_length_that_is_known() {
    for len in [0, 1, 11, 65_535, 65_537, 300_000] {
        let content = mixed(len);
        for info in infos(len) {
            let frame = frame_of(&content, info.clone());
            let mut out = vec![0; len];
            decompress(&mut out, &frame).unwrap_or_else(|failure| panic!("{failure:?} {len} {info:?}"));
            assert!(out == content);
            assert_eq!(decompress(&mut vec![0; len + 1], &frame), Err(Failure::Envelope));
            if len > 0 {
                assert_eq!(decompress(&mut out[1..], &frame), Err(Failure::Envelope));
            }
        }
    }
}

#[test]
fn blocks_refer_to_those_before_them() {
    // Random bytes twice: only the second block, linked, can be short.
    let half = &mixed(100_000)[50_000..];
    let content = [&mixed(20_000)[..], half, half].concat();
    let linked = frame_of(&content, FrameInfo::new().block_size(BlockSize::Max64KB).block_mode(BlockMode::Linked));
    assert!(linked.len() < 85_000, "{}", linked.len());
    let mut out = vec![0; content.len()];
    decompress(&mut out, &linked).unwrap();
    assert!(out == content);
}

#[test]
fn every_altered_bit_of_a_frame_with_checksums_is_seen() {
    let content = mixed(60_000)[45_000..].to_vec();
    let info = FrameInfo::new().block_checksums(true).content_checksum(true).content_size(Some(15_000));
    let frame = frame_of(&content, info);
    let mut out = vec![0; content.len()];
    for at in (0..frame.len()).filter(|at| *at < 40 || at % 97 == 0 || at + 12 > frame.len()) {
        for bit in 0..8 {
            let mut altered = frame.clone();
            altered[at] ^= 1 << bit;
            assert_eq!(decompress(&mut out, &altered), Err(Failure::Envelope), "byte {at}, bit {bit}");
        }
    }
    for len in 0..frame.len() {
        assert_eq!(decompress(&mut out, &frame[..len]), Err(Failure::Envelope));
    }
}

#[test]
fn one_frame_and_nothing_else() {
    let frame = frame_of(b"abc", FrameInfo::new());
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9][..], &frame].concat();
    let legacy = [&[0x02, 0x21, 0x4c, 0x18, 4, 0, 0, 0, 0x30][..], b"abc"].concat();
    for bytes in [[&frame[..], &frame].concat(), [&frame[..], &[0]].concat(), skippable, legacy] {
        for len in [3, 6] {
            assert_eq!(decompress(&mut vec![0; len], &bytes), Err(Failure::Envelope));
        }
    }
}

#[test]
fn what_does_not_fit_is_told() {
    let content = mixed(80_000);
    let mut out = vec![0; 100_000];
    let len = compress(&mut out, &content).unwrap();
    assert_eq!(compress(&mut out[..len], &content), Ok(len));
    for short in [0, 1, 7, 14, 15, 18, len - 1] {
        assert_eq!(compress(&mut out[..short], &content), Err(Failure::OutputTooSmall));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_was_compressed_is_read_here_and_by_the_library(seed in 0usize..200_000, len in 0usize..700_000) {
        let content = &mixed(seed + len)[seed..];
        let mut out = vec![0; len + len / 100_000 * 4 + 64];
        let frame_len = compress(&mut out, content).unwrap();
        let mut back = vec![0; len];
        decompress(&mut back, &out[..frame_len]).unwrap();
        prop_assert!(back == content);
        let mut read = Vec::new();
        std::io::Read::read_to_end(&mut lz4_flex::frame::FrameDecoder::new(&out[..frame_len]), &mut read).unwrap();
        prop_assert!(read == content);
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200), size in 4u8..8, flags in 0u8..64) {
        // A header that is right, so that the blocks are looked at.
        let descriptor = [0x40 | flags & 0b0011_0100, size << 4];
        let checksum = (xxhash_rust::xxh32::xxh32(&descriptor, 0) >> 8) as u8;
        let frame = [&[0x04, 0x22, 0x4d, 0x18][..], &descriptor, &[checksum], &bytes].concat();
        let _ = decompress(&mut [0; 300], &frame);
    }
}
