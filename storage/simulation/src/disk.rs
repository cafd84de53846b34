//! A disk in memory that stands behind a log: it keeps apart what was written and what was flushed,
//! fails when told to, and yields the states that a power cut may leave.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anabranch_storage::platform::{FileMetadata, Map, Platform, PlatformDirectory, PlatformFile, StoreMap};
use fastrand::Rng;
use parking_lot::Mutex;

use crate::inode::{Cut, Inode};

/// A simulated disk. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    rng: Rng,
    inodes: BTreeMap<u64, Inode>,
    next_inode: u64,
    /// Names as programs see them.
    names: BTreeMap<PathBuf, u64>,
    /// Names on the platter.
    durable_names: BTreeMap<PathBuf, u64>,
    /// What was done to names since their directory was synced.
    pending: Vec<(PathBuf, NameChange)>,
    locked: BTreeSet<PathBuf>,
    clock_ms: u64,
    operations: u64,
    trouble: Trouble,
    /// No operation succeeds any more.
    off: bool,
    /// Flushes succeed without effect.
    forgetful: bool,
    /// Bytes of files that can't be read.
    unreadable: Vec<(u64, Range<u64>)>,
}

#[derive(Debug, Clone, Copy)]
enum NameChange {
    Set(u64),
    Remove,
}

/// What goes wrong, and when: numbers of operations from now on, each a write, flush, allocation
/// or change of names.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trouble {
    /// The power is cut just before this operation.
    pub power_cut_at: Option<u64>,
    /// The first flush from this operation on fails.
    pub flush_fails_at: Option<u64>,
    /// The first write from this operation on fails.
    pub write_fails_at: Option<u64>,
    /// No room is to be had from this operation on, until the trouble is taken away.
    pub full_at: Option<u64>,
    /// Some writes write only a part.
    pub short_writes: bool,
    /// Of 8 attempts to open or map something, so many find that no file descriptor is left, until
    /// the trouble is taken away.
    pub descriptors_refused: u8,
}

/// What an operation is, for [`Trouble`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Write,
    Flush,
    Allocate,
    Name,
}

fn eio() -> io::Error {
    io::Error::from_raw_os_error(5)
}

impl State {
    fn begin(&mut self, operation: Operation) -> io::Result<()> {
        if self.off || self.trouble.power_cut_at.is_some_and(|at| self.operations >= at) {
            self.off = true;
            return Err(io::Error::other("the power is off"));
        }
        self.operations += 1;
        let now = |at: Option<u64>| at.is_some_and(|at| self.operations > at);
        match operation {
            Operation::Write if now(self.trouble.write_fails_at) => {
                self.trouble.write_fails_at = None;
                Err(eio())
            }
            Operation::Allocate if now(self.trouble.full_at) => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    /// To be asked wherever a file descriptor or a map is needed.
    fn lend_descriptor(&mut self) -> io::Result<()> {
        const EMFILE: i32 = 24;
        let refused = self.trouble.descriptors_refused;
        if refused > 0 && self.rng.u8(..8) < refused { Err(io::Error::from_raw_os_error(EMFILE)) } else { Ok(()) }
    }

    fn flush_fails(&mut self) -> bool {
        let fails = self.trouble.flush_fails_at.is_some_and(|at| self.operations > at);
        if fails {
            self.trouble.flush_fails_at = None;
        }
        fails
    }

    fn set_name(&mut self, path: &Path, inode: u64) {
        self.names.insert(path.into(), inode);
        self.pending.push((path.into(), NameChange::Set(inode)));
    }

    fn remove_name(&mut self, path: &Path) -> io::Result<u64> {
        let inode = self.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        self.pending.push((path.into(), NameChange::Remove));
        Ok(inode)
    }

    fn find(&self, path: &Path) -> io::Result<u64> {
        self.names.get(path).copied().ok_or(io::ErrorKind::NotFound.into())
    }

    fn inode(&mut self, number: u64) -> io::Result<&mut Inode> {
        self.inodes.get_mut(&number).ok_or(io::ErrorKind::NotFound.into())
    }
}

fn change_name(names: &mut BTreeMap<PathBuf, u64>, path: &Path, change: NameChange) {
    match change {
        NameChange::Set(inode) => {
            names.insert(path.into(), inode);
        }
        NameChange::Remove => {
            names.remove(path);
        }
    }
}

impl SimulatedDisk {
    /// An empty disk; all that is random on it follows from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            rng: Rng::with_seed(seed),
            inodes: BTreeMap::new(),
            next_inode: 1,
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            pending: Vec::new(),
            locked: BTreeSet::new(),
            clock_ms: 0,
            operations: 0,
            trouble: Trouble::default(),
            off: false,
            forgetful: false,
            unreadable: Vec::new(),
        })))
    }

    /// Has things go wrong; numbers of operations count from now.
    pub fn set_trouble(&self, trouble: Trouble) {
        let mut state = self.0.lock();
        let from_now = |at: Option<u64>| at.map(|at| at + state.operations);
        state.trouble = Trouble {
            power_cut_at: from_now(trouble.power_cut_at),
            flush_fails_at: from_now(trouble.flush_fails_at),
            write_fails_at: from_now(trouble.write_fails_at),
            full_at: from_now(trouble.full_at),
            short_writes: trouble.short_writes,
            descriptors_refused: trouble.descriptors_refused,
        };
    }

    /// Whether the power was cut.
    pub fn is_off(&self) -> bool {
        self.0.lock().off
    }

    /// Has flushes succeed without effect, to show that this is noticed.
    pub fn forget_flushes(&self, forget: bool) {
        self.0.lock().forgetful = forget;
    }

    /// Ends a power cut as if none had been: what a killed process leaves, whose last words
    /// were refused.
    pub fn power_on_again(&self) {
        let mut state = self.0.lock();
        state.off = false;
        state.trouble = Trouble::default();
        state.locked.clear();
    }

    /// Cuts the power, if it is not cut yet, and returns a disk in one of the states that this may
    /// leave. Each change of a name that no sync of the directory covers is kept or lost, so that
    /// a file whose renaming is cut may have either name, both or none.
    pub fn after_power_cut(&self) -> io::Result<Self> {
        let mut state = self.0.lock();
        state.off = true;
        let mut rng = state.rng.fork();
        let mut names = state.durable_names.clone();
        let in_order = rng.bool();
        let kept = rng.usize(..=state.pending.len());
        for (number, (path, change)) in state.pending.iter().enumerate() {
            let applied = if in_order { number < kept } else { rng.bool() };
            if applied {
                change_name(&mut names, path, *change);
            }
        }
        let mut inodes = BTreeMap::new();
        for number in names.values() {
            if let Some(inode) = state.inodes.get(number) {
                let cut = Cut::random(&mut rng);
                inodes.insert(*number, Inode::new(inode.after_cut(cut, &mut rng))?);
            }
        }
        Ok(Self(Arc::new(Mutex::new(State {
            rng,
            inodes,
            next_inode: state.next_inode,
            durable_names: names.clone(),
            names,
            pending: Vec::new(),
            locked: BTreeSet::new(),
            clock_ms: state.clock_ms,
            operations: 0,
            trouble: Trouble::default(),
            off: false,
            forgetful: false,
            unreadable: Vec::new(),
        }))))
    }

    /// The number of the file at `path`.
    #[cfg(feature = "fuse")]
    pub(crate) fn number_of(&self, path: &Path) -> io::Result<u64> {
        self.0.lock().find(path)
    }

    /// A name of the file with this number.
    #[cfg(feature = "fuse")]
    pub(crate) fn name_of(&self, number: u64) -> io::Result<PathBuf> {
        let state = self.0.lock();
        let found = state.names.iter().find(|(_, of)| **of == number).map(|(name, _)| name.clone());
        found.ok_or(io::ErrorKind::NotFound.into())
    }

    /// The file with this number.
    #[cfg(feature = "fuse")]
    pub(crate) fn file(&self, number: u64) -> Box<dyn PlatformFile> {
        Box::new(SimulatedFile { disk: self.clone(), number })
    }

    /// How many names the file with this number has.
    #[cfg(feature = "fuse")]
    pub(crate) fn links(&self, number: u64) -> u64 {
        self.0.lock().names.values().filter(|of| **of == number).count() as u64
    }

    /// Whether `bytes` are on the platter, in any file.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        self.0.lock().inodes.values().any(|inode| inode.holds(bytes))
    }

    /// Has `range` of the file at `path` not be readable any more. Maps made on this machine, which are
    /// of files in memory, don't meet that; those of a mounted disk do.
    pub fn lose_sectors(&self, path: &Path, range: Range<u64>) -> io::Result<()> {
        let mut state = self.0.lock();
        let number = state.find(path)?;
        state.unreadable.push((number, range));
        Ok(())
    }

    /// Flips a bit of `path`.
    pub fn rot(&self, path: &Path, bit: u64) -> io::Result<()> {
        let mut state = self.0.lock();
        let number = state.find(path)?;
        state.inode(number)?.rot(bit)
    }

    /// Writes all files, as programs see them, into a real directory.
    pub fn write_to(&self, directory: &Path) -> io::Result<()> {
        std::fs::create_dir_all(directory)?;
        let state = self.0.lock();
        for (name, number) in &state.names {
            if let (Some(name), Some(inode)) = (name.file_name(), state.inodes.get(number)) {
                std::fs::write(directory.join(name), inode.content()?)?;
            }
        }
        Ok(())
    }

    /// A disk with the same files, all of them flushed.
    pub fn copy(&self) -> io::Result<Self> {
        let copy = Self::new(self.0.lock().rng.u64(..));
        {
            let (from, mut to) = (self.0.lock(), copy.0.lock());
            for (number, inode) in &from.inodes {
                to.inodes.insert(*number, inode.copy()?);
            }
            to.next_inode = from.next_inode;
            to.names = from.names.clone();
            to.durable_names = from.names.clone();
        }
        Ok(copy)
    }
}

impl Platform for SimulatedDisk {
    fn exists(&self, path: &Path) -> bool {
        let state = self.0.lock();
        state.names.keys().any(|name| name.starts_with(path))
    }

    fn create_directory(&self, _: &Path) -> io::Result<()> {
        // A directory is there as soon as something is in it.
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let state = self.0.lock();
        let inside = state.names.keys().filter(|name| name.parent() == Some(directory));
        Ok(inside.filter_map(|name| Some(name.file_name()?.to_str()?.to_owned())).collect())
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        let mut state = self.0.lock();
        let number = state.find(path)?;
        let links = state.names.values().filter(|of| **of == number).count() as u64;
        Ok(FileMetadata { bytes: state.inode(number)?.len()?, links })
    }

    fn open_directory(&self, directory: &Path) -> io::Result<Box<dyn PlatformDirectory>> {
        self.0.lock().lend_descriptor()?;
        Ok(Box::new(SimulatedDirectory { disk: self.clone(), path: directory.into() }))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        let mut state = self.0.lock();
        state.lend_descriptor()?;
        if !state.locked.insert(path.into()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(LockGuard { disk: self.clone(), path: path.into() }))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn PlatformFile>> {
        let mut state = self.0.lock();
        state.lend_descriptor()?;
        state.begin(Operation::Name)?;
        let number = state.next_inode;
        state.next_inode += 1;
        state.inodes.insert(number, Inode::new(Vec::new())?);
        state.set_name(path, number);
        Ok(Box::new(SimulatedFile { disk: self.clone(), number }))
    }

    fn open(&self, path: &Path, _write: bool) -> io::Result<Box<dyn PlatformFile>> {
        let mut state = self.0.lock();
        state.lend_descriptor()?;
        let number = state.find(path)?;
        Ok(Box::new(SimulatedFile { disk: self.clone(), number }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.begin(Operation::Name)?;
        let number = state.find(from)?;
        state.set_name(to, number);
        state.remove_name(from).map(|_| ())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.begin(Operation::Name)?;
        let number = state.find(from)?;
        state.set_name(to, number);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.begin(Operation::Name)?;
        state.remove_name(path).map(|_| ())
    }

    fn random(&self) -> u128 {
        self.0.lock().rng.u128(..)
    }

    fn now_ms(&self) -> u64 {
        let mut state = self.0.lock();
        state.clock_ms += 1;
        state.clock_ms
    }

    fn has_threads(&self) -> bool {
        cfg!(feature = "shuttle")
    }
}

struct LockGuard {
    disk: SimulatedDisk,
    path: PathBuf,
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        self.disk.0.lock().locked.remove(&self.path);
    }
}

struct SimulatedDirectory {
    disk: SimulatedDisk,
    path: PathBuf,
}

impl PlatformDirectory for SimulatedDirectory {
    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        state.begin(Operation::Flush)?;
        if state.flush_fails() {
            return Err(eio());
        }
        if state.forgetful {
            return Ok(());
        }
        let (synced, pending): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.pending).into_iter().partition(|(path, _)| path.parent() == Some(&self.path));
        state.pending = pending;
        for (path, change) in synced {
            change_name(&mut state.durable_names, &path, change);
        }
        Ok(())
    }
}

#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    number: u64,
}

impl PlatformFile for SimulatedFile {
    fn len(&self) -> io::Result<u64> {
        self.disk.0.lock().inode(self.number)?.len()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.0.lock();
        let end = offset + bytes.len() as u64;
        let meets =
            |(number, range): &(u64, Range<u64>)| *number == self.number && range.start < end && offset < range.end;
        if state.unreadable.iter().any(meets) {
            return Err(eio());
        }
        state.inode(self.number)?.live.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.0.lock();
        state.begin(Operation::Write)?;
        let short = state.trouble.short_writes && bytes.len() > 1 && state.rng.u8(..4) == 0;
        let written = if short { state.rng.usize(1..bytes.len()) } else { bytes.len() };
        state.inode(self.number)?.write(&bytes[..written], offset)?;
        Ok(written)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        state.begin(Operation::Allocate)?;
        let inode = state.inode(self.number)?;
        if inode.len()? < bytes { inode.resize(bytes) } else { Ok(()) }
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        state.begin(Operation::Write)?;
        state.inode(self.number)?.resize(bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        // A flush takes its time; under a scheduler, others may come in before and after it.
        #[cfg(feature = "shuttle")]
        shuttle::thread::yield_now();
        let mut state = self.disk.0.lock();
        state.begin(Operation::Flush)?;
        if state.flush_fails() {
            let mut rng = state.rng.fork();
            state.inode(self.number)?.fail_flush(&mut rng);
            return Err(eio());
        }
        if !state.forgetful {
            state.inode(self.number)?.flush();
        }
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn map(&self) -> io::Result<Map> {
        let mut state = self.disk.0.lock();
        state.lend_descriptor()?;
        Map::new(&state.inode(self.number)?.live)
    }

    fn store_map(&self) -> io::Result<StoreMap> {
        // What is stored through a map can't be seen by the disk, so it could not be lost either.
        Err(io::ErrorKind::Unsupported.into())
    }
}
