//! `AddPermission` and `RemovePermission`: statements of the queue's policy. Policies are kept and
//! shown, and not enforced: no credentials are checked here.

use std::sync::Arc;

use anabranch_protocol::{Account, ApiError, BoundedList, RequestContext};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::{OVER_LIMIT, invalid_value, missing};
use crate::limits::{ACCOUNTS_READ_MAX, PERMITTED_ACTIONS_MAX, QUEUE_NAME_CHARACTERS_MAX, STATEMENTS_MAX};
use crate::queue::Description;
use crate::registry::Registry;
use crate::settings::{Attributes, POLICY};

/// Actions that another account may be allowed ("AddPermission").
const PERMITTED: &[&str] = &[
    "*",
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
];

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct AddRequest {
    queue_url: String,
    label: Option<String>,
    #[serde(rename = "AWSAccountIds", alias = "AWSAccountId")]
    accounts: Option<BoundedList<String, ACCOUNTS_READ_MAX>>,
    #[serde(alias = "ActionName")]
    actions: Option<BoundedList<String, ACCOUNTS_READ_MAX>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RemoveRequest {
    queue_url: String,
    label: Option<String>,
}

pub(super) async fn add_permission(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: AddRequest,
) -> Result<(), ApiError> {
    let queue = registry.by_url(context, &request.queue_url)?;
    let label = label(request.label)?;
    let accounts = request.accounts.filter(|accounts| !accounts.is_empty()).ok_or_else(|| missing("AWSAccountIds"))?;
    let actions = request.actions.filter(|actions| !actions.is_empty()).ok_or_else(|| missing("Actions"))?;
    if let Some(account) = accounts.iter().find(|account| account.parse::<Account>().is_err()) {
        return Err(invalid_value(account, "PrincipalId", "Unable to verify."));
    }
    if let Some(action) = actions.iter().find(|action| !PERMITTED.contains(&action.as_str())) {
        let reason = "Only the queue owner is allowed to invoke this action, or there is no such action.";
        return Err(invalid_value(action, "ActionName", reason));
    }
    if actions.count() > PERMITTED_ACTIONS_MAX {
        return Err(over_limit(format!(
            "{} Actions were found, maximum allowed is {PERMITTED_ACTIONS_MAX}.",
            actions.count()
        )));
    }
    let principals: Vec<String> = accounts.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
    let actions: Vec<String> = actions.iter().map(|action| format!("SQS:{action}")).collect();
    let statement = json!({
        "Sid": label,
        "Effect": "Allow",
        "Principal": { "AWS": one_or_all(principals) },
        "Action": one_or_all(actions),
        "Resource": queue.arn,
    });
    let id = format!("{}/SQSDefaultPolicy", queue.arn);
    let change = |description: Description| {
        let mut policy = policy_of(&description);
        policy.entry("Version").or_insert_with(|| json!("2012-10-17"));
        policy.entry("Id").or_insert_with(|| json!(id));
        let mut statements = statements_of(&policy);
        if statements.iter().any(|statement| has_label(statement, &label)) {
            return Err(invalid_value(&label, "Label", "Already exists."));
        }
        if statements.len() >= STATEMENTS_MAX {
            return Err(over_limit(format!("A policy has at most {STATEMENTS_MAX} statements.")));
        }
        statements.push(statement);
        with_statements(description, policy, statements)
    };
    registry.describe(queue, change).await
}

pub(super) async fn remove_permission(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: RemoveRequest,
) -> Result<(), ApiError> {
    let queue = registry.by_url(context, &request.queue_url)?;
    let label = label(request.label)?;
    let change = |description: Description| {
        let policy = policy_of(&description);
        let mut statements = statements_of(&policy);
        let before = statements.len();
        statements.retain(|statement| !has_label(statement, &label));
        if statements.len() == before {
            return Err(invalid_value(&label, "Label", "can't find label on existing policy."));
        }
        with_statements(description, policy, statements)
    };
    registry.describe(queue, change).await
}

fn over_limit(message: String) -> ApiError {
    ApiError::new(anabranch_protocol::ErrorKind::LimitExceeded, OVER_LIMIT, message)
}

fn label(label: Option<String>) -> Result<String, ApiError> {
    let label = label.ok_or_else(|| missing("Label"))?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if (1..=QUEUE_NAME_CHARACTERS_MAX).contains(&label.len()) && label.bytes().all(is_plain) {
        return Ok(label);
    }
    let reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.";
    Err(invalid_value(label, "Label", reason))
}

/// A policy's lists are written as their member where there is one only.
fn one_or_all(mut values: Vec<String>) -> Value {
    if values.len() == 1 { json!(values.remove(0)) } else { json!(values) }
}

fn policy_of(description: &Description) -> Map<String, Value> {
    let policy = description.settings.given.get(POLICY);
    policy.and_then(|policy| serde_json::from_str(policy).ok()).unwrap_or_default()
}

fn statements_of(policy: &Map<String, Value>) -> Vec<Value> {
    match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.clone(),
        Some(statement) => vec![statement.clone()],
        None => Vec::new(),
    }
}

fn has_label(statement: &Value, label: &str) -> bool {
    statement.get("Sid").and_then(Value::as_str) == Some(label)
}

fn with_statements(
    description: Description,
    mut policy: Map<String, Value>,
    statements: Vec<Value>,
) -> Result<Description, ApiError> {
    let text = match statements.is_empty() {
        true => String::new(),
        false => {
            policy.insert("Statement".into(), Value::Array(statements));
            Value::Object(policy).to_string()
        }
    };
    let settings = description.settings.with(Attributes::from([(POLICY.to_string(), text)]))?;
    Ok(Description { settings, ..description })
}
