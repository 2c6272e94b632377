use super::allocator::kept_by;
use super::l1::{parts, stored};
use crate::l1::Tier;

#[test]
fn a_tier_takes_about_what_it_counts() {
    const MAX: usize = 4 << 20;
    // Of values of a few bytes most is what an entry takes beside them; tables grow by doubling.
    for value_len in [16, 127, 3000] {
        let (tier, taken) = kept_by(|| {
            let mut tier = Tier::new(MAX as u64);
            let site = tier.add_site(parts(b"t", None));
            for i in 0..60_000u32 {
                tier.put(site, format!("user:{i}").as_bytes(), None, stored(&vec![7; value_len], Some(&[])));
            }
            tier
        });
        let counted = tier.bytes() as usize;
        assert!(counted > MAX * 9 / 10 && taken < MAX * 3 / 2, "{value_len}: {counted} counted, {taken} taken");
    }
}
