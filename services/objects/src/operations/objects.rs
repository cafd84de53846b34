//! PutObject, GetObject, HeadObject, CopyObject, DeleteObjects.

use base64_simd::STANDARD;
use http::StatusCode;
use s3s::dto::*;
use s3s::{S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use crate::answer::timestamp;
use crate::aws_chunked::Trailers;
use crate::blob::{Incoming, NewBlob, check_md5};
use crate::conditions::Conditions;
use crate::error::other;
use crate::index::{Checksums, Headers, Object as Stored};
use crate::limits::{DELETED_OBJECTS_MAX, check_key};
use crate::store::Objects;

/// The checksums of a request with their names, as they were sent.
pub(super) fn named(sums: &Checksums) -> [(&'static str, &Option<String>); 5] {
    [
        ("x-amz-checksum-crc32", &sums.crc32),
        ("x-amz-checksum-crc32c", &sums.crc32c),
        ("x-amz-checksum-crc64nvme", &sums.crc64nvme),
        ("x-amz-checksum-sha1", &sums.sha1),
        ("x-amz-checksum-sha256", &sums.sha256),
    ]
}

/// What a request says of its body: its length, and checksums by header or by the name of a
/// trailer that will follow. What follows is computed too; `verify` then compares.
pub(super) fn incoming(
    mut sent: Checksums,
    length: Option<i64>,
    algorithm: Option<&ChecksumAlgorithm>,
    trailers: Option<&Trailers>,
) -> S3Result<Incoming> {
    if let Some((name, _)) = named(&sent).into_iter().find(|(_, sum)| sum.as_ref().is_some_and(|sum| !is_base64(sum))) {
        return Err(s3_error!(InvalidRequest, "Value for {name} header is invalid."));
    }
    let slots = [
        ("CRC32", "x-amz-checksum-crc32", &mut sent.crc32),
        ("CRC32C", "x-amz-checksum-crc32c", &mut sent.crc32c),
        ("CRC64NVME", "x-amz-checksum-crc64nvme", &mut sent.crc64nvme),
        ("SHA1", "x-amz-checksum-sha1", &mut sent.sha1),
        ("SHA256", "x-amz-checksum-sha256", &mut sent.sha256),
    ];
    for (name, header, slot) in slots {
        let is_announced = trailers.is_some_and(|trailers| trailers.is_announced(header));
        if is_announced || algorithm.is_some_and(|algorithm| algorithm.as_str() == name) {
            slot.get_or_insert_default();
        }
    }
    Ok(Incoming { checksums: sent, length: length.map(|length| length.max(0) as u64), bytes_max: None })
}

fn is_base64(text: &str) -> bool {
    STANDARD.decode_to_vec(text).is_ok()
}

/// Refuses what would otherwise be ignored.
pub(super) fn refuse(used: &[(&str, bool)]) -> S3Result<()> {
    match used.iter().find(|(_, is_used)| *is_used) {
        Some((what, _)) => Err(s3_error!(NotImplemented, "Anabranch does not support {what} in S3.")),
        None => Ok(()),
    }
}

/// Compares the computed checksums with headers and trailers.
pub(super) fn verify(
    content_md5: Option<&str>,
    sent: &Checksums,
    written: &NewBlob,
    trailers: Option<&Trailers>,
) -> S3Result<()> {
    check_md5(content_md5, &written.md5)?;
    if let Some(name) = trailers.and_then(Trailers::missing) {
        let message = format!("The request announced the trailer {name}, which did not come.");
        return Err(other("MalformedTrailerError", StatusCode::BAD_REQUEST, message));
    }
    for ((name, sent), (_, computed)) in named(sent).into_iter().zip(named(&written.checksums)) {
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
    let headers = Headers {
        content_type: input.content_type,
        content_encoding: input.content_encoding,
        content_disposition: input.content_disposition,
        content_language: input.content_language,
        cache_control: input.cache_control,
        expires: input.expires.as_ref().map(http_date),
        metadata: input.metadata.unwrap_or_default().into_iter().collect(),
    };
    let conditions = Conditions { if_match: input.if_match, if_none_match: input.if_none_match };
    let event = "ObjectCreated:Put";
    let object = objects.put_written(&input.bucket, &input.key, written, headers, event, conditions).await?;
    Ok(PutObjectOutput {
        e_tag: Some(ETag::Strong(object.etag)),
        checksum_crc32: object.checksums.crc32,
        checksum_crc32c: object.checksums.crc32c,
        checksum_crc64nvme: object.checksums.crc64nvme,
        checksum_sha1: object.checksums.sha1,
        checksum_sha256: object.checksums.sha256,
        ..Default::default()
    })
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
    let (object, hold) = objects.held_object(&input.bucket, &input.key).await?;
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
    let body = objects.read(&input.bucket, &input.key, &object.blobs, span, hold).await?;
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
    let (source, hold) = objects.held_object(bucket, key).await?;
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
        // A copy that may not be made is not a cached answer.
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
    let body = objects.read(bucket, key, &source.blobs, 0..source.size, hold).await?;
    let incoming = Incoming { checksums: source.checksums, length: Some(source.size), bytes_max: None };
    let written = objects.write(Box::pin(body), &incoming).await?;
    let (event, conditions) = ("ObjectCreated:Copy", Conditions::default());
    let object = objects.put_written(&input.bucket, &input.key, written, headers, event, conditions).await?;
    let (etag, modified_ms) = (object.etag, object.modified_ms);
    let result = CopyObjectResult {
        e_tag: Some(ETag::Strong(etag)),
        last_modified: Some(timestamp(modified_ms)),
        ..Default::default()
    };
    Ok(CopyObjectOutput { copy_object_result: Some(result), ..Default::default() })
}

pub(super) async fn delete_object(objects: &Objects, input: DeleteObjectInput) -> S3Result<()> {
    refuse(&[
        ("versions", input.version_id.is_some()),
        ("deleting by size or time", input.if_match_size.is_some() || input.if_match_last_modified_time.is_some()),
    ])?;
    let conditions = Conditions { if_match: input.if_match, if_none_match: None };
    objects.remove(&input.bucket, &input.key, conditions).await
}

pub(super) async fn delete_objects(objects: &Objects, input: DeleteObjectsInput) -> S3Result<DeleteObjectsOutput> {
    objects.bucket(&input.bucket).await?;
    if input.delete.objects.is_empty() || input.delete.objects.len() > DELETED_OBJECTS_MAX {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    let quiet = input.delete.quiet.unwrap_or(false);
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for object in input.delete.objects {
        let conditions = Conditions { if_match: object.e_tag.map(ETagCondition::ETag), if_none_match: None };
        let unsupported = refuse(&[
            ("versions", object.version_id.is_some()),
            ("deleting by size or time", object.size.is_some() || object.last_modified_time.is_some()),
        ]);
        let removed = match unsupported.and_then(|()| check_key(&object.key)) {
            Ok(()) => objects.remove(&input.bucket, &object.key, conditions).await,
            Err(error) => Err(error),
        };
        match removed {
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
