//! Resource policies: their form. What they say is not enforced, as nothing of IAM is.

use anabranch_protocol::ApiError;
use serde_json::Value;

use crate::error::{invalid_argument, limit_exceeded};
use crate::limits::POLICY_BYTES_MAX;

/// Checks that `policy` is a policy document whose statements name whom and what they are about.
pub(crate) fn check_policy(policy: &str) -> Result<(), ApiError> {
    if policy.len() > POLICY_BYTES_MAX {
        return Err(limit_exceeded(format!(
            "The policy has {} bytes; at most {POLICY_BYTES_MAX} are allowed.",
            policy.len()
        )));
    }
    let document: Value =
        serde_json::from_str(policy).map_err(|_| invalid_argument("The policy is not valid JSON."))?;
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => statements.as_slice(),
        Some(statement @ Value::Object(_)) => std::slice::from_ref(statement),
        _ => return Err(invalid_argument("The policy must have at least one Statement.")),
    };
    for (number, statement) in statements.iter().enumerate() {
        let number = number + 1;
        if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
            return Err(invalid_argument(format!("Effect of the policy's statement {number} must be Allow or Deny.")));
        }
        for alternatives in [["Principal", "NotPrincipal"], ["Action", "NotAction"]] {
            if alternatives.iter().all(|member| statement.get(member).is_none()) {
                return Err(invalid_argument(format!(
                    "The policy's statement {number} must have a member {}.",
                    alternatives[0]
                )));
            }
        }
    }
    Ok(())
}
