use super::l1::{parts, stored, ROOMY};
use crate::hash::blake2b_256;
use crate::l1::{digits, Tier};

#[test]
fn identities_of_one_hash_never_answer_for_each_other() {
    let mut tier = Tier::of_one_hash(ROOMY);
    let named = tier.add_site(parts(b"t", None));
    let calls = tier.add_site(parts(b"t", Some((b"f:", b":1m"))));
    let others = tier.add_site(parts(b"t", Some((b"g:", b":1m"))));
    let key_of = |args| [b"f:", &digits(&blake2b_256(args))[..], b":1m"].concat();
    let keys = [&b"one"[..], b"two", &key_of(b"args"), &key_of(b"none")];
    let found = |tier: &Tier| {
        let by_key = keys.iter().filter(|key| tier.get_by_key(b"t", key).is_some()).count();
        let named = keys.iter().filter(|key| tier.get(named, key).is_some()).count();
        let called = [calls, others].map(|site| [&b"args"[..], b"none"].map(|args| tier.get(site, args).is_some()));
        (by_key, named, called)
    };

    assert!(tier.put(named, b"one", None, stored(b"v", Some(&[]))));
    assert_eq!(found(&tier), (1, 1, [[false, false], [false, false]]));
    assert!(tier.get(named, b"one").is_some());
    assert!(tier.remove(b"two").is_none());
    assert!(!tier.set_stored(b"t", b"two", b"w"));

    // There is room for one of a hash.
    assert!(tier.put(calls, b"args", None, stored(b"v", Some(&[]))));
    assert_eq!(found(&tier), (1, 0, [[true, false], [false, false]]));
    assert!(tier.remove(b"one").is_none());
    assert!(tier.remove(&key_of(b"none")).is_none());
    tier.assert_consistent();
    assert!(tier.remove(&key_of(b"args")).is_some());
}
