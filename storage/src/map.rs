//! Memory maps of a segment.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;

use memmap2::{Advice, Mmap, MmapMut};

use crate::maps::Registration;

/// What is said of places that the disk does not give back.
pub(crate) const UNREADABLE: &str = "the disk can't be read, or another program truncated the file";

/// A read-only map of a whole segment file. It needs no open file once it is made.
///
/// What is written to the file, by `pwrite` or through a [`StoreMap`], shows in it at once: on
/// Linux all are views of the same page cache. Callers only ask for ranges that nothing writes
/// any more: headers, frames that were published, footers.
#[derive(Debug)]
pub struct Map {
    // Dropped first.
    registration: Registration,
    map: Mmap,
}

impl Map {
    /// Maps all of `file`. The file must not be truncated while the map lives.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn new(file: &File) -> io::Result<Self> {
        // SAFETY: the log's lock file keeps other Anabranch processes from writing or truncating
        // the segment; this process never truncates a segment, and uses its file again only after
        // the last map of it is dropped. Bytes that may still be written lie outside the ranges
        // callers borrow. Where a foreign program truncates the file, or the disk can't read it,
        // `sigbus.rs` says what happens.
        let map = unsafe { Mmap::map(file) }?;
        // Lanes make reads jump; the kernel's default read-ahead still serves scans. A refusal
        // costs speed only.
        let _ = map.advise(Advice::Normal);
        Ok(Self { registration: registered(file, &map, false)?, map })
    }

    /// Bytes of the file when it was mapped.
    pub(crate) fn len(&self) -> u64 {
        self.map.len() as u64
    }

    /// The bytes in `range`, or `None` where it reaches past the file's end.
    pub(crate) fn bytes(&self, range: Range<u64>) -> Option<&[u8]> {
        self.map.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
    }

    /// All bytes from `offset` on.
    pub(crate) fn from(&self, offset: u64) -> &[u8] {
        self.bytes(offset..self.len()).unwrap_or(&[])
    }

    /// Whether no other map in this process shows the same file.
    pub(crate) fn is_only_view(&self) -> bool {
        self.registration.is_only_view()
    }

    /// The range outside which all could be read so far; `None` if all could.
    pub(crate) fn lost(&self) -> Option<Range<u64>> {
        self.registration.lost()
    }

    /// Whether some of `range` could not be read.
    pub(crate) fn has_lost(&self, range: Range<u64>) -> bool {
        self.lost().is_some_and(|lost| lost.start < range.end && range.start < lost.end)
    }
}

/// A map of a whole segment file that frames are stored into when no flush is waited for.
#[derive(Debug)]
pub struct StoreMap {
    // Dropped first.
    registration: Registration,
    map: MmapMut,
}

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
        Ok(Self { registration: registered(file, &map, true)?, map })
    }

    /// The bytes in `range`, to be stored to; `None` where it reaches past the file's end.
    pub(crate) fn bytes(&mut self, range: Range<u64>) -> Option<&mut [u8]> {
        self.map.get_mut(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
    }

    /// Whether something that was stored went nowhere.
    pub(crate) fn has_lost(&self) -> bool {
        self.registration.lost().is_some()
    }
}

fn registered(file: &File, bytes: &[u8], writable: bool) -> io::Result<Registration> {
    let metadata = file.metadata()?;
    let start = bytes.as_ptr() as usize;
    Ok(Registration::new((metadata.dev(), metadata.ino()), start..start + bytes.len(), writable))
}
