//! All maps of segments in this process: which file each shows, and which of its pages could not be
//! read.
//!
//! A page that the disk can't read, or that lies past the end of a truncated file, raises
//! SIGBUS where it is touched. The handler in `sigbus.rs` finds the map here, puts a page of zeros
//! into the place and notes it; the checksum over what was read then fails, as for any other damage.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, compiler_fence};

use parking_lot::Mutex;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

/// Maps, in all logs of the process together, whose unreadable pages are survived. The kernel lets a
/// process have fewer by default (`vm.max_map_count`).
const MAPS_MAX: usize = 1 << 16;

/// One map. What the signal handler reads is atomic; it takes no lock.
struct Slot {
    /// Address of its first byte; 0 while the slot is free. Set last, and cleared first.
    start: AtomicUsize,
    /// Address just past its last byte.
    end: AtomicUsize,
    /// Whether it is stored to.
    writable: AtomicBool,
    /// How many of its pages were replaced.
    lost_pages: AtomicUsize,
    /// How far before the map's end the first of them begins.
    lost_before_end: AtomicUsize,
    /// How far past the map's start the last of them ends.
    lost_behind_start: AtomicUsize,
}

impl Slot {
    const fn free() -> Self {
        Self {
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            writable: AtomicBool::new(false),
            lost_pages: AtomicUsize::new(0),
            lost_before_end: AtomicUsize::new(0),
            lost_behind_start: AtomicUsize::new(0),
        }
    }
}

static SLOTS: [Slot; MAPS_MAX] = [const { Slot::free() }; MAPS_MAX];
/// Slots from this one on were never used.
static SLOTS_USED: AtomicUsize = AtomicUsize::new(0);
static BOOKS: Mutex<Books> = Mutex::new(Books { free_slots: Vec::new(), views: BTreeMap::new() });

struct Books {
    free_slots: Vec<usize>,
    /// How many maps show a file.
    views: BTreeMap<FileId, usize>,
}

/// Device and inode.
pub(crate) type FileId = (u64, u64);

/// A map's entry in the books, for as long as it lives. To be dropped before the map is.
#[derive(Debug)]
pub(crate) struct Registration {
    /// `None` where there were too many: then an unreadable page ends the process.
    slot: Option<usize>,
    file: FileId,
}

impl Registration {
    /// Enters a map of `file` at `addresses`.
    pub(crate) fn new(file: FileId, addresses: Range<usize>, writable: bool) -> Self {
        let mut books = BOOKS.lock();
        *books.views.entry(file).or_default() += 1;
        let unused = SLOTS_USED.load(Ordering::Relaxed);
        let slot = books.free_slots.pop().or((unused < MAPS_MAX).then_some(unused));
        if let Some(number) = slot {
            let slot = &SLOTS[number];
            slot.end.store(addresses.end, Ordering::Relaxed);
            slot.writable.store(writable, Ordering::Relaxed);
            for lost in [&slot.lost_pages, &slot.lost_before_end, &slot.lost_behind_start] {
                lost.store(0, Ordering::Relaxed);
            }
            slot.start.store(addresses.start, Ordering::Release);
            SLOTS_USED.fetch_max(number + 1, Ordering::Release);
        }
        Self { slot, file }
    }

    /// Whether no other map in the process shows the same file.
    pub(crate) fn is_only_view(&self) -> bool {
        BOOKS.lock().views.get(&self.file) == Some(&1)
    }

    /// The range of the map outside which no page was lost, if one was at all.
    pub(crate) fn lost(&self) -> Option<Range<u64>> {
        let slot = &SLOTS[self.slot?];
        if slot.lost_pages.load(Ordering::Acquire) == 0 {
            return None;
        }
        let bytes = slot.end.load(Ordering::Relaxed) - slot.start.load(Ordering::Relaxed);
        let first = bytes - slot.lost_before_end.load(Ordering::Relaxed).min(bytes);
        Some(first as u64..slot.lost_behind_start.load(Ordering::Relaxed).min(bytes) as u64)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut books = BOOKS.lock();
        if let Some(number) = self.slot {
            SLOTS[number].start.store(0, Ordering::Release);
            books.free_slots.push(number);
        }
        if let Some(views) = books.views.get_mut(&self.file) {
            *views -= 1;
            if *views == 0 {
                books.views.remove(&self.file);
            }
        }
    }
}

thread_local! {
    /// Whether this thread is in [`checked`]. Without a destructor, so that a signal handler may look.
    static CHECKED: Cell<bool> = const { Cell::new(false) };
}

/// Does `work`, which reads maps and verifies what it read by checksums, or stores into them and
/// then asks what was lost: pages that can't be read are zeros to it. Elsewhere they end the process,
/// for bytes of records that were verified and handed out must not turn into zeros.
pub(crate) fn checked<T>(work: impl FnOnce() -> T) -> T {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            compiler_fence(Ordering::SeqCst);
            CHECKED.set(self.0);
        }
    }
    let _before = Before(CHECKED.replace(true));
    // The accesses must not be moved out of the section.
    compiler_fence(Ordering::SeqCst);
    work()
}

/// For the signal handler: puts zeros in the place of the page at `address`, if it belongs to a map
/// and this thread is prepared for it. System calls and atomics only, no lock, no allocation.
pub(crate) fn replace_page(address: usize, page_bytes: usize) -> bool {
    if !CHECKED.try_with(Cell::get).unwrap_or(false) {
        return false;
    }
    let page = address & !(page_bytes - 1);
    for slot in &SLOTS[..SLOTS_USED.load(Ordering::Acquire)] {
        let start = slot.start.load(Ordering::Acquire);
        let end = slot.end.load(Ordering::Acquire);
        // The slot may become another map's between the looks. The map that is sought does not, for
        // this thread is reading it.
        let is_there = start != 0 && (start..end).contains(&address) && slot.start.load(Ordering::Acquire) == start;
        if !is_there {
            continue;
        }
        let write = if slot.writable.load(Ordering::Relaxed) { ProtFlags::WRITE } else { ProtFlags::empty() };
        let (protection, flags) = (ProtFlags::READ | write, MapFlags::PRIVATE | MapFlags::FIXED);
        // SAFETY: the page lies within a map of this crate's own, which is only replaced whole by
        // unmapping it, and that does not happen while a thread reads it. What borrows the page sees
        // its bytes change to zeros; it could not be read before.
        let replaced = unsafe { mmap_anonymous(page as *mut _, page_bytes, protection, flags) };
        if replaced.is_err() {
            return false;
        }
        slot.lost_before_end.fetch_max(end - page, Ordering::Relaxed);
        slot.lost_behind_start.fetch_max(page + page_bytes - start, Ordering::Relaxed);
        slot.lost_pages.fetch_add(1, Ordering::Release);
        return true;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FileId = (u64::MAX, 1);

    #[test]
    fn views_of_a_file_are_counted() {
        let first = Registration::new(FILE, 1 << 40..(1 << 40) + 8192, false);
        assert!(first.is_only_view());
        let second = Registration::new(FILE, 2 << 40..(2 << 40) + 8192, false);
        assert!(!first.is_only_view() && !second.is_only_view());
        drop(first);
        assert!(second.is_only_view());
        assert_eq!(second.lost(), None);
    }

    #[test]
    fn only_pages_of_maps_are_replaced_and_only_where_that_is_noticed() {
        let map = memmap2::MmapMut::map_anon(4 * 4096).unwrap();
        let start = map.as_ptr() as usize;
        assert!(!checked(|| replace_page(start, 4096)), "nobody's");
        let registration = Registration::new((u64::MAX, 2), start..start + 4 * 4096, false);
        assert!(!replace_page(start, 4096), "outside of a checked section");
        assert!(checked(|| replace_page(start + 4096 + 7, 4096)));
        assert_eq!(registration.lost(), Some(4096..8192));
        assert!(checked(|| replace_page(start + 3 * 4096, 4096)));
        assert_eq!(registration.lost(), Some(4096..4 * 4096));
        assert!(!checked(|| replace_page(start + 4 * 4096, 4096)), "behind its end");
    }
}
