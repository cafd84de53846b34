//! The open log of a log group: a lane for each of its streams, and what is known of the streams
//! since the last checkpoint.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use anabranch_control::ControlStore;
use anabranch_storage::{
    Acknowledgement, Failure, FailureKind, LaneBatch, LaneId, Log, Position, ReadLimit, RecordLog, Records,
};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::batch::Batch;
use crate::error::StoreError;
use crate::limits::{CHANGED_STREAMS_MAX, CHECKPOINT_BYTES_MAX};
use crate::stored::{STREAMS, StoredGroup, StoredStream, key};

/// What one read of the log takes while streams are brought up to date.
const READ: ReadLimit = ReadLimit { records: 256, bytes: 4 << 20 };
/// One record.
const ONE: ReadLimit = ReadLimit { records: 1, bytes: 1 };

pub(crate) struct GroupLog {
    id: Uuid,
    control: ControlStore,
    pub(crate) log: Log,
    state: Mutex<State>,
}

/// What is newer than the checkpoint.
struct State {
    /// Streams that got events since. At most [`CHANGED_STREAMS_MAX`] and those of puts under way.
    changed: HashMap<String, StoredStream>,
    /// The position behind all that was appended.
    end: u64,
    bytes_since: u64,
    stored_bytes: u64,
}

/// A put that was appended and is on its way to the disk.
pub(crate) struct Appended {
    pub(crate) position: u64,
    pub(crate) acknowledgement: Acknowledgement,
    /// It is time for a checkpoint.
    pub(crate) is_due: bool,
}

/// What a checkpoint stores.
pub(crate) struct Snapshot {
    pub(crate) streams: BTreeMap<String, StoredStream>,
    pub(crate) end: u64,
    pub(crate) stored_bytes: u64,
}

impl GroupLog {
    /// Takes over an opened log, and brings its streams up to date where the program ended before a
    /// checkpoint.
    pub(crate) fn new(control: ControlStore, row: &StoredGroup, log: Log) -> Result<Self, StoreError> {
        let end = log.visible().0;
        let state = State { changed: HashMap::new(), end, bytes_since: 0, stored_bytes: row.stored_bytes };
        let group_log = Self { id: row.id, control, log, state: Mutex::new(state) };
        if end > row.checkpoint {
            group_log.catch_up(row.checkpoint)?;
        }
        Ok(group_log)
    }

    /// Reads what every stream got from `checkpoint` on.
    fn catch_up(&self, checkpoint: u64) -> Result<(), StoreError> {
        let mut failed = None;
        let prefix = key(self.id, "");
        self.control.visit::<StoredStream>(STREAMS, &prefix, &prefix, |row_key, mut stream| {
            let found = self.catch_up_stream(&mut stream, checkpoint);
            match found {
                Ok(0) => {}
                Ok(bytes) => {
                    let mut state = self.state.lock();
                    state.stored_bytes += bytes;
                    state.bytes_since += bytes;
                    state.changed.insert(row_key[prefix.len()..].to_string(), stream);
                }
                Err(error) => failed = Some(error),
            }
            if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn catch_up_stream(&self, stream: &mut StoredStream, checkpoint: u64) -> Result<u64, StoreError> {
        let mut next = checkpoint.max(stream.end);
        let mut bytes = 0;
        loop {
            let records = self.read(stream.lane, next, READ)?;
            for record in records.iter() {
                if let Ok(batch) = Batch::of(record.data) {
                    let more = batch.stored_bytes();
                    stream.add(record.position.0, record.timestamp_ms, batch.first_ms, batch.last_ms, more);
                    bytes += more;
                }
            }
            if records.is_empty() {
                return Ok(bytes);
            }
            next = records.next().0;
        }
    }

    /// Records of `lane` from `position` on; what is damaged is passed over.
    pub(crate) fn read(&self, lane: u32, position: u64, limit: ReadLimit) -> Result<Records, Failure> {
        let mut from = Position(position);
        loop {
            match RecordLog::read(&self.log, LaneId(lane), from, limit) {
                Err(Failure { kind: FailureKind::Lost { resume, .. }, description }) if resume > from => {
                    tracing::error!(group = %self.id, description, "events of a log stream are lost");
                    from = resume;
                }
                outcome => return outcome,
            }
        }
    }

    /// The first record of `lane` at or behind `position` and before `end`.
    pub(crate) fn first(&self, lane: u32, position: u64, end: u64) -> Result<Option<Records>, Failure> {
        if position >= end {
            return Ok(None);
        }
        let records = self.read(lane, position, ONE)?;
        let is_before = records.iter().next().is_some_and(|record| record.position.0 < end);
        Ok(is_before.then_some(records))
    }

    /// All below it can be read.
    pub(crate) fn visible(&self) -> u64 {
        self.log.visible().0
    }

    /// Whether it takes no more puts until it is opened again.
    pub(crate) fn is_broken(&self) -> bool {
        self.log.is_closed() || self.log.health().poisoned.is_some()
    }

    /// The stream called `name`.
    pub(crate) fn stream(&self, name: &str) -> Result<Option<StoredStream>, StoreError> {
        if let Some(stream) = self.state.lock().changed.get(name) {
            return Ok(Some(stream.clone()));
        }
        Ok(self.control.get(STREAMS, &key(self.id, name))?)
    }

    /// Shows `look` the streams whose name starts with `prefix` and is not before `from`, in order of
    /// their names, until it breaks.
    pub(crate) fn visit_streams(
        &self,
        prefix: &str,
        from: &str,
        mut look: impl FnMut(&str, &StoredStream) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let changed = self.state.lock().changed.clone();
        let before = key(self.id, "").len();
        let look = |row_key: &str, stored: StoredStream| {
            let name = &row_key[before..];
            look(name, changed.get(name).unwrap_or(&stored))
        };
        Ok(self.control.visit(STREAMS, &key(self.id, prefix), &key(self.id, from), look)?)
    }

    /// Appends a put to the stream `name`; it is not on the disk yet.
    pub(crate) fn append(&self, name: &str, now_ms: u64, record: &[u8]) -> Result<Appended, StoreError> {
        let batch =
            Batch::of(record).map_err(|error| Failure { kind: FailureKind::Other, description: error.to_string() })?;
        let mut state = self.state.lock();
        let mut stream = match state.changed.remove(name) {
            Some(stream) => stream,
            None => self.control.get(STREAMS, &key(self.id, name))?.ok_or(StoreError::NoStream)?,
        };
        let appended =
            RecordLog::append(&self.log, now_ms, &[LaneBatch { lane: LaneId(stream.lane), records: &[record] }]);
        let outcome = appended.map(|acknowledgement| {
            let position = acknowledgement.first_positions().first().map_or(0, |position| position.0);
            let bytes = batch.stored_bytes();
            stream.add(position, acknowledgement.timestamp_ms(), batch.first_ms, batch.last_ms, bytes);
            state.end = state.end.max(position + 1);
            state.bytes_since += bytes;
            state.stored_bytes += bytes;
            (position, acknowledgement)
        });
        state.changed.insert(name.to_string(), stream);
        let is_due = state.bytes_since >= CHECKPOINT_BYTES_MAX || state.changed.len() > CHANGED_STREAMS_MAX;
        if is_due {
            // So that one of those who put at once makes it.
            state.bytes_since = 0;
        }
        let (position, acknowledgement) = outcome?;
        Ok(Appended { position, acknowledgement, is_due })
    }

    /// Bytes of events, as AWS counts them.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.state.lock().stored_bytes
    }

    /// What a checkpoint has to store, if anything; it is on the disk.
    pub(crate) fn snapshot(&self) -> Result<Option<Snapshot>, StoreError> {
        let snapshot = {
            let state = self.state.lock();
            if state.changed.is_empty() {
                return Ok(None);
            }
            Snapshot {
                streams: state.changed.iter().map(|(name, stream)| (name.clone(), stream.clone())).collect(),
                end: state.end,
                stored_bytes: state.stored_bytes,
            }
        };
        self.log.flush()?;
        Ok(Some(snapshot))
    }

    /// The snapshot is stored: what did not change since need not be remembered.
    pub(crate) fn stored(&self, snapshot: &Snapshot) {
        let mut state = self.state.lock();
        for (name, stored) in &snapshot.streams {
            if state.changed.get(name).is_some_and(|stream| stream.end == stored.end) {
                state.changed.remove(name);
            }
        }
    }

    /// The stream `name` is gone, with so many bytes of events.
    pub(crate) fn forget(&self, name: &str, bytes: u64) {
        let mut state = self.state.lock();
        state.changed.remove(name);
        state.stored_bytes = state.stored_bytes.saturating_sub(bytes);
    }
}
