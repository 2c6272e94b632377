//! One call from JavaScript: its arguments, and what it answers.

use std::any::type_name;
use std::ffi::{c_void, CStr};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use napi::sys::{self, PropertyAttributes};
use napi::Error;

use super::handle::Handle;
use super::memory::{typed_array, validated_array, Memory, Output};
use super::status::{check, guard, status, to_javascript, Answer, Outcome};
use crate::error::Failure;
use crate::large_pages;

const MAX_ARGUMENTS: usize = 9;

/// A function for JavaScript, which does the work of one call. Panics are caught around it.
pub trait Entry: Fn(&Call) -> Outcome<Answer> + Copy + 'static {}

impl<F: Fn(&Call) -> Outcome<Answer> + Copy + 'static> Entry for F {}

/// A call's arguments, and the state of the function that was called.
pub struct Call {
    env: sys::napi_env,
    arguments: [MaybeUninit<sys::napi_value>; MAX_ARGUMENTS],
    count: usize,
    data: *mut c_void,
}

/// The object that functions are put into.
pub struct ExportsObject {
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
    pub fn handle(&self) -> Outcome<Handle> {
        Ok(Handle(self.integer(0)?))
    }

    /// A `Uint8Array` argument.
    pub fn memory(&self, index: usize) -> Outcome<Memory> {
        self.memory_of(self.value(index))
    }

    /// A `Uint8Array` from an offset on, which is the argument after it.
    pub fn memory_from_offset(&self, index: usize) -> Outcome<Memory> {
        self.memory(index)?.from(self.integer(index + 1)?)
    }

    /// As [`Self::memory`], of any typed array: asking for the kind takes a tenth of a short seal's time. TypeScript
    /// has checked it. An array of wider elements shows its first bytes, as many as it has elements.
    ///
    /// # Errors
    /// [`Failure::NeedsValidation`] if it is `untrusted` and its memory may be shared or resizable.
    #[inline(always)]
    pub fn hot_memory(&self, index: usize, untrusted: bool) -> Outcome<Memory> {
        let value = self.value(index);
        // SAFETY: `env` and `value` belong to this call.
        unsafe {
            if untrusted {
                validated_array(self.env, value)
            } else {
                typed_array(self.env, value, ptr::null_mut())
            }
        }
    }

    /// The memory of a `Uint8Array`.
    pub fn memory_of(&self, value: sys::napi_value) -> Outcome<Memory> {
        self.typed_array(value, sys::TypedarrayType::uint8_array)
    }

    /// A typed array of 4-byte elements, as bytes.
    pub fn words(&self, index: usize, kind: sys::napi_typedarray_type) -> Outcome<Memory> {
        self.typed_array(self.value(index), kind).map(Memory::words)
    }

    fn typed_array(&self, value: sys::napi_value, wanted: sys::napi_typedarray_type) -> Outcome<Memory> {
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
    pub fn integer(&self, index: usize) -> Outcome<usize> {
        let mut value = 0;
        // SAFETY: `env` and the argument belong to this call.
        let status = unsafe { sys::napi_get_value_uint32(self.env, self.value(index), &mut value) };
        if status == sys::Status::napi_ok {
            Ok(value as usize)
        } else {
            Err(Failure::InvalidArgument)
        }
    }

    /// A number argument.
    #[inline]
    pub fn number(&self, index: usize) -> Outcome<f64> {
        let mut value = 0.0;
        // SAFETY: `env` and the argument belong to this call.
        check(unsafe { sys::napi_get_value_double(self.env, self.value(index), &mut value) })?;
        Ok(value)
    }

    /// The memory of each `Uint8Array` in an array argument of at most `limit`. Can run JavaScript: read no memory
    /// before.
    pub fn memories(&self, index: usize, limit: usize) -> Outcome<Vec<Memory>> {
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

impl ExportsObject {
    /// Adds `entry` as a function of `N` arguments, whose calls see `data`.
    pub fn add<const N: usize, E: Entry>(
        &self,
        name: &'static CStr,
        _entry: E,
        data: *mut c_void,
    ) -> Result<sys::napi_value, Error> {
        let mut function = ptr::null_mut();
        let (text, len) = (name.as_ptr(), name.count_bytes() as isize);
        // SAFETY: `env` and `object` are those of the call that is running; the name is static.
        status(unsafe { sys::napi_create_function(self.env, text, len, Some(enter::<N, E>), data, &mut function) })?;
        let own = sys::napi_property_descriptor {
            utf8name: text,
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

/// What N-API calls for an entry of `N` arguments.
unsafe extern "C" fn enter<const N: usize, E: Entry>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    let outcome = guard(type_name::<E>(), || {
        const { assert!(N <= MAX_ARGUMENTS && size_of::<E>() == 0) };
        // SAFETY: the type of a function has no bytes, and a value of it was given to `add`.
        let entry = unsafe { NonNull::<E>::dangling().as_ref() };
        // Filled where it stays: what N-API has just written, a copy would have to wait for.
        let arguments = [MaybeUninit::uninit(); MAX_ARGUMENTS];
        let mut call = Call { env, arguments, count: N, data: ptr::null_mut() };
        let (mut count, arguments) = (N, call.arguments.as_mut_ptr().cast());
        // SAFETY: `env` and `info` are this call's. There is room for as many as are asked for, and all of them are
        // written: missing ones as undefined.
        check(unsafe { sys::napi_get_cb_info(env, info, &mut count, arguments, ptr::null_mut(), &mut call.data) })?;
        entry(&call)
    });
    to_javascript(env, outcome)
}
