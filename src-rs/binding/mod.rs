//! The N-API surface: reads arguments, catches panics, answers with codes. The contract is `src/native/addon.ts`.

mod abort;
mod arguments;
mod asynchronous;
mod batch;
mod bytes;
mod call;
mod file_lock;
mod handle;
#[cfg(feature = "test-hooks")]
mod hooks;
mod keys;
mod memory;
mod mode;
mod sealer;
mod sealers;
mod status;

#[cfg(feature = "bench")]
mod bench;

use napi::bindgen_prelude::*;
use napi_derive::napi;

/// Puts the functions that take bytes beside the classes that `#[napi]` registers.
#[napi(module_exports)]
pub fn exports(exports: Object, env: Env) -> Result<()> {
    let target = call::ExportsObject { env: env.raw(), object: exports.raw() };
    sealer::export(&target, &sealers::install(env.raw())?)?;
    bytes::export(&target)?;
    #[cfg(feature = "bench")]
    bench::export(&target)?;
    Ok(())
}
