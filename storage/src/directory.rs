//! Files of a log: its lock, the making of segments, and what must be synced so that a power
//! cut undoes none of it.

use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, IoContext, Result};
use crate::faults::{Fault, committed};
use crate::map::{Map, StoreMap};
use crate::platform::{FileMetadata, Platform, PlatformDirectory, PlatformFile};
use crate::position::Position;
use crate::segment_header::{SegmentHeader, base_position_of, segment_path};
use crate::sync::Mutex;

const LOCK_FILE: &str = "LOCK";
/// Endings of the names of files that are not segments, or not yet.
const UNFINISHED: &str = ".tmp";
/// Ending of the names of those that have their full size and are filled.
const SPARE: &str = ".spare.tmp";

/// A log's directory and the machine that it is on.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) platform: Arc<dyn Platform>,
    pub(crate) path: PathBuf,
    spares: Mutex<Vec<Spare>>,
    spares_max: usize,
}

/// A dropped segment's file, kept for the next one.
#[derive(Debug)]
struct Spare {
    path: PathBuf,
    capacity: u64,
}

/// Held by a log's owner.
pub(crate) type Lock = Box<dyn Any + Send + Sync>;

impl Directory {
    pub(crate) fn new(platform: Arc<dyn Platform>, path: &Path, spares_max: usize) -> Self {
        Self { platform, path: path.to_path_buf(), spares: Mutex::new(Vec::new()), spares_max }
    }

    /// Creates the directory if absent and takes its lock for as long as the result lives. Whether
    /// there was nothing before is the other part of the result.
    pub(crate) fn open_locked(&self) -> Result<(Lock, bool)> {
        let is_made = !self.platform.exists(&self.path);
        if is_made {
            self.platform.create_directory(&self.path).at(&self.path)?;
        }
        Ok((self.lock()?, is_made))
    }

    /// Makes the directory's own name durable.
    pub(crate) fn sync_parent(&self) -> Result<()> {
        self.platform.sync_directory(self.path.parent().unwrap_or(Path::new("."))).at(&self.path)
    }

    /// Takes the lock of an existing log.
    pub(crate) fn lock(&self) -> Result<Lock> {
        let path = self.path.join(LOCK_FILE);
        match self.platform.lock(&path) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(Error::Locked { path }),
            outcome => outcome.at(&path),
        }
    }

    /// Makes creations, renames and removals durable.
    pub(crate) fn sync(&self) -> Result<()> {
        self.syncer()?.sync()
    }

    /// What it takes to make changes of names durable, before they are made: a change that can't be
    /// made durable for want of a file descriptor must not be begun.
    pub(crate) fn syncer(&self) -> Result<Syncer> {
        let directory = self.platform.open_directory(&self.path).at(&self.path)?;
        Ok(Syncer { directory, path: self.path.clone() })
    }

    /// The log's segments by base position.
    pub(crate) fn segments(&self) -> Result<Vec<(Position, PathBuf)>> {
        let names = self.platform.list(&self.path).at(&self.path)?;
        let mut found: Vec<_> =
            names.iter().filter_map(|name| Some((base_position_of(name)?, self.path.join(name)))).collect();
        found.sort_unstable();
        Ok(found)
    }

    /// Removes files that never became segments, but for those that can still become one: as
    /// many as are kept to be used again, and one made ahead.
    pub(crate) fn remove_unfinished(&self) -> Result<()> {
        for name in self.platform.list(&self.path).at(&self.path)? {
            let path = self.path.join(&name);
            if !name.ends_with(UNFINISHED) {
                continue;
            }
            let mut spares = self.spares.lock();
            if name.ends_with(SPARE) && spares.len() <= self.spares_max {
                let FileMetadata { bytes: capacity, links } = self.platform.metadata(&path).at(&path)?;
                if links == 1 {
                    spares.push(Spare { path, capacity });
                    continue;
                }
            }
            self.remove(&path)?;
        }
        Ok(())
    }

    pub(crate) fn remove(&self, path: &Path) -> Result<()> {
        self.platform.remove(path).at(path)
    }

    /// Keeps a dropped segment's file for a next one, unless enough are kept, a backup shares it
    /// or it was truncated. Durable after [`Syncer::sync`], before which the file must not be used.
    pub(crate) fn recycle(&self, segment: &Path, capacity: u64) -> Result<Option<Recycled>> {
        let is_usable = self.platform.metadata(segment).at(segment)? == FileMetadata { bytes: capacity, links: 1 };
        if !is_usable || self.spares.lock().len() >= self.spares_max {
            self.remove(segment)?;
            return Ok(None);
        }
        let spare = Spare { path: segment.with_extension(&SPARE[1..]), capacity };
        self.platform.rename(segment, &spare.path).at(segment)?;
        Ok(Some(Recycled(spare)))
    }

    /// Lets files be reused whose renaming is durable.
    pub(crate) fn add_spares(&self, recycled: Vec<Recycled>) {
        self.spares.lock().extend(recycled.into_iter().map(|Recycled(spare)| spare));
    }

    /// Bytes of the files kept for reuse.
    pub(crate) fn spare_bytes(&self) -> u64 {
        self.spares.lock().iter().map(|spare| spare.capacity).sum()
    }

    fn take_spare(&self, path: &Path, capacity: u64) -> Option<Box<dyn PlatformFile>> {
        let spare = {
            let mut spares = self.spares.lock();
            let found = spares.iter().position(|spare| spare.capacity == capacity)?;
            spares.swap_remove(found)
        };
        let used = self.platform.open(&spare.path, true).and_then(|file| {
            self.platform.rename(&spare.path, path)?;
            Ok(file)
        });
        used.inspect_err(|_| self.spares.lock().push(spare)).ok()
    }
}

/// An open directory; see [`Directory::syncer`].
pub(crate) struct Syncer {
    directory: Box<dyn PlatformDirectory>,
    path: PathBuf,
}

impl Syncer {
    /// Makes creations, renames and removals durable.
    pub(crate) fn sync(&self) -> Result<()> {
        self.directory.sync().at(&self.path)
    }
}

/// A file that becomes a spare once the directory is synced.
#[derive(Debug)]
pub(crate) struct Recycled(Spare);

/// A file with room for a segment, written once throughout, so that appending to it allocates
/// nothing and cannot run out of space.
#[derive(Debug)]
pub(crate) struct Prepared {
    file: Box<dyn PlatformFile>,
    path: PathBuf,
    pub(crate) capacity: u64,
}

/// A prepared file that became a segment.
#[derive(Debug)]
pub(crate) struct Activated {
    pub(crate) file: Box<dyn PlatformFile>,
    pub(crate) path: PathBuf,
    pub(crate) map: Map,
    /// To store frames through, where that was asked for.
    pub(crate) store: Option<StoreMap>,
}

/// Why a file did not become a segment.
#[derive(Debug)]
pub(crate) struct NotActivated {
    pub(crate) error: Error,
    /// Whether it may have the segment's name all the same.
    pub(crate) may_have_its_name: bool,
}

impl From<Error> for NotActivated {
    fn from(error: Error) -> Self {
        Self { error, may_have_its_name: false }
    }
}

impl From<NotActivated> for Error {
    fn from(not_activated: NotActivated) -> Self {
        not_activated.error
    }
}

impl Prepared {
    /// Makes such a file, from a recycled segment of the same size if there is one. Its pages are in
    /// the page cache if `stores`, for it will be stored to through a map.
    pub(crate) fn new(directory: &Directory, capacity: u64, name: &str, stores: bool) -> Result<Self> {
        let path = directory.path.join(format!("{name}{UNFINISHED}"));
        if let Some(file) = directory.take_spare(&path, capacity) {
            return Ok(Self { file, path, capacity });
        }
        let file = directory.platform.create(&path).map_err(|error| full_or(error, directory, &path, capacity))?;
        match write_throughout(&*file, capacity, stores) {
            Ok(()) => Ok(Self { file, path, capacity }),
            Err(error) => {
                // The file takes room that is needed; it is removed at the next opening otherwise.
                let _ = directory.platform.remove(&path);
                Err(full_or(error, directory, &path, capacity))
            }
        }
    }

    /// Makes its content durable now, so that it becomes a segment the sooner when one is needed.
    pub(crate) fn flushed(self, directory: &Directory) -> Result<Self> {
        match self.file.sync_all() {
            Ok(()) => Ok(self),
            Err(error) => {
                let _ = directory.platform.remove(&self.path);
                Err(full_or(error, directory, &self.path, self.capacity))
            }
        }
    }

    /// Turns the file into the segment that `header` describes, durably; to be stored to through a
    /// map if `stores`. All that may be refused for want of something comes before the name.
    pub(crate) fn activate(
        self,
        directory: &Directory,
        header: &SegmentHeader,
        stores: bool,
    ) -> std::result::Result<Activated, NotActivated> {
        let path = segment_path(&directory.path, header.base_position);
        let lent = directory.syncer().and_then(|syncer| {
            let map = self.file.map().at(&path)?;
            let store = if stores { Some(self.file.store_map().at(&path)?) } else { None };
            Ok((syncer, map, store))
        });
        let (syncer, map, store) = match lent {
            Ok(lent) => lent,
            Err(error) => {
                self.keep(directory);
                return Err(error.into());
            }
        };
        let full_or = |error| full_or(error, directory, &self.path, header.capacity);
        self.file.write_all_at(&header.encode(), 0).and_then(|()| self.file.sync_all()).map_err(full_or)?;
        let named = directory.platform.rename(&self.path, &path).map_err(full_or);
        let named = named.and_then(|()| if committed(Fault::SkipDirectorySync) { Ok(()) } else { syncer.sync() });
        match named {
            Ok(()) => Ok(Activated { file: self.file, path, map, store }),
            Err(error) => Err(NotActivated { may_have_its_name: !error.is_passing(), error }),
        }
    }

    /// Keeps the file for when it is needed after all, even by a later opening of the log.
    pub(crate) fn keep(self, directory: &Directory) {
        let name = format!("{:032x}{SPARE}", directory.platform.random());
        let spare = Spare { path: directory.path.join(name), capacity: self.capacity };
        // Under the name that it has, the next opening removes it.
        if directory.platform.rename(&self.path, &spare.path).is_ok() {
            directory.spares.lock().push(spare);
        }
    }
}

fn full_or(error: io::Error, directory: &Directory, path: &Path, bytes: u64) -> Error {
    Error::of_growing(&directory.path, path, bytes, error)
}

fn write_throughout(file: &dyn PlatformFile, capacity: u64, stores: bool) -> io::Result<()> {
    // Reserving first makes a full disk fail at once instead of after writing up to the brim.
    file.allocate(capacity)?;
    file.write_zeros(capacity, stores)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::LocalPlatform;
    use std::fs;

    fn directory(path: &Path) -> Directory {
        Directory::new(Arc::new(LocalPlatform), path, 1)
    }

    #[test]
    fn a_directory_has_one_owner() {
        let home = tempfile::tempdir().unwrap();
        let directory = directory(home.path());
        let (owner, is_made) = directory.open_locked().unwrap();
        assert!(!is_made, "it was there");
        assert!(matches!(directory.open_locked(), Err(Error::Locked { .. })));
        drop(owner);
        directory.open_locked().unwrap();
    }

    #[test]
    fn a_spare_of_the_same_size_is_used_again() {
        let home = tempfile::tempdir().unwrap();
        let directory = directory(home.path());
        let old = home.path().join("00000000000000000000.segment");
        fs::write(&old, vec![9; 8192]).unwrap();
        let recycled = directory.recycle(&old, 8192).unwrap();
        directory.add_spares(recycled.into_iter().collect());
        assert_eq!(directory.spare_bytes(), 8192);
        let other_size = Prepared::new(&directory, 4096, "next", false).unwrap();
        assert_eq!(fs::read(&other_size.path).unwrap(), vec![0; 4096]);
        let same_size = Prepared::new(&directory, 8192, "next", false).unwrap();
        assert_eq!(fs::read(&same_size.path).unwrap(), vec![9; 8192]);
        directory.remove_unfinished().unwrap();
        assert_eq!(directory.segments().unwrap(), []);
    }

    #[test]
    fn what_was_made_ahead_is_kept_for_the_next_opening() {
        let home = tempfile::tempdir().unwrap();
        let first = directory(home.path());
        Prepared::new(&first, 4096, "ahead", false).unwrap().keep(&first);
        fs::write(home.path().join("next.tmp"), b"unfinished").unwrap();
        let second = directory(home.path());
        second.remove_unfinished().unwrap();
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "the unfinished one is gone");
        assert_eq!(second.spare_bytes(), 4096);
        assert!(second.take_spare(&home.path().join("next.tmp"), 4096).is_some());
    }

    #[test]
    fn a_truncated_file_is_not_used_again() {
        let home = tempfile::tempdir().unwrap();
        let directory = directory(home.path());
        let old = home.path().join("00000000000000000000.segment");
        fs::write(&old, vec![9; 4096]).unwrap();
        assert!(directory.recycle(&old, 8192).unwrap().is_none());
        assert!(!old.exists());
    }

    #[test]
    fn a_file_that_a_backup_shares_is_not_used_again() {
        let home = tempfile::tempdir().unwrap();
        let directory = directory(home.path());
        let old = home.path().join("00000000000000000000.segment");
        fs::write(&old, vec![9; 8192]).unwrap();
        fs::hard_link(&old, home.path().join("backup")).unwrap();
        assert!(directory.recycle(&old, 8192).unwrap().is_none());
        assert!(!old.exists());
        assert_eq!(fs::read(home.path().join("backup")).unwrap(), vec![9; 8192]);
    }
}
