//! How a log is laid out and flushed.

use std::sync::Arc;
use std::time::Duration;

use crate::encryption::KeyProvider;
use crate::error::{Error, Result};

/// Least size of a log's first segment, in bytes.
const FIRST_SEGMENT_BYTES_MIN: u64 = 64 << 10;
/// Size of a log's first segment unless configured, in bytes.
const FIRST_SEGMENT_BYTES_DEFAULT: u64 = 256 << 10;
/// Largest segment that may be configured, in bytes: offsets in it have 32 bits.
const SEGMENT_BYTES_MAX: u64 = 2 << 30;
/// Size that segments grow to unless configured, in bytes.
const SEGMENT_BYTES_DEFAULT: u64 = 64 << 20;
/// Largest record that may be configured, in bytes.
const RECORD_BYTES_MAX: u64 = 256 << 20;
/// Largest record unless configured, in bytes.
const RECORD_BYTES_DEFAULT: u64 = 16 << 20;
/// Bytes appended that wait to be written, unless configured.
const PENDING_BYTES_DEFAULT: u64 = 64 << 20;
/// Dropped segments kept for reuse, unless configured.
const SPARE_SEGMENTS_DEFAULT: usize = 2;
/// Least level of compression.
const ZSTD_LEVEL_MIN: i32 = 1;
/// Greatest level of compression.
const ZSTD_LEVEL_MAX: i32 = 22;

/// When an append counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlushPolicy {
    /// Once a flush (`fdatasync`) covers it. Nothing acknowledged is lost in a power cut.
    Fsync,
    /// Once it is written to the page cache; a flush follows within this time. A power cut
    /// loses at most what was appended since; a crash of the process loses nothing.
    Interval(Duration),
    /// Once it is written to the page cache; the kernel flushes when it likes. A power cut
    /// loses some seconds; a crash of the process loses nothing.
    Os,
}

/// How frames are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As they are; reading borrows them from the memory map.
    None,
    /// Zstandard at this level (1 to 22), frame by frame, where it makes the frame smaller.
    Zstd {
        /// The zstd level.
        level: i32,
    },
}

/// Settings of a log. They may differ from one opening to the next.
#[derive(Debug, Clone)]
pub struct Config {
    /// Size of the first segment, in bytes. Default 256 KiB, least 64 KiB.
    pub segment_bytes_min: u64,
    /// Each segment is four times as large as the one before, up to this. Default 64 MiB,
    /// most 2 GiB.
    pub segment_bytes_max: u64,
    /// Largest record, in bytes. Default 16 MiB, most 256 MiB. A segment grows past
    /// `segment_bytes_max` if one append needs it.
    pub record_bytes_max: u64,
    /// Bytes appended and not yet written, above which an append writes before it returns.
    /// Default 64 MiB.
    pub pending_bytes_max: u64,
    /// When an append counts as done. Default [`FlushPolicy::Fsync`].
    pub flush: FlushPolicy,
    /// How new frames are stored. Default [`Compression::None`].
    pub compression: Compression,
    /// Dropped segments whose files are kept to be used again, which saves writing new ones
    /// throughout. Default 2.
    pub spare_segments_max: usize,
    /// Whether [`crate::Log::open`] makes a log where there is none. Without, it errs with
    /// [`Error::NoLog`]: who opens a log again does not want an empty one whose positions start over
    /// because its directory was emptied. Default `true`.
    pub create: bool,
    /// Where the keys come from that frames are encrypted with. Default: none, and new segments
    /// are not encrypted.
    pub keys: Option<Arc<dyn KeyProvider>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            segment_bytes_min: FIRST_SEGMENT_BYTES_DEFAULT,
            segment_bytes_max: SEGMENT_BYTES_DEFAULT,
            record_bytes_max: RECORD_BYTES_DEFAULT,
            pending_bytes_max: PENDING_BYTES_DEFAULT,
            flush: FlushPolicy::Fsync,
            compression: Compression::None,
            spare_segments_max: SPARE_SEGMENTS_DEFAULT,
            create: true,
            keys: None,
        }
    }
}

impl Config {
    /// Whether frames are encoded right into a map of the segment: no flush is waited for, so a
    /// copy into the page cache is all that there is to do.
    pub(crate) fn stores(&self) -> bool {
        self.flush != FlushPolicy::Fsync && self.compression == Compression::None && self.keys.is_none()
    }

    /// Rejects settings outside the limits that the fields state.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |reason: &str| Err(Error::Config { reason: reason.into() });
        if self.segment_bytes_min < FIRST_SEGMENT_BYTES_MIN {
            return refuse("segment_bytes_min is below 64 KiB");
        }
        if self.segment_bytes_max < self.segment_bytes_min || self.segment_bytes_max > SEGMENT_BYTES_MAX {
            return refuse("segment_bytes_max is below segment_bytes_min or above 2 GiB");
        }
        if self.record_bytes_max == 0 || self.record_bytes_max > RECORD_BYTES_MAX {
            return refuse("record_bytes_max is not within 1 B and 256 MiB");
        }
        if self.pending_bytes_max == 0 {
            return refuse("pending_bytes_max is zero");
        }
        if let FlushPolicy::Interval(interval) = self.flush
            && interval.is_zero()
        {
            return refuse("the flush interval is zero");
        }
        match self.compression {
            Compression::Zstd { level } if !(ZSTD_LEVEL_MIN..=ZSTD_LEVEL_MAX).contains(&level) => {
                refuse("the zstd level is not within 1 and 22")
            }
            _ => Ok(()),
        }
    }
}
