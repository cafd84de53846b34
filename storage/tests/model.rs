//! Random operations against a plain in-memory model: what was acknowledged is what is read,
//! through seals, reopenings and trims, in every lane.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::collections::BTreeMap;

use anabranch_storage::{Compression, Config, FlushPolicy, LaneBatch, LaneId, Log, Position, ReadLimit};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<(u32, Vec<Vec<u8>>)>),
    Reopen,
    TrimTo(f64),
    Read { lane: u32, from: f64, records: usize, bytes: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let record = prop_oneof![
        8 => proptest::collection::vec(any::<u8>(), 0..200),
        1 => (1usize..60_000, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
    ];
    let batch = (0u32..5, proptest::collection::vec(record, 0..12));
    prop_oneof![
        8 => proptest::collection::vec(batch, 1..4).prop_map(Step::Append),
        1 => Just(Step::Reopen),
        1 => (0.0..1.0).prop_map(Step::TrimTo),
        4 => (0u32..5, 0.0..1.0, 1usize..50, prop_oneof![0usize..300, 1usize..100_000])
            .prop_map(|(lane, from, records, bytes)| Step::Read { lane, from, records, bytes }),
    ]
}

fn config(zstd: bool, flush: FlushPolicy) -> Config {
    Config {
        segment_bytes_min: 64 << 10,
        segment_bytes_max: 128 << 10,
        compression: if zstd { Compression::Zstd { level: 1 } } else { Compression::None },
        flush,
        ..Config::default()
    }
}

/// Position → (time, data), by lane.
type Model = BTreeMap<u32, BTreeMap<u64, (u64, Vec<u8>)>>;

fn check_read(log: &Log, model: &Model, lane: u32, from: Position, limit: ReadLimit) {
    let found = log.read(LaneId(lane), from, limit).unwrap();
    let from = from.max(log.start());
    let empty = BTreeMap::new();
    let expected = model.get(&lane).unwrap_or(&empty).range(from.0..);
    let mut bytes = 0;
    let expected: Vec<_> = expected
        .take(limit.records)
        .enumerate()
        .take_while(|(number, (_, (_, data)))| {
            bytes += data.len();
            *number == 0 || bytes <= limit.bytes
        })
        .map(|(_, (position, (timestamp_ms, data)))| (*position, *timestamp_ms, data.as_slice()))
        .collect();
    let records: Vec<_> = found.iter().map(|record| (record.position.0, record.timestamp_ms, record.data)).collect();
    assert_eq!(records, expected);
    assert_eq!(found.len(), records.len());
    let last = records.last().map_or(from.0, |(position, ..)| position + 1);
    assert!(found.next().0 >= last, "the next read goes on behind what was read");
}

fn run(steps: Vec<Step>, config: &Config) {
    let directory = tempfile::tempdir().unwrap();
    let (mut log, _) = Log::open(directory.path(), config.clone()).unwrap();
    let mut model = Model::new();
    let mut now_ms = 1_000;
    for step in steps {
        match step {
            Step::Append(batches) => {
                now_ms += 7;
                let slices: Vec<(u32, Vec<&[u8]>)> = batches
                    .iter()
                    .map(|(lane, records)| (*lane, records.iter().map(Vec::as_slice).collect()))
                    .collect();
                let lanes: Vec<_> =
                    slices.iter().map(|(lane, records)| LaneBatch { lane: LaneId(*lane), records }).collect();
                let appended = log.append(now_ms, &lanes).unwrap();
                assert_eq!(appended.timestamp_ms(), now_ms);
                for ((lane, records), first) in batches.into_iter().zip(appended.first_positions()) {
                    for (number, data) in records.into_iter().enumerate() {
                        let earlier = model.entry(lane).or_default().insert(first.0 + number as u64, (now_ms, data));
                        assert!(earlier.is_none(), "a position was given twice");
                    }
                }
                appended.wait().unwrap();
            }
            Step::Reopen => {
                drop(log);
                let (reopened, recovery) = Log::open(directory.path(), config.clone()).unwrap();
                assert_eq!(recovery.torn, None);
                assert_eq!(recovery.damage, []);
                log = reopened;
            }
            Step::TrimTo(share) => {
                let position = Position((log.visible().0 as f64 * share) as u64);
                let start = log.start();
                log.trim_to(position).unwrap();
                assert!(log.start() <= position.max(start));
                for lane in model.values_mut() {
                    lane.retain(|position, _| *position >= log.start().0);
                }
            }
            Step::Read { lane, from, records, bytes } => {
                let from = Position((log.visible().0 as f64 * from) as u64);
                check_read(&log, &model, lane, from, ReadLimit { records, bytes });
            }
        }
    }
    for (lane, records) in &model {
        check_read(&log, &model, *lane, Position(0), ReadLimit { records: 100_000, bytes: usize::MAX });
        for (position, (timestamp_ms, _)) in records {
            let first = records.iter().find(|(_, (time, _))| time >= timestamp_ms).map(|(position, _)| *position);
            assert_eq!(Some(log.seek_time(LaneId(*lane), *timestamp_ms).unwrap().0), first, "of {position}");
        }
        assert_eq!(log.seek_time(LaneId(*lane), now_ms + 1).unwrap(), log.visible());
    }
    drop(log);
    let verified = anabranch_storage::inspect::verify(directory.path()).unwrap();
    assert_eq!(verified.problems, []);
    assert_eq!(verified.records_verified, model.values().map(|lane| lane.len() as u64).sum::<u64>());
}

#[test]
fn a_first_record_above_the_limit_stands_alone() {
    let read = |bytes| Step::Read { lane: 0, from: 0.0, records: 9, bytes };
    let append = || Step::Append(vec![(0, vec![vec![7; 32], Vec::new()])]);
    run(vec![append(), append(), read(0), read(31), read(32), read(64)], &config(false, FlushPolicy::Fsync));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn what_is_acknowledged_is_read(steps in proptest::collection::vec(step(), 1..60), zstd: bool) {
        run(steps, &config(zstd, FlushPolicy::Fsync));
    }

    #[test]
    fn an_orderly_close_needs_no_flush_policy(steps in proptest::collection::vec(step(), 1..40)) {
        run(steps.clone(), &config(false, FlushPolicy::Os));
        run(steps, &config(false, FlushPolicy::Interval(std::time::Duration::from_millis(1))));
    }
}
