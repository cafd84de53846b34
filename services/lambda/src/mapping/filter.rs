//! `FilterCriteria`: which records of a source reach the function.

use anabranch_pattern::{FILTERS_MAX, SourceFilter};
use anabranch_protocol::ApiError;
use serde::{Deserialize, Serialize};

use super::sources::Rules;
use crate::error::invalid_parameter;

/// The filters of a mapping, of which a record has to match one; none lets all pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FilterCriteria {
    /// At most five.
    pub filters: Vec<Filter>,
}

/// One filter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Filter {
    /// An event pattern.
    pub pattern: String,
}

impl FilterCriteria {
    /// The filter for records of a source, or what AWS says of criteria that can't be.
    pub(crate) fn compile(&self, rules: &Rules) -> Result<SourceFilter, ApiError> {
        if self.filters.len() > FILTERS_MAX {
            return Err(invalid_parameter(format!(
                "1 validation error detected: Value at 'filterCriteria.filters' failed to satisfy constraint: \
                 Member must have length less than or equal to {FILTERS_MAX}"
            )));
        }
        let patterns = self.filters.iter().map(|filter| filter.pattern.as_str());
        SourceFilter::compile(patterns, rules.filter_body, rules.filter_body_form).map_err(|error| {
            tracing::warn!(path = error.path(), reason = error.reason(), "a filter of a mapping is not valid");
            invalid_parameter("Invalid filter pattern definition.")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::tests::rules;

    fn compile(patterns: &[&str]) -> Result<SourceFilter, ApiError> {
        let filters = patterns.iter().map(|pattern| Filter { pattern: (*pattern).into() }).collect();
        FilterCriteria { filters }.compile(rules())
    }

    #[test]
    fn what_aws_refuses() {
        let refused = |pattern: &str| compile(&[pattern]).unwrap_err();
        for pattern in
            ["", "{}", "[]", r#"{"data": {"a": 1}}"#, r#"{"data": ["text"]}"#, r#"{"data": {"a": [{"x": 1}]}}"#]
        {
            let error = refused(pattern);
            assert_eq!(error.code, "InvalidParameterValueException", "{pattern}");
            assert_eq!(error.message, "Invalid filter pattern definition.", "{pattern}");
        }
        assert_eq!(
            refused(&format!(r#"{{"a": ["{}"]}}"#, "x".repeat(4096))).message,
            "Invalid filter pattern definition."
        );
        let pattern = r#"{"data": {"a": [1]}}"#;
        compile(&[pattern; 5]).unwrap();
        assert!(compile(&[pattern; 6]).unwrap_err().message.contains("'filterCriteria.filters'"));
    }
}
