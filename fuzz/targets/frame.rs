//! What else Rust reads of stored bytes: the container of interop/v2, which tells Python's frame from itself, payloads behind
//! a checksum, and what Arrow columns refer to.
//!
//! | bytes | |
//! |---|---|
//! | 1 | 0 a container, 1 a payload, 2 behind a checksum, 3 columns, modulo 4; bit 2: without compression |
//! | 2 | room, the place of an altered byte, or the number of values that indices refer to |
//! | 1 | change of the altered byte, or the width of a number |
//! | rest | the container, payload or column |

#![no_main]

use cachekit_native::columns::{indices_below, offsets_rise};
use cachekit_native::container::{Kind, Packing, Unpacking};
use cachekit_native::error::Failure;
use cachekit_native::interop_v2::Container;
use cachekit_native_fuzz::containers::{checksum, checksummed, InteropV2};
use cachekit_native_fuzz::input::Input;
use cachekit_native_fuzz::memory::{is_clean, is_untouched, marked};
use libfuzzer_sys::fuzz_target;

const INTEROP_V2: Unpacking = Unpacking { kind: Kind::InteropV2, check_msgpack: false };
const CHECKSUM: Unpacking = Unpacking { kind: Kind::Checksum, check_msgpack: false };

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let (what, number, change) = (input.byte(), input.short(), input.byte());
    let bytes = input.rest();
    match what % 4 {
        0 => read(bytes, number % 8_192),
        1 => write(bytes, what & 4 != 0, number, change),
        2 => read_checksummed(bytes, number, change),
        _ => columns(bytes, number, change),
    }
});

fn read(bytes: &[u8], room: usize) {
    let (container, expected) = match (Container::parse(bytes), InteropV2::parse(bytes)) {
        (Ok(container), Some(expected)) => (container, expected),
        (Err(failure), None) => {
            return assert_eq!(
                failure,
                match bytes {
                    [b'C', b'K', ..] => Failure::PythonFrame,
                    [0xc1, ..] => Failure::Envelope,
                    _ => Failure::OtherContainer,
                }
            )
        }
        (found, expected) => panic!("{found:?}, expected {:?}", expected.map(|it| it.payload_len)),
    };
    let len = container.payload_len();
    assert_eq!(len as u64, expected.payload_len);
    // Before anything of that size is made.
    assert!(len <= 255 * bytes.len());
    if room < len {
        let mut out = marked(room);
        assert_eq!(container.read(&mut out), Err(Failure::Needs(len)));
        assert!(is_untouched(&out));
    }
    let mut out = marked(len + 8);
    match container.read(&mut out) {
        Ok(read) => assert_eq!((read, Some(&out[..len])), (len, expected.payload().as_deref())),
        Err(failure) => {
            assert_eq!((failure, expected.payload()), (Failure::Envelope, None));
            assert!(out[..len].iter().all(|byte| *byte == 0));
        }
    }
    assert!(is_untouched(&out[len..]));
}

fn write(payload: &[u8], literals: bool, at: usize, change: u8) {
    let packing = Packing::InteropV2 { literals };
    let bound = packing.bound(payload.len()).unwrap();
    assert_eq!(packing.pack(&mut marked(bound - 1), payload), Err(Failure::Needs(bound)));
    let mut container = marked(bound);
    let len = packing.pack(&mut container, payload).unwrap();
    assert!(is_clean(&container[len..]));
    container.truncate(len);
    assert!(len <= payload.len() + 14, "it was to be compressed only where that makes it shorter");
    assert_eq!(InteropV2::parse(&container).unwrap().payload().as_deref(), Some(payload));
    let mut out = marked(payload.len());
    assert_eq!(INTEROP_V2.unpack(&mut out, &container), Ok(payload.len()));
    assert_eq!(out, payload);

    // It has no checksum: the seal around it is what an altered byte breaks. Alone, it is read as it is then, or not at all.
    let at = at % len;
    assert!(Container::parse(&container[..at]).is_err());
    container[at] ^= change;
    read(&container, 0);
}

fn read_checksummed(payload: &[u8], at: usize, change: u8) {
    let mut container = marked(8 + payload.len());
    assert_eq!(Packing::Checksum.pack(&mut container, payload), Ok(8 + payload.len()));
    assert_eq!((&container[..8], &container[8..]), (&checksum(payload)[..], payload));
    let mut placed = [&[0; 8], payload].concat();
    assert_eq!(Packing::Checksum.pack_in_place(&mut placed), Ok(()));
    assert_eq!(placed, container);
    let at = at % container.len();
    container[at] ^= change;
    for bytes in [&container[..], &container[..at], payload] {
        let mut out = marked(bytes.len());
        match CHECKSUM.unpack(&mut out, bytes) {
            Ok(len) => assert_eq!(Some(&out[..len]), checksummed(bytes).as_deref()),
            Err(failure) => {
                assert_eq!((failure, checksummed(bytes)), (Failure::Envelope, None));
                assert!(is_clean(&out));
            }
        }
    }
}

fn columns(bytes: &[u8], count: usize, width: u8) {
    let width = 1 << (width % 4);
    let numbers =
        || bytes.chunks_exact(width).map(|chunk| chunk.iter().rev().fold(0_u64, |n, b| n << 8 | u64::from(*b)));
    if width < 8 {
        let whole = &bytes[..bytes.len() / width * width];
        assert_eq!(indices_below(whole, width, count), numbers().all(|index| index < count as u64));
    }
    if width >= 4 {
        let signed: Vec<_> = numbers().map(|n| if width == 4 { i64::from(n as i32) } else { n as i64 }).collect();
        let rise = signed.iter().all(|offset| *offset >= 0) && signed.is_sorted();
        assert_eq!(offsets_rise(bytes, width), rise);
    }
}
