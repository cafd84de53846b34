//! A segment: a file of frames, the map it is read through and the index that finds them.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::directory::Activated;
use crate::encryption::SegmentCipher;
use crate::error::{Damage, Error, IoContext, Result};
use crate::faults::{Fault, committed};
use crate::frame::{HEADER_BYTES, Header, Identity, Place, associated_data, decode_header, payload_crc};
use crate::index::{Entries, Entry, Footer, Index, Summary, TRAILER_BYTES, Trailer, decode_trailer, encode_footer};
use crate::map::{Map, StoreMap, UNREADABLE};
use crate::maps::checked;
use crate::platform::{Platform, PlatformFile};
use crate::position::{LaneId, Position};
use crate::scan::{Scan, SegmentBytes, scan};
use crate::segment_header::{FIRST_FRAME, SegmentHeader};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, RwLock};

/// One segment. Shared by the appender, the flusher and any number of readers.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    pub(crate) identity: Identity,
    pub(crate) path: PathBuf,
    pub(crate) map: Map,
    /// Encrypts and decrypts its frames, if they are encrypted.
    pub(crate) cipher: Option<SegmentCipher>,
    /// Open while the segment is written to.
    file: Mutex<Option<OpenFile>>,
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
struct OpenFile {
    file: Box<dyn PlatformFile>,
    /// Where frames are stored if no flush is waited for.
    store: Option<StoreMap>,
}

#[derive(Debug)]
struct Sealed {
    trailer: Trailer,
    /// Whether the footer is whole, once it was verified.
    footer_holds: OnceLock<bool>,
    /// What was rebuilt from the frames where the footer is damaged or can't be read any more.
    rebuilt: OnceLock<Box<Index>>,
}

impl Segment {
    /// A segment that was just made and is written to.
    pub(crate) fn created(header: SegmentHeader, made: Activated, cipher: Option<SegmentCipher>) -> Self {
        let segment = Self::mapped(header, made.map, made.path, cipher);
        segment.live.write().summary = Summary::of_empty(&header);
        *segment.file.lock() = Some(OpenFile { file: made.file, store: made.store });
        segment
    }

    /// A segment found on the disk, with the last bytes of its file. Its index is not read yet, and
    /// nothing of its map is touched.
    pub(crate) fn opened(
        header: SegmentHeader,
        map: Map,
        path: PathBuf,
        cipher: Option<SegmentCipher>,
        trailer: &[u8],
    ) -> Self {
        let segment = Self::mapped(header, map, path, cipher);
        let trailer_at = segment.map.len().saturating_sub(TRAILER_BYTES as u64);
        match decode_trailer(trailer, trailer_at, &segment.identity) {
            Some(trailer) => segment.set_sealed(trailer),
            None => segment.live.write().summary = Summary::of_empty(&header),
        }
        segment
    }

    fn mapped(header: SegmentHeader, map: Map, path: PathBuf, cipher: Option<SegmentCipher>) -> Self {
        Self {
            identity: Identity::new(&header.log_id, header.epoch),
            map,
            header,
            path,
            cipher,
            file: Mutex::new(None),
            sealed: OnceLock::new(),
            live: RwLock::new(Index::default()),
            damage: RwLock::new(Vec::new()),
            durable_offset: AtomicU64::new(FIRST_FRAME),
        }
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
        let mut lanes = match self.sealed.get() {
            None => self.live_lanes(),
            Some(sealed) => self
                .footer(sealed, |footer| footer.lanes().map(|(lane, _)| lane).collect())
                .unwrap_or_else(|| self.rebuilt(sealed).lanes.keys().copied().collect()),
        };
        lanes.sort_unstable();
        lanes.into_iter().map(count).collect()
    }

    /// Opens a recovered, unsealed segment for writing; through a map if `stores`.
    pub(crate) fn resume(&self, platform: &dyn Platform, stores: bool) -> Result<()> {
        let file = platform.open(&self.path, true).at(&self.path)?;
        let (known, end) = (self.durable_offset(), self.summary().frames_end);
        // From here on the frames found count as durable, but they may be in the page cache only.
        // If an earlier flush failed, the kernel takes their pages for clean and a flush alone
        // would not write them: so they are written again.
        if let Some(frames) = self.map.bytes(known..end).filter(|_| !committed(Fault::TailNotRewritten)) {
            let frames = frames.to_vec();
            if self.map.has_lost(known..end) {
                return Err(std::io::Error::from_raw_os_error(libc::EIO)).at(&self.path);
            }
            file.write_all_at(&frames, known).at(&self.path)?;
        }
        file.sync_data().at(&self.path)?;
        let store = if stores { Some(file.store_map().at(&self.path)?) } else { None };
        *self.file.lock() = Some(OpenFile { file, store });
        self.durable_offset.store(end, Ordering::Release);
        Ok(())
    }

    /// Writes the footer and trailer of a sealed segment again, for the reason that
    /// [`Segment::resume`] writes frames again.
    pub(crate) fn seal_again(&self, platform: &dyn Platform) -> Result<()> {
        let Some(sealed) = self.sealed.get() else { return Ok(()) };
        let trailer_at = self.header.capacity - TRAILER_BYTES as u64;
        let footer = Footer::trusted(&sealed.trailer, &self.map).map(|footer| footer.bytes().to_vec());
        let trailer = self.map.from(trailer_at).to_vec();
        if self.map.lost().is_some() {
            // What can't be read can't be in the page cache only.
            return Ok(());
        }
        let file = platform.open(&self.path, true).at(&self.path)?;
        if let Some(footer) = footer {
            file.write_all_at(&footer, sealed.trailer.summary.frames_end).at(&self.path)?;
            file.sync_data().at(&self.path)?;
        }
        file.write_all_at(&trailer, trailer_at).at(&self.path)?;
        file.sync_data().at(&self.path)
    }

    /// Gives an unsealed segment the index that a scan found, and what its frames say was flushed.
    pub(crate) fn adopt(&self, index: Index, durable_offset: u64) {
        self.durable_offset.store(durable_offset.clamp(FIRST_FRAME, index.summary.frames_end), Ordering::Release);
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
        match &*self.file.lock() {
            Some(open) => open.file.write_all_at(bytes, offset).at(&self.path),
            None => Err(Error::Closed),
        }
    }

    /// Makes what was written below `written_offset` durable.
    pub(crate) fn flush(&self, written_offset: u64) -> Result<()> {
        if !committed(Fault::AcknowledgeBeforeFlush) {
            // Of a segment that was sealed meanwhile, nothing is left to flush.
            if let Some(open) = &*self.file.lock() {
                open.file.sync_data().at(&self.path)?;
            }
        }
        self.durable_offset.fetch_max(written_offset, Ordering::AcqRel);
        Ok(())
    }

    /// Lets `encode` store a frame of `bytes` at `offset`, and a zeroed header behind it. False
    /// where the segment is not stored to, or what was stored went nowhere: the disk fails.
    pub(crate) fn store(&self, offset: u64, bytes: u64, encode: impl FnOnce(&mut [u8])) -> bool {
        let mut file = self.file.lock();
        let Some(store) = file.as_mut().and_then(|open| open.store.as_mut()) else { return false };
        let room = store.bytes(offset..offset + bytes + HEADER_BYTES as u64);
        let Some((frame, behind)) = room.and_then(|room| room.split_at_mut_checked(bytes as usize)) else {
            return false;
        };
        checked(|| {
            encode(frame);
            behind.fill(0);
        });
        !store.has_lost()
    }

    /// Shows readers frames that are durable now.
    pub(crate) fn publish(&self, frames: impl Iterator<Item = Place>) {
        let mut live = self.live.write();
        frames.for_each(|place| live.add(&place));
    }

    /// Writes the footer and closes the file for writing. All frames are published.
    pub(crate) fn seal(&self) -> Result<()> {
        let (frames_end, (footer, trailer)) = {
            let live = self.live.read();
            (live.summary.frames_end, encode_footer(&live, self.header.capacity, &self.identity))
        };
        self.write(&footer, frames_end)?;
        // The trailer vouches for the footer, so the footer must be on the disk first.
        if !committed(Fault::TrailerBeforeFooter) {
            self.flush(frames_end)?;
        }
        self.write(&trailer, self.header.capacity - TRAILER_BYTES as u64)?;
        self.flush(frames_end)?;
        let trailer_at = self.header.capacity - TRAILER_BYTES as u64;
        if let Some(trailer) = decode_trailer(&trailer, trailer_at, &self.identity) {
            self.set_sealed(trailer);
            *self.live.write() = Index::default();
        }
        self.close_file();
        Ok(())
    }

    /// Gives the file descriptor back. What is written from now on goes nowhere.
    pub(crate) fn close_file(&self) {
        *self.file.lock() = None;
    }

    fn set_sealed(&self, trailer: Trailer) {
        // Only one thread opens or seals a segment, so this is never set twice.
        let _ = self.sealed.set(Sealed { trailer, footer_holds: OnceLock::new(), rebuilt: OnceLock::new() });
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

    fn with_lane<T>(&self, lane: LaneId, work: impl Fn(Entries<'_>) -> T) -> T {
        let live = self.live.read();
        // Sealing sets `sealed` before it empties the live index, so the order of these looks matters.
        let Some(sealed) = self.sealed.get() else { return work(live.lane(lane)) };
        drop(live);
        let found = self.footer(sealed, |footer| work(footer.lane(lane)));
        found.unwrap_or_else(|| work(self.rebuilt(sealed).lane(lane)))
    }

    /// What `work` finds in the footer, if that is whole and could still be read after it.
    fn footer<T>(&self, sealed: &Sealed, work: impl FnOnce(Footer<'_>) -> T) -> Option<T> {
        let verify = || Footer::verify(&sealed.trailer, &self.map, &self.identity).is_some();
        if !sealed.footer_holds.get_or_init(verify) {
            return None;
        }
        let found = work(Footer::trusted(&sealed.trailer, &self.map)?);
        (!self.map.has_lost(sealed.trailer.summary.frames_end..self.map.len())).then_some(found)
    }

    fn rebuilt<'a>(&'a self, sealed: &'a Sealed) -> &'a Index {
        sealed.rebuilt.get_or_init(|| {
            let summary = sealed.trailer.summary;
            let scanned = self.scan(summary.frames_end);
            self.add_damage(scanned.damage());
            let found = scanned.index.summary;
            if found.end_position < summary.end_position {
                // The trailer knows of frames behind the last one that holds.
                self.add_damage([Damage {
                    segment: self.path.clone(),
                    offset: found.frames_end,
                    lane: None,
                    first: found.end_position,
                    resume: summary.end_position,
                    reason: if self.map.has_lost(found.frames_end..summary.frames_end) {
                        UNREADABLE
                    } else {
                        "the frames at the end are missing"
                    },
                }]);
            }
            Box::new(scanned.index)
        })
    }

    /// Reads all frames up to `limit`, without the index.
    pub(crate) fn scan(&self, limit: u64) -> Scan {
        let Self { header, identity, map, path, .. } = self;
        scan(&SegmentBytes { header, identity, map, path }, limit)
    }

    /// Whether the footer of a sealed segment is whole.
    pub(crate) fn footer_holds(&self) -> bool {
        self.sealed.get().is_none_or(|sealed| self.footer(sealed, |_| ()).is_some())
    }

    /// The first known damage that hides positions in `from..until` from every lane.
    pub(crate) fn damage_between(&self, from: Position, until: Position) -> Option<Damage> {
        let damage = self.damage.read();
        damage.iter().find(|damage| damage.lane.is_none() && damage.first < until && damage.resume > from).cloned()
    }

    /// What is lost if the frame that `entry` names does not hold.
    pub(crate) fn damage_of(&self, entry: &Entry, lane: LaneId, reason: &'static str) -> Damage {
        Damage {
            segment: self.path.clone(),
            offset: u64::from(entry.offset),
            lane: Some(lane),
            first: entry.first_position,
            resume: entry.end_position(),
            reason,
        }
    }

    /// The frame that `entry` names, with its stored payload, its checksums verified.
    pub(crate) fn frame(&self, entry: &Entry, lane: LaneId) -> Result<(Header, &[u8])> {
        let offset = u64::from(entry.offset);
        let damaged = |reason| {
            let header_at = u64::from(entry.offset);
            let reason =
                if self.map.has_lost(header_at..header_at + HEADER_BYTES as u64) { UNREADABLE } else { reason };
            Error::Damaged(self.damage_of(entry, lane, reason))
        };
        let header = decode_header(self.map.from(offset), offset, &self.identity)
            .ok_or_else(|| damaged("the frame's header does not match its checksum"))?;
        let payload_at = offset + HEADER_BYTES as u64;
        let payload = self
            .map
            .bytes(payload_at..payload_at + u64::from(header.stored_bytes))
            .ok_or_else(|| damaged("the frame reaches past the segment's end"))?;
        if payload_crc(payload) != header.payload_crc {
            let is_lost = self.map.has_lost(payload_at..payload_at + u64::from(header.stored_bytes));
            return Err(damaged(if is_lost { UNREADABLE } else { "the frame's payload does not match its checksum" }));
        }
        Ok((header, payload))
    }

    /// The records' bytes of a frame that [`Segment::frame`] returned, if they are not stored as they are.
    pub(crate) fn decoded(
        &self,
        entry: &Entry,
        lane: LaneId,
        header: &Header,
        stored: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        let damaged = |reason| Error::Damaged(self.damage_of(entry, lane, reason));
        let plain = match (&self.cipher, self.header.key) {
            (None, None) => None,
            (None, Some(key)) => return Err(Error::UnknownKey { path: self.path.clone(), key: key.id }),
            (Some(cipher), _) => {
                let offset = u64::from(entry.offset);
                let associated = associated_data(self.map.from(offset), offset);
                Some(cipher.open(stored, &associated).ok_or_else(|| damaged("the frame's payload does not decrypt"))?)
            }
        };
        if !header.zstd {
            return Ok(plain);
        }
        let compressed = plain.as_deref().unwrap_or(stored);
        let raw = zstd::bulk::decompress(compressed, header.raw_bytes as usize);
        raw.map(Some).map_err(|_| damaged("the frame's payload does not decompress"))
    }
}
