//! Working memory: small blocks are reused by their thread, large ones go back to the system.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};

const KEPT_LEN: usize = 64 * 1024;

thread_local! {
    static KEPT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// An owned block of bytes.
pub struct Scratch(Vec<u8>);

impl Scratch {
    /// A block that holds a copy of `bytes`.
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut block = if bytes.len() <= KEPT_LEN { KEPT.take() } else { Vec::new() };
        block.clear();
        block.reserve_exact(if bytes.len() <= KEPT_LEN { KEPT_LEN } else { bytes.len() });
        block.extend_from_slice(bytes);
        Self(block)
    }
}

impl Deref for Scratch {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.0.capacity() == KEPT_LEN {
            let block = std::mem::take(&mut self.0);
            // Fails only while the thread ends; the block is then freed.
            let _ = KEPT.try_with(|kept| kept.set(block));
        }
    }
}
