//! Test builds only: panics on demand inside any native entry.

use std::sync::{Mutex, PoisonError};

use napi_derive::napi;

static ARMED: Mutex<Option<String>> = Mutex::new(None);

/// The next call of the native function of that name panics. Classes are named `MasterKey`, `MasterKey.sealer` and so
/// on; `sealAsync:work` and its like panic on the pool's thread.
// Rust's own tests have no JavaScript that would call it.
#[cfg_attr(test, allow(dead_code))]
#[napi]
pub fn force_panic(name: String) {
    *ARMED.lock().unwrap_or_else(PoisonError::into_inner) = Some(name);
}

/// Panics if `name`, or the JavaScript form of a function's path in Rust, is armed, and disarms it.
pub fn panic_if_armed(name: &str) {
    let mut armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
    if armed.as_ref().is_some_and(|armed| plain(armed) == plain(name)) {
        *armed = None;
        drop(armed);
        panic!("a test forced this panic");
    }
}

// `sealInto` for both `sealInto` and `binding::sealer::seal_into`, in lower case.
fn plain(name: &str) -> String {
    name.rsplit("::").next().unwrap_or(name).replace('_', "").to_lowercase()
}
