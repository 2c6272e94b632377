//! Listening to an `AbortSignal` without touching its `onabort`.

use std::ffi::{c_void, CStr};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use napi::sys;

use super::call::{check, enter, Answer, Call, Entry};
use crate::error::Failure;

const EVENT: &CStr = c"abort";

/// A JavaScript value that is kept alive. Only its own thread may use it.
pub struct Reference(sys::napi_ref);

// SAFETY: a task carries it through the thread pool and back; only the JavaScript thread calls its methods.
unsafe impl Send for Reference {}

impl Reference {
    /// Keeps `value`.
    pub fn new(env: sys::napi_env, value: sys::napi_value) -> Result<Self, Failure> {
        let mut reference = ptr::null_mut();
        // SAFETY: `env` and `value` are the running call's.
        check(unsafe { sys::napi_create_reference(env, value, 1, &mut reference) })?;
        Ok(Self(reference))
    }

    /// The value.
    fn value(&self, env: sys::napi_env) -> Result<sys::napi_value, Failure> {
        let mut value = ptr::null_mut();
        // SAFETY: the reference is live and `env` is its own.
        check(unsafe { sys::napi_get_reference_value(env, self.0, &mut value) })?;
        Ok(value)
    }

    /// Lets the value go. A reference that is dropped without this lives as long as its environment.
    pub fn release(self, env: sys::napi_env) {
        // SAFETY: the reference is live and `env` is its own.
        let _ = unsafe { sys::napi_delete_reference(env, self.0) };
    }
}

/// Whether a task was cancelled, and the listener that says so.
#[derive(Default)]
pub struct Abort {
    fired: Arc<AtomicBool>,
    listening: Option<[Reference; 2]>,
}

impl Abort {
    /// Listens to the signal in an argument, if there is one. Runs JavaScript: read no memory before.
    ///
    /// # Errors
    /// [`Failure::Cancelled`] if it is aborted already, [`Failure::InvalidArgument`] if it is no signal.
    pub fn listen(call: &Call, index: usize) -> Result<Self, Failure> {
        let (env, signal) = (call.env(), call.value(index));
        let mut kind = -1;
        // SAFETY: `env` and `signal` are this call's.
        check(unsafe { sys::napi_typeof(env, signal, &mut kind) })?;
        if kind == sys::ValueType::napi_undefined || kind == sys::ValueType::napi_null {
            return Ok(Self::default());
        }
        Self::listen_to(env, signal).inspect_err(|_| clear_exception(env))
    }

    fn listen_to(env: sys::napi_env, signal: sys::napi_value) -> Result<Self, Failure> {
        let (mut aborted, mut value) = (false, ptr::null_mut());
        // SAFETY: `env` and `signal` are the running call's.
        unsafe {
            check(sys::napi_get_named_property(env, signal, c"aborted".as_ptr(), &mut value))?;
            check(sys::napi_get_value_bool(env, value, &mut aborted))?;
        }
        if aborted {
            return Err(Failure::Cancelled);
        }
        let fired = Arc::new(AtomicBool::new(false));
        let listener = listener(env, &fired)?;
        let references = [Reference::new(env, signal)?, Reference::new(env, listener)?];
        call_method(env, signal, c"addEventListener", listener)?;
        Ok(Self { fired, listening: Some(references) })
    }

    /// Whether the signal fired.
    pub fn fired(&self) -> bool {
        self.fired.load(Ordering::Relaxed)
    }

    /// Stops listening.
    pub fn release(self, env: sys::napi_env) {
        let Some([signal, listener]) = self.listening else { return };
        let removed = signal.value(env).and_then(|target| {
            let listener = listener.value(env)?;
            call_method(env, target, c"removeEventListener", listener)
        });
        if removed.is_err() {
            clear_exception(env);
        }
        signal.release(env);
        listener.release(env);
    }
}

struct OnAbort;

impl Entry for OnAbort {
    const NAME: &'static CStr = c"onAbort";

    fn run(call: &Call) -> Result<Answer, Failure> {
        // SAFETY: `listener` made the function with a count of its own on this flag.
        let fired = unsafe { &*call.data().cast::<AtomicBool>() };
        fired.store(true, Ordering::Relaxed);
        Ok(Answer::Nothing)
    }
}

fn listener(env: sys::napi_env, fired: &Arc<AtomicBool>) -> Result<sys::napi_value, Failure> {
    let data = Arc::into_raw(Arc::clone(fired)).cast_mut().cast::<c_void>();
    let (name, mut function) = (OnAbort::NAME, ptr::null_mut());
    // SAFETY: `env` is the running call's. Without its finalizer the flag leaks, and no more.
    unsafe {
        check(sys::napi_create_function(
            env,
            name.as_ptr(),
            name.count_bytes() as isize,
            Some(enter::<OnAbort>),
            data,
            &mut function,
        ))?;
        check(sys::napi_add_finalizer(env, function, data, Some(forget), ptr::null_mut(), ptr::null_mut()))?;
    }
    Ok(function)
}

unsafe extern "C" fn forget(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: `listener` gave this finalizer a count of its own.
    unsafe { drop(Arc::from_raw(data.cast_const().cast::<AtomicBool>())) };
}

// `target[method]('abort', listener)`.
fn call_method(
    env: sys::napi_env,
    target: sys::napi_value,
    method: &CStr,
    listener: sys::napi_value,
) -> Result<(), Failure> {
    let (mut function, mut event, mut result) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    // SAFETY: `env` and the values are the running call's.
    unsafe {
        check(sys::napi_get_named_property(env, target, method.as_ptr(), &mut function))?;
        check(sys::napi_create_string_latin1(env, EVENT.as_ptr(), EVENT.count_bytes() as isize, &mut event))?;
        check(sys::napi_call_function(env, target, function, 2, [event, listener].as_ptr(), &mut result))
    }
}

// What a foreign signal throws is no business of the caller.
fn clear_exception(env: sys::napi_env) {
    let mut exception = ptr::null_mut();
    // SAFETY: `env` is the running call's; without a pending exception this answers undefined.
    let _ = unsafe { sys::napi_get_and_clear_last_exception(env, &mut exception) };
}
