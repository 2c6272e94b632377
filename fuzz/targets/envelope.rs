//! Envelopes: what is read is what an independent reader reads, and what is written is read by it.
//!
//! | bytes | |
//! |---|---|
//! | 1 | 0 an envelope, 1 a payload; bit 1: without compression |
//! | 1 | length of the format, or room that is missing |
//! | 2, 1 | place and change of an altered byte |
//! | rest | the envelope, or the format and the payload |

#![no_main]

use cachekit_native::container::{Kind, Packing, Unpacking};
use cachekit_native::envelope::Envelope;
use cachekit_native::error::Failure;
use cachekit_native_fuzz::containers::{self, checksum};
use cachekit_native_fuzz::input::Input;
use cachekit_native_fuzz::memory::{is_clean, is_untouched, marked};
use libfuzzer_sys::fuzz_target;

const ENVELOPE: Unpacking = Unpacking { kind: Kind::Envelope, check_msgpack: false };

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let (what, len, at, change) = (input.byte(), input.byte(), input.short(), input.byte());
    if what & 1 == 0 {
        read(input.rest(), usize::from(len));
    } else {
        let format = String::from_utf8_lossy(input.take(usize::from(len))).into_owned();
        write(&format, input.rest(), what & 2 != 0, at, change);
    }
});

fn read(bytes: &[u8], missing: usize) {
    let expected = containers::Envelope::parse(bytes);
    let (envelope, expected) = match (Envelope::parse(bytes), expected) {
        (Ok(envelope), Some(expected)) => (envelope, expected),
        (Err(Failure::Envelope), None) => {
            let mut out = marked(64);
            assert_eq!(ENVELOPE.unpack(&mut out, bytes), Err(Failure::Envelope));
            return assert!(is_untouched(&out));
        }
        (found, expected) => panic!("{found:?}, expected {:?}", expected.map(|it| (it.payload_len, it.format))),
    };
    let len = envelope.payload_len();
    assert_eq!(len as u64, expected.payload_len);
    assert_eq!(&bytes[envelope.format()], expected.format.as_bytes());
    // Before anything of that size is made.
    assert!(len <= 255 * bytes.len());

    let mut out = marked(len + 8);
    let short = len.saturating_sub(missing);
    if short < len {
        assert_eq!(envelope.read(&mut out[..short]), Err(Failure::Needs(len)));
        assert!(is_untouched(&out));
    }
    match envelope.read(&mut out) {
        Ok(read) => assert_eq!((read, Some(&out[..len])), (len, expected.payload().as_deref())),
        Err(failure) => {
            assert_eq!((failure, expected.payload()), (Failure::Envelope, None));
            assert!(out[..len].iter().all(|byte| *byte == 0));
        }
    }
    assert!(is_untouched(&out[len..]));
}

fn write(format: &str, payload: &[u8], literals: bool, at: usize, change: u8) {
    let packing = Packing::Envelope { format: format.as_bytes(), literals };
    let bound = packing.bound(payload.len()).unwrap();
    assert_eq!(packing.pack(&mut marked(bound - 1), payload), Err(Failure::Needs(bound)));
    let mut envelope = marked(bound);
    let len = packing.pack(&mut envelope, payload).unwrap();
    envelope.truncate(len);

    let expected = containers::Envelope::parse(&envelope).unwrap();
    assert_eq!((&expected.format[..], expected.checksum), (format, checksum(payload)));
    assert_eq!(expected.payload().as_deref(), Some(payload));
    let mut out = marked(payload.len());
    assert_eq!(ENVELOPE.unpack(&mut out, &envelope), Ok(payload.len()));
    assert_eq!(out, payload);

    // Altered or cut off: the payload, where the change is in what does not matter, or nothing of it.
    let at = at % len;
    let mut altered = envelope.clone();
    altered[at] ^= change;
    for bytes in [&altered[..], &envelope[..at]] {
        out.fill(0xaa);
        match ENVELOPE.unpack(&mut out, bytes) {
            Ok(read) => assert_eq!(&out[..read], payload),
            Err(_) => assert!(is_clean(&out)),
        }
    }
}
