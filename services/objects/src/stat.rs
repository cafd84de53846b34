//! Objects and bytes by bucket, kept in step with the index.

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
}

/// Figures of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketStat {
    /// Its name.
    pub name: String,
    /// Objects in it.
    pub objects: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_ms: u64,
}
