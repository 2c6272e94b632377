//! What ring's comparison of two tags answers is public: whether a value opens is seen by everyone. How it comes to that is not.
//!
//! So the linker puts [`compare`] between ring and its comparison, which runs as it is, on secret bytes, and whose answer alone
//! is made public. All that branches on tags anywhere else is reported.

use std::arch::global_asm;
use std::ffi::c_int;
use std::ptr::read_volatile;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::memcheck::public;

/// How many verdicts there were: each open must have come to one here, or something else compares its tag.
pub static VERDICTS: AtomicUsize = AtomicUsize::new(0);

// `--wrap` of the linker: ring calls `__wrap_…`, and `__real_…` is ring's own.
global_asm!(
    concat!(".globl __wrap_", env!("CRYPTO_MEMCMP")),
    concat!("__wrap_", env!("CRYPTO_MEMCMP"), ":"),
    "jmp {compare}",
    ".globl real_comparison",
    "real_comparison:",
    concat!("jmp __real_", env!("CRYPTO_MEMCMP")),
    compare = sym compare,
);

extern "C" {
    fn real_comparison(a: *const u8, b: *const u8, len: usize) -> c_int;
}

unsafe extern "C" fn compare(a: *const u8, b: *const u8, len: usize) -> c_int {
    // SAFETY: ring's own arguments.
    let answer = unsafe { real_comparison(a, b, len) }.to_ne_bytes();
    VERDICTS.fetch_add(1, Ordering::Relaxed);
    public(&answer);
    // SAFETY: a reference to it. The memory is public and the register is not.
    c_int::from_ne_bytes(unsafe { read_volatile(&answer) })
}
