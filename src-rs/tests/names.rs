//! Private names.

use super::*;
use crate::name::{Kind as NameKind, NameKey, NAME_LEN};

fn master_key() -> [u8; 32] {
    std::array::from_fn(|at| at as u8)
}

fn key(tenant_id: &str) -> NameKey {
    NameKey::derive(&master_key(), tenant_id.as_bytes()).unwrap()
}

#[test]
fn names_are_hmac_sha256_with_the_key_for_cache_keys() {
    // Computed with OpenSSL.
    let entry = "e671cd5fa633259054eca832a6851fb528a65da988b60dd70029f8cc7be22940";
    let tag = "b43f87e63569ee8f88557ee07b4c0e192342cb7e726e0c7b1da5b20f6c0bf6de";
    assert_eq!(hex::encode(key("default").name(NameKind::Entry, b"users:1")), entry);
    assert_eq!(hex::encode(key("default").name(NameKind::Tag, b"users:1")), tag);
    assert_eq!(hex::encode(key("default").name(NameKind::Entry, b"\xffusers:1")), tag, "what no cache key's UTF-8 is");
}

#[test]
fn tenants_and_texts_have_names_of_their_own() {
    let (a, b) = (key("a"), key("b"));
    let names: [[u8; NAME_LEN]; 5] = [
        a.name(NameKind::Entry, b"k"),
        b.name(NameKind::Entry, b"k"),
        a.name(NameKind::Entry, b"l"),
        a.name(NameKind::Entry, b""),
        a.name(NameKind::Tag, b"k"),
    ];
    for (at, name) in names.iter().enumerate() {
        assert!(!names[at + 1..].contains(name));
    }
}

#[test]
fn a_sealer_names_nothing_before_its_key_is_derived() {
    let sealer = tenant_sealer(&master_key(), "a");
    assert!(sealer.name_key().is_none());
    sealer.derive_name_key(&master_key(), b"a").unwrap();
    let name = sealer.name_key().unwrap().name(NameKind::Entry, b"k");
    assert_eq!(name, key("a").name(NameKind::Entry, b"k"));
    // Once more is nothing new.
    sealer.derive_name_key(&master_key(), b"a").unwrap();
    assert_eq!(sealer.derive_name_key(&[0; 15], b"a"), Ok(()), "it has its key");
    assert!(matches!(NameKey::derive(&[0; 15], b"a"), Err(Failure::InvalidLength)));
    assert!(matches!(NameKey::derive(&master_key(), b""), Err(Failure::InvalidLength)));
}
