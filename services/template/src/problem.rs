//! What is wrong with a template, and where.

use std::fmt;

use crate::mark::Mark;

/// One mistake, or one thing that is not supported.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Line in the template, from 1.
    pub line: usize,
    /// Column in the line, from 1.
    pub column: usize,
    /// Path of the place, such as `Resources.Ingest.Properties.Timout`.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

/// A template that can't be used, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// The template's file name, as it was given.
    pub file: String,
    /// In the order of the file.
    pub problems: Vec<Problem>,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            let end = if number + 1 < self.problems.len() { "\n" } else { "" };
            let Problem { line, column, path, message } = problem;
            let separator = if path.is_empty() { "" } else { ": " };
            write!(formatter, "{}:{line}:{column}: {path}{separator}{message}{end}", self.file)?;
        }
        Ok(())
    }
}

/// Problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    pub(crate) fn add(&mut self, mark: Mark, path: impl Into<String>, message: impl Into<String>) {
        let problem = Problem { line: mark.line, column: mark.column, path: path.into(), message: message.into() };
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }
}

/// `" (did you mean X?)"` if one of `known` is close to `name`.
pub(crate) fn did_you_mean(name: &str, known: &[&str]) -> String {
    let nearest = known.iter().min_by_key(|candidate| distance(name, candidate));
    match nearest {
        Some(nearest) if distance(name, nearest) <= 1 + name.len() / 4 => format!(" (did you mean {nearest}?)"),
        _ => String::new(),
    }
}

/// Edits (insert, delete, replace) between two names, ignoring case.
fn distance(one: &str, two: &str) -> usize {
    let (one, two) = (one.to_lowercase(), two.to_lowercase());
    let two: Vec<char> = two.chars().collect();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (number, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = number + 1;
        for at in 0..two.len() {
            let replaced = diagonal + usize::from(two[at] != letter);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[two.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested() {
        assert_eq!(did_you_mean("Timout", &["Timeout", "Handler"]), " (did you mean Timeout?)");
        assert_eq!(did_you_mean("batchsize", &["BatchSize"]), " (did you mean BatchSize?)");
        assert_eq!(did_you_mean("VpcConfig", &["Timeout", "Handler"]), "");
    }
}
