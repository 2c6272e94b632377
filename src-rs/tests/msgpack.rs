//! Bounds of untrusted MessagePack.

use super::*;
use crate::msgpack::{check, MAX_DEPTH};

#[test]
fn every_row_of_the_decode_bounds_is_judged_as_it_says() {
    let file = vectors("protocol/decode-bounds.json");
    let mut ran = 0;
    for (name, expected) in [("reject_vectors", Err(Failure::PayloadBounds)), ("accept_vectors", Ok(()))] {
        for row in rows(&file, name) {
            let construction = &row["construction"];
            let count = construction["count"].as_u64().unwrap() as usize;
            let input = [bytes(construction, "repeat_hex").repeat(count), bytes(construction, "suffix_hex")].concat();
            assert_eq!(input, bytes(row, "input_hex"), "{}", label(row));
            assert_eq!(check(&input), expected, "{}", label(row));
            ran += 1;
        }
    }
    assert_eq!(ran, 22);
}

#[test]
fn documents_of_the_interop_vectors_are_accepted() {
    let file = vectors("protocol/interop-mode.json");
    let mut ran = 0;
    for (name, field, expected) in [
        ("value_vectors", "canonical_msgpack_hex", Ok(())),
        ("key_vectors", "canonical_args_hex", Ok(())),
        ("reader_accept_vectors", "input_hex", Ok(())),
        ("reader_reject_vectors", "input_hex", Err(Failure::PayloadBounds)),
    ] {
        for row in rows(&file, name) {
            assert_eq!(check(&bytes(row, field)), expected, "{}", label(row));
            ran += 1;
        }
    }
    let file = vectors("cachekit-peer.json");
    for row in rows(&file, "negative").iter().filter(|row| row["op"] == "interop_decode") {
        assert_eq!(check(&bytes(&row["request"], "data_hex")), Err(Failure::PayloadBounds), "{}", label(row));
        ran += 1;
    }
    assert_eq!(ran, 6 + 44 + 6 + 1 + 5);
}

#[test]
fn every_marker_has_exactly_one_length() {
    for marker in 0..=u8::MAX {
        // Zeros are empty strings, arrays and maps, scalars of any width, and small integers as elements.
        let lens: Vec<_> = (0..=40).filter(|len| check(&[&[marker][..], &[0; 40]].concat()[..*len]).is_ok()).collect();
        assert_eq!(lens.len(), usize::from(marker != 0xc1), "{marker:x} with {lens:?}");
    }
}

#[test]
fn every_wide_form_has_the_length_that_messagepack_says() {
    let forms = [
        "c402c0c0",
        "c50002c0c0",
        "c600000002c0c0",
        "c70205c0c0",
        "c8000205c0c0",
        "c90000000205c0c0",
        "ca00000000",
        "cb0000000000000000",
        "cc00",
        "cd0000",
        "ce00000000",
        "cf0000000000000000",
        "d000",
        "d10000",
        "d200000000",
        "d30000000000000000",
        "d405c0",
        "d505c0c0",
        "d605c0c0c0c0",
        "d705c0c0c0c0c0c0c0c0",
        "d805c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0",
        "d902c0c0",
        "da0002c0c0",
        "db00000002c0c0",
        "dc0002c0c0",
        "dd00000002c0c0",
        "de0001c0c0",
        "df00000001c0c0",
    ];
    for form in forms {
        let document = hex::decode(form).unwrap();
        assert_eq!(check(&document), Ok(()), "{form}");
        assert_eq!(check(&document[..document.len() - 1]), Err(Failure::PayloadBounds), "{form} cut");
        assert_eq!(check(&[&document[..], &[0xc0]].concat()), Err(Failure::PayloadBounds), "{form} and one more");
    }
    assert_eq!(forms.len(), 28);
}

#[test]
fn nesting_is_bounded_whatever_is_nested() {
    for (open, last) in
        [(&[0x91][..], &[0xc0][..]), (&[0x81, 0xa0], &[0xc0]), (&[0x91], &[0x90]), (&[0xdc, 0, 1], &[0x80])]
    {
        let innermost = usize::from(last[0] != 0xc0);
        for (depth, expected) in [(MAX_DEPTH, Ok(())), (MAX_DEPTH + 1, Err(Failure::PayloadBounds))] {
            let input = [open.repeat(depth - innermost), last.to_vec()].concat();
            assert_eq!(check(&input), expected, "{last:x?} at {depth}");
        }
    }
    assert_eq!(check(&[0x91].repeat(10_000_000)), Err(Failure::PayloadBounds));
}

#[test]
fn depth_counts_what_is_open_and_not_what_was() {
    let siblings = [vec![0xdc, 0x0f, 0xff], [0x91, 0xc0].repeat(0x0fff)].concat();
    assert_eq!(check(&siblings), Ok(()));
}
