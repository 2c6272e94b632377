//! Sealing and opening with each container: room, leftovers, and outputs that are too small.

use super::*;
use crate::container::Packing;
use crate::envelope::MAX_LEN;
use crate::nonce::Nonce;

const PACKINGS: [(Packing<'static>, Unpacking); 4] = [
    (Packing::Bare, BARE),
    (Packing::Envelope { format: b"msgpack", literals: false }, ENVELOPE),
    (Packing::Envelope { format: b"msgpack", literals: true }, ENVELOPE),
    (Packing::Checksum, CHECKSUM),
];

/// Around every change of path: LZ4's tables and lengths, MessagePack's widths, the scratch memory's size.
const SIZES: [usize; 22] = [
    0, 1, 14, 15, 127, 128, 240, 253, 254, 255, 256, 300, 4096, 65_000, 65_527, 65_528, 65_529, 65_534, 65_535, 65_536,
    70_000, 1_000_000,
];

fn payloads(len: usize) -> [Vec<u8>; 3] {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    });
    [vec![0; len], b"a line of text, ".iter().copied().cycle().take(len).collect(), noise.take(len).collect()]
}

#[test]
fn what_was_sealed_opens_and_nothing_else_is_written() {
    let (sealer, aad) = (sealer(&[7; 32]), b"aad");
    for (packing, unpacking) in PACKINGS {
        for payload in SIZES.into_iter().flat_map(payloads) {
            let room = packing.bound(payload.len()).unwrap() + OVERHEAD_LEN;
            assert_eq!(sealer.seal(&mut vec![0; room - 1], &payload, aad, packing), Err(Failure::Needs(room)));
            let mut out = vec![UNTOUCHED; room + 3];
            let len = sealer.seal(&mut out, &payload, aad, packing).unwrap();
            assert!(len <= room);
            assert!(out[len..].iter().all(|byte| *byte == 0 || *byte == UNTOUCHED), "plaintext is left behind");

            let sealed = &out[..len];
            // The longest tail has room for a whole container behind the payload.
            for (lead, tail) in [(0, 0), (0, 3), (0, 8), (7, 0), (8, 0), (8, 8), (0, room + 100), (8, room + 100)] {
                let mut opened = vec![UNTOUCHED; lead + payload.len() + tail];
                let result = written(sealer.open(&mut opened, lead, sealed, aad, unpacking));
                assert_eq!(result, Ok(payload.len()));
                assert!(opened[lead..lead + payload.len()] == payload);
                assert!(opened[..lead].iter().all(|byte| *byte == UNTOUCHED), "the lead comes back as it was");
                let rest = &opened[lead + payload.len()..];
                assert!(rest.iter().all(|byte| *byte == 0 || *byte == UNTOUCHED), "plaintext is left behind");
            }
            if !payload.is_empty() {
                let mut short = vec![UNTOUCHED; payload.len() - 1];
                let result = written(sealer.open(&mut short, 0, sealed, aad, unpacking));
                assert_eq!(result, Err(Failure::Needs(payload.len())));
                assert!(short.iter().all(|byte| *byte == 0 || *byte == UNTOUCHED), "plaintext is left behind");
            }
        }
    }
}

#[test]
fn a_failed_open_leaves_zeros_and_the_lead_as_it_was() {
    let sealer = sealer(&[7; 32]);
    for (packing, unpacking) in PACKINGS {
        for size in [0, 100, 70_000] {
            let mut sealed = vec![0; 200_000];
            let len = sealer.seal(&mut sealed, &vec![9; size], b"aad", packing).unwrap();
            sealed.truncate(len);
            sealed[len - 1] ^= 1;
            for (lead, tail) in [(0, 20), (8, 20), (0, 2 * size + 200)] {
                let mut out = vec![UNTOUCHED; lead + size + tail];
                let result = written(sealer.open(&mut out, lead, &sealed, b"aad", unpacking));
                assert_eq!(result, Err(Failure::Authentication));
                assert!(out[..lead].iter().all(|byte| *byte == UNTOUCHED));
                assert!(out[lead..].iter().all(|byte| *byte == 0 || *byte == UNTOUCHED));
            }
        }
    }
}

#[test]
fn what_is_too_short_for_any_container_fails_as_what_was_altered() {
    let sealer = sealer(&[7; 32]);
    for (_, unpacking) in PACKINGS {
        for len in 0..OVERHEAD_LEN + 8 {
            let mut out = vec![UNTOUCHED; 100];
            let result = written(sealer.open(&mut out, 8, &vec![9; len], b"aad", unpacking));
            assert_eq!(result, Err(Failure::Authentication), "{len} bytes");
        }
    }
}

#[test]
fn a_checksum_that_does_not_match_is_refused_and_leaves_zeros() {
    let sealer = sealer(&[7; 32]);
    for size in [0, 3, 100, 70_000] {
        let mut container = [&crate::hash::checksum(&vec![9; size])[..], &vec![9; size]].concat();
        container[3] ^= 1;
        let mut sealed = vec![0; container.len() + OVERHEAD_LEN];
        sealer.seal(&mut sealed, &container, b"aad", Packing::Bare).unwrap();
        for (lead, tail) in [(0, 0), (8, 0), (0, 8)] {
            let mut out = vec![UNTOUCHED; lead + size + tail];
            assert_eq!(written(sealer.open(&mut out, lead, &sealed, b"aad", CHECKSUM)), Err(Failure::Envelope));
            assert!(out[lead..].iter().all(|byte| *byte == 0 || *byte == UNTOUCHED));
        }
        let mut out = vec![UNTOUCHED; size];
        assert_eq!(CHECKSUM.unpack(&mut out, &container), Err(Failure::Envelope));
    }
    for short in 0..8 {
        assert_eq!(CHECKSUM.unpack(&mut [0; 8], &[0; 8][..short]), Err(Failure::Envelope));
    }
}

#[test]
fn a_payload_outside_messagepacks_bounds_is_refused_in_every_container() {
    let sealer = sealer(&[7; 32]);
    for (packing, unpacking) in PACKINGS {
        let unpacking = Unpacking { check_msgpack: true, ..unpacking };
        for (payload, expected) in [(&b"\x92\x01\x02"[..], Ok(3)), (b"\x92\x01", Err(Failure::PayloadBounds))] {
            let mut sealed = [0; 200];
            let len = sealer.seal(&mut sealed, payload, b"", packing).unwrap();
            let mut out = [UNTOUCHED; 100];
            assert_eq!(written(sealer.open(&mut out, 0, &sealed[..len], b"", unpacking)), expected);
            if expected.is_err() {
                assert!(out.iter().all(|byte| *byte == 0 || *byte == UNTOUCHED));
            }
            let mut packed = [0; 200];
            let len = packing.pack(&mut packed, payload).unwrap();
            assert_eq!(unpacking.unpack(&mut out, &packed[..len]), expected);
            if let (Kind::Envelope, Ok(Opened::Waiting(unsealed))) =
                (unpacking.kind, sealer.open(&mut [], 0, &sealed[..len + OVERHEAD_LEN], b"", unpacking))
            {
                assert_eq!(unsealed.read(&mut out), expected);
            }
        }
    }
}

#[test]
fn sealing_in_place_is_sealing() {
    let sealer = sealer(&[7; 32]);
    for size in [0, 1, 100, 70_000] {
        let mut buffer = vec![UNTOUCHED; size + OVERHEAD_LEN + 3];
        buffer[12..12 + size].fill(5);
        let len = sealer.seal_in_place(&mut buffer, size, b"aad").unwrap();
        assert_eq!(len, size + OVERHEAD_LEN);
        assert_eq!(buffer[len..], [UNTOUCHED; 3]);
        assert_eq!(open_every_way(&sealer, &buffer[..len], b"aad"), Ok(vec![5; size]));
    }
}

#[test]
fn a_payload_in_its_place_is_sealed_to_the_same_bytes() {
    let sealer = sealer(&[7; 32]);
    let nonce = || Ok(Nonce::fixed([3; 12]));
    for packing in [Packing::Bare, Packing::Checksum] {
        for size in [0, 1, 100, 70_000] {
            let payload: Vec<u8> = (0..size).map(|at| at as u8).collect();
            let mut apart = vec![UNTOUCHED; size + 50];
            let len = sealer.seal_with(nonce, &mut apart, &payload, b"aad", packing).unwrap();
            let mut placed = vec![UNTOUCHED; size + 50];
            let lead = 12 + packing.head_len().unwrap();
            placed[lead..lead + size].copy_from_slice(&payload);
            assert_eq!(sealer.seal_placed(nonce, &mut placed, size, b"aad", packing), Ok(len));
            assert!(placed == apart);
        }
    }
}

#[test]
fn a_payload_in_its_place_stays_as_it_is_when_no_nonce_is_left() {
    let sealer = sealer(&[7; 32]);
    let none = || Err(Failure::NonceExhausted);
    for packing in [Packing::Bare, Packing::Checksum] {
        let lead = 12 + packing.head_len().unwrap();
        let mut placed = [9; 200];
        assert_eq!(sealer.seal_placed(none, &mut placed, 100, b"", packing), Err(Failure::NonceExhausted));
        assert_eq!(placed[lead..], [9; 200][lead..]);
        let room = lead + 100 + 16;
        let short = sealer.seal_placed(none, &mut placed[..room - 1], 100, b"", packing);
        assert_eq!(short, Err(Failure::Needs(room)));
    }
    let envelope = Packing::Envelope { format: b"msgpack", literals: false };
    assert_eq!(sealer.seal_placed(none, &mut [9; 200], 100, b"", envelope), Err(Failure::InvalidArgument));
    assert_eq!(sealer.seal_placed(none, &mut [9; 200], MAX_LEN + 1, b"", Packing::Bare), Err(Failure::TooLarge));
}

#[test]
fn what_is_over_512_mib_is_refused_by_its_length() {
    let sealer = sealer(&[7; 32]);
    let huge = vec![0; MAX_LEN + OVERHEAD_LEN + 9];
    for (packing, unpacking) in PACKINGS {
        assert_eq!(packing.bound(MAX_LEN + 1), Err(Failure::TooLarge));
        assert!(packing.bound(MAX_LEN).is_ok());
        let result = written(sealer.open(&mut [], 0, &huge, b"", unpacking));
        assert_eq!(result, Err(Failure::TooLarge));
    }
    assert_eq!(sealer.seal(&mut [], &huge, b"", Packing::Bare), Err(Failure::TooLarge));
    assert_eq!(sealer.seal_in_place(&mut [], MAX_LEN + 1, b""), Err(Failure::TooLarge));
}

#[test]
fn a_large_copy_is_exact_at_every_alignment() {
    let from: Vec<u8> = (0..(8 << 20) + 100).map(|at: u32| ((at * 31) >> 3) as u8).collect();
    for (start, end) in [(0, 0), (1, 0), (7, 9), (15, 1), (16, 16), (17, 3)] {
        let from = &from[start..from.len() - end];
        let mut out = vec![UNTOUCHED; from.len() + 40];
        let at = 40 - start;
        crate::copy::copy(&mut out[at..at + from.len()], from);
        assert!(out[..at].iter().chain(&out[at + from.len()..]).all(|byte| *byte == UNTOUCHED));
        assert!(out[at..at + from.len()] == *from);
    }
}

#[test]
fn a_nonce_is_taken_only_when_everything_else_is_right() {
    let sealer = sealer(&[7; 32]);
    let taken = std::cell::Cell::new(false);
    let nonce = || {
        taken.set(true);
        Ok(Nonce::fixed([0; 12]))
    };
    assert!(sealer.seal_with(nonce, &mut [0; 30], &[1; 3], b"", Packing::Bare).is_err());
    assert!(!taken.get());
    assert!(sealer.seal_with(nonce, &mut [0; 31], &[1; 3], b"", Packing::Bare).is_ok());
    assert!(taken.get());
}

#[test]
fn a_seal_without_a_nonce_leaves_nothing_of_the_payload() {
    let sealer = sealer(&[7; 32]);
    for (packing, _) in PACKINGS {
        let mut out = [0; 512];
        let sealed = sealer.seal_with(|| Err(Failure::NonceExhausted), &mut out, &[0x77; 64], b"", packing);
        assert_eq!(sealed, Err(Failure::NonceExhausted));
        assert_eq!(out, [0; 512]);
    }
}
