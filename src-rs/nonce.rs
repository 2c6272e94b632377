//! Nonces that never repeat under one key.
//!
//! | offset | bytes | counter sequence | random sequence |
//! |---|---|---|---|
//! | 0 | 8 | instance id, big-endian | random |
//! | 8 | 4 | counter from 0, big-endian | random |
//!
//! Instance ids count up from one 64-bit random start per process, so that a fleet stays below a 2^-32 chance of a
//! repeat up to 92,682 process starts. Protocol: docs/protocol.md, "Nonces".

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;

use crate::crypto;
use crate::error::Failure;

/// Length of a nonce in bytes.
pub const NONCE_LEN: usize = 12;

/// Seals in one sequence: the counter's values 0 to 2^32 - 1.
pub const SEQUENCE_LIMIT: u64 = 1 << 32;

/// One nonce. It is used up by the seal it is passed to.
// Two words: as 12 bytes it would be moved about in pieces, at a tenth of the time of a short seal.
pub struct Nonce {
    instance: u64,
    counter: u32,
}

impl Nonce {
    /// The bytes, as they stand in front of the ciphertext.
    #[inline]
    pub fn into_bytes(self) -> [u8; NONCE_LEN] {
        let mut bytes = [0; NONCE_LEN];
        bytes[..8].copy_from_slice(&self.instance.to_be_bytes());
        bytes[8..].copy_from_slice(&self.counter.to_be_bytes());
        bytes
    }

    /// A nonce chosen by a known-answer test.
    #[cfg(test)]
    pub fn fixed(bytes: [u8; NONCE_LEN]) -> Self {
        let (instance, counter) = bytes.split_at(8);
        Self {
            instance: u64::from_be_bytes(instance.try_into().unwrap()),
            counter: u32::from_be_bytes(counter.try_into().unwrap()),
        }
    }

    fn random() -> Result<Self, Failure> {
        let (mut instance, mut counter) = ([0; 8], [0; 4]);
        fill_random(&mut instance)?;
        fill_random(&mut counter)?;
        Ok(Self { instance: u64::from_be_bytes(instance), counter: u32::from_be_bytes(counter) })
    }
}

/// A source of nonces. Share it between the sealers of one key, never between processes.
#[derive(Debug)]
pub struct Sequence {
    instance_id: u64,
    random: bool,
    used: AtomicU64,
}

impl Sequence {
    /// A sequence with an instance id of its own, counting from 0.
    ///
    /// # Errors
    /// [`Failure::Random`] if the operating system gives no random bytes.
    pub fn counter() -> Result<Self, Failure> {
        Ok(Self { instance_id: next_instance_id()?, random: false, used: AtomicU64::new(0) })
    }

    /// A sequence of 12 random bytes each, for platforms that clone a running process's memory.
    pub fn random() -> Self {
        Self { instance_id: 0, random: true, used: AtomicU64::new(0) }
    }

    /// A counter sequence with `remaining` nonces left, for tests of its end.
    #[cfg(any(test, feature = "test-hooks"))]
    pub fn near_end(remaining: u64) -> Result<Self, Failure> {
        let sequence = Self::counter()?;
        sequence.used.store(SEQUENCE_LIMIT.saturating_sub(remaining), Ordering::Relaxed);
        Ok(sequence)
    }

    /// As [`Self::near_end`], of a random sequence.
    #[cfg(test)]
    pub fn random_near_end(remaining: u64) -> Self {
        Self { used: AtomicU64::new(SEQUENCE_LIMIT - remaining), ..Self::random() }
    }

    /// The next nonce.
    ///
    /// # Errors
    /// [`Failure::NonceExhausted`] after 2^32 nonces, on every thread, permanently.
    #[inline]
    pub fn next(&self) -> Result<Nonce, Failure> {
        // Compare-and-swap and no plain increment: a refused call must not move the count towards a wrap.
        let counter = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| (used < SEQUENCE_LIMIT).then_some(used + 1))
            .map_err(|_| Failure::NonceExhausted)?;
        if self.random {
            return Nonce::random();
        }
        Ok(Nonce { instance: self.instance_id, counter: counter as u32 })
    }

    /// The first 8 bytes of every nonce; 0 for a random sequence.
    pub fn instance_id(&self) -> u64 {
        self.instance_id
    }

    /// Nonces given out, 0 to 2^32.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

// One counter for the process: worker threads share this library's memory.
fn next_instance_id() -> Result<u64, Failure> {
    static NEXT: OnceLock<AtomicU64> = OnceLock::new();
    let next = match NEXT.get() {
        Some(next) => next,
        None => {
            let mut start = [0; 8];
            fill_random(&mut start)?;
            NEXT.get_or_init(|| AtomicU64::new(u64::from_be_bytes(start)))
        }
    };
    Ok(next.fetch_add(1, Ordering::Relaxed))
}

fn fill_random(out: &mut [u8]) -> Result<(), Failure> {
    crypto::fill_random(out).map_err(|_| Failure::Random)
}
