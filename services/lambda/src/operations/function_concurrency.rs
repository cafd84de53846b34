//! PutFunctionConcurrency, GetFunctionConcurrency and DeleteFunctionConcurrency.

use anabranch_protocol::{ApiError, Integer, Violations};
use serde::Deserialize;
use serde_json::{Value, json};

use super::addressed::FunctionRequest;
use crate::error::invalid_parameter;
use crate::function_id::FunctionId;
use crate::{Lambda, Scope};

/// Concurrent executions of an account in a region. (Lambda quotas.)
pub(super) const ACCOUNT_CONCURRENCY_MAX: u32 = 1_000;
/// What must be left for functions that reserve nothing.
const UNRESERVED_MIN: u32 = 100;
const RESERVED: Integer = Integer { min: 0, max: u32::MAX as i64 };

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutFunctionConcurrencyRequest {
    function_name: String,
    reserved_concurrent_executions: Option<i64>,
}

/// Reserves environments for a function, and allows it no more; none throttles it.
pub(super) async fn put_function_concurrency(
    lambda: &Lambda,
    scope: &Scope,
    request: PutFunctionConcurrencyRequest,
) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    let asked = request.reserved_concurrent_executions;
    violations.required_integer("reservedConcurrentExecutions", asked, &RESERVED);
    violations.finish()?;
    let id = FunctionId::resolve(&request.function_name, None, scope)?;
    let asked = asked.and_then(|asked| u32::try_from(asked).ok()).unwrap_or_default();
    let others: u64 = reserved(lambda, &id.scope, Some(&id));
    if others + u64::from(asked) > u64::from(ACCOUNT_CONCURRENCY_MAX - UNRESERVED_MIN) {
        return Err(invalid_parameter(format!(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its \
             minimum value of [{UNRESERVED_MIN}]."
        )));
    }
    let changed = lambda.functions.change(&id, |draft| {
        draft.record.reserved_concurrency = Some(asked);
        Ok(())
    });
    changed.await?;
    Ok(json!({ "ReservedConcurrentExecutions": asked }))
}

/// What is reserved in an account and region, but for one function.
pub(super) fn reserved(lambda: &Lambda, scope: &Scope, without: Option<&FunctionId>) -> u64 {
    let records = lambda.functions.records(scope);
    let others = records.iter().filter(|record| without.is_none_or(|id| record.name != id.name));
    others.filter_map(|record| record.reserved_concurrency).map(u64::from).sum()
}

/// What a function reserves.
pub(super) fn get_function_concurrency(
    lambda: &Lambda,
    scope: &Scope,
    request: &FunctionRequest,
) -> Result<Value, ApiError> {
    let id = FunctionId::resolve(&request.function_name, None, scope)?;
    let record = lambda.functions.record(&id)?;
    Ok(match record.reserved_concurrency {
        Some(reserved) => json!({ "ReservedConcurrentExecutions": reserved }),
        None => json!({}),
    })
}

/// Reserves nothing for a function.
pub(super) async fn delete_function_concurrency(
    lambda: &Lambda,
    scope: &Scope,
    request: FunctionRequest,
) -> Result<(), ApiError> {
    let id = FunctionId::resolve(&request.function_name, None, scope)?;
    let changed = lambda.functions.change(&id, |draft| {
        draft.record.reserved_concurrency = None;
        Ok(())
    });
    changed.await
}
