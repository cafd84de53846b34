//! Resource policies: their form. What they say is not enforced, as nothing of IAM is.

use serde_json::Value;

use crate::error::PolicyError;
use crate::limits::POLICY_BYTES_MAX;

/// Checks that `policy` is a policy document whose statements name whom and what they are about.
pub(crate) fn check_policy(policy: &str) -> Result<(), PolicyError> {
    if policy.len() > POLICY_BYTES_MAX {
        return Err(PolicyError::TooLong { bytes: policy.len() });
    }
    let document: Value = serde_json::from_str(policy).map_err(|_| PolicyError::NotJson)?;
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => statements.as_slice(),
        Some(statement @ Value::Object(_)) => std::slice::from_ref(statement),
        _ => return Err(PolicyError::NoStatement),
    };
    for (number, members) in (1..).zip(statements) {
        if !matches!(members.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
            return Err(PolicyError::Effect { statement: number });
        }
        for alternatives in [["Principal", "NotPrincipal"], ["Action", "NotAction"]] {
            if alternatives.iter().all(|member| members.get(member).is_none()) {
                return Err(PolicyError::Member { statement: number, member: alternatives[0] });
            }
        }
    }
    Ok(())
}
