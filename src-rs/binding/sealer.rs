//! The functions of one sealer.

use std::ffi::CStr;

use super::bytes::fill;
use super::call::{Answer, Call, Entry};
use super::memory::Memory;
use super::mode::Mode;
use super::sealer_class::Shared;
use crate::container::{Kind, Unpacking};
use crate::error::Failure;
use crate::hash::CHECKSUM_LEN;
use crate::sealer::Opened;

/// The AAD and the format string behind it.
pub fn split_aad(aad: Memory, aad_len: usize, mode: Mode) -> Result<Memory, Failure> {
    aad.first(aad_len + mode.format_len())
}

/// The output of an open, with the bytes before it that a checksum can be opened over, and their number.
fn output_with_lead(call: &Call, index: usize, unpacking: Unpacking) -> Result<(Memory, usize), Failure> {
    let offset = call.integer(index + 1)?;
    let lead = match unpacking.kind {
        Kind::Checksum => offset.min(CHECKSUM_LEN),
        _ => 0,
    };
    let out = call.hot_memory(index)?;
    if offset > out.len() {
        return Err(Failure::InvalidArgument);
    }
    Ok((out.from(offset - lead)?, lead))
}

/// `fingerprint`, as `src/native.ts` declares it.
pub struct Fingerprint;

impl Entry for Fingerprint {
    const NAME: &'static CStr = c"fingerprint";

    fn run(call: &Call) -> Result<Answer, Failure> {
        let (mut out, []) = call.borrow(call.memory(0)?, [])?;
        Shared::of(call).with(|sealer| fill(&mut out, sealer.fingerprint()))
    }
}

/// `seal`, as `src/native.ts` declares it.
pub struct Seal;

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

/// `open`, as `src/native.ts` declares it.
pub struct Open;

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
                shared.keep_unsealed(unsealed);
                Err(Failure::Needs(needed))
            }
        }
    }
}

/// `takeOpened`, as `src/native.ts` declares it.
pub struct TakeOpened;

impl Entry for TakeOpened {
    const NAME: &'static CStr = c"takeOpened";

    fn run(call: &Call) -> Result<Answer, Failure> {
        let (mut out, []) = call.borrow(call.memory_from_offset(0)?, [])?;
        let shared = Shared::of(call);
        shared.with(|_| shared.take_unsealed(&mut out)).map(Answer::Length)
    }
}

/// `sealInPlace`, as `src/native.ts` declares it.
pub struct SealInPlace;

impl Entry for SealInPlace {
    const NAME: &'static CStr = c"sealInPlace";

    fn run(call: &Call) -> Result<Answer, Failure> {
        let plaintext_len = call.integer(1)?;
        let aad = call.hot_memory(2)?.first(call.integer(3)?)?;
        let (mut buffer, [aad]) = call.borrow(call.hot_memory(0)?, [aad])?;
        Shared::of(call).with(|sealer| sealer.seal_in_place(&mut buffer, plaintext_len, aad)).map(Answer::Length)
    }
}

/// `openInPlace`, as `src/native.ts` declares it.
pub struct OpenInPlace;

impl Entry for OpenInPlace {
    const NAME: &'static CStr = c"openInPlace";

    fn run(call: &Call) -> Result<Answer, Failure> {
        let aad = call.hot_memory(1)?.first(call.integer(2)?)?;
        let (mut buffer, [aad]) = call.borrow(call.hot_memory(0)?, [aad])?;
        Shared::of(call).with(|sealer| sealer.open_in_place(&mut buffer, aad)).map(Answer::Length)
    }
}

/// `destroy`, as `src/native.ts` declares it.
pub struct Destroy;

impl Entry for Destroy {
    const NAME: &'static CStr = c"destroy";

    fn run(call: &Call) -> Result<Answer, Failure> {
        let shared = Shared::of(call);
        shared.destroy();
        Ok(Answer::Nothing)
    }
}
