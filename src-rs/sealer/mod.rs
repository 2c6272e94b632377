//! One tenant's AES-256-GCM key: seals payloads with their container, and opens them.
//!
//! | offset | bytes | |
//! |---|---|---|
//! | 0 | 12 | nonce |
//! | 12 | n | ciphertext of the container |
//! | 12 + n | 16 | tag |

mod open;

use std::sync::{Arc, OnceLock};

use crate::container::Packing;
use crate::crypto::{Aad, Nonce as UniqueNonce};
use crate::envelope::MAX_LEN;
use crate::error::Failure;
use crate::kdf::{self, FINGERPRINT_LEN};
use crate::name::NameKey;
use crate::nonce::{Nonce, Sequence, NONCE_LEN};
use crate::secret::{AeadKey, KEY_LEN};

pub use open::{Opened, Unsealed};

/// Length of an authentication tag in bytes.
pub const TAG_LEN: usize = 16;

/// What a seal adds to its container.
pub const OVERHEAD_LEN: usize = NONCE_LEN + TAG_LEN;

/// A key, the sequence that its nonces come from, and its fingerprint.
#[derive(Debug)]
pub struct Sealer {
    key: AeadKey,
    sequence: Arc<Sequence>,
    fingerprint: [u8; FINGERPRINT_LEN],
    // Here because it lives and is wiped with the tenant's other key; few tenants have one.
    name_key: OnceLock<NameKey>,
}

impl Sealer {
    /// Derives a tenant's encryption key.
    ///
    /// # Errors
    /// [`Failure::InvalidLength`] for a master key or tenant id that the protocol refuses.
    pub fn derive(master_key: &[u8], tenant_id: &[u8], sequence: Arc<Sequence>) -> Result<Self, Failure> {
        let key = kdf::derive_domain_key(master_key, kdf::ENCRYPTION_DOMAIN, tenant_id)?;
        let key: &[u8; KEY_LEN] = key.expose().try_into().map_err(|_| Failure::InvalidLength)?;
        Ok(Self::from_key(key, sequence))
    }

    pub(crate) fn from_key(key: &[u8; KEY_LEN], sequence: Arc<Sequence>) -> Self {
        Self { key: AeadKey::new(key), sequence, fingerprint: kdf::fingerprint(key), name_key: OnceLock::new() }
    }

    /// Names the key without revealing it.
    pub fn fingerprint(&self) -> &[u8; FINGERPRINT_LEN] {
        &self.fingerprint
    }

    /// What makes the tenant's private names, once it is derived.
    pub fn name_key(&self) -> Option<&NameKey> {
        self.name_key.get()
    }

    /// Derives what makes the private names, from the master key and tenant that this sealer was derived from.
    ///
    /// # Errors
    /// As [`Self::derive`].
    pub fn derive_name_key(&self, master_key: &[u8], tenant_id: &[u8]) -> Result<(), Failure> {
        if self.name_key.get().is_none() {
            // A key that another thread has put there meanwhile is the same one.
            let _ = self.name_key.set(NameKey::derive(master_key, tenant_id)?);
        }
        Ok(())
    }

    /// Takes the next nonce, for a seal that runs elsewhere.
    ///
    /// # Errors
    /// [`Failure::NonceExhausted`], [`Failure::Random`].
    pub fn next_nonce(&self) -> Result<Nonce, Failure> {
        self.sequence.next()
    }

    /// Seals a payload to the start of `out` and returns the sealed length. A failure leaves nothing of it.
    ///
    /// # Errors
    /// [`Failure::Needs`] if `out` is shorter than the container's bound and 28 bytes, [`Failure::TooLarge`] above
    /// 512 MiB, [`Failure::NonceExhausted`].
    #[inline]
    pub fn seal(&self, out: &mut [u8], payload: &[u8], aad: &[u8], packing: Packing<'_>) -> Result<usize, Failure> {
        self.seal_with(|| self.sequence.next(), out, payload, aad, packing)
    }

    /// As [`Self::seal`]; `nonce` is called last, when nothing but it can fail.
    ///
    /// # Errors
    /// As [`Self::seal`].
    #[inline(always)]
    pub fn seal_with(
        &self,
        nonce: impl FnOnce() -> Result<Nonce, Failure>,
        out: &mut [u8],
        payload: &[u8],
        aad: &[u8],
        packing: Packing<'_>,
    ) -> Result<usize, Failure> {
        let bound = packing.bound(payload.len())? + OVERHEAD_LEN;
        if out.len() < bound {
            return Err(Failure::Needs(bound));
        }
        let len = packing.pack(&mut out[NONCE_LEN..], payload)?;
        let sealed = self.encrypt(nonce, &mut out[..NONCE_LEN + len + TAG_LEN], aad);
        if sealed.is_err() {
            out[NONCE_LEN..NONCE_LEN + len].fill(0);
        }
        sealed
    }

    /// As [`Self::seal_with`], of a payload of `payload_len` bytes that stands in `out` where its ciphertext goes: behind
    /// the nonce and the container's head. If `nonce` fails, the payload is as it was.
    ///
    /// # Errors
    /// As [`Self::seal`]; [`Failure::InvalidArgument`] for an envelope.
    pub fn seal_placed(
        &self,
        nonce: impl FnOnce() -> Result<Nonce, Failure>,
        out: &mut [u8],
        payload_len: usize,
        aad: &[u8],
        packing: Packing<'_>,
    ) -> Result<usize, Failure> {
        packing.head_len()?;
        let packed_len = packing.bound(payload_len)?;
        let bound = packed_len + OVERHEAD_LEN;
        let out = out.get_mut(..bound).ok_or(Failure::Needs(bound))?;
        packing.pack_in_place(&mut out[NONCE_LEN..NONCE_LEN + packed_len])?;
        self.encrypt(nonce, out, aad)
    }

    /// Seals `plaintext_len` bytes that stand 12 bytes inside `buffer` and returns the sealed length.
    ///
    /// # Errors
    /// [`Failure::OutputTooSmall`] without 28 more bytes, [`Failure::TooLarge`] above 512 MiB,
    /// [`Failure::NonceExhausted`]. The plaintext is then as it was.
    pub fn seal_in_place(&self, buffer: &mut [u8], plaintext_len: usize, aad: &[u8]) -> Result<usize, Failure> {
        if plaintext_len > MAX_LEN {
            return Err(Failure::TooLarge);
        }
        let buffer = buffer.get_mut(..plaintext_len + OVERHEAD_LEN).ok_or(Failure::OutputTooSmall)?;
        self.encrypt(|| self.sequence.next(), buffer, aad)
    }

    // `buffer` has space for a nonce, the plaintext, and space for a tag.
    #[inline(always)]
    fn encrypt(
        &self,
        nonce: impl FnOnce() -> Result<Nonce, Failure>,
        buffer: &mut [u8],
        aad: &[u8],
    ) -> Result<usize, Failure> {
        let len = buffer.len();
        let (head, rest) = buffer.split_at_mut(NONCE_LEN);
        let (text, tail) = rest.split_at_mut(rest.len() - TAG_LEN);
        let nonce = nonce()?.into_bytes();
        let tag = self.key.expose().seal_in_place_separate_tag(
            UniqueNonce::assume_unique_for_key(nonce),
            Aad::from(aad),
            text,
        );
        // By reference: moved out of the result, the tag is copied in pieces that the processor has to wait for.
        let tag = tag.as_ref().map_err(|_| Failure::TooLarge)?;
        head.copy_from_slice(&nonce);
        tail.copy_from_slice(tag.as_ref());
        Ok(len)
    }
}
