//! The `mode` argument: which container, and how it is written or read.
//!
//! | bits | |
//! |---|---|
//! | 0–1 | container: 0 none, 1 envelope, 2 checksum, 3 interop/v2 |
//! | 2 | write without compression |
//! | 3 | on opening, check the payload as MessagePack |
//! | 4 | on sealing, the payload stands in the output already |
//! | 8–15 | length of the format string, whose bytes follow the AAD |

use crate::container::{Kind, Packing, Unpacking};

/// The argument as it came.
#[derive(Clone, Copy)]
pub struct Mode(pub usize);

impl Mode {
    /// Length in bytes of the format string.
    pub fn format_len(self) -> usize {
        self.0 >> 8 & 0xff
    }

    /// Whether the payload stands where its ciphertext goes.
    pub fn in_place(self) -> bool {
        self.0 & 1 << 4 != 0
    }

    /// How to write.
    pub fn packing(self, format: &[u8]) -> Packing<'_> {
        match self.kind() {
            Kind::Bare => Packing::Bare,
            Kind::Envelope => Packing::Envelope { format, literals: self.literals() },
            Kind::InteropV2 => Packing::InteropV2 { literals: self.literals() },
            Kind::Checksum => Packing::Checksum,
        }
    }

    /// How to read.
    pub fn unpacking(self) -> Unpacking {
        Unpacking { kind: self.kind(), check_msgpack: self.0 & 1 << 3 != 0 }
    }

    /// Whether to write without compression.
    pub fn literals(self) -> bool {
        self.0 & 1 << 2 != 0
    }

    fn kind(self) -> Kind {
        match self.0 & 3 {
            0 => Kind::Bare,
            1 => Kind::Envelope,
            2 => Kind::Checksum,
            _ => Kind::InteropV2,
        }
    }
}
