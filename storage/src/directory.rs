//! Files of a log: its lock, the making of segments, and what must be synced so that a power
//! cut undoes none of it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, FlockOperation, fallocate, flock};
use rustix::io::Errno;

use crate::error::{Error, IoContext, Result};
use crate::position::Position;
use crate::segment_header::{SegmentHeader, base_position_of, segment_path};

const LOCK_FILE: &str = "LOCK";
const SPARE_FILE: &str = "spare.tmp";
static ZEROS: [u8; 1 << 20] = [0; 1 << 20];

/// Creates `directory` if absent, durably, and takes its lock for as long as the file lives.
pub(crate) fn open_locked(directory: &Path) -> Result<File> {
    if !directory.exists() {
        fs::create_dir_all(directory).at(directory)?;
        sync_directory(directory.parent().unwrap_or(Path::new(".")))?;
    }
    lock(directory)
}

/// Takes the lock of an existing log.
pub(crate) fn lock(directory: &Path) -> Result<File> {
    let path = directory.join(LOCK_FILE);
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).at(&path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => Err(Error::Locked { path }),
        Err(errno) => Err(errno).at(&path),
    }
}

/// Makes creations, renames and removals in `directory` durable.
pub(crate) fn sync_directory(directory: &Path) -> Result<()> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    File::open(directory).and_then(|file| file.sync_all()).at(directory)
}

/// The log's segments by base position.
pub(crate) fn segments(directory: &Path) -> Result<Vec<(Position, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).at(directory)? {
        let entry = entry.at(directory)?;
        if let Some(base_position) = entry.file_name().to_str().and_then(base_position_of) {
            found.push((base_position, entry.path()));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Removes files that never became segments.
pub(crate) fn remove_unfinished(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory).at(directory)? {
        let path = entry.at(directory)?.path();
        if path.extension().is_some_and(|extension| extension == "tmp") {
            fs::remove_file(&path).at(&path)?;
        }
    }
    Ok(())
}

/// A file with room for a segment, written once throughout, so that appending to it allocates
/// nothing and cannot run out of space.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
    pub(crate) capacity: u64,
}

impl Prepared {
    /// Makes such a file, from a recycled segment of the same size if there is one.
    pub(crate) fn new(directory: &Path, capacity: u64, name: &str) -> Result<Self> {
        let path = directory.join(format!("{name}.tmp"));
        if let Some(file) = take_spare(directory, &path, capacity) {
            return Ok(Self { file, path, capacity });
        }
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path).at(&path)?;
        match write_throughout(&file, capacity) {
            Ok(()) => Ok(Self { file, path, capacity }),
            Err(error) => {
                // The file takes room that is needed; it is removed at the next opening otherwise.
                let _ = fs::remove_file(&path);
                if error.raw_os_error() == Some(Errno::NOSPC.raw_os_error())
                    || error.raw_os_error() == Some(Errno::DQUOT.raw_os_error())
                {
                    return Err(Error::NoSpace { path: directory.into(), bytes: capacity });
                }
                Err(error).at(&path)
            }
        }
    }

    /// Turns the file into the segment that `header` describes, durably.
    pub(crate) fn activate(self, directory: &Path, header: &SegmentHeader) -> Result<(File, PathBuf)> {
        let no_space = |error: io::Error| match error.kind() {
            io::ErrorKind::StorageFull => Error::NoSpace { path: directory.into(), bytes: header.capacity },
            _ => Error::Io { path: self.path.clone(), source: error },
        };
        self.file.write_all_at(&header.encode(), 0).map_err(no_space)?;
        self.file.sync_all().map_err(no_space)?;
        let path = segment_path(directory, header.base_position);
        fs::rename(&self.path, &path).map_err(no_space)?;
        sync_directory(directory)?;
        Ok((self.file, path))
    }
}

fn write_throughout(file: &File, capacity: u64) -> io::Result<()> {
    // Reserving first makes a full disk fail at once instead of after writing up to the brim.
    match fallocate(file, FallocateFlags::empty(), 0, capacity) {
        Ok(()) | Err(Errno::OPNOTSUPP) => {}
        Err(errno) => return Err(errno.into()),
    }
    let mut at = 0;
    while at < capacity {
        let bytes = ZEROS.len().min((capacity - at) as usize);
        file.write_all_at(&ZEROS[..bytes], at)?;
        at += bytes as u64;
    }
    file.sync_all()
}

/// Keeps a dropped segment's file for the next one, unless one is kept already.
pub(crate) fn recycle(directory: &Path, segment: &Path) -> io::Result<()> {
    let spare = directory.join(SPARE_FILE);
    if spare.exists() { fs::remove_file(segment) } else { fs::rename(segment, spare) }
}

fn take_spare(directory: &Path, path: &Path, capacity: u64) -> Option<File> {
    let spare = directory.join(SPARE_FILE);
    if fs::metadata(&spare).ok()?.len() != capacity {
        return None;
    }
    fs::rename(&spare, path).ok()?;
    OpenOptions::new().read(true).write(true).open(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_owner() {
        let directory = tempfile::tempdir().unwrap();
        let owner = open_locked(directory.path()).unwrap();
        assert!(matches!(open_locked(directory.path()), Err(Error::Locked { .. })));
        drop(owner);
        open_locked(directory.path()).unwrap();
    }

    #[test]
    fn a_spare_of_the_same_size_is_used_again() {
        let directory = tempfile::tempdir().unwrap();
        let old = directory.path().join("00000000000000000000.segment");
        fs::write(&old, vec![9; 8192]).unwrap();
        recycle(directory.path(), &old).unwrap();
        let other_size = Prepared::new(directory.path(), 4096, "next").unwrap();
        assert_eq!(fs::read(&other_size.path).unwrap(), vec![0; 4096]);
        let same_size = Prepared::new(directory.path(), 8192, "next").unwrap();
        assert_eq!(fs::read(&same_size.path).unwrap(), vec![9; 8192]);
        remove_unfinished(directory.path()).unwrap();
        assert_eq!(segments(directory.path()).unwrap(), []);
    }
}
