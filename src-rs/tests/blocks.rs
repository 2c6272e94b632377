//! Where entries of a first tier lie.

use std::fs;

use crate::l1::{Block, PAGES_FROM};

const LONG: usize = PAGES_FROM + 100;

/// Whether an address is part of the process, as far as this system says so.
fn is_mapped(address: usize) -> Option<bool> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    Some(maps.lines().filter_map(|line| line.split_once(' ')?.0.split_once('-')).any(|(from, to)| {
        let at = |digits| usize::from_str_radix(digits, 16).unwrap();
        (at(from)..at(to)).contains(&address)
    }))
}

#[test]
fn a_place_in_the_table_is_no_larger_than_a_slice() {
    assert_eq!(size_of::<Block>(), size_of::<Box<[u8]>>());
}

#[test]
fn a_block_holds_both_its_parts_wherever_it_lies() {
    for end_len in [0, 100, PAGES_FROM - 6, PAGES_FROM - 5, LONG] {
        let end: Vec<u8> = (0..end_len).map(|i| i as u8).collect();
        let block = Block::joined(b"start".to_vec(), &end);
        assert_eq!(block.len(), 5 + end_len);
        assert_eq!(&block[..5], b"start");
        assert_eq!(block[5..], end);
        assert_eq!(matches!(block, Block::Pages(_)), 5 + end_len >= PAGES_FROM);
        assert!(block.taken() >= block.len() + 8 && block.taken() < block.len() + 5000);
    }
}

#[test]
fn a_long_block_leaves_no_gap_in_the_heap() {
    // Each beside a short one, which would hold the heap together.
    let rounds = (0..50).map(|_| (Block::joined(Vec::new(), &vec![1; 2 * LONG]), Block::joined(Vec::new(), &[1; 100])));
    let (long, short): (Vec<Block>, Vec<Block>) = rounds.unzip();
    let ends: Vec<usize> = long.iter().map(|block| block.as_ptr() as usize + LONG).collect();
    drop(long);
    let mapped = ends.into_iter().filter(|end| is_mapped(*end) == Some(true)).count();
    // 16 are kept for the next ones, and what other threads have mapped meanwhile may lie where others were.
    assert!(mapped <= 25, "{mapped} of 50 are still there");
    drop(short);
}

#[test]
fn a_block_lies_where_one_of_about_its_length_was() {
    let first = Block::joined(Vec::new(), &vec![1; LONG]);
    let start = first.as_ptr();
    drop(first);
    let small = Block::joined(Vec::new(), &[2; PAGES_FROM]);
    assert_eq!(small.as_ptr(), start);
    assert_eq!(small[..], [2; PAGES_FROM]);
    assert!(small.taken() > LONG);
    drop(small);
    let larger = Block::joined(Vec::new(), &vec![3; 2 * LONG]);
    assert_ne!(larger.as_ptr(), start);
    assert!(larger.iter().all(|byte| *byte == 3));
    // One that is far too long takes none of them.
    drop(larger);
    let two = [(); 2].map(|()| Block::joined(Vec::new(), &[4; LONG]));
    assert!(two.iter().all(|block| block.taken() < LONG + LONG / 4));
    // Those that are kept are not all that have gone.
    drop((0..40).map(|_| Block::joined(Vec::new(), &vec![4; 3 * LONG])).collect::<Vec<_>>());
    assert!(Block::joined(Vec::new(), &[5; LONG]).iter().all(|byte| *byte == 5));
}

#[test]
fn there_are_only_so_many_mappings() {
    let blocks: Vec<Block> = (0..40).map(|_| Block::joined_within(3, Vec::new(), &[1; LONG])).collect();
    assert!(blocks.iter().filter(|block| matches!(block, Block::Pages(_))).count() <= 3);
    assert!(blocks.iter().all(|block| block.len() == LONG));
}

/// Whether the system has memory for the page that an address is in.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn is_resident(address: *const u8) -> bool {
    use std::ffi::{c_int, c_void};

    extern "C" {
        fn mincore(start: *mut c_void, len: usize, pages: *mut u8) -> c_int;
    }
    let mut page = 0;
    let start = address.wrapping_sub(address.addr() % 4096);
    // SAFETY: the system looks at its tables and writes one byte.
    let done = unsafe { mincore(start.cast_mut().cast(), 1, &mut page) };
    done == 0 && page & 1 == 1
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn a_tier_that_goes_gives_back_what_lay_between_other_blocks() {
    use super::l1::{parts, stored};
    use crate::l1::Tier;

    let mut tier = Tier::new(64 << 20);
    let site = tier.add_site(parts(b"t", None));
    let mut others = Vec::new();
    for i in 0..400 {
        assert!(tier.put(site, format!("{i}").as_bytes(), None, stored(&[1; 20_000], Some(&[]))));
        // Longer than what the allocator puts aside without looking for a place.
        others.push(vec![1_u8; 1100]);
    }
    let middles: Vec<*const u8> =
        (0..400).map(|i| tier.get(site, format!("{i}").as_bytes()).unwrap().address().wrapping_add(10_000)).collect();
    let resident = || middles.iter().filter(|address| is_resident(**address)).count();
    assert_eq!(resident(), 400);
    drop(tier);
    // What other threads have asked for meanwhile may lie there.
    assert!(resident() < 100, "{} of 400 pages are still there", resident());
    drop(others);
}
