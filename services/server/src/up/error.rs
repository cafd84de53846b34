//! What can go wrong with `anabranch up`.

use std::io;
use std::path::PathBuf;

use anabranch_template::TemplateError;

/// Why a template could not be brought up.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// The template is wrong, or contains something that is not supported.
    #[error("the template can't be used:\n{0}")]
    Template(#[from] TemplateError),
    /// A file can't be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A function could not be built.
    #[error("building {what} failed: {reason}")]
    Build {
        /// The functions.
        what: String,
        /// What the build said, unless it was already printed.
        reason: String,
    },
    /// A resource could not be created.
    #[error("{resource} (line {line} of the template): {reason}")]
    Resource {
        /// Its logical id.
        resource: String,
        /// Where the template has it.
        line: usize,
        /// Why.
        reason: String,
    },
    /// Functions could not be started.
    #[error("functions could not be started: {0}")]
    Start(String),
}
