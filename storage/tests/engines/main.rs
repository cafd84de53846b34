//! What every engine must do that keeps records behind [`RecordLog`]: one suite, held against the log
//! on the disk and against one in memory that numbers each lane for itself.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod memory;

use std::collections::BTreeMap;
use std::time::Duration;

use anabranch_storage::{Config, FailureKind, LaneBatch, LaneId, LanePositions, Log, Position, ReadLimit, RecordLog};
use memory::MemoryLog;
use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

const LANES: u32 = 3;

/// Something that is done to a log.
#[derive(Debug, Clone)]
enum Step {
    /// Batches of records of these sizes, at a time that may lie before the last.
    Append {
        at_ms: u64,
        batches: Vec<(u32, Vec<usize>)>,
    },
    Barrier,
    /// From that record of the lane on, counted from its end.
    Read {
        lane: u32,
        back: usize,
        limit: (usize, usize),
    },
    Seek {
        lane: u32,
        at_ms: u64,
    },
    TrimBefore {
        at_ms: u64,
    },
    TrimTo {
        lane: u32,
        back: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let sizes = proptest::collection::vec(prop_oneof![0..200usize, Just(20_000)], 0..5);
    let batches = proptest::collection::vec((0..LANES, sizes), 0..4);
    let lane = 0..LANES;
    let limit = (1..20usize, prop_oneof![0..1_000usize, Just(1 << 20)]);
    let step = prop_oneof![
        6 => (0..1_000u64, batches).prop_map(|(at_ms, batches)| Step::Append { at_ms, batches }),
        1 => Just(Step::Barrier),
        4 => (lane.clone(), 0..20usize, limit).prop_map(|(lane, back, limit)| Step::Read { lane, back, limit }),
        2 => (lane.clone(), 0..1_000u64).prop_map(|(lane, at_ms)| Step::Seek { lane, at_ms }),
        1 => (0..1_000u64).prop_map(|at_ms| Step::TrimBefore { at_ms }),
        1 => (lane, 0..20usize).prop_map(|(lane, back)| Step::TrimTo { lane, back }),
    ];
    proptest::collection::vec(step, 1..40)
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    position: Position,
    timestamp_ms: u64,
    data: Vec<u8>,
}

/// What a log must hold.
#[derive(Default)]
struct Model {
    lanes: BTreeMap<LaneId, Vec<Held>>,
    /// What the last barrier returned.
    floor: Position,
    appended: u8,
}

impl Model {
    fn lane(&self, lane: LaneId) -> &[Held] {
        self.lanes.get(&lane).map_or(&[], Vec::as_slice)
    }

    /// The position of the record that is so many before the lane's end.
    fn back(&self, lane: LaneId, count: usize) -> Position {
        let records = self.lane(lane);
        records.len().checked_sub(count).and_then(|at| records.get(at)).map_or(Position(0), |record| record.position)
    }

    fn append(&mut self, runtime: &Runtime, log: &dyn RecordLog, at_ms: u64, batches: &[(u32, Vec<usize>)]) {
        let mut data = Vec::new();
        for (_, sizes) in batches {
            let record = |size: &usize| {
                self.appended = self.appended.wrapping_add(1);
                vec![self.appended; *size]
            };
            data.push(sizes.iter().map(record).collect::<Vec<_>>());
        }
        let slices: Vec<Vec<&[u8]>> = data.iter().map(|records| records.iter().map(Vec::as_slice).collect()).collect();
        let with_lane = |(batch, records): (&(u32, _), &Vec<_>)| (LaneId(batch.0), records.clone());
        let pairs: Vec<(LaneId, Vec<&[u8]>)> = batches.iter().zip(&slices).map(with_lane).collect();
        let given: Vec<LaneBatch<'_>> =
            pairs.iter().map(|(lane, records)| LaneBatch { lane: *lane, records }).collect();
        let appended = log.append(at_ms, &given).unwrap();
        assert_eq!(appended.first_positions().len(), batches.len());
        let (firsts, timestamp_ms) = (appended.first_positions().to_vec(), appended.timestamp_ms());
        runtime.block_on(appended).unwrap();
        assert!(timestamp_ms >= at_ms);
        for ((lane, records), first) in pairs.into_iter().zip(firsts) {
            let held = self.lanes.entry(lane).or_default();
            for (position, data) in (first.0..).map(Position).zip(records) {
                assert!(position >= self.floor, "what follows a barrier lies behind it");
                assert!(held.last().is_none_or(|last| last.position < position && last.timestamp_ms <= timestamp_ms));
                assert!(log.watermark().of(lane) > position, "it is acknowledged");
                held.push(Held { position, timestamp_ms, data: data.to_vec() });
            }
        }
    }

    /// What was dropped must have been allowed to go.
    fn trimmed(&mut self, log: &dyn RecordLog, may_go: impl Fn(LaneId, &Held) -> bool) {
        for (lane, held) in &mut self.lanes {
            let start = log.start(*lane);
            let gone = held.iter().filter(|record| record.position < start);
            for record in gone {
                assert!(may_go(*lane, record), "{record:?} of lane {lane} was dropped");
            }
            held.retain(|record| record.position >= start);
        }
    }

    fn check_read(&self, log: &dyn RecordLog, lane: LaneId, from: Position, limit: ReadLimit) {
        let found = log.read(lane, from, limit).unwrap();
        let mut bytes = 0;
        let fits = |(number, record): &(usize, &Held)| {
            let fits = bytes + record.data.len() <= limit.bytes || *number == 0;
            bytes += record.data.len();
            fits && *number < limit.records
        };
        let wanted = self.lane(lane).iter().filter(|record| record.position >= from).enumerate().take_while(fits);
        let wanted: Vec<Held> = wanted.map(|(_, record)| record.clone()).collect();
        let got: Vec<Held> = found
            .iter()
            .map(|record| Held {
                position: record.position,
                timestamp_ms: record.timestamp_ms,
                data: record.data.to_vec(),
            })
            .collect();
        assert_eq!(got, wanted);
        let behind = self.lane(lane).iter().find(|record| record.position >= found.next());
        let unread = self.lane(lane).iter().filter(|record| record.position >= from).nth(wanted.len());
        assert_eq!(behind, unread, "the next read passes over nothing and repeats nothing");
    }

    fn check_seek(&self, log: &dyn RecordLog, lane: LaneId, at_ms: u64) {
        let found = log.seek_time(lane, at_ms).unwrap();
        match self.lane(lane).iter().find(|record| record.timestamp_ms >= at_ms) {
            // Several records of a batch share a time, and what was dropped may have had it.
            Some(first) => assert!(found <= first.position, "{found} is behind {first:?}"),
            None => assert!(self.lane(lane).iter().all(|record| record.position < found)),
        }
        let earlier = self.lane(lane).iter().filter(|record| record.timestamp_ms < at_ms);
        assert!(earlier.max_by_key(|record| record.position).is_none_or(|record| record.position < found));
    }

    fn perform(&mut self, runtime: &Runtime, log: &dyn RecordLog, step: &Step) {
        match step {
            Step::Append { at_ms, batches } => self.append(runtime, log, *at_ms, batches),
            Step::Barrier => {
                self.floor = log.barrier().unwrap();
                let below = |record: &Held| record.position < self.floor;
                assert!(self.lanes.values().flatten().all(below), "all that was appended lies below");
            }
            Step::Read { lane, back, limit: (records, bytes) } => {
                let lane = LaneId(*lane);
                let from = self.back(lane, *back);
                self.check_read(log, lane, from, ReadLimit { records: *records, bytes: *bytes });
            }
            Step::Seek { lane, at_ms } => self.check_seek(log, LaneId(*lane), *at_ms),
            Step::TrimBefore { at_ms } => {
                log.trim_before(*at_ms).unwrap();
                self.trimmed(log, |_, record| record.timestamp_ms < *at_ms);
            }
            Step::TrimTo { lane, back } => {
                let to = LanePositions::own([(LaneId(*lane), self.back(LaneId(*lane), *back))]);
                log.trim_to(&to).unwrap();
                self.trimmed(log, |lane, record| record.position < to.of(lane));
            }
        }
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn follow(log: &dyn RecordLog, steps: &[Step]) {
    let (runtime, mut model) = (runtime(), Model::default());
    steps.iter().for_each(|step| model.perform(&runtime, log, step));
    for lane in (0..LANES).map(LaneId) {
        model.check_read(log, lane, Position(0), ReadLimit { records: usize::MAX, bytes: usize::MAX });
    }
}

fn on_disk() -> (tempfile::TempDir, Log) {
    let directory = tempfile::tempdir().unwrap();
    // So small that records of 20,000 bytes fill it.
    let config = Config { segment_bytes_min: 64 << 10, segment_bytes_max: 64 << 10, ..Config::default() };
    let (log, _) = Log::open(directory.path(), config).unwrap();
    (directory, log)
}

/// Both engines, each of which is dropped before the next begins.
fn with_each(work: impl Fn(Box<dyn RecordLog>)) {
    work(Box::new(MemoryLog::default()));
    let (_directory, log) = on_disk();
    work(Box::new(log));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_log_on_the_disk_does_what_is_asked(steps in steps()) {
        let (_directory, log) = on_disk();
        follow(&log, &steps);
    }

    #[test]
    fn a_log_in_memory_does_what_is_asked(steps in steps()) {
        follow(&MemoryLog::default(), &steps);
    }
}

#[test]
fn who_waits_is_told_of_what_others_append() {
    with_each(|log| {
        let lane = LaneId(1);
        let waiting = log.past(lane, log.watermark().of(lane));
        std::thread::scope(|scope| {
            let appending = scope.spawn(|| log.append(1, &[LaneBatch { lane, records: &[b"click"] }]).unwrap());
            let acknowledged = appending.join().unwrap();
            runtime().block_on(async {
                acknowledged.await.unwrap();
                tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("the wait does not end");
            });
        });
        let behind = log.watermark();
        assert!(behind.of(lane) > Position(0));
        assert!(!behind.is_ahead_of(&log.watermark()));
    });
}

#[test]
fn records_that_nobody_waits_for_are_appended_all_the_same() {
    with_each(|log| {
        let lane = LaneId(2);
        drop(log.append(1, &[LaneBatch { lane, records: &[b"click", b"clack"] }]).unwrap());
        let end = log.barrier().unwrap();
        let found = log.read(lane, Position(0), ReadLimit { records: 10, bytes: 1 << 20 }).unwrap();
        let data: Vec<&[u8]> = found.iter().map(|record| record.data).collect();
        assert_eq!(data, [b"click", b"clack"]);
        assert!(found.iter().all(|record| record.position < end));
    });
}

#[test]
fn a_failure_of_the_disk_is_told_without_its_words() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config { record_bytes_max: 10, ..Config::default() };
    let (log, _) = Log::open(directory.path(), config).unwrap();
    let log: &dyn RecordLog = &log;
    let failure = log.append(1, &[LaneBatch { lane: LaneId(0), records: &[&[0; 11]] }]).unwrap_err();
    assert_eq!(failure.kind, FailureKind::RecordTooLarge { bytes: 11, limit: 10 });
}
