//! Keys of tenants: what is derived is what an independent HKDF derives, and of several keys exactly those that are the sealing
//! one open a value.
//!
//! | bytes | |
//! |---|---|
//! | 1 | number of master keys, 1 to 4, minus 1; bits 2-3: which of them seals |
//! | 1, 1, 1 | lengths of master keys, of the domain, of a text |
//! | 2 | length of tenant ids |
//! | rest | that, in turn: domain, text, then for each key the key and its tenant |

#![no_main]

use std::sync::Arc;

use cachekit_native::container::Packing;
use cachekit_native::error::Failure;
use cachekit_native::kdf::{derive_domain_key, fingerprint, CACHE_KEYS_DOMAIN, ENCRYPTION_DOMAIN};
use cachekit_native::name::{Kind, NameKey};
use cachekit_native::nonce::Sequence;
use cachekit_native::sealer::{Sealer, OVERHEAD_LEN};
use cachekit_native_fuzz::aead::Oracle;
use cachekit_native_fuzz::input::Input;
use cachekit_native_fuzz::keys;
use cachekit_native_fuzz::memory::{is_clean, marked};
use libfuzzer_sys::fuzz_target;

const AAD: &[u8] = b"\x03aad";

struct Member<'a> {
    master_key: &'a [u8],
    tenant_id: &'a [u8],
    key: [u8; 32],
    sealer: Sealer,
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let choices = input.byte();
    let lens = input.array::<3>().map(usize::from);
    // Above the longest that is allowed, so that the limit is crossed.
    let tenant_len = input.short() % 1_030;
    let domain = input.take(lens[1]);
    let text = input.take(lens[2]);
    let mut members = Vec::new();
    for _ in 0..=choices & 3 {
        let (master_key, tenant_id) = (input.take(lens[0]), input.take(tenant_len));
        members.extend(member(master_key, tenant_id));
        derived(master_key, domain, tenant_id);
        names(master_key, tenant_id, text);
    }
    if !members.is_empty() {
        keyring(&members, usize::from(choices >> 2 & 3) % members.len(), text);
    }
});

fn member<'a>(master_key: &'a [u8], tenant_id: &'a [u8]) -> Option<Member<'a>> {
    let sequence = Arc::new(Sequence::counter().unwrap());
    match (Sealer::derive(master_key, tenant_id, sequence), keys::domain_key(master_key, ENCRYPTION_DOMAIN, tenant_id))
    {
        (Ok(sealer), Some(key)) => {
            assert_eq!(*sealer.fingerprint(), keys::fingerprint(&key));
            Some(Member { master_key, tenant_id, key, sealer })
        }
        (Err(Failure::InvalidLength), None) => None,
        (found, expected) => panic!("{found:?}, expected a key: {}", expected.is_some()),
    }
}

fn derived(master_key: &[u8], domain: &[u8], tenant_id: &[u8]) {
    let expected = keys::domain_key(master_key, domain, tenant_id);
    match derive_domain_key(master_key, domain, tenant_id) {
        Ok(key) => {
            assert_eq!(Some(key.expose()), expected.as_ref().map(|key| &key[..]));
            assert_eq!(format!("{key:?}"), "<redacted>");
            // A byte that moves from the domain to the tenant gives another key.
            let whole = [domain, tenant_id].concat();
            let moved = derive_domain_key(master_key, &whole[..domain.len() - 1], &whole[domain.len() - 1..]);
            assert!(moved.map_or(true, |moved| moved.expose() != key.expose()));
        }
        Err(failure) => assert_eq!((failure, expected), (Failure::InvalidLength, None)),
    }
    assert_eq!(fingerprint(master_key), keys::fingerprint(master_key));
}

fn names(master_key: &[u8], tenant_id: &[u8], text: &[u8]) {
    match (NameKey::derive(master_key, tenant_id), keys::domain_key(master_key, CACHE_KEYS_DOMAIN, tenant_id)) {
        (Ok(name_key), Some(key)) => {
            let (entry, tag) = (name_key.name(Kind::Entry, text), name_key.name(Kind::Tag, text));
            assert_eq!((entry, tag), (keys::name(&key, false, text), keys::name(&key, true, text)));
            assert_ne!(entry, tag);
        }
        (Err(Failure::InvalidLength), None) => {}
        (found, expected) => panic!("{found:?}, expected a key: {}", expected.is_some()),
    }
}

fn keyring(members: &[Member<'_>], current: usize, payload: &[u8]) {
    let current = &members[current];
    let mut sealed = marked(payload.len() + OVERHEAD_LEN);
    let len = current.sealer.seal(&mut sealed, payload, AAD, Packing::Bare).unwrap();
    assert_eq!(len, sealed.len());
    for member in members {
        let same = (member.master_key, member.tenant_id) == (current.master_key, current.tenant_id);
        assert_eq!(member.sealer.fingerprint() == current.sealer.fingerprint(), same);
        assert_eq!(Oracle::new(&member.key).open(&sealed, AAD), same.then(|| payload.to_vec()));
        let mut out = marked(payload.len());
        match member.sealer.open_bare(&mut out, &sealed, AAD) {
            Ok(len) => assert_eq!((same, &out[..len]), (true, payload)),
            Err(failure) => {
                assert_eq!((same, failure), (false, Failure::Authentication));
                assert!(is_clean(&out));
            }
        }
    }
}
