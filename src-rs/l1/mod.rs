//! The first tier of a cache: entries as they are in every store, mostly sealed, bounded by the memory that they take.
//!
//! An entry is identified by a cache key, or by the canonical arguments of a function, whose digest is part of its cache key.
//! Identities are compared; their hash, which is keyed at random, only finds them. One cache key has one entry at most,
//! whichever way it was stored. Two tenants with the same cache key evict each other and never see each other's entries.
//!
//! Eviction is that of the crate `quick_cache` with a smaller hot part than it has by default, so that it serves
//! loads that ask for what is new as well as LRU does.

mod block;
mod changes;
mod entry;
mod index;
mod intern;
mod pages;
mod site;
mod table;

use std::hash::{BuildHasher, Hasher, RandomState};

#[cfg(test)]
pub use block::{Block, PAGES_FROM};
pub use entry::{Entry, DIGEST_LEN, UNREADABLE};
use index::Index;
pub use intern::Id;
pub use site::{digits, Site, SiteParts, MAX_ARGS_LEN};
use table::Table;

use crate::hash::blake2b_256;

// In the place of a name, for the hash of a cache key.
const NAMED: u32 = u32::MAX;

/// What is stored of an entry.
#[derive(Clone, Copy)]
pub struct Stored<'a> {
    /// Until when it is fresh.
    pub until: f64,
    /// When its TTL ends.
    pub expires: f64,
    /// `None`: which tags it has is not known.
    pub tags: Option<&'a [&'a [u8]]>,
    /// Where the sealed bytes begin.
    pub offset: u16,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// A first tier.
pub struct Tier {
    entries: Table,
    index: Index,
    seed: RandomState,
    max_bytes: u64,
    /// By how many steps the budget of the entries is less than `max_bytes`.
    steps: u64,
    /// Grows when a tag was invalidated in all tenants.
    epoch: u32,
    #[cfg(test)]
    all_collide: bool,
}

impl Tier {
    /// An empty tier of at most so many bytes.
    pub fn new(max_bytes: u64) -> Self {
        Self {
            entries: Table::new(max_bytes),
            index: Index::default(),
            seed: RandomState::new(),
            max_bytes,
            steps: 0,
            epoch: 0,
            #[cfg(test)]
            all_collide: false,
        }
    }

    /// Adds a site, for as long as it is not released.
    pub fn add_site(&mut self, parts: SiteParts<'_>) -> Id {
        self.index.add_site(parts)
    }

    /// Nothing more will be asked of this site.
    pub fn release_site(&mut self, site: Id) {
        self.index.release_site(site);
    }

    /// A site that is there.
    #[inline]
    pub fn site(&self, site: Id) -> Option<&Site> {
        self.index.site(site)
    }

    /// The entry with this identity: a cache key, or the arguments of the site's function. Its times are the caller's to compare.
    #[inline]
    pub fn get(&self, site: Id, identity: &[u8]) -> Option<&Entry> {
        let own = self.site(site)?;
        let entry = match own.name {
            Some(name) if identity.len() <= MAX_ARGS_LEN => match self.get_of_call(site, own, name, identity) {
                Some(entry) => entry,
                // It may have been kept by its cache key.
                None if self.index.named > 0 => {
                    return self.get_named(own.tenant, &self.key_of(name, &blake2b_256(identity)));
                }
                None => return None,
            },
            Some(name) => return self.get_named(own.tenant, &self.key_of(name, &blake2b_256(identity))),
            None => return self.get_named(own.tenant, identity),
        };
        self.seen_by(own.tenant, entry)
    }

    #[inline]
    fn get_of_call(&self, site: Id, own: &Site, name: Id, identity: &[u8]) -> Option<&Entry> {
        let entry = self.entries.get(self.hash(name, identity))?;
        let same = entry.digest().is_some() && entry.identity() == identity;
        let other = if entry.site() == site { own } else { self.site(entry.site())? };
        (same && other.name == own.name).then_some(entry)
    }

    /// The entry of a cache key, which may be one of arguments, for a tenant.
    pub fn get_by_key(&self, tenant: &[u8], key: &[u8]) -> Option<&Entry> {
        let (entry, seen) = self.held_by_key(tenant, key)?;
        seen.then_some(entry)
    }

    /// As [`Self::get_by_key`], and whether it still counts: a tag that it may have can have been invalidated.
    pub fn held_by_key(&self, tenant: &[u8], key: &[u8]) -> Option<(&Entry, bool)> {
        // Without a site of it there is no entry either.
        let tenant = self.index.tenant_id(tenant)?;
        let named = self.entries.get(self.hash(NAMED, key));
        let named = named.filter(|entry| entry.digest().is_none() && entry.identity() == key);
        let entry = named.or_else(|| self.entries.get(self.hash_by_digest(key)?))?;
        let of_tenant = self.site(entry.site()).is_some_and(|site| site.tenant == tenant);
        of_tenant.then(|| (entry, self.seen_by(tenant, entry).is_some()))
    }

    #[inline]
    fn get_named(&self, tenant: Id, key: &[u8]) -> Option<&Entry> {
        let entry = self.entries.get(self.hash(NAMED, key))?;
        if entry.digest().is_some() || entry.identity() != key {
            return None;
        }
        self.seen_by(tenant, entry)
    }

    // Whether a tenant may see it, and no tag that it may have was invalidated.
    #[inline]
    fn seen_by<'a>(&self, tenant: Id, entry: &'a Entry) -> Option<&'a Entry> {
        let site = self.site(entry.site())?;
        let valid = entry.epoch().is_none_or(|epoch| epoch == self.epoch_of(site));
        (site.tenant == tenant && valid).then_some(entry)
    }

    /// The cache keys of the entries with one of the tags, each once.
    pub fn keys_tagged(&self, tags: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut hashes: Vec<u64> = tags.iter().flat_map(|tag| self.index.tagged(tag)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes.iter().filter_map(|hash| self.entries.peek(*hash)).filter_map(|entry| self.key_of_entry(entry)).collect()
    }

    fn key_of_entry(&self, entry: &Entry) -> Option<Vec<u8>> {
        let site = self.site(entry.site())?;
        Some(match (entry.digest(), site.name) {
            (Some(digest), Some(name)) => self.key_of(name, digest),
            _ => entry.identity().to_vec(),
        })
    }

    /// The entries at this moment, by numbers for [`Self::key_at`].
    pub fn hashes(&self) -> Vec<u64> {
        self.entries.iter().map(|(hash, _)| hash).collect()
    }

    /// The cache key of an entry that is still there, if it is of a tenant and fresh.
    pub fn key_at(&self, hash: u64, tenant: &[u8], now: f64) -> Option<Vec<u8>> {
        let entry = self.entries.peek(hash)?;
        let site = self.site(entry.site())?;
        if self.index.tenant(site) != tenant || entry.until() <= now {
            return None;
        }
        self.seen_by(site.tenant, entry)?;
        self.key_of_entry(entry)
    }

    /// The cache key of an identity, in pieces.
    ///
    /// `digest`: of arguments. `digits`: where its digits are to stand.
    #[inline]
    pub fn key_parts<'a>(
        &'a self,
        site: &Site,
        digest: Option<&[u8; DIGEST_LEN]>,
        identity: &'a [u8],
        digits: &'a mut [u8; 2 * DIGEST_LEN],
    ) -> [&'a [u8]; 3] {
        match (digest, site.name) {
            (Some(digest), Some(name)) => {
                let (before, after) = self.index.name(name);
                *digits = site::digits(digest);
                [before, digits, after]
            }
            _ => [&[], identity, &[]],
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory that is counted.
    pub fn bytes(&self) -> u64 {
        self.entries.bytes() + if self.is_empty() { 0 } else { self.shared_bytes() }
    }

    #[inline]
    fn hash(&self, name: u32, identity: &[u8]) -> u64 {
        let mut hasher = self.seed.build_hasher();
        hasher.write_u32(name);
        hasher.write(identity);
        #[cfg(test)]
        if self.all_collide {
            return 0;
        }
        hasher.finish()
    }

    // Of the entry of arguments that has this cache key.
    fn hash_by_digest(&self, key: &[u8]) -> Option<u64> {
        let (name, digest) = self.index.digest_in(key)?;
        self.index.hash_of_digest(self.seed.hash_one(digest)).find(|hash| {
            self.entries.peek(*hash).is_some_and(|entry| {
                entry.digest() == Some(&digest) && self.site(entry.site()).is_some_and(|site| site.name == Some(name))
            })
        })
    }

    fn key_of(&self, name: Id, digest: &[u8; DIGEST_LEN]) -> Vec<u8> {
        let (before, after) = self.index.name(name);
        [before, &site::digits(digest), after].concat()
    }

    fn epoch_of(&self, site: &Site) -> u32 {
        self.epoch.wrapping_add(self.index.epoch(site.tenant))
    }
}

#[cfg(test)]
impl Tier {
    /// A tier in which all identities have one hash.
    pub fn of_one_hash(max_bytes: u64) -> Self {
        let mut tier = Self::new(max_bytes);
        tier.all_collide = true;
        tier
    }

    /// Every row of the index is of an entry that is there, and every entry has its rows.
    pub fn assert_consistent(&self) {
        let entries: Vec<(u64, &Entry)> = self.entries.iter().collect();
        let digest_hash = |entry: &Entry| entry.digest().map(|digest| self.seed.hash_one(digest));
        self.index.assert_consistent(&entries, digest_hash);
    }
}
