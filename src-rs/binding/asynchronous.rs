//! Sealing and opening on libuv's pool. The nonce is taken, and the AAD copied, in the call; the other memory is the
//! caller's, referenced until the work is done and not to be touched before.

use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use napi::bindgen_prelude::{AsyncTask, ToNapiValue, TypeName};
use napi::{sys, Env, Task, ValueType};

use super::abort::{Abort, Reference};
use super::arguments::{placed_len, split_aad, with_headroom};
use super::call::{expect_writes, Call, ExportsObject};
use super::memory::Output;
use super::mode::Mode;
use super::sealers::Sealers;
use super::status::{check, guard, to_javascript, Answer, Outcome};
use crate::error::Failure;
use crate::sealer::{Opened, Unsealed, OVERHEAD_LEN};

/// `sealAsync(handle, out, outOffset, plaintext, aad, aadLen, mode, fired?)`
pub fn seal_async(call: &Call) -> Outcome<Answer> {
    let abort = Abort::of(call, 7)?;
    queue(call, "sealAsync:work", [1, 3], abort, || {
        let mode = Mode(call.integer(6)?);
        let aad_len = call.integer(5)?;
        let aad = split_aad(call.memory(4)?, aad_len, mode)?;
        let (out, payload) = (call.memory_from_offset(1)?, call.memory(3)?);
        let aad = if mode.in_place() {
            call.borrow(out, [aad])?.1[0].to_vec()
        } else {
            call.borrow(out, [payload, aad])?.1[1].to_vec()
        };
        let sealer = Sealers::of(call).hold(call.handle()?)?;
        let packing = mode.packing(&aad[aad_len..]);
        if mode.in_place() {
            placed_len(out, payload, packing)?;
        } else {
            expect_writes(out);
            let bound = packing.bound(payload.len())? + OVERHEAD_LEN;
            if out.len() < bound {
                return Err(Failure::Needs(bound));
            }
        }
        let nonce = sealer.next_nonce()?;
        Ok(move || {
            let (aad, format) = aad.split_at(aad_len);
            let packing = mode.packing(format);
            // SAFETY: the task references both arrays, and the caller leaves them alone until it is done.
            let mut out = unsafe { Output::of(out) };
            let len = if mode.in_place() {
                // Only its length: its bytes are the output's.
                sealer.seal_placed(|| Ok(nonce), &mut out, payload.len(), aad, packing)?
            } else {
                // SAFETY: as above; `borrow` has seen that the two do not overlap.
                sealer.seal_with(|| Ok(nonce), &mut out, unsafe { payload.slice() }, aad, packing)?
            };
            // Here, because the result exposes all of the output, which was not initialized.
            out[len..].fill(0);
            Ok(Opened::Written(len))
        })
    })
}

/// `openAsync(handle, out, outOffset, sealed, sealedOffset, aad, aadLen, mode, fired?)`
pub fn open_async(call: &Call) -> Outcome<Answer> {
    let abort = Abort::of(call, 8)?;
    queue(call, "openAsync:work", [1, 3], abort, || {
        let unpacking = Mode(call.integer(7)?).unpacking();
        let (out, headroom) = with_headroom(call.memory(1)?, call.integer(2)?, unpacking)?;
        let sealed = call.memory_from_offset(3)?;
        let (_, [_, aad]) = call.borrow(out, [sealed, call.memory(5)?.first(call.integer(6)?)?])?;
        expect_writes(out);
        let aad = aad.to_vec();
        let sealer = Sealers::of(call).hold(call.handle()?)?;
        Ok(move || {
            // SAFETY: the task references both arrays, and the caller leaves them alone until it is done.
            let (mut out, sealed) = unsafe { (Output::of(out), sealed.slice()) };
            sealer.open(&mut out, headroom, sealed, &aad, unpacking)
        })
    })
}

type Slot = Mutex<Option<Box<Unsealed>>>;

/// `take(out, outOffset)` of an opened container.
fn take(call: &Call) -> Outcome<Answer> {
    queue(call, "take:work", [0, 0], Abort::default(), || {
        let out = call.memory_from_offset(0)?;
        expect_writes(out);
        let data = call.data().cast_const().cast::<Slot>();
        // SAFETY: `opened_object` made the function with a count of its own on the slot.
        let slot = unsafe {
            Arc::increment_strong_count(data);
            Arc::from_raw(data)
        };
        Ok(move || {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            let unsealed = slot.take().ok_or(Failure::InvalidArgument)?;
            // SAFETY: the task references the array, and the caller leaves it alone until it is done.
            let taken = unsealed.read(&mut unsafe { Output::of(out) });
            if let Err(Failure::Needs(_)) = taken {
                *slot = Some(unsealed);
            }
            taken.map(Opened::Written)
        })
    })
}

/// Work on its way through the pool.
struct Job<W> {
    name: &'static str,
    work: Option<W>,
    held: Vec<Reference>,
    abort: Abort,
}

impl<W: FnOnce() -> Outcome<Opened> + Send> Task for Job<W> {
    type Output = Outcome<Opened>;
    type JsValue = Settled;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let work = self.work.take();
        if self.abort.fired() {
            return Ok(Err(Failure::Cancelled));
        }
        Ok(guard(self.name, || work.ok_or(Failure::Panic)?()))
    }

    fn resolve(&mut self, _env: Env, output: Self::Output) -> napi::Result<Settled> {
        Ok(Settled(output))
    }

    fn finally(self, env: Env) -> napi::Result<()> {
        self.abort.release(env.raw());
        self.held.into_iter().for_each(|reference| reference.release(env.raw()));
        Ok(())
    }
}

// Prepares work in the call, and queues it with the arguments `held` kept alive.
fn queue<W>(
    call: &Call,
    name: &'static str,
    held: [usize; 2],
    abort: Abort,
    prepare: impl FnOnce() -> Outcome<W>,
) -> Outcome<Answer>
where
    W: FnOnce() -> Outcome<Opened> + Send + 'static,
{
    let env = call.env();
    let prepared = prepare().and_then(|work| {
        let held = held.iter().map(|index| Reference::new(call, *index)).collect::<Result<Vec<_>, _>>()?;
        Ok((work, held))
    });
    match prepared {
        Ok((work, held)) => {
            let task = AsyncTask::new(Job { name, work: Some(work), held, abort });
            // SAFETY: `env` is the running call's.
            unsafe { ToNapiValue::to_napi_value(env, task) }.map(Answer::Value).map_err(|_| Failure::Panic)
        }
        Err(failure) => {
            abort.release(env);
            Err(failure)
        }
    }
}

/// A finished job's answer.
pub struct Settled(Outcome<Opened>);

impl TypeName for Settled {
    fn type_name() -> &'static str {
        "number | object"
    }

    fn value_type() -> ValueType {
        ValueType::Number
    }
}

impl ToNapiValue for Settled {
    unsafe fn to_napi_value(env: sys::napi_env, settled: Self) -> napi::Result<sys::napi_value> {
        let outcome = guard("settled", || match settled.0? {
            Opened::Written(len) => Ok(Answer::Length(len)),
            Opened::Waiting(unsealed) => opened_object(env, unsealed).map(Answer::Value),
        });
        Ok(to_javascript(env, outcome))
    }
}

// `{ length, take }`
fn opened_object(env: sys::napi_env, unsealed: Box<Unsealed>) -> Outcome<sys::napi_value> {
    let (mut object, length) = (ptr::null_mut(), to_javascript(env, Ok(Answer::Length(unsealed.payload_len()))));
    // SAFETY: `env` is that of the completion that is running.
    unsafe {
        check(sys::napi_create_object(env, &mut object))?;
        check(sys::napi_set_named_property(env, object, c"length".as_ptr(), length))?;
    }
    let data = Arc::into_raw(Arc::new(Slot::new(Some(unsealed)))).cast_mut().cast::<c_void>();
    let function = ExportsObject { env, object }.add::<2, _>(c"take", take, data).map_err(|_| {
        // SAFETY: no function came to be that could use this count.
        unsafe { drop(Arc::from_raw(data.cast_const().cast::<Slot>())) };
        Failure::Panic
    })?;
    // SAFETY: the finalizer runs once, when the function can no longer be called.
    check(unsafe { sys::napi_add_finalizer(env, function, data, Some(release), ptr::null_mut(), ptr::null_mut()) })?;
    Ok(object)
}

unsafe extern "C" fn release(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: `opened_object` gave this finalizer a count of its own.
    unsafe { drop(Arc::from_raw(data.cast_const().cast::<Slot>())) };
}
