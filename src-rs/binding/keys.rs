//! The classes that hold a master key and a nonce sequence.

use std::cell::{Ref, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::handle::Handle;
use super::sealers;
use super::status::{exception, guard, Outcome};
use crate::error::Failure;
use crate::kdf::{self, MIN_MASTER_KEY_LEN};
use crate::nonce::Sequence;
use crate::sealer::Sealer;
use crate::secret::Secret;

/// A master key: wiped by `destroy` and when it is collected. What fails throws, with the failure's number as `code`.
#[napi]
pub struct MasterKey {
    bytes: RefCell<Option<Secret>>,
    // Names it among all of the process.
    id: u64,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

#[napi]
impl MasterKey {
    /// Copies the bytes.
    #[napi(constructor, catch_unwind)]
    pub fn new(bytes: &[u8]) -> Result<Self, String> {
        throwing("MasterKey", || {
            if bytes.len() < MIN_MASTER_KEY_LEN {
                return Err(Failure::InvalidLength);
            }
            let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
            Ok(Self { bytes: RefCell::new(Some(Secret::copy_of(bytes))), id })
        })
    }

    /// Writes the 16 bytes that name this key, and returns their number or a failure's.
    #[napi(catch_unwind)]
    pub fn fingerprint(&self, mut out: Uint8Array) -> i32 {
        let written = guard("MasterKey.fingerprint", || {
            let fingerprint = kdf::fingerprint(self.key()?.expose());
            // SAFETY: JavaScript waits for this call, so that nothing else uses the array.
            let out = unsafe { out.as_mut() };
            out.get_mut(..fingerprint.len()).ok_or(Failure::OutputTooSmall)?.copy_from_slice(&fingerprint);
            Ok(fingerprint.len() as i32)
        });
        written.unwrap_or_else(|failure| failure.code() as i32)
    }

    /// One tenant's key: `{ handle }`.
    #[napi(catch_unwind, ts_return_type = "object")]
    pub fn sealer<'env>(
        &self,
        env: &'env Env,
        tenant_id: &[u8],
        sequence: &NonceSequence,
    ) -> Result<Object<'env>, String> {
        throwing("MasterKey.sealer", || {
            let sealer = Sealer::derive(self.key()?.expose(), tenant_id, Arc::clone(&sequence.inner))?;
            let object = sealers::object(env.raw(), sealer, self.id)?;
            Ok(Object::from_raw(env.raw(), object))
        })
    }

    /// Derives what makes private names into the sealer of this handle, which is the same tenant's.
    #[napi(catch_unwind)]
    pub fn derive_name_key(&self, env: &Env, handle: u32, tenant_id: &[u8]) -> Result<(), String> {
        throwing("MasterKey.deriveNameKey", || {
            let key = self.key()?;
            let sealers = sealers::table(env.raw())?;
            let sealer = sealers.get(Handle(handle as usize))?;
            sealer.derive_name_key(key.expose(), tenant_id)
        })
    }

    /// Wipes the keys of all sealers that were made; async work under way finishes.
    #[napi(catch_unwind)]
    pub fn destroy_sealers(&self, env: &Env) -> Result<(), String> {
        throwing("MasterKey.destroySealers", || {
            sealers::table(env.raw())?.destroy_all(self.id);
            Ok(())
        })
    }

    /// Wipes the bytes; sealers that were made keep their own keys.
    #[napi(catch_unwind)]
    pub fn destroy(&self) -> Result<(), String> {
        throwing("MasterKey.destroy", || {
            self.bytes.replace(None);
            Ok(())
        })
    }
}

impl MasterKey {
    fn key(&self) -> Outcome<Ref<'_, Secret>> {
        Ref::filter_map(self.bytes.borrow(), Option::as_ref).map_err(|_| Failure::KeyDestroyed)
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
        throwing("NonceSequence", || {
            let sequence = if random { Sequence::random() } else { Sequence::counter()? };
            Ok(Self { inner: Arc::new(sequence) })
        })
    }

    /// The first 8 bytes of every nonce; 0 for a random sequence.
    #[napi(getter, catch_unwind)]
    pub fn instance_id(&self) -> Result<BigInt, String> {
        throwing("NonceSequence.instanceId", || Ok(self.inner.instance_id().into()))
    }

    /// Seals done, 0 to 2^32.
    #[napi(getter, catch_unwind)]
    pub fn used(&self) -> Result<f64, String> {
        throwing("NonceSequence.used", || Ok(self.inner.used() as f64))
    }
}

#[cfg(feature = "test-hooks")]
#[napi]
impl NonceSequence {
    /// A sequence with this many nonces left.
    #[napi(factory, catch_unwind)]
    pub fn test_near(remaining: u32) -> Result<Self, String> {
        throwing("testNear", || Ok(Self { inner: Arc::new(Sequence::near_end(u64::from(remaining))?) }))
    }
}

fn throwing<T>(name: &str, work: impl FnOnce() -> Outcome<T>) -> Result<T, String> {
    guard(name, work).map_err(exception)
}
