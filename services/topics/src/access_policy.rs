//! A topic's policy: who may do what with it. It is kept and shown; nothing is enforced.

use anabranch_protocol::ApiError;
use serde_json::{Value, json};

use crate::error::{invalid, limit_exceeded};
use crate::limits::{ATTRIBUTE_BYTES_MAX, POLICY_STATEMENTS_MAX};
use crate::names::account_of;

/// Actions that a permission may name ("AddPermission").
const ACTIONS: [&str; 8] = [
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
];

/// The policy of a topic that was given none: its owner may do everything.
pub(crate) fn default_policy(topic_arn: &str) -> Value {
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": { "AWS": "*" },
            "Action": ACTIONS.map(|action| format!("SNS:{action}")),
            "Resource": topic_arn,
            "Condition": { "StringEquals": { "AWS:SourceOwner": account_of(topic_arn) } },
        }],
    })
}

/// Checks a policy that a topic is given.
pub(crate) fn check(policy: &str) -> Result<(), ApiError> {
    let read: Option<Value> = serde_json::from_str(policy).ok().filter(|_| policy.len() <= ATTRIBUTE_BYTES_MAX);
    let has_statements = read.is_some_and(|read| matches!(read["Statement"], Value::Array(_) | Value::Object(_)));
    if has_statements { Ok(()) } else { Err(invalid("Policy Error: null")) }
}

/// `policy` with a statement that lets `accounts` do `actions`.
pub(crate) fn add(
    policy: Value,
    topic_arn: &str,
    label: &str,
    accounts: &[String],
    actions: &[String],
) -> Result<Value, ApiError> {
    let mut policy = policy;
    if let Some(wrong) = actions.iter().find(|action| !ACTIONS.contains(&action.as_str())) {
        return Err(invalid(format_args!("Policy statement action out of service scope! ({wrong})")));
    }
    let statements = statements(&mut policy);
    if statements.iter().any(|statement| statement["Sid"] == label) {
        return Err(invalid("Statement already exists"));
    }
    if statements.len() >= POLICY_STATEMENTS_MAX {
        return Err(limit_exceeded(
            "AuthorizationError",
            format!("A policy has at most {POLICY_STATEMENTS_MAX} statements"),
        ));
    }
    let one_or_all = |mut values: Vec<String>| match values.len() {
        1 => Value::from(values.remove(0)),
        _ => Value::from(values),
    };
    statements.push(json!({
        "Sid": label,
        "Effect": "Allow",
        "Principal": { "AWS": one_or_all(accounts.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect()) },
        "Action": one_or_all(actions.iter().map(|action| format!("SNS:{action}")).collect()),
        "Resource": topic_arn,
    }));
    Ok(policy)
}

/// `policy` without the statement `label`.
pub(crate) fn remove(mut policy: Value, label: &str) -> Value {
    statements(&mut policy).retain(|statement| statement["Sid"] != label);
    policy
}

/// The statements, as a list.
fn statements(policy: &mut Value) -> &mut Vec<Value> {
    let statement = &mut policy["Statement"];
    if !statement.is_array() {
        let only = statement.take();
        *statement = if only.is_null() { json!([]) } else { json!([only]) };
    }
    match statement {
        Value::Array(statements) => statements,
        // It was made one above.
        _ => unreachable!("statements are a list"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:clicks";

    #[test]
    fn permissions_come_and_go() {
        let (accounts, actions) = (["111122223333".to_string()], ["Publish".to_string(), "Subscribe".to_string()]);
        let policy = add(default_policy(TOPIC), TOPIC, "other", &accounts, &actions).unwrap();
        assert_eq!(policy["Statement"][1]["Principal"]["AWS"], "arn:aws:iam::111122223333:root");
        assert_eq!(policy["Statement"][1]["Action"], json!(["SNS:Publish", "SNS:Subscribe"]));
        assert!(add(policy.clone(), TOPIC, "other", &accounts, &actions).is_err());
        assert!(add(policy.clone(), TOPIC, "more", &accounts, &["CreateTopic".into()]).is_err());
        assert_eq!(remove(policy, "other"), default_policy(TOPIC));
        assert!(check(&default_policy(TOPIC).to_string()).is_ok());
        assert!(check("{}").is_err() && check("no").is_err());
    }
}
