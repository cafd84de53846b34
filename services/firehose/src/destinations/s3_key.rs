//! Object keys: `<prefix><stream>-<version>-yyyy-MM-dd-HH-mm-ss-<uuid><extension>`, where the
//! prefix may hold expressions (AWS: "Understand custom prefixes for Amazon S3 objects").

use jiff::{Timestamp, Zoned, tz::TimeZone};
use uuid::Uuid;

use super::contract::StreamName;
use super::s3_settings::{Compression, S3};
use crate::java_time::JavaPattern;
use crate::limits::EVALUATED_PREFIX_LEN_MAX;

/// The prefix part that stands in where the configured prefix has no timestamp.
const DEFAULT_TIME_PREFIX: &str = "%Y/%m/%d/%H/";
/// Letters of a random string, and how many of them one has.
const RANDOM_LETTERS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const RANDOM_LEN: usize = 11;
/// The longest name that `!{firehose:error-output-type}` can become.
const LONGEST_ERROR_OUTPUT_TYPE: &str = "AmazonOpenSearchService-failed";

/// A prefix, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PrefixTemplate(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Timestamp(JavaPattern),
    RandomString,
    ErrorOutputType,
}

impl PrefixTemplate {
    fn parse(prefix: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = prefix;
        while let Some(start) = rest.find("!{") {
            if start > 0 {
                parts.push(Part::Literal(rest[..start].to_string()));
            }
            let inside = &rest[start + 2..];
            let end = inside.find('}').ok_or_else(|| format!("expression without end: {}", &rest[start..]))?;
            parts.push(Part::parse(&inside[..end])?);
            rest = &inside[end + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_string()));
        }
        Ok(Self(parts))
    }

    fn has(&self, wanted: fn(&Part) -> bool) -> bool {
        self.0.iter().any(wanted)
    }

    fn evaluate(&self, moment: &Zoned, error_output_type: &str) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Literal(text) => text.clone(),
            Part::Timestamp(pattern) => pattern.format(moment),
            Part::RandomString => random_string(),
            Part::ErrorOutputType => error_output_type.to_string(),
        });
        parts.collect()
    }
}

impl Part {
    fn parse(expression: &str) -> Result<Self, String> {
        match expression.split_once(':') {
            Some(("timestamp", pattern)) => Ok(Self::Timestamp(JavaPattern::parse(pattern)?)),
            Some(("firehose", "random-string")) => Ok(Self::RandomString),
            Some(("firehose", "error-output-type")) => Ok(Self::ErrorOutputType),
            Some(("partitionKeyFromQuery" | "partitionKeyFromLambda", _)) => {
                Err(format!("!{{{expression}}} needs dynamic partitioning, which is not enabled"))
            }
            _ => Err(format!("unknown expression !{{{expression}}}")),
        }
    }

    fn is_timestamp(&self) -> bool {
        matches!(self, Self::Timestamp(_))
    }

    fn is_error_output_type(&self) -> bool {
        matches!(self, Self::ErrorOutputType)
    }

    fn is_expression(&self) -> bool {
        !matches!(self, Self::Literal(_))
    }
}

/// Checks the prefixes and the time zone of `destination` against the rules of AWS.
///
/// # Errors
/// The broken rule, in words.
pub(super) fn check(destination: &S3, now_ms: u64) -> Result<(), String> {
    let moment = moment(now_ms, destination.custom_time_zone.as_deref())?;
    let prefix = PrefixTemplate::parse(destination.prefix.as_deref().unwrap_or_default())
        .map_err(|reason| format!("Prefix: {reason}"))?;
    let error_prefix = PrefixTemplate::parse(destination.error_output_prefix.as_deref().unwrap_or_default())
        .map_err(|reason| format!("ErrorOutputPrefix: {reason}"))?;
    if prefix.has(Part::is_error_output_type) {
        return Err("Prefix cannot contain !{firehose:error-output-type}".to_string());
    }
    if prefix.has(Part::is_expression) && error_prefix.0.is_empty() {
        return Err("ErrorOutputPrefix must be set when Prefix contains expressions".to_string());
    }
    if error_prefix.has(Part::is_expression) && !error_prefix.has(Part::is_error_output_type) {
        return Err("ErrorOutputPrefix must contain !{firehose:error-output-type} when it contains expressions".into());
    }
    for (name, template) in [("Prefix", prefix), ("ErrorOutputPrefix", error_prefix)] {
        if template.evaluate(&moment, LONGEST_ERROR_OUTPUT_TYPE).chars().count() > EVALUATED_PREFIX_LEN_MAX {
            return Err(format!("{name} exceeds {EVALUATED_PREFIX_LEN_MAX} characters when evaluated"));
        }
    }
    Ok(())
}

/// A new key for an object whose oldest record arrived at `oldest_ms`.
///
/// # Errors
/// What is wrong with the destination, in words; [`check`] finds it first.
pub(super) fn object_key(destination: &S3, stream: StreamName<'_>, oldest_ms: u64) -> Result<String, String> {
    let local = moment(oldest_ms, destination.custom_time_zone.as_deref())?;
    let utc = moment(oldest_ms, None)?;
    let template = PrefixTemplate::parse(destination.prefix.as_deref().unwrap_or_default())?;
    let mut key = template.evaluate(&local, "");
    if !template.has(Part::is_timestamp) {
        key.push_str(&local.strftime(DEFAULT_TIME_PREFIX).to_string());
    }
    let time = utc.strftime("%Y-%m-%d-%H-%M-%S");
    let extension = match (destination.file_extension.as_deref(), destination.compression) {
        (Some(extension), _) if !extension.is_empty() => extension,
        (_, Compression::Gzip) => ".gz",
        (_, Compression::Uncompressed) => "",
    };
    key.push_str(&format!("{}-{}-{time}-{}{extension}", stream.name, stream.version, Uuid::new_v4()));
    Ok(key)
}

fn moment(at_ms: u64, zone: Option<&str>) -> Result<Zoned, String> {
    let zone = match zone {
        None | Some("") => TimeZone::UTC,
        Some(name) => TimeZone::get(name).map_err(|_| format!("CustomTimeZone {name} is not a time zone"))?,
    };
    let at_ms = i64::try_from(at_ms).map_err(|error| error.to_string())?;
    Ok(Timestamp::from_millisecond(at_ms).map_err(|error| error.to_string())?.to_zoned(zone))
}

fn random_string() -> String {
    let mut number = Uuid::new_v4().as_u128();
    let mut letters = String::with_capacity(RANDOM_LEN);
    for _ in 0..RANDOM_LEN {
        letters.push(char::from(RANDOM_LETTERS[(number % 62) as usize]));
        number /= 62;
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    // 2026-03-05T17:04:09.087Z
    const OLDEST_MS: u64 = 1_772_730_249_087;

    fn destination(prefix: Option<&str>) -> S3 {
        S3 {
            role_arn: "arn:aws:iam::000000000000:role/firehose".into(),
            bucket_arn: "arn:aws:s3:::raw".into(),
            prefix: prefix.map(str::to_string),
            error_output_prefix: Some("errors/!{firehose:error-output-type}/".into()),
            size_in_mbs: 5,
            interval_in_seconds: 300,
            compression: Compression::Uncompressed,
            file_extension: None,
            custom_time_zone: None,
        }
    }

    /// The key without its unique end.
    fn stem(destination: &S3) -> String {
        check(destination, OLDEST_MS).unwrap();
        let key = object_key(destination, StreamName { name: "clicks-raw", version: 1 }, OLDEST_MS).unwrap();
        let unique = key.find("-17-04-09-").unwrap() + "-17-04-09-".len();
        assert!(Uuid::parse_str(&key[unique..unique + 36]).is_ok(), "{key}");
        key[..unique].to_string() + &key[unique + 36..]
    }

    #[test]
    fn prefixes_evaluate_as_aws_documents() {
        let name = "clicks-raw-1-2026-03-05-17-04-09-";
        let cases = [
            (None, "2026/03/05/17/"),
            (Some(""), "2026/03/05/17/"),
            (Some("raw/"), "raw/2026/03/05/17/"),
            (Some("raw"), "raw2026/03/05/17/"),
            (Some("raw/!{timestamp:yyyy}/!{timestamp:MM-dd}/"), "raw/2026/03-05/"),
            (Some("!{timestamp:'year='yyyy'/month='MM}/"), "year=2026/month=03/"),
        ];
        for (prefix, expected) in cases {
            assert_eq!(stem(&destination(prefix)), format!("{expected}{name}"), "{prefix:?}");
        }
    }

    #[test]
    fn random_strings_are_fresh_and_keep_the_time_prefix() {
        let destination = destination(Some("r=!{firehose:random-string}/!{firehose:random-string}/"));
        let stem = stem(&destination);
        let parts: Vec<&str> = stem.split('/').collect();
        assert_eq!((parts[0].len(), parts[1].len()), (2 + RANDOM_LEN, RANDOM_LEN));
        assert_ne!(&parts[0][2..], parts[1]);
        assert_eq!(parts[2..6], ["2026", "03", "05", "17"]);
    }

    #[test]
    fn extensions_and_time_zones() {
        let mut destination = destination(None);
        destination.compression = Compression::Gzip;
        assert!(stem(&destination).ends_with("-17-04-09-.gz"));
        destination.file_extension = Some(".json.gz".into());
        assert!(stem(&destination).ends_with("-17-04-09-.json.gz"));
        destination.custom_time_zone = Some("Asia/Tokyo".into());
        assert!(stem(&destination).starts_with("2026/03/06/02/"));
    }

    #[test]
    fn broken_rules_are_named() {
        let long = "x".repeat(513);
        let cases = [
            (Some("!{timestamp:yyyy}/"), None, "ErrorOutputPrefix must be set"),
            (Some("!{firehose:error-output-type}/"), Some("e/"), "Prefix cannot contain"),
            (Some("raw/"), Some("e/!{timestamp:yyyy}/"), "must contain !{firehose:error-output-type}"),
            (Some("!{timestamp:QQ}/"), Some("e/"), "QQ is not supported"),
            (Some("!{timestamp:yyyy"), Some("e/"), "without end"),
            (Some("!{nonsense}/"), Some("e/"), "unknown expression !{nonsense}"),
            (Some("!{partitionKeyFromQuery:user}/"), Some("e/"), "dynamic partitioning"),
            (Some(long.as_str()), None, "exceeds 512"),
        ];
        for (prefix, error_prefix, stem) in cases {
            let mut settings = destination(prefix);
            settings.error_output_prefix = error_prefix.map(str::to_string);
            let reason = check(&settings, OLDEST_MS).unwrap_err();
            assert!(reason.contains(stem), "{prefix:?}: {reason}");
        }
        let mut destination = destination(None);
        destination.custom_time_zone = Some("Mars/Olympus".into());
        assert!(check(&destination, OLDEST_MS).unwrap_err().contains("Mars/Olympus"));
    }
}
