//! Properties over random inputs.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::container::Packing;
use crate::envelope::Envelope;
use crate::{lz4, msgpack};

fn payload() -> impl Strategy<Value = Vec<u8>> {
    // Noise, and repeats that LZ4 finds.
    prop_oneof![
        vec(any::<u8>(), 0..3_000),
        (vec(any::<u8>(), 1..40), 1..200usize).prop_map(|(unit, times)| unit.repeat(times)),
    ]
}

fn packing() -> impl Strategy<Value = (u8, String, bool)> {
    (0..3u8, ".{0,12}", any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_payload_comes_back(
        key: [u8; 32],
        payload in payload(),
        aad in vec(any::<u8>(), 0..100),
        (container, format, literals) in packing(),
    ) {
        let sealer = sealer(&key);
        let (packing, unpacking) = match container {
            0 => (Packing::Bare, BARE),
            1 => (Packing::Envelope { format: format.as_bytes(), literals }, ENVELOPE),
            _ => (Packing::Checksum, CHECKSUM),
        };
        let mut sealed = vec![UNTOUCHED; packing.bound(payload.len()).unwrap() + OVERHEAD_LEN];
        let len = sealer.seal(&mut sealed, &payload, &aad, packing).unwrap();
        prop_assert!(sealed[len..].iter().all(|byte| *byte == 0 || *byte == UNTOUCHED));
        let mut opened = vec![UNTOUCHED; payload.len()];
        prop_assert_eq!(written(sealer.open(&mut opened, 0, &sealed[..len], &aad, unpacking)), Ok(payload.len()));
        prop_assert_eq!(opened, payload);
    }

    #[test]
    fn no_altered_byte_goes_unseen(
        payload in vec(any::<u8>(), 0..200),
        at: prop::sample::Index,
        change in 1..=u8::MAX,
    ) {
        let sealer = sealer(&[3; 32]);
        let mut sealed = seal_fixed(&sealer, &[1; 12], &payload, b"aad");
        let at = at.index(sealed.len());
        sealed[at] ^= change;
        prop_assert_eq!(open_every_way(&sealer, &sealed, b"aad"), Err(Failure::Authentication));
    }

    #[test]
    fn keys_of_two_tenants_never_open_each_others_values(a in ".{1,20}", b in ".{1,20}") {
        prop_assume!(a != b);
        let sealed = seal_fixed(&tenant_sealer(&[1; 32], &a), &[1; 12], b"value", b"aad");
        prop_assert_eq!(open_every_way(&tenant_sealer(&[1; 32], &b), &sealed, b"aad"), Err(Failure::Authentication));
    }

    #[test]
    fn random_bytes_are_never_more_than_refused(bytes in vec(any::<u8>(), 0..400), room in 0..2_000usize) {
        let mut out = vec![UNTOUCHED; room];
        for unpacking in [ENVELOPE, CHECKSUM, BARE] {
            let unpacking = Unpacking { check_msgpack: true, ..unpacking };
            let _ = unpacking.unpack(&mut out, &bytes);
        }
        let _ = lz4::decompress(&mut out, &bytes);
        let _ = msgpack::check(&bytes);
    }

    #[test]
    fn a_block_never_holds_more_than_the_bound(bytes in vec(prop_oneof![Just(0xff), Just(0x1f), any::<u8>()], 1..60)) {
        // Room for more than the bound, which is then not used.
        let mut out = vec![0; 255 * bytes.len() + 1_000];
        if let Ok(len) = lz4::decompress(&mut out, &bytes) {
            prop_assert!(len as u64 <= lz4::max_payload_len(bytes.len()));
        }
    }

    #[test]
    fn altered_envelopes_give_the_payload_or_an_error(payload in payload(), at: prop::sample::Index, change: u8) {
        let packing = Packing::Envelope { format: b"msgpack", literals: false };
        let mut envelope = vec![0; packing.bound(payload.len()).unwrap()];
        let len = packing.pack(&mut envelope, &payload).unwrap();
        envelope.truncate(len);
        let at = at.index(len);
        envelope[at] ^= change;
        let room = Envelope::parse(&envelope).map_or(0, |parsed| parsed.payload_len());
        let mut out = vec![UNTOUCHED; room];
        match ENVELOPE.unpack(&mut out, &envelope) {
            Ok(_) => prop_assert_eq!(out, payload),
            Err(_) => prop_assert!(out.iter().all(|byte| *byte == 0 || *byte == UNTOUCHED)),
        }
    }

    #[test]
    fn the_bounds_agree_with_the_protocols_own_definition(
        bytes in vec(prop_oneof![Just(0x91), Just(0x81), Just(0xa1), Just(0xc0), Just(0xdc), Just(0xc4), 0..4u8, any::<u8>()], 0..24),
    ) {
        let mut claims = Claims { bytes: &bytes, at: 0, slots: 0, deepest: 0 };
        let complete = claims.value(1).is_some() && claims.at == bytes.len();
        let conforming = complete && claims.deepest <= 1024 && claims.slots < bytes.len() as u64;
        prop_assert_eq!(msgpack::check(&bytes).is_ok(), conforming);
    }
}

// The definition, as the protocol puts it: recursive, with the sum of declared slots counted.
struct Claims<'a> {
    bytes: &'a [u8],
    at: usize,
    slots: u64,
    deepest: usize,
}

impl Claims<'_> {
    fn value(&mut self, depth: usize) -> Option<()> {
        match self.take(1)?[0] {
            marker @ 0x80..=0x8f => self.children(2 * u64::from(marker & 15), depth),
            marker @ 0x90..=0x9f => self.children(u64::from(marker & 15), depth),
            marker @ 0xa0..=0xbf => self.data(u64::from(marker & 31), 0),
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => Some(()),
            0xc1 => None,
            marker @ (0xc4..=0xc6 | 0xd9..=0xdb) => {
                let width = if marker < 0xd0 { marker - 0xc4 } else { marker - 0xd9 };
                let len = self.uint(1 << width)?;
                self.data(len, 0)
            }
            marker @ 0xc7..=0xc9 => {
                let len = self.uint(1 << (marker - 0xc7))?;
                self.data(len, 1)
            }
            0xca => self.take(4).map(drop),
            0xcb => self.take(8).map(drop),
            marker @ 0xcc..=0xcf => self.take(1 << (marker - 0xcc)).map(drop),
            marker @ 0xd0..=0xd3 => self.take(1 << (marker - 0xd0)).map(drop),
            marker @ 0xd4..=0xd8 => self.take(1 + (1 << (marker - 0xd4))).map(drop),
            marker @ (0xdc | 0xdd) => {
                let len = self.uint(2 << (marker - 0xdc))?;
                self.children(len, depth)
            }
            marker @ (0xde | 0xdf) => {
                let len = self.uint(2 << (marker - 0xde))?;
                self.children(2 * len, depth)
            }
        }
    }

    fn children(&mut self, len: u64, depth: usize) -> Option<()> {
        self.slots += len;
        self.deepest = self.deepest.max(depth);
        (0..len).try_for_each(|_| self.value(depth + 1))
    }

    fn data(&mut self, len: u64, extra: usize) -> Option<()> {
        self.slots += len;
        self.take(usize::try_from(len).ok()?.checked_add(extra)?).map(drop)
    }

    fn uint(&mut self, len: usize) -> Option<u64> {
        Some(self.take(len)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn take(&mut self, len: usize) -> Option<&[u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(len)?)?;
        self.at += len;
        Some(taken)
    }
}
