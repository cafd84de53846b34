//! PutObject, GetObject, HeadObject, CopyObject, DeleteObjects.

use anabranch_control::Changes;
use s3s::dto::*;
use s3s::{S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use super::buckets::timestamp;
use crate::aws_chunked::Trailers;
use crate::blob::{check_md5, hex};
use crate::error::io_failure;
use crate::index::{Checksums, Headers, Object as Stored};
use crate::store::{Conditions, Objects};

/// Largest body of one PUT (S3 User Guide, "Uploading objects").
const PUT_BYTES_MAX: u64 = 5 << 30;

/// Checksums that a request announces: by header, or by the name of a trailer that will follow.
pub(super) fn announced(
    mut sent: Checksums,
    algorithm: Option<&ChecksumAlgorithm>,
    trailers: Option<&Trailers>,
) -> Checksums {
    // A value that is known only from a trailer is computed too; `verify` then compares.
    if let (Some(algorithm), Some(_)) = (algorithm, trailers) {
        let slot = match algorithm.as_str() {
            "CRC32" => &mut sent.crc32,
            "CRC32C" => &mut sent.crc32c,
            "CRC64NVME" => &mut sent.crc64nvme,
            "SHA1" => &mut sent.sha1,
            "SHA256" => &mut sent.sha256,
            _ => return sent,
        };
        slot.get_or_insert_default();
    }
    sent
}

/// Refuses what would otherwise be ignored.
pub(super) fn refuse(used: &[(&str, bool)]) -> S3Result<()> {
    match used.iter().find(|(_, is_used)| *is_used) {
        Some((what, _)) => Err(s3_error!(NotImplemented, "Anabranch does not support {what} in S3.")),
        None => Ok(()),
    }
}

/// Compares what was computed with headers and trailers.
pub(super) fn verify(sent: &Checksums, computed: &Checksums, trailers: Option<&Trailers>) -> S3Result<()> {
    let pairs = [
        ("x-amz-checksum-crc32", &sent.crc32, &computed.crc32),
        ("x-amz-checksum-crc32c", &sent.crc32c, &computed.crc32c),
        ("x-amz-checksum-crc64nvme", &sent.crc64nvme, &computed.crc64nvme),
        ("x-amz-checksum-sha1", &sent.sha1, &computed.sha1),
        ("x-amz-checksum-sha256", &sent.sha256, &computed.sha256),
    ];
    for (name, sent, computed) in pairs {
        let trailing = trailers.and_then(|trailers| trailers.get(name));
        let expected = trailing.as_ref().or(sent.as_ref()).filter(|text| !text.is_empty());
        if let (Some(expected), Some(computed)) = (expected, computed)
            && expected != computed
        {
            return Err(s3_error!(BadDigest, "The {name} you specified did not match the calculated checksum."));
        }
    }
    Ok(())
}

pub(super) async fn put_object(objects: &Objects, request: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
    let trailers = request.extensions.get::<Trailers>().cloned();
    let input = request.input;
    refuse(&[
        ("tagging", input.tagging.is_some()),
        ("SSE-C", input.sse_customer_algorithm.is_some()),
        ("SSE-KMS", input.ssekms_key_id.is_some()),
        ("object lock", input.object_lock_mode.is_some() || input.object_lock_legal_hold_status.is_some()),
        ("write offsets", input.write_offset_bytes.is_some()),
    ])?;
    objects.bucket(&input.bucket).await?;
    if input.content_length.is_some_and(|length| length as u64 > PUT_BYTES_MAX) {
        return Err(s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size of 5 GiB"));
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
        .and_then(|()| verify(&expected, &written.checksums, trailers.as_ref()))
        .and_then(|()| check_length(input.content_length, written.blob.size));
    if let Err(error) = checked {
        objects.blobs.remove(&written.blob.id);
        return Err(error);
    }
    let etag = hex(&written.md5);
    let object = Stored {
        size: written.blob.size,
        blobs: vec![written.blob],
        etag: etag.clone(),
        modified_ms: objects.clock.now_ms(),
        headers: Headers {
            content_type: input.content_type,
            content_encoding: input.content_encoding,
            content_disposition: input.content_disposition,
            content_language: input.content_language,
            cache_control: input.cache_control,
            expires: input.expires.as_ref().map(http_date),
            metadata: input.metadata.unwrap_or_default().into_iter().collect(),
        },
        checksums: written.checksums.clone(),
        parts: 0,
    };
    let conditions = Conditions { if_match: input.if_match, if_none_match: input.if_none_match };
    objects.commit(&input.bucket, &input.key, object, "ObjectCreated:Put", Changes::default(), &conditions).await?;
    Ok(PutObjectOutput {
        e_tag: Some(ETag::Strong(etag)),
        checksum_crc32: written.checksums.crc32,
        checksum_crc32c: written.checksums.crc32c,
        checksum_crc64nvme: written.checksums.crc64nvme,
        checksum_sha1: written.checksums.sha1,
        checksum_sha256: written.checksums.sha256,
        ..Default::default()
    })
}

fn check_length(announced: Option<i64>, size: u64) -> S3Result<()> {
    match announced {
        Some(length) if length as u64 != size => Err(s3_error!(
            IncompleteBody,
            "You did not provide the number of bytes specified by the Content-Length HTTP header"
        )),
        _ => Ok(()),
    }
}

fn http_date(time: &Timestamp) -> String {
    let mut text = Vec::new();
    // Writing to memory fails only for years beyond 9999, which then are not given back.
    let _ = time.format(TimestampFormat::HttpDate, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// What a conditional read answers: the object, or that it was not modified.
fn check_read(
    object: &Stored,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
    if_modified_since: Option<&Timestamp>,
    if_unmodified_since: Option<&Timestamp>,
) -> S3Result<()> {
    let is = |condition: &ETagCondition| {
        condition.is_any() || condition.as_etag().is_some_and(|etag| etag.value() == object.etag)
    };
    // Dates have whole seconds.
    let modified = timestamp(object.modified_ms / 1000 * 1000);
    let failed = if_match.is_some_and(|condition| !is(condition))
        || (if_match.is_none() && if_unmodified_since.is_some_and(|since| modified > *since));
    if failed {
        return Err(s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold"));
    }
    let unchanged = if_none_match.is_some_and(is)
        || (if_none_match.is_none() && if_modified_since.is_some_and(|since| modified <= *since));
    if unchanged { Err(s3_error!(NotModified, "Not Modified")) } else { Ok(()) }
}

pub(super) async fn head_object(objects: &Objects, input: HeadObjectInput) -> S3Result<HeadObjectOutput> {
    refuse(&[("versions", input.version_id.is_some()), ("reading by part number", input.part_number.is_some())])?;
    let object = objects.object(&input.bucket, &input.key).await?;
    let (modified, unmodified) = (input.if_modified_since.as_ref(), input.if_unmodified_since.as_ref());
    check_read(&object, input.if_match.as_ref(), input.if_none_match.as_ref(), modified, unmodified)?;
    let checksums = if input.checksum_mode.is_some() { object.checksums.clone() } else { Checksums::default() };
    Ok(HeadObjectOutput {
        accept_ranges: Some("bytes".into()),
        content_length: Some(object.size as i64),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(timestamp(object.modified_ms)),
        content_type: Some(content_type(&object.headers)),
        content_encoding: object.headers.content_encoding,
        content_disposition: object.headers.content_disposition,
        content_language: object.headers.content_language,
        cache_control: object.headers.cache_control,
        expires: object.headers.expires.and_then(|text| Timestamp::parse(TimestampFormat::HttpDate, &text).ok()),
        metadata: Some(object.headers.metadata.into_iter().collect()),
        checksum_crc32: checksums.crc32,
        checksum_crc32c: checksums.crc32c,
        checksum_crc64nvme: checksums.crc64nvme,
        checksum_sha1: checksums.sha1,
        checksum_sha256: checksums.sha256,
        ..Default::default()
    })
}

fn content_type(headers: &Headers) -> String {
    headers.content_type.clone().unwrap_or_else(|| "binary/octet-stream".into())
}

pub(super) async fn get_object(objects: &Objects, input: GetObjectInput) -> S3Result<S3Response<GetObjectOutput>> {
    refuse(&[("versions", input.version_id.is_some()), ("reading by part number", input.part_number.is_some())])?;
    let object = objects.object(&input.bucket, &input.key).await?;
    let (modified, unmodified) = (input.if_modified_since.as_ref(), input.if_unmodified_since.as_ref());
    check_read(&object, input.if_match.as_ref(), input.if_none_match.as_ref(), modified, unmodified)?;
    let range = match input.range {
        Some(range) => {
            let satisfiable = range.check(object.size).ok().filter(|range| !range.is_empty());
            Some(satisfiable.ok_or_else(|| s3_error!(InvalidRange, "The requested range is not satisfiable"))?)
        }
        None => None,
    };
    let span = range.clone().unwrap_or(0..object.size);
    let headers = object.headers;
    let is_whole = range.is_none();
    let checksums = if input.checksum_mode.is_some() && is_whole { object.checksums } else { Checksums::default() };
    let length = span.end - span.start;
    let body = objects.blobs.read(&object.blobs, span).await.map_err(io_failure)?;
    let content_range = range.map(|range| format!("bytes {}-{}/{}", range.start, range.end - 1, object.size));
    let output = GetObjectOutput {
        body: Some(StreamingBlob::wrap(body)),
        accept_ranges: Some("bytes".into()),
        content_length: Some(length as i64),
        content_range,
        e_tag: Some(ETag::Strong(object.etag)),
        last_modified: Some(timestamp(object.modified_ms)),
        content_type: Some(input.response_content_type.unwrap_or_else(|| content_type(&headers))),
        content_encoding: input.response_content_encoding.or(headers.content_encoding),
        content_disposition: input.response_content_disposition.or(headers.content_disposition),
        content_language: input.response_content_language.or(headers.content_language),
        cache_control: input.response_cache_control.or(headers.cache_control),
        expires: headers.expires.and_then(|text| Timestamp::parse(TimestampFormat::HttpDate, &text).ok()),
        metadata: Some(headers.metadata.into_iter().collect()),
        checksum_crc32: checksums.crc32,
        checksum_crc32c: checksums.crc32c,
        checksum_crc64nvme: checksums.crc64nvme,
        checksum_sha1: checksums.sha1,
        checksum_sha256: checksums.sha256,
        ..Default::default()
    };
    let mut response = S3Response::new(output);
    if !is_whole {
        response.status = Some(http::StatusCode::PARTIAL_CONTENT);
    }
    Ok(response)
}

pub(super) async fn copy_object(objects: &Objects, input: CopyObjectInput) -> S3Result<CopyObjectOutput> {
    let CopySource::Bucket { bucket, key, version_id: None } = &input.copy_source else {
        return Err(s3_error!(NotImplemented, "CopyObject from access points and versions is not implemented"));
    };
    let source = objects.object(bucket, key).await?;
    objects.bucket(&input.bucket).await?;
    let (modified, unmodified) =
        (input.copy_source_if_modified_since.as_ref(), input.copy_source_if_unmodified_since.as_ref());
    check_read(
        &source,
        input.copy_source_if_match.as_ref(),
        input.copy_source_if_none_match.as_ref(),
        modified,
        unmodified,
    )
    .map_err(|error| match error.code() {
        // A copy that may not be made is no cached answer.
        S3ErrorCode::NotModified => {
            s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
        }
        _ => error,
    })?;
    let replaces = input.metadata_directive.as_ref().is_some_and(|directive| directive.as_str() == "REPLACE");
    if **bucket == *input.bucket && **key == *input.key && !replaces {
        return Err(s3_error!(
            InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata."
        ));
    }
    let headers = if replaces {
        Headers {
            content_type: input.content_type,
            content_encoding: input.content_encoding,
            content_disposition: input.content_disposition,
            content_language: input.content_language,
            cache_control: input.cache_control,
            expires: input.expires.as_ref().map(http_date),
            metadata: input.metadata.unwrap_or_default().into_iter().collect(),
        }
    } else {
        source.headers
    };
    let body = objects.blobs.read(&source.blobs, 0..source.size).await.map_err(io_failure)?;
    let written = objects.blobs.write(Box::pin(body), &source.checksums).await?;
    let object = Stored {
        size: written.blob.size,
        blobs: vec![written.blob],
        etag: hex(&written.md5),
        modified_ms: objects.clock.now_ms(),
        headers,
        checksums: written.checksums,
        parts: 0,
    };
    let (etag, modified_ms) = (object.etag.clone(), object.modified_ms);
    let changes = Changes::default();
    objects.commit(&input.bucket, &input.key, object, "ObjectCreated:Copy", changes, &Conditions::default()).await?;
    let result = CopyObjectResult {
        e_tag: Some(ETag::Strong(etag)),
        last_modified: Some(timestamp(modified_ms)),
        ..Default::default()
    };
    Ok(CopyObjectOutput { copy_object_result: Some(result), ..Default::default() })
}

pub(super) async fn delete_objects(objects: &Objects, input: DeleteObjectsInput) -> S3Result<DeleteObjectsOutput> {
    objects.bucket(&input.bucket).await?;
    if input.delete.objects.len() > 1000 {
        return Err(s3_error!(MalformedXML, "A request deletes at most 1,000 keys."));
    }
    let quiet = input.delete.quiet.unwrap_or(false);
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for object in input.delete.objects {
        match objects.remove(&input.bucket, &object.key).await {
            Ok(()) if quiet => {}
            Ok(()) => deleted.push(DeletedObject { key: Some(object.key), ..Default::default() }),
            Err(error) => errors.push(Error {
                code: Some(error.code().as_str().to_string()),
                key: Some(object.key),
                message: error.message().map(str::to_string),
                version_id: None,
            }),
        }
    }
    Ok(DeleteObjectsOutput { deleted: Some(deleted), errors: Some(errors), ..Default::default() })
}
