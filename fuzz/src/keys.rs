//! Key derivation, fingerprints and names on RustCrypto's HKDF, HMAC and SHA-256.

use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// The key of a domain and tenant, or `None` for lengths that the protocol refuses.
pub fn domain_key(master_key: &[u8], domain: &[u8], tenant_id: &[u8]) -> Option<[u8; 32]> {
    let allowed = master_key.len() >= 16 && matches!(domain.len(), 1..=255) && matches!(tenant_id.len(), 1..=1024);
    let tenant_len = u16::try_from(tenant_id.len()).ok()?.to_be_bytes();
    let salt = [b"cachekit_v1_", &[domain.len() as u8][..], domain, &tenant_len, tenant_id].concat();
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(Some(&salt), master_key).expand(domain, &mut key).unwrap();
    allowed.then_some(key)
}

pub fn fingerprint(key: &[u8]) -> [u8; 16] {
    let digest = Sha256::new().chain_update(b"key_fingerprint_v1").chain_update(key).finalize();
    digest[..16].try_into().unwrap()
}

/// The name of a cache key, or of a tag.
pub fn name(key: &[u8; 32], tag: bool, text: &[u8]) -> [u8; 32] {
    let prefix: &[u8] = if tag { &[0xff] } else { &[] };
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(prefix).chain_update(text);
    mac.finalize().into_bytes().into()
}
