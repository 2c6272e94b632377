//! Functions without state: keys and hashes, containers without a seal, bounds.

use std::ptr;

use napi::{sys, Error};

use super::call::{Call, ExportsObject};
use super::mode::Mode;
use super::status::{check, Answer, Outcome};
use crate::envelope::{self, Envelope};
use crate::error::Failure;
use crate::{columns, hardware, hash, kdf, large_pages, lz4_frame, msgpack};

/// Adds the functions to the module's exports.
pub fn export(target: &ExportsObject) -> Result<(), Error> {
    target.add::<4, _>(c"deriveDomainKey", derive_domain_key, ptr::null_mut())?;
    target.add::<2, _>(c"keyFingerprint", key_fingerprint, ptr::null_mut())?;
    target.add::<2, _>(c"blake2b256", blake2b_256, ptr::null_mut())?;
    target.add::<3, _>(c"blake2bHex", blake2b_hex, ptr::null_mut())?;
    target.add::<5, _>(c"pack", pack, ptr::null_mut())?;
    target.add::<5, _>(c"unpack", unpack, ptr::null_mut())?;
    target.add::<3, _>(c"envelopeStore", envelope_store, ptr::null_mut())?;
    target.add::<2, _>(c"envelopeInfo", envelope_info, ptr::null_mut())?;
    target.add::<1, _>(c"checkMsgpack", check_msgpack, ptr::null_mut())?;
    target.add::<2, _>(c"lz4FrameCompress", lz4_frame_compress, ptr::null_mut())?;
    target.add::<2, _>(c"lz4FrameDecompress", lz4_frame_decompress, ptr::null_mut())?;
    target.add::<3, _>(c"indicesBelow", indices_below, ptr::null_mut())?;
    target.add::<2, _>(c"offsetsRise", offsets_rise, ptr::null_mut())?;
    target.add::<0, _>(c"hardware", hardware, ptr::null_mut())?;
    target.add::<0, _>(c"version", version, ptr::null_mut())?;
    target.add::<1, _>(c"askForLargePages", ask_for_large_pages, ptr::null_mut())?;
    Ok(())
}

/// Copies a result of fixed length to the start of `out`.
pub fn fill(out: &mut [u8], bytes: &[u8]) -> Outcome<Answer> {
    out.get_mut(..bytes.len()).ok_or(Failure::OutputTooSmall)?.copy_from_slice(bytes);
    Ok(Answer::Length(bytes.len()))
}

fn derive_domain_key(call: &Call) -> Outcome<Answer> {
    let (mut out, [master_key, domain, tenant_id]) =
        call.borrow(call.memory(0)?, [call.memory(1)?, call.memory(2)?, call.memory(3)?])?;
    fill(&mut out, kdf::derive_domain_key(master_key, domain, tenant_id)?.expose())
}

fn key_fingerprint(call: &Call) -> Outcome<Answer> {
    let (mut out, [key]) = call.borrow(call.memory(0)?, [call.memory(1)?])?;
    fill(&mut out, &kdf::fingerprint(key))
}

fn blake2b_256(call: &Call) -> Outcome<Answer> {
    let (mut out, [data]) = call.borrow(call.memory(0)?, [call.memory(1)?])?;
    fill(&mut out, &hash::blake2b_256(data))
}

fn blake2b_hex(call: &Call) -> Outcome<Answer> {
    let data = call.memory(0)?.first(call.integer(1)?)?;
    // SAFETY: read in this call, and only read.
    let data = unsafe { data.slice() };
    let mut digits = [0; 64];
    let len = call.integer(2)?;
    match len {
        32 => hash::hex(&hash::blake2b_256(data), &mut digits),
        16 => hash::hex(&hash::blake2b_128(data), &mut digits),
        _ => return Err(Failure::InvalidLength),
    }
    latin1(call, &digits[..2 * len])
}

fn pack(call: &Call) -> Outcome<Answer> {
    let mode = Mode(call.integer(4)?);
    let (mut out, [payload, format]) =
        call.borrow(call.memory_from_offset(0)?, [call.memory(2)?, call.memory(3)?.first(mode.format_len())?])?;
    mode.packing(format).pack(&mut out, payload).map(Answer::Length)
}

fn unpack(call: &Call) -> Outcome<Answer> {
    let mode = Mode(call.integer(4)?);
    let (mut out, [packed]) = call.borrow(call.memory_from_offset(0)?, [call.memory_from_offset(2)?])?;
    mode.unpacking().unpack(&mut out, packed).map(Answer::Length)
}

fn envelope_store(call: &Call) -> Outcome<Answer> {
    let (mut out, [data, format]) = call.borrow(call.memory(0)?, [call.memory(1)?, call.memory(2)?])?;
    envelope::write(&mut out, data, format, false).map(Answer::Length)
}

fn envelope_info(call: &Call) -> Outcome<Answer> {
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

fn check_msgpack(call: &Call) -> Outcome<Answer> {
    let bytes = call.memory(0)?;
    // SAFETY: read in this call, and only read.
    msgpack::check(unsafe { bytes.slice() })?;
    Ok(Answer::Length(bytes.len()))
}

fn lz4_frame_compress(call: &Call) -> Outcome<Answer> {
    let (mut out, [content]) = call.borrow(call.memory(0)?, [call.memory(1)?])?;
    lz4_frame::compress(&mut out, content).map(Answer::Length)
}

fn lz4_frame_decompress(call: &Call) -> Outcome<Answer> {
    let (mut out, [frame]) = call.borrow(call.memory(0)?, [call.memory(1)?])?;
    lz4_frame::decompress(&mut out, frame)?;
    Ok(Answer::Length(out.len()))
}

fn indices_below(call: &Call) -> Outcome<Answer> {
    let (indices, width, count) = (call.memory(0)?, call.integer(1)?, call.integer(2)?);
    // SAFETY: read in this call, and only read.
    Ok(Answer::Length(columns::indices_below(unsafe { indices.slice() }, width, count).into()))
}

fn offsets_rise(call: &Call) -> Outcome<Answer> {
    let (offsets, width) = (call.memory(0)?, call.integer(1)?);
    // SAFETY: read in this call, and only read.
    Ok(Answer::Length(columns::offsets_rise(unsafe { offsets.slice() }, width).into()))
}

fn hardware(call: &Call) -> Outcome<Answer> {
    latin1(call, hardware::implementation().as_bytes())
}

fn version(call: &Call) -> Outcome<Answer> {
    latin1(call, env!("CARGO_PKG_VERSION").as_bytes())
}

fn ask_for_large_pages(call: &Call) -> Outcome<Answer> {
    let memory = call.memory(0)?;
    // SAFETY: the array's memory, which stays where it is during the call.
    unsafe { large_pages::ask_for(memory.start(), memory.len()) };
    Ok(Answer::Nothing)
}

/// Answers with a text of ASCII.
pub fn latin1(call: &Call, text: &[u8]) -> Outcome<Answer> {
    let mut value = ptr::null_mut();
    // SAFETY: `env` is this call's; the text is copied.
    check(unsafe {
        sys::napi_create_string_latin1(call.env(), text.as_ptr().cast(), text.len() as isize, &mut value)
    })?;
    Ok(Answer::Value(value))
}
