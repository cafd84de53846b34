//! A segment: a file of frames, the map it is read through and the index that finds them.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use crate::error::{Damage, Error, IoContext, Result};
use crate::frame::{HEADER_BYTES, Header, Identity, decode_header};
use crate::index::{Entries, Entry, Footer, Index, Summary, TRAILER_BYTES, Trailer, decode_trailer, encode_footer};
use crate::map::Map;
use crate::position::{LaneId, Position};
use crate::scan::scan;
use crate::segment_header::{FIRST_FRAME, SegmentHeader};

/// One segment. Shared by the appender, the flusher and any number of readers.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    pub(crate) identity: Identity,
    pub(crate) path: PathBuf,
    pub(crate) map: Map,
    /// Open while the segment is written to.
    file: Mutex<Option<File>>,
    /// Set once, when the segment is sealed.
    sealed: OnceLock<Sealed>,
    /// The index while the segment is not sealed.
    live: RwLock<Index>,
    /// Ranges that recovery or a rebuilt index found unreadable, by position.
    damage: RwLock<Vec<Damage>>,
    /// Offset below which all was flushed.
    durable_offset: AtomicU64,
}

#[derive(Debug)]
struct Sealed {
    trailer: Trailer,
    /// `None` while the footer was not verified; then whether it holds.
    index: OnceLock<SealedIndex>,
}

#[derive(Debug)]
enum SealedIndex {
    /// The footer is whole.
    Footer,
    /// The footer is damaged; this index was rebuilt from the frames.
    Rebuilt(Box<Index>),
}

impl Segment {
    /// A segment that was just made and is written to.
    pub(crate) fn created(header: SegmentHeader, file: File, path: PathBuf) -> Result<Self> {
        let segment = Self::mapped(header, &file, path)?;
        segment.live.write().summary = empty_summary(&header);
        *segment.file.lock() = Some(file);
        Ok(segment)
    }

    /// A segment found on the disk. Its index is not read yet.
    pub(crate) fn opened(header: SegmentHeader, file: &File, path: PathBuf) -> Result<Self> {
        let segment = Self::mapped(header, file, path)?;
        match decode_trailer(&segment.map, &segment.identity) {
            Some(trailer) => segment.set_sealed(trailer),
            None => segment.live.write().summary = empty_summary(&header),
        }
        Ok(segment)
    }

    fn mapped(header: SegmentHeader, file: &File, path: PathBuf) -> Result<Self> {
        Ok(Self {
            identity: Identity::new(&header.log_id, header.epoch),
            map: Map::new(file).at(&path)?,
            header,
            path,
            file: Mutex::new(None),
            sealed: OnceLock::new(),
            live: RwLock::new(Index::default()),
            damage: RwLock::new(Vec::new()),
            durable_offset: AtomicU64::new(FIRST_FRAME),
        })
    }

    pub(crate) fn base_position(&self) -> Position {
        self.header.base_position
    }

    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed.get().is_some()
    }

    pub(crate) fn summary(&self) -> Summary {
        match self.sealed.get() {
            Some(sealed) => sealed.trailer.summary,
            None => self.live.read().summary,
        }
    }

    /// Lanes with frames in an unsealed segment.
    pub(crate) fn live_lanes(&self) -> Vec<LaneId> {
        self.live.read().lanes.keys().copied().collect()
    }

    /// All lanes with frames here, and how many frames and records each has.
    pub(crate) fn lanes(&self) -> Vec<(LaneId, u64, u64)> {
        let count = |lane: LaneId| {
            self.with_lane(lane, |entries| {
                let records = (0..entries.len()).map(|number| u64::from(entries.get(number).records)).sum();
                (lane, entries.len() as u64, records)
            })
        };
        let mut lanes = match self.sealed.get().map(|sealed| (sealed, self.sealed_index(sealed))) {
            None => self.live_lanes(),
            Some((_, SealedIndex::Rebuilt(index))) => index.lanes.keys().copied().collect(),
            Some((sealed, SealedIndex::Footer)) => Footer::trusted(&sealed.trailer, &self.map)
                .map_or(Vec::new(), |footer| footer.lanes().map(|(lane, _)| lane).collect()),
        };
        lanes.sort_unstable();
        lanes.into_iter().map(count).collect()
    }

    /// Opens a recovered, unsealed segment for writing.
    pub(crate) fn resume(&self) -> Result<()> {
        let file = OpenOptions::new().read(true).write(true).open(&self.path).at(&self.path)?;
        // What a killed process wrote may still be in the page cache only; from here on it counts as durable.
        file.sync_data().at(&self.path)?;
        *self.file.lock() = Some(file);
        self.durable_offset.store(self.summary().frames_end, Ordering::Release);
        Ok(())
    }

    /// Gives an unsealed segment the index that a scan found.
    pub(crate) fn adopt(&self, index: Index) {
        *self.live.write() = index;
    }

    /// Notes ranges that can't be read.
    pub(crate) fn add_damage(&self, damage: impl IntoIterator<Item = Damage>) {
        self.damage.write().extend(damage);
    }

    /// Takes back damage noted at `offset` that turned out to be none.
    pub(crate) fn forget_damage_at(&self, offset: u64) {
        self.damage.write().retain(|damage| damage.offset != offset);
    }

    /// Offset below which all was flushed.
    pub(crate) fn durable_offset(&self) -> u64 {
        self.durable_offset.load(Ordering::Acquire)
    }

    /// Writes `bytes` at `offset`. They are durable only after [`Segment::flush`].
    pub(crate) fn write(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.with_file(|file| file.write_all_at(bytes, offset))
    }

    /// Makes what was written below `written_offset` durable.
    pub(crate) fn flush(&self, written_offset: u64) -> Result<()> {
        self.with_file(|file| file.sync_data())?;
        self.durable_offset.fetch_max(written_offset, Ordering::AcqRel);
        Ok(())
    }

    fn with_file(&self, work: impl FnOnce(&File) -> std::io::Result<()>) -> Result<()> {
        match &*self.file.lock() {
            Some(file) => work(file).at(&self.path),
            None => Ok(()),
        }
    }

    /// Shows readers frames that are durable now.
    pub(crate) fn publish(&self, frames: impl Iterator<Item = (Header, u64)>) {
        let mut live = self.live.write();
        for (header, offset) in frames {
            live.add(&header, offset);
        }
    }

    /// Writes the footer and closes the file for writing. All frames are published.
    pub(crate) fn seal(&self) -> Result<()> {
        let (frames_end, (footer, trailer)) = {
            let live = self.live.read();
            (live.summary.frames_end, encode_footer(&live, self.header.capacity, &self.identity))
        };
        self.write(&footer, frames_end)?;
        // The trailer vouches for the footer, so the footer must be on the disk first.
        self.flush(frames_end)?;
        self.write(&trailer, self.header.capacity - TRAILER_BYTES as u64)?;
        self.flush(frames_end)?;
        if let Some(trailer) = decode_trailer(&self.map, &self.identity) {
            self.set_sealed(trailer);
            *self.live.write() = Index::default();
        }
        *self.file.lock() = None;
        Ok(())
    }

    fn set_sealed(&self, trailer: Trailer) {
        // Only one thread opens or seals a segment, so this is never set twice.
        let _ = self.sealed.set(Sealed { trailer, index: OnceLock::new() });
    }

    /// The entries of `lane` that end after `from`, until they hold `records` or more.
    pub(crate) fn entries(&self, lane: LaneId, from: Position, records: usize) -> Vec<Entry> {
        self.with_lane(lane, |entries| {
            let first = entries.partition_point(|entry| entry.end_position() <= from);
            let mut count = 0;
            let wanted = |entry: &Entry| {
                let wanted = count < records;
                count += entry.records as usize;
                wanted
            };
            (first..entries.len()).map(|number| entries.get(number)).take_while(wanted).collect()
        })
    }

    /// The first entry of `lane` whose time is at or after `timestamp_ms`.
    pub(crate) fn entry_at_time(&self, lane: LaneId, timestamp_ms: u64) -> Option<Entry> {
        self.with_lane(lane, |entries| {
            let first = entries.partition_point(|entry| entry.timestamp_ms < timestamp_ms);
            (first < entries.len()).then(|| entries.get(first))
        })
    }

    fn with_lane<T>(&self, lane: LaneId, work: impl FnOnce(Entries<'_>) -> T) -> T {
        let live = self.live.read();
        // Sealing sets `sealed` before it empties the live index, so the order of these looks matters.
        let Some(sealed) = self.sealed.get() else { return work(live.lane(lane)) };
        drop(live);
        match self.sealed_index(sealed) {
            SealedIndex::Rebuilt(index) => work(index.lane(lane)),
            SealedIndex::Footer => match Footer::trusted(&sealed.trailer, &self.map) {
                Some(footer) => work(footer.lane(lane)),
                None => work(Entries::Live(&[])),
            },
        }
    }

    fn sealed_index<'a>(&'a self, sealed: &'a Sealed) -> &'a SealedIndex {
        sealed.index.get_or_init(|| {
            if Footer::verify(&sealed.trailer, &self.map, &self.identity).is_some() {
                return SealedIndex::Footer;
            }
            let scanned = scan(self, sealed.trailer.summary.frames_end);
            self.add_damage(scanned.damage);
            SealedIndex::Rebuilt(Box::new(scanned.index))
        })
    }

    /// Whether the footer of a sealed segment is whole.
    pub(crate) fn footer_holds(&self) -> bool {
        self.sealed.get().is_none_or(|sealed| matches!(self.sealed_index(sealed), SealedIndex::Footer))
    }

    /// The first known damage that hides positions in `from..until` from every lane.
    pub(crate) fn damage_between(&self, from: Position, until: Position) -> Option<Damage> {
        let damage = self.damage.read();
        damage.iter().find(|damage| damage.lane.is_none() && damage.first < until && damage.resume > from).cloned()
    }

    /// The frame that `entry` names, with its stored payload, its checksums verified.
    pub(crate) fn frame(&self, entry: &Entry, lane: LaneId) -> Result<(Header, &[u8])> {
        let offset = u64::from(entry.offset);
        let damaged = |reason| {
            Error::Damaged(Damage {
                segment: self.path.clone(),
                offset,
                lane: Some(lane),
                first: entry.first_position,
                resume: entry.end_position(),
                reason,
            })
        };
        let header = decode_header(self.map.from(offset), offset, &self.identity)
            .ok_or_else(|| damaged("the frame's header does not match its checksum"))?;
        let payload_at = offset + HEADER_BYTES as u64;
        let payload = self
            .map
            .bytes(payload_at..payload_at + u64::from(header.stored_bytes))
            .ok_or_else(|| damaged("the frame reaches past the segment's end"))?;
        if crc32fast::hash(payload) != header.payload_crc {
            return Err(damaged("the frame's payload does not match its checksum"));
        }
        Ok((header, payload))
    }
}

fn empty_summary(header: &SegmentHeader) -> Summary {
    Summary {
        frames_end: FIRST_FRAME,
        end_position: header.base_position,
        generation: header.generation,
        ..Summary::default()
    }
}
