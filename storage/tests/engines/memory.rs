//! An engine that keeps its records in memory and numbers each lane for itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use anabranch_storage::{
    Acknowledgement, Failure, LaneBatch, LaneId, LanePositions, Position, ReadLimit, Record, RecordLog, Records,
    Waiting,
};
use tokio::sync::watch;

#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryLog(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    appended: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    lanes: BTreeMap<LaneId, Lane>,
    /// Positions given from now on are not below.
    floor: u64,
    timestamp_ms: u64,
}

#[derive(Debug, Default)]
struct Lane {
    records: Vec<(Position, u64, Vec<u8>)>,
    start: u64,
    end: u64,
}

impl Lane {
    fn drop_while(&mut self, is_old: impl Fn(&(Position, u64, Vec<u8>)) -> bool) -> usize {
        let count = self.records.iter().take_while(|record| is_old(record)).count();
        if let Some((last, ..)) = self.records.drain(..count).next_back() {
            self.start = last.0 + 1;
        }
        count
    }
}

impl MemoryLog {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.state.lock().unwrap())
    }
}

impl RecordLog for MemoryLog {
    fn append(&self, timestamp_ms: u64, batches: &[LaneBatch<'_>]) -> Result<Acknowledgement, Failure> {
        let (firsts, timestamp_ms) = self.with(|state| {
            state.timestamp_ms = state.timestamp_ms.max(timestamp_ms);
            let (floor, timestamp_ms) = (state.floor, state.timestamp_ms);
            let mut append = |batch: &LaneBatch<'_>| {
                let lane = state.lanes.entry(batch.lane).or_default();
                let first = lane.end.max(floor);
                let with_place =
                    |(number, data): (usize, &&[u8])| (Position(first + number as u64), timestamp_ms, data.to_vec());
                lane.records.extend(batch.records.iter().enumerate().map(with_place));
                lane.end = first + batch.records.len() as u64;
                Position(first)
            };
            (batches.iter().map(&mut append).collect(), timestamp_ms)
        });
        self.0.appended.send_replace(());
        Ok(Acknowledgement::new(firsts, timestamp_ms, async { Ok(()) }))
    }

    fn read(&self, lane: LaneId, from: Position, limit: ReadLimit) -> Result<Records, Failure> {
        self.with(|state| {
            let mut found = Records::starting(from);
            let Some(lane) = state.lanes.get(&lane) else { return Ok(found) };
            let mut bytes = 0;
            for (position, timestamp_ms, data) in lane.records.iter().filter(|(position, ..)| *position >= from) {
                let fits = found.is_empty() || bytes + data.len() <= limit.bytes;
                if found.len() == limit.records || !fits {
                    return Ok(found);
                }
                bytes += data.len();
                found.push(Record { position: *position, timestamp_ms: *timestamp_ms, data });
            }
            Ok(found)
        })
    }

    fn seek_time(&self, lane: LaneId, timestamp_ms: u64) -> Result<Position, Failure> {
        self.with(|state| {
            let Some(lane) = state.lanes.get(&lane) else { return Ok(Position(0)) };
            let found = lane.records.iter().find(|(_, time, _)| *time >= timestamp_ms);
            Ok(found.map_or(Position(lane.end), |(position, ..)| *position))
        })
    }

    fn start(&self, lane: LaneId) -> Position {
        self.with(|state| Position(state.lanes.get(&lane).map_or(0, |lane| lane.start)))
    }

    fn watermark(&self) -> LanePositions {
        self.with(|state| LanePositions::own(state.lanes.iter().map(|(id, lane)| (*id, Position(lane.end)))))
    }

    fn past(&self, lane: LaneId, position: Position) -> Waiting {
        let (log, mut appended) = (self.clone(), self.0.appended.subscribe());
        Box::pin(async move { while log.watermark().of(lane) <= position && appended.changed().await.is_ok() {} })
    }

    fn barrier(&self) -> Result<Position, Failure> {
        self.with(|state| {
            state.floor = state.lanes.values().map(|lane| lane.end).max().unwrap_or(0).max(state.floor);
            Ok(Position(state.floor))
        })
    }

    fn trim_before(&self, timestamp_ms: u64) -> Result<usize, Failure> {
        self.with(|state| {
            Ok(state.lanes.values_mut().map(|lane| lane.drop_while(|(_, at, _)| *at < timestamp_ms)).sum())
        })
    }

    fn trim_to(&self, positions: &LanePositions) -> Result<usize, Failure> {
        self.with(|state| {
            let trim = |(id, lane): (&LaneId, &mut Lane)| lane.drop_while(|(at, ..)| *at < positions.of(*id));
            Ok(state.lanes.iter_mut().map(trim).sum())
        })
    }
}
