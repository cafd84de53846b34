//! What the fuzz targets call: each decoder of bytes that come from the disk. Only in builds by
//! `cargo fuzz`. Random bytes never get past a checksum, so those that lie deeper first have their
//! checksums made right.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::frame::{self, ALIGNMENT, HEADER_BYTES, Identity, MAGIC, decode_header, records};
use crate::index::{TRAILER_BYTES, TRAILER_MAGIC};
use crate::map::Map;
use crate::position::{LaneId, Position};
use crate::segment::Segment;
use crate::segment_header::{FIRST_FRAME, PLAIN_VERSION, SegmentHeader};

const LOG_ID: [u8; 16] = [7; 16];
const EPOCH: u64 = 99;

/// A segment's first page, with checksums that hold.
pub fn segment_header(page: &[u8]) {
    let mut page = page.to_vec();
    crate::segment_header::sign(&mut page);
    if let Ok(Some(header)) = SegmentHeader::decode(&page, Path::new("fuzzed.segment")) {
        let again = SegmentHeader::decode(&header.encode(), Path::new("fuzzed.segment"));
        assert_eq!(again.ok().flatten(), Some(header));
    }
}

/// A frame at an offset, its header's checksum made right.
pub fn frame(bytes: &[u8], offset: u64) {
    let identity = Identity::new(&LOG_ID, EPOCH);
    let mut bytes = bytes.to_vec();
    if bytes.len() >= HEADER_BYTES {
        frame::sign(&mut bytes, offset, &identity);
    }
    if let Some(header) = decode_header(&bytes, offset, &identity) {
        let place = header.place(offset);
        assert_eq!(place.first_position, header.first_position);
        let payload = &bytes[HEADER_BYTES..];
        assert!(records(payload).map(<[u8]>::len).sum::<usize>() <= payload.len());
        let _ = zstd::bulk::decompress(payload, (header.raw_bytes as usize).min(1 << 20));
    }
}

/// A whole segment: its frames, footer and trailer, all checksums made right.
pub fn segment(body: &[u8]) {
    let capacity =
        (FIRST_FRAME as usize + body.len().next_multiple_of(ALIGNMENT)).max(FIRST_FRAME as usize + TRAILER_BYTES);
    let header = SegmentHeader {
        log_id: LOG_ID,
        epoch: EPOCH,
        base_position: Position(0),
        capacity: capacity as u64,
        created_ms: 0,
        generation: 1,
        version: PLAIN_VERSION,
        key: None,
    };
    let mut bytes = header.encode();
    bytes.extend_from_slice(body);
    bytes.resize(capacity, 0);
    make_right(&mut bytes, &Identity::new(&LOG_ID, EPOCH));
    let Some(map) = in_memory(&bytes) else { return };
    let segment =
        Segment::opened(header, map, PathBuf::from("fuzzed.segment"), None, &bytes[bytes.len() - TRAILER_BYTES..]);
    let limit = if segment.is_sealed() { segment.summary().frames_end } else { segment.map.len() };
    let scanned = segment.scan(limit);
    if !segment.is_sealed() {
        segment.adopt(scanned.index, scanned.durable_offset);
    }
    for (lane, ..) in segment.lanes() {
        read(&segment, lane);
    }
    read(&segment, LaneId(0));
}

fn read(segment: &Segment, lane: LaneId) {
    let _ = segment.entry_at_time(lane, 1_000);
    for entry in segment.entries(lane, Position(0), 1_000) {
        if let Ok((header, stored)) = segment.frame(&entry, lane)
            && header.raw_bytes < 1 << 24
            && let Ok(decoded) = segment.decoded(&entry, lane, &header, stored)
        {
            let payload = decoded.as_deref().unwrap_or(stored);
            assert!(records(payload).map(<[u8]>::len).sum::<usize>() <= payload.len());
        }
    }
}

fn make_right(bytes: &mut [u8], identity: &Identity) {
    let mut at = FIRST_FRAME as usize;
    while at + HEADER_BYTES <= bytes.len() {
        if bytes[at..at + 4] == MAGIC {
            frame::sign(&mut bytes[at..], at as u64, identity);
        }
        at += ALIGNMENT;
    }
    let trailer_at = bytes.len() - TRAILER_BYTES;
    if bytes[trailer_at] & 1 == 1 {
        bytes[trailer_at..trailer_at + 8].copy_from_slice(&TRAILER_MAGIC);
        crate::index::sign(bytes, identity);
    }
}

fn in_memory(bytes: &[u8]) -> Option<Map> {
    let file = File::from(rustix::fs::memfd_create("fuzzed", rustix::fs::MemfdFlags::CLOEXEC).ok()?);
    file.write_all_at(bytes, 0).ok()?;
    Map::new(&file).ok()
}
