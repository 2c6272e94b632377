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
mod l1;
mod l1_calls;
pub(crate) mod memory;
mod mode;
mod sealer;
mod sealers;
pub(crate) mod status;
mod tiers;

#[cfg(feature = "bench")]
mod bench;

use napi::bindgen_prelude::*;
use napi_derive::napi;

/// Puts the functions that take bytes beside the classes that `#[napi]` registers.
#[napi(module_exports)]
pub fn exports(exports: Object, env: Env) -> Result<()> {
    let target = call::ExportsObject { env: env.raw(), object: exports.raw() };
    let sealers = sealers::install(env.raw())?;
    sealer::export(&target, &sealers)?;
    l1_calls::export(&target, &sealers)?;
    bytes::export(&target)?;
    #[cfg(feature = "bench")]
    bench::export(&target)?;
    Ok(())
}
