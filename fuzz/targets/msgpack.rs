//! The bounds of MessagePack: what is let through is exactly what the protocol's own definition lets through.
//!
//! The input is the document.

#![no_main]

use cachekit_native::container::{Kind, Unpacking};
use cachekit_native::error::Failure;
use cachekit_native::msgpack::check;
use cachekit_native_fuzz::memory::{is_untouched, marked};
use cachekit_native_fuzz::msgpack::conforms;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &[u8]| {
    let expected = if conforms(document) { Ok(()) } else { Err(Failure::PayloadBounds) };
    assert_eq!(check(document), expected);

    // What is left in the thread's memory of a document that was refused in its middle changes no later answer.
    assert_eq!(check(&[0x91, 0xc0]), Ok(()));
    assert_eq!(check(&[0x91]), Err(Failure::PayloadBounds));

    // One byte less or more is another document, or none.
    if expected.is_ok() {
        assert_eq!(check(&document[..document.len() - 1]), Err(Failure::PayloadBounds));
        assert_eq!(check(&[document, &[0xc0]].concat()), Err(Failure::PayloadBounds));
    }

    let unpacking = Unpacking { kind: Kind::Bare, check_msgpack: true };
    let mut out = marked(document.len() + 1);
    match unpacking.unpack(&mut out, document) {
        Ok(len) => assert_eq!((expected, &out[..len]), (Ok(()), document)),
        Err(failure) => {
            assert_eq!(Err(failure), expected);
            assert!(out[..document.len()].iter().all(|byte| *byte == 0));
        }
    }
    assert!(is_untouched(&out[document.len()..]));
});
