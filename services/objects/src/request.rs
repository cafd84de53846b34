//! Brings a request into the form that s3s takes without credentials: any credentials work, so
//! signatures are taken off, and bodies that are signed chunk by chunk are decoded here.

use anabranch_protocol::Clock;
use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, RANGE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Uri};
use jiff::civil::DateTime;
use md5::{Digest, Md5};
use percent_encoding::percent_decode_str;

use crate::address::Address;
use crate::answer::Refused;
use crate::aws_chunked::{Decoder, Trailers};
use crate::blob::check_md5;
use crate::limits::{DocumentLimits, check_metadata};

/// How long a presigned URL may be valid (S3 API reference, "Authenticating Requests: Using Query
/// Parameters"), in seconds.
const PRESIGNED_S_MAX: i64 = 604_800;

/// Takes the signature off, decodes the body, and reads it if it is a document.
pub(crate) async fn prepare(request: Request<Body>, clock: &dyn Clock) -> Result<s3s::HttpRequest, Refused> {
    let (mut head, body) = request.into_parts();
    let has_key = Address::of(&head).is_some_and(|address| address.key.is_some());
    head.uri = without_signature(&head.uri, clock)?;
    check_metadata(&head.headers)?;
    check_overrides(&head.uri)?;
    normalize_range(&mut head.headers);
    head.headers.remove(AUTHORIZATION);
    head.headers.remove("x-amz-security-token");
    let digest = head.headers.remove("x-amz-content-sha256");
    let is_streaming = digest.is_some_and(|digest| digest.as_bytes().starts_with(b"STREAMING-"));
    let is_chunked = is_streaming || content_encodings(&head.headers).any(|encoding| encoding == "aws-chunked");
    let body = if is_chunked {
        let trailers = Trailers::announced(&head.headers).ok_or_else(|| {
            Refused::new(400, "InvalidRequest", "The value specified in the x-amz-trailer header is not supported")
        })?;
        take_off_chunked_encoding(&mut head.headers)?;
        head.extensions.insert(trailers.clone());
        Body::from_stream(Decoder::new(body.into_data_stream(), trailers).stream())
    } else {
        body
    };
    let Some(limits) = DocumentLimits::of(&head, has_key) else {
        return Ok(Request::from_parts(head, s3s::Body::http_body_unsync(body)));
    };
    let document = limits.read(body.into_data_stream(), content_length(&head.headers)).await?;
    check_document(&head, &document)?;
    Ok(Request::from_parts(head, document.into()))
}

/// Checks a document against the digests that the request gives, where s3s does not.
fn check_document(head: &Parts, document: &[u8]) -> Result<(), Refused> {
    let sent = head.headers.get("content-md5").map(|value| value.to_str().unwrap_or_default());
    check_md5(sent, &Md5::digest(document).into()).map_err(|error| Refused::from(&error))
}

pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Takes off a `Range` that is none, or more than one: S3 ignores both. Numbers beyond all sizes
/// are brought within what s3s reads.
fn normalize_range(headers: &mut HeaderMap) {
    let Some(range) = headers.remove(RANGE) else { return };
    let number = |text: &str| match text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => None,
        false => Some(text.parse().unwrap_or(i64::MAX)),
    };
    let span = range.to_str().ok().and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let normal = span.and_then(|(first, last)| match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Some(format!("bytes={first}-{last}")),
        (Some(first), None) if last.is_empty() => Some(format!("bytes={first}-")),
        (None, Some(last)) if first.is_empty() => Some(format!("bytes=-{last}")),
        _ => None,
    });
    if let Some(range) = normal.and_then(|normal| HeaderValue::from_str(&normal).ok()) {
        headers.insert(RANGE, range);
    }
}

fn content_encodings(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|value| !value.is_empty())
}

fn take_off_chunked_encoding(headers: &mut HeaderMap) -> Result<(), Refused> {
    let others: Vec<&str> = content_encodings(headers).filter(|encoding| *encoding != "aws-chunked").collect();
    let others = others.join(",");
    headers.remove(CONTENT_ENCODING);
    if let Ok(value) = HeaderValue::from_str(&others)
        && !others.is_empty()
    {
        headers.insert(CONTENT_ENCODING, value);
    }
    headers.remove("x-amz-trailer");
    let length = headers.remove("x-amz-decoded-content-length");
    let length = length.ok_or_else(|| {
        Refused::new(411, "MissingContentLength", "You must provide the x-amz-decoded-content-length HTTP header.")
    })?;
    let is_number = !length.is_empty() && length.as_bytes().iter().all(u8::is_ascii_digit);
    headers.insert(CONTENT_LENGTH, length);
    if is_number && content_length(headers).is_some() {
        return Ok(());
    }
    Err(Refused::new(400, "InvalidArgument", "x-amz-decoded-content-length is not a number of bytes"))
}

/// Headers of the answer that a query asks for (`response-content-type` and the like) must be some.
fn check_overrides(uri: &Uri) -> Result<(), Refused> {
    let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    for (name, value) in pairs.filter(|(name, _)| name.starts_with("response-")) {
        let value: Vec<u8> = percent_decode_str(value).collect();
        if HeaderValue::from_bytes(&value).is_err() {
            let message = format!("The value of {name} can't be the value of a header.");
            return Err(Refused::new(400, "InvalidArgument", message));
        }
    }
    Ok(())
}

/// Query parameters of a presigned URL; the URL says until when it holds.
fn without_signature(uri: &Uri, clock: &dyn Clock) -> Result<Uri, Refused> {
    let Some(query) = uri.query().filter(|query| query.contains("X-Amz-") || query.contains("Signature=")) else {
        return Ok(uri.clone());
    };
    let value_of = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    if let (Some(date), Some(seconds)) = (value_of("X-Amz-Date"), value_of("X-Amz-Expires")) {
        check_expiry(date, seconds, clock)?;
    } else if let Some(expires_s) = value_of("Expires").and_then(|value| value.parse::<u64>().ok())
        && value_of("Signature").is_some()
        && clock.now_ms() / 1000 > expires_s
    {
        return Err(expired());
    }
    let version_2 = ["AWSAccessKeyId", "Signature", "Expires"];
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            !name.starts_with("X-Amz-") && !version_2.contains(&name)
        })
        .collect();
    let path_and_query =
        if kept.is_empty() { uri.path().to_string() } else { format!("{}?{}", uri.path(), kept.join("&")) };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = path_and_query.parse().ok();
    Uri::from_parts(parts).map_err(|_| Refused::new(400, "InvalidURI", "Couldn't parse the specified URI."))
}

fn check_expiry(date: &str, seconds: &str, clock: &dyn Clock) -> Result<(), Refused> {
    let malformed =
        |what: &str| Refused::new(400, "AuthorizationQueryParametersError", format!("{what} is malformed."));
    let signed = DateTime::strptime("%Y%m%dT%H%M%SZ", date)
        .ok()
        .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok())
        .ok_or_else(|| malformed("X-Amz-Date"))?;
    let seconds: i64 = seconds.parse().map_err(|_| malformed("X-Amz-Expires"))?;
    if !(0..=PRESIGNED_S_MAX).contains(&seconds) {
        let message = format!("X-Amz-Expires must be between 0 and {PRESIGNED_S_MAX} seconds, which is a week");
        return Err(Refused::new(400, "AuthorizationQueryParametersError", message));
    }
    let ends_ms = signed.timestamp().as_millisecond().saturating_add(seconds.saturating_mul(1000));
    if i64::try_from(clock.now_ms()).unwrap_or(i64::MAX) > ends_ms { Err(expired()) } else { Ok(()) }
}

fn expired() -> Refused {
    Refused::new(403, "AccessDenied", "Request has expired")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_protocol::ManualClock;

    #[test]
    fn presigned_urls_hold_until_they_expire() {
        let uri: Uri =
            "/b/k?X-Amz-Date=20251113T021320Z&X-Amz-Expires=60&X-Amz-Signature=ab&partNumber=1".parse().unwrap();
        // 2025-11-13T02:13:20Z
        let clock = ManualClock::new(1_763_000_000_000);
        assert_eq!(without_signature(&uri, &clock).unwrap(), "/b/k?partNumber=1");
        clock.advance_ms(60_001);
        assert_eq!(without_signature(&uri, &clock).unwrap_err().message, "Request has expired");
        for seconds in ["-1", "604801", "9223372036854775808", ""] {
            let uri = format!("/b/k?X-Amz-Date=20251113T021320Z&X-Amz-Expires={seconds}").parse().unwrap();
            assert_eq!(without_signature(&uri, &clock).unwrap_err().status, 400, "{seconds}");
        }
    }

    #[test]
    fn an_answer_is_not_split() {
        let check = |uri: &str| check_overrides(&uri.parse().unwrap()).map_err(|refused| refused.code.into_owned());
        assert_eq!(check("/b/k?response-content-type=text%2Fhtml&x=%0a"), Ok(()));
        assert_eq!(check("/b/k?response-content-type=a%0d%0aX-Evil:%201"), Err("InvalidArgument".to_string()));
    }

    #[test]
    fn other_encodings_stay() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("aws-chunked, gzip"));
        headers.insert("x-amz-decoded-content-length", HeaderValue::from_static("7"));
        take_off_chunked_encoding(&mut headers).unwrap();
        assert_eq!(headers[CONTENT_ENCODING], "gzip");
        assert_eq!(headers[CONTENT_LENGTH], "7");
        assert_eq!(take_off_chunked_encoding(&mut headers).unwrap_err().status, 411);
        for wrong in ["", "-1", "+7", "7x", "99999999999999999999999"] {
            headers.insert("x-amz-decoded-content-length", HeaderValue::from_static(wrong));
            assert_eq!(take_off_chunked_encoding(&mut headers).unwrap_err().status, 400, "{wrong}");
        }
    }
}
