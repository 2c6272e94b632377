//! ByteStorage envelopes: those of every other writer are read, broken ones are refused.

use base64::prelude::*;

use super::*;
use crate::container::Packing;
use crate::crypto::digest;
use crate::envelope::{self, Envelope};
use crate::hash;

#[test]
fn envelopes_of_the_python_package_are_read_and_written_alike() {
    let file = vectors("cachekit-peer.json");
    let mut ran = 0;
    for row in rows(&file, "envelope") {
        let envelope = BASE64_STANDARD.decode(text(row, "envelope_b64")).unwrap();
        let payload = read_every_way(&envelope).unwrap();
        assert_eq!(payload.len() as u64, row["original_size"].as_u64().unwrap(), "{}", label(row));
        let digest = digest::digest(&digest::SHA256, &payload);
        assert_eq!(hex::encode(digest), text(row, "data_sha256"), "{}", label(row));
        assert_eq!(hash::checksum(&payload).to_vec(), bytes(row, "checksum_hex"), "{}", label(row));
        writes_alike(&envelope, &payload, text(row, "format"));
        ran += 1;
    }
    assert_eq!(ran, 16);
}

#[test]
fn envelopes_of_older_python_packages_are_read() {
    let file = vectors("cachekit-peer.json");
    let mut ran = 0;
    for (name, count) in [("envelope_legacy", 4), ("envelope_accepted_variants", 7)] {
        for row in rows(&file, name) {
            assert_eq!(read_every_way(&bytes(row, "envelope_hex")), Ok(bytes(row, "data_hex")), "{}", label(row));
            ran += 1;
        }
        assert_eq!(rows(&file, name).len(), count);
    }
    assert_eq!(ran, 11);
}

#[test]
fn broken_envelopes_are_refused() {
    let file = vectors("cachekit-peer.json");
    let mut ran = 0;
    for row in rows(&file, "negative").iter().filter(|row| row["op"] == "envelope_retrieve") {
        let envelope = bytes(&row["request"], "envelope_hex");
        assert_eq!(read_every_way(&envelope), Err(Failure::Envelope), "{}", label(row));
        ran += 1;
    }
    assert_eq!(ran, 28);
}

#[test]
fn every_row_of_the_wire_format_is_read_or_refused_as_it_says() {
    let file = vectors("protocol/wire-format.json");
    let mut ran = 0;
    for row in rows(&file, "vectors") {
        let (envelope, payload) = (bytes(row, "envelope_hex"), bytes(row, "input_hex"));
        assert_eq!(read_every_way(&envelope), Ok(payload.clone()), "{}", label(row));
        if row["envelope_encoding"] == "bin" {
            writes_alike(&envelope, &payload, text(row, "format"));
        }
        ran += 1;
    }
    for row in rows(&file, "constructed_vectors") {
        let (envelope, payload) = (construct(&row["envelope_construction"]), construct(&row["input_construction"]));
        assert_eq!(envelope.len() as u64, row["envelope_size"].as_u64().unwrap(), "{}", label(row));
        assert!(read_every_way(&envelope) == Ok(payload), "{}", label(row));
        ran += 1;
    }
    for row in rows(&file, "reject_vectors") {
        assert_eq!(read_every_way(&bytes(row, "envelope_hex")), Err(Failure::Envelope), "{}", label(row));
        ran += 1;
    }
    for row in rows(&file, "payload_reject_vectors") {
        let (envelope, payload) = (bytes(row, "envelope_hex"), bytes(row, "input_hex"));
        assert_eq!(read_every_way(&envelope), Ok(payload.clone()), "{}", label(row));
        let checked = Unpacking { check_msgpack: true, ..ENVELOPE };
        let mut out = vec![UNTOUCHED; payload.len()];
        assert_eq!(checked.unpack(&mut out, &envelope), Err(Failure::PayloadBounds), "{}", label(row));
        assert!(out.iter().all(|byte| *byte == 0));
        ran += 1;
    }
    for row in rows(&file, "temporal_sentinel_vectors") {
        let payload = bytes(row, "payload_hex");
        let mut envelope = vec![0; 1024];
        let len = envelope::write(&mut envelope, &payload, b"msgpack", false).unwrap();
        assert_eq!(read_every_way(&envelope[..len]), Ok(payload.clone()));
        assert_eq!(crate::msgpack::check(&payload), Ok(()));
        ran += 1;
    }
    assert_eq!(ran, 41);
}

#[test]
fn literals_are_written_byte_for_byte_as_other_writers_do() {
    let file = vectors("protocol/wire-format.json");
    let literal = ["empty_bin", "simple_string_bin", "single_byte_bin", "binary_data_bin", "width_boundary_bin16_bin"];
    let mut ran = 0;
    for row in rows(&file, "vectors").iter().filter(|row| literal.contains(&text(row, "name"))) {
        let mut out = vec![UNTOUCHED; 1024];
        let len = envelope::write(&mut out, &bytes(row, "input_hex"), b"msgpack", true).unwrap();
        assert_eq!(hex::encode(&out[..len]), text(row, "envelope_hex"));
        ran += 1;
    }
    assert_eq!(ran, literal.len());
}

#[test]
fn headers_change_width_where_messagepack_says() {
    // Literals, so that the block's length is known: 1 byte of token, then extensions, then the payload.
    for (block_len, header) in [
        (255, vec![0xc4, 255]),
        (256, vec![0xc5, 1, 0]),
        (65_535, vec![0xc5, 255, 255]),
        (65_536, vec![0xc6, 0, 1, 0, 0]),
    ] {
        let len = (0..=block_len).find(|len| crate::lz4::literals_len(*len) == block_len).unwrap();
        let payload = vec![3; len];
        let mut out = vec![UNTOUCHED; envelope::bound(len, 1, true)];
        let written = envelope::write(&mut out, &payload, b"x", true).unwrap();
        assert_eq!(out[1..=header.len()], header);
        assert_eq!(read_every_way(&out[..written]), Ok(payload));
    }
}

#[test]
fn sizes_are_written_in_the_shortest_form() {
    for (len, size) in [
        (0, "00"),
        (127, "7f"),
        (128, "cc80"),
        (255, "ccff"),
        (256, "cd0100"),
        (65_535, "cdffff"),
        (65_536, "ce00010000"),
    ] {
        let mut out = vec![UNTOUCHED; envelope::bound(len, 0, true)];
        let written = envelope::write(&mut out, &vec![1; len], b"", true).unwrap();
        let tail = hex::encode(&out[after_block(&out)..written]);
        let checksum: String = hash::checksum(&vec![1; len])
            .iter()
            .map(|byte| if *byte < 128 { format!("{byte:02x}") } else { format!("cc{byte:02x}") })
            .collect();
        assert_eq!(tail, format!("98{checksum}{size}a0"));
    }
}

#[test]
fn formats_of_every_header_width_come_back() {
    for len in [0, 1, 31, 32, 255, 256, 65_535, 65_536] {
        let format = "f".repeat(len);
        let mut out = vec![UNTOUCHED; envelope::bound(3, len, false)];
        let written = envelope::write(&mut out, b"abc", format.as_bytes(), false).unwrap();
        let range = Envelope::parse(&out[..written]).unwrap().format();
        assert_eq!(&out[range], format.as_bytes());
        assert!(out[written..].iter().all(|byte| *byte == UNTOUCHED));
    }
}

#[test]
fn a_format_that_is_no_utf8_is_refused() {
    let mut out = [0; 64];
    let len = envelope::write(&mut out, b"abc", &[0xff], false).unwrap();
    assert_eq!(read_every_way(&out[..len]), Err(Failure::Envelope));
}

#[test]
fn a_block_shorter_than_its_size_is_never_filled_up_from_memory() {
    // The checksum is right for the payload and a zero after it, which is what lies in the output already.
    let mut envelope = [0; 64];
    let len = envelope::write(&mut envelope, b"hello\0", b"", true).unwrap();
    let block = [&[0x94, 0xc4, 6, 0x50][..], b"hello"].concat();
    let forged = [&block[..], &envelope[10..len]].concat();
    assert_eq!(Envelope::parse(&forged).unwrap().payload_len(), 6);
    let mut out = [0; 6];
    assert_eq!(ENVELOPE.unpack(&mut out, &forged), Err(Failure::Envelope));
}

#[test]
fn headers_that_count_wrong_are_refused_even_if_what_follows_reads_on() {
    let mut whole = [0; 64];
    let len = envelope::write(&mut whole, b"abc", b"x", true).unwrap();
    let (fields, sum_at) = (&whole[1..len], 7);
    assert_eq!((whole[0], whole[sum_at]), (0x94, 0x98));
    assert_eq!(read_every_way(&whole[..len]), Ok(b"abc".to_vec()));
    for header in ["93", "95", "dc0003", "dc0005", "dd00000003", "dd00000005", "84", "de0005", "90", "c0"] {
        let forged = [&hex::decode(header).unwrap(), fields].concat();
        assert_eq!(read_every_way(&forged), Err(Failure::Envelope), "{header}");
    }
    for header in ["dc0004", "dd00000004"] {
        let wide = [&hex::decode(header).unwrap(), fields].concat();
        assert_eq!(read_every_way(&wide), Ok(b"abc".to_vec()), "{header}");
    }
    // A checksum that claims the size as its ninth element, or one element less.
    for marker in [0x99, 0x97] {
        let mut forged = whole[..len].to_vec();
        forged[sum_at] = marker;
        assert_eq!(read_every_way(&forged), Err(Failure::Envelope));
    }
}

#[test]
fn sizes_at_the_limit_are_told_apart_before_anything_is_read() {
    let huge = vec![0; envelope::MAX_LEN + 1];
    assert_eq!(envelope::write(&mut [], &huge, b"", false), Err(Failure::TooLarge));
    assert!(matches!(envelope::write(&mut [], &huge[1..], b"", false), Err(Failure::Needs(_))));
    assert_eq!(Envelope::parse(&huge).err(), Some(Failure::Envelope));
}

// Reads through the parser, the container, a seal, and a seal whose output is at first too small.
fn read_every_way(envelope: &[u8]) -> Result<Vec<u8>, Failure> {
    let parsed = Envelope::parse(envelope);
    let len = parsed.as_ref().map_or(64, Envelope::payload_len);
    let mut out = vec![UNTOUCHED; len + 9];
    let read = parsed.and_then(|parsed| parsed.read(&mut out)).map(|len| out[..len].to_vec());
    match &read {
        Ok(payload) => assert!(out[payload.len()..].iter().all(|byte| *byte == UNTOUCHED)),
        Err(_) => assert!(out.iter().all(|byte| *byte == 0 || *byte == UNTOUCHED)),
    }

    let mut exact = vec![UNTOUCHED; len];
    let unpacked = ENVELOPE.unpack(&mut exact, envelope).map(|len| exact[..len].to_vec());
    assert!(unpacked == read);

    let sealer = sealer(&[1; 32]);
    let mut sealed = vec![0; envelope.len() + OVERHEAD_LEN];
    sealer.seal(&mut sealed, envelope, b"aad", Packing::Bare).unwrap();
    let opened = written(sealer.open(&mut exact, 0, &sealed, b"aad", ENVELOPE)).map(|len| exact[..len].to_vec());
    assert!(opened == read);
    // Room for the container too: it is opened behind the payload, and gone afterwards.
    let mut roomy = vec![UNTOUCHED; len + sealed.len() + 100];
    let opened = written(sealer.open(&mut roomy, 0, &sealed, b"aad", ENVELOPE));
    let payload_len = opened.unwrap_or(0);
    assert!(opened.map(|len| roomy[..len].to_vec()) == read);
    assert!(roomy[payload_len..].iter().all(|byte| *byte == 0 || *byte == UNTOUCHED));

    if read.as_ref().is_ok_and(|payload| !payload.is_empty()) {
        let Ok(Opened::Waiting(unsealed)) = sealer.open(&mut exact[1..], 0, &sealed, b"aad", ENVELOPE) else {
            panic!("an output that is too small opens nothing");
        };
        assert_eq!(unsealed.payload_len(), len);
        assert_eq!(unsealed.read(&mut exact[1..]), Err(Failure::Needs(len)));
        exact.fill(UNTOUCHED);
        assert!(unsealed.read(&mut exact).map(|len| exact[..len].to_vec()) == read);
    }
    read
}

// LZ4 blocks differ between compressors; every other byte is the same.
fn writes_alike(envelope: &[u8], payload: &[u8], format: &str) {
    let mut out = vec![UNTOUCHED; envelope::bound(payload.len(), format.len(), false)];
    let len = envelope::write(&mut out, payload, format.as_bytes(), false).unwrap();
    assert!(out[len..].iter().all(|byte| *byte == 0 || *byte == UNTOUCHED));
    assert!(read_every_way(&out[..len]) == Ok(payload.to_vec()));
    let (ours, theirs) = (Envelope::parse(&out[..len]).unwrap(), Envelope::parse(envelope).unwrap());
    assert_eq!(ours.format().len(), theirs.format().len());
    assert_eq!(out[after_block(&out)..len], envelope[after_block(envelope)..]);
}

fn after_block(envelope: &[u8]) -> usize {
    assert_eq!(envelope[0], 0x94);
    match envelope[1] {
        0xc4 => 3 + usize::from(envelope[2]),
        0xc5 => 4 + usize::from(u16::from_be_bytes([envelope[2], envelope[3]])),
        0xc6 => 6 + u32::from_be_bytes(envelope[2..6].try_into().unwrap()) as usize,
        marker => panic!("no bin: {marker:x}"),
    }
}

fn construct(segments: &Value) -> Vec<u8> {
    let segments = segments.as_array().unwrap().iter();
    segments.flat_map(|segment| bytes(segment, "hex").repeat(segment["count"].as_u64().unwrap() as usize)).collect()
}
