//! The first page of a segment file: what it is, whose it is, where it starts.

use std::path::{Path, PathBuf};

use crate::encryption::{KeyId, KeyMark};
use crate::error::{Error, Result};
use crate::frame::{read_u32, read_u64, write_u32, write_u64};
use crate::position::Position;

/// Latest version of the on-disk format that this crate reads; see `FORMAT.md`.
pub(crate) const FORMAT_VERSION: u16 = 2;
/// Version of segments that hold nothing that version 1 does not know.
pub(crate) const PLAIN_VERSION: u16 = 1;
/// Version of segments that a repair wrote: they may hold gaps.
pub(crate) const REPAIRED_VERSION: u16 = 2;
/// Frames start here.
pub(crate) const FIRST_FRAME: u64 = 4096;
/// The header is written twice, so that one damaged sector does not cost the segment.
const COPIES_AT: [usize; 2] = [0, 2048];
const MAGIC: [u8; 8] = *b"ABRNSEG\0";
/// CRC-32 as in ISO-HDLC (zlib, Ethernet), polynomial 0x04C11DB7 reflected.
const CHECKSUM_CRC32: u8 = 1;
const ENCRYPTION_NONE: u8 = 0;
const ENCRYPTION_AES_256_GCM: u8 = 1;

const AT_MAGIC: usize = 0;
const AT_VERSION: usize = 8;
const AT_CHECKSUM: usize = 10;
const AT_ENCRYPTION: usize = 11;
const AT_GENERATION: usize = 12;
const AT_LOG_ID: usize = 16;
const AT_EPOCH: usize = 32;
const AT_BASE_POSITION: usize = 40;
const AT_CAPACITY: usize = 48;
const AT_CREATED: usize = 56;
const AT_CRC: usize = 64;

/// Follows a copy where the segment is encrypted.
const AT_KEY_ID: usize = 72;
const AT_KEY_CHECK: usize = 88;
const AT_KEY_CRC: usize = 104;
const KEYED_COPY_BYTES: usize = 112;

/// A decoded segment header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) log_id: [u8; 16],
    /// Random, drawn each time a file becomes a segment: frames of its earlier life never validate.
    pub(crate) epoch: u64,
    pub(crate) base_position: Position,
    /// Size of the file.
    pub(crate) capacity: u64,
    pub(crate) created_ms: u64,
    pub(crate) generation: u32,
    pub(crate) version: u16,
    /// The key that the frames are encrypted with.
    pub(crate) key: Option<KeyMark>,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut copy = [0; KEYED_COPY_BYTES];
        copy[AT_MAGIC..AT_VERSION].copy_from_slice(&MAGIC);
        copy[AT_VERSION..AT_CHECKSUM].copy_from_slice(&self.version.to_le_bytes());
        copy[AT_CHECKSUM] = CHECKSUM_CRC32;
        copy[AT_ENCRYPTION] = if self.key.is_some() { ENCRYPTION_AES_256_GCM } else { ENCRYPTION_NONE };
        write_u32(&mut copy, AT_GENERATION, self.generation);
        copy[AT_LOG_ID..AT_EPOCH].copy_from_slice(&self.log_id);
        write_u64(&mut copy, AT_EPOCH, self.epoch);
        write_u64(&mut copy, AT_BASE_POSITION, self.base_position.0);
        write_u64(&mut copy, AT_CAPACITY, self.capacity);
        write_u64(&mut copy, AT_CREATED, self.created_ms);
        let crc = crc32fast::hash(&copy[..AT_CRC]);
        write_u32(&mut copy, AT_CRC, crc);
        if let Some(key) = &self.key {
            copy[AT_KEY_ID..AT_KEY_CHECK].copy_from_slice(&key.id.0);
            copy[AT_KEY_CHECK..AT_KEY_CRC].copy_from_slice(&key.check);
            let crc = crc32fast::hash(&copy[AT_KEY_ID..AT_KEY_CRC]);
            write_u32(&mut copy, AT_KEY_CRC, crc);
        }
        let mut page = vec![0; FIRST_FRAME as usize];
        for at in COPIES_AT {
            page[at..at + KEYED_COPY_BYTES].copy_from_slice(&copy);
        }
        page
    }

    /// Reads the header from a file's first page. `Ok(None)` when neither copy holds.
    ///
    /// # Errors
    /// [`Error::NewerFormat`] when the header is sound but of a later version.
    pub(crate) fn decode(page: &[u8], path: &Path) -> Result<Option<Self>> {
        for at in COPIES_AT {
            let Some(copy) = page.get(at..at + KEYED_COPY_BYTES) else { continue };
            if copy[AT_MAGIC..AT_VERSION] != MAGIC || read_u32(copy, AT_CRC) != crc32fast::hash(&copy[..AT_CRC]) {
                continue;
            }
            let found = u16::from_le_bytes([copy[AT_VERSION], copy[AT_VERSION + 1]]);
            let encrypted = copy[AT_ENCRYPTION] == ENCRYPTION_AES_256_GCM;
            let known = copy[AT_CHECKSUM] == CHECKSUM_CRC32 && (encrypted || copy[AT_ENCRYPTION] == ENCRYPTION_NONE);
            if found > FORMAT_VERSION || !known {
                return Err(Error::NewerFormat { path: path.into(), found, supported: FORMAT_VERSION });
            }
            let key = encrypted.then(|| decode_key(copy));
            if key == Some(None) {
                continue;
            }
            let mut log_id = [0; 16];
            log_id.copy_from_slice(&copy[AT_LOG_ID..AT_EPOCH]);
            return Ok(Some(Self {
                log_id,
                epoch: read_u64(copy, AT_EPOCH),
                base_position: Position(read_u64(copy, AT_BASE_POSITION)),
                capacity: read_u64(copy, AT_CAPACITY),
                created_ms: read_u64(copy, AT_CREATED),
                generation: read_u32(copy, AT_GENERATION),
                version: found,
                key: key.flatten(),
            }));
        }
        Ok(None)
    }

    /// Whether both copies hold in `page`.
    pub(crate) fn is_whole(&self, page: &[u8]) -> bool {
        page.get(..FIRST_FRAME as usize).is_some_and(|page| page == self.encode())
    }
}

fn decode_key(copy: &[u8]) -> Option<KeyMark> {
    if read_u32(copy, AT_KEY_CRC) != crc32fast::hash(&copy[AT_KEY_ID..AT_KEY_CRC]) {
        return None;
    }
    let mut key = KeyMark { id: KeyId([0; 16]), check: [0; 16] };
    key.id.0.copy_from_slice(&copy[AT_KEY_ID..AT_KEY_CHECK]);
    key.check.copy_from_slice(&copy[AT_KEY_CHECK..AT_KEY_CRC]);
    Some(key)
}

/// Makes magic and checksums of both copies right.
#[cfg(fuzzing)]
pub(crate) fn sign(page: &mut [u8]) {
    for at in COPIES_AT {
        let Some(copy) = page.get_mut(at..at + KEYED_COPY_BYTES) else { continue };
        copy[AT_MAGIC..AT_VERSION].copy_from_slice(&MAGIC);
        let crc = crc32fast::hash(&copy[..AT_CRC]);
        write_u32(copy, AT_CRC, crc);
        let crc = crc32fast::hash(&copy[AT_KEY_ID..AT_KEY_CRC]);
        write_u32(copy, AT_KEY_CRC, crc);
    }
}

/// The file of the segment that starts at `base_position`.
pub(crate) fn segment_path(directory: &Path, base_position: Position) -> PathBuf {
    directory.join(format!("{:020}.segment", base_position.0))
}

/// The base position that a file's name states, if it is a segment's.
pub(crate) fn base_position_of(file_name: &str) -> Option<Position> {
    let digits = file_name.strip_suffix(".segment")?;
    (digits.len() == 20).then(|| digits.parse().ok().map(Position))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader {
            log_id: [3; 16],
            epoch: 77,
            base_position: Position(1_000),
            capacity: 256 << 10,
            created_ms: 1_763_000_000_000,
            generation: 4,
            version: PLAIN_VERSION,
            key: None,
        }
    }

    #[test]
    fn one_damaged_copy_is_survived() {
        let path = Path::new("x.segment");
        let keyed = SegmentHeader { key: Some(KeyMark { id: KeyId([5; 16]), check: [6; 16] }), ..header() };
        for header in [header(), keyed] {
            assert!(header.is_whole(&header.encode()));
            for bit in 0..FIRST_FRAME as usize * 8 {
                let mut page = header.encode();
                page[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(SegmentHeader::decode(&page, path).unwrap(), Some(header));
                assert!(!header.is_whole(&page));
            }
        }
        let mut page = header().encode();
        page[AT_EPOCH] ^= 1;
        page[2048 + AT_EPOCH] ^= 1;
        assert_eq!(SegmentHeader::decode(&page, path).unwrap(), None);
    }

    #[test]
    fn a_newer_version_is_refused() {
        let mut page = header().encode();
        page[AT_VERSION] = 3;
        let crc = crc32fast::hash(&page[..AT_CRC]);
        write_u32(&mut page, AT_CRC, crc);
        let error = SegmentHeader::decode(&page, Path::new("x.segment")).unwrap_err();
        assert!(matches!(error, Error::NewerFormat { found: 3, supported: 2, .. }), "{error}");
    }

    #[test]
    fn names_are_positions() {
        let path = segment_path(Path::new("/log"), Position(42));
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(name, "00000000000000000042.segment");
        assert_eq!(base_position_of(name), Some(Position(42)));
        assert_eq!(base_position_of("42.segment"), None);
        assert_eq!(base_position_of("LOCK"), None);
    }
}
