//! What a log must hold, kept in the simplest way.

use std::collections::BTreeMap;

use anabranch_storage::{Error, LaneId, Log, Position, ReadLimit};

/// Lanes that a run uses.
pub(crate) const LANES: u32 = 4;

/// One record: its lane, its time, its bytes.
pub(crate) type Entry = (u32, u64, Vec<u8>);

/// Records by position, acknowledged and not.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// Acknowledged, or seen by a reader, or found by an earlier recovery: must be there.
    pub(crate) durable: BTreeMap<u64, Entry>,
    /// Appended without an acknowledgement: may be there, frame by frame.
    pub(crate) pending: Vec<BTreeMap<u64, Entry>>,
    /// All positions below may have been dropped.
    pub(crate) trimmed: u64,
}

/// What a log was found to hold.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) records: BTreeMap<u64, Entry>,
    /// Ranges of positions that reading reported as damaged.
    pub(crate) damaged: Vec<(u64, u64)>,
}

/// Reads all lanes from the start, going on behind damage.
pub(crate) fn read_all(log: &Log) -> Result<Found, String> {
    let mut found = Found::default();
    for lane in 0..LANES {
        let mut from = Position(0);
        loop {
            match log.read(LaneId(lane), from, ReadLimit { records: 500, bytes: 1 << 20 }) {
                Ok(records) if records.is_empty() => break,
                Ok(records) => {
                    for record in records.iter() {
                        if record.position < from {
                            return Err(format!("lane {lane}: position {} read after {from}", record.position));
                        }
                        let entry = (lane, record.timestamp_ms, record.data.to_vec());
                        if found.records.insert(record.position.0, entry).is_some() {
                            return Err(format!("position {} read twice", record.position));
                        }
                    }
                    from = records.next();
                }
                Err(Error::Damaged(damage)) if damage.resume > from => {
                    found.damaged.push((damage.first.0, damage.resume.0));
                    from = damage.resume;
                }
                Err(error) => return Err(format!("reading lane {lane} from {from}: {error}")),
            }
        }
    }
    Ok(found)
}

impl Model {
    /// Moves appends below `end` to what must be there: they were acknowledged, or shown.
    pub(crate) fn acknowledge(&mut self, end: u64) {
        let is_below = |frame: &BTreeMap<u64, Entry>| frame.last_key_value().is_some_and(|(last, _)| *last < end);
        let (shown, pending) = std::mem::take(&mut self.pending).into_iter().partition(is_below);
        self.pending = pending;
        let shown: Vec<BTreeMap<u64, Entry>> = shown;
        shown.into_iter().for_each(|frame| self.durable.extend(frame));
    }

    /// Compares with what a log holds that was just opened, and takes over what recovery decided.
    pub(crate) fn check_opened(&mut self, log: &Log, found: &Found) -> Result<(), String> {
        let start = log.start().0;
        if start > self.trimmed && self.durable.range(self.trimmed..start).next().is_some() {
            return Err(format!(
                "the log starts at {start}, though only positions below {} were dropped",
                self.trimmed
            ));
        }
        self.durable = self.durable.split_off(&start);
        for (position, entry) in &self.durable {
            match found.records.get(position) {
                Some(there) if there == entry => {}
                Some(_) => return Err(format!("another record at {position}")),
                None => return Err(format!("the acknowledged record at {position} is lost")),
            }
        }
        for frame in std::mem::take(&mut self.pending) {
            let there = frame.iter().filter(|(position, entry)| found.records.get(position) == Some(entry)).count();
            let above_start = frame.range(start..).count();
            if there == above_start {
                self.durable.extend(frame.into_iter().filter(|(position, _)| *position >= start));
            } else if there > 0 {
                return Err(format!("a frame of {} records came back by half", frame.len()));
            }
        }
        match found.records.keys().find(|position| !self.durable.contains_key(position)) {
            Some(position) => Err(format!("a record at {position} that nobody appended")),
            None if log.visible().0 < self.durable.last_key_value().map_or(0, |(last, _)| last + 1) => {
                Err("positions would be given twice".into())
            }
            None => Ok(()),
        }
    }

    /// Compares with what a damaged log holds: what is missing is reported, what is there is right.
    /// Below `excused`, it may be missing all the same.
    pub(crate) fn check_damaged(&self, found: &Found, reported: &[(u64, u64)], excused: u64) -> Result<(), String> {
        let mut ranges = found.damaged.iter().chain(reported);
        for (position, entry) in &self.durable {
            match found.records.get(position) {
                Some(there) if there == entry => {}
                Some(_) => return Err(format!("damage made another record at {position}")),
                None if ranges.clone().any(|(first, resume)| (*first..*resume).contains(position)) => {}
                None if *position < excused => {}
                None => return Err(format!("the record at {position} is lost in silence")),
            }
        }
        match found.records.keys().find(|position| !self.durable.contains_key(position)) {
            Some(position) if !ranges.any(|(first, resume)| (*first..*resume).contains(position)) => {
                Err(format!("damage made a record at {position}"))
            }
            _ => Ok(()),
        }
    }
}
