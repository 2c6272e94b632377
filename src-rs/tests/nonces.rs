//! Uniqueness and exhaustion.

use std::collections::HashSet;
use std::thread;

use super::*;
use crate::container::Packing;
use crate::nonce::SEQUENCE_LIMIT;

#[test]
fn a_nonce_is_the_instance_id_and_a_counter_from_0() {
    let sequence = Sequence::counter().unwrap();
    for counter in 0..3u32 {
        let nonce = sequence.next().unwrap().into_bytes();
        assert_eq!(nonce[..8], sequence.instance_id().to_be_bytes());
        assert_eq!(nonce[8..], counter.to_be_bytes());
    }
    assert_eq!(sequence.used(), 3);
}

#[test]
fn a_refused_seal_uses_no_nonce() {
    let (sequence, payload) = (sequence(), [0; 100]);
    let sealer = Sealer::from_key(&[1; 32], Arc::clone(&sequence));
    let needed = sealer.seal(&mut [0; 127], &payload, &[], Packing::Bare);
    assert_eq!(needed, Err(Failure::Needs(128)));
    assert_eq!(sealer.seal_in_place(&mut [0; 127], 100, &[]), Err(Failure::OutputTooSmall));
    assert_eq!(sequence.used(), 0);
}

#[test]
fn the_last_value_seals_and_every_later_call_on_every_thread_is_refused() {
    let sequence = Arc::new(Sequence::near_end(1).unwrap());
    let sealer = Sealer::from_key(&[1; 32], Arc::clone(&sequence));
    let mut sealed = [0; 29];
    assert_eq!(sealer.seal(&mut sealed, &[9], &[], Packing::Bare), Ok(29));
    assert_eq!(sealed[8..12], [0xff; 4]);

    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    let mut out = [UNTOUCHED; 64];
                    let refused = sealer.seal(&mut out, &[9; 20], &[], Packing::Bare);
                    assert_eq!(refused, Err(Failure::NonceExhausted));
                    assert!(out.iter().all(|byte| *byte == 0 || *byte == UNTOUCHED), "plaintext is left behind");
                    let mut buffer = [7; 64];
                    assert_eq!(sealer.seal_in_place(&mut buffer, 20, &[]), Err(Failure::NonceExhausted));
                    assert_eq!(buffer, [7; 64]);
                }
            });
        }
    });
    assert_eq!(sequence.used(), SEQUENCE_LIMIT);
}

#[test]
fn threads_that_race_to_the_end_share_exactly_what_is_left() {
    let sequence = Sequence::near_end(5_000).unwrap();
    let given: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..1_000).filter_map(|_| sequence.next().ok()).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let distinct: HashSet<_> = given.into_iter().map(crate::nonce::Nonce::into_bytes).collect();
    assert_eq!(distinct.len(), 5_000);
}

#[test]
fn sequences_of_one_process_never_share_an_instance_id() {
    let ids: HashSet<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..1_000).map(|_| Sequence::counter().unwrap().instance_id()).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 8_000);
}

#[test]
fn a_random_sequence_repeats_nothing_and_is_counted() {
    let sequence = Sequence::random();
    let nonces: HashSet<_> = (0..10_000).map(|_| sequence.next().unwrap().into_bytes()).collect();
    assert_eq!((nonces.len(), sequence.used(), sequence.instance_id()), (10_000, 10_000, 0));
    // Every part is random: 32 bits repeat about 0.01 times among so many, and never a hundred times.
    for part in [0..4, 4..8, 8..12] {
        let parts: HashSet<_> = nonces.iter().map(|nonce| nonce[part.clone()].to_vec()).collect();
        assert!(parts.len() > 9_900);
    }
}

#[test]
fn a_random_sequence_ends_after_as_many_seals() {
    let sequence = Sequence::random_near_end(1);
    assert!(sequence.next().is_ok());
    assert_eq!(sequence.next().err(), Some(Failure::NonceExhausted));
}
