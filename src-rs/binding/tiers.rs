//! The first tiers of one JavaScript environment, which knows them by number.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::status::Outcome;
use crate::error::Failure;
use crate::l1::Tier;

/// The table.
#[derive(Default)]
pub struct Tiers(RefCell<Vec<Option<Rc<SharedTier>>>>);

/// A tier that several objects and calls use.
pub struct SharedTier {
    tier: RefCell<Tier>,
    // Whether something works with it, or a panic has ended that.
    busy: Cell<bool>,
}

impl SharedTier {
    /// A tier of at most so many bytes.
    pub fn new(max_bytes: u64) -> Rc<Self> {
        Rc::new(Self { tier: RefCell::new(Tier::new(max_bytes)), busy: Cell::new(false) })
    }

    /// Does something with the tier. After a panic it is empty.
    ///
    /// # Errors
    /// [`Failure::InvalidArgument`] within itself, and what `work` fails with.
    #[inline]
    pub fn with<T>(&self, work: impl FnOnce(&mut Tier) -> Outcome<T>) -> Outcome<T> {
        let mut tier = self.tier.try_borrow_mut().map_err(|_| Failure::InvalidArgument)?;
        if self.busy.replace(true) {
            tier.recover();
        }
        #[cfg(feature = "test-hooks")]
        super::hooks::panic_if_armed("l1:work");
        let outcome = work(&mut tier);
        self.busy.set(false);
        outcome
    }
}

impl Tiers {
    /// Adds a tier: its number.
    pub fn add(&self, tier: &Rc<SharedTier>) -> usize {
        let mut tiers = self.0.borrow_mut();
        let tier = Some(Rc::clone(tier));
        if let Some(place) = tiers.iter().position(Option::is_none) {
            tiers[place] = tier;
            return place;
        }
        tiers.push(tier);
        tiers.len() - 1
    }

    /// The number names nothing from now on.
    pub fn remove(&self, place: usize) {
        if let Some(tier) = self.0.borrow_mut().get_mut(place) {
            *tier = None;
        }
    }

    /// The tier of a number.
    ///
    /// # Errors
    /// [`Failure::Missing`] if there is none: then there is no entry either.
    #[inline]
    pub fn get(&self, place: usize) -> Outcome<Rc<SharedTier>> {
        self.0.borrow().get(place).cloned().flatten().ok_or(Failure::Missing)
    }
}
