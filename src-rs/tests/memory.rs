//! What is wiped, what is printed, and what is allocated.

use super::allocator::{allocated_by, is_wiped_by_drop};
use super::*;
use crate::binding::memory::{Memory, Output};
use crate::binding::status::guard;
use crate::container::Packing;
use crate::envelope::Envelope;
use crate::kdf::derive_domain_key;
use crate::secret::{AeadKey, MacKey, Secret};

const MIB: usize = 1 << 20;

#[test]
fn key_bytes_are_zeros_when_their_memory_is_freed() {
    assert!(is_wiped_by_drop(Secret::copy_of(&[0xa5; 32]), |secret| secret.expose().as_ptr()));
    let derived = derive_domain_key(&[1; 32], b"encryption", b"default").unwrap();
    assert!(is_wiped_by_drop(derived, |secret| secret.expose().as_ptr()));
    assert!(is_wiped_by_drop(AeadKey::new(&[0xa5; 32]), |key| std::ptr::from_ref(key.expose())));
    assert!(is_wiped_by_drop(MacKey::new(&[0xa5; 32]), |key| std::ptr::from_ref(key.expose())));
}

#[test]
fn an_output_is_zeroed_when_its_call_panics() {
    let mut bytes = [0xee; 64];
    let memory = Memory::of(&mut bytes);
    let write = |panics: bool| {
        guard("write", || {
            // SAFETY: nothing else uses the bytes meanwhile.
            let mut out = unsafe { Output::of(memory) };
            out[..9].copy_from_slice(b"plaintext");
            assert!(!panics, "of which nobody has thought");
            Ok(())
        })
    };
    assert_eq!(write(false), Ok(()));
    // SAFETY: as above.
    assert_eq!(unsafe { &memory.slice()[..9] }, b"plaintext");
    assert_eq!(write(true), Err(Failure::Panic));
    assert_eq!(bytes, [0; 64]);
}

#[test]
fn the_watch_sees_memory_that_is_not_wiped() {
    assert!(!is_wiped_by_drop(vec![0xa5; 32], |bytes| bytes.as_ptr()));
}

#[test]
fn secrets_print_as_redacted() {
    let sealer = sealer(&[0xa5; 32]);
    assert_eq!(format!("{:?}", Secret::copy_of(&[0xa5; 32])), "<redacted>");
    assert_eq!(format!("{:?}", AeadKey::new(&[0xa5; 32])), "<redacted>");
    assert_eq!(format!("{:?}", MacKey::new(&[0xa5; 32])), "<redacted>");
    let mut sealed = [0; 100];
    let len = sealer.seal(&mut sealed, b"secret", b"", Packing::Envelope { format: b"", literals: true }).unwrap();
    let waiting = sealer.open(&mut [], 0, &sealed[..len], b"", ENVELOPE).unwrap();
    assert_eq!(format!("{waiting:?}"), "Waiting(<redacted>)");
    assert!(format!("{sealer:?}").contains("key: <redacted>"));
}

#[test]
fn a_small_envelope_that_claims_gigabytes_costs_less_than_a_mebibyte() {
    let checksum = &hex::decode("98ccd447ccb1ccea40cce6cc98cc8b").unwrap()[..];
    let block = [0x94, 0xc4, 60].into_iter().chain([0; 60]).collect::<Vec<_>>();
    let (mut ran, mut plausible) = (0, 0);
    let claims: [&[u8]; 6] = [
        &[0xce, 0xff, 0xff, 0xff, 0xff],
        &[0xce, 0x20, 0x00, 0x00, 0x00],
        &[0xcf, 0, 0, 0, 1, 0, 0, 0, 16],
        &[0xce, 0, 0, 0xea, 0x60],
        &[0xcd, 0x3b, 0xc4],
        &[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ];
    for claim in claims {
        let envelope = [&block, checksum, claim, b"\xa7msgpack"].concat();
        assert!(envelope.len() <= 100);
        plausible += usize::from(bomb(&envelope));
        ran += 1;
    }
    assert_eq!(plausible, 1, "60 bytes of LZ4 hold at most 15,300");
    // Headers that claim 4 GiB themselves.
    for envelope in
        ["94c6ffffffff00", "94ddffffffff00", "ddffffffff", "dfffffffff", "94c40100dbffffffff", "94c401009800dbffffffff"]
    {
        assert!(!bomb(&hex::decode(envelope).unwrap()));
        ran += 1;
    }
    assert_eq!(ran, 12);
}

// Whether a caller would allocate what the envelope claims.
fn bomb(envelope: &[u8]) -> bool {
    let sealer = sealer(&[1; 32]);
    let mut sealed = vec![0; envelope.len() + OVERHEAD_LEN];
    sealer.seal(&mut sealed, envelope, b"", Packing::Bare).unwrap();
    let mut out = vec![UNTOUCHED; 256];
    let (result, allocated) = allocated_by(|| {
        let _ = crate::msgpack::check(envelope);
        ENVELOPE.unpack(&mut out, envelope).and(written(sealer.open(&mut out, 0, &sealed, b"", ENVELOPE)))
    });
    assert!(matches!(result, Err(Failure::Envelope | Failure::Needs(_))), "{result:?}");
    assert!(allocated < MIB, "{allocated} bytes");
    Envelope::parse(envelope).is_ok()
}

#[test]
fn short_values_allocate_nothing_once_a_thread_is_warm() {
    let (sealer, payload) = (sealer(&[1; 32]), vec![7; 30_000]);
    let (mut sealed, mut out) = (vec![0; 60_000], vec![0; 30_000]);
    for (packing, kind) in [
        (Packing::Bare, Kind::Bare),
        (Packing::Checksum, Kind::Checksum),
        (Packing::Envelope { format: b"msgpack", literals: false }, Kind::Envelope),
    ] {
        let mut round = || {
            let len = sealer.seal(&mut sealed, &payload, b"aad", packing).unwrap();
            let unpacking = Unpacking { kind, check_msgpack: false };
            assert_eq!(written(sealer.open(&mut out, 0, &sealed[..len], b"aad", unpacking)), Ok(payload.len()));
        };
        round();
        let ((), allocated) = allocated_by(round);
        assert_eq!(allocated, 0, "{kind:?}");
    }
}
