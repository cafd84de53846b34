//! Bytes that reach the device for each byte appended, as the kernel counts them.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anabranch_storage::{Config, LaneBatch, LaneId, Log, Position};

use crate::table::{Goal, Table};

const BATCH_BYTES: u64 = 64 << 10;
const SECTOR_BYTES: u64 = 512;
const SEGMENT_BYTES: u64 = 64 << 20;

pub(crate) fn rows(table: &mut Table<'_>) {
    let directory = table.directory().to_owned();
    if device_counters(&directory).is_none() {
        println!("| bytes to the device | not counted: the directory is on no block device | | | |");
        return;
    }
    table.value(
        "bytes to the device ÷ appended, batches of 64 KiB, segments used again",
        "",
        Goal::AtMost(1.1),
        || amplification(&directory, true),
    );
    table.value("… in a log's first segments, which are written throughout first", "", Goal::None, || {
        amplification(&directory, false)
    });
}

fn amplification(directory: &Path, used_again: bool) -> f64 {
    let home = tempfile::tempdir_in(directory).unwrap();
    let config = Config { segment_bytes_min: SEGMENT_BYTES, segment_bytes_max: SEGMENT_BYTES, ..Config::default() };
    let (log, _) = Log::open(home.path(), config).unwrap();
    let record = vec![b'x'; 1024];
    let records = vec![record.as_slice(); (BATCH_BYTES >> 10) as usize];
    let append = |segments: u64| {
        for number in 0..segments * SEGMENT_BYTES / BATCH_BYTES {
            log.append(1, &[LaneBatch { lane: LaneId(0), records: &records }]).unwrap().wait().unwrap();
            if used_again && number.is_multiple_of(64) {
                log.trim_to(Position(log.visible().0.saturating_sub((SEGMENT_BYTES >> 10) / 2))).unwrap();
            }
        }
    };
    append(if used_again { 5 } else { 0 });
    let (_, before) = device_counters(directory).unwrap();
    append(4);
    let (_, after) = device_counters(directory).unwrap();
    (after - before) as f64 / (4 * SEGMENT_BYTES) as f64
}

/// Bytes read from and written to the device that `path` is on, since the machine started.
pub(crate) fn device_counters(path: &Path) -> Option<(u64, u64)> {
    let device = std::fs::metadata(path).ok()?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let stat = std::fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat")).ok()?;
    let fields: Vec<u64> = stat.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    Some((fields.get(2)? * SECTOR_BYTES, fields.get(6)? * SECTOR_BYTES))
}
