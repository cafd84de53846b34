//! Resource policies: kept for their readers, not enforced.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::configuration::revision_id;

/// Most bytes of a policy (20 KB).
const POLICY_BYTES_MAX: usize = 20_480;

/// A resource policy, in the form in which it is stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Policy {
    /// In the order in which they were added.
    statements: Vec<(String, Value)>,
    /// Changes whenever the policy does.
    pub(crate) revision_id: String,
}

impl Policy {
    pub(crate) fn contains(&self, statement_id: &str) -> bool {
        self.statements.iter().any(|(id, _)| id == statement_id)
    }

    pub(crate) fn add(&mut self, statement_id: &str, statement: Value) {
        self.statements.push((statement_id.into(), statement));
        self.revision_id = revision_id();
    }

    /// False when there is no such statement.
    pub(crate) fn remove(&mut self, statement_id: &str) -> bool {
        let before = self.statements.len();
        self.statements.retain(|(id, _)| id != statement_id);
        self.revision_id = revision_id();
        self.statements.len() < before
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// The whole policy, as it is answered.
    pub(crate) fn document(&self) -> String {
        let statements: Vec<&Value> = self.statements.iter().map(|(_, statement)| statement).collect();
        json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements }).to_string()
    }

    /// Whether it is longer than AWS takes.
    pub(crate) fn is_too_long(&self) -> bool {
        self.document().len() > POLICY_BYTES_MAX
    }
}
