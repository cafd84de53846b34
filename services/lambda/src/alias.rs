//! Aliases: names of versions, and how their invocations are shared between two.

use serde::{Deserialize, Serialize};

use crate::function_id::LATEST_VERSION;

/// An alias, in the form in which it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alias {
    /// `$LATEST` or a number.
    pub(crate) version: String,
    pub(crate) description: String,
    /// The version that gets a share of the invocations, and the share: 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) additional: Option<(String, f64)>,
    pub(crate) revision_id: String,
}

impl Alias {
    /// The version for an invocation; `drawn` is evenly spread over 0 to 1.
    pub(crate) fn route(&self, drawn: f64) -> &str {
        match &self.additional {
            Some((version, share)) if drawn < *share => version,
            _ => &self.version,
        }
    }

    /// Whether `version` (a published one) may be invoked through it.
    pub(crate) fn uses(&self, version: &str) -> bool {
        self.version == version || self.additional.as_ref().is_some_and(|(other, _)| other == version)
    }

    /// Whether it stands for what is not published.
    pub(crate) fn is_of_latest(&self) -> bool {
        self.version == LATEST_VERSION
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invocations_are_shared_by_weight() {
        let mut alias =
            Alias { version: "1".into(), description: String::new(), additional: None, revision_id: String::new() };
        assert_eq!(alias.route(0.0), "1");
        alias.additional = Some(("2".into(), 0.25));
        let to_second = (0..100).filter(|hundredth| alias.route(f64::from(*hundredth) / 100.0) == "2").count();
        assert_eq!(to_second, 25);
        assert!(alias.uses("1") && alias.uses("2") && !alias.uses("3"));
    }
}
