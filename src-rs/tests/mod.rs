//! Known answers, limits and properties. Vectors live in `__test__/vectors`; every runner asserts how many it ran.

mod aead;
mod allocator;
mod blocks;
mod columns;
mod containers;
mod envelope;
mod interop_v2;
mod kdf;
mod l1;
mod l1_identities;
mod l1_memory;
mod l1_policy;
mod lz4_frames;
mod memory;
mod msgpack;
mod names;
mod nonces;
mod properties;

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::container::{Kind, Unpacking};
use crate::error::Failure;
use crate::nonce::{Nonce, Sequence};
use crate::sealer::{Opened, Sealer, OVERHEAD_LEN};

/// Marks memory that nothing may have written.
const UNTOUCHED: u8 = 0xaa;

const BARE: Unpacking = Unpacking { kind: Kind::Bare, check_msgpack: false };
const ENVELOPE: Unpacking = Unpacking { kind: Kind::Envelope, check_msgpack: false };
const INTEROP_V2: Unpacking = Unpacking { kind: Kind::InteropV2, check_msgpack: false };
const CHECKSUM: Unpacking = Unpacking { kind: Kind::Checksum, check_msgpack: false };

fn vectors(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("__test__/vectors").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn rows<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().unwrap_or_else(|| panic!("no rows named {name}"))
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_else(|| panic!("no text named {name}"))
}

fn bytes(row: &Value, name: &str) -> Vec<u8> {
    hex::decode(text(row, name)).unwrap()
}

fn label(row: &Value) -> &str {
    row["name"].as_str().or(row["description"].as_str()).unwrap_or("")
}

fn sequence() -> Arc<Sequence> {
    Arc::new(Sequence::counter().unwrap())
}

fn sealer(key: &[u8]) -> Sealer {
    Sealer::from_key(key.try_into().unwrap(), sequence())
}

fn tenant_sealer(master_key: &[u8], tenant_id: &str) -> Sealer {
    Sealer::derive(master_key, tenant_id.as_bytes(), sequence()).unwrap()
}

/// AAD v0x03 of these components.
fn aad(parts: &[&str]) -> Vec<u8> {
    let mut aad = vec![3];
    for part in parts {
        aad.extend_from_slice(&(part.len() as u32).to_be_bytes());
        aad.extend_from_slice(part.as_bytes());
    }
    aad
}

/// Seals with a chosen nonce, through the path that every seal takes.
fn seal_fixed(sealer: &Sealer, nonce: &[u8], plaintext: &[u8], aad: &[u8]) -> Vec<u8> {
    let nonce = Nonce::fixed(nonce.try_into().unwrap());
    let mut out = vec![UNTOUCHED; plaintext.len() + OVERHEAD_LEN];
    let len = sealer.seal_with(|| Ok(nonce), &mut out, plaintext, aad, crate::container::Packing::Bare).unwrap();
    assert_eq!(len, out.len());
    out
}

/// Opens through every way there is and asserts that all agree; failures leave nothing behind.
fn open_every_way(sealer: &Sealer, sealed: &[u8], aad: &[u8]) -> Result<Vec<u8>, Failure> {
    let room = sealed.len().saturating_sub(OVERHEAD_LEN);
    let mut out = vec![UNTOUCHED; room + 9];
    let opened = written(sealer.open(&mut out, 0, sealed, aad, BARE)).map(|len| out[..len].to_vec());
    match &opened {
        Ok(plaintext) => assert!(out[plaintext.len()..].iter().all(|byte| *byte == UNTOUCHED)),
        Err(_) => assert!(out.iter().all(|byte| *byte == 0 || *byte == UNTOUCHED)),
    }

    let mut exact = vec![UNTOUCHED; room];
    assert_eq!(written(sealer.open(&mut exact, 0, sealed, aad, BARE)), opened.as_ref().map(Vec::len).map_err(|e| *e));

    let mut buffer = sealed.to_vec();
    match sealer.open_in_place(&mut buffer, aad) {
        Ok(len) => assert_eq!(Ok(&buffer[12..12 + len]), opened.as_deref()),
        Err(failure) => {
            assert_eq!(Err(failure), opened);
            assert!(buffer.iter().all(|byte| *byte == 0));
        }
    }
    opened
}

fn written(opened: Result<Opened, Failure>) -> Result<usize, Failure> {
    match opened? {
        Opened::Written(len) => Ok(len),
        Opened::Waiting(unsealed) => Err(Failure::Needs(unsealed.payload_len())),
    }
}
