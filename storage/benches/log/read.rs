//! Reading what the page cache holds, and one lane out of many.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use anabranch_storage::{Config, FlushPolicy, LaneBatch, LaneId, Log, Position, ReadLimit};

use crate::limits::checksum;
use crate::table::{Goal, Table};

const RECORD_BYTES: usize = 1024;
const BATCH: usize = 100;
const BATCHES: usize = 4_096;

pub(crate) fn rows(table: &mut Table<'_>) {
    let (directory, run) = (table.directory().to_owned(), table.options.run);
    if table.wants("sequential read with CRC, warm (limit: CRC)") {
        let home = tempfile::tempdir_in(&directory).unwrap();
        let log = filled(home.path(), 1);
        let copy = vec![b'x'; BATCH * RECORD_BYTES * BATCHES];
        let per_pass = (BATCH * BATCHES) as f64;
        table.ratio("sequential read with CRC, warm (limit: CRC)", "records/s", Goal::AtLeast(0.85), || {
            (passes(&log, run, 0) * per_pass, checksum(run, &copy, BATCH * RECORD_BYTES) * per_pass)
        });
    }
    if table.wants("one lane of 256, warm (limit: CRC of that lane)") {
        let home = tempfile::tempdir_in(&directory).unwrap();
        let log = filled(home.path(), 256);
        let own = BATCH * RECORD_BYTES * BATCHES / 256;
        let copy = vec![b'x'; own];
        let per_pass = (BATCH * BATCHES / 256) as f64;
        table.ratio("one lane of 256, warm (limit: CRC of that lane)", "records/s", Goal::None, || {
            (passes(&log, run, 7) * per_pass, checksum(run, &copy, BATCH * RECORD_BYTES) * per_pass)
        });
        let all = ReadLimit { records: usize::MAX, bytes: usize::MAX };
        let touched = log.read(LaneId(7), Position(0), all).unwrap().bytes_examined() as f64 / own as f64;
        table.print("… bytes of frames and index entries read ÷ its records' bytes", "", Goal::AtMost(1.2), touched);
    }
}

/// A log whose batches go to `lanes` lanes in turn, in one warm map.
fn filled(directory: &Path, lanes: usize) -> Log {
    let config = Config {
        segment_bytes_min: 512 << 20,
        segment_bytes_max: 512 << 20,
        flush: FlushPolicy::Os,
        ..Config::default()
    };
    let (log, _) = Log::open(directory, config).unwrap();
    let record = vec![b'x'; RECORD_BYTES];
    let records = vec![record.as_slice(); BATCH];
    for number in 0..BATCHES {
        let lane = LaneId((number % lanes) as u32);
        log.append(1, &[LaneBatch { lane, records: &records }]).unwrap().wait().unwrap();
    }
    log
}

/// Passes over a lane a second.
fn passes(log: &Log, run: Duration, lane: u32) -> f64 {
    let pass = || {
        let mut from = Position(0);
        while from < log.visible() {
            let found = log.read(LaneId(lane), from, ReadLimit { records: 10_000, bytes: 8 << 20 }).unwrap();
            from = found.next();
            black_box(found.iter().map(|record| record.data.len()).sum::<usize>());
        }
    };
    // Warm is what was read before: the map's pages are there.
    pass();
    let (began, mut passes) = (Instant::now(), 0);
    while began.elapsed() < run {
        pass();
        passes += 1;
    }
    f64::from(passes) / began.elapsed().as_secs_f64()
}
