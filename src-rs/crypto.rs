//! Where cryptography comes from: ring, or AWS-LC in builds with the feature `aws-lc`, whose crate has ring's interface.
//! No other module names either of them. What of AWS-LC is FIPS-validated: docs/compliance.md.

#[cfg(feature = "aws-lc")]
use aws_lc_rs as library;
#[cfg(not(feature = "aws-lc"))]
use ring as library;

use library::error::Unspecified;

pub use library::aead::{Aad, LessSafeKey, Nonce, UnboundKey, AES_256_GCM};
pub use library::{digest, hkdf, hmac};

/// Opens `text` where it lies. After a failure it may hold anything.
///
/// # Errors
/// `Unspecified` if the key, the nonce, `aad`, `text` or `tag` is not that of the seal.
#[inline(always)]
pub fn open_in_place(
    key: &LessSafeKey,
    nonce: &[u8],
    aad: &[u8],
    text: &mut [u8],
    tag: &[u8],
) -> Result<(), Unspecified> {
    let nonce = Nonce::try_assume_unique_for_key(nonce)?;
    #[cfg(not(feature = "aws-lc"))]
    {
        let tag = library::aead::Tag::try_from(tag).map_err(|_| Unspecified)?;
        key.open_in_place_separate_tag(nonce, Aad::from(aad), tag, text, 0..).map(drop)
    }
    #[cfg(feature = "aws-lc")]
    key.open_in_place_separate_tag(nonce, Aad::from(aad), tag, text).map(drop)
}

/// Fills `out` with random bytes of the operating system.
///
/// # Errors
/// `Unspecified` if it gives none.
pub fn fill_random(out: &mut [u8]) -> Result<(), Unspecified> {
    #[cfg(not(feature = "aws-lc"))]
    {
        use library::rand::{SecureRandom, SystemRandom};
        SystemRandom::new().fill(out)
    }
    // Not AWS-LC's own generator: its state lies in the process, and is cloned with it. Random nonces are for
    // platforms that do that, whose kernels are told.
    #[cfg(feature = "aws-lc")]
    getrandom::fill(out).map_err(|_| Unspecified)
}
