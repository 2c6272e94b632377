//! A payload that stands in the output of its own seal.
//!
//! | offset in the output | bytes | |
//! |---|---|---|
//! | 0 | 12 | the nonce's room |
//! | 12 | 0 or 8 | the checksum's room, where the container has one |
//! | … | n | the payload |
//! | … | 16 | the tag's room |

use super::memory::Memory;
use crate::container::Packing;
use crate::error::Failure;
use crate::nonce::NONCE_LEN;
use crate::sealer::OVERHEAD_LEN;

/// The payload's length, if it stands where the output has its place.
///
/// # Errors
/// [`Failure::Overlap`] if it stands anywhere else, [`Failure::Needs`] if nothing is left for the tag,
/// [`Failure::InvalidArgument`] for an envelope.
pub fn placed_len(out: Memory, payload: Memory, packing: Packing<'_>) -> Result<usize, Failure> {
    let lead = NONCE_LEN + packing.head_len()?;
    if payload.start() != out.start().wrapping_add(lead) {
        return Err(Failure::Overlap);
    }
    let room = packing.room(payload.len())? + OVERHEAD_LEN;
    if out.len() < room {
        return Err(Failure::Needs(room));
    }
    Ok(payload.len())
}
