//! The limit: nothing but `pwrite` and `fdatasync`, into a file written throughout before.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;

use crate::contender::{Batch, Contender, Opened};

const FILE_BYTES: u64 = 64 << 20;

/// One writer whatever the row asks for: it has no way to share a flush.
pub(crate) struct Bare;

struct Loop {
    file: File,
    /// Where the next write goes, and the buffer it is gathered in.
    next: Mutex<(u64, Vec<u8>)>,
}

impl Contender for Bare {
    fn name(&self) -> &'static str {
        "bare"
    }

    fn writers(&self, _asked: usize) -> usize {
        1
    }

    fn uses_files_again(&self) -> bool {
        true
    }

    fn open(&self, directory: &Path, _writers: usize) -> Box<dyn Opened> {
        let path = directory.join("bare");
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path).unwrap();
        file.set_len(FILE_BYTES).unwrap();
        Box::new(Loop { file, next: Mutex::default() })
    }
}

impl Opened for Loop {
    fn append(&self, _writer: usize, records: &Batch) {
        let (at, bytes) = &mut *self.next.lock().unwrap();
        bytes.clear();
        records.iter().for_each(|record| bytes.extend_from_slice(record));
        if *at + bytes.len() as u64 > FILE_BYTES {
            *at = 0;
        }
        self.file.write_all_at(bytes, *at).unwrap();
        self.file.sync_data().unwrap();
        *at += bytes.len() as u64;
    }
}
