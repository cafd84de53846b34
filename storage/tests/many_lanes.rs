//! Lanes by the tens of thousands, and records from nothing to 10 MiB.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use anabranch_storage::{Config, LaneBatch, LaneId, Log, Position, ReadLimit, inspect};

const ALL: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };

#[test]
fn fifty_thousand_lanes_keep_apart() {
    const LANES: u32 = 50_000;
    let home = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(home.path(), Config::default()).unwrap();
    for round in 0..3u32 {
        for first in (0..LANES).step_by(500) {
            let records: Vec<Vec<u8>> =
                (first..first + 500).map(|lane| format!("{round} {lane}").into_bytes()).collect();
            let slices: Vec<[&[u8]; 1]> = records.iter().map(|record| [record.as_slice()]).collect();
            let batches: Vec<LaneBatch<'_>> =
                (first..).zip(&slices).map(|(lane, records)| LaneBatch { lane: LaneId(lane), records }).collect();
            log.append(u64::from(round), &batches).unwrap().wait().unwrap();
        }
    }
    log.close().unwrap();
    drop(log);
    assert_eq!(inspect::verify(home.path()).unwrap().problems, []);
    let (log, _) = Log::open(home.path(), Config::default()).unwrap();
    for lane in (0..LANES).step_by(997).chain([LANES - 1]) {
        let records = log.read(LaneId(lane), Position(0), ALL).unwrap();
        let data: Vec<String> = records.iter().map(|record| String::from_utf8(record.data.to_vec()).unwrap()).collect();
        assert_eq!(data, [format!("0 {lane}"), format!("1 {lane}"), format!("2 {lane}")]);
        let second_round = log.seek_time(LaneId(lane), 1).unwrap();
        assert_eq!(log.read(LaneId(lane), second_round, ALL).unwrap().len(), 2);
    }
    assert!(log.read(LaneId(LANES), Position(0), ALL).unwrap().is_empty());
}

#[test]
fn records_of_any_size_and_room_in_proportion() {
    let home = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(home.path(), Config::default()).unwrap();
    assert!(log.stat().reserved_bytes <= 256 << 10, "a quiet log takes little room");
    let sizes = [0, 1, 55, 4_096, 65_535, 1 << 20, (1 << 20) + 1, 5 << 20, 10 << 20];
    let records: Vec<Vec<u8>> = sizes.iter().map(|size| vec![(size % 251) as u8; *size]).collect();
    for record in &records {
        log.append(1, &[LaneBatch { lane: LaneId(0), records: &[record] }]).unwrap().wait().unwrap();
    }
    let slices: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
    log.append(1, &[LaneBatch { lane: LaneId(0), records: &slices }]).unwrap().wait().unwrap();
    let found = log.read(LaneId(0), Position(0), ALL).unwrap();
    assert!(found.iter().map(|record| record.data).eq(slices.iter().chain(&slices).copied()));
    let (stat, config) = (log.stat(), Config::default());
    let bound = stat.used_bytes + 2 * config.segment_bytes_max * (1 + config.spare_segments_max as u64);
    assert!(stat.reserved_bytes <= bound, "{stat:?}");
}
