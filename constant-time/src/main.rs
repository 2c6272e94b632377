//! Runs what handles keys and tags with both marked as undefined, under valgrind's memcheck: a jump or an address that depends
//! on an undefined bit is one whose time tells something of it.
//!
//! Prints a line for each step, `name<TAB>reports<TAB>expected`; the script beside it compares them.

mod memcheck;
mod verdict;

use std::hint::black_box;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use cachekit_native::container::{Kind, Packing, Unpacking};
use cachekit_native::error::Failure;
use cachekit_native::hardware;
use cachekit_native::kdf::{derive_domain_key, fingerprint, CACHE_KEYS_DOMAIN};
use cachekit_native::name::{self, NameKey};
use cachekit_native::nonce::Sequence;
use cachekit_native::sealer::{Opened, Sealer, OVERHEAD_LEN};
use cachekit_native::secret::Secret;
use memcheck::{is_secret, public, reports, secret};
use verdict::VERDICTS;

const TENANT: &[u8] = b"tenant";
const AAD: &[u8] = b"\x03\0\0\0\x06tenant";
/// Around the blocks of the cipher, and what it takes at once.
const LENGTHS: [usize; 8] = [0, 1, 15, 16, 17, 255, 1_000, 40_000];
const BARE: Unpacking = Unpacking { kind: Kind::Bare, check_msgpack: false };

fn main() {
    assert!(memcheck::is_running(), "this runs under valgrind: npm run test:constant-time");
    println!("cipher\t{}\t-", hardware::implementation());

    let master_key = secret_copy(&[7; 32]);
    let sealer = step("a tenant's key is derived", false, || {
        Sealer::derive(master_key.expose(), TENANT, Arc::new(Sequence::counter().unwrap())).unwrap()
    });
    assert!(is_secret(sealer.fingerprint()), "what is made of the key is followed");
    step("fingerprints are made", false, || black_box(fingerprint(master_key.expose())));
    step("names are made", false, || {
        let names = NameKey::derive(master_key.expose(), TENANT).unwrap();
        assert!(is_secret(&names.name(name::Kind::Entry, b"users:1")));
        black_box(names.name(name::Kind::Tag, b"users:1"))
    });
    for packing in [Packing::Bare, Packing::Checksum] {
        step(&format!("values are sealed, {packing:?}"), false, || seal_all(&sealer, packing));
    }

    let before = VERDICTS.load(Ordering::Relaxed);
    let opens = step("values are opened", false, || open_all(&sealer));
    let verdicts = VERDICTS.load(Ordering::Relaxed) - before;
    assert_eq!(verdicts, opens, "each open compares its tag by ring's comparison");

    step("keys are wiped", false, || {
        drop(derive_domain_key(master_key.expose(), CACHE_KEYS_DOMAIN, TENANT));
        drop(secret_copy(&[9; 64]));
        drop(sealer);
    });

    // The check itself: what does leak is reported.
    let tag = secret_copy(&[3; 16]);
    step("a comparison that ends at the first difference", true, || {
        black_box(tag.expose().iter().zip([4; 16]).all(|(one, other)| *black_box(one) == other))
    });
    step("a table that a byte of a key is looked up in", true, || {
        let table = black_box([1_u8; 256]);
        black_box(table[usize::from(master_key.expose()[5])])
    });
}

/// Says how much was reported while `work` ran.
fn step<T>(name: &str, leaks: bool, work: impl FnOnce() -> T) -> T {
    let before = reports();
    let result = work();
    println!("{name}\t{}\t{}", reports() - before, if leaks { "some" } else { "none" });
    result
}

fn secret_copy(bytes: &[u8]) -> Secret {
    let copy = Secret::copy_of(bytes);
    secret(copy.expose());
    copy
}

fn seal_all(sealer: &Sealer, packing: Packing<'_>) {
    for len in LENGTHS {
        let payload = secret_copy(&vec![5; len]);
        let mut sealed = vec![0; packing.bound(len).unwrap() + OVERHEAD_LEN];
        assert_eq!(sealer.seal(&mut sealed, payload.expose(), AAD, packing), Ok(sealed.len()));
        assert!(is_secret(&sealed[12..]), "ciphertext and tag are followed");
    }
}

/// Opens in every way, with the right tag and with wrong ones. Answers how often.
fn open_all(sealer: &Sealer) -> usize {
    let mut opens = 0;
    for len in LENGTHS {
        let mut sealed = vec![0; len + OVERHEAD_LEN];
        sealer.seal(&mut sealed, &vec![5; len], AAD, Packing::Bare).unwrap();
        // What lies in a store is public. The tag that belongs to it stays secret, as it is computed from the key.
        public(&sealed);
        let tag_at = sealed.len() - 16;
        for wrong in [None, Some(tag_at), Some(tag_at + 15)] {
            let mut stored = sealed.clone();
            if let Some(at) = wrong {
                stored[at] ^= 1;
            }
            let expected = if wrong.is_some() { Err(Failure::Authentication) } else { Ok(len) };
            let mut out = vec![0; len];
            assert_eq!(sealer.open_bare(&mut out, &stored, AAD), expected);
            let opened = sealer.open(&mut out, 0, &stored, AAD, BARE).map(|opened| match opened {
                Opened::Written(len) => len,
                Opened::Waiting(waiting) => waiting.payload_len(),
            });
            assert_eq!(opened, expected);
            assert_eq!(sealer.open_in_place(&mut stored, AAD), expected);
            opens += 3;
        }
    }
    opens
}
