//! The simulated disk as a file system that the kernel mounts: what a real process writes there
//! by way of the page cache is lost, or not, as on the simulated disk itself.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fuser::{
    BackgroundSession, FileAttr, FileType, Filesystem, MountOption, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, TimeOrNow,
};

use anabranch_storage::platform::Platform;

use crate::disk::SimulatedDisk;

/// Nothing of a name or a size is kept by the kernel: it asks each time.
const NO_CACHE: Duration = Duration::ZERO;
/// What a flush takes.
const FLUSH_TIME: Duration = Duration::from_micros(200);
const ROOT: u64 = 1;
/// The simulated directory that is mounted. It has no directories in it.
const DIRECTORY: &str = "/log";
/// Inode numbers of files follow the root's.
const FIRST_FILE: u64 = 2;
const EPERM: i32 = 1;

/// Mounts `disk` at `mount_point`, for as long as the result lives.
///
/// # Errors
/// When the kernel refuses, as without the right to mount.
pub fn mount(disk: &SimulatedDisk, mount_point: &Path) -> io::Result<BackgroundSession> {
    let options = [MountOption::FSName("simulated".into()), MountOption::DefaultPermissions];
    fuser::spawn_mount2(Mounted { disk: disk.clone() }, mount_point, &options)
}

struct Mounted {
    disk: SimulatedDisk,
}

fn path(name: &OsStr) -> PathBuf {
    Path::new(DIRECTORY).join(name)
}

fn errno(error: &io::Error) -> i32 {
    const EIO: i32 = 5;
    const ENOENT: i32 = 2;
    const ENOSPC: i32 = 28;
    match error.kind() {
        io::ErrorKind::NotFound => ENOENT,
        io::ErrorKind::StorageFull => ENOSPC,
        _ => error.raw_os_error().unwrap_or(EIO),
    }
}

fn attributes(ino: u64, kind: FileType, size: u64, links: u64) -> FileAttr {
    FileAttr {
        ino,
        size,
        blocks: size.div_ceil(512),
        atime: SystemTime::UNIX_EPOCH,
        mtime: SystemTime::UNIX_EPOCH,
        ctime: SystemTime::UNIX_EPOCH,
        crtime: SystemTime::UNIX_EPOCH,
        kind,
        perm: if kind == FileType::Directory { 0o755 } else { 0o644 },
        nlink: links as u32,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

impl Mounted {
    fn attributes(&self, ino: u64) -> io::Result<FileAttr> {
        if ino == ROOT {
            return Ok(attributes(ROOT, FileType::Directory, 0, 2));
        }
        let file = self.disk.file(ino - FIRST_FILE);
        Ok(attributes(ino, FileType::RegularFile, file.len()?, self.disk.links(ino - FIRST_FILE)))
    }

    fn entry(&self, name: &OsStr) -> io::Result<FileAttr> {
        self.attributes(self.disk.number_of(&path(name))? + FIRST_FILE)
    }
}

fn done(outcome: io::Result<()>, reply: ReplyEmpty) {
    match outcome {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(errno(&error)),
    }
}

impl Filesystem for Mounted {
    fn lookup(&mut self, _: &Request<'_>, _parent: u64, name: &OsStr, reply: ReplyEntry) {
        match self.entry(name) {
            Ok(attributes) => reply.entry(&NO_CACHE, &attributes, 0),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn getattr(&mut self, _: &Request<'_>, ino: u64, _fh: Option<u64>, reply: ReplyAttr) {
        match self.attributes(ino) {
            Ok(attributes) => reply.attr(&NO_CACHE, &attributes),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn setattr(
        &mut self,
        request: &Request<'_>,
        ino: u64,
        _mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        fh: Option<u64>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<u32>,
        reply: ReplyAttr,
    ) {
        if let Some(size) = size.filter(|_| ino != ROOT)
            && let Err(error) = self.disk.file(ino - FIRST_FILE).set_len(size)
        {
            return reply.error(errno(&error));
        }
        self.getattr(request, ino, fh, reply);
    }

    fn create(
        &mut self,
        _: &Request<'_>,
        _parent: u64,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        match self.disk.create(&path(name)).and_then(|_| self.entry(name)) {
            Ok(attributes) => reply.created(&NO_CACHE, &attributes, 0, 0, 0),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn open(&mut self, _: &Request<'_>, _ino: u64, _flags: i32, reply: ReplyOpen) {
        reply.opened(0, 0);
    }

    fn read(
        &mut self,
        _: &Request<'_>,
        ino: u64,
        _fh: u64,
        offset: i64,
        size: u32,
        _flags: i32,
        _lock_owner: Option<u64>,
        reply: ReplyData,
    ) {
        let mut bytes = vec![0; size as usize];
        match self.disk.file(ino - FIRST_FILE).read_at(&mut bytes, offset as u64) {
            Ok(read) => reply.data(&bytes[..read]),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn write(
        &mut self,
        _: &Request<'_>,
        ino: u64,
        _fh: u64,
        offset: i64,
        data: &[u8],
        _write_flags: u32,
        _flags: i32,
        _lock_owner: Option<u64>,
        reply: ReplyWrite,
    ) {
        match self.disk.file(ino - FIRST_FILE).write_all_at(data, offset as u64) {
            Ok(()) => reply.written(data.len() as u32),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn fallocate(
        &mut self,
        _: &Request<'_>,
        ino: u64,
        _fh: u64,
        offset: i64,
        length: i64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        if mode != 0 {
            return reply.error(EPERM);
        }
        done(self.disk.file(ino - FIRST_FILE).allocate((offset + length) as u64), reply);
    }

    fn fsync(&mut self, _: &Request<'_>, ino: u64, _fh: u64, _datasync: bool, reply: ReplyEmpty) {
        // As a disk does, so that a power cut mostly comes while something is not flushed.
        std::thread::sleep(FLUSH_TIME);
        done(self.disk.file(ino - FIRST_FILE).sync_data(), reply);
    }

    fn fsyncdir(&mut self, _: &Request<'_>, _ino: u64, _fh: u64, _datasync: bool, reply: ReplyEmpty) {
        done(self.disk.sync_directory(Path::new(DIRECTORY)), reply);
    }

    fn flush(&mut self, _: &Request<'_>, _ino: u64, _fh: u64, _lock_owner: u64, reply: ReplyEmpty) {
        // Closing a file flushes nothing to the disk.
        reply.ok();
    }

    fn rename(
        &mut self,
        _: &Request<'_>,
        _parent: u64,
        name: &OsStr,
        _new_parent: u64,
        new_name: &OsStr,
        _flags: u32,
        reply: ReplyEmpty,
    ) {
        done(self.disk.rename(&path(name), &path(new_name)), reply);
    }

    fn unlink(&mut self, _: &Request<'_>, _parent: u64, name: &OsStr, reply: ReplyEmpty) {
        done(self.disk.remove(&path(name)), reply);
    }

    fn link(&mut self, _: &Request<'_>, ino: u64, _new_parent: u64, new_name: &OsStr, reply: ReplyEntry) {
        let linked = self.disk.name_of(ino - FIRST_FILE).and_then(|from| self.disk.link(&from, &path(new_name)));
        match linked.and_then(|()| self.entry(new_name)) {
            Ok(attributes) => reply.entry(&NO_CACHE, &attributes, 0),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn readdir(&mut self, _: &Request<'_>, _ino: u64, _fh: u64, offset: i64, mut reply: ReplyDirectory) {
        let names = match self.disk.list(Path::new(DIRECTORY)) {
            Ok(names) => names,
            Err(error) => return reply.error(errno(&error)),
        };
        for (number, name) in names.iter().enumerate().skip(offset as usize) {
            let Ok(file) = self.disk.number_of(&path(OsStr::new(name))) else { continue };
            if reply.add(file + FIRST_FILE, number as i64 + 1, FileType::RegularFile, name) {
                break;
            }
        }
        reply.ok();
    }
}
