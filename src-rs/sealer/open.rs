//! Opening: what was sealed is decrypted and its container read, or nothing is left of it.

use super::{Sealer, NONCE_LEN, OVERHEAD_LEN, TAG_LEN};
use crate::container::{Kind, Unpacking};
use crate::copy::copy;
use crate::crypto;
use crate::envelope::MAX_LEN;
use crate::error::Failure;
use crate::hash::{checksum, CHECKSUM_LEN};
use crate::scratch::Scratch;

const CACHE_LINE_LEN: usize = 64;

impl Sealer {
    /// Opens the sealed bytes that fill `buffer`: the plaintext stands 12 bytes inside it, its length is returned. A
    /// failure leaves zeros.
    ///
    /// # Errors
    /// [`Failure::Authentication`], [`Failure::TooLarge`] above 512 MiB.
    pub fn open_in_place(&self, buffer: &mut [u8], aad: &[u8]) -> Result<usize, Failure> {
        let len = match container_len(buffer.len()) {
            Ok(len) if len > MAX_LEN => Err(Failure::TooLarge),
            other => other,
        };
        let opened = len.and_then(|_| {
            let (nonce, rest) = buffer.split_at_mut(NONCE_LEN);
            let (text, tag) = rest.split_at_mut(rest.len() - TAG_LEN);
            self.decrypt(nonce, text, tag, aad)
        });
        if opened.is_err() {
            buffer.fill(0);
        }
        opened
    }

    /// Opens sealed bytes that have no container to the start of `out` and returns the plaintext's length.
    ///
    /// # Errors
    /// [`Failure::Authentication`], [`Failure::TooLarge`] above 512 MiB, [`Failure::Needs`]. What was written is zeroed.
    #[inline]
    pub fn open_bare(&self, out: &mut [u8], sealed: &[u8], aad: &[u8]) -> Result<usize, Failure> {
        let len = container_len(sealed.len())?;
        if len > MAX_LEN {
            return Err(Failure::TooLarge);
        }
        let target = out.get_mut(..len).ok_or(Failure::Needs(len))?;
        let (nonce, rest) = sealed.split_at(NONCE_LEN);
        let (text, tag) = rest.split_at(len);
        copy(target, text);
        self.decrypt(nonce, target, tag, aad)
    }

    /// Opens sealed bytes to `out[headroom..]`. `out[..headroom]` is lent as working memory and comes back as it was; so is what
    /// lies behind the payload, which comes back as it was or as zeros.
    ///
    /// A container whose payload does not fit is kept as [`Opened::Waiting`]; some tell their size before.
    ///
    /// # Errors
    /// [`Failure::Authentication`], what the container's reader fails with, and [`Failure::Needs`]. What was written
    /// is zeroed.
    #[inline]
    pub fn open(
        &self,
        out: &mut [u8],
        headroom: usize,
        sealed: &[u8],
        aad: &[u8],
        unpacking: Unpacking,
    ) -> Result<Opened, Failure> {
        if unpacking.kind == Kind::Bare {
            let len = self.open_bare(&mut out[headroom..], sealed, aad)?;
            return unpacking.check(&mut out[headroom..headroom + len]).map(Opened::Written);
        }
        let len = container_len(sealed.len())?;
        let (nonce, rest) = sealed.split_at(NONCE_LEN);
        let (text, tag) = rest.split_at(len);
        let Some(payload_len) = unpacking.payload_len(len).map_err(too_short_to_be_sealed)? else {
            return self.open_parsed(&mut out[headroom..], [nonce, text, tag], aad, unpacking);
        };
        if out.len() - headroom < payload_len {
            return Err(Failure::Needs(payload_len));
        }
        self.open_checksummed(out, headroom, [nonce, text, tag], aad)?;
        unpacking.check(&mut out[headroom..headroom + payload_len]).map(Opened::Written)
    }

    // The container is decrypted at the end of the output where it has room, and its payload is read to the start: two
    // passes over memory that the caller has, and no third one over memory of its own.
    fn open_parsed(
        &self,
        out: &mut [u8],
        [nonce, text, tag]: [&[u8]; 3],
        aad: &[u8],
        unpacking: Unpacking,
    ) -> Result<Opened, Failure> {
        if out.len() > text.len() {
            let at = out.len() - text.len();
            // On a cache line of its own: a short container that straddles two pages takes a fifth longer.
            let at = at.saturating_sub((out.as_ptr().addr() + at) % CACHE_LINE_LEN);
            let (front, container) = out.split_at_mut(at);
            let container = &mut container[..text.len()];
            copy(container, text);
            self.decrypt(nonce, container, tag, aad)?;
            let read = unpacking.parse(container).and_then(|parsed| parsed.read(front));
            if !matches!(read, Err(Failure::Needs(_))) {
                container.fill(0);
                let len = read?;
                return unpacking.check(&mut front[..len]).map(Opened::Written);
            }
            let kept = Scratch::copy_of(container);
            container.fill(0);
            return read_from(kept, out, unpacking);
        }
        let mut container = Scratch::copy_of(text);
        self.decrypt(nonce, &mut container, tag, aad)?;
        read_from(container, out, unpacking)
    }

    // The plaintext begins with 8 bytes that must not reach the caller, and it is opened only in place. So it is opened
    // over the 8 bytes in front of the output where the caller has them: one copy. Behind it where there is room, or else
    // in fresh memory, it takes two.
    fn open_checksummed(
        &self,
        out: &mut [u8],
        headroom: usize,
        [nonce, text, tag]: [&[u8]; 3],
        aad: &[u8],
    ) -> Result<(), Failure> {
        let len = text.len();
        if headroom >= CHECKSUM_LEN {
            let start = headroom - CHECKSUM_LEN;
            let mut saved = [0; CHECKSUM_LEN];
            saved.copy_from_slice(&out[start..headroom]);
            let region = &mut out[start..start + len];
            copy(region, text);
            let opened = self.decrypt(nonce, region, tag, aad).and_then(|_| verify(region));
            region[..CHECKSUM_LEN].copy_from_slice(&saved);
            if opened.is_err() {
                region[CHECKSUM_LEN..].fill(0);
            }
            return opened;
        }
        if out.len() - headroom >= len {
            let region = &mut out[headroom..headroom + len];
            copy(region, text);
            let opened = self.decrypt(nonce, region, tag, aad).and_then(|_| verify(region));
            if opened.is_ok() {
                region.copy_within(CHECKSUM_LEN.., 0);
                region[len - CHECKSUM_LEN..].fill(0);
            } else {
                region.fill(0);
            }
            return opened;
        }
        let mut container = Scratch::copy_of(text);
        self.decrypt(nonce, &mut container, tag, aad)?;
        verify(&container)?;
        out[headroom..headroom + len - CHECKSUM_LEN].copy_from_slice(&container[CHECKSUM_LEN..]);
        Ok(())
    }

    // Leaves zeros in `text` if it does not open. ring and AWS-LC do so too, but their documentation promises nothing.
    #[inline]
    fn decrypt(&self, nonce: &[u8], text: &mut [u8], tag: &[u8], aad: &[u8]) -> Result<usize, Failure> {
        match crypto::open_in_place(self.key.expose(), nonce, aad, text, tag) {
            Ok(()) => Ok(text.len()),
            Err(_) => {
                text.fill(0);
                Err(Failure::Authentication)
            }
        }
    }
}

/// What became of an open.
#[derive(Debug)]
pub enum Opened {
    /// The payload was written; its length.
    Written(usize),
    /// The output was too small for the payload.
    Waiting(Box<Unsealed>),
}

/// A container that was opened and whose payload waits for an output of its length.
pub struct Unsealed {
    container: Scratch,
    payload_len: usize,
    unpacking: Unpacking,
}

impl Unsealed {
    /// Length of the payload in bytes.
    pub fn payload_len(&self) -> usize {
        self.payload_len
    }

    /// Reads the payload to the start of `out`; a failure leaves zeros.
    ///
    /// # Errors
    /// As [`Unpacking::unpack`].
    pub fn read(&self, out: &mut [u8]) -> Result<usize, Failure> {
        self.unpacking.unpack(out, &self.container)
    }
}

impl std::fmt::Debug for Unsealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

fn read_from(container: Scratch, out: &mut [u8], unpacking: Unpacking) -> Result<Opened, Failure> {
    let parsed = unpacking.parse(&container)?;
    let payload_len = parsed.payload_len();
    if out.len() < payload_len {
        return Ok(Opened::Waiting(Box::new(Unsealed { container, payload_len, unpacking })));
    }
    parsed.read(out)?;
    unpacking.check(&mut out[..payload_len]).map(Opened::Written)
}

fn container_len(sealed_len: usize) -> Result<usize, Failure> {
    sealed_len.checked_sub(OVERHEAD_LEN).ok_or(Failure::Authentication)
}

// A length that nothing sealed has is told like any other value that does not open: by one failure.
fn too_short_to_be_sealed(failure: Failure) -> Failure {
    if failure == Failure::Envelope {
        Failure::Authentication
    } else {
        failure
    }
}

fn verify(container: &[u8]) -> Result<(), Failure> {
    let (sum, payload) = container.split_at(CHECKSUM_LEN);
    if checksum(payload) == sum {
        Ok(())
    } else {
        Err(Failure::Envelope)
    }
}
