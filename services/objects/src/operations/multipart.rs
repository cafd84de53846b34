//! CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload, ListParts,
//! ListMultipartUploads.

use anabranch_control::Changes;
use md5::{Digest, Md5};
use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};
use uuid::Uuid;

use super::buckets::timestamp;
use super::objects::{announced, verify};
use crate::aws_chunked::Trailers;
use crate::blob::{check_md5, hex};
use crate::error::index_failure;
use crate::index::{Checksums, Headers, Object, PARTS, Part as StoredPart, UPLOADS, Upload, part_key, upload_key};
use crate::store::{Conditions, Objects};

/// Least size of all parts but the last (S3 User Guide, "Multipart upload limits").
const PART_BYTES_MIN: u64 = 5 << 20;
const PARTS_MAX: i32 = 10_000;

pub(super) async fn create_multipart_upload(
    objects: &Objects,
    input: CreateMultipartUploadInput,
) -> S3Result<CreateMultipartUploadOutput> {
    objects.bucket(&input.bucket).await?;
    let upload_id = Uuid::new_v4().simple().to_string();
    let upload = Upload {
        key: input.key.clone(),
        initiated_ms: objects.clock.now_ms(),
        headers: Headers {
            content_type: input.content_type,
            content_encoding: input.content_encoding,
            content_disposition: input.content_disposition,
            content_language: input.content_language,
            cache_control: input.cache_control,
            expires: None,
            metadata: input.metadata.unwrap_or_default().into_iter().collect(),
        },
    };
    let row = upload_key(&input.bucket, &input.key, &upload_id);
    objects.blocking(move |objects| objects.index.put(UPLOADS, &row, &upload)).await.map_err(index_failure)?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(upload_id),
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: input.checksum_type,
        ..Default::default()
    })
}

async fn upload(objects: &Objects, bucket: &str, key: &str, upload_id: &str) -> S3Result<Upload> {
    let row = upload_key(bucket, key, upload_id);
    let found = objects.blocking(move |objects| objects.index.get(UPLOADS, &row)).await.map_err(index_failure)?;
    found.ok_or_else(|| {
        s3_error!(
            NoSuchUpload,
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
        )
    })
}

async fn parts(objects: &Objects, upload_id: &str) -> S3Result<Vec<StoredPart>> {
    let prefix = format!("{upload_id}/");
    let rows = objects.blocking(move |objects| objects.index.scan(PARTS, &prefix)).await.map_err(index_failure)?;
    Ok(rows.into_iter().map(|(_, part)| part).collect())
}

pub(super) async fn upload_part(objects: &Objects, request: S3Request<UploadPartInput>) -> S3Result<UploadPartOutput> {
    let trailers = request.extensions.get::<Trailers>().cloned();
    let input = request.input;
    upload(objects, &input.bucket, &input.key, &input.upload_id).await?;
    if !(1..=PARTS_MAX).contains(&input.part_number) {
        return Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and {PARTS_MAX}, inclusive"));
    }
    let body = input.body.unwrap_or_else(|| StreamingBlob::from(s3s::Body::empty()));
    let sent = Checksums {
        crc32: input.checksum_crc32,
        crc32c: input.checksum_crc32c,
        crc64nvme: input.checksum_crc64nvme,
        sha1: input.checksum_sha1,
        sha256: input.checksum_sha256,
    };
    let expected = announced(sent, input.checksum_algorithm.as_ref(), trailers.as_ref());
    let written = objects.blobs.write(body, &expected).await?;
    let checked = check_md5(input.content_md5.as_deref(), &written.md5)
        .and_then(|()| verify(&expected, &written.checksums, trailers.as_ref()));
    if let Err(error) = checked {
        objects.blobs.remove(&written.blob.id);
        return Err(error);
    }
    let etag = hex(&written.md5);
    let part = StoredPart {
        number: input.part_number,
        blob: written.blob,
        etag: etag.clone(),
        modified_ms: objects.clock.now_ms(),
        checksums: written.checksums.clone(),
    };
    let row = part_key(&input.upload_id, input.part_number);
    let replaced = objects
        .blocking(move |objects| {
            let before: Option<StoredPart> = objects.index.get(PARTS, &row)?;
            objects.index.put(PARTS, &row, &part)?;
            Ok::<_, anabranch_control::ControlError>(before)
        })
        .await
        .map_err(index_failure)?;
    if let Some(replaced) = replaced {
        objects.blobs.remove(&replaced.blob.id);
    }
    Ok(UploadPartOutput {
        e_tag: Some(ETag::Strong(etag)),
        checksum_crc32: written.checksums.crc32,
        checksum_crc32c: written.checksums.crc32c,
        checksum_crc64nvme: written.checksums.crc64nvme,
        checksum_sha1: written.checksums.sha1,
        checksum_sha256: written.checksums.sha256,
        ..Default::default()
    })
}

pub(super) async fn complete_multipart_upload(
    objects: &Objects,
    input: CompleteMultipartUploadInput,
) -> S3Result<CompleteMultipartUploadOutput> {
    let pending = upload(objects, &input.bucket, &input.key, &input.upload_id).await?;
    let stored = parts(objects, &input.upload_id).await?;
    let named = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    if named.is_empty() {
        return Err(s3_error!(MalformedXML, "You must specify at least one part"));
    }
    let mut chosen: Vec<&StoredPart> = Vec::with_capacity(named.len());
    for part in &named {
        let number = part.part_number.unwrap_or(0);
        if chosen.last().is_some_and(|last| last.number >= number) {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. The parts list must be specified in order by part number."
            ));
        }
        let found = stored.iter().find(|stored| {
            stored.number == number && part.e_tag.as_ref().is_none_or(|etag| etag.value() == stored.etag)
        });
        chosen.push(found.ok_or_else(|| {
            s3_error!(
                InvalidPart,
                "One or more of the specified parts could not be found. The part may not have been uploaded, or the \
                 specified entity tag may not match the part's entity tag."
            )
        })?);
    }
    if chosen[..chosen.len() - 1].iter().any(|part| part.blob.size < PART_BYTES_MIN) {
        return Err(s3_error!(EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size"));
    }
    let etag = etag_of(&chosen);
    let object = Object {
        size: chosen.iter().map(|part| part.blob.size).sum(),
        blobs: chosen.iter().map(|part| part.blob.clone()).collect(),
        etag: etag.clone(),
        modified_ms: objects.clock.now_ms(),
        headers: pending.headers,
        checksums: Checksums::default(),
        parts: chosen.len(),
    };
    let mut changes = Changes::default();
    changes.delete(UPLOADS, &upload_key(&input.bucket, &input.key, &input.upload_id));
    stored.iter().for_each(|part| changes.delete(PARTS, &part_key(&input.upload_id, part.number)));
    let conditions = Conditions { if_match: input.if_match, if_none_match: input.if_none_match };
    let event = "ObjectCreated:CompleteMultipartUpload";
    objects.commit(&input.bucket, &input.key, object, event, changes, &conditions).await?;
    let unused = stored.iter().filter(|part| chosen.iter().all(|chosen| chosen.number != part.number));
    unused.for_each(|part| objects.blobs.remove(&part.blob.id));
    Ok(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(ETag::Strong(etag)),
        ..Default::default()
    })
}

/// The MD5 of the parts' MD5s, and their number.
fn etag_of(parts: &[&StoredPart]) -> String {
    let mut md5 = Md5::new();
    for part in parts {
        let bytes: Vec<u8> = (0..part.etag.len() / 2)
            .filter_map(|at| u8::from_str_radix(part.etag.get(at * 2..at * 2 + 2)?, 16).ok())
            .collect();
        md5.update(&bytes);
    }
    format!("{}-{}", hex(&md5.finalize()), parts.len())
}

pub(super) async fn abort_multipart_upload(objects: &Objects, input: AbortMultipartUploadInput) -> S3Result<()> {
    upload(objects, &input.bucket, &input.key, &input.upload_id).await?;
    let stored = parts(objects, &input.upload_id).await?;
    let mut changes = Changes::default();
    changes.delete(UPLOADS, &upload_key(&input.bucket, &input.key, &input.upload_id));
    stored.iter().for_each(|part| changes.delete(PARTS, &part_key(&input.upload_id, part.number)));
    objects.blocking(move |objects| objects.index.commit(changes)).await.map_err(index_failure)?;
    stored.iter().for_each(|part| objects.blobs.remove(&part.blob.id));
    Ok(())
}

pub(super) async fn list_parts(objects: &Objects, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    upload(objects, &input.bucket, &input.key, &input.upload_id).await?;
    let after = input.part_number_marker.as_ref().map_or(0, |marker| marker.to_string().parse().unwrap_or(0));
    let limit = input.max_parts.map_or(1000, |limit| limit.clamp(0, 1000) as usize);
    let all = parts(objects, &input.upload_id).await?;
    let mut rest = all.into_iter().filter(|part| part.number > after);
    let page: Vec<Part> = rest
        .by_ref()
        .take(limit)
        .map(|part| Part {
            part_number: Some(part.number),
            e_tag: Some(ETag::Strong(part.etag)),
            size: Some(part.blob.size as i64),
            last_modified: Some(timestamp(part.modified_ms)),
            checksum_crc32: part.checksums.crc32,
            checksum_crc32c: part.checksums.crc32c,
            checksum_crc64nvme: part.checksums.crc64nvme,
            checksum_sha1: part.checksums.sha1,
            checksum_sha256: part.checksums.sha256,
        })
        .collect();
    let is_truncated = rest.next().is_some();
    Ok(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        max_parts: Some(limit as i32),
        is_truncated: Some(is_truncated),
        parts: Some(page),
        ..Default::default()
    })
}

pub(super) async fn list_multipart_uploads(
    objects: &Objects,
    input: ListMultipartUploadsInput,
) -> S3Result<ListMultipartUploadsOutput> {
    objects.bucket(&input.bucket).await?;
    let prefix = format!("{}/{}", input.bucket, input.prefix.as_deref().unwrap_or_default());
    let rows: Vec<(String, Upload)> =
        objects.blocking(move |objects| objects.index.scan(UPLOADS, &prefix)).await.map_err(index_failure)?;
    let uploads = rows
        .into_iter()
        .map(|(row, upload)| MultipartUpload {
            key: Some(upload.key),
            upload_id: row.rsplit('/').next().map(str::to_string),
            initiated: Some(timestamp(upload.initiated_ms)),
            ..Default::default()
        })
        .collect();
    Ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: input.prefix,
        is_truncated: Some(false),
        uploads: Some(uploads),
        ..Default::default()
    })
}
