//! One file of the simulated disk: what a program sees, what is on the platter, and the writes in
//! between.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

use fastrand::Rng;

/// The unit in which the kernel writes back.
const PAGE_BYTES: usize = 4096;
/// The unit that the disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

#[derive(Debug)]
pub(crate) struct Inode {
    /// What programs read and map: a file in memory.
    pub(crate) live: File,
    /// What is on the platter.
    durable: Vec<u8>,
    /// What was done since, in order, and would be written by the next flush.
    pending: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Write { offset: u64, bytes: Vec<u8> },
    Resize(u64),
}

/// How a power cut treats what was not flushed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cut {
    /// All of it is lost.
    Lose,
    /// All of it had just been written back.
    Keep,
    /// Each page is in any of the states that it went through.
    Pages,
    /// So is each sector of some pages.
    Sectors,
}

impl Cut {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        [Self::Lose, Self::Keep, Self::Pages, Self::Pages, Self::Sectors, Self::Sectors][rng.usize(..6)]
    }
}

impl Inode {
    pub(crate) fn new(content: Vec<u8>) -> std::io::Result<Self> {
        let live = File::from(rustix::fs::memfd_create("simulated", rustix::fs::MemfdFlags::CLOEXEC)?);
        live.write_all_at(&content, 0)?;
        Ok(Self { live, durable: content, pending: Vec::new() })
    }

    /// The bytes as programs see them.
    pub(crate) fn content(&self) -> std::io::Result<Vec<u8>> {
        let mut content = vec![0; self.len()? as usize];
        self.live.read_exact_at(&mut content, 0)?;
        Ok(content)
    }

    /// A file that holds the same, all of it flushed.
    pub(crate) fn copy(&self) -> std::io::Result<Self> {
        Self::new(self.content()?)
    }

    pub(crate) fn len(&self) -> std::io::Result<u64> {
        Ok(self.live.metadata()?.len())
    }

    pub(crate) fn write(&mut self, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        self.live.write_all_at(bytes, offset)?;
        self.pending.push(Change::Write { offset, bytes: bytes.to_vec() });
        Ok(())
    }

    pub(crate) fn resize(&mut self, bytes: u64) -> std::io::Result<()> {
        self.live.set_len(bytes)?;
        self.pending.push(Change::Resize(bytes));
        Ok(())
    }

    pub(crate) fn flush(&mut self) {
        for change in self.pending.drain(..) {
            apply(&mut self.durable, &change);
        }
    }

    /// A flush that fails: what was pending is neither on the platter nor pending any more, for
    /// the kernel takes the pages for clean. Some of it may have been written.
    pub(crate) fn fail_flush(&mut self, rng: &mut Rng) {
        self.durable = self.after_cut(Cut::random(rng), rng);
        self.pending.clear();
    }

    /// Whether `bytes` are on the platter.
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        self.durable.windows(bytes.len()).any(|window| window == bytes)
    }

    /// Flips one bit of what is on the platter and of what programs see.
    pub(crate) fn rot(&mut self, bit: u64) -> std::io::Result<()> {
        self.flush();
        let at = (bit / 8) as usize;
        self.durable[at] ^= 1 << (bit % 8);
        self.live.write_all_at(&self.durable[at..=at], at as u64)
    }

    /// What a power cut leaves.
    pub(crate) fn after_cut(&self, cut: Cut, rng: &mut Rng) -> Vec<u8> {
        let kept = match cut {
            Cut::Lose => 0,
            Cut::Keep => self.pending.len(),
            Cut::Pages | Cut::Sectors => rng.usize(..=self.pending.len()),
        };
        let mut after = self.durable.clone();
        // The size goes through its states in order; it is metadata.
        for change in &self.pending[..kept] {
            match change {
                Change::Resize(bytes) => after.resize(*bytes as usize, 0),
                Change::Write { offset, bytes } => {
                    let end = *offset as usize + bytes.len();
                    after.resize(after.len().max(end), 0);
                }
            }
        }
        if matches!(cut, Cut::Keep) {
            self.pending.iter().for_each(|change| apply(&mut after, change));
            return after;
        }
        if matches!(cut, Cut::Lose) {
            return after;
        }
        for (page, writes) in self.pages() {
            let torn = matches!(cut, Cut::Sectors) && rng.u8(..3) == 0;
            let whole = rng.usize(..=writes.len());
            for sector in 0..PAGE_BYTES / SECTOR_BYTES {
                let version = if torn { rng.usize(..=writes.len()) } else { whole };
                let start = page * PAGE_BYTES + sector * SECTOR_BYTES;
                for write in &writes[..version] {
                    overlay(&mut after, start..start + SECTOR_BYTES, write);
                }
            }
        }
        after
    }

    /// The pending writes by the pages that they touch.
    fn pages(&self) -> BTreeMap<usize, Vec<&Change>> {
        let mut pages: BTreeMap<usize, Vec<&Change>> = BTreeMap::new();
        for change in &self.pending {
            if let Change::Write { offset, bytes } = change {
                let (first, last) = (*offset as usize / PAGE_BYTES, (*offset as usize + bytes.len() - 1) / PAGE_BYTES);
                (first..=last).for_each(|page| pages.entry(page).or_default().push(change));
            }
        }
        pages
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Resize(bytes) => content.resize(*bytes as usize, 0),
        Change::Write { offset, bytes } => {
            let (start, end) = (*offset as usize, *offset as usize + bytes.len());
            content.resize(content.len().max(end), 0);
            content[start..end].copy_from_slice(bytes);
        }
    }
}

/// Writes what `write` has of `range`, as far as the file reaches.
fn overlay(content: &mut [u8], range: std::ops::Range<usize>, write: &Change) {
    let Change::Write { offset, bytes } = write else { return };
    let offset = *offset as usize;
    let start = range.start.max(offset);
    let end = range.end.min(offset + bytes.len()).min(content.len());
    if start < end {
        content[start..end].copy_from_slice(&bytes[start - offset..end - offset]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flushed_bytes_survive_and_the_rest_may_not() {
        let mut inode = Inode::new(vec![0; 2 * PAGE_BYTES]).unwrap();
        inode.write(&[1; 100], 4050).unwrap();
        inode.flush();
        inode.write(&[2; 10], 0).unwrap();
        inode.write(&[3; 10], 5000).unwrap();
        let mut rng = Rng::with_seed(1);
        assert_eq!(inode.after_cut(Cut::Lose, &mut rng)[4050..4150], [1; 100]);
        let kept = inode.after_cut(Cut::Keep, &mut rng);
        assert_eq!((kept[0], kept[5000]), (2, 3));
        let seen: std::collections::BTreeSet<_> = (0..100)
            .map(|_| inode.after_cut(Cut::Pages, &mut rng))
            .inspect(|after| assert_eq!(after[4050..4150], [1; 100]))
            .map(|after| (after[0], after[5000]))
            .collect();
        assert_eq!(seen.len(), 4, "each page on its own: {seen:?}");
    }

    #[test]
    fn a_failed_flush_is_not_made_good_by_the_next() {
        let mut rng = Rng::with_seed(3);
        let lost = (0..50).any(|_| {
            let mut inode = Inode::new(vec![0; 10]).unwrap();
            inode.write(&[1; 10], 0).unwrap();
            inode.fail_flush(&mut rng);
            inode.flush();
            inode.after_cut(Cut::Keep, &mut rng) == [0; 10]
        });
        assert!(lost);
    }
}
