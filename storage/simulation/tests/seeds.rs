//! Seeds that every build runs, and the proof that they would find mistakes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]
#![cfg(not(feature = "shuttle"))]

use anabranch_storage::faults::{Fault, commit};
use anabranch_storage_simulation::{Counts, run};

fn seeds() -> u64 {
    std::env::var("ANABRANCH_SEEDS").map_or(3_000, |seeds| seeds.parse().unwrap())
}

#[test]
fn no_seed_finds_a_mistake() {
    let mut counts = Counts::default();
    for seed in 0..seeds() {
        match run(seed) {
            Ok(done) => counts += done,
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    println!("{} seeds: {counts:?}", seeds());
    assert!(
        counts.power_cuts > seeds()
            && counts.failures > 0
            && counts.full > 0
            && counts.starved > 0
            && counts.flips > 0
            && counts.lost > 0
    );
}

#[test]
fn a_seed_does_the_same_every_time() {
    commit(Some(Fault::FlushAgainAfterError));
    let failing = (0..3_000).find_map(|seed| Some((seed, run(seed).err()?)));
    let (seed, error) = failing.expect("some seed finds the mistake");
    assert_eq!(run(seed).unwrap_err(), error);
}

#[test]
fn each_deliberate_mistake_is_found() {
    for fault in Fault::ALL {
        commit(Some(fault));
        let found = (0..20_000).find_map(|seed| Some((seed, run(seed).err()?)));
        let (seed, error) = found.unwrap_or_else(|| panic!("no seed finds {fault:?}"));
        println!("{fault:?}: seed {seed}: {error}");
    }
}
