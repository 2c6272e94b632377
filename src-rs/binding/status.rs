//! How native work ends: with an answer, a failure's number, or a panic that is caught.

use std::mem;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;

use napi::{sys, Error, Status};

use crate::error::Failure;

/// What a call answers with.
pub enum Answer {
    /// A number >= 0.
    Length(usize),
    /// A value that is already JavaScript's.
    Value(sys::napi_value),
    /// `undefined`.
    Nothing,
}

/// What native work ends with.
pub type Outcome<T> = Result<T, Failure>;

/// Runs the work of the native function `name`; a panic becomes [`Failure::Panic`].
pub fn guard<T>(name: &str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    // Unwind safety: what a panic can leave half-written is output, which is zeroed, and caches, which are cleared
    // before use.
    catch_unwind(AssertUnwindSafe(|| {
        #[cfg(feature = "test-hooks")]
        super::hooks::panic_if_armed(name);
        let _ = name;
        work()
    }))
    .unwrap_or_else(|payload| {
        // Dropping it could panic again.
        mem::forget(payload);
        Err(Failure::Panic)
    })
}

/// A failure as an exception, whose `code` is the failure's number.
pub fn exception(failure: Failure) -> Error<String> {
    Error::new(failure.code().to_string(), "native failure")
}

/// [`Failure::InvalidArgument`] for an N-API call that failed: the argument had the wrong type.
pub fn check(status: sys::napi_status) -> Outcome<()> {
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

/// An outcome as a value for JavaScript: a failure and a length are numbers.
pub fn to_javascript(env: sys::napi_env, outcome: Outcome<Answer>) -> sys::napi_value {
    let code = match outcome {
        Ok(Answer::Length(len)) => len as i64,
        Ok(Answer::Value(value)) => return value,
        Ok(Answer::Nothing) => return ptr::null_mut(),
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
