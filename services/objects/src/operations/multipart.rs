//! CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload, ListParts,
//! ListMultipartUploads.

use std::ops::ControlFlow;

use anabranch_control::ControlError;
use md5::{Digest, Md5};
use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};
use uuid::Uuid;

use super::objects::{incoming, verify};
use crate::answer::timestamp;
use crate::aws_chunked::Trailers;
use crate::blob::hex;
use crate::commit::Transaction;
use crate::conditions::Conditions;
use crate::error::{index_failure, no_upload};
use crate::index::{
    Checksums, Headers, Object, PARTS, Part as StoredPart, UPLOADS, Upload, object_key, part_key, upload_key,
};
use crate::limits::PARTS_MAX;
use crate::locks::Scope;
use crate::naming::Naming;
use crate::store::Objects;

/// Least size of all parts but the last (S3 User Guide, "Multipart upload limits").
const PART_BYTES_MIN: u64 = 5 << 20;
/// Parts in an answer of ListParts.
const PARTS_PAGE_MAX: usize = 1_000;

pub(super) async fn create_multipart_upload(
    objects: &Objects,
    input: CreateMultipartUploadInput,
) -> S3Result<CreateMultipartUploadOutput> {
    let upload_id = Uuid::new_v4().simple().to_string();
    let row = upload_key(&input.bucket, &input.key, &upload_id).ok_or_else(no_upload)?;
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
    let bucket = input.bucket.clone();
    let begin = move |change: &mut Transaction<'_>| {
        change.bucket(&bucket)?;
        change.rows().put(UPLOADS, &row, &upload).map_err(index_failure)
    };
    objects.change(Scope::within(&input.bucket), begin).await?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(upload_id),
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: input.checksum_type,
        ..Default::default()
    })
}

/// The key of the row of an upload that is not ended, as far as is known before a change.
async fn pending(objects: &Objects, bucket: &str, key: &str, upload_id: &str) -> S3Result<String> {
    objects.bucket(bucket).await?;
    let row = upload_key(bucket, key, upload_id).ok_or_else(no_upload)?;
    objects.upload(row.clone()).await?;
    Ok(row)
}

/// The upload; nobody else ends it or adds to it while `change` holds its lock.
fn upload_of(change: &Transaction<'_>, row: &str) -> S3Result<Upload> {
    change.index().get(UPLOADS, row).map_err(index_failure)?.ok_or_else(no_upload)
}

pub(super) async fn upload_part(objects: &Objects, request: S3Request<UploadPartInput>) -> S3Result<UploadPartOutput> {
    let trailers = request.extensions.get::<Trailers>().cloned();
    let input = request.input;
    let row = pending(objects, &input.bucket, &input.key, &input.upload_id).await?;
    if !(1..=PARTS_MAX).contains(&usize::try_from(input.part_number).unwrap_or(0)) {
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
    let incoming = incoming(sent, input.content_length, input.checksum_algorithm.as_ref(), trailers.as_ref())?;
    let written = objects.write(body, &incoming).await?;
    verify(input.content_md5.as_deref(), &incoming.checksums, &written, trailers.as_ref())?;
    let part = StoredPart {
        number: input.part_number,
        blob: written.blob.clone(),
        etag: hex(&written.md5),
        modified_ms: objects.clock.now_ms(),
        checksums: written.checksums.clone(),
    };
    let (etag, checksums) = (part.etag.clone(), part.checksums.clone());
    let part_row = part_key(&input.upload_id, input.part_number);
    let scope = Scope::within(&input.bucket).of_upload(&row);
    let put = move |change: &mut Transaction<'_>| {
        upload_of(change, &row)?;
        let before: Option<StoredPart> = change.index().get(PARTS, &part_row).map_err(index_failure)?;
        change.rows().put(PARTS, &part_row, &part).map_err(index_failure)?;
        change.add(Naming::Part(part_row), written);
        before.map_or(Ok(()), |before| change.remove(vec![before.blob]))
    };
    objects.change(scope, put).await?;
    Ok(UploadPartOutput {
        e_tag: Some(ETag::Strong(etag)),
        checksum_crc32: checksums.crc32,
        checksum_crc32c: checksums.crc32c,
        checksum_crc64nvme: checksums.crc64nvme,
        checksum_sha1: checksums.sha1,
        checksum_sha256: checksums.sha256,
        ..Default::default()
    })
}

pub(super) async fn complete_multipart_upload(
    objects: &Objects,
    input: CompleteMultipartUploadInput,
) -> S3Result<CompleteMultipartUploadOutput> {
    let row = pending(objects, &input.bucket, &input.key, &input.upload_id).await?;
    let named = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    if named.is_empty() || named.len() > PARTS_MAX {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    let conditions = Conditions { if_match: input.if_match, if_none_match: input.if_none_match };
    let scope = Scope::within(&input.bucket).of_object(&object_key(&input.bucket, &input.key)).of_upload(&row);
    let (bucket, key, upload_id) = (input.bucket.clone(), input.key.clone(), input.upload_id);
    let complete = move |change: &mut Transaction<'_>| {
        let upload = upload_of(change, &row)?;
        let stored = change.parts(&upload_id)?;
        let chosen = choose(&named, &stored)?;
        let size = chosen.iter().map(|part| part.blob.size).sum();
        if input.mpu_object_size.is_some_and(|announced| announced as u64 != size) {
            return Err(s3_error!(
                InvalidRequest,
                "The provided 'x-amz-mp-object-size' header value does not match what was computed."
            ));
        }
        let object = Object {
            size,
            blobs: chosen.iter().map(|part| part.blob.clone()).collect(),
            etag: etag_of(&chosen),
            modified_ms: change.now_ms(),
            headers: upload.headers,
            checksums: Checksums::default(),
            parts: chosen.len(),
        };
        let event = "ObjectCreated:CompleteMultipartUpload";
        change.set_object(&bucket, &key, Some(&object), event, &conditions)?;
        let numbers: Vec<i32> = chosen.iter().map(|part| part.number).collect();
        change.end_upload(&row, stored, |number| numbers.binary_search(&number).is_ok())?;
        Ok(object.etag)
    };
    let etag = objects.change(scope, complete).await?;
    Ok(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(ETag::Strong(etag)),
        ..Default::default()
    })
}

/// The stored parts that a completion names. `stored` is sorted by number.
fn choose<'a>(named: &[CompletedPart], stored: &'a [StoredPart]) -> S3Result<Vec<&'a StoredPart>> {
    let mut chosen: Vec<&StoredPart> = Vec::with_capacity(named.len());
    for part in named {
        let number = part.part_number.unwrap_or(0);
        if chosen.last().is_some_and(|last| last.number >= number) {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. The parts list must be specified in order by part number."
            ));
        }
        let found = stored.binary_search_by_key(&number, |stored| stored.number).ok().map(|at| &stored[at]);
        let found = found.filter(|stored| part.e_tag.as_ref().is_none_or(|etag| etag.value() == stored.etag));
        chosen.push(found.filter(|stored| has_checksums(stored, part)).ok_or_else(|| {
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
    Ok(chosen)
}

/// Whether the checksums that a completion gives of a part are those that it has, as far as it has any.
fn has_checksums(stored: &StoredPart, named: &CompletedPart) -> bool {
    let has = &stored.checksums;
    [
        (&named.checksum_crc32, &has.crc32),
        (&named.checksum_crc32c, &has.crc32c),
        (&named.checksum_crc64nvme, &has.crc64nvme),
        (&named.checksum_sha1, &has.sha1),
        (&named.checksum_sha256, &has.sha256),
    ]
    .into_iter()
    .all(|(named, has)| named.is_none() || has.is_none() || named == has)
}

/// The MD5 of the parts' MD5s, and their number.
fn etag_of(parts: &[&StoredPart]) -> String {
    let mut md5 = Md5::new();
    for part in parts {
        // Ours, so it always decodes.
        md5.update(hex_simd::decode_to_vec(&part.etag).unwrap_or_default());
    }
    format!("{}-{}", hex(&md5.finalize()), parts.len())
}

pub(super) async fn abort_multipart_upload(objects: &Objects, input: AbortMultipartUploadInput) -> S3Result<()> {
    let row = pending(objects, &input.bucket, &input.key, &input.upload_id).await?;
    let scope = Scope::within(&input.bucket).of_upload(&row);
    let abort = move |change: &mut Transaction<'_>| {
        upload_of(change, &row)?;
        let stored = change.parts(&input.upload_id)?;
        change.end_upload(&row, stored, |_| false)
    };
    objects.change(scope, abort).await
}

pub(super) async fn list_parts(objects: &Objects, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    pending(objects, &input.bucket, &input.key, &input.upload_id).await?;
    let after = input.part_number_marker.unwrap_or(0);
    let limit = crate::listing::limit(input.max_parts, "max-parts", PARTS_PAGE_MAX)?;
    let (prefix, from) = (format!("{}/", input.upload_id), part_key(&input.upload_id, after.saturating_add(1).max(0)));
    let (mut page, is_truncated) = objects
        .blocking(move |objects| {
            let (mut page, mut is_truncated) = (Vec::new(), false);
            objects.index.visit(PARTS, &prefix, &from, |_, part: StoredPart| {
                is_truncated = page.len() == limit;
                if is_truncated {
                    return ControlFlow::Break(());
                }
                page.push(part);
                ControlFlow::Continue(())
            })?;
            Ok::<_, ControlError>((page, is_truncated && limit > 0))
        })
        .await
        .map_err(index_failure)?;
    let last = page.last().map(|part| part.number);
    let part = |part: StoredPart| Part {
        part_number: Some(part.number),
        e_tag: Some(ETag::Strong(part.etag)),
        size: Some(part.blob.size as i64),
        last_modified: Some(timestamp(part.modified_ms)),
        checksum_crc32: part.checksums.crc32,
        checksum_crc32c: part.checksums.crc32c,
        checksum_crc64nvme: part.checksums.crc64nvme,
        checksum_sha1: part.checksums.sha1,
        checksum_sha256: part.checksums.sha256,
    };
    Ok(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        max_parts: Some(limit as i32),
        part_number_marker: Some(after),
        next_part_number_marker: last.or(Some(after)),
        is_truncated: Some(is_truncated),
        parts: Some(page.drain(..).map(part).collect()),
        ..Default::default()
    })
}
