//! A frame's bytes: a fixed header, then the records of one lane, each with its length.
//!
//! The layout is documented in `FORMAT.md`; offsets are declared here in the same order.

use crc32fast::Hasher;

use crate::config::Compression;
use crate::position::{LaneId, Position};

/// Bytes of a frame's header.
pub(crate) const HEADER_BYTES: usize = 56;
/// Frames start at multiples of this.
pub(crate) const ALIGNMENT: usize = 8;
/// First bytes of each frame, by which a scan finds the next one behind damage.
pub(crate) const MAGIC: [u8; 4] = *b"ABFR";
/// A frame is closed once its payload reaches this; one larger record still makes one frame.
pub(crate) const PAYLOAD_BYTES_TARGET: usize = 1 << 20;
/// Bytes before each record in a payload.
pub(crate) const RECORD_PREFIX_BYTES: usize = 4;

const AT_MAGIC: usize = 0;
const AT_HEADER_CRC: usize = 4;
const AT_PAYLOAD_CRC: usize = 8;
const AT_STORED_BYTES: usize = 12;
const AT_RAW_BYTES: usize = 16;
const AT_LANE: usize = 20;
const AT_RECORDS: usize = 24;
const AT_COMPRESSION: usize = 28;
const AT_KIND: usize = 29;
const AT_FIRST_POSITION: usize = 32;
const AT_TIMESTAMP: usize = 40;
const AT_GENERATION: usize = 48;
const AT_DURABLE_OFFSET: usize = 52;

/// What a frame is for. The numbers are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Records of a lane.
    Data = 0,
    /// No records: proves by its `durable_offset` that what lies before it was flushed.
    Mark = 1,
}

/// A decoded frame header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) payload_crc: u32,
    pub(crate) stored_bytes: u32,
    pub(crate) raw_bytes: u32,
    pub(crate) lane: LaneId,
    pub(crate) records: u32,
    pub(crate) zstd: bool,
    pub(crate) kind: Kind,
    pub(crate) first_position: Position,
    pub(crate) timestamp_ms: u64,
    /// Counts the openings of the log; never decreases along a segment.
    pub(crate) generation: u32,
    /// Offset in the segment below which all was flushed when this frame was written.
    pub(crate) durable_offset: u32,
}

impl Header {
    /// Bytes from this frame's start to the next one's.
    pub(crate) fn frame_bytes(&self) -> u64 {
        padded(HEADER_BYTES + self.stored_bytes as usize) as u64
    }

    /// The first position after this frame.
    pub(crate) fn end_position(&self) -> Position {
        self.first_position.plus(u64::from(self.records))
    }
}

/// Ties frames to their place: header checksums start from the log's id, the segment's epoch
/// and the frame's offset, so stale or misdirected bytes never validate.
#[derive(Debug, Clone)]
pub(crate) struct Identity(Hasher);

impl Identity {
    pub(crate) fn new(log_id: &[u8; 16], epoch: u64) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(log_id);
        hasher.update(&epoch.to_le_bytes());
        Self(hasher)
    }

    pub(crate) fn crc(&self, offset: u64, bytes: &[u8]) -> u32 {
        let mut hasher = self.0.clone();
        hasher.update(&offset.to_le_bytes());
        hasher.update(bytes);
        hasher.finalize()
    }
}

/// Reads the header at `offset`, if `bytes` (which start there) hold a valid one.
pub(crate) fn decode_header(bytes: &[u8], offset: u64, identity: &Identity) -> Option<Header> {
    let header: &[u8; HEADER_BYTES] = bytes.get(..HEADER_BYTES)?.try_into().ok()?;
    if header[AT_MAGIC..AT_HEADER_CRC] != MAGIC
        || read_u32(header, AT_HEADER_CRC) != header_crc(header, offset, identity)
    {
        return None;
    }
    Some(Header {
        payload_crc: read_u32(header, AT_PAYLOAD_CRC),
        stored_bytes: read_u32(header, AT_STORED_BYTES),
        raw_bytes: read_u32(header, AT_RAW_BYTES),
        lane: LaneId(read_u32(header, AT_LANE)),
        records: read_u32(header, AT_RECORDS),
        zstd: match header[AT_COMPRESSION] {
            0 => false,
            1 => true,
            _ => return None,
        },
        kind: match header[AT_KIND] {
            0 => Kind::Data,
            1 => Kind::Mark,
            _ => return None,
        },
        first_position: Position(read_u64(header, AT_FIRST_POSITION)),
        timestamp_ms: read_u64(header, AT_TIMESTAMP),
        generation: read_u32(header, AT_GENERATION),
        durable_offset: read_u32(header, AT_DURABLE_OFFSET),
    })
}

/// Fills in what is known only when the frame is about to be written, and signs the header.
pub(crate) fn finish_header(header: &mut [u8], place: &Place, identity: &Identity) {
    write_u64(header, AT_FIRST_POSITION, place.first_position.0);
    write_u64(header, AT_TIMESTAMP, place.timestamp_ms);
    write_u32(header, AT_GENERATION, place.generation);
    write_u32(header, AT_DURABLE_OFFSET, place.durable_offset);
    let crc = header_crc(header, place.offset, identity);
    write_u32(header, AT_HEADER_CRC, crc);
}

/// Where and when a frame is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) first_position: Position,
    pub(crate) timestamp_ms: u64,
    pub(crate) generation: u32,
    pub(crate) durable_offset: u32,
}

fn header_crc(header: &[u8], offset: u64, identity: &Identity) -> u32 {
    identity.crc(offset, &header[AT_PAYLOAD_CRC..HEADER_BYTES])
}

/// Frames that are encoded but not yet placed: all but position, time and header checksum.
#[derive(Debug, Default)]
pub(crate) struct Drafts {
    pub(crate) bytes: Vec<u8>,
    pub(crate) frames: Vec<Draft>,
    pub(crate) records: u64,
}

/// One frame within [`Drafts::bytes`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draft {
    pub(crate) at: usize,
    pub(crate) lane: LaneId,
    pub(crate) records: u32,
    pub(crate) kind: Kind,
}

impl Drafts {
    /// Adds `records` of `lane`, as one frame or, where they are many, several.
    pub(crate) fn push(&mut self, lane: LaneId, records: &[&[u8]], compression: Compression) {
        let mut rest = records;
        while !rest.is_empty() {
            let mut payload_bytes = 0;
            let fitting = rest
                .iter()
                .take_while(|record| {
                    let fits = payload_bytes < PAYLOAD_BYTES_TARGET;
                    payload_bytes += RECORD_PREFIX_BYTES + record.len();
                    fits
                })
                .count();
            let (frame, remaining) = rest.split_at(fitting);
            self.push_frame(lane, frame, compression);
            rest = remaining;
        }
    }

    fn push_frame(&mut self, lane: LaneId, records: &[&[u8]], compression: Compression) {
        let at = self.open_frame();
        let payload_at = self.bytes.len();
        self.bytes.reserve(records.iter().map(|record| RECORD_PREFIX_BYTES + record.len()).sum::<usize>() + ALIGNMENT);
        for record in records {
            self.bytes.extend_from_slice(&(record.len() as u32).to_le_bytes());
            self.bytes.extend_from_slice(record);
        }
        let raw_bytes = self.bytes.len() - payload_at;
        let zstd = compress_in_place(&mut self.bytes, payload_at, compression);
        self.close_frame(at, raw_bytes, zstd, Draft { at, lane, records: records.len() as u32, kind: Kind::Data });
        self.records += records.len() as u64;
    }

    /// Adds a frame without records; see [`Kind::Mark`].
    pub(crate) fn push_mark(&mut self) {
        let at = self.open_frame();
        self.close_frame(at, 0, false, Draft { at, lane: LaneId(0), records: 0, kind: Kind::Mark });
    }

    fn open_frame(&mut self) -> usize {
        let at = self.bytes.len();
        self.bytes.resize(at + HEADER_BYTES, 0);
        at
    }

    fn close_frame(&mut self, at: usize, raw_bytes: usize, zstd: bool, draft: Draft) {
        let payload_at = at + HEADER_BYTES;
        let stored_bytes = self.bytes.len() - payload_at;
        let payload_crc = crc32fast::hash(&self.bytes[payload_at..]);
        let header = &mut self.bytes[at..payload_at];
        header[AT_MAGIC..AT_HEADER_CRC].copy_from_slice(&MAGIC);
        write_u32(header, AT_PAYLOAD_CRC, payload_crc);
        write_u32(header, AT_STORED_BYTES, stored_bytes as u32);
        write_u32(header, AT_RAW_BYTES, raw_bytes as u32);
        write_u32(header, AT_LANE, draft.lane.0);
        write_u32(header, AT_RECORDS, draft.records);
        header[AT_COMPRESSION] = u8::from(zstd);
        header[AT_KIND] = draft.kind as u8;
        self.bytes.resize(padded(self.bytes.len()), 0);
        self.frames.push(draft);
    }
}

/// Compresses what follows `payload_at` if asked to and if it then takes less room.
fn compress_in_place(bytes: &mut Vec<u8>, payload_at: usize, compression: Compression) -> bool {
    let Compression::Zstd { level } = compression else { return false };
    // Compressing into memory fails only for an invalid level, which `Config::check` refuses.
    let Ok(compressed) = zstd::bulk::compress(&bytes[payload_at..], level) else { return false };
    if compressed.len() >= bytes.len() - payload_at {
        return false;
    }
    bytes.truncate(payload_at);
    bytes.extend_from_slice(&compressed);
    true
}

/// The records of an uncompressed payload, in order. Ends early on a length that lies.
pub(crate) fn records(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = payload;
    std::iter::from_fn(move || {
        let (prefix, behind) = rest.split_first_chunk::<RECORD_PREFIX_BYTES>()?;
        let (record, remaining) = behind.split_at_checked(u32::from_le_bytes(*prefix) as usize)?;
        rest = remaining;
        Some(record)
    })
}

/// `bytes` rounded up to the frame alignment.
pub(crate) fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGNMENT)
}

/// Callers pass offsets that lie within `bytes` by construction.
pub(crate) fn read_u32(bytes: &[u8], at: usize) -> u32 {
    let mut value = [0; 4];
    value.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(value)
}

pub(crate) fn read_u64(bytes: &[u8], at: usize) -> u64 {
    let mut value = [0; 8];
    value.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(value)
}

pub(crate) fn write_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

pub(crate) fn write_u64(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn identity() -> Identity {
        Identity::new(&[7; 16], 42)
    }

    fn place(offset: u64) -> Place {
        Place { offset, first_position: Position(9), timestamp_ms: 1_000, generation: 3, durable_offset: 4096 }
    }

    proptest! {
        #[test]
        fn what_is_pushed_is_read(data in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..20), zstd: bool) {
            let records_in: Vec<&[u8]> = data.iter().map(Vec::as_slice).collect();
            let compression = if zstd { Compression::Zstd { level: 1 } } else { Compression::None };
            let mut drafts = Drafts::default();
            drafts.push(LaneId(5), &records_in, compression);
            prop_assert_eq!(drafts.frames.len(), 1);
            prop_assert_eq!(drafts.bytes.len() % ALIGNMENT, 0);
            finish_header(&mut drafts.bytes[..HEADER_BYTES], &place(4096), &identity());
            let header = decode_header(&drafts.bytes, 4096, &identity()).unwrap();
            prop_assert_eq!(header.end_position(), Position(9 + data.len() as u64));
            prop_assert_eq!(header.lane, LaneId(5));
            let stored = &drafts.bytes[HEADER_BYTES..HEADER_BYTES + header.stored_bytes as usize];
            prop_assert_eq!(crc32fast::hash(stored), header.payload_crc);
            let raw = if header.zstd { zstd::bulk::decompress(stored, header.raw_bytes as usize).unwrap() } else { stored.to_vec() };
            let records_out: Vec<&[u8]> = records(&raw).collect();
            prop_assert_eq!(records_out, records_in);
        }

        #[test]
        fn a_header_holds_nowhere_else(bit in 0..HEADER_BYTES * 8) {
            let mut drafts = Drafts::default();
            drafts.push(LaneId(1), &[b"click"], Compression::None);
            finish_header(&mut drafts.bytes[..HEADER_BYTES], &place(4096), &identity());
            prop_assert!(decode_header(&drafts.bytes, 4096, &identity()).is_some());
            prop_assert!(decode_header(&drafts.bytes, 4104, &identity()).is_none());
            prop_assert!(decode_header(&drafts.bytes, 4096, &Identity::new(&[7; 16], 43)).is_none());
            drafts.bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(decode_header(&drafts.bytes, 4096, &identity()).is_none());
        }
    }

    #[test]
    fn many_records_make_several_frames() {
        let record = vec![1; PAYLOAD_BYTES_TARGET / 2];
        let mut drafts = Drafts::default();
        drafts.push(LaneId(1), &[&record, &record, &record, &record, &record], Compression::None);
        let counts: Vec<u32> = drafts.frames.iter().map(|frame| frame.records).collect();
        assert_eq!(counts, [2, 2, 1]);
        assert_eq!(drafts.records, 5);
    }
}
