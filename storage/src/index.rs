//! Where each lane's frames lie in a segment: in memory while the segment grows, as a footer
//! in the file once it is sealed.

use rustc_hash::FxHashMap;

use crate::frame::{Identity, Kind, Place, read_u32, read_u64, write_u32, write_u64};
use crate::map::Map;
use crate::position::{LaneId, Position};
use crate::segment_header::{FIRST_FRAME, SegmentHeader};

/// Place of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) first_position: Position,
    pub(crate) timestamp_ms: u64,
    pub(crate) offset: u32,
    pub(crate) records: u32,
}

impl Entry {
    pub(crate) fn end_position(&self) -> Position {
        self.first_position.plus(u64::from(self.records))
    }
}

/// The index of a segment that is still written to, or of one whose footer is damaged.
#[derive(Debug, Default, Clone)]
pub(crate) struct Index {
    pub(crate) lanes: FxHashMap<LaneId, Vec<Entry>>,
    pub(crate) summary: Summary,
}

/// What holds for a segment as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Summary {
    /// Offset just past the last frame.
    pub(crate) frames_end: u64,
    /// First position after the last record.
    pub(crate) end_position: Position,
    /// Time of the latest frame; times never decrease along a log.
    pub(crate) last_timestamp_ms: u64,
    pub(crate) frames: u64,
    pub(crate) records: u64,
    /// Highest generation of any frame.
    pub(crate) generation: u32,
}

impl Summary {
    /// That of a segment without frames.
    pub(crate) fn of_empty(header: &SegmentHeader) -> Self {
        Self {
            frames_end: FIRST_FRAME,
            end_position: header.base_position,
            generation: header.generation,
            ..Self::default()
        }
    }
}

impl Index {
    /// The frames of `lane`, none if it has none here.
    pub(crate) fn lane(&self, lane: LaneId) -> Entries<'_> {
        Entries::Live(self.lanes.get(&lane).map_or(&[], Vec::as_slice))
    }

    /// Adds a frame, which lies after all those added before.
    pub(crate) fn add(&mut self, place: &Place) {
        self.summary.frames_end = place.offset + u64::from(place.frame_bytes);
        self.summary.end_position = Position(place.first_position.0.saturating_add(place.positions));
        self.summary.last_timestamp_ms = place.timestamp_ms;
        self.summary.frames += 1;
        self.summary.generation = place.generation;
        if place.kind == Kind::Data {
            self.summary.records += place.positions;
            self.lanes.entry(place.lane).or_default().push(Entry {
                first_position: place.first_position,
                timestamp_ms: place.timestamp_ms,
                offset: place.offset as u32,
                records: place.positions as u32,
            });
        }
    }
}

/// Bytes of an index entry in a footer.
pub(crate) const ENTRY_BYTES: usize = 24;
const LANE_BYTES: usize = 24;
const FOOTER_HEAD_BYTES: usize = 8;
/// Bytes of the trailer, the last of the file.
pub(crate) const TRAILER_BYTES: usize = 80;
pub(crate) const TRAILER_MAGIC: [u8; 8] = *b"ABRNFTR\0";

const AT_FOOTER_OFFSET: usize = 8;
const AT_FOOTER_BYTES: usize = 16;
const AT_FRAMES_END: usize = 24;
const AT_END_POSITION: usize = 32;
const AT_LAST_TIMESTAMP: usize = 40;
const AT_FRAMES: usize = 48;
const AT_RECORDS: usize = 56;
const AT_GENERATION: usize = 64;
const AT_FOOTER_CRC: usize = 68;
const AT_TRAILER_CRC: usize = 76;

/// Room that footer and trailer need for this many frames and lanes.
pub(crate) fn footer_bytes(frames: u64, lanes: u64) -> u64 {
    FOOTER_HEAD_BYTES as u64 + lanes * LANE_BYTES as u64 + frames * ENTRY_BYTES as u64 + TRAILER_BYTES as u64
}

/// Footer (to write at `frames_end`) and trailer (to write at the end of the file).
pub(crate) fn encode_footer(index: &Index, capacity: u64, identity: &Identity) -> (Vec<u8>, Vec<u8>) {
    let mut lanes: Vec<(&LaneId, &Vec<Entry>)> = index.lanes.iter().collect();
    lanes.sort_unstable_by_key(|(lane, _)| **lane);
    let mut footer = Vec::with_capacity(footer_bytes(index.summary.frames, lanes.len() as u64) as usize);
    footer.extend_from_slice(&(lanes.len() as u64).to_le_bytes());
    let mut entries_at = FOOTER_HEAD_BYTES + lanes.len() * LANE_BYTES;
    for (lane, entries) in &lanes {
        footer.extend_from_slice(&lane.0.to_le_bytes());
        footer.extend_from_slice(&(entries.len() as u32).to_le_bytes());
        footer.extend_from_slice(&(entries_at as u64).to_le_bytes());
        let records: u64 = entries.iter().map(|entry| u64::from(entry.records)).sum();
        footer.extend_from_slice(&records.to_le_bytes());
        entries_at += entries.len() * ENTRY_BYTES;
    }
    for entry in lanes.iter().flat_map(|(_, entries)| entries.iter()) {
        footer.extend_from_slice(&entry.first_position.0.to_le_bytes());
        footer.extend_from_slice(&entry.timestamp_ms.to_le_bytes());
        footer.extend_from_slice(&entry.offset.to_le_bytes());
        footer.extend_from_slice(&entry.records.to_le_bytes());
    }
    let summary = &index.summary;
    let mut trailer = vec![0; TRAILER_BYTES];
    trailer[..AT_FOOTER_OFFSET].copy_from_slice(&TRAILER_MAGIC);
    write_u64(&mut trailer, AT_FOOTER_OFFSET, summary.frames_end);
    write_u64(&mut trailer, AT_FOOTER_BYTES, footer.len() as u64);
    write_u64(&mut trailer, AT_FRAMES_END, summary.frames_end);
    write_u64(&mut trailer, AT_END_POSITION, summary.end_position.0);
    write_u64(&mut trailer, AT_LAST_TIMESTAMP, summary.last_timestamp_ms);
    write_u64(&mut trailer, AT_FRAMES, summary.frames);
    write_u64(&mut trailer, AT_RECORDS, summary.records);
    write_u32(&mut trailer, AT_GENERATION, summary.generation);
    write_u32(&mut trailer, AT_FOOTER_CRC, identity.crc(summary.frames_end, &footer));
    let crc = identity.crc(capacity - TRAILER_BYTES as u64, &trailer[..AT_TRAILER_CRC]);
    write_u32(&mut trailer, AT_TRAILER_CRC, crc);
    (footer, trailer)
}

/// A sealed segment's trailer: the summary, and where its footer lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub(crate) summary: Summary,
    footer_offset: u64,
    footer_bytes: u64,
    footer_crc: u32,
}

/// Reads a trailer that stands at `at`. `None` when the segment is not sealed.
pub(crate) fn decode_trailer(trailer: &[u8], at: u64, identity: &Identity) -> Option<Trailer> {
    let trailer: &[u8; TRAILER_BYTES] = trailer.try_into().ok()?;
    if trailer[..AT_FOOTER_OFFSET] != TRAILER_MAGIC
        || read_u32(trailer, AT_TRAILER_CRC) != identity.crc(at, &trailer[..AT_TRAILER_CRC])
    {
        return None;
    }
    Some(Trailer {
        summary: Summary {
            frames_end: read_u64(trailer, AT_FRAMES_END),
            end_position: Position(read_u64(trailer, AT_END_POSITION)),
            last_timestamp_ms: read_u64(trailer, AT_LAST_TIMESTAMP),
            frames: read_u64(trailer, AT_FRAMES),
            records: read_u64(trailer, AT_RECORDS),
            generation: read_u32(trailer, AT_GENERATION),
        },
        footer_offset: read_u64(trailer, AT_FOOTER_OFFSET),
        footer_bytes: read_u64(trailer, AT_FOOTER_BYTES),
        footer_crc: read_u32(trailer, AT_FOOTER_CRC),
    })
}

/// Makes the checksums of a segment's footer and trailer right.
#[cfg(fuzzing)]
pub(crate) fn sign(segment: &mut [u8], identity: &Identity) {
    let at = segment.len() - TRAILER_BYTES;
    let (offset, size) = (read_u64(&segment[at..], AT_FOOTER_OFFSET), read_u64(&segment[at..], AT_FOOTER_BYTES));
    let footer = offset.checked_add(size).and_then(|end| segment.get(offset as usize..end as usize));
    let crc = footer.map_or(0, |footer| identity.crc(offset, footer));
    write_u32(&mut segment[at..], AT_FOOTER_CRC, crc);
    let crc = identity.crc(at as u64, &segment[at..at + AT_TRAILER_CRC]);
    write_u32(&mut segment[at..], AT_TRAILER_CRC, crc);
}

/// A footer in place: looked up in the map, never copied to memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Footer<'a>(&'a [u8]);

impl<'a> Footer<'a> {
    /// The footer's bytes, if they are whole.
    pub(crate) fn verify(trailer: &Trailer, map: &'a Map, identity: &Identity) -> Option<Self> {
        let footer = Self::trusted(trailer, map)?;
        let holds = identity.crc(trailer.footer_offset, footer.0) == trailer.footer_crc && footer.is_well_formed();
        holds.then_some(footer)
    }

    /// Whether all that lookups go by lies within the footer. A checksum that holds says so too,
    /// unless someone made it hold.
    fn is_well_formed(self) -> bool {
        let bytes = self.0.len() as u64;
        if bytes < FOOTER_HEAD_BYTES as u64 {
            return false;
        }
        let lanes = read_u64(self.0, 0);
        let rows_end = lanes.checked_mul(LANE_BYTES as u64).and_then(|rows| rows.checked_add(FOOTER_HEAD_BYTES as u64));
        rows_end.is_some_and(|end| end <= bytes)
            && (0..lanes as usize).all(|number| {
                let row = &self.0[FOOTER_HEAD_BYTES + number * LANE_BYTES..];
                let size = u64::from(read_u32(row, 4)) * ENTRY_BYTES as u64;
                read_u64(row, 8).checked_add(size).is_some_and(|end| end <= bytes)
            })
    }

    /// The footer of a segment for which [`Footer::verify`] held before.
    pub(crate) fn trusted(trailer: &Trailer, map: &'a Map) -> Option<Self> {
        map.bytes(trailer.footer_offset..trailer.footer_offset.checked_add(trailer.footer_bytes)?).map(Self)
    }

    pub(crate) fn bytes(self) -> &'a [u8] {
        self.0
    }

    fn lane_count(self) -> usize {
        read_u64(self.0, 0) as usize
    }

    fn lane_at(self, number: usize) -> (LaneId, Entries<'a>) {
        let row = &self.0[FOOTER_HEAD_BYTES + number * LANE_BYTES..];
        let (count, at) = (read_u32(row, 4) as usize, read_u64(row, 8) as usize);
        // Pages that have become unreadable since the footer was verified are zeros.
        let entries = self.0.get(at..at.saturating_add(count * ENTRY_BYTES)).unwrap_or(&[]);
        (LaneId(read_u32(row, 0)), Entries::Stored(entries))
    }

    /// All lanes that have frames here, in order of their id.
    pub(crate) fn lanes(self) -> impl Iterator<Item = (LaneId, Entries<'a>)> {
        (0..self.lane_count()).map(move |number| self.lane_at(number))
    }

    /// The frames of `lane`, none if it has none here.
    pub(crate) fn lane(self, lane: LaneId) -> Entries<'a> {
        let (mut low, mut high) = (0, self.lane_count());
        while low < high {
            let middle = (low + high) / 2;
            let (found, entries) = self.lane_at(middle);
            match found.cmp(&lane) {
                std::cmp::Ordering::Equal => return entries,
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Entries::Stored(&[])
    }
}

/// The frames of one lane in a segment, by position.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Entries<'a> {
    /// Of a footer.
    Stored(&'a [u8]),
    /// Of an index in memory.
    Live(&'a [Entry]),
}

impl Entries<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Stored(rows) => rows.len() / ENTRY_BYTES,
            Self::Live(entries) => entries.len(),
        }
    }

    pub(crate) fn get(&self, number: usize) -> Entry {
        match self {
            Self::Live(entries) => entries[number],
            Self::Stored(rows) => {
                let row = &rows[number * ENTRY_BYTES..(number + 1) * ENTRY_BYTES];
                Entry {
                    first_position: Position(read_u64(row, 0)),
                    timestamp_ms: read_u64(row, 8),
                    offset: read_u32(row, 16),
                    records: read_u32(row, 20),
                }
            }
        }
    }

    /// Number of leading entries for which `holds`, which must not hold again once it doesn't.
    pub(crate) fn partition_point(&self, holds: impl Fn(&Entry) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            if holds(&self.get(middle)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}
