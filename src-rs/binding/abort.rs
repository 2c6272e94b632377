//! Calling queued work off: JavaScript sets a byte, which is read before the work begins.

use std::ptr;
use std::sync::atomic::{AtomicU8, Ordering};

use napi::sys;

use super::call::Call;
use super::memory::Memory;
use super::status::check;
use crate::error::Failure;

/// A JavaScript value that is kept alive. Only its own thread may use it.
pub struct Reference(sys::napi_ref);

// SAFETY: a task carries it through the thread pool and back; only the JavaScript thread calls its methods.
unsafe impl Send for Reference {}

impl Reference {
    /// Keeps an argument.
    pub fn new(call: &Call, index: usize) -> Result<Self, Failure> {
        let mut reference = ptr::null_mut();
        // SAFETY: `env` and the value are the running call's.
        check(unsafe { sys::napi_create_reference(call.env(), call.value(index), 1, &mut reference) })?;
        Ok(Self(reference))
    }

    /// Lets the value go. A reference that is dropped without this lives as long as its environment.
    pub fn release(self, env: sys::napi_env) {
        // SAFETY: the reference is live and `env` is its own.
        let _ = unsafe { sys::napi_delete_reference(env, self.0) };
    }
}

/// Whether work is called off. One byte serves all the work of one signal.
#[derive(Default)]
pub struct Abort(Option<(Memory, Reference)>);

impl Abort {
    /// Looks at an optional argument: a `Uint8Array` whose first byte JavaScript changes from 0.
    ///
    /// # Errors
    /// [`Failure::InvalidArgument`] if it is neither that nor undefined.
    pub fn of(call: &Call, index: usize) -> Result<Self, Failure> {
        let mut kind = -1;
        // SAFETY: `env` and the value are this call's.
        check(unsafe { sys::napi_typeof(call.env(), call.value(index), &mut kind) })?;
        if kind == sys::ValueType::napi_undefined {
            return Ok(Self::default());
        }
        let byte = call.memory(index)?.first(1)?;
        Ok(Self(Some((byte, Reference::new(call, index)?))))
    }

    /// Whether the byte was changed.
    pub fn fired(&self) -> bool {
        self.0.as_ref().is_some_and(|(byte, _)| {
            // SAFETY: the reference keeps the byte. JavaScript writes it by `Atomics.store`.
            unsafe { AtomicU8::from_ptr(byte.start()) }.load(Ordering::Relaxed) != 0
        })
    }

    /// Lets the byte go.
    pub fn release(self, env: sys::napi_env) {
        if let Some((_, reference)) = self.0 {
            reference.release(env);
        }
    }
}
