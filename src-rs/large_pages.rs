//! Large pages for large results. Most of the time of writing into fresh memory is the system's, which hands it out page by
//! page: in pages of 2 MiB that is done in a third of the time.

/// Asks for large pages where a whole one fits. What the system makes of it, or of its absence, changes no byte.
///
/// # Safety
/// `start..start + len` is one allocation, and stays it during the call.
#[cfg(target_os = "linux")]
pub unsafe fn ask_for(start: *mut u8, len: usize) {
    use std::ffi::{c_int, c_void};

    extern "C" {
        fn madvise(start: *mut c_void, len: usize, advice: c_int) -> c_int;
    }
    const PAGE_LEN: usize = 2 << 20;
    const MADV_HUGEPAGE: c_int = 14;

    let lead = start.align_offset(PAGE_LEN);
    let whole = len.saturating_sub(lead) / PAGE_LEN * PAGE_LEN;
    if whole > 0 {
        // SAFETY: whole pages inside the caller's allocation; the advice neither moves nor changes what is there.
        unsafe { madvise(start.wrapping_add(lead).cast(), whole, MADV_HUGEPAGE) };
    }
}

/// Other systems have no such advice.
///
/// # Safety
/// None is needed.
#[cfg(not(target_os = "linux"))]
pub unsafe fn ask_for(_start: *mut u8, _len: usize) {}
