//! Power cuts under real processes and the kernel's page cache: see `src/bin/power_cut.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::process::{Command, Output};

use anabranch_storage_simulation::{SimulatedDisk, fuse};

fn power_cut(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_power_cut")).args(arguments).output().unwrap()
}

/// Whether this machine lets the test mount.
fn may_mount() -> bool {
    let home = tempfile::tempdir().unwrap();
    let mounted = fuse::mount(&SimulatedDisk::new(1), home.path());
    if let Err(error) = &mounted {
        println!("skipped: mounting needs the right to do so, and /dev/fuse: {error}");
    }
    mounted.map(fuser::BackgroundSession::join).is_ok()
}

#[test]
fn what_was_acknowledged_survives_power_cuts() {
    if !may_mount() {
        return;
    }
    let rounds = std::env::var("ANABRANCH_POWER_CUTS").unwrap_or("40".into());
    let output = power_cut(&["--rounds", &rounds]);
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && words.contains("none lost"), "{output:?}");
    println!("{words}");
}

#[test]
fn a_disk_that_forgets_its_flushes_is_noticed() {
    if may_mount() {
        let output = power_cut(&["--rounds", "10", "--forget-flushes"]);
        assert!(!output.status.success());
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(words.contains("is lost") || words.contains("damages nothing"), "{words}");
    }
}
