//! The functions of one sealer: raw callbacks that share its key.

use std::cell::RefCell;
use std::ffi::{c_void, CStr};
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

use napi::{sys, Error};

use super::asynchronous::{OpenAsync, SealAsync};
use super::batch::{OpenMany, SealMany};
use super::bytes::fill;
use super::call::{status, Answer, Call, Entry, Memory, Target};
use super::mode::Mode;
use crate::container::Unpacking;
use crate::error::Failure;
use crate::hash::CHECKSUM_LEN;
use crate::sealer::{Opened, Sealer, Unsealed};

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

    /// Drops what an earlier open left for `takeOpened`.
    pub fn forget_unsealed(&self) {
        if self.unsealed.borrow().is_some() {
            self.unsealed.replace(None);
        }
    }
}

/// An object with all functions of `sealer`.
pub fn object(env: sys::napi_env, sealer: Sealer) -> Result<sys::napi_value, Error> {
    let shared = Rc::new(Shared { sealer: RefCell::new(Some(Arc::new(sealer))), unsealed: RefCell::new(None) });
    let mut object = ptr::null_mut();
    // SAFETY: `env` is the running call's.
    status(unsafe { sys::napi_create_object(env, &mut object) })?;
    let target = Target { env, object };
    add::<Fingerprint>(&target, &shared)?;
    add::<Seal>(&target, &shared)?;
    add::<Open>(&target, &shared)?;
    add::<TakeOpened>(&target, &shared)?;
    add::<SealInPlace>(&target, &shared)?;
    add::<OpenInPlace>(&target, &shared)?;
    add::<SealMany>(&target, &shared)?;
    add::<OpenMany>(&target, &shared)?;
    add::<SealAsync>(&target, &shared)?;
    add::<OpenAsync>(&target, &shared)?;
    add::<Destroy>(&target, &shared)?;
    Ok(object)
}

// Each function holds the state, because JavaScript may keep a function and drop the object.
fn add<E: Entry>(target: &Target, shared: &Rc<Shared>) -> Result<(), Error> {
    let data = Rc::into_raw(Rc::clone(shared)).cast_mut().cast::<c_void>();
    let function = target.add::<E>(data).inspect_err(|_| {
        // SAFETY: no function came to be that could use this count.
        unsafe { drop(Rc::from_raw(data.cast::<Shared>())) };
    })?;
    // SAFETY: the finalizer runs once, when the function can no longer be called. Without it the count is never given
    // back: a leak, and no danger.
    status(unsafe {
        sys::napi_add_finalizer(target.env, function, data, Some(release), ptr::null_mut(), ptr::null_mut())
    })
}

unsafe extern "C" fn release(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: `add` gave this finalizer a count of its own.
    unsafe { drop(Rc::from_raw(data.cast_const().cast::<Shared>())) };
}

/// The AAD and the format string behind it.
pub fn split_aad(aad: Memory, aad_len: usize, mode: Mode) -> Result<Memory, Failure> {
    aad.first(aad_len + mode.format_len())
}

/// The output of an open, with the bytes before it that a checksum can be opened over, and their number.
pub fn output_with_lead(call: &Call, index: usize, unpacking: Unpacking) -> Result<(Memory, usize), Failure> {
    let offset = call.integer(index + 1)?;
    let lead = match unpacking.kind {
        crate::container::Kind::Checksum => offset.min(CHECKSUM_LEN),
        _ => 0,
    };
    let out = call.hot_memory(index)?;
    if offset > out.len() {
        return Err(Failure::InvalidArgument);
    }
    Ok((out.from(offset - lead)?, lead))
}

struct Fingerprint;

impl Entry for Fingerprint {
    const NAME: &'static CStr = c"fingerprint";

    fn run(call: &Call) -> Result<Answer, Failure> {
        let (mut out, []) = call.borrow(call.memory(0)?, [])?;
        Shared::of(call).with(|sealer| fill(&mut out, sealer.fingerprint()))
    }
}

struct Seal;

impl Entry for Seal {
    const NAME: &'static CStr = c"seal";

    fn run(call: &Call) -> Result<Answer, Failure> {
        let mode = Mode(call.integer(5)?);
        let aad_len = call.integer(4)?;
        let aad = split_aad(call.hot_memory(3)?, aad_len, mode)?;
        let out = call.hot_memory(0)?.from(call.integer(1)?)?;
        let (mut out, [payload, aad]) = call.borrow(out, [call.hot_memory(2)?, aad])?;
        let (aad, format) = aad.split_at(aad_len);
        let packing = mode.packing(format)?;
        Shared::of(call).with(|sealer| sealer.seal(&mut out, payload, aad, packing)).map(Answer::Length)
    }
}

struct Open;

impl Entry for Open {
    const NAME: &'static CStr = c"open";

    fn run(call: &Call) -> Result<Answer, Failure> {
        let shared = Shared::of(call);
        shared.forget_unsealed();
        let unpacking = Mode(call.integer(6)?).unpacking()?;
        let (out, lead) = output_with_lead(call, 0, unpacking)?;
        let aad = call.hot_memory(4)?.first(call.integer(5)?)?;
        let sealed = call.hot_memory(2)?.from(call.integer(3)?)?;
        let (mut out, [sealed, aad]) = call.borrow(out, [sealed, aad])?;
        match shared.with(|sealer| sealer.open(&mut out, lead, sealed, aad, unpacking))? {
            Opened::Written(len) => Ok(Answer::Length(len)),
            Opened::Waiting(unsealed) => {
                let needed = unsealed.payload_len();
                shared.unsealed.replace(Some(unsealed));
                Err(Failure::Needs(needed))
            }
        }
    }
}

struct TakeOpened;

impl Entry for TakeOpened {
    const NAME: &'static CStr = c"takeOpened";

    fn run(call: &Call) -> Result<Answer, Failure> {
        let (mut out, []) = call.borrow(call.memory_from_offset(0)?, [])?;
        let shared = Shared::of(call);
        shared.with(|_| Ok(()))?;
        let mut slot = shared.unsealed.borrow_mut();
        let unsealed = slot.as_ref().ok_or(Failure::InvalidArgument)?;
        if out.len() < unsealed.payload_len() {
            return Err(Failure::Needs(unsealed.payload_len()));
        }
        let taken = unsealed.read(&mut out);
        *slot = None;
        taken.map(Answer::Length)
    }
}

struct SealInPlace;

impl Entry for SealInPlace {
    const NAME: &'static CStr = c"sealInPlace";

    fn run(call: &Call) -> Result<Answer, Failure> {
        let plaintext_len = call.integer(1)?;
        let aad = call.hot_memory(2)?.first(call.integer(3)?)?;
        let (mut buffer, [aad]) = call.borrow(call.hot_memory(0)?, [aad])?;
        Shared::of(call).with(|sealer| sealer.seal_in_place(&mut buffer, plaintext_len, aad)).map(Answer::Length)
    }
}

struct OpenInPlace;

impl Entry for OpenInPlace {
    const NAME: &'static CStr = c"openInPlace";

    fn run(call: &Call) -> Result<Answer, Failure> {
        let aad = call.hot_memory(1)?.first(call.integer(2)?)?;
        let (mut buffer, [aad]) = call.borrow(call.hot_memory(0)?, [aad])?;
        Shared::of(call).with(|sealer| sealer.open_in_place(&mut buffer, aad)).map(Answer::Length)
    }
}

struct Destroy;

impl Entry for Destroy {
    const NAME: &'static CStr = c"destroy";

    fn run(call: &Call) -> Result<Answer, Failure> {
        let shared = Shared::of(call);
        shared.sealer.replace(None);
        shared.unsealed.replace(None);
        Ok(Answer::Nothing)
    }
}
