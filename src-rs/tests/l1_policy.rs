//! What is still there when it is asked for again, against LRU with as many entries.

use std::collections::{BTreeMap, HashMap};

use super::l1::{parts, stored};
use crate::l1::Tier;

const KEYS: usize = 20_000;
const ACCESSES: usize = 120_000;
const VALUE: [u8; 100] = [7; 100];

/// xorshift64*, so that a trace is the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn chance(&mut self, of: f64) -> bool {
        self.unit() < of
    }

    fn exponential(&mut self, mean: f64) -> usize {
        (-(1.0 - self.unit()).ln() * mean) as usize
    }
}

struct Zipf(Vec<f64>);

impl Zipf {
    fn new(exponent: f64) -> Self {
        let mut sum = 0.0;
        let mut cumulated: Vec<f64> = (1..=KEYS)
            .map(|rank| {
                sum += (rank as f64).powf(-exponent);
                sum
            })
            .collect();
        cumulated.iter_mut().for_each(|part| *part /= sum);
        Self(cumulated)
    }

    fn draw(&self, random: &mut Random) -> usize {
        let at = random.unit();
        self.0.partition_point(|part| *part < at)
    }
}

struct Lru {
    capacity: usize,
    clock: u64,
    used: HashMap<usize, u64>,
    order: BTreeMap<u64, usize>,
}

impl Lru {
    fn asked(&mut self, key: usize) -> bool {
        self.clock += 1;
        let last = self.used.insert(key, self.clock);
        if let Some(last) = last {
            self.order.remove(&last);
        }
        self.order.insert(self.clock, key);
        if self.used.len() > self.capacity {
            if let Some((_, oldest)) = self.order.pop_first() {
                self.used.remove(&oldest);
            }
        }
        last.is_some()
    }
}

fn compare(name: &str, capacity: usize, trace: &[usize]) {
    let mut tier = Tier::new(capacity as u64 * (100 + 20 + 8 + 8 + 8 + 72));
    let site = tier.add_site(parts(b"t", None));
    let warm = trace.len() / 4;
    let mut hits = 0;
    for (i, key) in trace.iter().enumerate() {
        let identity = key.to_ne_bytes();
        if tier.get(site, &identity).is_some() {
            hits += usize::from(i >= warm);
        } else {
            assert!(tier.put(site, &identity, None, stored(&VALUE, Some(&[]))));
        }
    }
    let mut lru = Lru { capacity: tier.len(), clock: 0, used: HashMap::new(), order: BTreeMap::new() };
    let of_lru = trace.iter().enumerate().filter(|(i, key)| lru.asked(**key) && *i >= warm).count();
    let percent = |hits: usize| 100.0 * hits as f64 / (trace.len() - warm) as f64;
    println!("{name}, {} entries: {:.1} %, LRU {:.1} %", tier.len(), percent(hits), percent(of_lru));
    assert!(percent(hits) >= percent(of_lru) - 1.0, "{name}: {:.1} % < LRU's {:.1} %", percent(hits), percent(of_lru));
}

#[test]
fn no_trace_is_served_worse_than_by_lru() {
    for capacity in [KEYS / 50, KEYS / 10] {
        for exponent in [0.8, 1.0, 1.2] {
            let zipf = Zipf::new(exponent);
            let mut random = Random(11);
            let trace: Vec<usize> = (0..ACCESSES).map(|_| zipf.draw(&mut random)).collect();
            compare(&format!("Zipf {exponent}"), capacity, &trace);
        }
        let zipf = Zipf::new(1.0);

        let (mut random, mut scanned) = (Random(12), 0);
        let trace: Vec<usize> = (0..ACCESSES)
            .map(|_| {
                if random.chance(0.2) {
                    scanned += 1;
                    return KEYS + scanned;
                }
                zipf.draw(&mut random)
            })
            .collect();
        compare("Zipf 1.0 with scans", capacity, &trace);

        let mut random = Random(13);
        let trace: Vec<usize> = (0..ACCESSES).map(|i| zipf.draw(&mut random) + i / 40).collect();
        compare("Zipf 1.0, what is asked for drifts", capacity, &trace);

        let length = capacity * 6 / 5;
        let trace: Vec<usize> = (0..ACCESSES).map(|i| i % length).collect();
        compare("a loop", capacity, &trace);

        let mut random = Random(14);
        let trace: Vec<usize> =
            (0..ACCESSES).map(|i| if i % 4 == 0 { KEYS + i / 4 % length } else { zipf.draw(&mut random) }).collect();
        compare("Zipf 1.0 with a loop", capacity, &trace);

        for mean in [0.3, 1.0] {
            let (mut random, mut newest) = (Random(15), 0usize);
            let trace: Vec<usize> = (0..ACCESSES)
                .map(|_| {
                    if random.chance(0.2) {
                        newest += 1;
                        return newest;
                    }
                    newest.saturating_sub(random.exponential(mean * capacity as f64))
                })
                .collect();
            compare(&format!("sessions, mean age {mean} of the tier"), capacity, &trace);
        }
    }
}

#[test]
fn an_entry_that_fits_is_kept_whatever_was_used_before() {
    const MAX: usize = 400 << 10;
    let mut tier = Tier::new(MAX as u64);
    let site = tier.add_site(parts(b"t", None));
    let mut state = 1u32;
    let mut random = move |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    for _ in 0..400_000 {
        let id = random(1250).min(random(1250));
        let key = id.to_string();
        // A few take a fifth of the tier and are asked for often, so that they leave and come again.
        let len = if id % 600 == 7 { MAX / 5 } else { 20 + (id as usize * 37) % 750 };
        if random(8) == 0 {
            assert!(tier.put(site, key.as_bytes(), None, stored(&vec![1; len], Some(&[]))), "{len} bytes of {id}");
            assert!(tier.bytes() <= MAX as u64 + MAX as u64 / 32);
        } else if tier.get(site, key.as_bytes()).is_some_and(|entry| entry.stored().len() != len) {
            panic!("another entry");
        }
    }
    tier.assert_consistent();
}
