//! One run of one contender at one kind of work.

use std::path::Path;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::contender::{Batch, Contender, Opened};

const RECORD_BYTES: usize = 1024;

/// Bytes after which a writer has old records let go of.
const RETAIN_EVERY: usize = 8 << 20;

/// What a log that uses files again takes in before it is measured: enough to have gone through
/// all its files. It is appended as in the measurement, since a file filled by one large write
/// was seen to take batches half as fast as one filled by such appends.
const WARM_BYTES: usize = 192 << 20;

/// A kind of work.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) writers: usize,
    /// Records of one append.
    pub(crate) batch: usize,
}

/// What one run achieved.
#[derive(Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) records_per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// Appends for `time` to a fresh log in `within`, each writer waiting for its acknowledgement
/// before the next append.
pub(crate) fn run(contender: &dyn Contender, work: &Work, time: Duration, within: &Path) -> Rate {
    let directory = tempfile::tempdir_in(within).unwrap();
    let writers = contender.writers(work.writers);
    let log = contender.open(directory.path(), writers);
    if contender.uses_files_again() {
        warm(&*log);
    }
    let retain_every = (RETAIN_EVERY / (work.batch * RECORD_BYTES)).max(1);
    let (ready, latencies) = (Barrier::new(writers + 1), Mutex::new(Vec::new()));
    let began = Mutex::new(None);
    thread::scope(|scope| {
        for writer in 0..writers {
            let (log, ready, latencies, began) = (&*log, &ready, &latencies, &began);
            let records = records(writer as u64, work.batch);
            scope.spawn(move || {
                // The first append makes files, connections and streams; it is not measured.
                log.append(writer, &records);
                ready.wait();
                let start = *began.lock().unwrap().get_or_insert_with(Instant::now);
                let mut mine = Vec::new();
                while start.elapsed() < time {
                    let asked = Instant::now();
                    log.append(writer, &records);
                    mine.push(asked.elapsed());
                    if mine.len().is_multiple_of(retain_every) {
                        log.retain();
                    }
                }
                latencies.lock().unwrap().extend(mine);
            });
        }
        ready.wait();
    });
    let elapsed = began.into_inner().unwrap().unwrap().elapsed().as_secs_f64();
    let mut latencies = latencies.into_inner().unwrap();
    latencies.sort();
    Rate {
        records_per_second: (latencies.len() * work.batch) as f64 / elapsed,
        p50: latencies[latencies.len() / 2],
        p99: latencies[latencies.len() * 99 / 100],
    }
}

/// Has the log take in [`WARM_BYTES`] by batches of 1 MiB.
fn warm(log: &dyn Opened) {
    let batch = records(0, (1 << 20) / RECORD_BYTES);
    for appended in 1..=WARM_BYTES >> 20 {
        log.append(0, &batch);
        if appended.is_multiple_of(RETAIN_EVERY >> 20) {
            log.retain();
        }
    }
}

/// Records that no one can compress, so that none is spared writing them.
fn records(seed: u64, count: usize) -> Batch {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..count)
        .map(|_| {
            let mut record = vec![0; RECORD_BYTES];
            random.fill(&mut record);
            record
        })
        .collect()
}
