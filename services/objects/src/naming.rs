//! Which files the rows of the index name.

use anabranch_control::{ControlStore, View};
use serde::Deserialize;

use crate::index::{BlobRef, OBJECTS, Object, PARTS, Part};

/// Which files the row of an object names.
#[derive(Deserialize)]
struct ObjectFiles {
    blobs: Vec<BlobRef>,
}

impl View for ObjectFiles {
    type Row = Object;
}

/// Which file the row of a part names.
#[derive(Deserialize)]
struct PartFile {
    blob: BlobRef,
}

impl View for PartFile {
    type Row = Part;
}

/// A row that names files that a change added.
#[derive(Debug, Clone)]
pub(crate) enum Naming {
    /// The object's, by its key in the index.
    Object(String),
    /// The part's, by its key in the index.
    Part(String),
}

impl Naming {
    /// Whether the row names the file `blob_id`.
    pub(crate) fn names(&self, index: &ControlStore, blob_id: &str) -> anabranch_control::Result<bool> {
        let files = match self {
            Self::Object(key) => index.get::<ObjectFiles>(OBJECTS, key)?.map_or(Vec::new(), |row| row.blobs),
            Self::Part(key) => index.get::<PartFile>(PARTS, key)?.map_or(Vec::new(), |row| vec![row.blob]),
        };
        Ok(files.iter().any(|file| file.id == blob_id))
    }
}
