//! Copying payloads. Most of a large seal's time beyond the cipher is this.

/// Above this, a copy's own writes push it out of the caches before the cipher comes to read it.
const STREAMED_LEN: usize = 8 << 20;
/// Small enough that `memcpy` does not choose `rep movsb`, which some processors run twenty times slower where both sides
/// lie at nearly the same place in a page, as a plaintext and its sealed form often do.
const BLOCK_LEN: usize = 1 << 10;

/// Copies `from` to `out`, which has its length.
///
/// A large copy bypasses the caches, so that it does not first read what it overwrites: a third less traffic.
#[inline]
pub fn copy(out: &mut [u8], from: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    if from.len() >= STREAMED_LEN {
        return stream(out, from);
    }
    assert_eq!(out.len(), from.len());
    for (out, from) in out.chunks_mut(BLOCK_LEN).zip(from.chunks(BLOCK_LEN)) {
        out.copy_from_slice(from);
    }
}

#[cfg(target_arch = "x86_64")]
fn stream(out: &mut [u8], from: &[u8]) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_sfence, _mm_stream_si128};

    assert_eq!(out.len(), from.len());
    let unaligned = out.as_ptr().align_offset(size_of::<__m128i>()).min(out.len());
    let (head, out) = out.split_at_mut(unaligned);
    let (from_head, from) = from.split_at(unaligned);
    head.copy_from_slice(from_head);

    let mut blocks = out.chunks_exact_mut(size_of::<__m128i>());
    let mut from_blocks = from.chunks_exact(size_of::<__m128i>());
    for (block, from) in (&mut blocks).zip(&mut from_blocks) {
        // SAFETY: both are 16 bytes, and `block` starts at a multiple of 16. SSE2 is part of x86-64.
        unsafe { _mm_stream_si128(block.as_mut_ptr().cast(), _mm_loadu_si128(from.as_ptr().cast())) };
    }
    // SAFETY: as above; streamed writes become visible in order with the ones that follow.
    unsafe { _mm_sfence() };
    blocks.into_remainder().copy_from_slice(from_blocks.remainder());
}
