//! `START`, the file that says where a log begins: it tells segments that were dropped on purpose
//! from segments that are gone.

use std::path::Path;

use crate::directory::{Directory, Syncer};
use crate::error::{Error, IoContext, Result};
use crate::frame::{read_u32, read_u64, write_u32, write_u64};
use crate::position::Position;

pub(crate) const START_FILE: &str = "START";
/// Latest version of the file that this crate reads.
const VERSION: u16 = 1;
const CHECKSUM_CRC32: u8 = 1;
const MAGIC: [u8; 8] = *b"ABRNLOG\0";
/// Size of the file.
const FILE_BYTES: usize = 4096;
/// It is written twice, so that one damaged sector does not cost it.
const COPIES_AT: [usize; 2] = [0, 2048];
const COPY_BYTES: usize = 64;

const AT_VERSION: usize = 8;
const AT_CHECKSUM: usize = 10;
const AT_LOG_ID: usize = 16;
const AT_START: usize = 32;
const AT_LAST: usize = 40;
const AT_WRITTEN: usize = 48;
const AT_CRC: usize = 60;

/// Where a log begins, and how far it reached at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) log_id: [u8; 16],
    /// Positions below were dropped on purpose, or are about to be.
    pub(crate) start: Position,
    /// Base position of a segment that was the last.
    pub(crate) last: Position,
}

/// What was found of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FoundStart {
    /// None: a new log, or one that an earlier version wrote.
    Absent,
    /// Neither copy holds.
    Damaged,
    Whole(Start),
}

impl Start {
    fn encode(&self, written_ms: u64) -> Vec<u8> {
        let mut copy = [0; COPY_BYTES];
        copy[..AT_VERSION].copy_from_slice(&MAGIC);
        copy[AT_VERSION..AT_CHECKSUM].copy_from_slice(&VERSION.to_le_bytes());
        copy[AT_CHECKSUM] = CHECKSUM_CRC32;
        copy[AT_LOG_ID..AT_START].copy_from_slice(&self.log_id);
        write_u64(&mut copy, AT_START, self.start.0);
        write_u64(&mut copy, AT_LAST, self.last.0);
        write_u64(&mut copy, AT_WRITTEN, written_ms);
        let crc = crc32fast::hash(&copy[..AT_CRC]);
        write_u32(&mut copy, AT_CRC, crc);
        let mut file = vec![0; FILE_BYTES];
        for at in COPIES_AT {
            file[at..at + COPY_BYTES].copy_from_slice(&copy);
        }
        file
    }

    fn decode(file: &[u8], path: &Path) -> Result<Option<Self>> {
        for at in COPIES_AT {
            let Some(copy) = file.get(at..at + COPY_BYTES) else { continue };
            if copy[..AT_VERSION] != MAGIC || read_u32(copy, AT_CRC) != crc32fast::hash(&copy[..AT_CRC]) {
                continue;
            }
            let found = u16::from_le_bytes([copy[AT_VERSION], copy[AT_VERSION + 1]]);
            if found > VERSION || copy[AT_CHECKSUM] != CHECKSUM_CRC32 {
                return Err(Error::NewerFormat { path: path.into(), found, supported: VERSION });
            }
            let mut log_id = [0; 16];
            log_id.copy_from_slice(&copy[AT_LOG_ID..AT_START]);
            let position = |at| Position(read_u64(copy, at));
            return Ok(Some(Self { log_id, start: position(AT_START), last: position(AT_LAST) }));
        }
        Ok(None)
    }
}

impl Directory {
    /// Reads what the log's directory says of its start.
    pub(crate) fn read_start(&self) -> Result<FoundStart> {
        let path = self.path.join(START_FILE);
        if !self.platform.exists(&path) {
            return Ok(FoundStart::Absent);
        }
        let file = self.platform.open(&path, false).at(&path)?;
        let mut bytes = vec![0; FILE_BYTES];
        match file.read_exact_at(&mut bytes, 0) {
            Err(error) if error.raw_os_error() == Some(libc::EIO) => return Ok(FoundStart::Damaged),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(FoundStart::Damaged),
            outcome => outcome.at(&path)?,
        }
        Ok(Start::decode(&bytes, &path)?.map_or(FoundStart::Damaged, FoundStart::Whole))
    }

    /// Puts `start` in the place of what the file said before, durably and at once.
    pub(crate) fn write_start(&self, start: &Start, syncer: &Syncer) -> Result<()> {
        let path = self.path.join(START_FILE);
        let new = self.path.join(format!("{START_FILE}.tmp"));
        let written = self.platform.create(&new).and_then(|file| {
            file.write_all_at(&start.encode(self.platform.now_ms()), 0)?;
            file.sync_all()?;
            self.platform.rename(&new, &path)
        });
        written.map_err(|error| Error::of_growing(&self.path, &new, FILE_BYTES as u64, error))?;
        syncer.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Start = Start { log_id: [3; 16], start: Position(1_000), last: Position(5_000) };

    #[test]
    fn one_damaged_copy_is_survived() {
        let path = Path::new(START_FILE);
        let whole = START.encode(1_763_000_000_000);
        for at in 0..FILE_BYTES {
            let mut file = whole.clone();
            file[at] ^= 1;
            assert_eq!(Start::decode(&file, path).unwrap(), Some(START));
        }
        let mut file = whole.clone();
        file[AT_START] ^= 1;
        file[COPIES_AT[1] + AT_START] ^= 1;
        assert_eq!(Start::decode(&file, path).unwrap(), None);
    }

    /// The example in FORMAT.md.
    #[test]
    fn version_1_is_as_documented() {
        let rows =
            include_str!("../FORMAT.md").split("began at 5,000:\n\n```\n").nth(1).unwrap().split("```").next().unwrap();
        let copy: Vec<u8> = rows.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        let mut log_id = [0; 16];
        log_id.copy_from_slice(&copy[AT_LOG_ID..AT_START]);
        let start = Start { log_id, ..START };
        assert_eq!(start.encode(1_763_000_000_000)[..COPY_BYTES], copy);
        let mut file = vec![0; FILE_BYTES];
        file[COPIES_AT[1]..][..COPY_BYTES].copy_from_slice(&copy);
        assert_eq!(Start::decode(&file, Path::new(START_FILE)).unwrap(), Some(start));
    }

    #[test]
    fn a_newer_version_is_refused() {
        let mut file = START.encode(0);
        file[AT_VERSION] = 2;
        let crc = crc32fast::hash(&file[..AT_CRC]);
        write_u32(&mut file, AT_CRC, crc);
        let error = Start::decode(&file, Path::new(START_FILE)).unwrap_err();
        assert!(matches!(error, Error::NewerFormat { found: 2, supported: 1, .. }), "{error}");
    }
}
