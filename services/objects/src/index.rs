//! What the index holds, and under which keys.

use std::collections::BTreeMap;

use anabranch_control::{Stored, Table};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cors::CorsRule;
use crate::notification::Notifications;

/// Buckets by name.
pub(crate) const BUCKETS: Table = Table("buckets");
/// Objects by bucket and key, see [`object_key`].
pub(crate) const OBJECTS: Table = Table("objects");
/// Unfinished multipart uploads by bucket, key and id, see [`upload_key`].
pub(crate) const UPLOADS: Table = Table("uploads");
/// Parts of them by upload id and number.
pub(crate) const PARTS: Table = Table("parts");
/// Notifications that are not delivered yet.
pub(crate) const DELIVERIES: Table = Table("deliveries");
/// Notifications of earlier versions that are not delivered yet, by number.
pub(crate) const OUTBOX: Table = Table("outbox");
/// Ids of files that no row names any more and that may still be there.
pub(crate) const REMOVED: Table = Table("removed");

/// Characters of an upload id, all of them hexadecimal digits.
const UPLOAD_ID_LENGTH: usize = 32;

/// A bucket's name holds no slash, so this sorts objects by bucket, then key.
pub(crate) fn object_key(bucket: &str, key: &str) -> String {
    format!("{bucket}/{key}")
}

/// The key of an upload's row, or `None` if no upload has such an id. Since all ids have the same
/// length and no NUL in them, no two uploads share a row; NUL sorts uploads by key, then id.
pub(crate) fn upload_key(bucket: &str, key: &str, upload_id: &str) -> Option<String> {
    let is_id = upload_id.len() == UPLOAD_ID_LENGTH
        && upload_id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    is_id.then(|| format!("{bucket}/{key}\0{upload_id}"))
}

/// The id in the key of an upload's row.
pub(crate) fn upload_id_of(row: &str) -> &str {
    row.get(row.len().saturating_sub(UPLOAD_ID_LENGTH)..).unwrap_or_default()
}

/// The key of an upload's row from that of earlier versions, which had a slash before the id.
pub(crate) fn upload_key_of_old(row: &str) -> Option<String> {
    let (head, id) = row.split_at_checked(row.len().checked_sub(UPLOAD_ID_LENGTH)?)?;
    head.strip_suffix('/').map(|head| format!("{head}\0{id}"))
}

pub(crate) fn part_key(upload_id: &str, number: i32) -> String {
    format!("{upload_id}/{number:05}")
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Bucket {
    pub(crate) created_ms: u64,
    pub(crate) region: String,
    #[serde(default)]
    pub(crate) notifications: Notifications,
    #[serde(default)]
    pub(crate) cors: Vec<CorsRule>,
}

impl Stored for Bucket {
    const KIND: &'static str = "bucket";
    const VERSION: u32 = 2;

    /// Version 1 told functions only.
    fn migrate(_: u32, mut row: Value) -> serde_json::Result<Self> {
        let rules = row.pointer_mut("/notifications/rules").and_then(Value::as_array_mut);
        for rule in rules.into_iter().flatten().filter_map(Value::as_object_mut) {
            if let Some(arn) = rule.remove("function_arn") {
                rule.insert("target_arn".into(), arn);
            }
        }
        if let Some(notifications) = row.get_mut("notifications").and_then(Value::as_object_mut) {
            notifications.insert("event_bridge".into(), false.into());
        }
        serde_json::from_value(row)
    }
}

/// An object. Its bytes are those of its blobs, one after another.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Object {
    pub(crate) blobs: Vec<BlobRef>,
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) modified_ms: u64,
    pub(crate) headers: Headers,
    pub(crate) checksums: Checksums,
    /// Parts it was uploaded in, 0 if it was put whole.
    #[serde(default)]
    pub(crate) parts: usize,
}

impl Stored for Object {
    const KIND: &'static str = "object";
    const VERSION: u32 = 1;
}

/// A data file and its size.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BlobRef {
    pub(crate) id: String,
    pub(crate) size: u64,
}

/// Headers that are given back as they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Headers {
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) expires: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// Checksums the client sent, base64; verified when they came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checksums {
    pub(crate) crc32: Option<String>,
    pub(crate) crc32c: Option<String>,
    pub(crate) crc64nvme: Option<String>,
    pub(crate) sha1: Option<String>,
    pub(crate) sha256: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) initiated_ms: u64,
    pub(crate) headers: Headers,
}

impl Stored for Upload {
    const KIND: &'static str = "upload";
    const VERSION: u32 = 1;
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) number: i32,
    pub(crate) blob: BlobRef,
    pub(crate) etag: String,
    pub(crate) modified_ms: u64,
    pub(crate) checksums: Checksums,
}

impl Stored for Part {
    const KIND: &'static str = "part";
    const VERSION: u32 = 1;
}

/// A notification that waits, as earlier versions kept it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) target_arn: String,
    pub(crate) event: Value,
}

impl Stored for Entry {
    const KIND: &'static str = "outbox_entry";
    const VERSION: u32 = 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_uploads_share_a_row() {
        let id = "0123456789abcdef0123456789abcdef";
        let row = upload_key("bucket", "dir/f", id).unwrap();
        assert_eq!(upload_id_of(&row), id);
        assert_eq!(upload_key("bucket", "dir", &format!("f/{id}")), None);
        for wrong in [
            "",
            "0123456789abcdef0123456789abcde",
            "0123456789ABCDEF0123456789ABCDEF",
            "../../../../../../../../../../..",
        ] {
            assert_eq!(upload_key("bucket", "dir", wrong), None, "{wrong}");
        }
        assert!(upload_key("bucket", "a", id) < upload_key("bucket", "a!", id), "sorted by key");
        assert_eq!(upload_key_of_old(&format!("bucket/dir/f/{id}")), Some(row.clone()));
        assert_eq!(upload_key_of_old(&row), None, "already of this version");
    }

    const FIXTURES: &str = "tests/stored";

    fn headers() -> Headers {
        Headers {
            content_type: Some("text/plain".into()),
            content_encoding: Some("gzip".into()),
            content_disposition: Some("inline".into()),
            content_language: Some("en".into()),
            cache_control: Some("no-store".into()),
            expires: Some("Wed, 21 Oct 2026 07:28:00 GMT".into()),
            metadata: BTreeMap::from([("owner".into(), "clicks".into())]),
        }
    }

    fn checksums() -> Checksums {
        Checksums {
            crc32: Some("AAAAAA==".into()),
            crc32c: Some("AAAAAQ==".into()),
            crc64nvme: Some("AAAAAAAAAAA=".into()),
            sha1: Some("c2hhMQ==".into()),
            sha256: Some("c2hhMjU2".into()),
        }
    }

    fn blob(id: &str) -> BlobRef {
        BlobRef { id: id.into(), size: 5 }
    }

    #[test]
    fn buckets_of_every_version_are_read() {
        let rule = crate::notification::NotificationRule {
            id: "all".into(),
            target_arn: "arn:aws:sqs:us-east-1:000000000000:archive".into(),
            events: vec!["s3:ObjectCreated:*".into()],
            prefix: "raw/".into(),
            suffix: ".gz".into(),
        };
        let cors = CorsRule {
            id: Some("page".into()),
            allowed_origins: vec!["https://example.com".into()],
            allowed_methods: vec!["GET".into()],
            allowed_headers: vec!["*".into()],
            expose_headers: vec!["ETag".into()],
            max_age_s: Some(600),
        };
        let bucket = Bucket {
            created_ms: 1_772_730_249_000,
            region: "us-east-1".into(),
            notifications: Notifications { rules: vec![rule], event_bridge: true },
            cors: vec![cors],
        };
        anabranch_control::check_fixtures(FIXTURES, &[bucket]);
    }

    #[test]
    fn objects_uploads_and_parts_of_every_version_are_read() {
        let object = |parts, checksums, headers| Object {
            blobs: vec![blob("0a"), blob("0b")],
            size: 10,
            etag: "d41d8cd98f00b204e9800998ecf8427e-2".into(),
            modified_ms: 1_772_730_249_000,
            headers,
            checksums,
            parts,
        };
        let objects = [object(2, checksums(), headers()), object(0, Checksums::default(), Headers::default())];
        anabranch_control::check_fixtures(FIXTURES, &objects);
        let upload = Upload { key: "raw/a".into(), initiated_ms: 1_772_730_249_000, headers: headers() };
        anabranch_control::check_fixtures(FIXTURES, &[upload]);
        let part = Part {
            number: 1,
            blob: blob("0a"),
            etag: "d41d8cd98f00b204e9800998ecf8427e".into(),
            modified_ms: 1_772_730_249_000,
            checksums: checksums(),
        };
        anabranch_control::check_fixtures(FIXTURES, &[part]);
    }

    #[test]
    fn outbox_entries_of_every_version_are_read() {
        let entry = Entry {
            target_arn: "arn:aws:lambda:us-east-1:000000000000:function:archive".into(),
            event: serde_json::json!({ "Records": [] }),
        };
        anabranch_control::check_fixtures(FIXTURES, &[entry]);
    }
}
