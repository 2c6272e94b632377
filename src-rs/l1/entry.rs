//! One entry, in one block of memory.
//!
//! | offset | bytes | |
//! |---|---|---|
//! | 0 | 8 | until when it is fresh, milliseconds of JavaScript's clock, f64 |
//! | 8 | 4 | site |
//! | 12 | 4 | length of the identity; the upper three bits say which fields follow |
//! | 16 | 2 | number of tags |
//! | 18 | 2 | where the sealed bytes begin in what is stored, [`UNREADABLE`] where only JavaScript can tell |
//! | 20 | 8 | when its TTL ends, if not with the freshness |
//! | | 4 | epoch, of an entry whose tags are not known |
//! | | 32 | digest, of an entry that is identified by arguments |
//! | | 4 each | tags |
//! | | | identity, then what is stored |

use super::block::Block;
use super::intern::Id;

const HEAD_LEN: usize = 20;
/// Length of the digest of arguments.
pub const DIGEST_LEN: usize = 32;
/// The offset of an entry that is not opened here.
pub const UNREADABLE: u16 = u16::MAX;

const HAS_EXPIRY: u32 = 1 << 31;
const HAS_EPOCH: u32 = 1 << 30;
const HAS_DIGEST: u32 = 1 << 29;
const IDENTITY_MASK: u32 = HAS_DIGEST - 1;

/// An entry as it is kept.
pub struct Entry(Block);

/// What an entry is made of.
pub struct Parts<'a> {
    /// Until when it is fresh.
    pub until: f64,
    /// When its TTL ends.
    pub expires: f64,
    /// The site that it was stored for.
    pub site: Id,
    /// Of an entry whose tags are not known: when they were not known.
    pub epoch: Option<u32>,
    /// Of arguments.
    pub digest: Option<&'a [u8; DIGEST_LEN]>,
    /// Its tags, each once.
    pub tags: &'a [Id],
    /// Where the sealed bytes begin in `stored`.
    pub offset: u16,
    /// A cache key, or arguments.
    pub identity: &'a [u8],
    /// The bytes, as they are in every store.
    pub stored: &'a [u8],
}

impl Entry {
    /// Copies the parts. `None`: an identity or more tags than an entry can have.
    pub fn new(parts: &Parts<'_>) -> Option<Self> {
        let identity_len = u32::try_from(parts.identity.len()).ok().filter(|len| *len <= IDENTITY_MASK)?;
        let tags = u16::try_from(parts.tags.len()).ok()?;
        let has_expiry = parts.expires.to_bits() != parts.until.to_bits();
        let flags = if has_expiry { HAS_EXPIRY } else { 0 }
            | if parts.epoch.is_some() { HAS_EPOCH } else { 0 }
            | if parts.digest.is_some() { HAS_DIGEST } else { 0 };
        let start_len = HEAD_LEN
            + if has_expiry { 8 } else { 0 }
            + if parts.epoch.is_some() { 4 } else { 0 }
            + if parts.digest.is_some() { DIGEST_LEN } else { 0 }
            + parts.tags.len() * 4
            + parts.identity.len();
        let mut bytes = Vec::with_capacity(Block::room(start_len, parts.stored.len()));
        bytes.extend_from_slice(&parts.until.to_ne_bytes());
        bytes.extend_from_slice(&parts.site.to_ne_bytes());
        bytes.extend_from_slice(&(identity_len | flags).to_ne_bytes());
        bytes.extend_from_slice(&tags.to_ne_bytes());
        bytes.extend_from_slice(&parts.offset.to_ne_bytes());
        if has_expiry {
            bytes.extend_from_slice(&parts.expires.to_ne_bytes());
        }
        if let Some(epoch) = parts.epoch {
            bytes.extend_from_slice(&epoch.to_ne_bytes());
        }
        if let Some(digest) = parts.digest {
            bytes.extend_from_slice(digest);
        }
        for tag in parts.tags {
            bytes.extend_from_slice(&tag.to_ne_bytes());
        }
        bytes.extend_from_slice(parts.identity);
        Some(Self(Block::joined(bytes, parts.stored)))
    }

    /// Where it lies: the same as long as it is kept.
    pub fn address(&self) -> *const u8 {
        self.0.as_ptr()
    }

    /// The memory that it takes.
    pub fn taken(&self) -> usize {
        self.0.taken()
    }

    /// Length in bytes of all of it.
    pub fn block_len(&self) -> usize {
        self.0.len()
    }

    /// Until when it is fresh.
    pub fn until(&self) -> f64 {
        f64::from_ne_bytes(self.bytes_at(0))
    }

    /// When its TTL ends.
    pub fn expires(&self) -> f64 {
        if self.flags() & HAS_EXPIRY == 0 {
            return self.until();
        }
        f64::from_ne_bytes(self.bytes_at(HEAD_LEN))
    }

    /// The site that it was stored for.
    pub fn site(&self) -> Id {
        u32::from_ne_bytes(self.bytes_at(8))
    }

    /// When its tags were not known.
    pub fn epoch(&self) -> Option<u32> {
        let at = HEAD_LEN + self.expiry_len();
        (self.flags() & HAS_EPOCH != 0).then(|| u32::from_ne_bytes(self.bytes_at(at)))
    }

    /// Of arguments.
    pub fn digest(&self) -> Option<&[u8; DIGEST_LEN]> {
        let at = HEAD_LEN + self.expiry_len() + self.epoch_len();
        if self.flags() & HAS_DIGEST == 0 {
            return None;
        }
        self.0[at..].first_chunk()
    }

    /// Its tags.
    pub fn tags(&self) -> impl Iterator<Item = Id> + '_ {
        let at = self.tags_at();
        self.0[at..at + 4 * self.tag_count()].chunks_exact(4).map(|id| {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(id);
            u32::from_ne_bytes(bytes)
        })
    }

    /// How many tags it has.
    pub fn tag_count(&self) -> usize {
        usize::from(u16::from_ne_bytes(self.bytes_at(16)))
    }

    /// Where the sealed bytes begin in what is stored.
    pub fn offset(&self) -> u16 {
        u16::from_ne_bytes(self.bytes_at(18))
    }

    /// A cache key, or arguments.
    #[inline]
    pub fn identity(&self) -> &[u8] {
        let at = self.tags_at() + 4 * self.tag_count();
        &self.0[at..at + self.identity_len()]
    }

    /// The bytes, as they are in every store.
    #[inline]
    pub fn stored(&self) -> &[u8] {
        &self.0[self.tags_at() + 4 * self.tag_count() + self.identity_len()..]
    }

    /// The same with other times, or other bytes.
    pub fn with(&self, times: Option<(f64, f64)>, stored: Option<&[u8]>) -> Option<Self> {
        let tags: Vec<Id> = self.tags().collect();
        let (until, expires) = times.unwrap_or((self.until(), self.expires()));
        Self::new(&Parts {
            until,
            expires,
            site: self.site(),
            epoch: self.epoch(),
            digest: self.digest(),
            tags: &tags,
            offset: self.offset(),
            identity: self.identity(),
            stored: stored.unwrap_or(self.stored()),
        })
    }

    #[inline]
    fn tags_at(&self) -> usize {
        let digest_len = if self.flags() & HAS_DIGEST == 0 { 0 } else { DIGEST_LEN };
        HEAD_LEN + self.expiry_len() + self.epoch_len() + digest_len
    }

    fn expiry_len(&self) -> usize {
        if self.flags() & HAS_EXPIRY == 0 {
            0
        } else {
            8
        }
    }

    fn epoch_len(&self) -> usize {
        if self.flags() & HAS_EPOCH == 0 {
            0
        } else {
            4
        }
    }

    fn identity_len(&self) -> usize {
        (self.flags() & IDENTITY_MASK) as usize
    }

    #[inline]
    fn flags(&self) -> u32 {
        u32::from_ne_bytes(self.bytes_at(12))
    }

    #[inline]
    fn bytes_at<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.0[at..at + N]);
        bytes
    }
}
