//! Invoke.

use anabranch_protocol::{Answer, ApiError, Call};
use base64_simd::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::invalid_parameter;
use crate::function_id::QualifiedFunction;
use crate::functions::Executed;
use crate::invoke::{InvokeOptions, LogTail, PAYLOAD_BYTES_MAX, check_payload};
use crate::{Lambda, Scope};

/// The payload is the body.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InvokeRequest {
    function_name: String,
    qualifier: Option<String>,
    invocation_type: Option<String>,
    log_type: Option<String>,
    client_context: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Invoked {
    status_code: u16,
    function_error: Option<String>,
    log_result: Option<String>,
    executed_version: Option<String>,
}

impl Invoked {
    fn new(status_code: u16) -> Self {
        Self { status_code, function_error: None, log_result: None, executed_version: None }
    }
}

/// Invokes a function and waits for its outcome, takes an event for it, or only looks whether that
/// could be done. The answer bears the invocation's id.
pub(super) async fn invoke(lambda: &Lambda, call: &Call) -> Result<Answer, ApiError> {
    let request: InvokeRequest = call.input()?;
    let scope = Scope::from(&call.context);
    let function = QualifiedFunction::resolve(&request.function_name, request.qualifier.as_deref(), &scope)?;
    let (payload, client_context) = (call.body(), request.client_context);
    let (answer, request_id) = match request.invocation_type.as_deref() {
        None | Some("RequestResponse") => {
            let log_tail = log_tail(request.log_type.as_deref())?;
            let options = InvokeOptions { client_context, log_tail, ..InvokeOptions::default() };
            let Executed { version, outcome } = lambda.invoke_qualified(&function, payload, options).await?;
            let invoked = Invoked {
                executed_version: Some(version),
                function_error: outcome.function_error,
                log_result: outcome.log_tail.map(|tail| STANDARD.encode_to_string(tail)),
                ..Invoked::new(200)
            };
            (call.answer_payload(&invoked, outcome.payload, Some("application/json"))?, outcome.request_id)
        }
        Some("Event") => {
            let request_id = lambda.invoke_event(&function, payload, client_context).await?;
            (call.answer_payload(&Invoked::new(202), Bytes::new(), None)?, request_id)
        }
        Some("DryRun") => {
            lambda.functions.describe(&function)?;
            check_payload(payload, PAYLOAD_BYTES_MAX)?;
            (call.answer_payload(&Invoked::new(204), Bytes::new(), None)?, uuid::Uuid::new_v4().to_string())
        }
        Some(other) => {
            return Err(invalid_parameter(format!(
                "1 validation error detected: Value '{other}' at 'invocationType' failed to satisfy constraint: \
                 Member must satisfy enum value set: [Event, RequestResponse, DryRun]"
            )));
        }
    };
    Ok(Answer::Http(answer.with_header("x-amzn-requestid", request_id)))
}

fn log_tail(log_type: Option<&str>) -> Result<LogTail, ApiError> {
    match log_type {
        None | Some("None") => Ok(LogTail::None),
        Some("Tail") => Ok(LogTail::Last4Kb),
        Some(other) => Err(invalid_parameter(format!(
            "1 validation error detected: Value '{other}' at 'logType' failed to satisfy constraint: \
             Member must satisfy enum value set: [None, Tail]"
        ))),
    }
}
