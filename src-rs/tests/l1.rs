use std::collections::HashMap;

use proptest::prelude::*;

use crate::container::{Kind, Unpacking};
use crate::hash::blake2b_256;
use crate::l1::{digits, Id, SiteParts, Stored, Tier};

pub const ROOMY: u64 = 64 << 20;

pub fn parts<'a>(tenant: &'a [u8], name: Option<(&'a [u8], &'a [u8])>) -> SiteParts<'a> {
    let unpacking = Unpacking { kind: Kind::Envelope, check_msgpack: false };
    SiteParts { name, tenant, aad: (b"aad", b"end"), format: b"msgpack", unpacking, literals: false }
}

pub fn stored<'a>(bytes: &'a [u8], tags: Option<&'a [&'a [u8]]>) -> Stored<'a> {
    Stored { until: 10.0, expires: 10.0, tags, offset: 0, bytes }
}

/// What an entry is addressed by.
#[derive(Debug, Clone, Copy)]
enum Address {
    Key(u8),
    Call(u8, u8),
    KeyOfCall(u8, u8),
}

#[derive(Debug, Clone)]
enum Step {
    Put { tenant: u8, at: Address, value: u8, len: u16, tags: Option<Vec<u8>> },
    Get { tenant: u8, at: Address },
    Remove(Address),
    SetTimes { tenant: u8, at: Address, until: u8 },
    SetStored { tenant: u8, at: Address, value: u8, len: u16 },
    Invalidate(u8),
    EndUnknown(Option<u8>),
    Clear,
}

fn address() -> impl Strategy<Value = Address> {
    prop_oneof![
        (0..4u8).prop_map(Address::Key),
        (0..2u8, 0..6u8).prop_map(|(function, args)| Address::Call(function, args)),
        (0..2u8, 0..6u8).prop_map(|(function, args)| Address::KeyOfCall(function, args)),
    ]
}

fn step(most: u16) -> impl Strategy<Value = Step> {
    let tags = prop::option::of(prop::collection::vec(0..4u8, 0..3));
    prop_oneof![
        6 => (0..2u8, address(), any::<u8>(), 0..most, tags)
            .prop_map(|(tenant, at, value, len, tags)| Step::Put { tenant, at, value, len, tags }),
        6 => (0..2u8, address()).prop_map(|(tenant, at)| Step::Get { tenant, at }),
        2 => address().prop_map(Step::Remove),
        1 => (0..2u8, address(), 1..9u8).prop_map(|(tenant, at, until)| Step::SetTimes { tenant, at, until }),
        1 => (0..2u8, address(), any::<u8>(), 0..most)
            .prop_map(|(tenant, at, value, len)| Step::SetStored { tenant, at, value, len }),
        1 => (0..4u8).prop_map(Step::Invalidate),
        1 => prop::option::of(0..2u8).prop_map(Step::EndUnknown),
        1 => Just(Step::Clear),
    ]
}

struct Expected {
    tenant: u8,
    bytes: Vec<u8>,
    until: f64,
    tags: Option<Vec<u8>>,
}

/// Calls 4 and 5 have arguments that are too long to identify an entry.
fn args(index: u8) -> Vec<u8> {
    vec![index; if index < 4 { 20 } else { 200 }]
}

fn key_of_call(function: u8, index: u8) -> Vec<u8> {
    let after: &[u8] = if function == 0 { b":1m" } else { b"" };
    [&[b'f', function][..], &digits(&blake2b_256(&args(index))), after].concat()
}

struct Sites {
    named: [Id; 2],
    calls: [[Id; 2]; 2],
}

impl Sites {
    fn new(tier: &mut Tier) -> Self {
        let mut site = |tenant: u8, name| tier.add_site(parts(&[tenant], name));
        let mut calls =
            |tenant| [site(tenant, Some((&b"f\x00"[..], &b":1m"[..]))), site(tenant, Some((&b"f\x01"[..], &b""[..])))];
        let calls = [calls(0), calls(1)];
        let mut named = |tenant: u8| tier.add_site(parts(&[tenant], None));
        Self { named: [named(0), named(1)], calls }
    }
}

fn key(at: Address) -> Vec<u8> {
    match at {
        Address::Key(name) => vec![b'k', name],
        Address::Call(function, index) | Address::KeyOfCall(function, index) => key_of_call(function, index),
    }
}

fn run(steps: &[Step], max_bytes: u64, exact: bool) {
    let mut tier = Tier::new(max_bytes);
    let sites = Sites::new(&mut tier);
    let mut model: HashMap<Vec<u8>, Expected> = HashMap::new();
    for step in steps {
        match step.clone() {
            Step::Put { tenant, at, value, len, tags } => {
                let bytes = vec![value; usize::from(len)];
                let names: Option<Vec<[u8; 1]>> = tags.as_ref().map(|tags| tags.iter().map(|tag| [*tag]).collect());
                let texts: Option<Vec<&[u8]>> =
                    names.as_ref().map(|names| names.iter().map(|name| &name[..]).collect());
                let stored = stored(&bytes, texts.as_deref());
                let kept = match at {
                    Address::Call(function, index) => {
                        tier.put(sites.calls[usize::from(tenant)][usize::from(function)], &args(index), None, stored)
                    }
                    _ => tier.put(sites.named[usize::from(tenant)], &key(at), None, stored),
                };
                if kept {
                    model.insert(key(at), Expected { tenant, bytes, until: 10.0, tags });
                } else {
                    assert!(!exact);
                    model.remove(&key(at));
                }
            }
            Step::Get { tenant, at } => {
                let entry = match at {
                    Address::Call(function, index) => {
                        let site = sites.calls[usize::from(tenant)][usize::from(function)];
                        tier.get(site, &args(index))
                    }
                    _ => tier.get_by_key(&[tenant], &key(at)),
                };
                let expected = model.get(&key(at)).filter(|expected| expected.tenant == tenant);
                if let Some(entry) = entry {
                    let expected = expected.expect("no entry that is not expected");
                    assert_eq!(entry.stored(), expected.bytes);
                    assert_eq!(entry.until(), expected.until);
                } else {
                    assert!(!exact || expected.is_none());
                }
            }
            Step::Remove(at) => {
                let removed = tier.remove(&key(at));
                let expected = model.remove(&key(at));
                if exact {
                    // One whose tags were invalidated may still be there.
                    assert!(removed.is_some() || expected.is_none());
                }
            }
            Step::SetTimes { tenant, at, until } => {
                let set = tier.set_times(&[tenant], &key(at), f64::from(until), 100.0);
                let expected = model.get_mut(&key(at)).filter(|expected| expected.tenant == tenant);
                if set {
                    expected.expect("no entry that is not expected").until = f64::from(until);
                } else {
                    assert!(!exact || expected.is_none());
                }
            }
            Step::SetStored { tenant, at, value, len } => {
                let bytes = vec![value; usize::from(len)];
                let set = tier.set_stored(&[tenant], &key(at), &bytes);
                let expected = model.get_mut(&key(at)).filter(|expected| expected.tenant == tenant);
                if set {
                    expected.expect("no entry that is not expected").bytes = bytes;
                } else {
                    assert!(!exact || expected.is_none());
                }
            }
            Step::Invalidate(tag) => {
                tier.invalidate_tags(&[&[tag]], 0.0);
                model.retain(|_, expected| expected.tags.as_ref().is_none_or(|tags| !tags.contains(&tag)));
            }
            Step::EndUnknown(tenant) => {
                tier.end_unknown(tenant.as_ref().map(std::slice::from_ref));
                model.retain(|_, expected| {
                    expected.tags.is_some() || tenant.is_some_and(|tenant| tenant != expected.tenant)
                });
            }
            Step::Clear => {
                tier.clear();
                model.clear();
                assert_eq!((tier.len(), tier.bytes()), (0, 0));
            }
        }
        tier.assert_consistent();
        assert!(tier.bytes() <= max_bytes + 8192, "{} bytes", tier.bytes());
    }
    for tenant in 0..2u8 {
        let mut found: Vec<Vec<u8>> =
            tier.hashes().iter().filter_map(|hash| tier.key_at(*hash, &[tenant], 0.0)).collect();
        found.sort();
        let mut expected: Vec<Vec<u8>> =
            model.iter().filter(|(_, expected)| expected.tenant == tenant).map(|(key, _)| key.clone()).collect();
        expected.sort();
        if exact {
            assert_eq!(found, expected);
        } else {
            assert!(found.iter().all(|key| expected.contains(key)));
        }
    }
}

proptest! {
    #[test]
    fn behaves_as_a_map(steps in prop::collection::vec(step(64), 1..80)) {
        run(&steps, ROOMY, true);
    }

    #[test]
    fn forgets_but_never_confuses(steps in prop::collection::vec(step(400), 1..120)) {
        run(&steps, 2048, false);
    }
}

#[test]
fn a_site_that_is_released_stays_with_its_entries_alone() {
    let mut tier = Tier::new(ROOMY);
    let site = tier.add_site(parts(b"t", None));
    assert!(tier.put(site, b"k", None, stored(b"v", Some(&[]))));
    tier.release_site(site);
    let other = tier.add_site(parts(b"t", None));
    assert_ne!(site, other);
    assert_eq!(tier.get(other, b"k").map(|entry| entry.stored()), Some(&b"v"[..]));
    assert!(tier.remove(b"k").is_some());
    assert_eq!(tier.add_site(parts(b"u", None)), site);
}

#[test]
fn a_budget_is_what_is_resident_and_never_exceeded() {
    const MAX: u64 = 8 << 20;
    let mut tier = Tier::new(MAX);
    let site = tier.add_site(parts(b"t", None));
    for i in 0..200_000u32 {
        let tag = (i / 2).to_string();
        let tags: &[&[u8]] = if i % 3 == 0 { &[tag.as_bytes()] } else { &[] };
        assert!(tier.put(site, format!("user:{i}").as_bytes(), None, stored(&[7; 127], Some(tags))));
        assert!(tier.bytes() <= MAX + MAX / 32, "{} bytes", tier.bytes());
    }
    tier.assert_consistent();
    assert!(tier.len() > 20_000, "{} entries", tier.len());
}

#[test]
fn an_entry_that_is_too_large_leaves_none_of_its_cache_key() {
    let mut tier = Tier::new(64 << 10);
    let site = tier.add_site(parts(b"t", None));
    assert!(tier.put(site, b"k", None, stored(b"v", Some(&[]))));
    assert!(!tier.put(site, b"k", None, stored(&vec![1; 64 << 10], Some(&[]))));
    assert!(tier.get(site, b"k").is_none());
    tier.assert_consistent();
}

#[test]
fn an_empty_tier_takes_what_fits_whatever_came_before() {
    const MAX: usize = 1 << 20;
    let mut tier = Tier::new(MAX as u64);
    let site = tier.add_site(parts(b"t", None));
    let texts: Vec<String> = (0..3000).map(|i| format!("tag:{i}:{}", "x".repeat(100))).collect();
    let tags: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
    assert!(tier.put(site, b"a", None, stored(b"v", Some(&tags))));
    assert!(tier.remove(b"a").is_some());
    assert!(tier.put(site, b"b", None, stored(&vec![1; MAX * 55 / 100], Some(&[]))));
    // And one with more tags than there is room for takes nothing away.
    let texts: Vec<String> = (0..30_000).map(|i| format!("tag:{i}:{}", "x".repeat(100))).collect();
    let tags: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
    assert!(!tier.put(site, b"c", None, stored(b"v", Some(&tags))));
    assert!(tier.get(site, b"c").is_none());
    tier.assert_consistent();
}

#[test]
fn an_entry_that_grows_where_it_is_stays() {
    let mut tier = Tier::new(3000);
    let site = tier.add_site(parts(b"t", None));
    for key in [b"a", b"b", b"c"] {
        assert!(tier.put(site, key, None, stored(&[1; 700], Some(&[]))));
    }
    for key in [b"a", b"b", b"c"] {
        (0..3).for_each(|_| assert!(tier.get(site, key).is_some()));
    }
    assert!(tier.set_stored(b"t", b"a", &[2; 1600]));
    assert_eq!(tier.get(site, b"a").map(|entry| entry.stored().len()), Some(1600));
    assert!(tier.put(site, b"a", None, stored(&[3; 1650], Some(&[]))));
    tier.assert_consistent();
}
