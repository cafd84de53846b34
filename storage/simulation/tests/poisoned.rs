//! A log that a failing flush poisoned goes on in the same process when it is closed and opened again,
//! and nothing that no flush reached passes for durable then.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]
#![cfg(not(feature = "shuttle"))]

use std::path::Path;
use std::sync::Arc;

use anabranch_storage::{Config, Error, LaneBatch, LaneId, Log, Position, ReadLimit};
use anabranch_storage_simulation::{SimulatedDisk, Trouble};

fn open(disk: &SimulatedDisk) -> Log {
    let config = Config { segment_bytes_min: 64 << 10, segment_bytes_max: 64 << 10, ..Config::default() };
    Log::open_on(Arc::new(disk.clone()), Path::new("/log"), config).unwrap().0
}

fn append(log: &Log, data: &[u8]) -> Result<(), Error> {
    log.append(1, &[LaneBatch { lane: LaneId(0), records: &[data] }])?.wait()
}

fn read(log: &Log) -> Vec<Vec<u8>> {
    let found = log.read(LaneId(0), Position(0), ReadLimit { records: usize::MAX, bytes: usize::MAX }).unwrap();
    found.iter().map(|record| record.data.to_vec()).collect()
}

#[test]
fn closing_and_opening_again_goes_on() {
    for seed in 0..200 {
        let disk = SimulatedDisk::new(seed);
        let log = open(&disk);
        append(&log, b"before").unwrap();
        disk.set_trouble(Trouble { flush_fails_at: Some(0), ..Trouble::default() });
        assert!(matches!(append(&log, b"unflushed"), Err(Error::Poisoned { .. })));
        disk.set_trouble(Trouble::default());
        assert!(matches!(append(&log, b"refused"), Err(Error::Poisoned { .. })), "until it is opened again");
        assert!(log.health().poisoned.is_some());
        assert!(matches!(log.close(), Err(Error::Poisoned { .. })), "and closing says so");

        let again = open(&disk);
        let shown = read(&again);
        assert_eq!(shown[0], b"before");
        assert!(
            shown[1..].iter().all(|data| data == b"unflushed" && disk.holds(data)),
            "shown, but not on the platter"
        );
        append(&again, b"after").unwrap();
        assert!(again.health().is_sound());
        assert_eq!(read(&log), [b"before"], "the old handle shows what it showed");
        let expected = read(&again);
        let cut = disk.after_power_cut().unwrap();
        drop((log, again));
        assert_eq!(read(&open(&cut)), expected, "seed {seed}: shown or acknowledged, and lost");
    }
}
