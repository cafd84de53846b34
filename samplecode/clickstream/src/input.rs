//! What the job streams, whether generated or read from a log.

/// What to stream.
#[derive(Debug, Default)]
pub(crate) struct Input {
    /// In words, for the report.
    pub title: String,
    /// Clicks for the API, in order of time.
    pub clicks: Vec<click::Click>,
    /// Lines for the delivery stream that are not clicks.
    pub raw_lines: Vec<Vec<u8>>,
    /// Bodies that the API must refuse.
    pub bad_bodies: Vec<BadBody>,
}

/// A request that must be answered with 400.
#[derive(Debug, Clone)]
pub(crate) struct BadBody {
    /// What is wrong with it, in words.
    pub what: &'static str,
    /// The body.
    pub body: String,
}
