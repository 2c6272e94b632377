//! Texts that many entries share, by number.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

/// Names a text, for as long as it is held.
pub type Id = u32;

/// A table of texts. Each is kept while it is held, with something that belongs to it.
pub struct Interner<T> {
    ids: HashTable<Id>,
    slots: Vec<Option<Slot<T>>>,
    free: Vec<Id>,
    seed: RandomState,
    text_bytes: usize,
}

struct Slot<T> {
    text: Box<[u8]>,
    holders: usize,
    value: T,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { ids: HashTable::new(), slots: Vec::new(), free: Vec::new(), seed: RandomState::new(), text_bytes: 0 }
    }
}

impl<T: Default> Interner<T> {
    /// The number of a text, which is held once more.
    pub fn hold(&mut self, text: &[u8]) -> Id {
        if let Some(id) = self.find(text) {
            self.hold_again(id);
            return id;
        }
        let slot = Some(Slot { text: text.into(), holders: 1, value: T::default() });
        let id = match self.free.pop() {
            Some(id) => {
                self.slots[id as usize] = slot;
                id
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as Id
            }
        };
        self.text_bytes += text.len();
        let (slots, seed) = (&self.slots, &self.seed);
        self.ids.insert_unique(seed.hash_one(text), id, |id| seed.hash_one(text_of(slots, *id)));
        id
    }

    /// Holds a text that is held once more.
    pub fn hold_again(&mut self, id: Id) {
        if let Some(Some(slot)) = self.slots.get_mut(id as usize) {
            slot.holders += 1;
        }
    }

    /// Gives a text up, and forgets it with its last holder.
    pub fn release(&mut self, id: Id) {
        let Some(Some(slot)) = self.slots.get_mut(id as usize) else { return };
        slot.holders -= 1;
        if slot.holders > 0 {
            return;
        }
        let hash = self.seed.hash_one(&*slot.text);
        if let Ok(found) = self.ids.find_entry(hash, |other| *other == id) {
            found.remove();
        }
        if let Some(slot) = self.slots[id as usize].take() {
            self.text_bytes -= slot.text.len();
        }
        self.free.push(id);
        if self.ids.is_empty() {
            // What many texts took is given back with the last one.
            *self = Self { seed: self.seed.clone(), ..Self::default() };
        }
    }

    /// The number of a text that is held.
    pub fn find(&self, text: &[u8]) -> Option<Id> {
        let hash = self.seed.hash_one(text);
        self.ids.find(hash, |id| text_of(&self.slots, *id) == text).copied()
    }

    /// The text of a number; empty for one that is not held.
    pub fn text(&self, id: Id) -> &[u8] {
        text_of(&self.slots, id)
    }

    /// What belongs to a text.
    pub fn value(&self, id: Id) -> Option<&T> {
        self.slots.get(id as usize)?.as_ref().map(|slot| &slot.value)
    }

    /// What belongs to a text, to be changed.
    pub fn value_mut(&mut self, id: Id) -> Option<&mut T> {
        self.slots.get_mut(id as usize)?.as_mut().map(|slot| &mut slot.value)
    }

    /// Bytes that the table takes, without what the values hold outside of it.
    pub fn bytes(&self) -> usize {
        // A block of memory has a head, and its length is rounded up.
        const BLOCK_LEN: usize = 16;
        // In the tables of ids and of free ones, which double: a part of it at a time would leave at once.
        const ROW_LEN: usize = 12;
        self.text_bytes
            + (self.slots.len() - self.free.len()) * BLOCK_LEN
            + self.slots.len() * (size_of::<Option<Slot<T>>>() + ROW_LEN)
    }
}

fn text_of<T>(slots: &[Option<Slot<T>>], id: Id) -> &[u8] {
    slots.get(id as usize).and_then(Option::as_ref).map_or(&[], |slot| &slot.text)
}

#[cfg(test)]
impl<T> Interner<T> {
    pub fn held(&self) -> impl Iterator<Item = (Id, &T)> {
        self.slots.iter().enumerate().filter_map(|(id, slot)| Some((id as Id, &slot.as_ref()?.value)))
    }
}
