//! Mistakes that the log can be told to make, to show that its tests would find them. Only with
//! the feature `faults`, which nothing but `storage/simulation` turns on: elsewhere they are no part
//! of the crate's interface, and [`committed`] is `false` when the code is compiled.

/// A deliberate mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(not(feature = "faults"), allow(unreachable_pub, reason = "with the feature it is reached"))]
pub enum Fault {
    /// A new segment's name is not made durable.
    SkipDirectorySync,
    /// An append is acknowledged although nothing flushed it.
    AcknowledgeBeforeFlush,
    /// A segment's trailer is written before the footer that it vouches for is flushed.
    TrailerBeforeFooter,
    /// A record's length is not covered by a checksum.
    LengthWithoutChecksum,
    /// Readers see frames that are written but not flushed.
    VisibleBeforeDurable,
    /// Appending goes on after a failed flush, as if the next one would cover for it.
    FlushAgainAfterError,
    /// Nothing keeps frames that a recovery cut off from coming back: no new generation, no mark,
    /// no zeroed header behind a write.
    CutFramesComeBack,
    /// What recovery found in the page cache is taken to be on the disk.
    TailNotRewritten,
    /// Segments are dropped without a word about where the log begins from then on.
    DropUnannounced,
}

#[cfg(feature = "faults")]
impl Fault {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::SkipDirectorySync,
        Self::AcknowledgeBeforeFlush,
        Self::TrailerBeforeFooter,
        Self::LengthWithoutChecksum,
        Self::VisibleBeforeDurable,
        Self::FlushAgainAfterError,
        Self::CutFramesComeBack,
        Self::TailNotRewritten,
        Self::DropUnannounced,
    ];
}

#[cfg(feature = "faults")]
mod switch {
    use super::Fault;
    use std::cell::Cell;

    thread_local!(static FAULT: Cell<Option<Fault>> = const { Cell::new(None) });

    /// Makes the logs that this thread drives commit `fault` from now on.
    pub fn commit(fault: Option<Fault>) {
        FAULT.set(fault);
    }

    pub(crate) fn committed(fault: Fault) -> bool {
        FAULT.get() == Some(fault)
    }
}

#[cfg(feature = "faults")]
pub use switch::commit;
#[cfg(feature = "faults")]
pub(crate) use switch::committed;

/// Whether to make the mistake: never, in a build that is not for testing.
#[cfg(not(feature = "faults"))]
pub(crate) const fn committed(_: Fault) -> bool {
    false
}
