//! The settings of an S3 destination, as they are stored.

use serde::{Deserialize, Serialize};

/// The settings of an S3 destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct S3 {
    pub(crate) role_arn: String,
    pub(crate) bucket_arn: String,
    pub(crate) prefix: Option<String>,
    pub(crate) error_output_prefix: Option<String>,
    pub(crate) size_in_mbs: u64,
    pub(crate) interval_in_seconds: u64,
    pub(crate) compression: Compression,
    pub(crate) file_extension: Option<String>,
    pub(crate) custom_time_zone: Option<String>,
}

/// How objects are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Compression {
    #[serde(rename = "UNCOMPRESSED")]
    Uncompressed,
    #[serde(rename = "GZIP")]
    Gzip,
}
