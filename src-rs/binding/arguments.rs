//! What several arguments of a seal or an open say together.

use super::memory::Memory;
use super::mode::Mode;
use super::status::Outcome;
use crate::container::{Kind, Packing, Unpacking};
use crate::error::Failure;
use crate::hash::CHECKSUM_LEN;
use crate::nonce::NONCE_LEN;
use crate::sealer::OVERHEAD_LEN;

/// The AAD and the format string behind it.
pub fn split_aad(aad: Memory, aad_len: usize, mode: Mode) -> Outcome<Memory> {
    aad.first(aad_len + mode.format_len())
}

/// An output from an offset on, with the bytes before it that a checksum can be opened over, and their number.
pub fn with_headroom(out: Memory, offset: usize, unpacking: Unpacking) -> Outcome<(Memory, usize)> {
    let headroom = match unpacking.kind {
        Kind::Checksum => offset.min(CHECKSUM_LEN),
        _ => 0,
    };
    if offset > out.len() {
        return Err(Failure::InvalidArgument);
    }
    Ok((out.from(offset - headroom)?, headroom))
}

/// The length of a payload that stands in the output of its own seal, behind the nonce's 12 bytes and the checksum's 8
/// where the container has one, and in front of the tag's 16.
///
/// # Errors
/// [`Failure::Overlap`] if it stands anywhere else, [`Failure::Needs`] if nothing is left for the tag,
/// [`Failure::InvalidArgument`] for an envelope.
pub fn placed_len(out: Memory, payload: Memory, packing: Packing<'_>) -> Outcome<usize> {
    let headroom = NONCE_LEN + packing.head_len()?;
    if payload.start() != out.start().wrapping_add(headroom) {
        return Err(Failure::Overlap);
    }
    let bound = packing.bound(payload.len())? + OVERHEAD_LEN;
    if out.len() < bound {
        return Err(Failure::Needs(bound));
    }
    Ok(payload.len())
}
