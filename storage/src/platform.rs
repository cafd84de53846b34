//! What the log asks of the machine: files, random numbers, the time of day.
//!
//! [`LocalPlatform`] is the machine itself. The trait is there so that a simulated disk can stand
//! behind a whole log and lose, tear and refuse what a real one may; the log on top is the same.

use std::any::Any;
use std::fmt::Debug;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FallocateFlags, FlockOperation, OFlags, fallocate, fcntl_getfl, fcntl_setfl, flock};
use rustix::io::Errno;
use uuid::Uuid;

pub use crate::map::{Map, StoreMap};

/// Permissions of the log's files: records are their owner's business.
const FILE_MODE: u32 = 0o600;
/// Permissions of the directories that it makes.
const DIRECTORY_MODE: u32 = 0o700;

/// Zeros to fill files with, where a write past the page cache may take them from.
#[repr(align(4096))]
struct Zeros([u8; 1 << 20]);

static ZEROS: Zeros = Zeros([0; 1 << 20]);

/// Files, random numbers and the time of day. Paths are as the log's caller gave them.
pub trait Platform: Debug + Send + Sync {
    /// Whether `path` exists.
    fn exists(&self, path: &Path) -> bool;
    /// Size and number of names of the file at `path`. Takes no file descriptor.
    fn metadata(&self, path: &Path) -> io::Result<FileMetadata>;
    /// Makes `directory` and what is missing above it, for its owner alone.
    fn create_directory(&self, directory: &Path) -> io::Result<()>;
    /// Names of the files in `directory`, in any order.
    fn list(&self, directory: &Path) -> io::Result<Vec<String>>;
    /// Opens `directory`, to sync it after a change that must not be made if that can't be done.
    fn open_directory(&self, directory: &Path) -> io::Result<Box<dyn PlatformDirectory>>;
    /// Makes creations, renames and removals in `directory` durable.
    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        self.open_directory(directory)?.sync()
    }
    /// Takes the lock at `path` for as long as the result lives; [`io::ErrorKind::WouldBlock`] if
    /// it is taken.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>>;
    /// Makes an empty file at `path`, in place of one that is there, to be read and written by
    /// its owner alone.
    fn create(&self, path: &Path) -> io::Result<Box<dyn PlatformFile>>;
    /// Opens the file at `path` for reading, and for writing too if `write`.
    fn open(&self, path: &Path, write: bool) -> io::Result<Box<dyn PlatformFile>>;
    /// Gives a file another name in the same directory, in place of a file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file's name.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Unpredictable bits: ids, epochs and nonces are made of them.
    fn random(&self) -> u128;
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;
    /// Whether the log may start threads of its own. Without them those who append do all the
    /// work, one thing after the other, so that a run can be repeated exactly.
    fn has_threads(&self) -> bool {
        true
    }
}

/// What is known of a file without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileMetadata {
    /// Its size in bytes.
    pub bytes: u64,
    /// How many names it has.
    pub links: u64,
}

/// An open directory.
pub trait PlatformDirectory: Send + Sync {
    /// Makes creations, renames and removals in it durable.
    fn sync(&self) -> io::Result<()>;
}

/// An open file.
pub trait PlatformFile: Debug + Send + Sync {
    /// Its size in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether it is empty.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Reads what there is at `offset` into `bytes`, as far as one step goes, and says how much.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes leading bytes of `bytes` at `offset` and says how many.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Reserves room for `bytes` bytes from the start and makes the file at least as long.
    fn allocate(&self, bytes: u64) -> io::Result<()>;
    /// Cuts the file to `bytes`, or extends it by a hole.
    fn set_len(&self, bytes: u64) -> io::Result<()>;
    /// Makes what was written, and the size, durable.
    fn sync_data(&self) -> io::Result<()>;
    /// As [`PlatformFile::sync_data`], and all else that is known of the file.
    fn sync_all(&self) -> io::Result<()>;
    /// A map of the whole file for reading. It shows what is written later, too.
    fn map(&self) -> io::Result<Map>;
    /// A map of the whole file for storing into it.
    fn store_map(&self) -> io::Result<StoreMap>;

    /// Writes zeros over the first `bytes` of the file, a multiple of 4,096. They need not be in the page
    /// cache after it unless `cached`.
    fn write_zeros(&self, bytes: u64, cached: bool) -> io::Result<()> {
        let _ = cached;
        write_zeros(self, bytes)
    }

    /// Fills `bytes` from `offset`, in as many steps as it takes.
    fn read_exact_at(&self, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.read_at(bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    bytes = &mut std::mem::take(&mut bytes)[read..];
                    offset += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes all of `bytes` at `offset`, in as many steps as it takes.
    fn write_all_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write_at(bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = &bytes[written.min(bytes.len())..];
                    offset += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn write_zeros<File: PlatformFile + ?Sized>(file: &File, bytes: u64) -> io::Result<()> {
    let mut at = 0;
    while at < bytes {
        let step = ZEROS.0.len().min((bytes - at) as usize);
        file.write_all_at(&ZEROS.0[..step], at)?;
        at += step as u64;
    }
    Ok(())
}

/// The machine that this process runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalPlatform;

impl Platform for LocalPlatform {
    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        let metadata = fs::metadata(path)?;
        Ok(FileMetadata { bytes: metadata.len(), links: metadata.nlink() })
    }

    fn create_directory(&self, directory: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let names = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        // The log gives its files names that are text; others are not its own.
        names.filter_map(Result::transpose).collect()
    }

    fn open_directory(&self, directory: &Path) -> io::Result<Box<dyn PlatformDirectory>> {
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        Ok(Box::new(LocalDirectory(fs::File::open(directory)?)))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        let file = owners_alone().create(true).truncate(false).open(path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Box::new(LocalLock(file)))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn PlatformFile>> {
        let file = owners_alone().create(true).truncate(true).open(path)?;
        Ok(Box::new(LocalFile(file)))
    }

    fn open(&self, path: &Path, write: bool) -> io::Result<Box<dyn PlatformFile>> {
        Ok(Box::new(LocalFile(OpenOptions::new().read(true).write(write).open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn random(&self) -> u128 {
        // Two ids, since each has six bits that are fixed.
        Uuid::new_v4().as_u128() ^ Uuid::new_v4().as_u128().rotate_left(64)
    }

    fn now_ms(&self) -> u64 {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since_epoch.map_or(0, |elapsed| elapsed.as_millis() as u64)
    }
}

/// Options of a file that nobody but its owner may read or write.
fn owners_alone() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(FILE_MODE);
    options
}

struct LocalDirectory(fs::File);

impl PlatformDirectory for LocalDirectory {
    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

struct LocalLock(fs::File);

impl Drop for LocalLock {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that is just being started has it open, too,
        // until it is another program.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

#[derive(Debug)]
struct LocalFile(fs::File);

impl PlatformFile for LocalFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        match fallocate(&self.0, FallocateFlags::empty(), 0, bytes) {
            // Not every file system can reserve; the caller writes the file throughout anyway.
            Ok(()) | Err(Errno::OPNOTSUPP) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn write_zeros(&self, bytes: u64, cached: bool) -> io::Result<()> {
        // Past the page cache, filling takes hardly any time of a processor, and no page from others.
        // Not every file system can do it, nor does each ask for no more than pages in line.
        if !cached && fcntl_setfl(&self.0, fcntl_getfl(&self.0)? | OFlags::DIRECT).is_ok() {
            let written = write_zeros(self, bytes);
            fcntl_setfl(&self.0, fcntl_getfl(&self.0)? - OFlags::DIRECT)?;
            match written {
                Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {}
                outcome => return outcome,
            }
        }
        write_zeros(self, bytes)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn map(&self) -> io::Result<Map> {
        Map::new(&self.0)
    }

    fn store_map(&self) -> io::Result<StoreMap> {
        StoreMap::new(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_filled_past_the_page_cache_and_written_as_before() {
        let directory = tempfile::tempdir().unwrap();
        let file = LocalPlatform.create(&directory.path().join("segment")).unwrap();
        let bytes = (ZEROS.0.len() + 4096) as u64;
        file.write_all_at(&vec![9; bytes as usize], 0).unwrap();
        for cached in [false, true] {
            file.write_all_at(b"stale", 4090).unwrap();
            let map = file.map().unwrap();
            assert_eq!(map.bytes(4090..4095).unwrap(), b"stale");
            file.write_zeros(bytes, cached).unwrap();
            assert!(map.from(0).iter().all(|byte| *byte == 0), "a map shows the zeros");
            assert_eq!(map.len(), bytes);
            // Neither the place nor the size is that of a page.
            file.write_all_at(b"record", 4093).unwrap();
            assert_eq!(map.bytes(4092..4100).unwrap(), b"\0record\0");
        }
    }
}
