//! Functions, as HTTP APIs invoke them.

use std::sync::Arc;

use anabranch_http_api::InvokeError;
use anabranch_lambda::{InvokeOptions, Lambda};
use async_trait::async_trait;
use bytes::Bytes;

/// Gives HTTP APIs the functions of this server.
pub(super) struct FunctionInvoker(pub(super) Arc<Lambda>);

#[async_trait]
impl anabranch_http_api::FunctionInvoker for FunctionInvoker {
    async fn invoke(&self, function: &str, payload: Bytes) -> Result<Bytes, InvokeError> {
        let outcome = self.0.invoke(function, payload, InvokeOptions::default()).await;
        let outcome = outcome.map_err(|error| InvokeError::Unavailable(error.to_string()))?;
        match outcome.function_error {
            None => Ok(outcome.payload),
            Some(_) => Err(InvokeError::Function(String::from_utf8_lossy(&outcome.payload).into_owned())),
        }
    }
}
