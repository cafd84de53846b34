//! Says why before a process stops with SIGBUS: a mapped segment was truncated by another program,
//! or its disk can't be read.

use std::io;

use rustix::fd::AsFd;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{read, write};

/// Makes a SIGBUS in this process print the file whose map was read, before the process stops as
/// it would have. Call it once, early. Signals that other code sends are not touched.
///
/// # Errors
/// When the handler can't be installed.
pub fn explain_sigbus() -> io::Result<()> {
    let handler = |info: &libc::siginfo_t| {
        // SAFETY: for SIGBUS the kernel fills in the address.
        let address = unsafe { info.si_addr() } as u64;
        explain(address);
        // SAFETY: `signal` and `raise` are async-signal-safe. With the default action back in place,
        // returning makes the same access again, which ends the process with SIGBUS.
        unsafe { libc::signal(libc::SIGBUS, libc::SIG_DFL) };
    };
    // SAFETY: the handler only opens, reads and writes files by plain system calls, uses its own
    // stack and takes no lock: all of it is async-signal-safe.
    unsafe { signal_hook_registry::register_sigaction(libc::SIGBUS, handler) }.map(|_| ())
}

/// Writes what is known of the map at `address` to standard error. Allocates nothing.
fn explain(address: u64) {
    let error = rustix::stdio::stderr();
    let say = |bytes: &[u8]| {
        // There is nobody left to tell if this fails.
        let _ = write(error, bytes);
    };
    say(b"SIGBUS: a mapped file could not be read. Another program truncated it, or the disk is failing: ");
    let Ok(maps) = open(c"/proc/self/maps", OFlags::RDONLY, Mode::empty()) else { return say(b"\n") };
    each_line(maps.as_fd(), &mut |line| {
        if range(line).is_some_and(|(start, end)| (start..end).contains(&address)) {
            let path = line.iter().position(|byte| *byte == b'/').map_or(&b"(no file)"[..], |at| &line[at..]);
            say(path);
        }
    });
    say(b"\n");
}

/// Hands each line of a file to `visit`; lines over 1 KiB lose their ends.
fn each_line(file: rustix::fd::BorrowedFd<'_>, visit: &mut dyn FnMut(&[u8])) {
    let (mut chunk, mut line, mut len) = ([0u8; 1024], [0u8; 1024], 0);
    while let Ok(count) = read(file, &mut chunk) {
        if count == 0 {
            break;
        }
        for byte in &chunk[..count] {
            if *byte == b'\n' {
                visit(&line[..len]);
                len = 0;
            } else if len < line.len() {
                line[len] = *byte;
                len += 1;
            }
        }
    }
}

/// The addresses at the start of a line of `/proc/self/maps`.
fn range(line: &[u8]) -> Option<(u64, u64)> {
    let hex = |bytes: &[u8]| {
        bytes.iter().try_fold(0u64, |value, byte| Some(value << 4 | u64::from((*byte as char).to_digit(16)?)))
    };
    let dash = line.iter().position(|byte| *byte == b'-')?;
    let space = line.iter().position(|byte| *byte == b' ')?;
    Some((hex(&line[..dash])?, hex(line.get(dash + 1..space)?)?))
}
