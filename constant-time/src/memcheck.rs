//! valgrind's client requests: sequences of instructions that change nothing, and that valgrind takes for a call.

use std::arch::asm;

/// Requests that every tool understands.
const RUNNING_ON_VALGRIND: usize = 0x1001;
const COUNT_ERRORS: usize = 0x1201;
/// Those of memcheck: its initials, then a number.
const MAKE_UNDEFINED: usize = memcheck(1);
const MAKE_DEFINED: usize = memcheck(2);
const GET_BITS: usize = memcheck(8);

const fn memcheck(number: usize) -> usize {
    (b'M' as usize) << 24 | (b'C' as usize) << 16 | number
}

/// Marks bytes as secret: from now on memcheck reports each jump and each address that depends on one of their bits.
pub fn secret(bytes: &[u8]) {
    request(MAKE_UNDEFINED, [bytes.as_ptr().addr(), bytes.len(), 0]);
}

/// Whether each of these bytes depends on secret ones.
pub fn is_secret(bytes: &[u8]) -> bool {
    let mut undefined = vec![0_u8; bytes.len()];
    request(GET_BITS, [bytes.as_ptr().addr(), undefined.as_mut_ptr().addr(), bytes.len()]);
    // Written without the compiler's knowing.
    std::hint::black_box(&mut undefined).iter().all(|bits| *bits != 0)
}

/// Marks bytes as public. What is in a register already is not: they have to be read again.
pub fn public(bytes: &[u8]) {
    request(MAKE_DEFINED, [bytes.as_ptr().addr(), bytes.len(), 0]);
}

pub fn is_running() -> bool {
    request(RUNNING_ON_VALGRIND, [0; 3]) != 0
}

/// How much was reported so far.
pub fn reports() -> usize {
    request(COUNT_ERRORS, [0; 3])
}

fn request(code: usize, [first, second, third]: [usize; 3]) -> usize {
    let arguments = [code, first, second, third, 0, 0];
    let mut answer = 0_usize;
    // SAFETY: outside valgrind the rotations add up to 128 bits, and the exchange is of a register with itself. Inside, only
    // memcheck's own knowledge of memory is changed.
    unsafe {
        asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            inout("rdx") answer,
            in("rax") arguments.as_ptr(),
            // Rotated four times to what it was.
            out("rdi") _,
        );
    }
    answer
}
