//! The memory of one entry.
//!
//! A long block has pages of its own. In the heap, among the many short ones, each that goes would leave a gap that shorter ones
//! fill in part, so that the next long one needs new memory.

use std::ops::Deref;

use super::pages::{Pages, MOST_MAPPED};

/// Blocks from this length on have pages of their own. glibc begins with that too; where it has freed one, it ends that up to its length.
pub const PAGES_FROM: usize = 128 * 1024;
/// The head of a block of the heap; blocks are multiples of 16 bytes.
const HEAD_LEN: usize = 8;

/// Bytes that stay where they are.
pub enum Block {
    /// Of the heap.
    Heap(Box<[u8]>),
    /// Of pages of its own.
    Pages(Box<Pages>),
}

impl Block {
    /// What is to be reserved for the start of a block, so that the block needs no other memory.
    pub fn room(start_len: usize, end_len: usize) -> usize {
        if start_len + end_len < PAGES_FROM {
            start_len + end_len
        } else {
            start_len
        }
    }

    /// A block of two parts.
    pub fn joined(start: Vec<u8>, end: &[u8]) -> Self {
        Self::joined_within(MOST_MAPPED, start, end)
    }

    /// As [`Self::joined`], where the process has at most so many blocks of pages.
    pub fn joined_within(most: usize, mut start: Vec<u8>, end: &[u8]) -> Self {
        if start.len() + end.len() >= PAGES_FROM {
            if let Some(pages) = Pages::joined(most, &start, end) {
                return Self::Pages(Box::new(pages));
            }
        }
        start.extend_from_slice(end);
        Self::Heap(start.into_boxed_slice())
    }

    /// The memory that it takes.
    pub fn taken(&self) -> usize {
        match self {
            Self::Heap(bytes) => (bytes.len() + HEAD_LEN).next_multiple_of(16),
            Self::Pages(pages) => pages.taken(),
        }
    }
}

impl Deref for Block {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Heap(bytes) => bytes,
            Self::Pages(pages) => pages,
        }
    }
}
