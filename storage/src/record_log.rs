//! What services ask of a log, whichever engine keeps it.
//!
//! [`RecordLog`] speaks of lanes, positions and acknowledgements, not of where or how records are
//! kept: [`Log`] is the engine on a disk of this machine, and one that spreads its lanes over several
//! machines can stand in its place. Opening, closing and watching over a log are the engine's own
//! matter and not part of it. `tests/engines` holds every engine to the same suite.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::append::{Appended, LaneBatch};
use crate::error::Error;
use crate::log::Log;
use crate::position::{LaneId, Position};
use crate::reader::{ReadLimit, Records};

/// Records in lanes. Positions increase along a lane; those of one batch are dense. Between lanes they
/// mean nothing, but for [`RecordLog::barrier`].
pub trait RecordLog: Debug + Send + Sync {
    /// Appends `batches` and returns at once; the result completes with the engine's acknowledgement,
    /// from when on no failure that the engine is made for loses the records. Each batch survives
    /// whole or up to one of its records. `timestamp_ms` (since the Unix epoch) is raised where
    /// needed, so that times never decrease along a lane.
    ///
    /// # Errors
    /// When nothing was appended; [`FailureKind`] says whether trying again helps.
    fn append(&self, timestamp_ms: u64, batches: &[LaneBatch<'_>]) -> Result<Acknowledgement, Failure>;

    /// Reads acknowledged records of `lane` at or after `from`, in order, from [`RecordLog::start`] on
    /// at the earliest.
    ///
    /// # Errors
    /// [`FailureKind::Lost`] when the next record is lost; reading from its `resume` passes over that.
    fn read(&self, lane: LaneId, from: Position, limit: ReadLimit) -> Result<Records, Failure>;

    /// The first position of `lane` whose time is at or after `timestamp_ms`; the lane's watermark if
    /// there is none.
    ///
    /// # Errors
    /// When the engine can't look.
    fn seek_time(&self, lane: LaneId, timestamp_ms: u64) -> Result<Position, Failure>;

    /// Where `lane` begins: nothing before that is held any more.
    fn start(&self, lane: LaneId) -> Position;

    /// The watermark: all acknowledged records of a lane lie below its position, and can be read.
    fn watermark(&self) -> LanePositions;

    /// Completes once the watermark of `lane` is past `position`, or can't get there any more.
    fn past(&self, lane: LaneId, position: Position) -> Waiting;

    /// Waits until all that was appended is acknowledged, and returns a position above all of it: what
    /// is appended from then on, in whatever lane, lies at or above. Lanes are sealed by it, for
    /// whoever keeps others from appending to them meanwhile and afterwards. Blocks.
    ///
    /// # Errors
    /// When something will never be acknowledged.
    fn barrier(&self) -> Result<Position, Failure>;

    /// Allows the engine to drop records older than `timestamp_ms`. Returns how many pieces of the log
    /// it dropped; it may keep what it can't drop by itself.
    ///
    /// # Errors
    /// When the engine can't; some may be dropped then.
    fn trim_before(&self, timestamp_ms: u64) -> Result<usize, Failure>;

    /// As [`RecordLog::trim_before`], of records below their lane's position.
    ///
    /// # Errors
    /// As [`RecordLog::trim_before`].
    fn trim_to(&self, positions: &LanePositions) -> Result<usize, Failure>;
}

/// See [`RecordLog::past`].
pub type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A position in each lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanePositions(Lanes);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Lanes {
    /// Lanes share their numbering.
    Shared(Position),
    /// Each counts for itself.
    Own(Arc<BTreeMap<LaneId, Position>>),
}

impl LanePositions {
    /// The same position in every lane.
    pub fn shared(position: Position) -> Self {
        Self(Lanes::Shared(position))
    }

    /// A position of its own for each lane; 0 for one that is not named.
    pub fn own(positions: impl IntoIterator<Item = (LaneId, Position)>) -> Self {
        Self(Lanes::Own(Arc::new(positions.into_iter().collect())))
    }

    /// The position in `lane`.
    pub fn of(&self, lane: LaneId) -> Position {
        match &self.0 {
            Lanes::Shared(position) => *position,
            Lanes::Own(positions) => positions.get(&lane).copied().unwrap_or_default(),
        }
    }

    /// Whether it is ahead of `other` in some lane.
    pub fn is_ahead_of(&self, other: &Self) -> bool {
        match &self.0 {
            Lanes::Shared(position) => *position > other.least(),
            Lanes::Own(positions) => positions.iter().any(|(lane, position)| *position > other.of(*lane)),
        }
    }

    /// What no lane is behind.
    fn least(&self) -> Position {
        match &self.0 {
            Lanes::Shared(position) => *position,
            // There is always a lane that is not named.
            Lanes::Own(_) => Position(0),
        }
    }
}

/// An append on its way. As a future it completes once the engine has acknowledged it; dropping it takes
/// nothing back.
#[derive(Debug)]
#[must_use = "records are acknowledged only once this completes"]
pub struct Acknowledgement(Pending);

enum Pending {
    /// Without a detour over the heap, for it comes with every append.
    Log(Appended),
    Other {
        first_positions: Vec<Position>,
        timestamp_ms: u64,
        acknowledged: Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>,
    },
}

impl Debug for Pending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(appended) => appended.fmt(formatter),
            Self::Other { first_positions, timestamp_ms, .. } => {
                formatter.debug_tuple("Other").field(first_positions).field(timestamp_ms).finish_non_exhaustive()
            }
        }
    }
}

impl Acknowledgement {
    /// For an engine: the append was given these positions and this time, and is acknowledged once
    /// `acknowledged` completes.
    pub fn new(
        first_positions: Vec<Position>,
        timestamp_ms: u64,
        acknowledged: impl Future<Output = Result<(), Failure>> + Send + 'static,
    ) -> Self {
        Self(Pending::Other { first_positions, timestamp_ms, acknowledged: Box::pin(acknowledged) })
    }

    /// First position of each batch, in the order given; a batch's records follow it densely.
    pub fn first_positions(&self) -> &[Position] {
        match &self.0 {
            Pending::Log(appended) => appended.first_positions(),
            Pending::Other { first_positions, .. } => first_positions,
        }
    }

    /// The time that the records carry, in milliseconds since the Unix epoch.
    pub fn timestamp_ms(&self) -> u64 {
        match &self.0 {
            Pending::Log(appended) => appended.timestamp_ms(),
            Pending::Other { timestamp_ms, .. } => *timestamp_ms,
        }
    }
}

impl Future for Acknowledgement {
    type Output = Result<(), Failure>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().0 {
            Pending::Log(appended) => Pin::new(appended).poll(context).map_err(Failure::from),
            Pending::Other { acknowledged, .. } => acknowledged.as_mut().poll(context),
        }
    }
}

/// Why an engine did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{description}")]
pub struct Failure {
    /// What it means to the caller.
    pub kind: FailureKind,
    /// What happened, for those who run the engine: it may name its insides.
    pub description: String,
}

/// What a failure means to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// There is no room for so many bytes. Nothing was appended; try again once there is.
    NoSpace {
        /// Bytes that were asked for.
        bytes: u64,
    },
    /// Something that the engine needs is used up for the moment. Nothing was changed; try again.
    Exhausted,
    /// The engine can't vouch for appends until the log is opened again.
    Poisoned,
    /// The log is closed; open it again.
    Closed,
    /// There is no log where one should be.
    Missing,
    /// Acknowledged records are lost.
    Lost {
        /// The lane, where that is known.
        lane: Option<LaneId>,
        /// The first position lost.
        first: Position,
        /// The first position behind the loss.
        resume: Position,
    },
    /// A record is larger than the log takes.
    RecordTooLarge {
        /// Size of the record.
        bytes: u64,
        /// The most that is taken.
        limit: u64,
    },
    /// Anything else.
    Other,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::NoSpace { bytes, .. } => FailureKind::NoSpace { bytes: *bytes },
            Error::TooManyOpenFiles { .. } => FailureKind::Exhausted,
            Error::Poisoned { .. } => FailureKind::Poisoned,
            Error::Closed => FailureKind::Closed,
            Error::NoLog { .. } => FailureKind::Missing,
            Error::Damaged(damage) => {
                FailureKind::Lost { lane: damage.lane, first: damage.first, resume: damage.resume }
            }
            Error::RecordTooLarge { bytes, limit } => FailureKind::RecordTooLarge { bytes: *bytes, limit: *limit },
            _ => FailureKind::Other,
        };
        Self { kind, description: error.to_string() }
    }
}

/// Lanes share the log's numbering.
impl RecordLog for Log {
    fn append(&self, timestamp_ms: u64, batches: &[LaneBatch<'_>]) -> Result<Acknowledgement, Failure> {
        Ok(Acknowledgement(Pending::Log(self.append(timestamp_ms, batches)?)))
    }

    fn read(&self, lane: LaneId, from: Position, limit: ReadLimit) -> Result<Records, Failure> {
        Ok(self.read(lane, from, limit)?)
    }

    fn seek_time(&self, lane: LaneId, timestamp_ms: u64) -> Result<Position, Failure> {
        Ok(self.seek_time(lane, timestamp_ms)?)
    }

    fn start(&self, _: LaneId) -> Position {
        self.start()
    }

    fn watermark(&self) -> LanePositions {
        LanePositions::shared(self.visible())
    }

    fn past(&self, _: LaneId, position: Position) -> Waiting {
        Box::pin(self.visible_past(position))
    }

    fn barrier(&self) -> Result<Position, Failure> {
        self.flush()?;
        Ok(self.visible())
    }

    fn trim_before(&self, timestamp_ms: u64) -> Result<usize, Failure> {
        Ok(self.trim_before(timestamp_ms)?)
    }

    fn trim_to(&self, positions: &LanePositions) -> Result<usize, Failure> {
        Ok(self.trim_to(positions.least())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_compared_by_lane() {
        let shared = |position| LanePositions::shared(Position(position));
        assert!(shared(5).is_ahead_of(&shared(4)) && !shared(5).is_ahead_of(&shared(5)));
        let own = |one, two| LanePositions::own([(LaneId(1), Position(one)), (LaneId(2), Position(two))]);
        assert!(own(1, 9).is_ahead_of(&own(2, 8)) && own(2, 8).is_ahead_of(&own(1, 9)));
        assert!(!own(1, 8).is_ahead_of(&own(1, 9)));
        assert_eq!(
            (own(3, 4).of(LaneId(2)), own(3, 4).of(LaneId(7)), shared(6).of(LaneId(7))),
            (Position(4), Position(0), Position(6))
        );
    }
}
