//! Benchmark builds only: ring alone, to compare with in one process.

use std::hint::black_box;
use std::ptr;
use std::time::Instant;

use napi::{sys, Error};

use super::call::{Call, ExportsObject};
use super::status::{check, Answer, Outcome};
use crate::crypto::{Aad, Nonce};
use crate::error::Failure;
use crate::secret::AeadKey;

/// Adds `ringSeal(buffer, aad, rounds)`: nanoseconds that ring takes to seal `buffer` in place `rounds` times.
pub fn export(target: &ExportsObject) -> Result<(), Error> {
    target.add::<3, _>(c"ringSeal", ring_seal, ptr::null_mut()).map(drop)
}

fn ring_seal(call: &Call) -> Outcome<Answer> {
    let (mut buffer, [aad]) = call.borrow(call.memory(0)?, [call.memory(1)?])?;
    let rounds = call.integer(2)?;
    let key = AeadKey::new(&[7; 32]);
    let start = Instant::now();
    for round in 0..rounds {
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&round.to_ne_bytes());
        let tag = key
            .expose()
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut buffer)
            .map_err(|_| Failure::TooLarge)?;
        black_box(tag.as_ref());
    }
    let mut value = ptr::null_mut();
    // SAFETY: `env` is this call's.
    check(unsafe { sys::napi_create_double(call.env(), start.elapsed().as_nanos() as f64, &mut value) })?;
    Ok(Answer::Value(value))
}
