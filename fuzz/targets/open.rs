//! Opening and sealing, against an independent AES-256-GCM, through every container.
//!
//! | bytes | |
//! |---|---|
//! | 1 | bits 0-1 container; 2 without compression; 3 the payload is MessagePack; bits 4-5: 0 or 1 a container to be opened, 2 a payload to be sealed, 3 sealed bytes |
//! | 1 | headroom |
//! | 1 | length of the AAD |
//! | 2 | room of the output, modulo 4,096 |
//! | 2, 1 | place and change of an altered byte |
//! | 12 | nonce |
//! | rest | the AAD, then the container, payload or sealed bytes |

#![no_main]

use std::sync::{Arc, LazyLock};

use cachekit_native::container::{Kind, Packing, Unpacking};
use cachekit_native::error::Failure;
use cachekit_native::nonce::Sequence;
use cachekit_native::sealer::{Opened, Sealer, OVERHEAD_LEN};
use cachekit_native_fuzz::aead::Oracle;
use cachekit_native_fuzz::containers::{checksummed, Envelope, InteropV2};
use cachekit_native_fuzz::input::Input;
use cachekit_native_fuzz::memory::{is_clean, is_untouched, marked};
use cachekit_native_fuzz::{keys, msgpack};
use libfuzzer_sys::fuzz_target;

static SEALER: LazyLock<Sealer> = LazyLock::new(|| {
    let sequence = Arc::new(Sequence::counter().unwrap());
    Sealer::derive(&[7; 32], b"tenant", sequence).unwrap()
});
static ORACLE: LazyLock<Oracle> =
    LazyLock::new(|| Oracle::new(&keys::domain_key(&[7; 32], b"encryption", b"tenant").unwrap()));

struct Output {
    headroom: usize,
    room: usize,
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let (choices, headroom, aad_len) = (input.byte(), input.byte(), input.byte());
    let (room, at, change) = (input.short() % 4_096, input.short(), input.byte());
    let nonce = input.array::<12>();
    let aad = input.take(usize::from(aad_len));
    let bytes = input.rest();
    let literals = choices & 4 != 0;
    let (kind, packing) = match choices & 3 {
        0 => (Kind::Bare, Packing::Bare),
        1 => (Kind::Envelope, Packing::Envelope { format: b"msgpack", literals }),
        2 => (Kind::Checksum, Packing::Checksum),
        _ => (Kind::InteropV2, Packing::InteropV2 { literals }),
    };
    let unpacking = Unpacking { kind, check_msgpack: choices & 8 != 0 };
    let output = Output { headroom: usize::from(headroom), room };
    let sealed = match choices >> 4 & 3 {
        3 => bytes.to_vec(),
        2 => seal(bytes, aad, packing, unpacking),
        _ => ORACLE.seal(nonce, bytes, aad),
    };
    open(&sealed, aad, unpacking, &output);

    // Altered, cut off, under another AAD, it opens never.
    let at = at % sealed.len().max(1);
    let mut altered = sealed.clone();
    if let Some(byte) = altered.get_mut(at).filter(|_| change != 0) {
        *byte ^= change;
        open(&altered, aad, unpacking, &output);
    }
    open(&sealed[..at], aad, unpacking, &output);
    open(&sealed, &[aad, &[change]].concat(), unpacking, &output);
});

/// Seals, and holds what was sealed against the oracle and the payload.
fn seal(payload: &[u8], aad: &[u8], packing: Packing<'_>, unpacking: Unpacking) -> Vec<u8> {
    let bound = packing.bound(payload.len()).unwrap() + OVERHEAD_LEN;
    assert_eq!(SEALER.seal(&mut marked(bound - 1), payload, aad, packing), Err(Failure::Needs(bound)));
    let mut sealed = marked(bound);
    let len = SEALER.seal(&mut sealed, payload, aad, packing).unwrap();
    sealed.truncate(len);
    let container = ORACLE.open(&sealed, aad).expect("the oracle opens what was sealed");
    assert_eq!(payload_of(&container, Unpacking { check_msgpack: false, ..unpacking }).as_deref(), Ok(payload));

    if let Ok(head_len) = packing.head_len() {
        let mut placed = marked(bound);
        placed[12 + head_len..][..payload.len()].copy_from_slice(payload);
        assert_eq!(SEALER.seal_placed(|| SEALER.next_nonce(), &mut placed, payload.len(), aad, packing), Ok(bound));
        assert_eq!(ORACLE.open(&placed, aad), Some(container));
        assert_ne!(placed[..12], sealed[..12]);
    }
    sealed
}

/// What the payload of a container is, by the oracles.
fn payload_of(container: &[u8], unpacking: Unpacking) -> Result<Vec<u8>, Failure> {
    let payload = match unpacking.kind {
        Kind::Bare => Some(container.to_vec()),
        Kind::Checksum => checksummed(container),
        Kind::Envelope => Envelope::parse(container).and_then(|envelope| envelope.payload()),
        Kind::InteropV2 => match container {
            [b'C', b'K', ..] => return Err(Failure::PythonFrame),
            [0xc1, ..] => InteropV2::parse(container).and_then(|found| found.payload()),
            _ => return Err(Failure::OtherContainer),
        },
    };
    let payload = payload.ok_or(Failure::Envelope)?;
    if unpacking.check_msgpack && !msgpack::conforms(&payload) {
        return Err(Failure::PayloadBounds);
    }
    Ok(payload)
}

/// Opens in every way, and asserts that each gives what the oracles say, or leaves nothing behind.
fn open(sealed: &[u8], aad: &[u8], unpacking: Unpacking, output: &Output) {
    let container = ORACLE.open(sealed, aad);
    let expected = match &container {
        // The length alone says that there is no room for a checksum: nothing is opened for it.
        _ if unpacking.kind == Kind::Checksum && sealed.len() < 36 => Err(Failure::Authentication),
        Some(container) => payload_of(container, unpacking),
        None => Err(Failure::Authentication),
    };

    let mut buffer = sealed.to_vec();
    match SEALER.open_in_place(&mut buffer, aad) {
        Ok(len) => assert_eq!(Some(&buffer[12..12 + len]), container.as_deref()),
        Err(failure) => {
            assert_eq!((failure, container.is_none()), (Failure::Authentication, true));
            assert!(buffer.iter().all(|byte| *byte == 0));
        }
    }

    let &Output { headroom, room } = output;
    let mut out = marked(headroom + room);
    match SEALER.open(&mut out, headroom, sealed, aad, unpacking) {
        Ok(Opened::Written(len)) => {
            assert_eq!(Ok(&out[headroom..headroom + len]), expected.as_deref());
            assert!(is_clean(&out[headroom + len..]));
        }
        Ok(Opened::Waiting(unsealed)) => {
            let len = unsealed.payload_len();
            assert!(len > room && len <= 255 * sealed.len());
            assert!(is_clean(&out[headroom..]));
            let mut waited = marked(len + 1);
            assert_eq!(unsealed.read(&mut waited[..len]).map(|read| waited[..read].to_vec()), expected);
            assert!(is_untouched(&waited[len..]));
        }
        // Where the length is known from that of the sealed bytes, room is asked for before anything is opened.
        Err(Failure::Needs(len)) => {
            assert!(len > room && len <= sealed.len());
            assert!(is_untouched(&out));
        }
        Err(failure) => {
            assert_eq!(Err(failure), expected);
            assert!(is_clean(&out[headroom..]));
        }
    }
    assert!(is_untouched(&out[..headroom]));
}
