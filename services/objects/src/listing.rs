//! ListObjectsV2, ListObjects and ListMultipartUploads: pages of keys, with common prefixes rolled up.

use std::ops::ControlFlow;

use anabranch_control::{ControlStore, Result, Table, View};
use base64_simd::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::*;
use s3s::{S3Result, s3_error};
use serde::Deserialize;

use crate::answer::timestamp;
use crate::error::index_failure;
use crate::index::{self, OBJECTS, UPLOADS, object_key, upload_id_of};
use crate::store::Objects;

/// `encoding-type=url` escapes all but these.
const URL_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
/// Keys, uploads and common prefixes in one answer of a listing.
const PAGE_MAX: usize = 1_000;

/// What is listed of an object; where its bytes are is never read.
#[derive(Deserialize)]
struct Listed {
    size: u64,
    etag: String,
    modified_ms: u64,
}

impl View for Listed {
    type Row = index::Object;
}

/// What is listed of an upload.
#[derive(Deserialize)]
struct ListedUpload {
    initiated_ms: u64,
}

impl View for ListedUpload {
    type Row = index::Upload;
}

/// One entry: the key, the key of its row, and what is listed of it.
struct Entry<V> {
    key: String,
    row: String,
    value: V,
}

struct Page<V> {
    entries: Vec<Entry<V>>,
    prefixes: Vec<String>,
    /// The last key or prefix listed, if there is more.
    more_after: Option<String>,
}

struct Query {
    table: Table,
    bucket: String,
    prefix: String,
    delimiter: Option<String>,
    /// The key of the row to begin at, and the common prefix that was listed last.
    from: String,
    listed: Option<String>,
    limit: usize,
}

impl Query {
    fn new(table: Table, bucket: &str, prefix: Option<&str>, delimiter: Option<&str>, limit: usize) -> Self {
        Self {
            table,
            bucket: bucket.into(),
            prefix: prefix.unwrap_or_default().into(),
            delimiter: delimiter.filter(|delimiter| !delimiter.is_empty()).map(str::to_string),
            from: String::new(),
            listed: None,
            limit,
        }
    }

    /// Begins after the key or common prefix `after`; `row_behind` is the first row after the key.
    fn after(mut self, after: Option<&str>, row_behind: impl Fn(String) -> String) -> Self {
        let Some(after) = after else { return self };
        // A page may end with a common prefix; then everything under it is done.
        if self.group_of(after).as_deref() == Some(after) {
            self.from = self.behind(after);
            self.listed = Some(after.to_string());
        } else {
            self.from = row_behind(object_key(&self.bucket, after));
        }
        self
    }

    /// The common prefix under which a key is listed.
    fn group_of(&self, key: &str) -> Option<String> {
        let (delimiter, rest) = (self.delimiter.as_ref()?, key.strip_prefix(&self.prefix)?);
        rest.find(delimiter).map(|at| key[..self.prefix.len() + at + delimiter.len()].to_string())
    }

    /// Past all but the oddest rows under a common prefix; the rest are skipped one by one.
    fn behind(&self, group: &str) -> String {
        format!("{}{}", object_key(&self.bucket, group), char::MAX)
    }

    /// Reads no more rows than it lists.
    fn page<V: View>(mut self, index: &ControlStore, key_of: fn(&str) -> &str) -> Result<Page<V>> {
        let mut page = Page { entries: Vec::new(), prefixes: Vec::new(), more_after: None };
        let scan_prefix = object_key(&self.bucket, &self.prefix);
        let mut last = None;
        loop {
            let mut group = None;
            index.visit(self.table, &scan_prefix, &self.from, |row, value: V| {
                let key = key_of(&row[self.bucket.len() + 1..]);
                let found = self.group_of(key);
                if found.is_some() && found == self.listed {
                    return ControlFlow::Continue(());
                }
                if page.entries.len() + page.prefixes.len() >= self.limit {
                    page.more_after = last.take();
                    return ControlFlow::Break(());
                }
                last = Some(found.clone().unwrap_or_else(|| key.to_string()));
                if found.is_some() {
                    group = found;
                    return ControlFlow::Break(());
                }
                page.entries.push(Entry { key: key.to_string(), row: row.to_string(), value });
                ControlFlow::Continue(())
            })?;
            let Some(group) = group else { return Ok(page) };
            self.from = self.behind(&group);
            self.listed = Some(group.clone());
            page.prefixes.push(group);
        }
    }
}

async fn page<V: View + Send + 'static>(
    objects: &Objects,
    query: Query,
    key_of: fn(&str) -> &str,
) -> S3Result<Page<V>> {
    objects.bucket(&query.bucket).await?;
    objects.blocking(move |objects| query.page(&objects.index, key_of)).await.map_err(index_failure)
}

async fn objects_page(
    objects: &Objects,
    bucket: &str,
    prefix: Option<&str>,
    delimiter: Option<&str>,
    after: Option<&str>,
    limit: usize,
) -> S3Result<Page<Listed>> {
    let query = Query::new(OBJECTS, bucket, prefix, delimiter, limit).after(after, |row| row + "\0");
    page(objects, query, |key| key).await
}

fn encode(text: String, encoding: Option<&EncodingType>) -> String {
    match encoding.map(EncodingType::as_str) {
        Some("url") => utf8_percent_encode(&text, URL_ESCAPES).to_string(),
        _ => text,
    }
}

fn contents(page: Vec<Entry<Listed>>, encoding: Option<&EncodingType>, owner: Option<&Owner>) -> Vec<Object> {
    let entry = |entry: Entry<Listed>| Object {
        key: Some(encode(entry.key, encoding)),
        e_tag: Some(ETag::Strong(entry.value.etag)),
        size: Some(entry.value.size as i64),
        last_modified: Some(timestamp(entry.value.modified_ms)),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        owner: owner.cloned(),
        ..Default::default()
    };
    page.into_iter().map(entry).collect()
}

fn common_prefixes(prefixes: Vec<String>, encoding: Option<&EncodingType>) -> Vec<CommonPrefix> {
    prefixes.into_iter().map(|prefix| CommonPrefix { prefix: Some(encode(prefix, encoding)) }).collect()
}

/// How many entries a request gets that asks for `asked`.
pub(crate) fn limit(asked: Option<i32>, argument: &str, page_max: usize) -> S3Result<usize> {
    match asked.map(usize::try_from) {
        None => Ok(page_max),
        Some(Ok(asked)) => Ok(asked.min(page_max)),
        Some(Err(_)) => {
            Err(s3_error!(InvalidArgument, "Argument {argument} must be an integer between 0 and 2147483647"))
        }
    }
}

/// Who owns everything.
pub(crate) fn owner() -> Owner {
    Owner { display_name: Some("anabranch".into()), id: Some("000000000000".into()) }
}

/// The token for what comes after `name`.
pub(crate) fn token_after(name: String) -> String {
    STANDARD.encode_to_string(name)
}

/// What a token that a client gives back goes on after.
pub(crate) fn after_token(token: &str) -> S3Result<String> {
    let text = STANDARD.decode_to_vec(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))
}

pub(crate) async fn list_objects_v2(objects: &Objects, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let limit = limit(input.max_keys, "max-keys", PAGE_MAX)?;
    let token = input.continuation_token.as_deref().map(after_token).transpose()?;
    let after = token.as_deref().or(input.start_after.as_deref());
    let (prefix, delimiter) = (input.prefix.as_deref(), input.delimiter.as_deref());
    let page = objects_page(objects, &input.bucket, prefix, delimiter, after, limit).await?;
    let owner = input.fetch_owner.unwrap_or(false).then(owner);
    let encoding = input.encoding_type.as_ref();
    Ok(ListObjectsV2Output {
        key_count: Some((page.entries.len() + page.prefixes.len()) as i32),
        contents: Some(contents(page.entries, encoding, owner.as_ref())),
        common_prefixes: Some(common_prefixes(page.prefixes, encoding)),
        is_truncated: Some(page.more_after.is_some()),
        next_continuation_token: page.more_after.map(token_after),
        name: Some(input.bucket),
        prefix: Some(encode(input.prefix.unwrap_or_default(), encoding)),
        max_keys: Some(limit as i32),
        continuation_token: input.continuation_token,
        delimiter: input.delimiter.map(|delimiter| encode(delimiter, encoding)),
        start_after: input.start_after.map(|after| encode(after, encoding)),
        encoding_type: input.encoding_type,
        ..Default::default()
    })
}

pub(crate) async fn list_objects(objects: &Objects, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
    let limit = limit(input.max_keys, "max-keys", PAGE_MAX)?;
    let marker = input.marker.as_deref().filter(|marker| !marker.is_empty());
    let (prefix, delimiter) = (input.prefix.as_deref(), input.delimiter.as_deref());
    let page = objects_page(objects, &input.bucket, prefix, delimiter, marker, limit).await?;
    let encoding = input.encoding_type.as_ref();
    Ok(ListObjectsOutput {
        contents: Some(contents(page.entries, encoding, None)),
        common_prefixes: Some(common_prefixes(page.prefixes, encoding)),
        is_truncated: Some(page.more_after.is_some()),
        // Without a delimiter clients take the last key themselves.
        next_marker: page.more_after.filter(|_| input.delimiter.is_some()).map(|after| encode(after, encoding)),
        name: Some(input.bucket),
        prefix: Some(encode(input.prefix.unwrap_or_default(), encoding)),
        marker: Some(encode(input.marker.unwrap_or_default(), encoding)),
        max_keys: Some(limit as i32),
        delimiter: input.delimiter.map(|delimiter| encode(delimiter, encoding)),
        encoding_type: input.encoding_type,
        ..Default::default()
    })
}

pub(crate) async fn list_multipart_uploads(
    objects: &Objects,
    input: ListMultipartUploadsInput,
) -> S3Result<ListMultipartUploadsOutput> {
    let limit = limit(input.max_uploads, "max-uploads", PAGE_MAX)?;
    let key_marker = input.key_marker.as_deref().filter(|marker| !marker.is_empty());
    let id_marker = input.upload_id_marker.as_deref().filter(|marker| !marker.is_empty());
    // Ids are hexadecimal, so this is past all of a key's uploads, or past the marker's.
    let row_behind = |row: String| match id_marker {
        None => row + "\0g",
        Some(id) => format!("{row}\0{id}\0"),
    };
    let query = Query::new(UPLOADS, &input.bucket, input.prefix.as_deref(), input.delimiter.as_deref(), limit);
    let query = query.after(key_marker, row_behind);
    let page = page::<ListedUpload>(objects, query, |row| row.rsplit_once('\0').map_or(row, |(key, _)| key)).await?;
    let encoding = input.encoding_type.as_ref();
    let last_id = match (&page.more_after, page.entries.last()) {
        (Some(after), Some(last)) if *after == last.key => Some(upload_id_of(&last.row).to_string()),
        _ => None,
    };
    let upload = |entry: Entry<ListedUpload>| MultipartUpload {
        upload_id: Some(upload_id_of(&entry.row).to_string()),
        key: Some(encode(entry.key, encoding)),
        initiated: Some(timestamp(entry.value.initiated_ms)),
        ..Default::default()
    };
    Ok(ListMultipartUploadsOutput {
        uploads: Some(page.entries.into_iter().map(upload).collect()),
        common_prefixes: Some(common_prefixes(page.prefixes, encoding)),
        is_truncated: Some(page.more_after.is_some()),
        next_key_marker: page.more_after.map(|after| encode(after, encoding)),
        next_upload_id_marker: last_id,
        bucket: Some(input.bucket),
        prefix: input.prefix.map(|prefix| encode(prefix, encoding)),
        key_marker: Some(encode(input.key_marker.unwrap_or_default(), encoding)),
        upload_id_marker: input.upload_id_marker,
        max_uploads: Some(limit as i32),
        delimiter: input.delimiter.map(|delimiter| encode(delimiter, encoding)),
        encoding_type: input.encoding_type,
        ..Default::default()
    })
}
