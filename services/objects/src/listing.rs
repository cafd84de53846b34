//! ListObjectsV2 and ListObjects: pages of keys, with common prefixes rolled up.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::*;
use s3s::{S3Result, s3_error};

use crate::error::index_failure;
use crate::index::{OBJECTS, Object as Stored, object_key};
use crate::operations::timestamp;
use crate::store::Objects;

/// `encoding-type=url` escapes all but these.
const URL_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
const PAGE_MAX: usize = 1000;

struct Page {
    contents: Vec<(String, Stored)>,
    prefixes: Vec<String>,
    /// The last key or prefix listed, if there is more.
    more_after: Option<String>,
}

struct Query<'a> {
    bucket: &'a str,
    prefix: &'a str,
    delimiter: Option<&'a str>,
    after: Option<&'a str>,
    limit: usize,
}

async fn page(objects: &Objects, query: Query<'_>) -> S3Result<Page> {
    objects.bucket(query.bucket).await?;
    let mut page = Page { contents: Vec::new(), prefixes: Vec::new(), more_after: None };
    let scan_prefix = object_key(query.bucket, query.prefix);
    let delimiter = query.delimiter.filter(|delimiter| !delimiter.is_empty());
    let group_of = |key: &str| {
        let (delimiter, rest) = (delimiter?, key.get(query.prefix.len()..)?);
        rest.find(delimiter).map(|at| key[..query.prefix.len() + at + delimiter.len()].to_string())
    };
    // A page may end with a common prefix; then everything under it is behind us.
    let mut from = match query.after {
        Some(after) if group_of(after).as_deref() == Some(after) => behind_prefix(query.bucket, after),
        Some(after) => object_key(query.bucket, after) + "\0",
        None => scan_prefix.clone(),
    };
    let mut last = None;
    loop {
        let (prefix, begin) = (scan_prefix.clone(), from.clone());
        let rows: Vec<(String, Stored)> = objects
            .blocking(move |objects| objects.index.scan_from(OBJECTS, &prefix, &begin, PAGE_MAX))
            .await
            .map_err(index_failure)?;
        let is_last = rows.len() < PAGE_MAX;
        let mut jumped = false;
        for (row, object) in rows {
            let key = row[query.bucket.len() + 1..].to_string();
            if page.contents.len() + page.prefixes.len() >= query.limit {
                page.more_after = last;
                return Ok(page);
            }
            match group_of(&key) {
                Some(group) => {
                    from = behind_prefix(query.bucket, &group);
                    last = Some(group.clone());
                    page.prefixes.push(group);
                    jumped = true;
                    break;
                }
                None => {
                    from = row + "\0";
                    last = Some(key.clone());
                    page.contents.push((key, object));
                }
            }
        }
        if is_last && !jumped {
            return Ok(page);
        }
    }
}

/// The first index key that does not start with the prefix.
fn behind_prefix(bucket: &str, prefix: &str) -> String {
    format!("{}{}", object_key(bucket, prefix), char::MAX)
}

fn encode(text: String, encoding: Option<&EncodingType>) -> String {
    match encoding.map(EncodingType::as_str) {
        Some("url") => utf8_percent_encode(&text, URL_ESCAPES).to_string(),
        _ => text,
    }
}

fn contents(page: Vec<(String, Stored)>, encoding: Option<&EncodingType>, owner: Option<&Owner>) -> Vec<Object> {
    let entry = |(key, object): (String, Stored)| Object {
        key: Some(encode(key, encoding)),
        e_tag: Some(ETag::Strong(object.etag)),
        size: Some(object.size as i64),
        last_modified: Some(timestamp(object.modified_ms)),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        owner: owner.cloned(),
        ..Default::default()
    };
    page.into_iter().map(entry).collect()
}

fn common_prefixes(prefixes: Vec<String>, encoding: Option<&EncodingType>) -> Vec<CommonPrefix> {
    prefixes.into_iter().map(|prefix| CommonPrefix { prefix: Some(encode(prefix, encoding)) }).collect()
}

fn limit(max_keys: Option<i32>) -> S3Result<usize> {
    match max_keys {
        None => Ok(PAGE_MAX),
        Some(keys) if keys < 0 => {
            Err(s3_error!(InvalidArgument, "Argument maxKeys must be an integer between 0 and 2147483647"))
        }
        Some(keys) => Ok((keys as usize).min(PAGE_MAX)),
    }
}

pub(crate) async fn list_objects_v2(objects: &Objects, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let limit = limit(input.max_keys)?;
    let token = match &input.continuation_token {
        Some(token) => {
            let text = STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            Some(text.ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))?)
        }
        None => None,
    };
    let query = Query {
        bucket: &input.bucket,
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref(),
        after: token.as_deref().or(input.start_after.as_deref()),
        limit,
    };
    let page = page(objects, query).await?;
    let owner = input
        .fetch_owner
        .unwrap_or(false)
        .then(|| Owner { display_name: Some("anabranch".into()), id: Some("000000000000".into()) });
    let encoding = input.encoding_type.as_ref();
    Ok(ListObjectsV2Output {
        key_count: Some((page.contents.len() + page.prefixes.len()) as i32),
        contents: Some(contents(page.contents, encoding, owner.as_ref())),
        common_prefixes: Some(common_prefixes(page.prefixes, encoding)),
        is_truncated: Some(page.more_after.is_some()),
        next_continuation_token: page.more_after.map(|after| STANDARD.encode(after)),
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
    let limit = limit(input.max_keys)?;
    let query = Query {
        bucket: &input.bucket,
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref(),
        after: input.marker.as_deref().filter(|marker| !marker.is_empty()),
        limit,
    };
    let page = page(objects, query).await?;
    let encoding = input.encoding_type.as_ref();
    Ok(ListObjectsOutput {
        contents: Some(contents(page.contents, encoding, None)),
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
