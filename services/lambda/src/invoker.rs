//! Functions, as other services of the program invoke them.

use anabranch_ports::{FunctionInvoker, FunctionOutcome, PortError, PortErrorKind};
use anabranch_protocol::{ApiError, ErrorKind};
use async_trait::async_trait;
use bytes::Bytes;

use crate::invoke::InvokeOptions;
use crate::service::Lambda;

#[async_trait]
impl FunctionInvoker for Lambda {
    async fn invoke(&self, function: &str, payload: Bytes) -> Result<FunctionOutcome, PortError> {
        let function = function.parse().map_err(port_error)?;
        let outcome = Lambda::invoke(self, &function, payload, InvokeOptions::default()).await.map_err(port_error)?;
        Ok(match outcome.function_error {
            None => FunctionOutcome::Returned(outcome.payload),
            Some(_) => FunctionOutcome::Failed(outcome.payload),
        })
    }
}

impl Lambda {
    /// As [`Lambda::invoke_async`], for other services.
    ///
    /// # Errors
    /// [`PortError`] when the event was not taken.
    pub async fn accept_event(&self, function: &str, event: Bytes) -> Result<String, PortError> {
        self.invoke_async(&function.parse().map_err(port_error)?, event).await.map_err(port_error)
    }
}

fn port_error(error: ApiError) -> PortError {
    let kind = match error.kind {
        ErrorKind::NotFound => PortErrorKind::NotFound,
        ErrorKind::Throttled => PortErrorKind::Throttled,
        ErrorKind::Unavailable => PortErrorKind::Unavailable,
        ErrorKind::Internal => PortErrorKind::Failed,
        _ => PortErrorKind::Refused,
    };
    PortError::new(kind, error.code, error.message)
}
