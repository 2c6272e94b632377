//! The class of first tiers, with the calls that are made less often than [`super::l1_calls`].

use std::rc::Rc;

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::mode::Mode;
use super::sealers::{self, Sealers};
use super::status::{exception, guard, Outcome};
use super::tiers::SharedTier;
use crate::l1::{Entry, Id, SiteParts, Tier};

/// A first tier, which ends with this object.
#[napi]
pub struct L1 {
    tier: Rc<SharedTier>,
    sealers: Rc<Sealers>,
    place: usize,
}

/// An entry as it is kept.
#[napi(object)]
pub struct L1Entry {
    /// A copy of the stored bytes.
    pub bytes: Buffer,
    /// Until when it is fresh.
    pub until: f64,
    /// When its TTL ends.
    pub expires: f64,
}

#[napi]
impl L1 {
    /// Empty, and at most so many bytes large.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: &Env, max_bytes: f64) -> Result<Self, String> {
        throwing("L1", || {
            let sealers = sealers::table(env.raw())?;
            let tier = SharedTier::new(max_bytes as u64);
            let place = sealers.tiers.add(&tier);
            Ok(Self { tier, sealers, place })
        })
    }

    /// What the frequent calls know it by.
    #[napi(getter, catch_unwind)]
    pub fn handle(&self) -> Result<u32, String> {
        throwing("L1.handle", || Ok(self.place as u32))
    }

    /// What entries of a tenant have in common: those of a function, with `name` before and after the digest of its cache keys, or
    /// those with cache keys of their own. The AAD is empty without encryption. `mode` as of `sealValue`.
    #[napi(catch_unwind)]
    pub fn site(
        &self,
        tenant: &[u8],
        name: Option<Vec<Uint8Array>>,
        aad_prefix: &[u8],
        aad_suffix: &[u8],
        format: &[u8],
        mode: u32,
    ) -> Result<L1Site, String> {
        let mode = Mode(mode as usize);
        let id = self.with("L1.site", |tier| {
            let name = name.as_deref().map(|name| match name {
                [before, after] => (&before[..], &after[..]),
                _ => (&[][..], &[][..]),
            });
            let (unpacking, literals) = (mode.unpacking(), mode.literals());
            let aad = (aad_prefix, aad_suffix);
            Ok(tier.add_site(SiteParts { name, tenant, aad, format, unpacking, literals }))
        })?;
        Ok(L1Site { tier: Rc::clone(&self.tier), id })
    }

    /// The entry of a cache key for a tenant, for `grace_ms` longer than it is fresh. After `kept_ms` it is removed.
    #[napi(catch_unwind)]
    pub fn read(
        &self,
        tenant: &[u8],
        key: &[u8],
        now: f64,
        grace_ms: f64,
        kept_ms: f64,
    ) -> Result<Option<L1Entry>, String> {
        self.with("L1.read", |tier| {
            let Some((entry, seen)) = tier.held_by_key(tenant, key) else { return Ok(None) };
            let (until, expires) = (entry.until(), entry.expires());
            if seen && until + grace_ms > now {
                return Ok(Some(L1Entry { bytes: entry.stored().into(), until, expires }));
            }
            if !seen || until + kept_ms <= now {
                tier.remove(key);
            }
            Ok(None)
        })
    }

    /// Removes the entry of a cache key. Whether it was fresh; nothing is removed of another tenant's.
    #[napi(catch_unwind)]
    pub fn remove(&self, tenant: &[u8], key: &[u8], now: f64) -> Result<bool, String> {
        self.with("L1.remove", |tier| {
            let Some((entry, seen)) = tier.held_by_key(tenant, key) else { return Ok(false) };
            let fresh = seen && entry.until() > now;
            tier.remove(key);
            Ok(fresh)
        })
    }

    /// Removes the entry of a cache key, whatever its tenant.
    #[napi(catch_unwind)]
    pub fn forget(&self, key: &[u8]) -> Result<(), String> {
        self.with("L1.forget", |tier| {
            tier.remove(key);
            Ok(())
        })
    }

    /// Gives a fresh entry another end. Whether there was one.
    #[napi(catch_unwind)]
    pub fn expire(&self, tenant: &[u8], key: &[u8], until: f64, now: f64) -> Result<bool, String> {
        self.with("L1.expire", |tier| {
            let fresh = tier.get_by_key(tenant, key).is_some_and(|entry| entry.until() > now);
            Ok(fresh && tier.set_times(tenant, key, until, until))
        })
    }

    /// Puts other bytes in the place of a fresh entry's, which keeps its times and tags, if it has `if_bytes`. 0: it has not;
    /// -1: they would not fit.
    #[napi(catch_unwind)]
    pub fn replace(&self, tenant: &[u8], key: &[u8], if_bytes: &[u8], bytes: &[u8], now: f64) -> Result<i32, String> {
        self.with("L1.replace", |tier| {
            let same = |entry: &Entry| entry.until() > now && entry.stored() == if_bytes;
            if !tier.get_by_key(tenant, key).is_some_and(same) {
                return Ok(0);
            }
            Ok(if tier.set_stored(tenant, key, bytes) { 1 } else { -1 })
        })
    }

    /// Removes the entries with one of the tags. Returns how many were fresh.
    #[napi(catch_unwind)]
    pub fn invalidate_tags(&self, tags: Vec<String>, now: f64) -> Result<u32, String> {
        self.with("L1.invalidateTags", |tier| {
            let tags: Vec<&[u8]> = tags.iter().map(|tag| tag.as_bytes()).collect();
            Ok(tier.invalidate_tags(&tags, now) as u32)
        })
    }

    /// The cache keys of the entries with one of the tags.
    #[napi(catch_unwind)]
    pub fn keys_tagged(&self, tags: Vec<String>) -> Result<Vec<String>, String> {
        self.with("L1.keysTagged", |tier| {
            let tags: Vec<&[u8]> = tags.iter().map(|tag| tag.as_bytes()).collect();
            Ok(tier.keys_tagged(&tags).into_iter().filter_map(|key| String::from_utf8(key).ok()).collect())
        })
    }

    /// Removes the entries whose tags are not known, of one tenant or of all.
    #[napi(catch_unwind)]
    pub fn end_unknown(&self, tenant: Option<&[u8]>) -> Result<(), String> {
        self.with("L1.endUnknown", |tier| {
            tier.end_unknown(tenant);
            Ok(())
        })
    }

    /// The cache keys of a tenant's fresh entries.
    #[napi(catch_unwind)]
    pub fn keys(&self, tenant: &[u8]) -> Result<L1Keys, String> {
        let hashes = self.with("L1.keys", |tier| Ok(tier.hashes()))?;
        Ok(L1Keys { tier: Rc::clone(&self.tier), hashes, tenant: tenant.to_vec() })
    }

    /// How many entries there are, and their bytes.
    #[napi(catch_unwind)]
    pub fn usage(&self) -> Result<Vec<f64>, String> {
        self.with("L1.usage", |tier| Ok(vec![tier.len() as f64, tier.bytes() as f64]))
    }

    /// Removes everything.
    #[napi(catch_unwind)]
    pub fn clear(&self) -> Result<(), String> {
        self.with("L1.clear", |tier| {
            tier.clear();
            Ok(())
        })
    }

    /// Gives the memory back.
    #[napi(catch_unwind)]
    pub fn close(&self) -> Result<(), String> {
        self.with("L1.close", |tier| {
            tier.recover();
            Ok(())
        })
    }

    fn with<T>(&self, name: &str, work: impl FnOnce(&mut Tier) -> Outcome<T>) -> Result<T, String> {
        throwing(name, || self.tier.with(work))
    }
}

impl Drop for L1 {
    fn drop(&mut self) {
        self.sealers.tiers.remove(self.place);
    }
}

/// What entries have in common, until this object is gone.
#[napi]
pub struct L1Site {
    tier: Rc<SharedTier>,
    id: Id,
}

#[napi]
impl L1Site {
    /// What calls know it by.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> Result<u32, String> {
        throwing("L1Site.id", || Ok(self.id))
    }
}

impl Drop for L1Site {
    fn drop(&mut self) {
        // Fails only within a call that works with the tier, which runs no finalizers.
        let _ = self.tier.with(|tier| {
            tier.release_site(self.id);
            Ok(())
        });
    }
}

/// A listing, in steps between which entries may come and go.
#[napi]
pub struct L1Keys {
    tier: Rc<SharedTier>,
    hashes: Vec<u64>,
    tenant: Vec<u8>,
}

#[napi]
impl L1Keys {
    /// The next ones, of at most `limit` entries; nothing at the end.
    #[napi(catch_unwind)]
    pub fn next(&mut self, limit: u32, now: f64) -> Result<Option<Vec<String>>, String> {
        throwing("L1Keys.next", || {
            if self.hashes.is_empty() {
                return Ok(None);
            }
            let rest = self.hashes.len().saturating_sub(limit as usize);
            let tenant = &self.tenant;
            let hashes = self.hashes.drain(rest..);
            self.tier.with(|tier| {
                let keys = hashes.filter_map(|hash| tier.key_at(hash, tenant, now));
                Ok(Some(keys.filter_map(|key| String::from_utf8(key).ok()).collect()))
            })
        })
    }
}

fn throwing<T>(name: &str, work: impl FnOnce() -> Outcome<T>) -> Result<T, String> {
    guard(name, work).map_err(exception)
}
