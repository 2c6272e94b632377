//! AES-256-GCM of RustCrypto.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};

const NONCE_LEN: usize = 12;

/// One key.
pub struct Oracle(Aes256Gcm);

impl Oracle {
    pub fn new(key: &[u8]) -> Self {
        Self(Aes256Gcm::new_from_slice(key).unwrap())
    }

    /// Nonce, ciphertext and tag.
    pub fn seal(&self, nonce: [u8; NONCE_LEN], plaintext: &[u8], aad: &[u8]) -> Vec<u8> {
        let sealed = self.0.encrypt(&Nonce::from(nonce), Payload { msg: plaintext, aad }).unwrap();
        [&nonce[..], &sealed].concat()
    }

    pub fn open(&self, sealed: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
        self.0.decrypt(&Nonce::from(*nonce), Payload { msg: text, aad }).ok()
    }
}
