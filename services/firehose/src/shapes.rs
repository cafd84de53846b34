//! The shapes of the service model (firehose/2015-08-04) that have constraints.

use anabranch_protocol::{Arn, Integer, List, Text};

use crate::limits::BATCH_RECORDS_MAX;

/// `DeliveryStreamName`.
pub(crate) const DELIVERY_STREAM_NAME: Text = Text {
    min: 1,
    max: 64,
    pattern: Some(("[a-zA-Z0-9_.-]+", |name| {
        name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter))
    })),
    one_of: &[],
};
/// `DeliveryStreamType`.
pub(crate) const DELIVERY_STREAM_TYPE: Text =
    Text { one_of: &["DirectPut", "KinesisStreamAsSource", "MSKAsSource", "DatabaseAsSource"], ..text(0, usize::MAX) };
/// `RoleARN`.
pub(crate) const ROLE_ARN: Text =
    Text { pattern: Some((r"arn:.*:iam::\d{12}:role/[a-zA-Z_0-9+=,.@\-_/]+", is_role_arn)), ..text(1, 512) };
/// `BucketARN`.
pub(crate) const BUCKET_ARN: Text =
    Text { pattern: Some((r"arn:.*:s3:::[\w\.\-]{1,255}", is_bucket_arn)), ..text(1, 2_048) };
/// `Prefix`.
pub(crate) const PREFIX: Text = text(0, 1_024);
/// `ErrorOutputPrefix`.
pub(crate) const ERROR_OUTPUT_PREFIX: Text = text(0, 1_024);
/// `FileExtension`.
pub(crate) const FILE_EXTENSION: Text =
    Text { pattern: Some((r"^$|\.[0-9a-z!\-_.*'()]+", is_file_extension)), ..text(0, 128) };
/// `CustomTimeZone`.
pub(crate) const CUSTOM_TIME_ZONE: Text = text(0, 50);
/// `CompressionFormat`.
pub(crate) const COMPRESSION_FORMAT: Text =
    Text { one_of: &["UNCOMPRESSED", "GZIP", "ZIP", "Snappy", "HADOOP_SNAPPY"], ..text(0, usize::MAX) };
/// `SizeInMBs`.
pub(crate) const SIZE_IN_MBS: Integer = Integer { min: 1, max: 128 };
/// `IntervalInSeconds`.
pub(crate) const INTERVAL_IN_SECONDS: Integer = Integer { min: 0, max: 900 };
/// `ListDeliveryStreamsInputLimit` and `DescribeDeliveryStreamInputLimit`.
pub(crate) const LIST_LIMIT: Integer = Integer { min: 1, max: 10_000 };
/// `PutRecordBatchRequestEntryList`.
pub(crate) const RECORDS: List = List { min: 1, max: BATCH_RECORDS_MAX };

const fn text(min: usize, max: usize) -> Text {
    Text { min, max, pattern: None, one_of: &[] }
}

fn is_role_arn(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-/".contains(letter);
    text.parse::<Arn>().is_ok_and(|arn| {
        let role = arn.resource_after("role/").is_some_and(|role| !role.is_empty() && role.chars().all(fits));
        &*arn.service == "iam" && arn.region.is_none() && arn.account.is_some() && role
    })
}

fn is_bucket_arn(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
    text.parse::<Arn>()
        .is_ok_and(|arn| arn.bucket_name().is_some_and(|bucket| bucket.len() <= 255 && bucket.chars().all(fits)))
}

fn is_file_extension(extension: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_digit() || letter.is_ascii_lowercase() || "!-_.*'()".contains(letter);
    extension.is_empty() || (extension.len() > 1 && extension.starts_with('.') && extension.chars().all(fits))
}
