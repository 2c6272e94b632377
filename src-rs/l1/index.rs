//! What finds entries by anything but what identifies them: tags, digests; and what many of them share.

use hashbrown::HashTable;

use super::entry::{Entry, DIGEST_LEN};
use super::intern::{Id, Interner};
use super::site::{Site, SiteParts};

/// Everything beside the entries themselves. It knows them by the hash of their identity, of which each is kept once.
#[derive(Default)]
pub struct Index {
    sites: Vec<Option<Site>>,
    free: Vec<Id>,
    names: Interner<()>,
    /// What follows the digest in the names that were ever there.
    afters: Vec<Box<[u8]>>,
    tenants: Interner<u32>,
    tags: Interner<Rows>,
    digests: HashTable<(u64, u64)>,
    /// How many entries are identified by their cache key.
    pub(super) named: usize,
}

/// The entries with one tag.
#[derive(Default)]
enum Rows {
    #[default]
    None,
    One(u64),
    Many(HashTable<u64>),
}

impl Rows {
    fn add(&mut self, hash: u64) {
        match self {
            Self::None => *self = Self::One(hash),
            Self::One(other) if *other == hash => {}
            Self::One(other) => {
                let mut rows = HashTable::with_capacity(2);
                rows.insert_unique(*other, *other, |hash| *hash);
                rows.insert_unique(hash, hash, |hash| *hash);
                *self = Self::Many(rows);
            }
            Self::Many(rows) => {
                if rows.find(hash, |other| *other == hash).is_none() {
                    rows.insert_unique(hash, hash, |hash| *hash);
                }
            }
        }
    }

    fn remove(&mut self, hash: u64) {
        match self {
            Self::One(other) if *other == hash => *self = Self::None,
            Self::Many(rows) => {
                if let Ok(found) = rows.find_entry(hash, |other| *other == hash) {
                    found.remove();
                }
            }
            _ => {}
        }
    }

    fn hashes(&self) -> Vec<u64> {
        match self {
            Self::None => Vec::new(),
            Self::One(hash) => vec![*hash],
            Self::Many(rows) => rows.iter().copied().collect(),
        }
    }
}

impl Index {
    /// Adds a site, which stays until it is released and no entry is left of it.
    pub fn add_site(&mut self, parts: SiteParts<'_>) -> Id {
        let name = parts.name.map(|(before, after)| {
            if !self.afters.iter().any(|other| **other == *after) {
                self.afters.push(after.into());
            }
            self.names.hold(&name_text(before, after))
        });
        let tenant = self.tenants.hold(parts.tenant);
        let site = Site::new(&parts, name, tenant);
        if let Some(id) = self.free.pop() {
            self.sites[id as usize] = Some(site);
            return id;
        }
        self.sites.push(Some(site));
        (self.sites.len() - 1) as Id
    }

    /// Nothing more will be asked of this site.
    pub fn release_site(&mut self, id: Id) {
        if let Some(site) = self.site_mut(id) {
            site.released = true;
        }
        self.drop_unused(id);
    }

    /// A site that is there.
    #[inline]
    pub fn site(&self, id: Id) -> Option<&Site> {
        self.sites.get(id as usize)?.as_ref()
    }

    /// The tenant of a site, as it was given.
    pub fn tenant(&self, site: &Site) -> &[u8] {
        self.tenants.text(site.tenant)
    }

    /// The number of a tenant that has sites.
    pub fn tenant_id(&self, tenant: &[u8]) -> Option<Id> {
        self.tenants.find(tenant)
    }

    /// The epoch of a tenant: it grows whenever the entries of unknown tags may have lost one.
    pub fn epoch(&self, tenant: Id) -> u32 {
        self.tenants.value(tenant).copied().unwrap_or(0)
    }

    /// A tag was invalidated in a tenant.
    pub fn end_epoch(&mut self, tenant: Id) {
        if let Some(epoch) = self.tenants.value_mut(tenant) {
            *epoch = epoch.wrapping_add(1);
        }
    }

    /// If a cache key is one of arguments: its name, and the digest of the arguments.
    pub fn digest_in(&self, key: &[u8]) -> Option<(Id, [u8; DIGEST_LEN])> {
        self.afters.iter().find_map(|after| {
            let (before, digits) = key.strip_suffix(&**after)?.split_last_chunk::<{ 2 * DIGEST_LEN }>()?;
            let digest = unhex(digits)?;
            Some((self.names.find(&name_text(before, after))?, digest))
        })
    }

    /// What stands before and after the digest in the cache keys of a name.
    pub fn name(&self, id: Id) -> (&[u8], &[u8]) {
        let text = self.names.text(id);
        let Some((len, text)) = text.split_first_chunk() else { return (&[], &[]) };
        text.split_at((u32::from_ne_bytes(*len) as usize).min(text.len()))
    }

    /// The entry of a digest, if there is one.
    pub fn hash_of_digest(&self, digest_hash: u64) -> impl Iterator<Item = u64> + '_ {
        self.digests.iter_hash(digest_hash).filter(move |row| row.0 == digest_hash).map(|row| row.1)
    }

    /// Holds a tag for an entry that is being made.
    pub fn hold_tag(&mut self, tag: &[u8]) -> Id {
        self.tags.hold(tag)
    }

    /// Holds a tag of an entry for a copy of it.
    pub fn hold_again(&mut self, tag: Id) {
        self.tags.hold_again(tag);
    }

    /// Gives it up again.
    pub fn release_tag(&mut self, tag: Id) {
        self.tags.release(tag);
    }

    /// The entries with a tag.
    pub fn tagged(&self, tag: &[u8]) -> Vec<u64> {
        self.tags.find(tag).and_then(|id| self.tags.value(id)).map(Rows::hashes).unwrap_or_default()
    }

    /// An entry is about to be kept.
    pub fn count(&mut self, entry: &Entry) {
        self.named += usize::from(entry.digest().is_none());
        if let Some(site) = self.site_mut(entry.site()) {
            site.entries += 1;
        }
    }

    /// An entry is kept.
    pub fn enter(&mut self, hash: u64, entry: &Entry, digest_hash: Option<u64>) {
        for tag in entry.tags() {
            if let Some(rows) = self.tags.value_mut(tag) {
                rows.add(hash);
            }
        }
        if let Some(digest_hash) = digest_hash {
            self.digests.insert_unique(digest_hash, (digest_hash, hash), |row| row.0);
        }
    }

    /// An entry that was counted is gone; perhaps another one has its hash.
    pub fn leave(&mut self, hash: u64, entry: &Entry, digest_hash: Option<u64>) {
        for tag in entry.tags() {
            if let Some(rows) = self.tags.value_mut(tag) {
                rows.remove(hash);
            }
            self.tags.release(tag);
        }
        if let Some(digest_hash) = digest_hash {
            if let Ok(found) = self.digests.find_entry(digest_hash, |row| *row == (digest_hash, hash)) {
                found.remove();
            }
        }
        self.named -= usize::from(entry.digest().is_none());
        if let Some(site) = self.site_mut(entry.site()) {
            site.entries -= 1;
        }
        self.drop_unused(entry.site());
    }

    /// All entries are gone.
    pub fn clear(&mut self) {
        self.tags = Interner::default();
        self.digests = HashTable::new();
        self.named = 0;
        for id in 0..self.sites.len() as Id {
            if let Some(site) = self.site_mut(id) {
                site.entries = 0;
            }
            self.drop_unused(id);
        }
    }

    /// Bytes of the tags' texts. Rows of tags and digests count with the entries.
    pub fn bytes(&self) -> usize {
        self.tags.bytes()
    }

    fn site_mut(&mut self, id: Id) -> Option<&mut Site> {
        self.sites.get_mut(id as usize)?.as_mut()
    }

    fn drop_unused(&mut self, id: Id) {
        if self.site(id).is_none_or(|site| !site.released || site.entries > 0) {
            return;
        }
        if let Some(site) = self.sites[id as usize].take() {
            if let Some(name) = site.name {
                self.names.release(name);
            }
            self.tenants.release(site.tenant);
            self.free.push(id);
        }
    }
}

fn name_text(before: &[u8], after: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(4 + before.len() + after.len());
    text.extend_from_slice(&(before.len() as u32).to_ne_bytes());
    text.extend_from_slice(before);
    text.extend_from_slice(after);
    text
}

fn unhex(digits: &[u8; 2 * DIGEST_LEN]) -> Option<[u8; DIGEST_LEN]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut digest = [0; DIGEST_LEN];
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(digest)
}

#[cfg(test)]
impl Index {
    pub fn assert_consistent(&self, entries: &[(u64, &Entry)], digest_hash: impl Fn(&Entry) -> Option<u64>) {
        let mut rows: Vec<(Id, u64)> =
            self.tags.held().flat_map(|(id, tag)| tag.hashes().into_iter().map(move |hash| (id, hash))).collect();
        let mut expected: Vec<(Id, u64)> =
            entries.iter().flat_map(|(hash, entry)| entry.tags().map(|tag| (tag, *hash))).collect();
        rows.sort_unstable();
        expected.sort_unstable();
        assert_eq!(rows, expected);
        let of_arguments: Vec<(u64, u64)> =
            entries.iter().filter_map(|(hash, entry)| Some((digest_hash(entry)?, *hash))).collect();
        assert_eq!(self.digests.len(), of_arguments.len());
        assert!(of_arguments.iter().all(|row| self.digests.find(row.0, |other| other == row).is_some()));
        assert_eq!(self.named, entries.len() - of_arguments.len());
        for (id, site) in self.sites.iter().enumerate() {
            let Some(site) = site else { continue };
            assert_eq!(site.entries, entries.iter().filter(|(_, entry)| entry.site() as usize == id).count());
        }
    }
}
