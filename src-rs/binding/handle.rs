//! The number that names a sealer to JavaScript.
//!
//! | bits | |
//! |---|---|
//! | 0–1 | which arrays of a call JavaScript has validated: the output, the inputs |
//! | 2–23 | place in the table of sealers |
//! | 24–30 | how often the place was taken before, modulo 128 |

const PLACE_SHIFT: u32 = 2;
const TURN_SHIFT: u32 = 24;
const TURNS: u32 = 1 << (31 - TURN_SHIFT);

/// How many places the bits can tell apart.
pub const MAX_PLACES: usize = 1 << (TURN_SHIFT - PLACE_SHIFT);

/// Names a sealer, and says which arrays of a call are trusted.
#[derive(Clone, Copy)]
pub struct Handle(pub usize);

impl Handle {
    /// The first one of a place.
    pub fn of_place(place: usize) -> Self {
        Self(place << PLACE_SHIFT)
    }

    /// The one that its place has next. The bits of trust are 0 in both.
    pub fn next(self) -> Self {
        let turn = ((self.0 >> TURN_SHIFT) + 1) % TURNS as usize;
        Self(turn << TURN_SHIFT | Self::of_place(self.place()).0)
    }

    /// Whether the output comes from outside and has not been validated.
    #[inline]
    pub fn untrusted_output(self) -> bool {
        self.0 & 1 == 0
    }

    /// Whether the inputs come from outside and have not been validated.
    #[inline]
    pub fn untrusted_inputs(self) -> bool {
        self.0 & 2 == 0
    }

    /// The place in the table.
    #[inline]
    pub fn place(self) -> usize {
        self.0 >> PLACE_SHIFT & (MAX_PLACES - 1)
    }

    /// Whether both name the same sealer.
    #[inline]
    pub fn names_same(self, other: Self) -> bool {
        self.0 ^ other.0 < 1 << PLACE_SHIFT
    }
}
