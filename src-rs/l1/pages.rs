//! Memory of whole pages, in which the next block lies when one goes.

use std::cell::RefCell;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};

use memmap2::MmapMut;

use crate::large_pages;

/// A usual page.
const PAGE_LEN: usize = 4096;
/// What is kept of a mapping.
const MAPPING_LEN: usize = 48;
/// So many of a process at most: systems bound its mappings (Linux: 65,530).
pub const MOST_MAPPED: usize = 8 * 1024;
/// Bytes that a thread keeps for the next ones. New pages make writing an entry take half as long again.
const KEPT_LEN: usize = 4 * 1024 * 1024;

static MAPPED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The oldest first.
    static KEPT: RefCell<Vec<Mapping>> = const { RefCell::new(Vec::new()) };
}

/// Bytes in pages that nothing else lies in.
pub struct Pages {
    // None while it is dropped.
    mapping: Option<Mapping>,
    len: usize,
}

struct Mapping(MmapMut);

impl Pages {
    /// Copies two parts. `None`: the process has `most` of them, or the system has no memory.
    pub fn joined(most: usize, start: &[u8], end: &[u8]) -> Option<Self> {
        let len = start.len() + end.len();
        let mut mapping = Mapping::kept(len).or_else(|| Mapping::new(most, len))?;
        mapping.0[..start.len()].copy_from_slice(start);
        mapping.0[start.len()..len].copy_from_slice(end);
        Some(Self { mapping: Some(mapping), len })
    }

    /// The memory that it takes.
    pub fn taken(&self) -> usize {
        self.mapping.as_ref().map_or(0, |mapping| mapping.0.len()) + MAPPING_LEN
    }
}

/// Gives back what this thread keeps.
pub fn give_back() {
    // Fails only while the thread ends, which does the same.
    let _ = KEPT.try_with(|kept| kept.borrow_mut().clear());
}

impl Deref for Pages {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.mapping.as_ref().map_or(&[], |mapping| &mapping.0[..self.len])
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let Some(mapping) = self.mapping.take() else { return };
        // Fails only while the thread ends; the mapping then ends too.
        let _ = KEPT.try_with(|kept| {
            let mut kept = kept.borrow_mut();
            kept.push(mapping);
            let mut len: usize = kept.iter().map(|mapping| mapping.0.len()).sum();
            let old = kept.iter().take_while(|mapping| {
                let over = len > KEPT_LEN;
                len -= mapping.0.len();
                over
            });
            let old = old.count();
            kept.drain(..old);
        });
    }
}

impl Mapping {
    // The smallest of those that are there, with a quarter more than is needed at most.
    fn kept(len: usize) -> Option<Self> {
        KEPT.try_with(|kept| {
            let mut kept = kept.borrow_mut();
            let fitting = kept.iter().enumerate().map(|(at, mapping)| (mapping.0.len(), at));
            let (_, at) = fitting.filter(|(found, _)| (len..=len + len / 4).contains(found)).min()?;
            Some(kept.remove(at))
        })
        .ok()?
    }

    fn new(most: usize, len: usize) -> Option<Self> {
        if MAPPED.fetch_add(1, Ordering::Relaxed) < most {
            if let Ok(mut memory) = MmapMut::map_anon(len.next_multiple_of(PAGE_LEN)) {
                // SAFETY: the mapping that was just made.
                unsafe { large_pages::ask_for(memory.as_mut_ptr(), memory.len()) };
                return Some(Self(memory));
            }
        }
        MAPPED.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        MAPPED.fetch_sub(1, Ordering::Relaxed);
    }
}
