//! Functions, as other services of the program invoke them.

use anabranch_ports::{Delivery, FunctionInvoker, FunctionOutcome, PortError, Target};
use async_trait::async_trait;
use bytes::Bytes;

use crate::function_id::QualifiedFunction;
use crate::invoke::InvokeOptions;
use crate::service::Lambda;

#[async_trait]
impl FunctionInvoker for Lambda {
    async fn invoke(&self, function: &str, payload: Bytes) -> Result<FunctionOutcome, PortError> {
        let function = function.parse()?;
        let outcome = self.invoke_qualified(&function, payload, InvokeOptions::default()).await?.outcome;
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
        self.functions.describe(&target_arn.parse()?)?;
        Ok(())
    }

    async fn deliver(&self, target_arn: &str, delivery: Delivery) -> Result<(), PortError> {
        let function: QualifiedFunction = target_arn.parse()?;
        let request_id = self.invoke_async(function, delivery.payload).await?;
        tracing::debug!(target_arn, request_id, "accepted");
        Ok(())
    }
}
