//! Memory maps of a segment: besides the handler in `sigbus.rs`, the one place that needs `unsafe`.

use std::fs::File;
use std::io;
use std::ops::Range;

use memmap2::{Advice, Mmap, MmapMut};

/// A read-only map of a whole segment file.
///
/// What is written to the file, by `pwrite` or through a [`StoreMap`], shows in it at once: on
/// Linux all are views of the same page cache. Callers only ask for ranges that nothing writes
/// any more: headers, frames that were published, footers.
#[derive(Debug)]
pub struct Map(Mmap);

impl Map {
    /// Maps all of `file`. The file must not be truncated while the map lives.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn new(file: &File) -> io::Result<Self> {
        // SAFETY: the log's lock file keeps other Anabranch processes from writing or truncating
        // the segment; this process never truncates a segment, and recycles one only after its
        // last map is dropped. Bytes that may still be written lie outside the ranges callers
        // borrow. A foreign program that truncates the file makes the process stop with SIGBUS;
        // `explain_sigbus` makes it say why, FORMAT.md says what to do.
        let map = unsafe { Mmap::map(file) }?;
        // Lanes make reads jump; the kernel's default read-ahead still serves scans. A refusal
        // costs speed only.
        let _ = map.advise(Advice::Normal);
        Ok(Self(map))
    }

    /// Bytes of the file when it was mapped.
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

/// A map of a whole segment file that frames are stored into when no flush is waited for.
#[derive(Debug)]
pub struct StoreMap(MmapMut);

impl StoreMap {
    /// Maps all of `file`, which is open for writing.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn new(file: &File) -> io::Result<Self> {
        // SAFETY: as for `Map`; besides, only the holder of the writer's lock stores, and only
        // behind what was published, so no reader borrows the bytes that change.
        let map = unsafe { MmapMut::map_mut(file) }?;
        // Faults are taken here, in one sweep, not one by one while appending. A refusal costs
        // speed only.
        let _ = map.advise(Advice::PopulateWrite);
        Ok(Self(map))
    }

    /// The bytes in `range`, to be stored to; `None` where it reaches past the file's end.
    pub(crate) fn bytes(&mut self, range: Range<u64>) -> Option<&mut [u8]> {
        self.0.get_mut(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
    }
}
