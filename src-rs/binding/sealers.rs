//! The sealers of one JavaScript environment, which knows them by number.
//!
//! One function serves all sealers. A function for each, which needs no number, is called the slow way as soon as there
//! are two: V8 compiles a direct call only where it has seen a single function.

use std::cell::{Ref, RefCell};
use std::collections::VecDeque;
use std::ffi::{c_void, CStr};
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

use napi::{sys, Error};

use super::call::{Call, Entry, ExportsObject};
use super::handle::{Handle, MAX_PLACES};
use super::status::{check, status, Outcome};
use super::tiers::Tiers;
use crate::error::Failure;
use crate::sealer::{Sealer, Unsealed};

/// Places that stay free at least. The one that has been free for longest is taken first, so that a handle of a sealer that
/// is gone names nothing for this many times 128 sealers, and not the next one's key.
const SPARE: usize = 1024;

/// The table.
#[derive(Default)]
pub struct Sealers {
    slots: RefCell<Vec<Slot>>,
    free: RefCell<VecDeque<usize>>,
    unsealed: RefCell<Option<(Handle, Box<Unsealed>)>>,
    /// The first tiers of the same environment, whose entries its sealers open.
    pub tiers: Tiers,
}

struct Slot {
    // Of the object that has the place.
    handle: Handle,
    sealer: Option<Arc<Sealer>>,
    // Of the master key that the sealer was derived from.
    master: u64,
}

impl Sealers {
    /// Adds `entry` as a function of `N` arguments, which sees the table.
    pub fn export<const N: usize, E: Entry>(
        self: &Rc<Self>,
        target: &ExportsObject,
        name: &'static CStr,
        entry: E,
    ) -> Result<(), Error> {
        let data = Rc::into_raw(Rc::clone(self)).cast_mut().cast::<c_void>();
        let function = target.add::<N, E>(name, entry, data).inspect_err(|_| {
            // SAFETY: no function came to be that could use this count.
            unsafe { drop(Rc::from_raw(data.cast_const().cast::<Self>())) };
        })?;
        // SAFETY: the finalizer runs once, when the function can no longer be called. Without it the count is never given
        // back: a leak, and no danger.
        status(unsafe {
            sys::napi_add_finalizer(target.env, function, data, Some(release), ptr::null_mut(), ptr::null_mut())
        })
    }

    /// The table behind a function.
    pub fn of(call: &Call) -> &Self {
        // SAFETY: `export` made the function with a count of its own on the table, which the function's
        // finalizer gives back, so that the table outlives the call.
        unsafe { &*call.data().cast::<Self>() }
    }

    /// The sealer, for the time of a call.
    ///
    /// # Errors
    /// [`Failure::KeyDestroyed`], [`Failure::InvalidArgument`] for a number that names none.
    #[inline(always)]
    pub fn get(&self, handle: Handle) -> Outcome<Ref<'_, Sealer>> {
        let slots = self.slots.borrow();
        if slots.get(handle.place()).is_none_or(|slot| !slot.handle.names_same(handle)) {
            return Err(Failure::InvalidArgument);
        }
        Ref::filter_map(slots, |slots| slots[handle.place()].sealer.as_deref()).map_err(|_| Failure::KeyDestroyed)
    }

    /// The sealer, held by a task even if it is destroyed before the task ends.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn hold(&self, handle: Handle) -> Outcome<Arc<Sealer>> {
        self.get(handle)?;
        self.slots.borrow()[handle.place()].sealer.clone().ok_or(Failure::KeyDestroyed)
    }

    /// Keeps what an open could not write, for `takeOpened`.
    pub fn keep_unsealed(&self, handle: Handle, unsealed: Box<Unsealed>) {
        self.unsealed.replace(Some((handle, unsealed)));
    }

    /// Reads what the sealer's last open left, and forgets it unless `out` is too short.
    ///
    /// # Errors
    /// [`Failure::InvalidArgument`] if it left nothing, or as [`Unsealed::read`].
    pub fn take_unsealed(&self, handle: Handle, out: &mut [u8]) -> Outcome<usize> {
        let mut kept = self.unsealed.borrow_mut();
        let taken = match &*kept {
            Some((owner, unsealed)) if owner.names_same(handle) => unsealed.read(out),
            _ => return Err(Failure::InvalidArgument),
        };
        if !matches!(taken, Err(Failure::Needs(_))) {
            *kept = None;
        }
        taken
    }

    /// Drops what an earlier open left.
    #[inline]
    pub fn forget_unsealed(&self) {
        if self.unsealed.borrow().is_some() {
            self.unsealed.replace(None);
        }
    }

    /// Wipes the key, unless a task still works with it, and drops what an open left.
    pub fn destroy(&self, handle: Handle) {
        self.forget_unsealed();
        if let Some(slot) =
            self.slots.borrow_mut().get_mut(handle.place()).filter(|slot| slot.handle.names_same(handle))
        {
            slot.sealer = None;
        }
    }

    /// Wipes every key that was derived from a master key, as [`Self::destroy`], also those that JavaScript has lost sight of.
    pub fn destroy_all(&self, master: u64) {
        self.forget_unsealed();
        for slot in self.slots.borrow_mut().iter_mut().filter(|slot| slot.master == master) {
            slot.sealer = None;
        }
    }

    fn add(&self, sealer: Sealer, master: u64) -> Outcome<Handle> {
        let sealer = Some(Arc::new(sealer));
        let mut slots = self.slots.borrow_mut();
        let mut free = self.free.borrow_mut();
        if free.len() > SPARE || slots.len() == MAX_PLACES {
            let place = free.pop_front().ok_or(Failure::InvalidLength)?;
            slots[place].sealer = sealer;
            slots[place].master = master;
            return Ok(slots[place].handle);
        }
        let handle = Handle::of_place(slots.len());
        slots.push(Slot { handle, sealer, master });
        Ok(handle)
    }

    // The handle names nothing from now on.
    fn remove(&self, handle: Handle) {
        self.destroy(handle);
        if let Some(slot) =
            self.slots.borrow_mut().get_mut(handle.place()).filter(|slot| slot.handle.names_same(handle))
        {
            slot.handle = slot.handle.next();
            self.free.borrow_mut().push_back(handle.place());
        }
    }
}

/// Puts a table into the environment, which keeps it to its end.
pub fn install(env: sys::napi_env) -> Result<Rc<Sealers>, Error> {
    let sealers = Rc::new(Sealers::default());
    let data = Rc::into_raw(Rc::clone(&sealers)).cast_mut().cast::<c_void>();
    // SAFETY: `env` is that of the module's registration, whose instance data are ours alone.
    status(unsafe { sys::napi_set_instance_data(env, data, Some(release), ptr::null_mut()) })?;
    Ok(sealers)
}

/// Gives one count on the table back: the finalizer of whatever was made with one.
unsafe extern "C" fn release(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: what installed this finalizer gave it a count of its own.
    unsafe { drop(Rc::from_raw(data.cast_const().cast::<Sealers>())) };
}

// What the object of a sealer holds.
struct Owner {
    sealers: Rc<Sealers>,
    handle: Handle,
}

/// The table of an environment.
///
/// # Errors
/// [`Failure::InvalidArgument`] if it has none.
pub fn table(env: sys::napi_env) -> Outcome<Rc<Sealers>> {
    let mut data = ptr::null_mut();
    // SAFETY: `env` is the running call's; the instance data are what `install` put there.
    unsafe {
        check(sys::napi_get_instance_data(env, &mut data))?;
        if data.is_null() {
            return Err(Failure::InvalidArgument);
        }
        Rc::increment_strong_count(data.cast_const().cast::<Sealers>());
        Ok(Rc::from_raw(data.cast_const().cast::<Sealers>()))
    }
}

/// `{ handle }`: the sealer ends with this object. `master` names the master key that it was derived from.
pub fn object(env: sys::napi_env, sealer: Sealer, master: u64) -> Outcome<sys::napi_value> {
    let (mut object, mut number) = (ptr::null_mut(), ptr::null_mut());
    let sealers = table(env)?;
    let handle = sealers.add(sealer, master)?;
    let owner = Box::into_raw(Box::new(Owner { sealers, handle })).cast::<c_void>();
    // SAFETY: `env` is the running call's. The finalizer runs once, when the object is gone; if it was not installed, it is called here.
    unsafe {
        let made = check(sys::napi_create_object(env, &mut object))
            .and_then(|()| check(sys::napi_create_uint32(env, handle.0 as u32, &mut number)))
            .and_then(|()| check(sys::napi_set_named_property(env, object, c"handle".as_ptr(), number)))
            .and_then(|()| check(sys::napi_wrap(env, object, owner, Some(end), ptr::null_mut(), ptr::null_mut())));
        made.inspect_err(|_| end(env, owner, ptr::null_mut()))?;
    }
    Ok(object)
}

unsafe extern "C" fn end(_env: sys::napi_env, owner: *mut c_void, _hint: *mut c_void) {
    // SAFETY: `object` made it, for this finalizer alone.
    let owner = unsafe { Box::from_raw(owner.cast::<Owner>()) };
    owner.sealers.remove(owner.handle);
}
