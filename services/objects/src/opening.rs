//! What opening a store finds out: how index and files fit together, and what each bucket holds.
//! Rows are looked at one at a time.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::path::Path;

use anabranch_control::{Changes, ControlError, ControlStore, KeyOf, Marker, Table, View};
use serde::Deserialize;

use crate::blob::{Blobs, Inventory, Named};
use crate::index::{
    BUCKETS, BlobRef, Bucket, Entry, OBJECTS, OUTBOX, Object, PARTS, Part, REMOVED, UPLOADS, Upload, part_key,
    upload_id_of, upload_key_of_old,
};
use crate::stat::Counts;

/// Rows that are changed at a time while opening.
const CHANGES_MAX: usize = 1_000;

/// What is known about a store once it is open.
pub(crate) struct Opened {
    pub(crate) counts: BTreeMap<String, Counts>,
    pub(crate) inventory: Inventory,
    /// Above the numbers of all events that wait.
    pub(crate) sequence: u64,
}

#[derive(Deserialize)]
struct Sized {
    blobs: Vec<BlobRef>,
    size: u64,
}

impl View for Sized {
    type Row = Object;
}

#[derive(Deserialize)]
struct PartFile {
    number: i32,
    blob: BlobRef,
}

impl View for PartFile {
    type Row = Part;
}

/// Looks through the index, finishes what a crash interrupted, and moves files that nothing
/// explains to `strays`.
pub(crate) fn survey(index: &ControlStore, blobs: &Blobs, strays: &Path) -> Result<Opened, OpeningError> {
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    each(index, BUCKETS, |bucket, _: KeyOf<Bucket>| {
        counts.insert(bucket.to_string(), Counts::default());
    })?;
    let mut named = Named::default();
    each(index, OBJECTS, |key, object: Sized| {
        let count = counts.entry(key.split('/').next().unwrap_or_default().to_string()).or_default();
        count.objects += 1;
        count.bytes += object.size;
        object.blobs.iter().for_each(|blob| named.name(&blob.id));
    })?;
    let mut obsolete = Vec::new();
    let uploads = rename_uploads(index, &counts)?;
    each(index, PARTS, |key, part: PartFile| {
        let upload_id = key.split('/').next().unwrap_or_default();
        if uploads.contains(upload_id) {
            named.name(&part.blob.id);
        } else {
            obsolete.push((PARTS, part_key(upload_id, part.number)));
            named.remove(part.blob.id);
        }
    })?;
    each(index, REMOVED, |id, _: Marker| {
        obsolete.push((REMOVED, id.to_string()));
        named.remove(id.to_string());
    })?;
    let inventory = blobs.take_inventory(named, strays)?;
    for rows in obsolete.chunks(CHANGES_MAX) {
        let mut changes = Changes::default();
        rows.iter().for_each(|(table, key)| changes.delete(*table, key));
        index.commit(changes)?;
    }
    let mut sequence = 0;
    each(index, OUTBOX, |key, _: KeyOf<Entry>| {
        let number: Option<u64> = key.split('/').next().and_then(|number| number.parse().ok());
        sequence = sequence.max(number.map_or(0, |number| number + 1));
    })?;
    Ok(Opened { counts, inventory, sequence })
}

/// Why a store could not be examined.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpeningError {
    #[error(transparent)]
    Index(#[from] ControlError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

fn each<V: View>(index: &ControlStore, table: Table, mut look: impl FnMut(&str, V)) -> Result<(), ControlError> {
    index.visit(table, "", "", |key, value| {
        look(key, value);
        ControlFlow::Continue(())
    })
}

/// Brings the rows of uploads into the form of this version, and drops those whose bucket went
/// before them. Gives the ids of the others.
fn rename_uploads(index: &ControlStore, counts: &BTreeMap<String, Counts>) -> Result<HashSet<String>, ControlError> {
    let mut ids = HashSet::new();
    let mut stale = Vec::new();
    each(index, UPLOADS, |row, _: KeyOf<Upload>| {
        let bucket = row.split('/').next().unwrap_or_default();
        if counts.contains_key(bucket) {
            ids.insert(upload_id_of(row).to_string());
        }
        let renamed = upload_key_of_old(row);
        if renamed.is_some() || !counts.contains_key(bucket) {
            stale.push((row.to_string(), renamed.filter(|_| counts.contains_key(bucket))));
        }
    })?;
    for rows in stale.chunks(CHANGES_MAX) {
        let mut changes = Changes::default();
        for (row, renamed) in rows {
            changes.delete(UPLOADS, row);
            if let (Some(renamed), Some(upload)) = (renamed, index.get::<Upload>(UPLOADS, row)?) {
                changes.put(UPLOADS, renamed, &upload)?;
            }
        }
        index.commit(changes)?;
    }
    Ok(ids)
}
