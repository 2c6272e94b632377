//! The frequent calls of a first tier. Each takes the tier's number, a site's, and an identity first.

use std::cell::RefCell;
use std::rc::Rc;

use napi::Error;

use super::arguments::with_headroom;
use super::bytes::fill;
use super::call::{Call, ExportsObject};
use super::handle::Handle;
use super::memory::{Memory, Output};
use super::sealers::Sealers;
use super::status::{Answer, Outcome};
use crate::container::{Kind, Unpacking};
use crate::envelope::Envelope;
use crate::error::Failure;
use crate::hash::blake2b_256;
use crate::l1::{Entry, Id, Site, Stored, Tier, DIGEST_LEN, UNREADABLE};
use crate::sealer::{Opened, Sealer, OVERHEAD_LEN};

/// AADs up to this length need no memory of their own.
const AAD_LEN: usize = 512;
/// Working memory above this length is not kept.
const LARGEST_KEPT: usize = 64 * 1024;

/// Adds the functions to the module's exports.
pub fn export(target: &ExportsObject, sealers: &Rc<Sealers>) -> Result<(), Error> {
    sealers.export::<8, _>(target, c"l1Hit", l1_hit)?;
    sealers.export::<7, _>(target, c"l1Copy", l1_copy)?;
    sealers.export::<9, _>(target, c"l1Put", l1_put)?;
    sealers.export::<9, _>(target, c"l1Seal", l1_seal)
}

/// `l1Hit(tier, site, identity, identityLen, out, outOffset, sealer, now)`: the payload's length
fn l1_hit(call: &Call) -> Outcome<Answer> {
    let sealers = Sealers::of(call);
    let (site_id, identity, now) = (call.integer(1)? as Id, identity(call)?, call.number(7)?);
    let (out, offset) = (call.hot_memory(4, false)?, call.integer(5)?);
    sealers.tiers.get(call.integer(0)?)?.with(|tier| {
        let site = tier.site(site_id).ok_or(Failure::NotHere)?;
        let (out, headroom) = with_headroom(out, offset, site.unpacking())?;
        let (mut out, [identity]) = call.borrow(out, [identity])?;
        let entry = tier.get(site_id, identity).filter(|entry| entry.until() > now).ok_or(Failure::Missing)?;
        let sealed = entry.stored().get(usize::from(entry.offset())..).ok_or(Failure::NotHere)?;
        if entry.offset() == UNREADABLE {
            return Err(Failure::NotHere);
        }
        if !site.is_sealed() {
            return unpack(site, &mut out, headroom, sealed);
        }
        let sealer = sealers.get(Handle(call.integer(6)?)).map_err(|_| Failure::NotHere)?;
        open(tier, site, entry, &sealer, &mut out, headroom, sealed)
    })
}

#[inline]
fn open(
    tier: &Tier,
    site: &Site,
    entry: &Entry,
    sealer: &Sealer,
    out: &mut Output<'_>,
    headroom: usize,
    sealed: &[u8],
) -> Outcome<Answer> {
    let (mut digits, mut short, mut long) = ([0; 2 * DIGEST_LEN], [0; AAD_LEN], Vec::new());
    let key = tier.key_parts(site, entry.digest(), entry.identity(), &mut digits);
    let aad = site.aad(key, &mut short, &mut long);
    match sealer.open(out, headroom, sealed, aad, site.unpacking()) {
        Ok(Opened::Written(len)) => Ok(Answer::Length(len)),
        // Why, JavaScript finds out: another key may open it.
        _ => Err(Failure::NotHere),
    }
}

fn unpack(site: &Site, out: &mut Output<'_>, headroom: usize, stored: &[u8]) -> Outcome<Answer> {
    let unpacking: Unpacking = site.unpacking();
    if unpacking.kind == Kind::Envelope {
        let format = Envelope::parse(stored).map_err(|_| Failure::NotHere)?.format();
        if stored.get(format) != Some(site.format()) {
            return Err(Failure::NotHere);
        }
    }
    unpacking.unpack(&mut out[headroom..], stored).map(Answer::Length).map_err(|_| Failure::NotHere)
}

/// `l1Copy(tier, site, identity, identityLen, out, expires, now)`: the length of what is stored. `expires` has 8 bytes.
fn l1_copy(call: &Call) -> Outcome<Answer> {
    let (site_id, identity, now) = (call.integer(1)? as Id, identity(call)?, call.number(6)?);
    let (out, expires) = (call.hot_memory(4, false)?, call.hot_memory(5, false)?);
    if out.overlaps(expires) || identity.overlaps(expires) {
        return Err(Failure::Overlap);
    }
    Sealers::of(call).tiers.get(call.integer(0)?)?.with(|tier| {
        let (mut out, [identity]) = call.borrow(out, [identity])?;
        let (mut expires, []) = call.borrow(expires, [])?;
        let entry = tier.get(site_id, identity).filter(|entry| entry.until() > now).ok_or(Failure::Missing)?;
        let stored = entry.stored();
        fill(&mut expires, &entry.expires().to_ne_bytes())?;
        out.get_mut(..stored.len()).ok_or(Failure::Needs(stored.len()))?.copy_from_slice(stored);
        Ok(Answer::Length(stored.len()))
    })
}

/// `l1Put(tier, site, identity, identityLen, stored, offset, until, expires, tags)`: the length of what is kept
fn l1_put(call: &Call) -> Outcome<Answer> {
    let (site, identity, stored, tags) =
        (call.integer(1)? as Id, identity(call)?, call.hot_memory(4, false)?, call.hot_memory(8, false)?);
    let offset = u16::try_from(call.integer(5)?).unwrap_or(UNREADABLE);
    let (until, expires) = (call.number(6)?, call.number(7)?);
    // SAFETY: read in this call, in which JavaScript does not run again, and only read.
    let (identity, bytes, tags) = unsafe { (identity.slice(), stored.slice(), tags.slice()) };
    let tags = Tags::read(tags)?;
    Sealers::of(call).tiers.get(call.integer(0)?)?.with(|tier| {
        let stored = Stored { until, expires, tags: tags.list(), offset, bytes };
        kept(tier.put(site, identity, None, stored), bytes.len())
    })
}

/// `l1Seal(tier, site, identity, identityLen, payload, sealer, prefix, until, tags)`: the length of what is kept
fn l1_seal(call: &Call) -> Outcome<Answer> {
    thread_local! {
        static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    let sealers = Sealers::of(call);
    let (site_id, identity, payload) = (call.integer(1)? as Id, identity(call)?, call.hot_memory(4, false)?);
    let (prefix, tags, until) = (call.hot_memory(6, false)?, call.hot_memory(8, false)?, call.number(7)?);
    // SAFETY: read in this call, in which JavaScript does not run again, and only read.
    let (identity, payload, prefix, tags) =
        unsafe { (identity.slice(), payload.slice(), prefix.slice(), tags.slice()) };
    let tags = Tags::read(tags)?;
    sealers.tiers.get(call.integer(0)?)?.with(|tier| {
        SCRATCH.with_borrow_mut(|out| {
            let site = tier.site(site_id).ok_or(Failure::NotHere)?;
            let sealed = site.is_sealed();
            let digest = site.is_of_calls().then(|| blake2b_256(identity));
            let packing = site.packing();
            let fill = |out: &mut Vec<u8>| {
                out.resize(prefix.len() + OVERHEAD_LEN + packing.bound(payload.len())?, 0);
                let (head, body) = out.split_at_mut(prefix.len());
                head.copy_from_slice(prefix);
                if !sealed {
                    return packing.pack(body, payload);
                }
                let (mut digits, mut short, mut long) = ([0; 2 * DIGEST_LEN], [0; AAD_LEN], Vec::new());
                let key = tier.key_parts(site, digest.as_ref(), identity, &mut digits);
                let aad = site.aad(key, &mut short, &mut long);
                sealers.get(Handle(call.integer(5)?))?.seal(body, payload, aad, packing)
            };
            let filled = fill(out);
            let answer = filled.and_then(|len| {
                let bytes = &out[..prefix.len() + len];
                let offset = u16::try_from(prefix.len()).unwrap_or(UNREADABLE);
                let stored = Stored { until, expires: until, tags: tags.list(), offset, bytes };
                kept(tier.put(site_id, identity, digest, stored), bytes.len())
            });
            if out.capacity() > LARGEST_KEPT {
                *out = Vec::new();
            } else if !sealed {
                // Without encryption it is the value.
                out.fill(0);
            }
            answer
        })
    })
}

fn kept(kept: bool, len: usize) -> Outcome<Answer> {
    if kept {
        Ok(Answer::Length(len))
    } else {
        Err(Failure::Missing)
    }
}

#[inline]
fn identity(call: &Call) -> Outcome<Memory> {
    call.hot_memory(2, false)?.first(call.integer(3)?)
}

/// The tags of an entry: each a length of 4 bytes, little-endian, and UTF-8. A single byte: they are not known.
struct Tags<'a>(Option<Vec<&'a [u8]>>);

impl<'a> Tags<'a> {
    fn read(mut bytes: &'a [u8]) -> Outcome<Self> {
        if bytes.len() == 1 {
            return Ok(Self(None));
        }
        let mut tags = Vec::new();
        while let Some((len, rest)) = bytes.split_first_chunk() {
            let (tag, rest) =
                rest.split_at_checked(u32::from_le_bytes(*len) as usize).ok_or(Failure::InvalidArgument)?;
            tags.push(tag);
            bytes = rest;
        }
        if bytes.is_empty() {
            Ok(Self(Some(tags)))
        } else {
            Err(Failure::InvalidArgument)
        }
    }

    fn list(&self) -> Option<&[&'a [u8]]> {
        self.0.as_deref()
    }
}
