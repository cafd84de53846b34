//! A sound log some of whose bytes are overwritten: it opens, reads, verifies and is repaired, and
//! never yields a record that nobody wrote.
#![no_main]

use std::path::Path;
use std::sync::OnceLock;

use anabranch_storage::{Config, Error, LaneBatch, LaneId, Log, Position, ReadLimit, inspect, repair};

const LANES: u32 = 3;
const RECORDS: u64 = 40;

fn config() -> Config {
    Config { segment_bytes_min: 64 << 10, segment_bytes_max: 64 << 10, ..Config::default() }
}

fn record(number: u64) -> Vec<u8> {
    let mut record = format!("click {number} ").into_bytes();
    record.resize(20 + (number * 2_741 % 5_000) as usize, number as u8);
    record
}

/// The files of a sound log.
fn images() -> &'static [(String, Vec<u8>)] {
    static IMAGES: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    IMAGES.get_or_init(|| {
        let home = tempfile::tempdir_in("/dev/shm").unwrap();
        let (log, _) = Log::open(home.path(), config()).unwrap();
        for number in 0..RECORDS {
            let data = record(number);
            let batch = LaneBatch { lane: LaneId(number as u32 % LANES), records: &[&data] };
            log.append(number, &[batch]).unwrap().wait().unwrap();
        }
        log.close().unwrap();
        let segments = inspect::stat(home.path()).unwrap().segments;
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        segments.iter().map(|segment| (name(&segment.path), std::fs::read(&segment.path).unwrap())).collect()
    })
}

fn read(directory: &Path) {
    let Ok((log, _)) = Log::open(directory, config()) else { return };
    for lane in 0..LANES {
        let mut from = Position(0);
        loop {
            match log.read(LaneId(lane), from, ReadLimit { records: 100, bytes: 1 << 20 }) {
                Ok(records) if records.is_empty() => break,
                Ok(records) => {
                    for found in records.iter() {
                        assert_eq!(found.data, record(found.position.0), "a record that nobody wrote");
                    }
                    from = records.next();
                }
                Err(Error::Damaged(damage)) => {
                    assert!(damage.resume > from);
                    from = damage.resume;
                }
                Err(_) => break,
            }
        }
    }
}

libfuzzer_sys::fuzz_target!(|edits: Vec<(u8, u16, u8, u8)>| {
    let home = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut images = images().to_vec();
    for (which, at, value, run) in edits.into_iter().take(8) {
        let number = usize::from(which) % images.len();
        let image = &mut images[number].1;
        let start = usize::from(at).min(image.len() - 1);
        let end = (start + 1 + usize::from(run)).min(image.len());
        image[start..end].iter_mut().for_each(|byte| *byte ^= value);
    }
    for (name, image) in &images {
        std::fs::write(home.path().join(name), image).unwrap();
    }
    let _ = inspect::verify(home.path());
    if images.first().is_some_and(|(_, image)| image[9_000] & 1 == 0) {
        let _ = repair(home.path());
    }
    read(home.path());
});
