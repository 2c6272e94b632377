//! Every way a native call fails, as the number that crosses to JavaScript.

/// Results at or below this say how much room the output needs: `NEEDS - n` for `n` bytes.
pub const NEEDS: i64 = -64;

/// Why a call failed. It carries no detail: what failed inside an open is an oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The key, AAD or bytes are not those that were sealed.
    Authentication,
    /// The sequence has given out its last nonce.
    NonceExhausted,
    /// Over 512 MiB.
    TooLarge,
    /// An envelope or checksum that is malformed, over a limit or does not match its payload.
    Envelope,
    /// A payload whose MessagePack structure is incomplete or claims more than it holds.
    PayloadBounds,
    /// The caller's fixed output is too small.
    OutputTooSmall,
    /// The output shares memory with an input.
    Overlap,
    /// The key was destroyed.
    KeyDestroyed,
    /// A wrong type, or an offset beyond its array.
    InvalidArgument,
    /// A key, domain or tenant id of a length that the protocol does not allow.
    InvalidLength,
    /// An abort signal fired before the work began.
    Cancelled,
    /// A panic that was caught: a defect in this crate.
    Panic,
    /// The operating system gave no random bytes.
    Random,
    /// An untrusted array whose memory may be shared or resizable: TypeScript has to validate it. Nothing was done.
    NeedsValidation,
    /// Opened, but not in interop/v2's container.
    OtherContainer,
    /// Opened, and a Python-internal frame in the place of interop/v2's container.
    PythonFrame,
    /// The first tier has no fresh entry, or did not keep one.
    Missing,
    /// The first tier has an entry that its caller must open by other means.
    NotHere,
    /// The output has too little room for a result of this many bytes.
    Needs(usize),
}

impl Failure {
    /// The number for JavaScript. These are part of the boundary (`src/native/result.ts`) and never change meaning.
    pub const fn code(self) -> i64 {
        match self {
            Self::Authentication => -1,
            Self::NonceExhausted => -2,
            Self::TooLarge => -3,
            Self::Envelope => -4,
            Self::PayloadBounds => -5,
            Self::OutputTooSmall => -6,
            Self::Overlap => -7,
            Self::KeyDestroyed => -8,
            Self::InvalidArgument => -9,
            Self::InvalidLength => -10,
            Self::Cancelled => -11,
            Self::Panic => -12,
            Self::Random => -13,
            Self::NeedsValidation => -14,
            Self::OtherContainer => -15,
            Self::PythonFrame => -16,
            Self::Missing => -17,
            Self::NotHere => -18,
            Self::Needs(len) => NEEDS - len as i64,
        }
    }
}
