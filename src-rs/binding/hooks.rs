//! Test builds only: panics on demand inside any native entry.

use std::ffi::CStr;
use std::ptr;
use std::sync::Mutex;

use napi::{sys, Error};

use super::call::{check, Answer, Call, Entry, Target};
use crate::error::Failure;

static ARMED: Mutex<Option<String>> = Mutex::new(None);

/// Adds `forcePanic(name)`: the next call of the native function of that name panics. Classes are named
/// `MasterKey`, `MasterKey.sealer` and so on; `sealAsync:work` and its like panic on the pool's thread.
pub fn export(target: &Target) -> Result<(), Error> {
    target.add::<ForcePanic>(ptr::null_mut()).map(drop)
}

/// Panics if `name` is armed, and disarms it.
pub fn panic_if_named(name: &str) {
    let mut armed = ARMED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if armed.as_deref() == Some(name) {
        *armed = None;
        drop(armed);
        panic!("a test forced this panic");
    }
}

/// As [`panic_if_named`].
pub fn panic_if_armed(name: &CStr) {
    if let Ok(name) = name.to_str() {
        panic_if_named(name);
    }
}

struct ForcePanic;

impl Entry for ForcePanic {
    const NAME: &'static CStr = c"forcePanic";
    const ARGUMENTS: usize = 1;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let (mut text, mut len) = ([0u8; 64], 0);
        // SAFETY: `env` and the argument belong to this call; the text is cut to the array's length.
        check(unsafe {
            sys::napi_get_value_string_utf8(call.env(), call.value(0), text.as_mut_ptr().cast(), text.len(), &mut len)
        })?;
        let name = String::from_utf8_lossy(&text[..len]).into_owned();
        *ARMED.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(name);
        Ok(Answer::Nothing)
    }
}
