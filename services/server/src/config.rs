//! Settings: each is a flag, an environment variable and a key of the configuration file, in
//! this order of precedence, and is checked once into a [`Config`].

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anabranch_protocol::ManualClock;
use anabranch_storage::FlushPolicy;
use anabranch_streams::Limits;
use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use serde::Deserialize;

use rustix::process::Resource;

use crate::gateway::{ConnectionLimits, TlsFiles, Trusted, host_name, origin};
use crate::{Descriptors, StartError};

/// What `--flush` takes.
pub const FLUSH_FORMS: &str = "fsync, interval=MILLISECONDS or os";
/// Where the server listens unless told otherwise: the port that local AWS tools expect.
const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4566);
/// Largest request body unless told otherwise: S3's limit for one PUT.
const BODY_BYTES_MAX_DEFAULT: u64 = 5 << 30;
/// Longest flush interval: what is lost in a power cut should stay a matter of moments.
const FLUSH_INTERVAL_MAX: Duration = Duration::from_secs(60);

/// Settings as given; absent ones have defaults. Keys of the file are the flags' names.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// Directory that holds all data; made if absent [default: ./anabranch-data]
    #[arg(long, env = "ANABRANCH_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:4566]
    #[arg(long, env = "ANABRANCH_LISTEN", value_name = "ADDR")]
    pub listen: Option<SocketAddr>,

    /// When a record counts as stored: fsync (once on the disk), interval=MS (flushed within MS
    /// milliseconds; a power cut may lose those) or os (when the kernel likes) [default: fsync]
    #[arg(long, env = "ANABRANCH_FLUSH", value_name = "POLICY")]
    pub flush: Option<String>,

    /// Whether the quotas of AWS hold: aws (throughput of shards and rates of calls, as on AWS) or
    /// off (the machine is the limit) [default: aws]
    #[arg(long, env = "ANABRANCH_LIMITS", value_name = "LIMITS")]
    pub limits: Option<LimitsSetting>,

    /// How logs look on stderr [default: auto, that is pretty on a terminal, else json]
    #[arg(long, env = "ANABRANCH_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,

    /// Largest request body, in bytes or with a unit such as 64MiB; requests other than S3's are
    /// limited to 16 MiB as well [default: 5GiB]
    #[arg(long, env = "ANABRANCH_MAX_BODY", value_name = "BYTES")]
    pub max_body: Option<ByteSize>,

    /// Certificate chain in PEM for clients that connect by TLS (https:// on the same port); goes
    /// with --tls-key [default: one that the server makes and keeps in the data directory, tls/certificate.pem]
    #[arg(long, env = "ANABRANCH_TLS_CERTIFICATE", value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,

    /// Private key in PEM of the certificate
    #[arg(long, env = "ANABRANCH_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// Host name by which the server may be asked for, besides localhost and all names below it:
    /// NAME, or *.NAME for all below; may be given several times. IP addresses need none
    #[arg(long, env = "ANABRANCH_HOST_NAME", value_name = "NAME", value_delimiter = ',')]
    #[serde(default)]
    pub host_name: Vec<String>,

    /// Origin whose web pages may call the AWS APIs, such as http://localhost:3000, or * for any
    /// page that a browser on this machine shows; may be given several times
    #[arg(long, env = "ANABRANCH_CORS_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    #[serde(default)]
    pub cors_origin: Vec<String>,

    /// For tests: the server's clock is the machine's until POST /_anabranch/clock moves it ahead
    #[arg(long, hide = true)]
    #[serde(skip)]
    pub test_clock: bool,

    /// TOML file with any of these settings, such as `listen = "127.0.0.1:4600"`
    #[arg(long, env = "ANABRANCH_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
}

/// How logs look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Lines for people.
    Pretty,
    /// Pretty on a terminal, else JSON.
    #[default]
    Auto,
}

/// Whether the quotas of AWS hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitsSetting {
    /// As on AWS.
    #[default]
    Aws,
    /// The machine is the limit.
    Off,
}

/// Settings that were checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where all data lies.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// When an append to a log counts as done.
    pub flush: FlushPolicy,
    /// Whether the quotas of AWS hold.
    pub limits: Limits,
    /// How logs look.
    pub log_format: LogFormat,
    /// Largest request body, in bytes.
    pub body_bytes_max: u64,
    /// The certificate to show, unless the server makes its own.
    pub tls: Option<TlsFiles>,
    /// Host names and web pages that may reach the server besides its own.
    pub trusted: Trusted,
    /// Limits of connections.
    pub connections: ConnectionLimits,
    /// How the process's file descriptors are shared out; connections have the lesser of their
    /// share and their limit.
    pub descriptors: Descriptors,
    /// The umask of functions and builds; the process's own if absent.
    pub functions_umask: Option<u32>,
    /// The clock of all services, for tests that move it; the machine's if absent.
    pub test_clock: Option<ManualClock>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("./anabranch-data"),
            listen: LISTEN_DEFAULT,
            flush: FlushPolicy::Fsync,
            limits: Limits::Aws,
            log_format: LogFormat::Auto,
            body_bytes_max: BODY_BYTES_MAX_DEFAULT,
            tls: None,
            trusted: Trusted::default(),
            connections: ConnectionLimits::default(),
            descriptors: Descriptors::of(rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)),
            functions_umask: None,
            test_clock: None,
        }
    }
}

impl Settings {
    /// Fills in what the configuration file says and the defaults, and checks all of it.
    ///
    /// # Errors
    /// [`StartError::Configuration`], naming the setting and what it takes.
    pub fn resolve(&self) -> Result<Config, StartError> {
        let file = self.config.as_deref().map(read_file).transpose()?.unwrap_or_default();
        let default = Config::default();
        let flush = self.flush.as_ref().or(file.flush.as_ref());
        let tls = match (self.tls_certificate.clone().or(file.tls_certificate), self.tls_key.clone().or(file.tls_key)) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            _ => return Err(StartError::Configuration("tls-certificate and tls-key go together".into())),
        };
        let body_bytes_max = self.max_body.or(file.max_body).map_or(default.body_bytes_max, |size| size.as_u64());
        if body_bytes_max == 0 {
            return Err(StartError::Configuration("max-body takes a number of bytes above 0, such as 64MiB".into()));
        }
        Ok(Config {
            data: self.data.clone().or(file.data).unwrap_or(default.data),
            listen: self.listen.or(file.listen).unwrap_or(default.listen),
            flush: flush.map_or(Ok(default.flush), |text| parse_flush(text))?,
            limits: match self.limits.or(file.limits).unwrap_or_default() {
                LimitsSetting::Aws => Limits::Aws,
                LimitsSetting::Off => Limits::Off,
            },
            log_format: self.log_format.or(file.log_format).unwrap_or_default(),
            body_bytes_max,
            tls,
            trusted: Trusted {
                host_names: checked(&self.host_name, &file.host_name, host_name)?,
                origins: checked(&self.cors_origin, &file.cors_origin, origin)?,
            },
            test_clock: self.test_clock.then(ManualClock::running),
            ..default
        })
    }
}

/// The values given, or else those of the file, each as `check` writes it.
fn checked(
    given: &[String],
    file: &[String],
    check: fn(&str) -> Result<String, String>,
) -> Result<Vec<String>, StartError> {
    let values = if given.is_empty() { file } else { given };
    values.iter().map(|text| check(text).map_err(StartError::Configuration)).collect()
}

fn read_file(path: &Path) -> Result<Settings, StartError> {
    let refuse = |reason: String| StartError::Configuration(format!("configuration file {}: {reason}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    toml::from_str(&text).map_err(|error| refuse(error.to_string().trim_end().to_string()))
}

fn parse_flush(text: &str) -> Result<FlushPolicy, StartError> {
    let interval = |ms: &str| ms.parse().ok().map(Duration::from_millis);
    match (text, text.strip_prefix("interval=").and_then(interval)) {
        ("fsync", _) => Ok(FlushPolicy::Fsync),
        ("os", _) => Ok(FlushPolicy::Os),
        (_, Some(interval)) if !interval.is_zero() && interval <= FLUSH_INTERVAL_MAX => {
            Ok(FlushPolicy::Interval(interval))
        }
        _ => Err(StartError::Configuration(format!(
            "flush takes {FLUSH_FORMS} (1 to {} ms), not {text:?}",
            FLUSH_INTERVAL_MAX.as_millis()
        ))),
    }
}

/// The policy as `--flush` takes it.
pub fn flush_name(policy: FlushPolicy) -> String {
    match policy {
        FlushPolicy::Fsync => "fsync".into(),
        FlushPolicy::Interval(interval) => format!("interval={}", interval.as_millis()),
        FlushPolicy::Os => "os".into(),
    }
}

/// What a power cut can take of what was acknowledged, in words.
pub fn flush_losses(policy: FlushPolicy) -> String {
    match policy {
        FlushPolicy::Fsync => "nothing acknowledged can be lost".into(),
        FlushPolicy::Interval(interval) => {
            format!("a power cut can lose the stream records acknowledged in the last {} ms", interval.as_millis())
        }
        FlushPolicy::Os => "a power cut can lose the stream records acknowledged in the last seconds".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("anabranch.toml");
        std::fs::write(&path, "flush = \"interval=20\"\nlisten = \"127.0.0.1:1\"\nmax-body = \"2KiB\"\n").unwrap();
        let flags = Settings { listen: Some(([127, 0, 0, 1], 2).into()), config: Some(path), ..Settings::default() };
        let config = flags.resolve().unwrap();
        assert_eq!(config.listen.port(), 2);
        assert_eq!(config.flush, FlushPolicy::Interval(Duration::from_millis(20)));
        assert_eq!(config.body_bytes_max, 2048);
        assert_eq!(config.data, Path::new("./anabranch-data"));
    }

    #[test]
    fn names_and_origins_are_checked() {
        let names = |names: &[&str], origins: &[&str]| Settings {
            host_name: names.iter().map(|name| name.to_string()).collect(),
            cors_origin: origins.iter().map(|origin| origin.to_string()).collect(),
            ..Settings::default()
        };
        let trusted = names(&["Box", "*.Example.com"], &["http://LOCALHOST:3000", "*"]).resolve().unwrap().trusted;
        assert_eq!(trusted.host_names, ["box", "*.example.com"]);
        assert_eq!(trusted.origins, ["http://localhost:3000", "*"]);
        for name in ["", "*", "a..b", "http://box", "box:4566", "*.*.com"] {
            let error = names(&[name], &[]).resolve().unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains("host-name"), "{error}");
        }
        for origin in ["", "null", "localhost:3000", "http://", "http://a/b", "http://u@a", "http://*.a"] {
            let error = names(&[], &[origin]).resolve().unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains("cors-origin"), "{error}");
        }
    }

    #[test]
    fn a_certificate_needs_its_key() {
        let flags = Settings { tls_key: Some("key.pem".into()), ..Settings::default() };
        assert!(flags.resolve().unwrap_err().to_string().contains("tls-certificate"));
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("anabranch.toml");
        std::fs::write(&path, "listen = \"127.0.0.1:1\"\nflsh = \"os\"\n").unwrap();
        let error = Settings { config: Some(path), ..Settings::default() }.resolve().unwrap_err().to_string();
        assert!(error.contains("flsh") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for flush in ["", "interval", "interval=", "interval=0", "interval=60001", "interval=-1", "sync"] {
            assert!(parse_flush(flush).is_err(), "{flush}");
        }
        for bytes in ["", "MiB", "-1", "1XB"] {
            assert!(bytes.parse::<ByteSize>().is_err(), "{bytes}");
        }
        let nothing = Settings { max_body: Some(ByteSize(0)), ..Settings::default() };
        assert_eq!(nothing.resolve().unwrap_err().exit_code(), 2);
    }

    #[test]
    fn policies_print_as_they_are_given() {
        for text in ["fsync", "interval=250", "os"] {
            assert_eq!(flush_name(parse_flush(text).unwrap()), text);
        }
    }
}
