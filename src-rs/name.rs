//! Names under which a store keeps what it must not know the cache key or tag of: HMAC-SHA256 with the tenant's
//! `cache_keys` key.
//!
//! | of | input |
//! |---|---|
//! | an entry | its cache key, UTF-8 |
//! | a tag | `ff`, then the tag, UTF-8 |
//!
//! No UTF-8 has the byte `ff`, so that no tag has the name of an entry.

use crate::crypto::hmac::Context;
use crate::error::Failure;
use crate::kdf;
use crate::secret::{MacKey, KEY_LEN};

/// Length of a name in bytes.
pub const NAME_LEN: usize = 32;

const TAG_PREFIX: &[u8] = &[0xff];

/// What a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A cache key.
    Entry,
    /// A tag.
    Tag,
}

/// What one tenant's names are made with.
#[derive(Debug)]
pub struct NameKey(MacKey);

impl NameKey {
    /// Derives a tenant's key.
    ///
    /// # Errors
    /// [`Failure::InvalidLength`] for a master key or tenant id that the protocol refuses.
    pub fn derive(master_key: &[u8], tenant_id: &[u8]) -> Result<Self, Failure> {
        let key = kdf::derive_domain_key(master_key, kdf::CACHE_KEYS_DOMAIN, tenant_id)?;
        let key: &[u8; KEY_LEN] = key.expose().try_into().map_err(|_| Failure::InvalidLength)?;
        Ok(Self(MacKey::new(key)))
    }

    /// The name of what `text`, UTF-8, is in clear.
    pub fn name(&self, kind: Kind, text: &[u8]) -> [u8; NAME_LEN] {
        let mut context = Context::with_key(self.0.expose());
        if kind == Kind::Tag {
            context.update(TAG_PREFIX);
        }
        context.update(text);
        let mut name = [0; NAME_LEN];
        name.copy_from_slice(context.sign().as_ref());
        name
    }
}
