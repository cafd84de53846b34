//! Runs seeds and says what they did.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anabranch_storage::faults::{Fault, commit};
use anabranch_storage_simulation::{Counts, run_and_keep};
use clap::Parser;

/// Runs the log on a simulated disk, once for each seed.
#[derive(Debug, Parser)]
struct Options {
    /// Number of seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Have the log make a mistake, which some seed should find: see `Fault` in the log's crate.
    #[arg(long)]
    fault: Option<String>,
    /// Write the log's files there when a seed fails (the last one that does).
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: u64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let named = |name: &str| Fault::ALL.into_iter().find(|fault| format!("{fault:?}") == name);
    let fault = match options.fault.as_deref().map(|name| (name, named(name))) {
        Some((name, None)) => {
            eprintln!("no fault is called {name}; there are {:?}", Fault::ALL);
            return ExitCode::FAILURE;
        }
        Some((_, fault)) => fault,
        None => None,
    };
    let next = AtomicU64::new(options.first);
    let results = Mutex::new((Counts::default(), Vec::new()));
    thread::scope(|scope| {
        for _ in 0..options.threads {
            scope.spawn(|| {
                commit(fault);
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= options.first + options.seeds {
                        break;
                    }
                    let outcome = run_and_keep(seed, options.keep.as_deref());
                    let mut results = results.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    match outcome {
                        Ok(counts) => results.0 += counts,
                        Err(error) => results.1.push((seed, error)),
                    }
                }
            });
        }
    });
    let (counts, mut failures) = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    failures.sort();
    for (seed, error) in failures.iter().take(20) {
        println!("seed {seed}: {error}");
    }
    println!(
        "{} seeds, {} failed: {} records acknowledged, {} power cuts, {} failed writes and flushes, {} times full, \
         {} calls refused a descriptor, {} processes ended, {} bits flipped, {} times segments lost",
        options.seeds,
        failures.len(),
        counts.acknowledged,
        counts.power_cuts,
        counts.failures,
        counts.full,
        counts.starved,
        counts.reopened,
        counts.flips,
        counts.lost
    );
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
