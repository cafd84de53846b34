//! A segment: a file of frames, the map it is read through and the index that finds them.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::encryption::SegmentCipher;
use crate::error::{Damage, Error, IoContext, Result};
use crate::faults::{Fault, committed};
use crate::frame::{HEADER_BYTES, Header, Identity, Place, associated_data, decode_header, payload_crc};
use crate::index::{Entries, Entry, Footer, Index, Summary, TRAILER_BYTES, Trailer, decode_trailer, encode_footer};
use crate::map::{Map, StoreMap};
use crate::platform::{Platform, PlatformFile};
use crate::position::{LaneId, Position};
use crate::scan::scan;
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
    /// A segment that was just made and is written to; through a map if `stores`.
    pub(crate) fn created(
        header: SegmentHeader,
        file: Box<dyn PlatformFile>,
        path: PathBuf,
        cipher: Option<SegmentCipher>,
        stores: bool,
    ) -> Result<Self> {
        let map = file.map().at(&path)?;
        let segment = Self::mapped(header, map, path, cipher);
        segment.live.write().summary = empty_summary(&header);
        segment.open_file(file, stores)?;
        Ok(segment)
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
            None => segment.live.write().summary = empty_summary(&header),
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

    fn open_file(&self, file: Box<dyn PlatformFile>, stores: bool) -> Result<()> {
        let store = if stores { Some(file.store_map().at(&self.path)?) } else { None };
        *self.file.lock() = Some(OpenFile { file, store });
        Ok(())
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

    /// Opens a recovered, unsealed segment for writing; through a map if `stores`.
    pub(crate) fn resume(&self, platform: &dyn Platform, stores: bool) -> Result<()> {
        let file = platform.open(&self.path, true).at(&self.path)?;
        let (known, end) = (self.durable_offset(), self.summary().frames_end);
        // From here on the frames found count as durable, but they may be in the page cache only.
        // If an earlier flush failed, the kernel takes their pages for clean and a flush alone
        // would not write them: so they are written again.
        if let Some(frames) = self.map.bytes(known..end).filter(|_| !committed(Fault::TailNotRewritten)) {
            file.write_all_at(frames, known).at(&self.path)?;
        }
        file.sync_data().at(&self.path)?;
        self.open_file(file, stores)?;
        self.durable_offset.store(end, Ordering::Release);
        Ok(())
    }

    /// Writes the footer and trailer of a sealed segment again, for the reason that
    /// [`Segment::resume`] writes frames again.
    pub(crate) fn seal_again(&self, platform: &dyn Platform) -> Result<()> {
        let Some(sealed) = self.sealed.get() else { return Ok(()) };
        let file = platform.open(&self.path, true).at(&self.path)?;
        if let Some(footer) = Footer::trusted(&sealed.trailer, &self.map) {
            file.write_all_at(footer.bytes(), sealed.trailer.summary.frames_end).at(&self.path)?;
            file.sync_data().at(&self.path)?;
        }
        let trailer_at = self.header.capacity - TRAILER_BYTES as u64;
        file.write_all_at(self.map.from(trailer_at), trailer_at).at(&self.path)?;
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
        self.with_file(|file| file.write_all_at(bytes, offset))
    }

    /// Makes what was written below `written_offset` durable.
    pub(crate) fn flush(&self, written_offset: u64) -> Result<()> {
        if !committed(Fault::AcknowledgeBeforeFlush) {
            self.with_file(|file| file.sync_data())?;
        }
        self.durable_offset.fetch_max(written_offset, Ordering::AcqRel);
        Ok(())
    }

    fn with_file(&self, work: impl FnOnce(&dyn PlatformFile) -> std::io::Result<()>) -> Result<()> {
        match &*self.file.lock() {
            Some(open) => work(&*open.file).at(&self.path),
            None => Ok(()),
        }
    }

    /// Lets `encode` store a frame of `bytes` at `offset`, and a zeroed header behind it. False
    /// where the segment is not stored to.
    pub(crate) fn store(&self, offset: u64, bytes: u64, encode: impl FnOnce(&mut [u8])) -> bool {
        let mut file = self.file.lock();
        let room =
            file.as_mut().and_then(|open| open.store.as_mut()?.bytes(offset..offset + bytes + HEADER_BYTES as u64));
        let Some((frame, behind)) = room.and_then(|room| room.split_at_mut_checked(bytes as usize)) else {
            return false;
        };
        encode(frame);
        behind.fill(0);
        true
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
            self.add_damage(scanned.damage());
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
        let damaged = |reason| Error::Damaged(self.damage_of(entry, lane, reason));
        let header = decode_header(self.map.from(offset), offset, &self.identity)
            .ok_or_else(|| damaged("the frame's header does not match its checksum"))?;
        let payload_at = offset + HEADER_BYTES as u64;
        let payload = self
            .map
            .bytes(payload_at..payload_at + u64::from(header.stored_bytes))
            .ok_or_else(|| damaged("the frame reaches past the segment's end"))?;
        if payload_crc(payload) != header.payload_crc {
            return Err(damaged("the frame's payload does not match its checksum"));
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

/// The summary of a segment without frames.
pub(crate) fn empty_summary(header: &SegmentHeader) -> Summary {
    Summary {
        frames_end: FIRST_FRAME,
        end_position: header.base_position,
        generation: header.generation,
        ..Summary::default()
    }
}
