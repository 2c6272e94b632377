//! The memory of typed arrays.

use std::ffi::c_void;
use std::ops::{Deref, DerefMut};
use std::{mem, ptr, slice};

use napi::sys;

use super::status::check;
use crate::error::Failure;

/// The memory of a typed array, as it was when its argument was read. It stays valid until JavaScript runs again.
#[derive(Clone, Copy)]
pub struct Memory {
    start: *mut u8,
    len: usize,
}

/// Memory that a call writes. It is zeroed if the call panics.
pub struct Output<'a>(&'a mut [u8]);

/// The smallest page of the systems that Node runs on.
const SMALLEST_PAGE_LEN: usize = 4096;

impl Memory {
    #[inline]
    fn at(start: *mut c_void, len: usize) -> Self {
        // An empty array has no memory; a slice needs an address all the same.
        let start = if start.is_null() { ptr::without_provenance_mut(mem::align_of::<u64>()) } else { start.cast() };
        Self { start, len }
    }

    #[cfg(test)]
    pub fn of(bytes: &mut [u8]) -> Self {
        Self { start: bytes.as_mut_ptr(), len: bytes.len() }
    }

    /// Length in bytes.
    pub fn len(self) -> usize {
        self.len
    }

    /// Where it begins.
    pub fn start(self) -> *mut u8 {
        self.start
    }

    /// The bytes of a memory whose length counted elements of 4.
    pub fn words(self) -> Self {
        Self { len: self.len * size_of::<u32>(), ..self }
    }

    /// Without the first `offset` bytes.
    pub fn from(self, offset: usize) -> Result<Self, Failure> {
        let len = self.len.checked_sub(offset).ok_or(Failure::InvalidArgument)?;
        Ok(Self { start: self.start.wrapping_add(offset), len })
    }

    /// Only the first `len` bytes.
    pub fn first(self, len: usize) -> Result<Self, Failure> {
        if len > self.len {
            return Err(Failure::InvalidArgument);
        }
        Ok(Self { len, ..self })
    }

    /// Whether any byte belongs to both.
    pub fn overlaps(self, other: Self) -> bool {
        let (a, b) = (self.start as usize, other.start as usize);
        self.len > 0 && other.len > 0 && a < b + other.len && b < a + self.len
    }

    /// The bytes.
    ///
    /// # Safety
    /// The memory is still the array's and nobody writes it during `'a`.
    pub unsafe fn slice<'a>(self) -> &'a [u8] {
        // SAFETY: the caller's.
        unsafe { slice::from_raw_parts(self.start, self.len) }
    }

    /// The bytes, to be written.
    ///
    /// # Safety
    /// The memory is still the array's and nobody else reads or writes it during `'a`.
    pub unsafe fn slice_mut<'a>(self) -> &'a mut [u8] {
        // SAFETY: the caller's.
        unsafe { slice::from_raw_parts_mut(self.start, self.len) }
    }
}

// SAFETY: a `Memory` is an address and a length; using it is what needs care.
unsafe impl Send for Memory {}

impl<'a> Output<'a> {
    /// The memory as an output.
    ///
    /// # Safety
    /// As [`Memory::slice_mut`].
    pub unsafe fn of(memory: Memory) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { memory.slice_mut() })
    }
}

impl Deref for Output<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0
    }
}

impl DerefMut for Output<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0
    }
}

impl Drop for Output<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fill(0);
        }
    }
}

/// The memory of a typed array, and its kind unless `kind` is null.
///
/// # Safety
/// `env` and `value` belong to the running call; `kind` is null or can be written.
#[inline(always)]
pub unsafe fn typed_array(
    env: sys::napi_env,
    value: sys::napi_value,
    kind: *mut sys::napi_typedarray_type,
) -> Result<Memory, Failure> {
    let (mut len, mut start, no) = (0, ptr::null_mut(), ptr::null_mut());
    // SAFETY: the caller's; the array buffer and the offset are not asked for.
    check(unsafe { sys::napi_get_typedarray_info(env, value, kind, &mut len, &mut start, no, ptr::null_mut()) })?;
    Ok(Memory::at(start, len))
}

/// The memory of a typed array whose buffer is certainly neither shared nor resizable.
///
/// JavaScript takes three times as long to get at the buffer. N-API does not tell a resizable one, but V8 gives each of
/// them whole pages, so that what begins anywhere else is none. An empty array is JavaScript's to judge, even one that says
/// it is not: it may be detached.
///
/// # Errors
/// [`Failure::NeedsValidation`] if it may be either.
///
/// # Safety
/// As [`typed_array`].
#[inline(always)]
pub unsafe fn validated_array(env: sys::napi_env, value: sys::napi_value) -> Result<Memory, Failure> {
    let (mut len, mut offset, mut start, mut buffer) = (0, 0, ptr::null_mut(), ptr::null_mut());
    let (kind, mut unshared) = (ptr::null_mut(), false);
    // SAFETY: the caller's.
    unsafe {
        check(sys::napi_get_typedarray_info(env, value, kind, &mut len, &mut start, &mut buffer, &mut offset))?;
        check(sys::napi_is_arraybuffer(env, buffer, &mut unshared))?;
    }
    let whole_pages = (start as usize).wrapping_sub(offset) % SMALLEST_PAGE_LEN == 0;
    if len == 0 || whole_pages || !unshared {
        return Err(Failure::NeedsValidation);
    }
    Ok(Memory::at(start, len))
}
