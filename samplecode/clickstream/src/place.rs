//! Where the pipeline is: the endpoint, the API, and the names of its buckets and tables.

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where Anabranch listens unless told otherwise.
const ENDPOINT_DEFAULT: &str = "http://127.0.0.1:4566";

/// The pipeline's addresses and names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub endpoint: String,
    /// Where clicks are posted.
    pub api_url: String,
    pub delivery_stream: String,
    pub raw_bucket: String,
    pub curated_bucket: String,
    pub failures_bucket: String,
    pub sessions_table: String,
    pub funnel_table: String,
    pub pages_table: String,
    pub seen_table: String,
}

/// Why the pipeline was not found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    /// The ready file can't be read.
    #[error("{path}: {reason}")]
    ReadyFile {
        /// The service's name.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing says where the API is.
    #[error("it is not known where to post clicks: give --ready-file or --api-url")]
    NoApi,
}

/// What `anabranch up --ready-file` writes, as far as it is needed here: the endpoint and
/// the template's outputs.
#[derive(Debug, Default, Deserialize)]
struct Ready {
    #[serde(default)]
    endpoint: Option<String>,
    #[serde(default)]
    outputs: BTreeMap<String, String>,
}

impl Place {
    /// From the ready file, overridden by the command line; names that neither gives are the template's
    /// defaults.
    pub(crate) fn find(
        endpoint: Option<&str>,
        ready_file: Option<&Path>,
        api_url: Option<&str>,
    ) -> Result<Self, PlaceError> {
        let ready = ready_file.map(Ready::read).transpose()?.unwrap_or_default();
        let endpoint = endpoint.or(ready.endpoint.as_deref()).unwrap_or(ENDPOINT_DEFAULT).trim_end_matches('/');
        let api_url = match (api_url, ready.outputs.get("ApiId")) {
            (Some(url), _) => url.to_owned(),
            (None, Some(id)) => format!("{endpoint}/_aws/execute-api/{id}/$default/clicks"),
            (None, None) => return Err(PlaceError::NoApi),
        };
        let name = |output: &str, default: &str| ready.outputs.get(output).map_or(default, String::as_str).to_owned();
        Ok(Self {
            api_url,
            delivery_stream: name("DeliveryStreamName", "clicks-raw"),
            raw_bucket: name("RawBucket", "clickstream-raw-000000000000"),
            curated_bucket: name("CuratedBucket", "clickstream-curated-000000000000"),
            failures_bucket: name("FailuresBucket", "clickstream-failures-000000000000"),
            sessions_table: name("SessionsTable", "sessions"),
            funnel_table: name("FunnelTable", "funnel"),
            pages_table: name("PagesTable", "pages"),
            seen_table: name("SeenTable", "seen"),
            endpoint: endpoint.to_owned(),
        })
    }
}

impl Ready {
    fn read(path: &Path) -> Result<Self, PlaceError> {
        let failed = |reason: String| PlaceError::ReadyFile { path: path.to_path_buf(), reason };
        let text = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))
    }
}

/// AWS clients for the endpoint. Any credentials will do there.
pub(crate) struct Clients {
    pub s3: aws_sdk_s3::Client,
    pub tables: aws_sdk_dynamodb::Client,
    pub firehose: aws_sdk_firehose::Client,
}

impl Clients {
    /// Clients for `place`.
    pub(crate) fn new(place: &Place) -> Self {
        let config = aws_config::SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(&place.endpoint)
            .credentials_provider(aws_sdk_s3::config::SharedCredentialsProvider::new(Credentials::new(
                "clickstream",
                "clickstream",
                None,
                None,
                "clickstream",
            )))
            .build();
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
        Self {
            s3: aws_sdk_s3::Client::from_conf(s3),
            tables: aws_sdk_dynamodb::Client::new(&config),
            firehose: aws_sdk_firehose::Client::new(&config),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_file_tells_and_the_command_line_overrides() {
        let path = std::env::temp_dir().join(format!("clickstream-ready-{}.json", std::process::id()));
        std::fs::write(
            &path,
            r#"{"endpoint":"http://127.0.0.1:4999/","pid":7,"outputs":{"ApiId":"abc","RawBucket":"mine"}}"#,
        )
        .unwrap();
        let place = Place::find(None, Some(&path), None).unwrap();
        assert_eq!(place.api_url, "http://127.0.0.1:4999/_aws/execute-api/abc/$default/clicks");
        assert_eq!((&*place.raw_bucket, &*place.pages_table), ("mine", "pages"));
        let place = Place::find(Some("http://[::1]:1"), Some(&path), Some("http://x/clicks")).unwrap();
        assert_eq!((&*place.endpoint, &*place.api_url), ("http://[::1]:1", "http://x/clicks"));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(Place::find(None, Some(&path), None), Err(PlaceError::ReadyFile { .. })));
        assert!(matches!(Place::find(None, None, None), Err(PlaceError::NoApi)));
    }
}
