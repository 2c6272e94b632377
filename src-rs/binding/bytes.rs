//! Functions without state: keys and hashes, containers without a seal, bounds.

use std::ffi::CStr;
use std::ptr;

use napi::{sys, Error};

use super::call::{check, Answer, Call, Entry, Target};
use super::mode::Mode;
use crate::envelope::{self, Envelope};
use crate::error::Failure;
use crate::{columns, hardware, hash, kdf, large_pages, lz4_frame, msgpack};

/// Adds the functions to the module's exports.
pub fn export(target: &Target) -> Result<(), Error> {
    target.add::<DeriveDomainKey>(ptr::null_mut())?;
    target.add::<KeyFingerprint>(ptr::null_mut())?;
    target.add::<Blake2b256>(ptr::null_mut())?;
    target.add::<Blake2bHex>(ptr::null_mut())?;
    target.add::<Pack>(ptr::null_mut())?;
    target.add::<Unpack>(ptr::null_mut())?;
    target.add::<EnvelopeStore>(ptr::null_mut())?;
    target.add::<EnvelopeInfo>(ptr::null_mut())?;
    target.add::<CheckMsgpack>(ptr::null_mut())?;
    target.add::<Lz4FrameCompress>(ptr::null_mut())?;
    target.add::<Lz4FrameDecompress>(ptr::null_mut())?;
    target.add::<IndicesBelow>(ptr::null_mut())?;
    target.add::<OffsetsRise>(ptr::null_mut())?;
    target.add::<Hardware>(ptr::null_mut())?;
    target.add::<AskForLargePages>(ptr::null_mut())?;
    Ok(())
}

/// Copies a result of fixed length to the start of `out`.
pub fn fill(out: &mut [u8], bytes: &[u8]) -> Result<Answer, Failure> {
    out.get_mut(..bytes.len()).ok_or(Failure::OutputTooSmall)?.copy_from_slice(bytes);
    Ok(Answer::Length(bytes.len()))
}

struct DeriveDomainKey;

impl Entry for DeriveDomainKey {
    const NAME: &'static CStr = c"deriveDomainKey";
    const ARGUMENTS: usize = 4;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let (mut out, [master_key, domain, tenant_id]) =
            call.borrow(call.memory(0)?, [call.memory(1)?, call.memory(2)?, call.memory(3)?])?;
        fill(&mut out, kdf::derive_domain_key(master_key, domain, tenant_id)?.expose())
    }
}

struct KeyFingerprint;

impl Entry for KeyFingerprint {
    const NAME: &'static CStr = c"keyFingerprint";
    const ARGUMENTS: usize = 2;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let (mut out, [key]) = call.borrow(call.memory(0)?, [call.memory(1)?])?;
        fill(&mut out, &kdf::fingerprint(key))
    }
}

struct Blake2b256;

impl Entry for Blake2b256 {
    const NAME: &'static CStr = c"blake2b256";
    const ARGUMENTS: usize = 2;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let (mut out, [data]) = call.borrow(call.memory(0)?, [call.memory(1)?])?;
        fill(&mut out, &hash::blake2b_256(data))
    }
}

struct Blake2bHex;

impl Entry for Blake2bHex {
    const NAME: &'static CStr = c"blake2bHex";
    const ARGUMENTS: usize = 3;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let data = call.memory(0)?.first(call.integer(1)?)?;
        // SAFETY: read in this call, and only read.
        let data = unsafe { data.slice() };
        let mut text = [0; 64];
        let text = match call.integer(2)? {
            32 => {
                hash::hex(&hash::blake2b_256(data), &mut text);
                &text[..]
            }
            16 => {
                hash::hex(&hash::blake2b_128(data), &mut text);
                &text[..32]
            }
            _ => return Err(Failure::InvalidLength),
        };
        latin1(call, text)
    }
}

struct Pack;

impl Entry for Pack {
    const NAME: &'static CStr = c"pack";
    const ARGUMENTS: usize = 5;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let mode = Mode(call.integer(4)?);
        let (mut out, [payload, format]) =
            call.borrow(call.memory_from_offset(0)?, [call.memory(2)?, call.memory(3)?.first(mode.format_len())?])?;
        mode.packing(format).pack(&mut out, payload).map(Answer::Length)
    }
}

struct Unpack;

impl Entry for Unpack {
    const NAME: &'static CStr = c"unpack";
    const ARGUMENTS: usize = 5;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let mode = Mode(call.integer(4)?);
        let (mut out, [packed]) = call.borrow(call.memory_from_offset(0)?, [call.memory_from_offset(2)?])?;
        mode.unpacking().unpack(&mut out, packed).map(Answer::Length)
    }
}

struct EnvelopeStore;

impl Entry for EnvelopeStore {
    const NAME: &'static CStr = c"envelopeStore";
    const ARGUMENTS: usize = 3;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let (mut out, [data, format]) = call.borrow(call.memory(0)?, [call.memory(1)?, call.memory(2)?])?;
        envelope::write(&mut out, data, format, false).map(Answer::Length)
    }
}

struct EnvelopeInfo;

impl Entry for EnvelopeInfo {
    const NAME: &'static CStr = c"envelopeInfo";
    const ARGUMENTS: usize = 2;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let (mut info, [bytes]) = call.borrow(call.words(1, sys::TypedarrayType::uint32_array)?, [call.memory(0)?])?;
        let envelope = Envelope::parse(bytes)?;
        let format = envelope.format();
        let mut words = [0; 12];
        for (word, value) in words.chunks_exact_mut(4).zip([envelope.payload_len(), format.start, format.len()]) {
            word.copy_from_slice(&(value as u32).to_ne_bytes());
        }
        fill(&mut info, &words)?;
        Ok(Answer::Length(envelope.payload_len()))
    }
}

struct CheckMsgpack;

impl Entry for CheckMsgpack {
    const NAME: &'static CStr = c"checkMsgpack";
    const ARGUMENTS: usize = 1;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let bytes = call.memory(0)?;
        // SAFETY: read in this call, and only read.
        msgpack::check(unsafe { bytes.slice() })?;
        Ok(Answer::Length(bytes.len()))
    }
}

struct Lz4FrameCompress;

impl Entry for Lz4FrameCompress {
    const NAME: &'static CStr = c"lz4FrameCompress";
    const ARGUMENTS: usize = 2;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let (mut out, [content]) = call.borrow(call.memory(0)?, [call.memory(1)?])?;
        lz4_frame::compress(&mut out, content).map(Answer::Length)
    }
}

struct Lz4FrameDecompress;

impl Entry for Lz4FrameDecompress {
    const NAME: &'static CStr = c"lz4FrameDecompress";
    const ARGUMENTS: usize = 2;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let (mut out, [frame]) = call.borrow(call.memory(0)?, [call.memory(1)?])?;
        lz4_frame::decompress(&mut out, frame)?;
        Ok(Answer::Length(out.len()))
    }
}

struct IndicesBelow;

impl Entry for IndicesBelow {
    const NAME: &'static CStr = c"indicesBelow";
    const ARGUMENTS: usize = 3;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let (indices, width, count) = (call.memory(0)?, call.integer(1)?, call.integer(2)?);
        // SAFETY: read in this call, and only read.
        Ok(Answer::Length(columns::indices_below(unsafe { indices.slice() }, width, count).into()))
    }
}

struct OffsetsRise;

impl Entry for OffsetsRise {
    const NAME: &'static CStr = c"offsetsRise";
    const ARGUMENTS: usize = 2;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let (offsets, width) = (call.memory(0)?, call.integer(1)?);
        // SAFETY: read in this call, and only read.
        Ok(Answer::Length(columns::offsets_rise(unsafe { offsets.slice() }, width).into()))
    }
}

struct Hardware;

impl Entry for Hardware {
    const NAME: &'static CStr = c"hardware";
    const ARGUMENTS: usize = 0;

    fn run(call: &Call) -> Result<Answer, Failure> {
        latin1(call, hardware::implementation().as_bytes())
    }
}

struct AskForLargePages;

impl Entry for AskForLargePages {
    const NAME: &'static CStr = c"askForLargePages";
    const ARGUMENTS: usize = 1;

    fn run(call: &Call) -> Result<Answer, Failure> {
        let memory = call.memory(0)?;
        // SAFETY: the array's memory, which stays where it is during the call.
        unsafe { large_pages::ask_for(memory.start(), memory.len()) };
        Ok(Answer::Nothing)
    }
}

/// Answers with a text of ASCII.
pub fn latin1(call: &Call, text: &[u8]) -> Result<Answer, Failure> {
    let mut value = ptr::null_mut();
    // SAFETY: `env` is this call's; the text is copied.
    check(unsafe {
        sys::napi_create_string_latin1(call.env(), text.as_ptr().cast(), text.len() as isize, &mut value)
    })?;
    Ok(Answer::Value(value))
}
