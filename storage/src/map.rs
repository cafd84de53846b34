//! The memory map of a segment: the one place in this crate that needs `unsafe`.

use std::fs::File;
use std::io;
use std::ops::Range;

use memmap2::{Advice, Mmap};

/// A read-only map of a whole segment file.
///
/// Appending goes by `pwrite`, which on Linux is coherent with maps of the same file. Callers
/// only ask for ranges that nothing writes any more: headers, frames that were published,
/// footers.
#[derive(Debug)]
pub(crate) struct Map(Mmap);

impl Map {
    pub(crate) fn new(file: &File) -> io::Result<Self> {
        // SAFETY: the log's lock file keeps other Anabranch processes from writing or truncating
        // the segment; this process never truncates a segment, and recycles one only after its
        // last map is dropped. Bytes that may still be written lie outside the ranges callers
        // borrow. A foreign program that truncates the file can make the process stop with
        // SIGBUS; FORMAT.md says so.
        let map = unsafe { Mmap::map(file) }?;
        // Lanes make reads jump; the kernel's default read-ahead still serves scans. A refusal
        // costs speed only.
        let _ = map.advise(Advice::Normal);
        Ok(Self(map))
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// The bytes in `range`, or `None` where it reaches past the file's end.
    pub(crate) fn bytes(&self, range: Range<u64>) -> Option<&[u8]> {
        self.0.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
    }

    /// All bytes from `offset` on.
    pub(crate) fn from(&self, offset: u64) -> &[u8] {
        self.bytes(offset..self.len()).unwrap_or(&[])
    }
}
