//! The native half of `cachekit-native`: one call seals or opens one value.
//!
//! Bytes in, bytes out: the caller owns all memory, nothing here returns a buffer. [`sealer`] is one tenant's key;
//! [`container`] is what lies inside the seal, with [`envelope`] as its compressed form; [`nonce`] never repeats;
//! [`kdf`] derives; [`name`] hides cache keys; [`crypto`] is the library that does the cryptography; [`msgpack`] bounds what untrusted bytes may claim;
//! [`l1`] is the first tier of a cache; [`lz4_frame`] is how Arrow compresses, [`columns`] what its columns refer to. Only [`binding`] knows JavaScript.

#![warn(missing_docs)]

pub mod binding;
pub mod columns;
pub mod container;
pub mod copy;
pub mod crypto;
pub mod envelope;
pub mod error;
pub mod hardware;
pub mod hash;
pub mod heap;
pub mod interop_v2;
pub mod kdf;
pub mod l1;
pub mod large_pages;
pub mod lz4;
pub mod lz4_frame;
pub mod msgpack;
pub mod name;
pub mod nonce;
pub mod scratch;
pub mod sealer;
pub mod secret;

#[cfg(test)]
mod tests;
