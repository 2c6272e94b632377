//! Entries by the hash of their identity, and which of them leave.

use std::cell::RefCell;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use quick_cache::unsync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};

use super::entry::Entry;

/// Of the budget, what entries may take that were asked for again. At 1 loads that ask for what is new lose badly.
const HOT_ALLOCATION: f64 = 0.6;
/// What is expected of an entry, in bytes, to know how many that left are remembered.
const USUAL_ENTRY_LEN: u64 = 256;
/// What an entry takes beside its block: places in the tables, in part of those that left and are remembered.
const PLACE_LEN: usize = 72;
/// What a tag of an entry takes beside the entry: a row in the tag's table.
const ROW_LEN: usize = 24;
/// A row in the table of digests.
const DIGEST_ROW_LEN: usize = 32;
/// Growing the tables to their full size at once, as soon as they are this part of it, spares a long pause later.
const RESERVE_AT: usize = 16;

type Entries = Cache<u64, Entry, Weigh, BuildHasherDefault<SameHasher>, Departures>;

struct Weigh;

impl Weighter<u64, Entry> for Weigh {
    fn weight(&self, _hash: &u64, entry: &Entry) -> u64 {
        let digest_row_len = if entry.digest().is_some() { DIGEST_ROW_LEN } else { 0 };
        (entry.taken() + PLACE_LEN + digest_row_len + ROW_LEN * entry.tag_count()) as u64
    }
}

/// The hash of an identity is its own hash.
#[derive(Default)]
struct SameHasher(u64);

impl Hasher for SameHasher {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only hashes are hashed");
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Collects what leaves.
struct Departures(Rc<RefCell<Vec<(u64, Entry)>>>);

impl Lifecycle<u64, Entry> for Departures {
    type RequestState = ();

    fn begin_request(&self) {}

    fn on_evict(&self, _: &mut (), hash: u64, entry: Entry) {
        self.0.borrow_mut().push((hash, entry));
    }
}

/// A table that is bounded in bytes.
pub struct Table {
    entries: Entries,
    departures: Rc<RefCell<Vec<(u64, Entry)>>>,
    usual_entries: usize,
    reserved: bool,
}

impl Table {
    /// An empty table of at most so many bytes.
    pub fn new(max_bytes: u64) -> Self {
        let departures = Rc::default();
        let usual_entries = usize::try_from(max_bytes / USUAL_ENTRY_LEN).unwrap_or(usize::MAX).max(16);
        let options = OptionsBuilder::new()
            .weight_capacity(max_bytes)
            .estimated_items_capacity(usual_entries)
            .hot_allocation(HOT_ALLOCATION)
            .build()
            .expect("all options have values");
        let leaving = Departures(Rc::clone(&departures));
        let entries = Cache::with_options(options, Weigh, BuildHasherDefault::default(), leaving);
        Self { entries, departures, usual_entries, reserved: false }
    }

    /// An entry, which is used.
    #[inline]
    pub fn get(&self, hash: u64) -> Option<&Entry> {
        self.entries.get(&hash)
    }

    /// An entry, which is not used by that.
    pub fn peek(&self, hash: u64) -> Option<&Entry> {
        self.entries.peek(&hash)
    }

    /// Whether an entry is small enough to be kept.
    pub fn fits(&self, entry: &Entry) -> bool {
        Weigh.weight(&0, entry) <= (self.entries.capacity() as f64 * HOT_ALLOCATION) as u64
    }

    /// Adds an entry, in the place of one of its hash. Which left for it, perhaps itself, [`Self::departed`] tells.
    pub fn insert(&mut self, hash: u64, entry: Entry) {
        self.entries.insert(hash, entry);
        if !self.reserved && self.len() > self.usual_entries / RESERVE_AT {
            self.reserved = true;
            self.entries.reserve(self.usual_entries - self.len());
        }
    }

    /// What has left, once.
    pub fn departed(&mut self) -> Vec<(u64, Entry)> {
        self.departures.take()
    }

    /// Takes the memory of an answer back, for the next one.
    pub fn reuse(&mut self, departed: Vec<(u64, Entry)>) {
        self.departures.replace(departed);
    }

    /// Removes an entry if it is the one that is meant.
    pub fn remove_if(&mut self, hash: u64, which: impl FnOnce(&Entry) -> bool) -> Option<Entry> {
        self.entries.remove_if(&hash, which).map(|(_, entry)| entry)
    }

    /// Gives the table another bound.
    pub fn set_capacity(&mut self, max_bytes: u64) {
        self.entries.set_capacity(max_bytes);
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.departures.borrow_mut().clear();
    }

    /// All entries, with their hashes.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Entry)> {
        self.entries.iter().map(|(hash, entry)| (*hash, entry))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The memory that entries take.
    pub fn bytes(&self) -> u64 {
        self.entries.weight()
    }
}
