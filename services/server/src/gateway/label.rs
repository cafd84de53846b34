//! What a request is counted as.

/// The service and operation under which a request is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    /// Such as `kinesis`.
    pub(crate) service: String,
    /// Such as `PutRecords`; of a small set, never what clients make up.
    pub(crate) operation: String,
}

impl Label {
    pub(super) fn new(service: &str, operation: &str) -> Self {
        Self { service: service.into(), operation: operation.into() }
    }
}
