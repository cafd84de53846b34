//! What asynchronous commands run on.

use super::failure::Failure;

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format_args!("can't start the asynchronous runtime: {error}")))
}
