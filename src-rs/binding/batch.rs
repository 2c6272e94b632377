//! Many values in one call.
//!
//! | table, 4 numbers an item | on sealing | on opening |
//! |---|---|---|
//! | 0 | length of its AAD | the same |
//! | 1 | bytes to leave in front of it in `out` | offset inside its sealed bytes |
//! | 2, written | sealed length | payload length, or a failure |
//! | 3 | unused | unused |

use napi::sys::TypedarrayType;

use super::call::Call;
use super::memory::Memory;
use super::mode::Mode;
use super::sealers::Sealers;
use super::status::{Answer, Outcome};
use crate::error::Failure;
use crate::sealer::{Opened, OVERHEAD_LEN};

const STRIDE: usize = 4 * size_of::<i32>();

/// `sealMany(handle, out, payloads, aads, table, mode)`: the bytes of `out` that were used.
pub fn seal_many(call: &Call) -> Outcome<Answer> {
    let batch = Batch::read(call)?;
    let (mut out, [aads]) = call.borrow(batch.out, [batch.aads])?;
    let (mut table, []) = call.borrow(batch.table, [])?;
    let mut rows = Rows { table: &mut table, aads, mode: batch.mode };
    let sealer = Sealers::of(call).get(call.handle()?)?;
    let needed = rows.bound(&batch.items)?;
    if out.len() < needed {
        return Err(Failure::Needs(needed));
    }
    let (mut at, mut aad_at) = (0, 0);
    for (index, item) in batch.items.iter().enumerate() {
        let (aad, format) = rows.aad(index, &mut aad_at)?;
        at += rows.number(index, 1)?;
        // SAFETY: read in this call, JavaScript has not run since, and no output overlaps it.
        let payload = unsafe { item.slice() };
        let packing = batch.mode.packing(format);
        let len = sealer.seal(&mut out[at..], payload, aad, packing).inspect_err(|_| out[..at].fill(0))?;
        rows.write(index, len as i64);
        at += len;
    }
    Ok(Answer::Length(at))
}

/// `openMany(handle, out, sealed, aads, table, mode)`: the bytes of `out` that were used. Each item fails on its own.
pub fn open_many(call: &Call) -> Outcome<Answer> {
    let batch = Batch::read(call)?;
    let unpacking = batch.mode.unpacking();
    let (mut out, [aads]) = call.borrow(batch.out, [batch.aads])?;
    let (mut table, []) = call.borrow(batch.table, [])?;
    let mut rows = Rows { table: &mut table, aads, mode: batch.mode };
    let sealer = Sealers::of(call).get(call.handle()?)?;
    let (mut at, mut aad_at) = (0, 0);
    for (index, item) in batch.items.iter().enumerate() {
        let (aad, _) = rows.aad(index, &mut aad_at).inspect_err(|_| out[..at].fill(0))?;
        let opened = rows.number(index, 1).and_then(|offset| item.from(offset)).and_then(|item| {
            // SAFETY: read in this call, JavaScript has not run since, and no output overlaps it.
            let sealed = unsafe { item.slice() };
            sealer.open(&mut out[at..], 0, sealed, aad, unpacking)
        });
        let result = match opened {
            Ok(Opened::Written(len)) => {
                at += len;
                len as i64
            }
            Ok(Opened::Waiting(unsealed)) => Failure::Needs(unsealed.payload_len()).code(),
            Err(failure) => failure.code(),
        };
        rows.write(index, result);
    }
    Ok(Answer::Length(at))
}

struct Batch {
    out: Memory,
    items: Vec<Memory>,
    aads: Memory,
    table: Memory,
    mode: Mode,
}

impl Batch {
    fn read(call: &Call) -> Outcome<Self> {
        let rows = call.words(4, TypedarrayType::int32_array)?.len() / STRIDE;
        let items = call.memories(2, rows)?;
        let (out, aads) = (call.memory(1)?, call.memory(3)?);
        let table = call.words(4, TypedarrayType::int32_array)?;
        if table.len() / STRIDE < items.len() {
            return Err(Failure::InvalidArgument);
        }
        let written = [out, table];
        let overlap = out.overlaps(table)
            || written.iter().any(|memory| memory.overlaps(aads) || items.iter().any(|item| memory.overlaps(*item)));
        if overlap {
            return Err(Failure::Overlap);
        }
        Ok(Self { out, items, aads, table, mode: Mode(call.integer(5)?) })
    }
}

struct Rows<'a> {
    table: &'a mut [u8],
    aads: &'a [u8],
    mode: Mode,
}

impl<'a> Rows<'a> {
    // Room for all sealed items; checks every row on the way.
    fn bound(&self, items: &[Memory]) -> Outcome<usize> {
        let (mut bound, mut aad_at) = (0, 0);
        for (index, item) in items.iter().enumerate() {
            let (_, format) = self.aad(index, &mut aad_at)?;
            bound += self.number(index, 1)? + OVERHEAD_LEN + self.mode.packing(format).bound(item.len())?;
        }
        Ok(bound)
    }

    // The next AAD and format string, which start at `at`.
    fn aad(&self, index: usize, at: &mut usize) -> Outcome<(&'a [u8], &'a [u8])> {
        let aad_len = self.number(index, 0)?;
        let end = *at + aad_len + self.mode.format_len();
        let parts = self.aads.get(*at..end).ok_or(Failure::InvalidArgument)?;
        *at = end;
        Ok(parts.split_at(aad_len))
    }

    fn number(&self, index: usize, column: usize) -> Outcome<usize> {
        let at = index * STRIDE + column * size_of::<i32>();
        let bytes = self.table[at..].first_chunk().ok_or(Failure::InvalidArgument)?;
        usize::try_from(i32::from_ne_bytes(*bytes)).map_err(|_| Failure::InvalidArgument)
    }

    fn write(&mut self, index: usize, result: i64) {
        let at = index * STRIDE + 2 * size_of::<i32>();
        let result = i32::try_from(result).unwrap_or(i32::MIN);
        self.table[at..at + size_of::<i32>()].copy_from_slice(&result.to_ne_bytes());
    }
}
