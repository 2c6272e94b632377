//! What the numbers of an Arrow column refer to, in one pass that the compiler turns into vector instructions: JavaScript would
//! take five times as long, which is more than writing the column takes.

/// Whether all indices of `width` bytes (1, 2 or 4), which are little-endian and without a sign, are below `count`.
pub fn indices_below(indices: &[u8], width: usize, count: usize) -> bool {
    let largest = match width {
        1 => indices.iter().fold(0, |largest, &index| largest.max(index)) as usize,
        2 => largest::<2, _>(indices, u16::from_le_bytes) as usize,
        _ => largest::<4, _>(indices, u32::from_le_bytes) as usize,
    };
    indices.is_empty() || largest < count
}

/// Whether none of the offsets, little-endian of 8 bytes or of 4, is negative or less than the one before it.
pub fn offsets_rise(offsets: &[u8], width: usize) -> bool {
    match width {
        8 => rise::<8, i64>(offsets, i64::from_le_bytes),
        _ => rise::<4, i32>(offsets, i32::from_le_bytes),
    }
}

fn largest<const W: usize, T: Ord + Default>(bytes: &[u8], read: fn([u8; W]) -> T) -> T {
    bytes.as_chunks::<W>().0.iter().fold(T::default(), |largest, &chunk| largest.max(read(chunk)))
}

fn rise<const W: usize, T: Ord + Default>(bytes: &[u8], read: fn([u8; W]) -> T) -> bool {
    let (offsets, _) = bytes.as_chunks::<W>();
    let Some(first) = offsets.first() else { return true };
    let falls = offsets.windows(2).fold(0_u32, |falls, pair| falls | u32::from(read(pair[1]) < read(pair[0])));
    read(*first) >= T::default() && falls == 0
}
