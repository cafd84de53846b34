//! SIGBUS: a page of a mapped file can't be read, because the disk fails or another program truncated
//! the file. Where the log itself reads, that is damage like any other; elsewhere the process stops,
//! but not without saying which file it was.

use std::io;
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use rustix::fd::AsFd;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{read, write};

use crate::maps::replace_page;

/// Whether the handler is installed, or why not.
static INSTALLED: OnceLock<Result<Installed, i32>> = OnceLock::new();

struct Installed {
    page_bytes: usize,
    /// What handled the signal before.
    previous: libc::sigaction,
}

/// Has logs in this process survive pages of segments that can't be read: reading reports them as
/// [`crate::Damage`], and all else goes on. Call it once, early. For pages of other files, and of
/// records that were read before and are looked at later, the file is named on standard error before
/// the process stops as it would have.
///
/// # Errors
/// When the handler can't be installed.
pub fn survive_sigbus() -> io::Result<()> {
    let installed = INSTALLED.get_or_init(|| {
        let mut previous = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: `sigaction` fills in the previous action, which is plain data, zeros included.
        let known = unsafe { libc::sigaction(libc::SIGBUS, std::ptr::null(), previous.as_mut_ptr()) };
        if known != 0 {
            return Err(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL));
        }
        // SAFETY: initialized above.
        let previous = unsafe { previous.assume_init() };
        Ok(Installed { page_bytes: rustix::param::page_size(), previous })
    });
    if let Err(errno) = installed {
        return Err(io::Error::from_raw_os_error(*errno));
    }
    // SAFETY: all fields of the action are set, or zero as `sigemptyset` leaves them. The handler only
    // makes system calls, reads atomics and a thread-local without a destructor, and uses its own
    // stack: all of it is async-signal-safe. An alternative stack would be too small for it, and is
    // not needed: what overflows a stack is told by SIGSEGV.
    let outcome = unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = on_sigbus;
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_SIGINFO;
        libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut())
    };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

extern "C" fn on_sigbus(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid `siginfo_t`; for a SIGBUS that it raised itself, whose code is
    // above zero, it fills in the address.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    let is_of_the_kernel = code > 0;
    let Some(Ok(installed)) = INSTALLED.get() else { return };
    // SAFETY: errno is the interrupted code's, and a system call that fails here changes it.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: it points to this thread's errno.
    let before = unsafe { *errno };
    if is_of_the_kernel && replace_page(address, installed.page_bytes) {
        // SAFETY: as above.
        unsafe { *errno = before };
        return;
    }
    if is_of_the_kernel {
        explain(address as u64);
    }
    hand_on(installed, signal, info, context);
    // SAFETY: `signal` and `raise` are async-signal-safe. With the default action back in place,
    // returning makes the same access again, which ends the process with SIGBUS; a signal that was
    // sent is sent once more for that.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        if !is_of_the_kernel {
            libc::raise(signal);
        }
    }
}

/// Lets the handler that was there before have its say, as Rust's own of stack overflows.
fn hand_on(installed: &Installed, signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let previous = &installed.previous;
    if previous.sa_sigaction == libc::SIG_DFL || previous.sa_sigaction == libc::SIG_IGN {
        return;
    }
    if previous.sa_flags & libc::SA_SIGINFO != 0 {
        // SAFETY: with this flag, the field is the address of such a function.
        let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
            unsafe { std::mem::transmute(previous.sa_sigaction) };
        handler(signal, info, context);
    } else {
        // SAFETY: without it, of such a one.
        let handler: extern "C" fn(libc::c_int) = unsafe { std::mem::transmute(previous.sa_sigaction) };
        handler(signal);
    }
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
