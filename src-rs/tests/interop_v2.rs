//! The container of interop/v2: what is written, and what is read and refused at the level of markers.

use proptest::prelude::*;

use super::{sealer, INTEROP_V2, UNTOUCHED};
use crate::container::Packing;
use crate::error::Failure;
use crate::interop_v2::{bound, write, Container};
use crate::sealer::{Opened, OVERHEAD_LEN};

fn written(payload: &[u8], literals: bool) -> Vec<u8> {
    let mut out = vec![UNTOUCHED; bound(payload.len(), literals)];
    let len = write(&mut out, payload, literals).unwrap();
    assert!(out[len..].iter().all(|byte| *byte == UNTOUCHED || *byte == 0), "a part of the payload is left behind");
    out.truncate(len);
    out
}

fn read(container: &[u8]) -> Result<Vec<u8>, Failure> {
    let parsed = Container::parse(container)?;
    let mut out = vec![UNTOUCHED; parsed.payload_len()];
    let result = parsed.read(&mut out);
    assert!(result.is_ok() || out.iter().all(|byte| *byte == 0));
    result.map(|len| out[..len].to_vec())
}

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}

#[test]
fn a_payload_is_compressed_where_that_makes_it_shorter() {
    assert_eq!(written(&[0xc0], false), hex("c1 02 93 00 01 c4 01 c0"));
    assert_eq!(written(&[], false), hex("c1 02 93 00 00 c4 00"));
    let zeros = written(&[0; 300], false);
    assert_eq!(&zeros[..7], hex("c1 02 93 01 cd 01 2c").as_slice());
    assert!(zeros.len() < 30);
    assert_eq!(read(&zeros).unwrap(), [0; 300]);
    // A short one that repeats is compressed, too: the rule knows no least length.
    assert_eq!(written(&[7; 40], false)[3], 1);
    assert_eq!(&written(&[7; 40], true)[..6], hex("c1 02 93 00 28 c4").as_slice());
    let mut state = 1_u64;
    let random: Vec<u8> = (0..600)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect();
    assert_eq!(&written(&random, false)[..7], hex("c1 02 93 00 cd 02 58").as_slice());
}

#[test]
fn every_width_of_unsigned_integers_and_bin_is_read() {
    for array in ["93", "dc 00 03", "dd 00 00 00 03"] {
        for method in ["00", "cc 00", "cd 00 00", "ce 00 00 00 00", "cf 00 00 00 00 00 00 00 00"] {
            for size in ["02", "cc 02", "cd 00 02", "ce 00 00 00 02", "cf 00 00 00 00 00 00 00 02"] {
                for bin in ["c4 02", "c5 00 02", "c6 00 00 00 02"] {
                    let container = hex(&format!("c1 02 {array} {method} {size} {bin} 91 c0"));
                    assert_eq!(read(&container).unwrap(), [0x91, 0xc0]);
                }
            }
        }
    }
    assert_eq!(read(&hex("c1 02 93 01 02 c4 03 20 91 c0")).unwrap(), [0x91, 0xc0]);
    assert!(read(&hex("c1 02 93 01 00 c4 01 00")).unwrap().is_empty());
}

#[test]
fn everything_else_is_refused() {
    let refused = [
        // Version, array, number of fields.
        "c1",
        "c1 02",
        "c1 01 93 00 01 c4 01 c0",
        "c1 03 93 00 01 c4 01 c0",
        "c1 02 92 00 01",
        "c1 02 94 00 01 c4 01 c0 c0",
        "c1 02 83 00 01 c4 01 c0",
        "c1 02 de 00 03 00 01 c4 01 c0",
        // Methods.
        "c1 02 93 02 01 c4 01 c0",
        "c1 02 93 cc 80 01 c4 01 c0",
        "c1 02 93 cf ff ff ff ff ff ff ff ff 01 c4 01 c0",
        "c1 02 93 c2 01 c4 01 c0",
        // Integers of the signed family, though they are not negative.
        "c1 02 93 d0 00 01 c4 01 c0",
        "c1 02 93 d1 00 00 01 c4 01 c0",
        "c1 02 93 00 d0 01 c4 01 c0",
        "c1 02 93 00 d1 00 01 c4 01 c0",
        "c1 02 93 00 d2 00 00 00 01 c4 01 c0",
        "c1 02 93 00 d3 00 00 00 00 00 00 00 01 c4 01 c0",
        "c1 02 93 e0 01 c4 01 c0",
        "c1 02 93 00 ff c4 01 c0",
        "c1 02 93 00 ca 3f 80 00 00 c4 01 c0",
        // Payloads that are no bin.
        "c1 02 93 00 01 a1 c0",
        "c1 02 93 00 01 d9 01 c0",
        "c1 02 93 00 01 91 c0",
        "c1 02 93 00 01 dc 00 01 c0",
        "c1 02 93 00 01 c7 01 05 c0",
        "c1 02 93 00 01 d4 05 c0",
        "c1 02 93 00 01 c0",
        // Sizes.
        "c1 02 93 00 02 c4 01 c0",
        "c1 02 93 00 00 c4 01 c0",
        "c1 02 93 01 02 c4 00",
        "c1 02 93 01 01 c4 03 20 91 c0",
        "c1 02 93 01 03 c4 03 20 91 c0",
        "c1 02 93 01 ce 20 00 00 01 c4 03 20 91 c0",
        "c1 02 93 01 cf 01 00 00 00 00 00 00 02 c4 03 20 91 c0",
        "c1 02 93 01 cd 0b b9 c4 03 20 91 c0",
        // Lengths beyond the input, bytes behind it, blocks that are none.
        "c1 02 93 00 01 c4 02 c0",
        "c1 02 93 00 01 c6 ff ff ff ff c0",
        "c1 02 93 00 01 c4 01 c0 00",
        "c1 02 93 01 02 c4 03 20 91 c0 c0",
        "c1 02 93 01 08 c4 03 11 c0 09",
    ];
    for container in refused {
        assert_eq!(read(&hex(container)).unwrap_err(), Failure::Envelope, "{container}");
    }
    assert_eq!(read(&hex("43 4b 03")).unwrap_err(), Failure::PythonFrame);
    for other in ["", "81 a1 61 01", "02 c1", "94 c4"] {
        assert_eq!(read(&hex(other)).unwrap_err(), Failure::OtherContainer, "{other}");
    }
}

#[test]
fn a_claim_allocates_nothing() {
    // 512 MiB of an LZ4 block of three bytes.
    let container = hex("c1 02 93 01 ce 20 00 00 00 c4 03 20 91 c0");
    assert_eq!(Container::parse(&container).unwrap_err(), Failure::Envelope);
}

proptest! {
    #[test]
    fn what_is_written_is_read(payload in proptest::collection::vec(0..4_u8, 0..3000), literals: bool) {
        let container = written(&payload, literals);
        prop_assert!(container.len() <= payload.len() + 14);
        prop_assert_eq!(read(&container).unwrap(), payload);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), begins: bool) {
        let bytes = if begins { [hex("c1 02 93"), bytes].concat() } else { bytes };
        if let Ok(parsed) = Container::parse(&bytes) {
            let mut out = vec![0; parsed.payload_len()];
            let _ = parsed.read(&mut out);
        }
    }

    #[test]
    fn sealed_and_opened_with_any_room(payload in proptest::collection::vec(0..4_u8, 0..2000), room in 0..3000_usize) {
        let sealer = sealer(&[9; 32]);
        let packing = Packing::InteropV2 { literals: false };
        let mut out = vec![0; packing.bound(payload.len()).unwrap() + OVERHEAD_LEN];
        let len = sealer.seal(&mut out, &payload, b"aad", packing).unwrap();
        let mut opened = vec![UNTOUCHED; room];
        match sealer.open(&mut opened, 0, &out[..len], b"aad", INTEROP_V2).unwrap() {
            Opened::Written(len) => prop_assert_eq!(&opened[..len], payload.as_slice()),
            Opened::Waiting(unsealed) => {
                let mut exact = vec![0; unsealed.payload_len()];
                prop_assert_eq!(unsealed.read(&mut exact).unwrap(), payload.len());
                prop_assert_eq!(exact, payload);
            }
        }
    }
}
