//! Sealers as JavaScript objects: their class, the state behind their functions, and when it ends.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

use napi::{sys, Error};

use super::asynchronous::{OpenAsync, SealAsync};
use super::batch::{OpenMany, SealMany};
use super::call::{check, guard, status, Call, Entry, Target};
use super::sealer::{Destroy, Fingerprint, Open, OpenInPlace, Seal, SealInPlace, TakeOpened};
use crate::error::Failure;
use crate::sealer::{Sealer, Unsealed};

/// What the functions of one sealer share, on the thread that made them.
pub struct Shared {
    sealer: RefCell<Option<Arc<Sealer>>>,
    unsealed: RefCell<Option<Unsealed>>,
}

impl Shared {
    /// The state behind a function of a sealer.
    pub fn of(call: &Call) -> &Self {
        // SAFETY: `object` made the function with a count of its own on this state, which the function's finalizer
        // gives back, so that the state outlives the call.
        unsafe { &*call.data().cast::<Self>() }
    }

    /// The sealer, held by a task even if it is destroyed meanwhile.
    pub fn sealer(&self) -> Result<Arc<Sealer>, Failure> {
        self.sealer.borrow().clone().ok_or(Failure::KeyDestroyed)
    }

    /// Runs `work` with the sealer.
    #[inline(always)]
    pub fn with<T>(&self, work: impl FnOnce(&Sealer) -> Result<T, Failure>) -> Result<T, Failure> {
        work(self.sealer.borrow().as_deref().ok_or(Failure::KeyDestroyed)?)
    }

    /// Keeps what an open could not write, for `takeOpened`.
    pub fn keep_unsealed(&self, unsealed: Unsealed) {
        self.unsealed.replace(Some(unsealed));
    }

    /// Reads what was kept, and forgets it unless `out` is too short.
    pub fn take_unsealed(&self, out: &mut [u8]) -> Result<usize, Failure> {
        let mut slot = self.unsealed.borrow_mut();
        let taken = slot.as_ref().ok_or(Failure::InvalidArgument)?.read(out);
        if !matches!(taken, Err(Failure::Needs(_))) {
            *slot = None;
        }
        taken
    }

    /// Drops what an earlier open left.
    pub fn forget_unsealed(&self) {
        if self.unsealed.borrow().is_some() {
            self.unsealed.replace(None);
        }
    }

    /// Wipes the key, unless a task still works with it, and drops what was kept.
    pub fn destroy(&self) {
        self.sealer.replace(None);
        self.unsealed.replace(None);
    }
}

/// Marks an object that [`object`] made, so that no other native object can pass for one.
const TAG: sys::napi_type_tag = sys::napi_type_tag { lower: 0x9d1c_6f0b_27e4_4a53, upper: 0xb0a8_5e16_c3f7_92d4 };

/// The class of sealers, once per environment. A sealer has no function until it is asked for: most use two of
/// eleven, and each costs JavaScript half a kilobyte. Once made it is an own property, called without a detour.
pub fn define_class(env: sys::napi_env) -> Result<(), Error> {
    let getters = [
        getter::<Fingerprint>(),
        getter::<Seal>(),
        getter::<Open>(),
        getter::<TakeOpened>(),
        getter::<SealInPlace>(),
        getter::<OpenInPlace>(),
        getter::<SealMany>(),
        getter::<OpenMany>(),
        getter::<SealAsync>(),
        getter::<OpenAsync>(),
        getter::<Destroy>(),
    ];
    let (name, mut class, mut reference) = (c"Sealer", ptr::null_mut(), ptr::null_mut());
    // SAFETY: `env` is that of the module's registration; names live for ever. The reference becomes the instance
    // data, which is ours alone, and ends with the environment.
    unsafe {
        status(sys::napi_define_class(
            env,
            name.as_ptr(),
            name.count_bytes() as isize,
            Some(construct),
            ptr::null_mut(),
            getters.len(),
            getters.as_ptr(),
            &mut class,
        ))?;
        status(sys::napi_create_reference(env, class, 1, &mut reference))?;
        status(sys::napi_set_instance_data(env, reference.cast(), None, ptr::null_mut()))
    }
}

/// An object with all functions of `sealer`.
pub fn object(env: sys::napi_env, sealer: Sealer) -> Result<sys::napi_value, Error> {
    let shared = Rc::new(Shared { sealer: RefCell::new(Some(Arc::new(sealer))), unsealed: RefCell::new(None) });
    let (mut reference, mut class, mut object) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    // SAFETY: `env` is the running call's; the instance data is what `define_class` put there.
    unsafe {
        status(sys::napi_get_instance_data(env, &mut reference))?;
        status(sys::napi_get_reference_value(env, reference.cast(), &mut class))?;
        status(sys::napi_new_instance(env, class, 0, ptr::null(), &mut object))?;
    }
    let data = Rc::into_raw(shared).cast_mut().cast::<c_void>();
    // SAFETY: the finalizer runs once, when the object is gone; if it was not installed, the count comes back here.
    unsafe {
        status(sys::napi_wrap(env, object, data, Some(release), ptr::null_mut(), ptr::null_mut()))
            .inspect_err(|_| drop(Rc::from_raw(data.cast_const().cast::<Shared>())))?;
        status(sys::napi_type_tag_object(env, object, &TAG))?;
    }
    Ok(object)
}

// `new` by hand makes an object without the tag, whose functions cannot be had.
unsafe extern "C" fn construct(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let (mut count, mut this) = (0, ptr::null_mut());
    // SAFETY: `env` and `info` are this call's.
    let _ = unsafe { sys::napi_get_cb_info(env, info, &mut count, ptr::null_mut(), &mut this, ptr::null_mut()) };
    this
}

fn getter<E: Entry>() -> sys::napi_property_descriptor {
    sys::napi_property_descriptor {
        utf8name: E::NAME.as_ptr(),
        name: ptr::null_mut(),
        method: None,
        getter: Some(first_use::<E>),
        setter: None,
        value: ptr::null_mut(),
        attributes: sys::PropertyAttributes::default,
        data: ptr::null_mut(),
    }
}

// Makes the function of `E` for the sealer that it is read from, and puts it there.
unsafe extern "C" fn first_use<E: Entry>(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let made = guard(|| {
        let (mut count, mut object, mut tagged, mut data) = (0, ptr::null_mut(), false, ptr::null_mut());
        // SAFETY: `env` and `info` are this call's. The tag says that the wrapped pointer is one of `object`'s, which
        // holds a count while the object lives.
        let shared = unsafe {
            check(sys::napi_get_cb_info(env, info, &mut count, ptr::null_mut(), &mut object, ptr::null_mut()))?;
            check(sys::napi_check_object_type_tag(env, object, &TAG, &mut tagged))?;
            if !tagged {
                return Err(Failure::InvalidArgument);
            }
            check(sys::napi_unwrap(env, object, &mut data))?;
            Rc::increment_strong_count(data.cast_const().cast::<Shared>());
            Rc::from_raw(data.cast_const().cast::<Shared>())
        };
        add::<E>(&Target { env, object }, shared).map_err(|_| Failure::InvalidArgument)
    });
    made.unwrap_or(ptr::null_mut())
}

// The function holds the state itself, because JavaScript may keep it and drop the object.
fn add<E: Entry>(target: &Target, shared: Rc<Shared>) -> Result<sys::napi_value, Error> {
    let data = Rc::into_raw(shared).cast_mut().cast::<c_void>();
    let function = target.add::<E>(data).inspect_err(|_| {
        // SAFETY: no function came to be that could use this count.
        unsafe { drop(Rc::from_raw(data.cast_const().cast::<Shared>())) };
    })?;
    // SAFETY: the finalizer runs once, when the function can no longer be called. Without it the count is never given
    // back: a leak, and no danger.
    status(unsafe {
        sys::napi_add_finalizer(target.env, function, data, Some(release), ptr::null_mut(), ptr::null_mut())
    })?;
    Ok(function)
}

unsafe extern "C" fn release(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: whoever installed this finalizer gave it a count of its own.
    unsafe { drop(Rc::from_raw(data.cast_const().cast::<Shared>())) };
}
