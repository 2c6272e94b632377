//! One call from JavaScript: its arguments, and what it answers.

use std::ffi::{c_void, CStr};
use std::mem::{self, MaybeUninit};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;

use napi::sys::{self, PropertyAttributes};
use napi::{Error, Status};

use super::memory::{typed_array, vetted_array, Memory, Output};
use super::sealers::Handle;
use crate::error::Failure;
use crate::large_pages;

const MAX_ARGUMENTS: usize = 9;

/// A function for JavaScript.
pub trait Entry {
    /// Its name there.
    const NAME: &'static CStr;
    /// How many arguments it reads.
    const ARGUMENTS: usize;
    /// Whether it answers with a promise.
    const ASYNC: bool = false;

    /// Does the work. Panics are caught around it.
    fn run(call: &Call) -> Result<Answer, Failure>;
}

/// What a call answers with.
pub enum Answer {
    /// A number >= 0.
    Length(usize),
    /// A value that is already JavaScript's.
    Value(sys::napi_value),
    /// `undefined`.
    Nothing,
}

/// A call's arguments, and the state of the function that was called.
pub struct Call {
    env: sys::napi_env,
    arguments: [MaybeUninit<sys::napi_value>; MAX_ARGUMENTS],
    count: usize,
    data: *mut c_void,
}

/// Where [`export`] puts functions.
pub struct Target {
    /// The environment of the object.
    pub env: sys::napi_env,
    /// The object.
    pub object: sys::napi_value,
}

impl Call {
    /// The environment.
    pub fn env(&self) -> sys::napi_env {
        self.env
    }

    /// The state that the function was made with.
    pub fn data(&self) -> *mut c_void {
        self.data
    }

    /// An argument as it came.
    #[inline]
    pub fn value(&self, index: usize) -> sys::napi_value {
        assert!(index < self.count);
        // SAFETY: N-API has written the first `count` arguments.
        unsafe { self.arguments[index].assume_init() }
    }

    /// The sealer that the first argument names.
    #[inline]
    pub fn handle(&self) -> Result<Handle, Failure> {
        Ok(Handle(self.integer(0)?))
    }

    /// A `Uint8Array` argument.
    pub fn memory(&self, index: usize) -> Result<Memory, Failure> {
        self.memory_of(self.value(index))
    }

    /// A `Uint8Array` from an offset on, which is the argument after it.
    pub fn memory_from_offset(&self, index: usize) -> Result<Memory, Failure> {
        self.memory(index)?.from(self.integer(index + 1)?)
    }

    /// As [`Self::memory`], of any typed array: asking for the kind takes a tenth of a short seal's time. TypeScript
    /// has checked it. An array of wider elements shows its first bytes, as many as it has elements.
    ///
    /// # Errors
    /// [`Failure::Unvetted`] if it is `foreign` and others may have a hand on its memory.
    #[inline(always)]
    pub fn hot_memory(&self, index: usize, foreign: bool) -> Result<Memory, Failure> {
        let value = self.value(index);
        // SAFETY: `env` and `value` belong to this call.
        unsafe {
            if foreign {
                vetted_array(self.env, value)
            } else {
                typed_array(self.env, value, ptr::null_mut())
            }
        }
    }

    /// The memory of a `Uint8Array`.
    pub fn memory_of(&self, value: sys::napi_value) -> Result<Memory, Failure> {
        self.typed_array(value, sys::TypedarrayType::uint8_array)
    }

    /// A typed array of 4-byte elements, as bytes.
    pub fn words(&self, index: usize, kind: sys::napi_typedarray_type) -> Result<Memory, Failure> {
        let memory = self.typed_array(self.value(index), kind)?;
        Ok(memory.words())
    }

    fn typed_array(&self, value: sys::napi_value, wanted: sys::napi_typedarray_type) -> Result<Memory, Failure> {
        let mut kind = -1;
        // SAFETY: `env` and `value` belong to this call.
        let memory = unsafe { typed_array(self.env, value, &mut kind) }?;
        if kind == wanted {
            Ok(memory)
        } else {
            Err(Failure::InvalidArgument)
        }
    }

    /// A non-negative integer argument below 2^32.
    #[inline]
    pub fn integer(&self, index: usize) -> Result<usize, Failure> {
        let mut value = 0;
        // SAFETY: `env` and the argument belong to this call.
        let status = unsafe { sys::napi_get_value_uint32(self.env, self.value(index), &mut value) };
        if status == sys::Status::napi_ok {
            Ok(value as usize)
        } else {
            Err(Failure::InvalidArgument)
        }
    }

    /// The memory of each `Uint8Array` in an array argument of at most `limit`. Can run JavaScript: read no memory
    /// before.
    pub fn memories(&self, index: usize, limit: usize) -> Result<Vec<Memory>, Failure> {
        let array = self.value(index);
        let mut len = 0;
        // SAFETY: `env` and the argument belong to this call.
        check(unsafe { sys::napi_get_array_length(self.env, array, &mut len) })?;
        if len as usize > limit {
            return Err(Failure::InvalidArgument);
        }
        let mut items = Vec::with_capacity(len as usize);
        for position in 0..len {
            let mut item = ptr::null_mut();
            // SAFETY: as above.
            check(unsafe { sys::napi_get_element(self.env, array, position, &mut item) })?;
            items.push(item);
        }
        items.into_iter().map(|item| self.memory_of(item)).collect()
    }

    /// The output and the inputs of one call as slices.
    ///
    /// # Errors
    /// [`Failure::Overlap`] if the output shares memory with an input.
    pub fn borrow<const N: usize>(
        &self,
        out: Memory,
        inputs: [Memory; N],
    ) -> Result<(Output<'_>, [&[u8]; N]), Failure> {
        if inputs.iter().any(|input| out.overlaps(*input)) {
            return Err(Failure::Overlap);
        }
        // SAFETY: each memory was read in this call and JavaScript has not run since; `out` overlaps no input; an entry
        // borrows each output once.
        Ok(unsafe { (Output::of(out), inputs.map(|input| input.slice())) })
    }
}

/// Has the system map a large output in large pages, which is of use only before it is written the first time.
#[inline]
pub fn expect_writes(out: Memory) {
    const LARGE_LEN: usize = 8 << 20;
    if out.len() >= LARGE_LEN {
        // SAFETY: the memory of an array of the running call.
        unsafe { large_pages::ask_for(out.start(), out.len()) };
    }
}

impl Target {
    /// Adds the function of `E`, whose calls see `data`.
    pub fn add<E: Entry>(&self, data: *mut c_void) -> Result<sys::napi_value, Error> {
        let mut function = ptr::null_mut();
        // SAFETY: `env` and `object` are those of the call that is running; the name lives for ever.
        status(unsafe {
            let name = E::NAME.as_ptr();
            sys::napi_create_function(
                self.env,
                name,
                E::NAME.count_bytes() as isize,
                Some(enter::<E>),
                data,
                &mut function,
            )
        })?;
        let own = sys::napi_property_descriptor {
            utf8name: E::NAME.as_ptr(),
            name: ptr::null_mut(),
            method: None,
            getter: None,
            setter: None,
            value: function,
            attributes: PropertyAttributes::writable
                | PropertyAttributes::enumerable
                | PropertyAttributes::configurable,
            data: ptr::null_mut(),
        };
        // SAFETY: as above.
        status(unsafe { sys::napi_define_properties(self.env, self.object, 1, &own) })?;
        Ok(function)
    }
}

/// What N-API calls for `E`.
pub unsafe extern "C" fn enter<E: Entry>(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let outcome = guard(|| {
        const { assert!(E::ARGUMENTS <= MAX_ARGUMENTS) };
        let (uninit, data) = (MaybeUninit::uninit(), ptr::null_mut());
        // Filled where it stays: what N-API has just written, a copy would have to wait for.
        let mut call = Call { env, arguments: [uninit; MAX_ARGUMENTS], count: E::ARGUMENTS, data };
        let (mut count, arguments) = (E::ARGUMENTS, call.arguments.as_mut_ptr().cast());
        // SAFETY: `env` and `info` are this call's. There is room for as many as are asked for, and all of them are
        // written: missing ones as undefined.
        check(unsafe { sys::napi_get_cb_info(env, info, &mut count, arguments, ptr::null_mut(), &mut call.data) })?;
        #[cfg(feature = "test-hooks")]
        super::hooks::panic_if_armed(E::NAME);
        E::run(&call)
    });
    if E::ASYNC && !matches!(outcome, Ok(Answer::Value(_))) {
        return settled(env, number(env, outcome));
    }
    match outcome {
        Ok(Answer::Value(value)) => value,
        Ok(Answer::Nothing) => ptr::null_mut(),
        other => number(env, other),
    }
}

/// Runs `work`; a panic becomes [`Failure::Panic`].
pub fn guard<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // Unwind safety: what a panic can leave half-written is output, which is zeroed, and caches, which are cleared
    // before use.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        // Dropping it could panic again.
        mem::forget(payload);
        Err(Failure::Panic)
    })
}

/// [`Failure::InvalidArgument`] for an N-API call that failed, which a value of the wrong type is the way to.
pub fn check(status: sys::napi_status) -> Result<(), Failure> {
    if status == sys::Status::napi_ok {
        Ok(())
    } else {
        Err(Failure::InvalidArgument)
    }
}

/// As [`check`], where an exception can be thrown.
pub fn status(status: sys::napi_status) -> Result<(), Error> {
    if status == sys::Status::napi_ok {
        Ok(())
    } else {
        Err(Error::new(Status::from(status), "N-API call failed"))
    }
}

/// A result as a JavaScript number.
pub fn number(env: sys::napi_env, outcome: Result<Answer, Failure>) -> sys::napi_value {
    let code = match outcome {
        Ok(Answer::Length(len)) => len as i64,
        Ok(_) => 0,
        Err(failure) => failure.code(),
    };
    let mut value = ptr::null_mut();
    // SAFETY: `env` is the running call's. A failure leaves null, which JavaScript sees as undefined.
    let _ = unsafe {
        match i32::try_from(code) {
            Ok(code) => sys::napi_create_int32(env, code, &mut value),
            Err(_) => sys::napi_create_int64(env, code, &mut value),
        }
    };
    value
}

// A promise that is already resolved.
fn settled(env: sys::napi_env, value: sys::napi_value) -> sys::napi_value {
    let (mut deferred, mut promise) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: `env` is the running call's; a deferred is settled once.
    unsafe {
        if sys::napi_create_promise(env, &mut deferred, &mut promise) != sys::Status::napi_ok {
            return ptr::null_mut();
        }
        sys::napi_resolve_deferred(env, deferred, value);
    }
    promise
}
