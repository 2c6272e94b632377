//! The ByteStorage envelope: compressed, checksummed bytes as one MessagePack document.
//! Protocol: docs/protocol.md, "ByteStorage".
//!
//! | element of an array of 4 | written as | also read as |
//! |---|---|---|
//! | compressed_data: an LZ4 block | bin | array of integers |
//! | checksum: xxh3-64 of the payload, big-endian | array of 8 integers | bin |
//! | original_size | shortest unsigned integer | any integer width |
//! | format | str | bin |
//!
//! Readers also take a map of the four names, wide headers, and bytes after the document.

mod reader;
mod writer;

pub use reader::Envelope;
pub use writer::{bound, write};
pub(crate) use writer::{write_bin_header, write_uint};

/// Limit of the payload, of the block and of the whole envelope, in bytes.
pub const MAX_LEN: usize = 512 << 20;

const FIELDS: usize = 4;
