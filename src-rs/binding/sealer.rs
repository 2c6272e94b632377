//! The functions of sealers. Each takes the sealer's handle first; the contract is `src/native/addon.ts`.

use std::rc::Rc;

use napi::Error;

use super::arguments::{placed_len, split_aad, with_headroom};
use super::asynchronous::{open_async, seal_async};
use super::batch::{open_many, seal_many};
use super::bytes::{fill, latin1};
use super::call::{expect_writes, Call, ExportsObject};
use super::handle::Handle;
use super::memory::Output;
use super::mode::Mode;
use super::sealers::Sealers;
use super::status::{Answer, Outcome};
use crate::container::Packing;
use crate::error::Failure;
use crate::hash::hex;
use crate::name::{Kind as NameKind, NAME_LEN};
use crate::sealer::Opened;

/// Adds the functions to the module's exports.
pub fn export(target: &ExportsObject, sealers: &Rc<Sealers>) -> Result<(), Error> {
    sealers.export::<4, _>(target, c"sealInto", seal_into)?;
    sealers.export::<4, _>(target, c"openInto", open_into)?;
    sealers.export::<4, _>(target, c"sealInPlace", seal_in_place)?;
    sealers.export::<3, _>(target, c"openInPlace", open_in_place)?;
    sealers.export::<7, _>(target, c"sealValue", seal_value)?;
    sealers.export::<8, _>(target, c"openValue", open_value)?;
    sealers.export::<3, _>(target, c"takeOpened", take_opened)?;
    sealers.export::<7, _>(target, c"sealMany", seal_many)?;
    sealers.export::<7, _>(target, c"openMany", open_many)?;
    sealers.export::<8, _>(target, c"sealAsync", seal_async)?;
    sealers.export::<9, _>(target, c"openAsync", open_async)?;
    sealers.export::<2, _>(target, c"fingerprint", fingerprint)?;
    sealers.export::<4, _>(target, c"privateName", private_name)?;
    sealers.export::<1, _>(target, c"destroy", destroy)
}

/// `sealInto(handle, out, plaintext, aad)`
fn seal_into(call: &Call) -> Outcome<Answer> {
    let (handle, mut out, [plaintext, aad]) = without_container(call)?;
    Sealers::of(call).get(handle)?.seal(&mut out, plaintext, aad, Packing::Bare).map(Answer::Length)
}

/// `openInto(handle, out, sealed, aad)`
fn open_into(call: &Call) -> Outcome<Answer> {
    let (handle, mut out, [sealed, aad]) = without_container(call)?;
    Sealers::of(call).get(handle)?.open_bare(&mut out, sealed, aad).map(Answer::Length)
}

#[inline(always)]
fn without_container(call: &Call) -> Outcome<(Handle, Output<'_>, [&[u8]; 2])> {
    let handle = call.handle()?;
    let out = call.hot_memory(1, handle.untrusted_output())?;
    let input = call.hot_memory(2, handle.untrusted_inputs())?;
    let aad = call.hot_memory(3, handle.untrusted_inputs())?;
    if !handle.untrusted_output() {
        expect_writes(out);
    }
    let (out, inputs) = call.borrow(out, [input, aad])?;
    Ok((handle, out, inputs))
}

/// `sealInPlace(handle, buffer, plaintextLen, aad)`
fn seal_in_place(call: &Call) -> Outcome<Answer> {
    let handle = call.handle()?;
    let buffer = call.hot_memory(1, handle.untrusted_output())?;
    let aad = call.hot_memory(3, handle.untrusted_inputs())?;
    let plaintext_len = call.integer(2)?;
    let (mut buffer, [aad]) = call.borrow(buffer, [aad])?;
    Sealers::of(call).get(handle)?.seal_in_place(&mut buffer, plaintext_len, aad).map(Answer::Length)
}

/// `openInPlace(handle, buffer, aad)`
fn open_in_place(call: &Call) -> Outcome<Answer> {
    let handle = call.handle()?;
    let buffer = call.hot_memory(1, handle.untrusted_output())?;
    let aad = call.hot_memory(2, handle.untrusted_inputs())?;
    let (mut buffer, [aad]) = call.borrow(buffer, [aad])?;
    Sealers::of(call).get(handle)?.open_in_place(&mut buffer, aad).map(Answer::Length)
}

/// `sealValue(handle, out, outOffset, payload, aad, aadLen, mode)`
fn seal_value(call: &Call) -> Outcome<Answer> {
    let mode = Mode(call.integer(6)?);
    let aad_len = call.integer(5)?;
    let aad = split_aad(call.hot_memory(4, false)?, aad_len, mode)?;
    let out = call.hot_memory(1, false)?.from(call.integer(2)?)?;
    let payload = call.hot_memory(3, false)?;
    if mode.in_place() {
        let (mut out_bytes, [aad]) = call.borrow(out, [aad])?;
        let (aad, format) = aad.split_at(aad_len);
        let packing = mode.packing(format);
        let len = placed_len(out, payload, packing)?;
        let sealer = Sealers::of(call).get(call.handle()?)?;
        return sealer.seal_placed(|| sealer.next_nonce(), &mut out_bytes, len, aad, packing).map(Answer::Length);
    }
    expect_writes(out);
    let (mut out, [payload, aad]) = call.borrow(out, [payload, aad])?;
    let (aad, format) = aad.split_at(aad_len);
    let packing = mode.packing(format);
    Sealers::of(call).get(call.handle()?)?.seal(&mut out, payload, aad, packing).map(Answer::Length)
}

/// `openValue(handle, out, outOffset, sealed, sealedOffset, aad, aadLen, mode)`
fn open_value(call: &Call) -> Outcome<Answer> {
    let (handle, mode) = (call.handle()?, Mode(call.integer(7)?));
    let unpacking = mode.unpacking();
    let sealed = call.hot_memory(3, handle.untrusted_inputs())?.from(call.integer(4)?)?;
    let (out, headroom) = with_headroom(call.hot_memory(1, false)?, call.integer(2)?, unpacking)?;
    let aad = call.hot_memory(5, false)?.first(call.integer(6)?)?;
    expect_writes(out);
    let (mut out, [sealed, aad]) = call.borrow(out, [sealed, aad])?;
    let sealers = Sealers::of(call);
    sealers.forget_unsealed();
    let opened = sealers.get(handle)?.open(&mut out, headroom, sealed, aad, unpacking)?;
    match opened {
        Opened::Written(len) => Ok(Answer::Length(len)),
        Opened::Waiting(unsealed) => {
            let needed = unsealed.payload_len();
            sealers.keep_unsealed(handle, unsealed);
            Err(Failure::Needs(needed))
        }
    }
}

/// `takeOpened(handle, out, outOffset)`
fn take_opened(call: &Call) -> Outcome<Answer> {
    let out = call.memory_from_offset(1)?;
    expect_writes(out);
    let (mut out, []) = call.borrow(out, [])?;
    let (sealers, handle) = (Sealers::of(call), call.handle()?);
    sealers.get(handle)?;
    sealers.take_unsealed(handle, &mut out).map(Answer::Length)
}

/// `fingerprint(handle, out)`
fn fingerprint(call: &Call) -> Outcome<Answer> {
    let (mut out, []) = call.borrow(call.memory(1)?, [])?;
    fill(&mut out, Sealers::of(call).get(call.handle()?)?.fingerprint())
}

/// `privateName(handle, text, textLen, kind)`
fn private_name(call: &Call) -> Outcome<Answer> {
    let kind = match call.integer(3)? {
        0 => NameKind::Entry,
        1 => NameKind::Tag,
        _ => return Err(Failure::InvalidArgument),
    };
    let text = call.hot_memory(1, false)?.first(call.integer(2)?)?;
    // SAFETY: read in this call, and only read.
    let text = unsafe { text.slice() };
    let name = {
        let sealer = Sealers::of(call).get(call.handle()?)?;
        sealer.name_key().ok_or(Failure::InvalidArgument)?.name(kind, text)
    };
    let mut digits = [0; 2 * NAME_LEN];
    hex(&name, &mut digits);
    latin1(call, &digits)
}

/// `destroy(handle)`
fn destroy(call: &Call) -> Outcome<Answer> {
    Sealers::of(call).destroy(call.handle()?);
    Ok(Answer::Nothing)
}
