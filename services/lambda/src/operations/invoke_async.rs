//! InvokeAsync, which AWS replaced by Invoke long ago.

use anabranch_protocol::{Answer, ApiError, Call};
use serde::Deserialize;
use serde_json::json;

use crate::function_id::QualifiedFunction;
use crate::{Lambda, Scope};

/// The event is the body.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InvokeAsyncRequest {
    function_name: String,
}

/// Takes an event for a function.
pub(super) async fn invoke_async(lambda: &Lambda, call: &Call) -> Result<Answer, ApiError> {
    let request: InvokeAsyncRequest = call.input()?;
    let function = QualifiedFunction::resolve(&request.function_name, None, &Scope::from(&call.context))?;
    lambda.invoke_event(&function, call.body(), None).await?;
    call.answer(&json!({ "Status": 202 }))
}
