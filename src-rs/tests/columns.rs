use crate::columns::{indices_below, offsets_rise};

fn bytes<const W: usize, T: Copy>(numbers: &[T], write: fn(T) -> [u8; W]) -> Vec<u8> {
    numbers.iter().flat_map(|&number| write(number)).collect()
}

#[test]
fn one_index_that_is_not_below_is_found_wherever_it_is() {
    for len in [1, 7, 8, 33, 1000] {
        for at in [0, len / 2, len - 1] {
            let mut indices = vec![99_u8; len];
            assert!(indices_below(&indices, 1, 100));
            indices[at] = 100;
            assert!(!indices_below(&indices, 1, 100));
            let mut wide = vec![99_u16; len];
            assert!(indices_below(&bytes(&wide, u16::to_le_bytes), 2, 100));
            wide[at] = 0xffff;
            assert!(!indices_below(&bytes(&wide, u16::to_le_bytes), 2, 100));
            let mut wider = vec![99_u32; len];
            assert!(indices_below(&bytes(&wider, u32::to_le_bytes), 4, 100));
            wider[at] = u32::MAX;
            assert!(!indices_below(&bytes(&wider, u32::to_le_bytes), 4, 100));
        }
    }
    assert!(indices_below(&[], 4, 0));
    assert!(!indices_below(&[0], 1, 0));
}

#[test]
fn one_offset_that_falls_is_found_wherever_it_is() {
    for len in [1_usize, 2, 7, 33, 1000] {
        let rising: Vec<i32> = (0..).step_by(3).take(len).collect();
        let long: Vec<i64> = rising.iter().map(|&offset| i64::from(offset) << 31).collect();
        assert!(offsets_rise(&bytes(&rising, i32::to_le_bytes), 4));
        assert!(offsets_rise(&bytes(&long, i64::to_le_bytes), 8));
        for at in [0, len / 2, len - 1] {
            let mut falling = rising.clone();
            falling[at] = -1;
            assert!(!offsets_rise(&bytes(&falling, i32::to_le_bytes), 4));
            let mut falling = long.clone();
            falling[at] = -1;
            assert!(!offsets_rise(&bytes(&falling, i64::to_le_bytes), 8));
        }
    }
    assert!(offsets_rise(&bytes(&[5, 5, 5], i32::to_le_bytes), 4));
    assert!(offsets_rise(&[], 4));
}
