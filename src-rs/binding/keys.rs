//! The classes that hold a master key and a nonce sequence.

use std::cell::RefCell;
use std::sync::Arc;

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::sealer;
use crate::error::Failure;
use crate::kdf::{self, MIN_MASTER_KEY_LEN};
use crate::nonce::Sequence;
use crate::sealer::Sealer;
use crate::secret::Secret;

/// A master key: wiped by `destroy` and when it is collected.
#[napi]
pub struct MasterKey {
    bytes: RefCell<Option<Secret>>,
}

#[napi]
impl MasterKey {
    /// Copies the bytes.
    #[napi(constructor, catch_unwind)]
    pub fn new(bytes: &[u8]) -> Result<Self, String> {
        hook("MasterKey");
        if bytes.len() < MIN_MASTER_KEY_LEN {
            return Err(exception(Failure::InvalidLength));
        }
        Ok(Self { bytes: RefCell::new(Some(Secret::copy_of(bytes))) })
    }

    /// Writes the 16 bytes that name this key.
    #[napi(catch_unwind)]
    pub fn fingerprint(&self, mut out: Uint8Array) -> i32 {
        hook("MasterKey.fingerprint");
        let bytes = self.bytes.borrow();
        let Some(key) = bytes.as_ref() else { return Failure::KeyDestroyed.code() as i32 };
        let fingerprint = kdf::fingerprint(key.expose());
        // SAFETY: JavaScript waits for this call, so that nobody else uses the array.
        match unsafe { out.as_mut() }.get_mut(..fingerprint.len()) {
            Some(out) => {
                out.copy_from_slice(&fingerprint);
                fingerprint.len() as i32
            }
            None => Failure::OutputTooSmall.code() as i32,
        }
    }

    /// The functions of one tenant's key. Throws with the failure's number as `code`.
    #[napi(catch_unwind, ts_return_type = "object")]
    pub fn sealer<'env>(
        &self,
        env: &'env Env,
        tenant_id: &[u8],
        sequence: &NonceSequence,
    ) -> Result<Object<'env>, String> {
        hook("MasterKey.sealer");
        let bytes = self.bytes.borrow();
        let key = bytes.as_ref().ok_or_else(|| exception(Failure::KeyDestroyed))?;
        let sealer = Sealer::derive(key.expose(), tenant_id, Arc::clone(&sequence.inner)).map_err(exception)?;
        let object = sealer::object(env.raw(), sealer).map_err(|_| exception(Failure::Panic))?;
        Ok(Object::from_raw(env.raw(), object))
    }

    /// Wipes the bytes; sealers that were made keep their own keys.
    #[napi(catch_unwind)]
    pub fn destroy(&self) {
        hook("MasterKey.destroy");
        self.bytes.replace(None);
    }
}

/// A source of nonces, shared by the sealers of one key.
#[napi]
pub struct NonceSequence {
    inner: Arc<Sequence>,
}

#[napi]
impl NonceSequence {
    /// Counts from 0 under an instance id of its own, or takes 12 random bytes each time.
    #[napi(constructor, catch_unwind)]
    pub fn new(random: bool) -> Result<Self, String> {
        hook("NonceSequence");
        let sequence = if random { Sequence::random() } else { Sequence::counter().map_err(exception)? };
        Ok(Self { inner: Arc::new(sequence) })
    }

    /// The first 8 bytes of every nonce; 0 for a random sequence.
    #[napi(getter, catch_unwind)]
    pub fn instance_id(&self) -> BigInt {
        hook("NonceSequence.instanceId");
        self.inner.instance_id().into()
    }

    /// Seals done, 0 to 2^32.
    #[napi(getter, catch_unwind)]
    pub fn used(&self) -> f64 {
        hook("NonceSequence.used");
        self.inner.used() as f64
    }
}

#[cfg(feature = "test-hooks")]
#[napi]
impl NonceSequence {
    /// A sequence with this many nonces left.
    #[napi(factory, catch_unwind)]
    pub fn test_near(remaining: u32) -> Result<Self, String> {
        Ok(Self { inner: Arc::new(Sequence::near_end(u64::from(remaining)).map_err(exception)?) })
    }
}

fn exception(failure: Failure) -> Error<String> {
    Error::new(failure.code().to_string(), "native failure")
}

#[cfg(feature = "test-hooks")]
fn hook(name: &str) {
    super::hooks::panic_if_named(name);
}

#[cfg(not(feature = "test-hooks"))]
fn hook(_name: &str) {}
