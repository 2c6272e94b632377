//! The heap's free memory, back to the system.

/// Gives back the pages of which nothing is in use, of all threads' heaps. glibc keeps those that lie between blocks, and those of
/// threads that have ended, for what may be asked of it later; other systems' heaps are left to themselves. Milliseconds.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back() {
    use std::ffi::c_int;

    extern "C" {
        fn malloc_trim(pad: usize) -> c_int;
    }
    // SAFETY: takes the heap's own locks and moves nothing.
    unsafe { malloc_trim(0) };
}

/// Not here.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}
