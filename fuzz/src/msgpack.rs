//! The protocol's bounds as it defines them, recursively and with a sum of declared slots, over `rmp`'s markers.

use rmp::Marker;

const MAX_DEPTH: usize = 1024;

/// Whether `bytes` are one complete document within the bounds, and nothing else.
pub fn conforms(bytes: &[u8]) -> bool {
    let mut walk = Walk { rest: bytes, slots: 0, stack: vec![1] };
    walk.document().is_some() && walk.rest.is_empty() && walk.slots < bytes.len() as u64
}

struct Walk<'a> {
    rest: &'a [u8],
    slots: u64,
    /// Values that are to come, for each level from the root on.
    stack: Vec<u64>,
}

impl Walk<'_> {
    fn document(&mut self) -> Option<()> {
        while let Some(left) = self.stack.pop() {
            if left > 0 {
                self.stack.push(left - 1);
                self.value()?;
            }
        }
        Some(())
    }

    fn value(&mut self) -> Option<()> {
        match Marker::from_u8(self.uint(1)? as u8) {
            Marker::Reserved => None,
            Marker::Null | Marker::True | Marker::False | Marker::FixPos(_) | Marker::FixNeg(_) => Some(()),
            Marker::U8 | Marker::I8 => self.skip(1),
            Marker::U16 | Marker::I16 => self.skip(2),
            Marker::U32 | Marker::I32 | Marker::F32 => self.skip(4),
            Marker::U64 | Marker::I64 | Marker::F64 => self.skip(8),
            Marker::FixStr(len) => self.data(u64::from(len), 0),
            Marker::Str8 | Marker::Bin8 => self.sized(1, 0),
            Marker::Str16 | Marker::Bin16 => self.sized(2, 0),
            Marker::Str32 | Marker::Bin32 => self.sized(4, 0),
            Marker::FixExt1 => self.skip(2),
            Marker::FixExt2 => self.skip(3),
            Marker::FixExt4 => self.skip(5),
            Marker::FixExt8 => self.skip(9),
            Marker::FixExt16 => self.skip(17),
            Marker::Ext8 => self.sized(1, 1),
            Marker::Ext16 => self.sized(2, 1),
            Marker::Ext32 => self.sized(4, 1),
            Marker::FixArray(len) => self.container(u64::from(len)),
            Marker::Array16 => self.uint(2).and_then(|len| self.container(len)),
            Marker::Array32 => self.uint(4).and_then(|len| self.container(len)),
            Marker::FixMap(len) => self.container(2 * u64::from(len)),
            Marker::Map16 => self.uint(2).and_then(|len| self.container(2 * len)),
            Marker::Map32 => self.uint(4).and_then(|len| self.container(2 * len)),
        }
    }

    fn container(&mut self, len: u64) -> Option<()> {
        self.slots += len;
        self.stack.push(len);
        // The root is no level of its own.
        (self.stack.len() <= MAX_DEPTH + 1).then_some(())
    }

    fn sized(&mut self, width: usize, extra: u64) -> Option<()> {
        let len = self.uint(width)?;
        self.data(len, extra)
    }

    fn data(&mut self, len: u64, extra: u64) -> Option<()> {
        self.slots += len;
        self.skip(len + extra)
    }

    fn skip(&mut self, len: u64) -> Option<()> {
        self.rest = self.rest.get(usize::try_from(len).ok()?..)?;
        Some(())
    }

    fn uint(&mut self, width: usize) -> Option<u64> {
        let (taken, rest) = self.rest.split_at_checked(width)?;
        self.rest = rest;
        Some(taken.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }
}
