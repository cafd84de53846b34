//! What is found in the directory at the start, compared with what the index names.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;

use anabranch_control::{STORE_ID_FILE, move_aside};
use uuid::Uuid;

use super::{Blobs, NEW_SUFFIX};

/// The files that the index names, and those that it says were removed.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// Ids as numbers, since there is one for every file: 16 bytes each.
    ids: Vec<u128>,
    removed: HashSet<String>,
}

/// How files and index fit together.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inventory {
    /// Files that nothing accounts for, which were moved aside.
    pub(crate) strays: u64,
    /// Files that rows name but that are missing.
    pub(crate) missing: u64,
}

impl Named {
    pub(crate) fn name(&mut self, id: &str) {
        self.ids.extend(Uuid::try_parse(id).map(|id| id.as_u128()));
    }

    pub(crate) fn remove(&mut self, id: String) {
        self.removed.insert(id);
    }
}

impl Blobs {
    /// Removes the subdirectories that hold nothing, so that a store without data has none to
    /// explain.
    pub(crate) fn prune(&self) {
        for number in 0..=u8::MAX {
            // One that holds something, or is not there, stays as it is.
            drop(fs::remove_dir(self.directory.join(format!("{number:02x}"))));
        }
    }

    /// Finishes what a crash interrupted, and moves what nothing accounts for to `strays`.
    pub(crate) fn take_inventory(&self, mut named: Named, strays: &Path) -> io::Result<Inventory> {
        named.ids.sort_unstable();
        named.ids.dedup();
        let mut found = 0;
        let mut inventory = Inventory::default();
        for shelf in fs::read_dir(&self.directory)? {
            let shelf = shelf?;
            if shelf.file_name() == STORE_ID_FILE {
                continue;
            }
            let name = shelf.file_name().to_string_lossy().into_owned();
            let is_shelf = name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !is_shelf || !shelf.file_type()?.is_dir() {
                inventory.strays += 1;
                move_aside(&shelf.path(), strays)?;
                continue;
            }
            for file in fs::read_dir(shelf.path())? {
                let file = file?;
                let name = file.file_name().to_string_lossy().into_owned();
                let (id, is_new) = name.strip_suffix(NEW_SUFFIX).map_or((name.as_str(), false), |id| (id, true));
                let number = Uuid::try_parse(id).map(|id| id.as_u128());
                let is_ours = number.is_ok() && file.path() == if is_new { self.new_path(id) } else { self.path(id) };
                let is_named = number.is_ok_and(|number| named.ids.binary_search(&number).is_ok());
                if is_ours && is_named {
                    found += 1;
                    if is_new {
                        fs::rename(file.path(), self.path(id))?;
                    }
                } else if is_ours && (is_new || named.removed.contains(id)) {
                    fs::remove_file(file.path())?;
                } else {
                    inventory.strays += 1;
                    move_aside(&file.path(), strays)?;
                }
            }
        }
        inventory.missing = (named.ids.len() as u64).saturating_sub(found);
        Ok(inventory)
    }
}
