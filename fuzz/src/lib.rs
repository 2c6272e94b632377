//! What the fuzz targets compare the package with: second implementations of each format, on other libraries.
//!
//! A target reads its input by [`input::Input`]; what every byte is for stands in the target, and `scripts/lib/fuzz-seeds.mjs`
//! writes the committed corpus the same way.

pub mod aead;
pub mod containers;
pub mod input;
pub mod keys;
pub mod lz4;
pub mod memory;
pub mod msgpack;
