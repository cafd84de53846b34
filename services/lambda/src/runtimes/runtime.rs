//! Which runtime a function is for, by AWS's identifiers.

use std::fmt;
use std::str::FromStr;

/// A family of runtimes that is hosted here, with its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runtime {
    /// `provided.*`: the package's own `bootstrap`.
    Provided,
    /// `python3.<minor>`.
    Python(u32),
    /// `nodejs<major>.x`.
    Nodejs(u32),
    /// `java<major>`.
    Java(u32),
}

/// A runtime that isn't hosted here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The runtime {0} is not hosted here: provided.*, python3.*, nodejs* and java* are")]
pub(crate) struct NotHosted(String);

impl FromStr for Runtime {
    type Err = NotHosted;

    fn from_str(name: &str) -> Result<Self, NotHosted> {
        let number = |text: &str| text.parse::<u32>().ok();
        let found = if let Some(minor) = name.strip_prefix("python3.") {
            number(minor).map(Self::Python)
        } else if let Some(major) = name.strip_prefix("nodejs") {
            major.strip_suffix(".x").and_then(number).map(Self::Nodejs)
        } else if let Some(major) = name.strip_prefix("java") {
            number(major.strip_suffix(".al2").unwrap_or(major)).map(Self::Java)
        } else {
            matches!(name, "provided" | "provided.al2" | "provided.al2023").then_some(Self::Provided)
        };
        found.ok_or_else(|| NotHosted(name.into()))
    }
}

/// As it is told to users: `Python 3.12`.
impl fmt::Display for Runtime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provided => write!(formatter, "bootstrap"),
            Self::Python(minor) => write!(formatter, "Python 3.{minor}"),
            Self::Nodejs(major) => write!(formatter, "Node.js {major}"),
            Self::Java(major) => write!(formatter, "Java {major}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_identifiers_are_read_and_others_named() {
        for (name, expected) in [
            ("provided.al2023", Runtime::Provided),
            ("python3.9", Runtime::Python(9)),
            ("nodejs22.x", Runtime::Nodejs(22)),
            ("java8.al2", Runtime::Java(8)),
            ("java21", Runtime::Java(21)),
        ] {
            assert_eq!(name.parse(), Ok(expected));
        }
        for other in ["dotnet8", "ruby3.3", "go1.x", "python2.7", "nodejs", "nodejs20", "java", ""] {
            assert_eq!(other.parse::<Runtime>(), Err(NotHosted(other.into())));
        }
    }
}
