//! Ways to make bytes durable, beside one another: the measurement behind the choice in DESIGN.md.
//!
//! `cargo bench -p anabranch-storage --bench write_paths -- --directory DIR [--runs 5] [--seconds 0.4]`

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step ends the measurement")]

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use io_uring::{IoUring, opcode, squeue, types};
use memmap2::MmapMut;
use rustix::fs::{FallocateFlags, fallocate};

const FILE_BYTES: u64 = 64 << 20;
const PAGE: usize = 4096;
const SIZES: [usize; 4] = [1_080, 4_096, 65_536, 1 << 20];
/// Writers at once, each with a file of its own.
const WRITERS: [usize; 3] = [1, 4, 16];

/// How the file was made before anything is measured.
#[derive(Clone, Copy)]
enum Made {
    /// Written throughout.
    Written,
    /// Only given its room.
    Allocated,
}

type Write = Box<dyn FnMut(u64, usize)>;

/// Its name, and how to begin with a new file at a path.
type Way = (&'static str, fn(&Path) -> Write);

fn main() {
    let (mut directory, mut runs, mut run) = (std::env::current_dir().unwrap().join("target"), 5, 0.4);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--directory" => directory = arguments.next().unwrap().into(),
            "--runs" => runs = arguments.next().unwrap().parse().unwrap(),
            "--seconds" => run = arguments.next().unwrap().parse().unwrap(),
            _ => {}
        }
    }
    std::fs::create_dir_all(&directory).unwrap();
    println!("p50 / p99 in µs of one durable append of so many bytes, medians of {runs} runs\n");
    println!("| way | 1,080 B | 4 KiB | 64 KiB | 1 MiB |\n| --- | ---: | ---: | ---: | ---: |");
    let ways: [Way; 9] = [
        ("`pwrite` + `fdatasync`, written throughout", |path| buffered(make(path, Made::Written, 0))),
        ("`pwrite` + `fdatasync`, only allocated", |path| buffered(make(path, Made::Allocated, 0))),
        ("`pwrite` with `O_DSYNC`", |path| {
            let file = make(path, Made::Written, libc::O_DSYNC);
            let bytes = vec![7; 1 << 20];
            Box::new(move |at, len| file.write_all_at(&bytes[..len], at).unwrap())
        }),
        ("`O_DIRECT` + `fdatasync`, whole pages", |path| direct(make(path, Made::Written, libc::O_DIRECT), true)),
        ("`O_DIRECT`, `O_DSYNC`, whole pages", |path| {
            direct(make(path, Made::Written, libc::O_DIRECT | libc::O_DSYNC), false)
        }),
        ("`io_uring`, write linked to `fdatasync`", |path| uring(make(path, Made::Written, 0))),
        ("stores into the map + `msync` of the range", |path| mapped(&make(path, Made::Written, 0))),
        ("`pwrite`, `sync_file_range`, `fdatasync`", |path| {
            let file = make(path, Made::Written, 0);
            let bytes = vec![7; 1 << 20];
            Box::new(move |at, len| {
                file.write_all_at(&bytes[..len], at).unwrap();
                // SAFETY: a plain system call on an open file.
                unsafe { libc::sync_file_range(file.as_raw_fd(), at as i64, len as i64, libc::SYNC_FILE_RANGE_WRITE) };
                file.sync_data().unwrap();
            })
        }),
        ("two halves, each flushed (pipelined flushes)", |path| {
            let file = std::sync::Arc::new(make(path, Made::Written, 0));
            let bytes = vec![7; 1 << 20];
            Box::new(move |at, len| {
                let other = file.clone();
                file.write_all_at(&bytes[..len / 2], at).unwrap();
                let first = std::thread::spawn(move || other.sync_data().unwrap());
                file.write_all_at(&bytes[len / 2..len], at + (len / 2) as u64).unwrap();
                file.sync_data().unwrap();
                first.join().unwrap();
            })
        }),
    ];
    for (name, way) in ways {
        let cells: Vec<String> = SIZES.iter().map(|size| cell(&directory, way, *size, runs, run)).collect();
        println!("| {name} | {} |", cells.join(" | "));
    }
    println!("\nMB/s that so many append at once, each to a file of its own and with its own flushes; then one who");
    println!("appends for all of them, with one flush\n");
    println!("| writers | 1,080 B | one for all | 52,000 B | one for all |\n| ---: | ---: | ---: | ---: | ---: |");
    for writers in WRITERS {
        let cells = [1_080, 52_000].map(|bytes| {
            let rates = |writers, bytes| {
                let mut rates: Vec<f64> = (0..runs).map(|_| at_once(&directory, writers, bytes, run)).collect();
                rates.sort_by(f64::total_cmp);
                rates[runs / 2]
            };
            format!("{:.1} | {:.1}", rates(writers, bytes), rates(1, writers * bytes))
        });
        println!("| {writers} | {} |", cells.join(" | "));
    }
}

/// MB/s that `writers` append, each in steps of `bytes` that it flushes.
fn at_once(directory: &Path, writers: usize, bytes: usize, run: f64) -> f64 {
    let home = tempfile::tempdir_in(directory).unwrap();
    let writes: Vec<_> =
        (0..writers).map(|writer| make(&home.path().join(writer.to_string()), Made::Written, 0)).collect();
    let start = std::sync::Barrier::new(writers);
    let appended: usize = std::thread::scope(|scope| {
        let start = &start;
        let work = |file: File| {
            move || {
                let (mut write, mut at, mut count) = (buffered(file), 0, 0);
                start.wait();
                let began = Instant::now();
                while began.elapsed() < Duration::from_secs_f64(run) {
                    at = if at + bytes as u64 > FILE_BYTES { 0 } else { at };
                    write(at, bytes);
                    at += bytes as u64;
                    count += 1;
                }
                count
            }
        };
        let threads: Vec<_> = writes.into_iter().map(|file| scope.spawn(work(file))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    (appended * bytes) as f64 / run / 1e6
}

fn cell(directory: &Path, way: fn(&Path) -> Write, bytes: usize, runs: usize, run: f64) -> String {
    let mut measured: Vec<(f64, f64)> = (0..runs).map(|_| measure(directory, way, bytes, run)).collect();
    measured.sort_by(|one, other| one.0.total_cmp(&other.0));
    let p50 = measured[runs / 2].0;
    measured.sort_by(|one, other| one.1.total_cmp(&other.1));
    format!("{p50:.0} / {:.0}", measured[runs / 2].1)
}

fn measure(directory: &Path, way: fn(&Path) -> Write, bytes: usize, run: f64) -> (f64, f64) {
    let home = tempfile::tempdir_in(directory).unwrap();
    let mut write = way(&home.path().join("file"));
    let (mut latencies, mut at) = (Vec::new(), 0);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs_f64(run) {
        if at + (bytes + 2 * PAGE) as u64 > FILE_BYTES {
            at = 0;
        }
        let start = Instant::now();
        write(at, bytes);
        latencies.push(start.elapsed().as_secs_f64() * 1e6);
        at += bytes as u64;
    }
    latencies.sort_by(f64::total_cmp);
    (latencies[latencies.len() / 2], latencies[latencies.len() * 99 / 100])
}

fn make(path: &Path, made: Made, flags: i32) -> File {
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(path).unwrap();
    fallocate(&file, FallocateFlags::empty(), 0, FILE_BYTES).unwrap();
    if matches!(made, Made::Written) {
        let zeros = vec![0; 1 << 20];
        (0..FILE_BYTES >> 20).for_each(|number| file.write_all_at(&zeros, number << 20).unwrap());
    }
    file.sync_all().unwrap();
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(PathBuf::from(path)).unwrap()
}

fn buffered(file: File) -> Write {
    let bytes = vec![7; 1 << 20];
    Box::new(move |at, len| {
        file.write_all_at(&bytes[..len], at).unwrap();
        file.sync_data().unwrap();
    })
}

/// Writes all pages that the range touches, from memory that is aligned as the device asks for.
fn direct(file: File, sync: bool) -> Write {
    let memory = MmapMut::map_anon((1 << 20) + 2 * PAGE).unwrap();
    Box::new(move |at, len| {
        let start = at / PAGE as u64 * PAGE as u64;
        let end = (at + len as u64).next_multiple_of(PAGE as u64);
        file.write_all_at(&memory[..(end - start) as usize], start).unwrap();
        if sync {
            file.sync_data().unwrap();
        }
    })
}

fn uring(file: File) -> Write {
    let bytes = vec![7; 1 << 20];
    let mut ring = IoUring::new(8).unwrap();
    Box::new(move |at, len| {
        let fd = types::Fd(file.as_raw_fd());
        let write = opcode::Write::new(fd, bytes.as_ptr(), len as u32).offset(at).build().flags(squeue::Flags::IO_LINK);
        let sync = opcode::Fsync::new(fd).flags(types::FsyncFlags::DATASYNC).build();
        // SAFETY: file and bytes live until both have completed, which is waited for below.
        unsafe {
            ring.submission().push(&write).unwrap();
            ring.submission().push(&sync).unwrap();
        }
        ring.submit_and_wait(2).unwrap();
        assert!(ring.completion().all(|entry| entry.result() >= 0));
    })
}

fn mapped(file: &File) -> Write {
    let bytes = vec![7; 1 << 20];
    // SAFETY: the file is this program's own, and nothing truncates it.
    let mut map = unsafe { MmapMut::map_mut(file) }.unwrap();
    Box::new(move |at, len| {
        let at = at as usize;
        map[at..at + len].copy_from_slice(&bytes[..len]);
        map.flush_range(at, len).unwrap();
    })
}
