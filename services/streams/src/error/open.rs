//! Why the service could not be opened.

/// Why the service could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Control state can't be read or written.
    #[error(transparent)]
    Control(#[from] anabranch_control::ControlError),
    /// The directory can't be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The directory.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
