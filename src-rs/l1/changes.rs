//! What changes the entries of a tier, and keeps the index in step with them.

use std::hash::BuildHasher;
use std::ptr;

use super::entry::{Entry, Parts, DIGEST_LEN};
use super::intern::Id;
use super::site::MAX_ARGS_LEN;
use super::table::Table;
use super::{pages, Stored, Tier, NAMED};
use crate::hash::blake2b_256;
use crate::heap;

/// The budget is adjusted to what entries share in steps of this part of it.
const STEPS: u64 = 64;
/// How often an entry is inserted that leaves at once: one more than the uses of others that count.
const MOST_INSERTIONS: usize = 4;
/// From how many bytes of a tier on, the heap is asked for what is free in it.
const GIVEN_BACK_FROM: u64 = 1024 * 1024;
/// What entries may share before it counts.
const FREE_LEN: usize = 4096;

impl Tier {
    /// Keeps an entry, in the place of one of the same cache key. Returns whether it was kept.
    ///
    /// `digest`: of the identity, if it is known.
    pub fn put(&mut self, site: Id, identity: &[u8], digest: Option<[u8; DIGEST_LEN]>, stored: Stored<'_>) -> bool {
        let Some(own) = self.site(site) else { return false };
        let Some(name) = own.name else { return self.put_named(site, identity, stored) };
        let digest = digest.unwrap_or_else(|| blake2b_256(identity));
        if identity.len() > MAX_ARGS_LEN {
            return self.put_named(site, &self.key_of(name, &digest), stored);
        }
        if self.index.named > 0 {
            let key = self.key_of(name, &digest);
            self.remove_hash(self.hash(NAMED, &key), |entry| entry.digest().is_none() && entry.identity() == key);
        }
        self.insert(self.hash(name, identity), site, Some(&digest), identity, stored)
    }

    fn put_named(&mut self, site: Id, key: &[u8], stored: Stored<'_>) -> bool {
        if let Some(hash) = self.hash_by_digest(key) {
            self.remove_hash(hash, |_| true);
        }
        self.insert(self.hash(NAMED, key), site, None, key, stored)
    }

    fn insert(
        &mut self,
        hash: u64,
        site: Id,
        digest: Option<&[u8; DIGEST_LEN]>,
        identity: &[u8],
        stored: Stored<'_>,
    ) -> bool {
        let mut tags: Vec<Id> = stored.tags.unwrap_or_default().iter().map(|tag| self.index.hold_tag(tag)).collect();
        tags.sort_unstable();
        tags.dedup_by(|one, other| {
            let twice = one == other;
            if twice {
                self.index.release_tag(*one);
            }
            twice
        });
        let epoch = match (stored.tags, self.site(site)) {
            (None, Some(site)) => Some(self.epoch_of(site)),
            _ => None,
        };
        let entry = Entry::new(&Parts {
            until: stored.until,
            expires: stored.expires,
            site,
            epoch,
            digest,
            tags: &tags,
            offset: stored.offset,
            identity,
            stored: stored.bytes,
        });
        // New tags may take more than there is.
        let Some(entry) = entry.filter(|entry| self.fits(entry)) else {
            for tag in tags {
                self.index.release_tag(tag);
            }
            self.remove_hash(hash, |_| true);
            return false;
        };
        self.keep(hash, entry)
    }

    // The entry holds its tags already.
    fn keep(&mut self, hash: u64, entry: Entry) -> bool {
        self.adjust();
        // In its place it would leave again to make room for itself.
        if self.entries.peek(hash).is_some_and(|old| old.block_len() < entry.block_len()) {
            self.remove_hash(hash, |_| true);
        }
        let address = entry.address();
        self.index.count(&entry);
        let mut entry = Some(entry);
        // One that was there before may leave at once, where all others have been used since: each time by one use less.
        for _ in 0..MOST_INSERTIONS {
            let Some(again) = entry.take() else { break };
            self.entries.insert(hash, again);
            entry = self.settle_without(address);
        }
        if let Some(entry) = entry {
            self.leave(hash, &entry);
        }
        let Some(kept) = self.entries.peek(hash).filter(|kept| kept.address() == address) else {
            // Of one that is too large: what it was to replace.
            self.remove_hash(hash, |_| true);
            return false;
        };
        let digest_hash = kept.digest().map(|digest| self.seed.hash_one(digest));
        self.index.enter(hash, kept, digest_hash);
        self.adjust();
        self.entries.peek(hash).is_some_and(|kept| kept.address() == address)
    }

    fn fits(&mut self, entry: &Entry) -> bool {
        self.adjust();
        self.entries.fits(entry)
    }

    /// Removes an entry by its cache key, whatever its tenant. Returns what was removed.
    pub fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        let named =
            self.remove_hash(self.hash(NAMED, key), |entry| entry.digest().is_none() && entry.identity() == key);
        let of_arguments = self.hash_by_digest(key).and_then(|hash| self.remove_hash(hash, |_| true));
        named.or(of_arguments)
    }

    /// Gives an entry other times. Returns whether it is there.
    pub fn set_times(&mut self, tenant: &[u8], key: &[u8], until: f64, expires: f64) -> bool {
        let changed = self.get_by_key(tenant, key).and_then(|entry| entry.with(Some((until, expires)), None));
        changed.is_some_and(|changed| self.change(key, changed))
    }

    /// Gives an entry other bytes. Returns whether it is there and they fit; if not, it is as it was.
    pub fn set_stored(&mut self, tenant: &[u8], key: &[u8], stored: &[u8]) -> bool {
        let changed = self.get_by_key(tenant, key).and_then(|entry| entry.with(None, Some(stored)));
        changed.is_some_and(|changed| self.fits(&changed) && self.change(key, changed))
    }

    fn change(&mut self, key: &[u8], changed: Entry) -> bool {
        let hash = match changed.digest() {
            Some(_) => self.hash_by_digest(key),
            None => Some(self.hash(NAMED, key)),
        };
        let Some(hash) = hash else { return false };
        for tag in changed.tags().collect::<Vec<_>>() {
            self.index.hold_again(tag);
        }
        self.keep(hash, changed)
    }

    /// Removes the entries with one of the tags, at the cost of those. Returns how many were fresh.
    pub fn invalidate_tags(&mut self, tags: &[&[u8]], now: f64) -> usize {
        let mut removed = 0;
        for tag in tags {
            for hash in self.index.tagged(tag) {
                removed += usize::from(self.remove_hash(hash, |_| true).is_some_and(|entry| entry.until() > now));
            }
        }
        removed
    }

    /// The entries whose tags are not known are gone, of one tenant or of all.
    pub fn end_unknown(&mut self, tenant: Option<&[u8]>) {
        match tenant {
            None => self.epoch = self.epoch.wrapping_add(1),
            Some(tenant) => {
                if let Some(id) = self.index.tenant_id(tenant) {
                    self.index.end_epoch(id);
                }
            }
        }
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.index.clear();
        self.adjust();
    }

    /// Removes everything, whatever a panic has left of it.
    pub fn recover(&mut self) {
        let bytes = self.bytes();
        self.entries = Table::new(self.max_bytes);
        self.steps = 0;
        self.clear();
        give_back(bytes);
    }

    fn remove_hash(&mut self, hash: u64, which: impl FnOnce(&Entry) -> bool) -> Option<Entry> {
        let entry = self.entries.remove_if(hash, which)?;
        self.leave(hash, &entry);
        Some(entry)
    }

    fn leave(&mut self, hash: u64, entry: &Entry) {
        let digest_hash = entry.digest().map(|digest| self.seed.hash_one(digest));
        self.index.leave(hash, entry, digest_hash);
    }

    // What left during an insertion.
    fn settle(&mut self) {
        self.settle_without(ptr::null());
    }

    // As `settle`, but for the entry of an address, which is given back if it left.
    fn settle_without(&mut self, address: *const u8) -> Option<Entry> {
        let mut left = self.entries.departed();
        let mut back = None;
        for (hash, entry) in left.drain(..) {
            if entry.address() == address {
                back = Some(entry);
            } else {
                self.leave(hash, &entry);
            }
        }
        self.entries.reuse(left);
        back
    }

    // The texts of tags. What sites take is its holder's, and a few tags do not count.
    pub(super) fn shared_bytes(&self) -> u64 {
        self.index.bytes().saturating_sub(FREE_LEN) as u64
    }

    // What entries share is part of the budget.
    fn adjust(&mut self) {
        let step = (self.max_bytes / STEPS).max(1);
        let steps = self.shared_bytes().div_ceil(step).min(STEPS - 1);
        // Down by a step and up again would give up entries each time.
        if steps > self.steps || steps + 1 < self.steps {
            self.steps = steps;
            self.entries.set_capacity(self.max_bytes.saturating_sub(steps * step).max(1));
            self.settle();
        }
    }
}

impl Drop for Tier {
    fn drop(&mut self) {
        let bytes = self.bytes();
        self.entries.clear();
        give_back(bytes);
    }
}

// Of a tier whose entries have been freed: what lay between them, and what is kept for the next ones.
fn give_back(bytes: u64) {
    if bytes >= GIVEN_BACK_FROM {
        pages::give_back();
        heap::give_back();
    }
}
