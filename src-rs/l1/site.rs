//! What the entries of one function or of named keys, and of one tenant, have in common.

use super::entry::DIGEST_LEN;
use super::intern::Id;
use crate::container::{Kind, Packing, Unpacking};
use crate::hash;

/// Arguments up to this length identify an entry themselves; of longer ones the digest does.
pub const MAX_ARGS_LEN: usize = 128;

/// What a site is made of.
#[derive(Clone, Copy)]
pub struct SiteParts<'a> {
    /// Before and after the hex digest in the cache keys of a function; `None`: entries have cache keys of their own.
    pub name: Option<(&'a [u8], &'a [u8])>,
    /// The tenant.
    pub tenant: &'a [u8],
    /// The AAD before the length of the cache key, and what follows the cache key. Empty where nothing is sealed.
    pub aad: (&'a [u8], &'a [u8]),
    /// The format that an envelope names.
    pub format: &'a [u8],
    /// The container.
    pub unpacking: Unpacking,
    /// Whether values are written without compression.
    pub literals: bool,
}

/// A site.
pub struct Site {
    pub(super) name: Option<Id>,
    pub(super) tenant: Id,
    pub(super) entries: usize,
    pub(super) released: bool,
    aad: (Box<[u8]>, Box<[u8]>),
    format: Box<[u8]>,
    unpacking: Unpacking,
    literals: bool,
}

impl Site {
    pub(super) fn new(parts: &SiteParts<'_>, name: Option<Id>, tenant: Id) -> Self {
        Self {
            name,
            tenant,
            entries: 0,
            released: false,
            aad: (parts.aad.0.into(), parts.aad.1.into()),
            format: parts.format.into(),
            unpacking: parts.unpacking,
            literals: parts.literals,
        }
    }

    /// Whether entries are identified by arguments.
    pub fn is_of_calls(&self) -> bool {
        self.name.is_some()
    }

    /// Whether entries are sealed.
    pub fn is_sealed(&self) -> bool {
        !self.aad.0.is_empty()
    }

    /// The format of an envelope.
    pub fn format(&self) -> &[u8] {
        &self.format
    }

    /// The container, to be read.
    pub fn unpacking(&self) -> Unpacking {
        self.unpacking
    }

    /// The container, to be written.
    pub fn packing(&self) -> Packing<'_> {
        let literals = self.literals;
        match self.unpacking.kind {
            Kind::Bare => Packing::Bare,
            Kind::Envelope => Packing::Envelope { format: &self.format, literals },
            Kind::Checksum => Packing::Checksum,
            Kind::InteropV2 => Packing::InteropV2 { literals },
        }
    }

    /// The AAD of a cache key that comes in pieces, at the start of `out`, or in memory of its own where that is too short.
    #[inline]
    pub fn aad<'a>(&self, key: [&[u8]; 3], out: &'a mut [u8], spare: &'a mut Vec<u8>) -> &'a [u8] {
        let (prefix, suffix) = (&*self.aad.0, &*self.aad.1);
        let key_len = key[0].len() + key[1].len() + key[2].len();
        let len = prefix.len() + 4 + key_len + suffix.len();
        let out = if len <= out.len() {
            &mut out[..len]
        } else {
            spare.resize(len, 0);
            spare
        };
        let mut at = 0;
        for part in [prefix, &(key_len as u32).to_be_bytes(), key[0], key[1], key[2], suffix] {
            out[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        out
    }
}

/// The hex digits of a digest.
pub fn digits(digest: &[u8; DIGEST_LEN]) -> [u8; 2 * DIGEST_LEN] {
    let mut digits = [0; 2 * DIGEST_LEN];
    hash::hex(digest, &mut digits);
    digits
}
