//! Key material that is wiped when dropped and never printed.

use std::fmt;
use std::mem::MaybeUninit;

use zeroize::Zeroize;

use crate::crypto::{hmac, LessSafeKey, UnboundKey, AES_256_GCM};

/// Length of an AES-256 key, and of every key the protocol derives.
pub const KEY_LEN: usize = 32;

/// Bytes on the heap that are zeros after drop.
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Copies `bytes`; the caller wipes its own.
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// `len` zeros, to be filled in place.
    pub fn zeros(len: usize) -> Self {
        Self(vec![0; len].into_boxed_slice())
    }

    /// The bytes, for as long as the borrow.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, to be filled.
    pub fn expose_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// An expanded key in heap memory that is zeros after drop.
///
/// ring itself wipes nothing, and AWS-LC what it has allocated itself, as part of the key's destructor. What either left on
/// the stack while expanding the key stays there.
pub struct Expanded<K>(Box<MaybeUninit<K>>);

/// AES-256-GCM.
pub type AeadKey = Expanded<LessSafeKey>;

/// HMAC-SHA256.
pub type MacKey = Expanded<hmac::Key>;

impl<K> Expanded<K> {
    fn holding(key: K) -> Self {
        Self(Box::new(MaybeUninit::new(key)))
    }

    /// The library's key.
    #[inline]
    pub fn expose(&self) -> &K {
        // SAFETY: `holding` initialised it and only `drop` ends it.
        unsafe { self.0.assume_init_ref() }
    }
}

impl AeadKey {
    /// Expands a key.
    pub fn new(key: &[u8; KEY_LEN]) -> Self {
        let unbound = UnboundKey::new(&AES_256_GCM, key).expect("32 bytes are an AES-256 key");
        Self::holding(LessSafeKey::new(unbound))
    }
}

impl MacKey {
    /// Expands a key.
    pub fn new(key: &[u8; KEY_LEN]) -> Self {
        Self::holding(hmac::Key::new(hmac::HMAC_SHA256, key))
    }
}

impl<K> Drop for Expanded<K> {
    fn drop(&mut self) {
        // SAFETY: `holding` initialised it, and nobody sees it again.
        unsafe { self.0.assume_init_drop() };
        std::slice::from_mut(&mut *self.0).zeroize();
    }
}

impl<K> fmt::Debug for Expanded<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}
