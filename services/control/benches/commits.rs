//! Durable commits a second by a number of threads, each waiting for its own before the next:
//! `cargo bench -p anabranch-control`. Beside it, in the same run, redb itself, a transaction each.

use std::error::Error;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anabranch_control::{ControlStore, Stored, Table};
use redb::{Database, TableDefinition};
use serde::{Deserialize, Serialize};

const SECONDS: u64 = 2;
const ROWS: Table = Table("rows");

#[derive(Serialize, Deserialize)]
struct Value(String);

impl Stored for Value {
    const KIND: &'static str = "value";
    const VERSION: u32 = 1;
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::Builder::new().prefix("control-bench").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    println!("threads   commits/s   redb/s   ratio");
    for threads in [1, 8, 64] {
        let ours = ours(&directory.path().join(format!("ours-{threads}")), threads)?;
        let bare = bare(&directory.path().join(format!("bare-{threads}")), threads)?;
        println!("{threads:7} {ours:11.0} {bare:8.0} {:7.2}", ours / bare);
    }
    Ok(())
}

fn ours(path: &Path, threads: usize) -> Result<f64, Box<dyn Error>> {
    let store = ControlStore::open(path)?;
    Ok(rate(threads, |key| store.put(ROWS, key, &Value("0123456789abcdef0123456789abcdef".into())).is_ok()))
}

fn bare(path: &Path, threads: usize) -> Result<f64, Box<dyn Error>> {
    const BARE: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("rows");
    let database = Database::create(path)?;
    let put = |key: &str| -> Result<(), redb::Error> {
        let transaction = database.begin_write()?;
        transaction.open_table(BARE)?.insert(key, &b"\"0123456789abcdef0123456789abcdef\""[..])?;
        Ok(transaction.commit()?)
    };
    Ok(rate(threads, |key| put(key).is_ok()))
}

/// How often a second `put` succeeds on this many threads.
fn rate(threads: usize, put: impl Fn(&str) -> bool + Sync) -> f64 {
    let (began, end) = (Instant::now(), Duration::from_secs(SECONDS));
    let put = &put;
    let done: usize = thread::scope(|scope| {
        let counts: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let mut done = 0;
                    while began.elapsed() < end && put(&format!("{thread}/{}", done % 100)) {
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        counts.into_iter().filter_map(|count| count.join().ok()).sum()
    });
    done as f64 / began.elapsed().as_secs_f64()
}
