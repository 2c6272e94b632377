//! Keys of a tenant from a master key, and the fingerprints that name them.
//!
//! Salt of HKDF-SHA256; the info is the domain, the output 32 bytes. Protocol: docs/protocol.md, "Key Derivation".
//!
//! | offset | bytes | |
//! |---|---|---|
//! | 0 | 12 | `cachekit_v1_` |
//! | 12 | 1 | length of the domain |
//! | 13 | d | domain |
//! | 13 + d | 2 | length of the tenant id, big-endian |
//! | 15 + d | t | tenant id, UTF-8 |

use crate::crypto::digest::{Context, SHA256};
use crate::crypto::hkdf::{KeyType, Salt, HKDF_SHA256};
use crate::error::Failure;
use crate::secret::{Secret, KEY_LEN};

/// The domain of the keys that seal values.
pub const ENCRYPTION_DOMAIN: &[u8] = b"encryption";

/// The domain of the keys that make private names.
pub const CACHE_KEYS_DOMAIN: &[u8] = b"cache_keys";

/// Length of a fingerprint in bytes.
pub const FINGERPRINT_LEN: usize = 16;

/// Shortest master key in bytes.
pub const MIN_MASTER_KEY_LEN: usize = 16;

const SALT_PREFIX: &[u8] = b"cachekit_v1_";
const FINGERPRINT_PREFIX: &[u8] = b"key_fingerprint_v1";
const MAX_DOMAIN_LEN: usize = 255;
const MAX_TENANT_LEN: usize = 1024;

/// Derives one tenant's key for one domain.
///
/// # Errors
/// [`Failure::InvalidLength`] for a master key under 16 bytes, a domain that is not 1 to 255 bytes or a tenant id that
/// is not 1 to 1,024 bytes.
pub fn derive_domain_key(master_key: &[u8], domain: &[u8], tenant_id: &[u8]) -> Result<Secret, Failure> {
    if master_key.len() < MIN_MASTER_KEY_LEN
        || !(1..=MAX_DOMAIN_LEN).contains(&domain.len())
        || !(1..=MAX_TENANT_LEN).contains(&tenant_id.len())
    {
        return Err(Failure::InvalidLength);
    }
    let mut salt = Vec::with_capacity(SALT_PREFIX.len() + 3 + domain.len() + tenant_id.len());
    salt.extend_from_slice(SALT_PREFIX);
    salt.push(domain.len() as u8);
    salt.extend_from_slice(domain);
    salt.extend_from_slice(&(tenant_id.len() as u16).to_be_bytes());
    salt.extend_from_slice(tenant_id);

    let mut key = Secret::zeros(KEY_LEN);
    hkdf_sha256(&salt, master_key, domain, key.expose_mut())?;
    Ok(key)
}

/// The first 16 bytes of SHA-256 over a prefix and the key: names a key without revealing it.
pub fn fingerprint(key: &[u8]) -> [u8; FINGERPRINT_LEN] {
    let mut context = Context::new(&SHA256);
    context.update(FINGERPRINT_PREFIX);
    context.update(key);
    let mut short = [0; FINGERPRINT_LEN];
    short.copy_from_slice(&context.finish().as_ref()[..FINGERPRINT_LEN]);
    short
}

pub(crate) fn hkdf_sha256(salt: &[u8], ikm: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), Failure> {
    struct Len(usize);
    impl KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }
    Salt::new(HKDF_SHA256, salt)
        .extract(ikm)
        .expand(&[info], Len(out.len()))
        .and_then(|okm| okm.fill(out))
        .map_err(|_| Failure::InvalidLength)
}
