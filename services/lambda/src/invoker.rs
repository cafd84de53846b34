//! Functions, as other services of the program invoke them.

use anabranch_ports::{Delivery, FunctionInvoker, FunctionOutcome, PortError, PortErrorKind, Target};
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

/// As the service that a function is subscribed to invokes it: asynchronously.
#[async_trait]
impl Target for Lambda {
    async fn check(&self, target_arn: &str) -> Result<(), PortError> {
        self.get_function(&target_arn.parse().map_err(port_error)?).map(drop).map_err(port_error)
    }

    async fn deliver(&self, target_arn: &str, delivery: Delivery) -> Result<(), PortError> {
        let function = target_arn.parse().map_err(port_error)?;
        let request_id = self.invoke_async(&function, delivery.payload).await.map_err(port_error)?;
        tracing::debug!(target_arn, request_id, "accepted");
        Ok(())
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
