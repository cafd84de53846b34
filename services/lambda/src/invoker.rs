//! Functions, as other services of the program invoke them.

use anabranch_ports::{Delivery, FunctionInvoker, FunctionOutcome, PortError, Target};
use async_trait::async_trait;
use bytes::Bytes;

use crate::invoke::InvokeOptions;
use crate::service::Lambda;

#[async_trait]
impl FunctionInvoker for Lambda {
    async fn invoke(&self, function: &str, payload: Bytes) -> Result<FunctionOutcome, PortError> {
        let function = function.parse()?;
        let outcome = Lambda::invoke(self, &function, payload, InvokeOptions::default()).await?;
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
        Ok(self.get_function(&target_arn.parse()?).map(drop)?)
    }

    async fn deliver(&self, target_arn: &str, delivery: Delivery) -> Result<(), PortError> {
        let function = target_arn.parse()?;
        let request_id = self.invoke_async(&function, delivery.payload).await?;
        tracing::debug!(target_arn, request_id, "accepted");
        Ok(())
    }
}
