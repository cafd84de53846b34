//! From the text of a pattern to what it asks of an event.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dialect::{COMBINATIONS_MAX, Dialect};
use crate::error::PatternError;
use crate::matcher::Matcher;
use crate::operators::{self, Value};
use crate::source::Source;

/// Names that no field may have inside `$or`, since they would look like operators.
const RESERVED_INSIDE_OR: [&str; 24] = [
    "exactly",
    "equals-ignore-case",
    "prefix",
    "suffix",
    "anything-but",
    "exists",
    "wildcard",
    "numeric",
    "cidr",
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

/// What one list of a pattern asks of its field.
#[derive(Debug)]
pub(crate) struct Requirement {
    /// A value that matches one of these fulfils it.
    pub(crate) matchers: Vec<Matcher>,
    /// So does a field that is not there.
    pub(crate) absent: bool,
}

/// Fields by their names joined with dots, all of which must fulfil what is asked of them.
/// `a.b` may be one name with a dot or two: Event Ruler does not tell them apart.
pub(crate) type Conjunction = BTreeMap<Arc<str>, Arc<Requirement>>;

/// A pattern in disjunctive form: one of the conjunctions must hold.
pub(crate) type Rule = Vec<Conjunction>;

pub(crate) fn compile(text: &str, dialect: Dialect) -> Result<Rule, PatternError> {
    dialect.check_length(text)?;
    // The parser bounds the depth, and with it the recursion here.
    let Ok(source) = serde_json::from_str(text) else { return Err(PatternError::new(&[], "Invalid JSON")) };
    let Source::Object(members) = source else { return Err(PatternError::new(&[], "Filter is not an object")) };
    let compiler = Compiler { dialect, or_is_a_field: false };
    let compiled = compiler.run(&members).or_else(|error| {
        // Patterns from before `$or` was an operator keep their meaning.
        Compiler { or_is_a_field: true, ..compiler }.run(&members).map_err(|_| error)
    })?;
    dialect.check(&members)?;
    Ok(compiled)
}

struct Compiler {
    dialect: Dialect,
    or_is_a_field: bool,
}

impl Compiler {
    fn run(&self, members: &[(String, Source)]) -> Result<Rule, PatternError> {
        self.object(members, &mut Vec::new(), InsideOr::No, vec![Conjunction::new()])
    }

    /// Adds what `members` ask to each of `rule`.
    fn object<'s>(
        &self,
        members: &'s [(String, Source)],
        path: &mut Vec<&'s str>,
        inside_or: InsideOr,
        mut rule: Rule,
    ) -> Result<Rule, PatternError> {
        if members.is_empty() {
            return Err(PatternError::new(path, "Empty objects are not allowed"));
        }
        for (name, value) in members {
            if name == "$or" && !self.or_is_a_field {
                rule = self.or(value, path, rule)?;
                continue;
            }
            path.push(name);
            if inside_or == InsideOr::Yes && RESERVED_INSIDE_OR.contains(&name.as_str()) {
                let reason = format!("{name} is Ruler reserved fieldName which cannot be used inside $or.");
                return Err(PatternError::new(path, reason));
            }
            match value {
                Source::Object(members) => rule = self.object(members, path, inside_or, rule)?,
                Source::Array(values) => self.list(values, path, &mut rule)?,
                _ => return Err(PatternError::new(path, format!("\"{name}\" must be an object or an array"))),
            }
            path.pop();
        }
        Ok(rule)
    }

    fn list(&self, values: &[Source], path: &[&str], rule: &mut Rule) -> Result<(), PatternError> {
        let mut requirement = Requirement { matchers: Vec::with_capacity(values.len()), absent: false };
        for value in values {
            match operators::parse(value, self.dialect).map_err(|reason| PatternError::new(path, reason))? {
                Value::Absent => requirement.absent = true,
                Value::Matches(matcher) => requirement.matchers.push(matcher),
            }
        }
        if values.is_empty() {
            return Err(PatternError::new(path, "Empty arrays are not allowed"));
        }
        let (name, requirement): (Arc<str>, _) = (path.join(".").into(), Arc::new(requirement));
        for conjunction in rule {
            if conjunction.insert(name.clone(), requirement.clone()).is_some() {
                return Err(PatternError::new(path, format!("Path `{name}` cannot be allowed multiple times")));
            }
        }
        Ok(())
    }

    /// Each of `rule` together with each branch.
    fn or<'s>(&self, branches: &'s Source, path: &mut Vec<&'s str>, rule: Rule) -> Result<Rule, PatternError> {
        let Source::Array(branches) = branches else {
            return Err(PatternError::new(path, "It must be an Array followed with $or."));
        };
        let mut combined = Rule::new();
        for branch in branches {
            let Source::Object(members) = branch else {
                return Err(PatternError::new(path, "Only JSON object is allowed in array of $or relationship."));
            };
            combined.append(&mut self.object(members, path, InsideOr::Yes, rule.clone())?);
            if combined.len() > COMBINATIONS_MAX {
                let reason = format!("The $or relationships expand to more than {COMBINATIONS_MAX} combinations");
                return Err(PatternError::new(path, reason));
            }
        }
        if branches.len() < 2 {
            return Err(PatternError::new(path, "There must have at least 2 Objects in $or relationship."));
        }
        Ok(combined)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InsideOr {
    No,
    Yes,
}
