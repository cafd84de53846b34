//! The physical limits: the same bytes by nothing but the system calls or loops that no log can
//! do without.

use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

const FILE_BYTES: u64 = 64 << 20;

/// What a run achieved.
#[derive(Clone)]
pub(crate) struct Rate {
    pub(crate) records_per_second: f64,
    /// Of one append each, sorted.
    pub(crate) latencies: Vec<Duration>,
}

/// A file written throughout, twice: as a segment that is used again.
pub(crate) fn written_throughout(directory: &Path) -> (tempfile::TempDir, File) {
    let home = tempfile::tempdir_in(directory).unwrap();
    let path = home.path().join("bare");
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..2 {
        (0..FILE_BYTES >> 20).for_each(|number| file.write_all_at(&zeros, number << 20).unwrap());
        file.sync_all().unwrap();
    }
    (home, file)
}

/// `pwrite` and `fdatasync`, one after the other, into such a file.
pub(crate) fn bare_flushes(directory: &Path, run: Duration, batch: usize, record_bytes: usize) -> Rate {
    let (_home, file) = written_throughout(directory);
    let bytes = vec![b'x'; batch * record_bytes];
    let mut latencies = Vec::new();
    let mut at = 0;
    let began = Instant::now();
    while began.elapsed() < run {
        let start = Instant::now();
        if at + bytes.len() as u64 > FILE_BYTES {
            at = 0;
        }
        file.write_all_at(&bytes, at).unwrap();
        file.sync_data().unwrap();
        at += bytes.len() as u64;
        latencies.push(start.elapsed());
    }
    let records_per_second = (latencies.len() * batch) as f64 / began.elapsed().as_secs_f64();
    latencies.sort();
    Rate { records_per_second, latencies }
}

/// A copy and a checksum of so many bytes at a time.
pub(crate) fn copy_and_checksum(run: Duration, bytes: usize) -> f64 {
    let source = vec![b'x'; bytes];
    let mut target = vec![0; FILE_BYTES as usize];
    let (mut count, mut at) = (0u64, 0);
    let began = Instant::now();
    while began.elapsed() < run {
        if at + bytes > target.len() {
            at = 0;
        }
        target[at..at + bytes].copy_from_slice(&source);
        black_box(crc32fast::hash(&target[at..at + bytes]));
        at += bytes;
        count += 1;
    }
    count as f64 / began.elapsed().as_secs_f64()
}

/// A checksum of `bytes` in chunks: how often a second.
pub(crate) fn checksum(run: Duration, bytes: &[u8], chunk: usize) -> f64 {
    let (began, mut passes) = (Instant::now(), 0);
    while began.elapsed() < run {
        for chunk in bytes.chunks(chunk) {
            black_box(crc32fast::hash(chunk));
        }
        passes += 1;
    }
    f64::from(passes) / began.elapsed().as_secs_f64()
}
