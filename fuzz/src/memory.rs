//! Output memory that shows what was written.

/// Marks memory that nothing may have written.
pub const UNTOUCHED: u8 = 0xaa;

pub fn marked(len: usize) -> Vec<u8> {
    vec![UNTOUCHED; len]
}

/// As it was.
pub fn is_untouched(memory: &[u8]) -> bool {
    memory.chunks(UNTOUCHED_BLOCK.len()).all(|block| block == &UNTOUCHED_BLOCK[..block.len()])
}

/// As it was, or wiped: nothing of what was read is left.
pub fn is_clean(memory: &[u8]) -> bool {
    memory
        .chunks(UNTOUCHED_BLOCK.len())
        .all(|block| is_untouched(block) || block.iter().all(|byte| [UNTOUCHED, 0].contains(byte)))
}

/// Compared as a whole: a loop over bytes takes most of a run's time where every branch is counted.
static UNTOUCHED_BLOCK: [u8; 256] = [UNTOUCHED; 256];
