//! What lies inside the seal: the bare payload, an envelope, or a checksum and the payload.

use crate::copy::copy;
use crate::envelope::{self, Envelope, MAX_LEN};
use crate::error::Failure;
use crate::hash::{checksum, CHECKSUM_LEN};
use crate::interop_v2;
use crate::msgpack;

/// How a payload is packed.
#[derive(Debug, Clone, Copy)]
pub enum Packing<'a> {
    /// As it is.
    Bare,
    /// In an envelope of this format.
    Envelope {
        /// UTF-8.
        format: &'a [u8],
        /// Without compression.
        literals: bool,
    },
    /// Behind its checksum: 8 bytes of xxh3-64, big-endian.
    Checksum,
    /// In the container of interop/v2.
    InteropV2 {
        /// Without compression.
        literals: bool,
    },
}

impl Packing<'_> {
    /// Room that [`Self::pack`] needs for a payload of this length, never less than it uses.
    ///
    /// # Errors
    /// [`Failure::TooLarge`] above 512 MiB.
    #[inline]
    pub fn bound(self, payload_len: usize) -> Result<usize, Failure> {
        if payload_len > MAX_LEN {
            return Err(Failure::TooLarge);
        }
        Ok(match self {
            Self::Bare => payload_len,
            Self::Envelope { format, literals } => envelope::bound(payload_len, format.len(), literals),
            Self::Checksum => CHECKSUM_LEN + payload_len,
            Self::InteropV2 { literals } => interop_v2::bound(payload_len, literals),
        })
    }

    /// Length of what stands in front of the payload, where the payload itself stays as it is.
    ///
    /// # Errors
    /// [`Failure::InvalidArgument`] for a container that may hold other bytes.
    #[inline]
    pub fn head_len(self) -> Result<usize, Failure> {
        match self {
            Self::Bare => Ok(0),
            Self::Envelope { .. } | Self::InteropV2 { .. } => Err(Failure::InvalidArgument),
            Self::Checksum => Ok(CHECKSUM_LEN),
        }
    }

    /// As [`Self::pack`], of a payload that stands in `out` behind [`Self::head_len`] bytes, which alone are written.
    ///
    /// # Errors
    /// As [`Self::head_len`]; [`Failure::TooLarge`] above 512 MiB.
    pub fn pack_in_place(self, out: &mut [u8]) -> Result<(), Failure> {
        let head_len = self.head_len()?;
        let (head, payload) = out.split_at_mut(head_len);
        self.bound(payload.len())?;
        if head_len > 0 {
            head.copy_from_slice(&checksum(payload));
        }
        Ok(())
    }

    /// Packs the payload to the start of `out` and returns the container's length. A failure leaves nothing of it.
    ///
    /// # Errors
    /// [`Failure::TooLarge`] above 512 MiB, [`Failure::Needs`] if `out` is shorter than [`Self::bound`].
    #[inline]
    pub fn pack(self, out: &mut [u8], payload: &[u8]) -> Result<usize, Failure> {
        let bound = self.bound(payload.len())?;
        if out.len() < bound {
            return Err(Failure::Needs(bound));
        }
        match self {
            Self::Bare => copy(&mut out[..bound], payload),
            Self::Envelope { format, literals } => return envelope::write(out, payload, format, literals),
            Self::InteropV2 { literals } => return interop_v2::write(out, payload, literals),
            Self::Checksum => {
                out[..CHECKSUM_LEN].copy_from_slice(&checksum(payload));
                copy(&mut out[CHECKSUM_LEN..bound], payload);
            }
        }
        Ok(bound)
    }
}

/// Which container a reader is configured for. It is never guessed from bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The bare payload.
    Bare,
    /// An envelope of any format.
    Envelope,
    /// A checksum and the payload.
    Checksum,
    /// The container of interop/v2.
    InteropV2,
}

/// How a container is read.
#[derive(Debug, Clone, Copy)]
pub struct Unpacking {
    /// The container.
    pub kind: Kind,
    /// Whether the payload is untrusted MessagePack, to be checked before anything decodes it.
    pub check_msgpack: bool,
}

impl Unpacking {
    /// The payload's length, where a container of `len` bytes tells it.
    ///
    /// # Errors
    /// [`Failure::Envelope`] if the container is too short, [`Failure::TooLarge`] above 512 MiB.
    pub fn payload_len(self, len: usize) -> Result<Option<usize>, Failure> {
        let payload_len = match self.kind {
            Kind::Bare => len,
            Kind::Checksum => len.checked_sub(CHECKSUM_LEN).ok_or(Failure::Envelope)?,
            Kind::Envelope | Kind::InteropV2 if len > MAX_LEN => return Err(Failure::TooLarge),
            Kind::Envelope | Kind::InteropV2 => return Ok(None),
        };
        if payload_len > MAX_LEN {
            return Err(Failure::TooLarge);
        }
        Ok(Some(payload_len))
    }

    /// Reads the fields of a container that does not tell the payload's length by its own.
    ///
    /// # Errors
    /// As [`Envelope::parse`] and [`interop_v2::Container::parse`].
    pub fn parse(self, container: &[u8]) -> Result<Parsed<'_>, Failure> {
        match self.kind {
            Kind::InteropV2 => interop_v2::Container::parse(container).map(Parsed::InteropV2),
            _ => Envelope::parse(container).map(Parsed::Envelope),
        }
    }

    /// Reads the payload to the start of `out` and returns its length; a failure leaves zeros.
    ///
    /// # Errors
    /// [`Failure::Needs`] if `out` is too short, [`Failure::Envelope`] or [`Failure::PayloadBounds`] for what cannot
    /// be read, [`Failure::TooLarge`] above 512 MiB.
    pub fn unpack(self, out: &mut [u8], container: &[u8]) -> Result<usize, Failure> {
        let len = match self.payload_len(container.len())? {
            None => self.parse(container)?.read(out)?,
            Some(len) => {
                let target = out.get_mut(..len).ok_or(Failure::Needs(len))?;
                let (sum, payload) = container.split_at(container.len() - len);
                if self.kind == Kind::Checksum && checksum(payload) != sum {
                    return Err(Failure::Envelope);
                }
                copy(target, payload);
                len
            }
        };
        self.check(&mut out[..len])
    }

    /// Checks a payload that was read by other means; zeroes it on failure.
    ///
    /// # Errors
    /// [`Failure::PayloadBounds`].
    pub fn check(self, payload: &mut [u8]) -> Result<usize, Failure> {
        if self.check_msgpack {
            if let Err(failure) = msgpack::check(payload) {
                payload.fill(0);
                return Err(failure);
            }
        }
        Ok(payload.len())
    }
}

/// A container whose payload's length is known only when its fields are read.
#[derive(Debug)]
pub enum Parsed<'a> {
    /// Of wire protocol.
    Envelope(Envelope<'a>),
    /// Of interop/v2.
    InteropV2(interop_v2::Container<'a>),
}

impl Parsed<'_> {
    /// Length of the payload in bytes.
    pub fn payload_len(&self) -> usize {
        match self {
            Self::Envelope(envelope) => envelope.payload_len(),
            Self::InteropV2(container) => container.payload_len(),
        }
    }

    /// Writes the payload to the start of `out`; a failure leaves zeros.
    ///
    /// # Errors
    /// [`Failure::Needs`] if `out` is too short, else [`Failure::Envelope`].
    pub fn read(&self, out: &mut [u8]) -> Result<usize, Failure> {
        match self {
            Self::Envelope(envelope) => envelope.read(out),
            Self::InteropV2(container) => container.read(out),
        }
    }
}
