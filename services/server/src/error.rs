//! Why the program could not start, and the exit code that says so.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why [`crate::App::start`] failed. The message is what the user reads.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A flag, environment variable or configuration key has no valid value.
    #[error("{0}")]
    Configuration(String),
    /// Another program listens there.
    #[error("the address {0} is already in use; stop the program that listens there or choose another with --listen")]
    AddressInUse(SocketAddr),
    /// The address can't be listened on for another reason.
    #[error("can't listen on {address}: {source}")]
    Address {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A running server owns the data directory.
    #[error("the data directory {} is in use by {}; choose another with --data", path.display(), owner(*pid))]
    DataDirectoryInUse {
        /// The directory.
        path: PathBuf,
        /// The owner, if it said so.
        pid: Option<u32>,
    },
    /// A newer program wrote the data directory.
    #[error("the data directory {} has format {found}, but this program knows formats up to {supported}: \
             use the newer program that wrote it, or choose another directory with --data", path.display())]
    NewerFormat {
        /// The directory.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The latest version known.
        supported: u32,
    },
    /// The directory holds something, but nothing of ours.
    #[error("{} is not empty and is not a data directory of this program ({reason}); choose another with --data", path.display())]
    ForeignDirectory {
        /// The directory.
        path: PathBuf,
        /// How that shows.
        reason: String,
    },
    /// The data directory can't be created or written.
    #[error("can't write to the data directory {}: {source}", path.display())]
    DataDirectory {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A service could not open its part of the data directory.
    #[error("{service}: {reason}")]
    Service {
        /// The service's name.
        service: &'static str,
        /// Why, from the service.
        reason: String,
    },
}

impl StartError {
    /// A service that can't start for `reason`.
    pub(crate) fn service(service: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Service { service, reason: reason.to_string() }
    }

    /// The exit code; `anabranch serve --help` lists them.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Service { .. } => 1,
            Self::Configuration(_) => 2,
            Self::AddressInUse(_) | Self::Address { .. } => 3,
            Self::DataDirectoryInUse { .. } => 4,
            Self::NewerFormat { .. } => 5,
            Self::ForeignDirectory { .. } | Self::DataDirectory { .. } => 6,
        }
    }
}

fn owner(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_string(), |pid| format!("process {pid}"))
}
