//! Containers read by `rmpv`, with the LZ4 and xxh3 of others.

use rmpv::decode::read_value_ref_with_max_depth;
use rmpv::ValueRef;
use twox_hash::XxHash3_64;

use crate::lz4;

const MAX_LEN: u64 = 512 << 20;
/// `rmpv` counts up to three for a level.
const MAX_DEPTH: usize = 64;

/// An envelope whose fields are those of one; its payload may not be.
pub struct Envelope {
    pub block: Vec<u8>,
    pub checksum: [u8; 8],
    pub payload_len: u64,
    pub format: String,
}

impl Envelope {
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let fields = match read_value_ref_with_max_depth(&mut &bytes[..], MAX_DEPTH).ok()? {
            ValueRef::Array(fields) => fields,
            ValueRef::Map(pairs) => {
                let names = ["compressed_data", "checksum", "original_size", "format"];
                let index = |name: &ValueRef<'_>| names.iter().position(|known| text(name) == Some(known.as_bytes()));
                let mut pairs: Vec<_> =
                    pairs.into_iter().map(|(name, value)| Some((index(&name)?, value))).collect::<Option<_>>()?;
                pairs.sort_by_key(|(index, _)| *index);
                if pairs.iter().enumerate().any(|(at, (index, _))| at != *index) {
                    return None;
                }
                pairs.into_iter().map(|(_, value)| value).collect()
            }
            _ => return None,
        };
        let [block, checksum, payload_len, format] = &fields[..] else { return None };
        let envelope = Self {
            block: byte_list(block)?,
            checksum: byte_list(checksum)?.try_into().ok()?,
            payload_len: integer(payload_len)?,
            format: String::from_utf8(text(format)?.to_vec()).ok()?,
        };
        let plausible = envelope.payload_len <= 255 * envelope.block.len() as u64;
        (plausible && envelope.payload_len <= MAX_LEN).then_some(envelope)
    }

    pub fn payload(&self) -> Option<Vec<u8>> {
        let payload = lz4::block(&self.block, &[], self.payload_len as usize)?;
        (payload.len() as u64 == self.payload_len && checksum(&payload) == self.checksum).then_some(payload)
    }
}

/// A container of interop/v2.
pub struct InteropV2<'a> {
    stored: &'a [u8],
    compressed: bool,
    pub payload_len: u64,
}

impl<'a> InteropV2<'a> {
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&[0xc1, 2])?;
        // No integer of a type with a sign is read, and `rmpv` does not tell the types apart.
        let ValueRef::Array(fields) = read_value_ref_with_max_depth(&mut rest, MAX_DEPTH).ok()? else { return None };
        let [method, payload_len, ValueRef::Binary(stored)] = &fields[..] else { return None };
        let (method, payload_len) = (integer(method)?, integer(payload_len)?);
        let container = Self { stored, compressed: method == 1, payload_len };
        let holds = match method {
            0 => payload_len == stored.len() as u64,
            1 => !stored.is_empty() && payload_len <= 255 * stored.len() as u64,
            _ => false,
        };
        (holds && rest.is_empty() && payload_len <= MAX_LEN && !has_signed(bytes)).then_some(container)
    }

    pub fn payload(&self) -> Option<Vec<u8>> {
        if !self.compressed {
            return Some(self.stored.to_vec());
        }
        lz4::block(self.stored, &[], self.payload_len as usize).filter(|found| found.len() as u64 == self.payload_len)
    }
}

// Of a container that has three fields, whether one of the first two has a type with a sign.
fn has_signed(bytes: &[u8]) -> bool {
    let header_len = match bytes[2] {
        0xdc => 3,
        0xdd => 5,
        _ => 1,
    };
    let method = bytes[2 + header_len];
    let size = 1 + match method {
        0xcc..=0xcf => 1 << (method - 0xcc),
        _ => 0,
    };
    let size_marker = bytes.get(2 + header_len + size).copied().unwrap_or(0);
    [method, size_marker].iter().any(|marker| (0xd0..=0xd3).contains(marker))
}

/// A payload behind its checksum.
pub fn checksummed(bytes: &[u8]) -> Option<Vec<u8>> {
    let (sum, payload) = bytes.split_first_chunk::<8>()?;
    (checksum(payload) == *sum).then(|| payload.to_vec())
}

/// xxh3-64, big-endian.
pub fn checksum(payload: &[u8]) -> [u8; 8] {
    XxHash3_64::oneshot(payload).to_be_bytes()
}

fn text<'a>(value: &'a ValueRef<'_>) -> Option<&'a [u8]> {
    match value {
        ValueRef::String(text) => Some(text.as_bytes()),
        ValueRef::Binary(bytes) => Some(bytes),
        _ => None,
    }
}

fn integer(value: &ValueRef<'_>) -> Option<u64> {
    match value {
        ValueRef::Integer(integer) => integer.as_u64(),
        _ => None,
    }
}

fn byte_list(value: &ValueRef<'_>) -> Option<Vec<u8>> {
    match value {
        ValueRef::Binary(bytes) => Some(bytes.to_vec()),
        ValueRef::Array(items) => items.iter().map(|item| u8::try_from(integer(item)?).ok()).collect(),
        _ => None,
    }
}
