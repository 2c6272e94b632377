//! The functions of sealers. Each takes the sealer's handle first; the contract is `src/native/addon.ts`.

use std::ffi::CStr;
use std::rc::Rc;

use napi::Error;

use super::asynchronous::{OpenAsync, SealAsync};
use super::batch::{OpenMany, SealMany};
use super::bytes::{fill, latin1};
use super::call::{expect_writes, Answer, Call, Entry, Target};
use super::memory::Memory;
use super::mode::Mode;
use super::placed::placed_len;
use super::sealers::{add, Sealers};
use crate::container::{Kind, Packing, Unpacking};
use crate::error::Failure;
use crate::hash::{hex, CHECKSUM_LEN};
use crate::name::{Kind as NameKind, NAME_LEN};
use crate::sealer::Opened;

/// Adds the functions to the module's exports.
pub fn export(target: &Target, sealers: &Rc<Sealers>) -> Result<(), Error> {
    add::<SealInto>(target, sealers)?;
    add::<OpenInto>(target, sealers)?;
    add::<SealInPlace>(target, sealers)?;
    add::<OpenInPlace>(target, sealers)?;
    add::<SealValue>(target, sealers)?;
    add::<OpenValue>(target, sealers)?;
    add::<TakeOpened>(target, sealers)?;
    add::<SealMany>(target, sealers)?;
    add::<OpenMany>(target, sealers)?;
    add::<SealAsync>(target, sealers)?;
    add::<OpenAsync>(target, sealers)?;
    add::<Fingerprint>(target, sealers)?;
    add::<PrivateName>(target, sealers)?;
    add::<Destroy>(target, sealers)
}

/// The AAD and the format string behind it.
pub fn split_aad(aad: Memory, aad_len: usize, mode: Mode) -> Result<Memory, Failure> {
    aad.first(aad_len + mode.format_len())
}

/// An output from an offset on, with the bytes before it that a checksum can be opened over, and their number.
pub fn with_lead(out: Memory, offset: usize, unpacking: Unpacking) -> Result<(Memory, usize), Failure> {
    let lead = match unpacking.kind {
        Kind::Checksum => offset.min(CHECKSUM_LEN),
        _ => 0,
    };
    if offset > out.len() {
        return Err(Failure::InvalidArgument);
    }
    Ok((out.from(offset - lead)?, lead))
}

/// `sealInto(handle, out, plaintext, aad)`
struct SealInto;

impl Entry for SealInto {
    const NAME: &'static CStr = c"sealInto";
    const ARGUMENTS: usize = 4;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let handle = call.handle()?;
        let out = call.hot_memory(1, handle.foreign_out())?;
        let plaintext = call.hot_memory(2, handle.foreign_inputs())?;
        let aad = call.hot_memory(3, handle.foreign_inputs())?;
        if !handle.foreign_out() {
            expect_writes(out);
        }
        let (mut out, [plaintext, aad]) = call.borrow(out, [plaintext, aad])?;
        Sealers::of(call).get(handle)?.seal(&mut out, plaintext, aad, Packing::Bare).map(Answer::Length)
    }
}

/// `openInto(handle, out, sealed, aad)`
struct OpenInto;

impl Entry for OpenInto {
    const NAME: &'static CStr = c"openInto";
    const ARGUMENTS: usize = 4;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let handle = call.handle()?;
        let out = call.hot_memory(1, handle.foreign_out())?;
        let sealed = call.hot_memory(2, handle.foreign_inputs())?;
        let aad = call.hot_memory(3, handle.foreign_inputs())?;
        if !handle.foreign_out() {
            expect_writes(out);
        }
        let (mut out, [sealed, aad]) = call.borrow(out, [sealed, aad])?;
        Sealers::of(call).get(handle)?.open_bare(&mut out, sealed, aad).map(Answer::Length)
    }
}

/// `sealInPlace(handle, buffer, plaintextLen, aad)`
struct SealInPlace;

impl Entry for SealInPlace {
    const NAME: &'static CStr = c"sealInPlace";
    const ARGUMENTS: usize = 4;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let handle = call.handle()?;
        let buffer = call.hot_memory(1, handle.foreign_out())?;
        let aad = call.hot_memory(3, handle.foreign_inputs())?;
        let plaintext_len = call.integer(2)?;
        let (mut buffer, [aad]) = call.borrow(buffer, [aad])?;
        Sealers::of(call).get(handle)?.seal_in_place(&mut buffer, plaintext_len, aad).map(Answer::Length)
    }
}

/// `openInPlace(handle, buffer, aad)`
struct OpenInPlace;

impl Entry for OpenInPlace {
    const NAME: &'static CStr = c"openInPlace";
    const ARGUMENTS: usize = 3;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let handle = call.handle()?;
        let buffer = call.hot_memory(1, handle.foreign_out())?;
        let aad = call.hot_memory(2, handle.foreign_inputs())?;
        let (mut buffer, [aad]) = call.borrow(buffer, [aad])?;
        Sealers::of(call).get(handle)?.open_in_place(&mut buffer, aad).map(Answer::Length)
    }
}

/// `sealValue(handle, out, outOffset, payload, aad, aadLen, mode)`
struct SealValue;

impl Entry for SealValue {
    const NAME: &'static CStr = c"sealValue";
    const ARGUMENTS: usize = 7;

    fn run(call: &Call) -> Result<Answer, Failure> {
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
}

/// `openValue(handle, out, outOffset, sealed, sealedOffset, aad, aadLen, mode)`
struct OpenValue;

impl Entry for OpenValue {
    const NAME: &'static CStr = c"openValue";
    const ARGUMENTS: usize = 8;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let (handle, mode) = (call.handle()?, Mode(call.integer(7)?));
        let unpacking = mode.unpacking();
        let sealed = call.hot_memory(3, handle.foreign_inputs())?.from(call.integer(4)?)?;
        let (out, lead) = with_lead(call.hot_memory(1, false)?, call.integer(2)?, unpacking)?;
        let aad = call.hot_memory(5, false)?.first(call.integer(6)?)?;
        expect_writes(out);
        let (mut out, [sealed, aad]) = call.borrow(out, [sealed, aad])?;
        let sealers = Sealers::of(call);
        sealers.forget_unsealed();
        let opened = sealers.get(handle)?.open(&mut out, lead, sealed, aad, unpacking)?;
        match opened {
            Opened::Written(len) => Ok(Answer::Length(len)),
            Opened::Waiting(unsealed) => {
                let needed = unsealed.payload_len();
                sealers.keep_unsealed(handle, unsealed);
                Err(Failure::Needs(needed))
            }
        }
    }
}

/// `takeOpened(handle, out, outOffset)`
struct TakeOpened;

impl Entry for TakeOpened {
    const NAME: &'static CStr = c"takeOpened";
    const ARGUMENTS: usize = 3;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let out = call.memory_from_offset(1)?;
        expect_writes(out);
        let (mut out, []) = call.borrow(out, [])?;
        let (sealers, handle) = (Sealers::of(call), call.handle()?);
        sealers.get(handle)?;
        sealers.take_unsealed(handle, &mut out).map(Answer::Length)
    }
}

/// `fingerprint(handle, out)`
struct Fingerprint;

impl Entry for Fingerprint {
    const NAME: &'static CStr = c"fingerprint";
    const ARGUMENTS: usize = 2;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let (mut out, []) = call.borrow(call.memory(1)?, [])?;
        fill(&mut out, Sealers::of(call).get(call.handle()?)?.fingerprint())
    }
}

/// `privateName(handle, text, textLen, kind)`
struct PrivateName;

impl Entry for PrivateName {
    const NAME: &'static CStr = c"privateName";
    const ARGUMENTS: usize = 4;

    fn run(call: &Call) -> Result<Answer, Failure> {
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
}

/// `destroy(handle)`
struct Destroy;

impl Entry for Destroy {
    const NAME: &'static CStr = c"destroy";
    const ARGUMENTS: usize = 1;

    fn run(call: &Call) -> Result<Answer, Failure> {
        Sealers::of(call).destroy(call.handle()?);
        Ok(Answer::Nothing)
    }
}
