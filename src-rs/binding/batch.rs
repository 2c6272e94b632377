//! Many values in one call.
//!
//! The table has rows of four numbers. The first one: the length of what the AADs have before the length of the cache key, of
//! what they have behind the cache key, and of the format; on sealing, the bytes to leave in front of each item in `out`. The
//! three texts stand at the beginning of `text`, in this order, and the cache keys behind them. Then a row an item:
//!
//! | number | |
//! |---|---|
//! | 0 | length of its cache key |
//! | 1 | the input that it lies in |
//! | 2 | where it begins there |
//! | 3 | its length; written: the sealed length, or the payload length, or a failure |

use napi::sys::TypedarrayType;

use super::call::Call;
use super::memory::Memory;
use super::mode::Mode;
use super::sealers::Sealers;
use super::status::{Answer, Outcome};
use crate::error::Failure;
use crate::sealer::{Opened, OVERHEAD_LEN};

const NUMBER: usize = size_of::<i32>();
const ROW: usize = 4 * NUMBER;

/// `sealMany(handle, out, payloads, text, table, count, mode)`: the bytes of `out` that were used.
pub fn seal_many(call: &Call) -> Outcome<Answer> {
    let batch = Batch::read(call)?;
    let (mut out, [text]) = call.borrow(batch.out, [batch.text])?;
    let (mut table, []) = call.borrow(batch.table, [])?;
    let mut rows = Rows::new(&mut table, text)?;
    let sealer = Sealers::of(call).get(call.handle()?)?;
    let packing = batch.mode.packing(rows.format);
    let mut needed = 0;
    let mut keys = rows.keys;
    for index in 0..batch.count {
        rows.key(index, &mut keys)?;
        needed += rows.room + OVERHEAD_LEN + packing.bound(rows.item(index, &batch.inputs)?.len())?;
    }
    if out.len() < needed {
        return Err(Failure::Needs(needed));
    }
    let (mut at, mut keys) = (0, rows.keys);
    for index in 0..batch.count {
        rows.key(index, &mut keys)?;
        at += rows.room;
        let item = rows.item(index, &batch.inputs)?;
        // SAFETY: read in this call, JavaScript has not run since, and no output overlaps it.
        let payload = unsafe { item.slice() };
        let len = sealer.seal(&mut out[at..], payload, &rows.aad, packing).inspect_err(|_| out[..at].fill(0))?;
        rows.write(index, len as i64);
        at += len;
    }
    Ok(Answer::Length(at))
}

/// `openMany(handle, out, sealed, text, table, count, mode)`: the bytes of `out` that were used. Each item fails on its own.
pub fn open_many(call: &Call) -> Outcome<Answer> {
    let batch = Batch::read(call)?;
    let unpacking = batch.mode.unpacking();
    let (mut out, [text]) = call.borrow(batch.out, [batch.text])?;
    let (mut table, []) = call.borrow(batch.table, [])?;
    let mut rows = Rows::new(&mut table, text)?;
    let sealer = Sealers::of(call).get(call.handle()?)?;
    let (mut at, mut keys) = (0, rows.keys);
    for index in 0..batch.count {
        rows.key(index, &mut keys).inspect_err(|_| out[..at].fill(0))?;
        let opened = rows.item(index, &batch.inputs).and_then(|item| {
            // SAFETY: read in this call, JavaScript has not run since, and no output overlaps it.
            let sealed = unsafe { item.slice() };
            sealer.open(&mut out[at..], 0, sealed, &rows.aad, unpacking)
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
    inputs: Vec<Memory>,
    text: Memory,
    table: Memory,
    count: usize,
    mode: Mode,
}

impl Batch {
    fn read(call: &Call) -> Outcome<Self> {
        let count = call.integer(5)?;
        let inputs = call.memories(2, count)?;
        let (out, text) = (call.memory(1)?, call.memory(3)?);
        let table = call.words(4, TypedarrayType::int32_array)?;
        if table.len() / ROW <= count {
            return Err(Failure::InvalidArgument);
        }
        let written = [out, table];
        let overlap = out.overlaps(table)
            || written.iter().any(|memory| memory.overlaps(text) || inputs.iter().any(|input| memory.overlaps(*input)));
        if overlap {
            return Err(Failure::Overlap);
        }
        Ok(Self { out, inputs, text, table, count, mode: Mode(call.integer(6)?) })
    }
}

struct Rows<'a> {
    table: &'a mut [u8],
    // The AAD of the item whose key was read last.
    aad: Vec<u8>,
    prefix_len: usize,
    suffix: &'a [u8],
    format: &'a [u8],
    keys: &'a [u8],
    room: usize,
}

impl<'a> Rows<'a> {
    fn new(table: &'a mut [u8], text: &'a [u8]) -> Outcome<Self> {
        let [prefix_len, suffix_len, format_len, room] = row(table, 0)?;
        let (prefix, rest) = text.split_at_checked(prefix_len).ok_or(Failure::InvalidArgument)?;
        let (suffix, rest) = rest.split_at_checked(suffix_len).ok_or(Failure::InvalidArgument)?;
        let (format, keys) = rest.split_at_checked(format_len).ok_or(Failure::InvalidArgument)?;
        Ok(Self { table, aad: prefix.to_vec(), prefix_len, suffix, format, keys, room })
    }

    // The AAD of the next item, whose cache key `keys` begins with.
    fn key(&mut self, index: usize, keys: &mut &'a [u8]) -> Outcome<()> {
        // What else is wrong with a row is its item's failure.
        let key_len = number(self.table, index + 1, 0)?;
        let (key, rest) = keys.split_at_checked(key_len).ok_or(Failure::InvalidArgument)?;
        *keys = rest;
        self.aad.truncate(self.prefix_len);
        self.aad.extend_from_slice(&(key.len() as u32).to_be_bytes());
        self.aad.extend_from_slice(key);
        self.aad.extend_from_slice(self.suffix);
        Ok(())
    }

    fn item(&self, index: usize, inputs: &[Memory]) -> Outcome<Memory> {
        let [_, input, offset, len] = row(self.table, index + 1)?;
        inputs.get(input).ok_or(Failure::InvalidArgument)?.from(offset)?.first(len)
    }

    fn write(&mut self, index: usize, result: i64) {
        let at = (index + 1) * ROW + 3 * NUMBER;
        let result = i32::try_from(result).unwrap_or(i32::MIN);
        self.table[at..at + NUMBER].copy_from_slice(&result.to_ne_bytes());
    }
}

fn row(table: &[u8], index: usize) -> Outcome<[usize; 4]> {
    let at = |column| number(table, index, column);
    Ok([at(0)?, at(1)?, at(2)?, at(3)?])
}

fn number(table: &[u8], index: usize, column: usize) -> Outcome<usize> {
    let at = index * ROW + column * NUMBER;
    let bytes = table.get(at..).and_then(<[u8]>::first_chunk).ok_or(Failure::InvalidArgument)?;
    usize::try_from(i32::from_ne_bytes(*bytes)).map_err(|_| Failure::InvalidArgument)
}
