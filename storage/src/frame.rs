//! A frame's bytes: a fixed header, then the records of one lane, each with its length.
//!
//! The layout is documented in `FORMAT.md`; offsets are declared here in the same order.

use std::cell::RefCell;

use crc32fast::Hasher;
use zstd::bulk::Compressor;

use crate::config::{Compression, Config};
use crate::encryption::{NONCE_BYTES, OVERHEAD_BYTES, SegmentCipher, TAG_BYTES};
use crate::faults::{Fault, committed};
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

const ASSOCIATED_BYTES: usize = 8 + AT_DURABLE_OFFSET - AT_STORED_BYTES;

/// What a frame is for. The numbers are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Records of a lane.
    Data = 0,
    /// No records: proves by its `durable_offset` that what lies before it was flushed.
    Mark = 1,
    /// Positions that a repair found lost; how many is in `raw_bytes` (upper half) and `records`.
    Gap = 2,
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

    /// The positions that it takes; see [`Place`].
    pub(crate) fn positions(&self) -> u64 {
        let upper = if self.kind == Kind::Gap { u64::from(self.raw_bytes) << 32 } else { 0 };
        upper | u64::from(self.records)
    }

    /// The first position after this frame.
    pub(crate) fn end_position(&self) -> Position {
        Position(self.first_position.0.saturating_add(self.positions()))
    }

    /// The same as of a frame that is written.
    pub(crate) fn place(&self, offset: u64) -> Place {
        Place {
            offset,
            frame_bytes: self.frame_bytes() as u32,
            lane: self.lane,
            positions: self.positions(),
            kind: self.kind,
            first_position: self.first_position,
            timestamp_ms: self.timestamp_ms,
            generation: self.generation,
            durable_offset: self.durable_offset,
        }
    }
}

/// The part of a header that an encrypted payload is bound to, with the frame's offset before it.
pub(crate) fn associated_data(header: &[u8], offset: u64) -> [u8; ASSOCIATED_BYTES] {
    let mut associated = [0; ASSOCIATED_BYTES];
    associated[..8].copy_from_slice(&offset.to_le_bytes());
    associated[8..].copy_from_slice(&header[AT_STORED_BYTES..AT_DURABLE_OFFSET]);
    associated
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

    /// The checksum of bytes that begin with their offset.
    fn crc_of(&self, bytes: &[u8]) -> u32 {
        let mut hasher = self.0.clone();
        hasher.update(bytes);
        hasher.finalize()
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
            2 => Kind::Gap,
            _ => return None,
        },
        first_position: Position(read_u64(header, AT_FIRST_POSITION)),
        timestamp_ms: read_u64(header, AT_TIMESTAMP),
        generation: read_u32(header, AT_GENERATION),
        durable_offset: read_u32(header, AT_DURABLE_OFFSET),
    })
}

/// Fills in what is known only when the frame is about to be written, encrypts the payload if
/// there is a cipher, and signs the header. `frame` is the whole frame.
pub(crate) fn finish_frame(frame: &mut [u8], place: &Place, identity: &Identity, cipher: Option<&SegmentCipher>) {
    write_u64(frame, AT_FIRST_POSITION, place.first_position.0);
    write_u64(frame, AT_TIMESTAMP, place.timestamp_ms);
    write_u32(frame, AT_GENERATION, place.generation);
    write_u32(frame, AT_DURABLE_OFFSET, place.durable_offset);
    let stored_bytes = read_u32(frame, AT_STORED_BYTES) as usize;
    if let Some(cipher) = cipher.filter(|_| stored_bytes > 0) {
        let associated = associated_data(frame, place.offset);
        cipher.seal(&mut frame[HEADER_BYTES..HEADER_BYTES + stored_bytes], &associated);
        let crc = payload_crc(&frame[HEADER_BYTES..HEADER_BYTES + stored_bytes]);
        write_u32(frame, AT_PAYLOAD_CRC, crc);
    }
    let crc = header_crc(frame, place.offset, identity);
    write_u32(frame, AT_HEADER_CRC, crc);
}

/// What a frame holds, and where and when it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) frame_bytes: u32,
    pub(crate) lane: LaneId,
    /// Positions that it takes: one a record, or those that a gap stands for.
    pub(crate) positions: u64,
    pub(crate) kind: Kind,
    pub(crate) first_position: Position,
    pub(crate) timestamp_ms: u64,
    pub(crate) generation: u32,
    pub(crate) durable_offset: u32,
}

/// The checksum of a payload as stored.
pub(crate) fn payload_crc(stored: &[u8]) -> u32 {
    if committed(Fault::LengthWithoutChecksum) {
        return crc32fast::hash(stored.get(RECORD_PREFIX_BYTES..).unwrap_or(stored));
    }
    crc32fast::hash(stored)
}

fn header_crc(header: &[u8], offset: u64, identity: &Identity) -> u32 {
    let mut signed = [0; 8 + HEADER_BYTES - AT_PAYLOAD_CRC];
    signed[..8].copy_from_slice(&offset.to_le_bytes());
    signed[8..].copy_from_slice(&header[AT_PAYLOAD_CRC..HEADER_BYTES]);
    identity.crc_of(&signed)
}

/// How payloads are stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Storing {
    pub(crate) compression: Compression,
    /// Leave room for what encryption adds.
    pub(crate) encrypted: bool,
}

impl Storing {
    /// As `config` has it for new frames.
    pub(crate) fn new(config: &Config) -> Self {
        Self { compression: config.compression, encrypted: config.keys.is_some() }
    }
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
    pub(crate) frame_bytes: u32,
    pub(crate) lane: LaneId,
    /// As in [`Place`].
    pub(crate) positions: u64,
    pub(crate) kind: Kind,
}

/// Splits the records of one lane into those of one frame each.
pub(crate) fn split_into_frames<'r, 'd>(records: &'r [&'d [u8]]) -> impl Iterator<Item = &'r [&'d [u8]]> {
    let mut rest = records;
    std::iter::from_fn(move || {
        let mut payload_bytes = 0;
        let fits = |record: &&&[u8]| {
            let fits = payload_bytes < PAYLOAD_BYTES_TARGET;
            payload_bytes += RECORD_PREFIX_BYTES + record.len();
            fits
        };
        let count = rest.iter().take_while(fits).count();
        let (frame, remaining) = rest.split_at(count);
        rest = remaining;
        (!frame.is_empty()).then_some(frame)
    })
}

/// Size of the payload of `records`, uncompressed.
pub(crate) fn payload_bytes(records: &[&[u8]]) -> usize {
    records.iter().map(|record| RECORD_PREFIX_BYTES + record.len()).sum()
}

/// Gives `frame` the header of `draft`, a frame without a payload, and zeros for the rest.
pub(crate) fn fill_frame(frame: &mut [u8], draft: &[u8]) {
    frame.fill(0);
    frame[..HEADER_BYTES].copy_from_slice(&draft[..HEADER_BYTES]);
    write_u32(frame, AT_STORED_BYTES, (frame.len() - HEADER_BYTES) as u32);
    let crc = payload_crc(&frame[HEADER_BYTES..]);
    write_u32(frame, AT_PAYLOAD_CRC, crc);
}

/// Encodes a plain frame of `records` into `frame`, which has its exact size.
pub(crate) fn encode_in_place(frame: &mut [u8], records: &[&[u8]], place: &Place, identity: &Identity) {
    let raw_bytes = payload_bytes(records);
    let (header, mut rest) = frame.split_at_mut(HEADER_BYTES);
    for record in records {
        let (prefix, behind) = rest.split_at_mut(RECORD_PREFIX_BYTES);
        prefix.copy_from_slice(&(record.len() as u32).to_le_bytes());
        let (data, behind) = behind.split_at_mut(record.len());
        data.copy_from_slice(record);
        rest = behind;
    }
    rest.fill(0);
    header.fill(0);
    let draft = Draft { at: 0, frame_bytes: 0, lane: place.lane, positions: place.positions, kind: place.kind };
    draft_header(&mut frame[..HEADER_BYTES], &draft, raw_bytes, raw_bytes, false);
    let crc = payload_crc(&frame[HEADER_BYTES..HEADER_BYTES + raw_bytes]);
    write_u32(frame, AT_PAYLOAD_CRC, crc);
    finish_frame(frame, place, identity, None);
}

fn draft_header(header: &mut [u8], draft: &Draft, raw_bytes: usize, stored_bytes: usize, zstd: bool) {
    header[AT_MAGIC..AT_HEADER_CRC].copy_from_slice(&MAGIC);
    write_u32(header, AT_STORED_BYTES, stored_bytes as u32);
    write_u32(header, AT_RAW_BYTES, raw_bytes as u32);
    write_u32(header, AT_LANE, draft.lane.0);
    write_u32(header, AT_RECORDS, draft.positions as u32);
    header[AT_COMPRESSION] = u8::from(zstd);
    header[AT_KIND] = draft.kind as u8;
}

impl Drafts {
    /// No drafts, in a buffer that this thread used before.
    pub(crate) fn in_kept_buffer() -> Self {
        Self { bytes: BUFFER.take(), ..Self::default() }
    }

    /// Keeps the buffer for the next append of this thread.
    pub(crate) fn keep_buffer(mut self) {
        if self.bytes.capacity() <= KEPT_BUFFER_BYTES_MAX {
            self.bytes.clear();
            BUFFER.set(self.bytes);
        }
    }

    /// Adds `records` of `lane`, as one frame or, where they are many, several.
    pub(crate) fn push(&mut self, lane: LaneId, records: &[&[u8]], storing: Storing) {
        for frame in split_into_frames(records) {
            self.push_frame(lane, frame, storing);
        }
    }

    fn push_frame(&mut self, lane: LaneId, records: &[&[u8]], storing: Storing) {
        let raw_bytes = payload_bytes(records);
        self.bytes.reserve(HEADER_BYTES + OVERHEAD_BYTES + raw_bytes + 2 * ALIGNMENT);
        let at = self.open_frame();
        if storing.encrypted {
            self.bytes.extend_from_slice(&[0; NONCE_BYTES]);
        }
        let text_at = self.bytes.len();
        for record in records {
            self.bytes.extend_from_slice(&(record.len() as u32).to_le_bytes());
            self.bytes.extend_from_slice(record);
        }
        let zstd = compress_in_place(&mut self.bytes, text_at, storing.compression);
        if storing.encrypted {
            self.bytes.extend_from_slice(&[0; TAG_BYTES]);
        }
        let positions = records.len() as u64;
        let draft = Draft { at, frame_bytes: 0, lane, positions, kind: Kind::Data };
        self.close_frame(at, raw_bytes, zstd, !storing.encrypted, draft);
        self.records += positions;
    }

    /// Adds a frame without records; see [`Kind::Mark`].
    pub(crate) fn push_mark(&mut self) {
        let at = self.open_frame();
        let draft = Draft { at, frame_bytes: 0, lane: LaneId(0), positions: 0, kind: Kind::Mark };
        self.close_frame(at, 0, false, true, draft);
    }

    /// Adds a frame that stands for `positions` lost ones; see [`Kind::Gap`].
    pub(crate) fn push_gap(&mut self, positions: u64) {
        let at = self.open_frame();
        let draft = Draft { at, frame_bytes: 0, lane: LaneId(0), positions, kind: Kind::Gap };
        self.close_frame(at, (positions >> 32) as usize, false, true, draft);
    }

    fn open_frame(&mut self) -> usize {
        let at = self.bytes.len();
        self.bytes.resize(at + HEADER_BYTES, 0);
        at
    }

    fn close_frame(&mut self, at: usize, raw_bytes: usize, zstd: bool, checksum: bool, mut draft: Draft) {
        let payload_at = at + HEADER_BYTES;
        let stored_bytes = self.bytes.len() - payload_at;
        let crc = if checksum { payload_crc(&self.bytes[payload_at..]) } else { 0 };
        draft_header(&mut self.bytes[at..payload_at], &draft, raw_bytes, stored_bytes, zstd);
        write_u32(&mut self.bytes[at..], AT_PAYLOAD_CRC, crc);
        self.bytes.resize(padded(self.bytes.len()), 0);
        draft.frame_bytes = (self.bytes.len() - at) as u32;
        self.frames.push(draft);
    }
}

/// Size of the buffer that each thread that appends keeps, in bytes.
const KEPT_BUFFER_BYTES_MAX: usize = 4 << 20;

thread_local! {
    /// The bytes of an earlier append's drafts: fresh memory costs more than what is written to it.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// Making a compressor costs more than compressing a small frame.
    static COMPRESSOR: RefCell<Option<(i32, Compressor<'static>)>> = const { RefCell::new(None) };
}

/// Compresses what follows `text_at` if asked to and if it then takes less room.
fn compress_in_place(bytes: &mut Vec<u8>, text_at: usize, compression: Compression) -> bool {
    let Compression::Zstd { level } = compression else { return false };
    let compressed = COMPRESSOR.with_borrow_mut(|kept| {
        if kept.as_ref().is_none_or(|(kept, _)| *kept != level) {
            *kept = Some((level, Compressor::new(level).ok()?));
        }
        // Compressing into memory fails only for an invalid level, which `Config::check` refuses.
        kept.as_mut()?.1.compress(&bytes[text_at..]).ok()
    });
    let Some(compressed) = compressed.filter(|compressed| compressed.len() < bytes.len() - text_at) else {
        return false;
    };
    bytes.truncate(text_at);
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

/// Makes both checksums of the frame at the start of `bytes` right.
#[cfg(fuzzing)]
pub(crate) fn sign(bytes: &mut [u8], offset: u64, identity: &Identity) {
    let stored_bytes = read_u32(bytes, AT_STORED_BYTES) as usize;
    bytes[AT_MAGIC..AT_HEADER_CRC].copy_from_slice(&MAGIC);
    if let Some(payload) = bytes.get(HEADER_BYTES..HEADER_BYTES + stored_bytes) {
        let crc = payload_crc(payload);
        write_u32(bytes, AT_PAYLOAD_CRC, crc);
    }
    let crc = header_crc(bytes, offset, identity);
    write_u32(bytes, AT_HEADER_CRC, crc);
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

    fn place(offset: u64, positions: u64) -> Place {
        Place {
            offset,
            frame_bytes: 0,
            lane: LaneId(5),
            positions,
            kind: Kind::Data,
            first_position: Position(9),
            timestamp_ms: 1_000,
            generation: 3,
            durable_offset: 4096,
        }
    }

    const PLAIN: Storing = Storing { compression: Compression::None, encrypted: false };

    proptest! {
        #[test]
        fn what_is_pushed_is_read(data in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..20), zstd: bool) {
            let records_in: Vec<&[u8]> = data.iter().map(Vec::as_slice).collect();
            let compression = if zstd { Compression::Zstd { level: 1 } } else { Compression::None };
            let mut drafts = Drafts::default();
            drafts.push(LaneId(5), &records_in, Storing { compression, encrypted: false });
            prop_assert_eq!(drafts.frames.len(), 1);
            prop_assert_eq!(drafts.bytes.len() % ALIGNMENT, 0);
            finish_frame(&mut drafts.bytes, &place(4096, data.len() as u64), &identity(), None);
            let header = decode_header(&drafts.bytes, 4096, &identity()).unwrap();
            if !zstd {
                let mut in_place = vec![0xff; drafts.bytes.len()];
                encode_in_place(&mut in_place, &records_in, &place(4096, data.len() as u64), &identity());
                prop_assert_eq!(&in_place, &drafts.bytes);
            }
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
            drafts.push(LaneId(1), &[b"click"], PLAIN);
            finish_frame(&mut drafts.bytes, &place(4096, 1), &identity(), None);
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
        drafts.push(LaneId(1), &[&record, &record, &record, &record, &record], PLAIN);
        let counts: Vec<u64> = drafts.frames.iter().map(|frame| frame.positions).collect();
        assert_eq!(counts, [2, 2, 1]);
        assert_eq!(drafts.records, 5);
    }
}
