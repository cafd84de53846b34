//! What identifies a function, and the forms in which requests name one.

use std::fmt;
use std::str::FromStr;

use anabranch_protocol::{Account, ApiError, Arn, Clipped, Region, RequestContext};
use serde::{Deserialize, Serialize};

use crate::error::{invalid_parameter, not_found};

/// The version that is worked on, which is not published.
pub(crate) const LATEST_VERSION: &str = "$LATEST";
/// Stands for the version that was published last.
pub(crate) const LATEST_PUBLISHED: &str = "$LATEST.PUBLISHED";

/// The account and region that functions, mappings and events belong to. Names are unique within
/// one, and nothing in one is seen from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// Whose they are.
    pub account: Account,
    /// Where they are.
    pub region: Region,
}

impl Scope {
    /// The ARN of a `resource` of Lambda's in it, such as `function:clicks`.
    pub(crate) fn arn(&self, resource: &str) -> Arn {
        Arn::new("lambda", &self.region, self.account, resource)
    }
}

impl Default for Scope {
    /// The account and region of requests that name none.
    fn default() -> Self {
        Self { account: Account::DEFAULT, region: Region::default() }
    }
}

impl From<&RequestContext> for Scope {
    fn from(context: &RequestContext) -> Self {
        Self { account: context.account, region: context.region.clone() }
    }
}

/// What identifies a function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId {
    /// Where its name is unique.
    pub scope: Scope,
    /// Its name.
    pub name: String,
}

impl FunctionId {
    /// The function `name` of `scope`.
    pub fn new(scope: Scope, name: impl Into<String>) -> Self {
        Self { scope, name: name.into() }
    }

    /// Its ARN, without a version.
    pub fn arn(&self) -> String {
        self.scope.arn(&format!("function:{}", self.name)).to_string()
    }

    /// The function that a caller in `scope` names, where no version or alias can be meant.
    ///
    /// # Errors
    /// As [`QualifiedFunction::resolve`], and `ResourceNotFoundException` for a version or alias
    /// other than `$LATEST`.
    pub fn resolve(text: &str, qualifier: Option<&str>, scope: &Scope) -> Result<Self, ApiError> {
        let QualifiedFunction { id, qualifier } = QualifiedFunction::resolve(text, qualifier, scope)?;
        match qualifier.as_deref() {
            None | Some(LATEST_VERSION) => Ok(id),
            Some(other) => Err(not_found(format!("Function not found: {}:{other}", id.arn()))),
        }
    }

    /// What people know it by: its name, or outside of the default account and region its ARN.
    pub(crate) fn label(&self) -> String {
        if self.scope == Scope::default() { self.name.clone() } else { self.arn() }
    }
}

/// The key under which it is stored: `<account>/<region>/<name>`.
impl fmt::Display for FunctionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.scope.account, self.scope.region, self.name)
    }
}

/// For callers inside the program: an ARN of any account and region, or a name of the default ones.
impl FromStr for FunctionId {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        Self::resolve(text, None, &scope_of(text))
    }
}

fn scope_of(text: &str) -> Scope {
    let region = Parts::read(text).and_then(|parts| parts.region).unwrap_or_default();
    Scope { account: Account::DEFAULT, region }
}

/// A function, or one of its versions or aliases.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QualifiedFunction {
    /// The function.
    pub id: FunctionId,
    /// A version or alias, as the caller named it.
    pub qualifier: Option<String>,
}

impl QualifiedFunction {
    /// The function, version or alias that a caller in `scope` names by a name, a partial ARN or an
    /// ARN, as every operation accepts them, and perhaps a `qualifier` beside it.
    ///
    /// # Errors
    /// `ValidationException` when it is none of these, `InvalidParameterValueException` when the two
    /// qualifiers differ, `ResourceNotFoundException` for a function of another region.
    pub fn resolve(text: &str, qualifier: Option<&str>, scope: &Scope) -> Result<Self, ApiError> {
        let parts = Parts::read(text).ok_or_else(|| {
            ApiError::validation(format!(
                "1 validation error detected: Value '{text}' at 'functionName' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: {FUNCTION_NAME_PATTERN}"
            ))
        })?;
        if let Some(region) = parts.region.filter(|region| *region != scope.region) {
            let here = &scope.region;
            return Err(not_found(format!("Functions from '{region}' are not reachable in this region ('{here}')")));
        }
        let qualifier = qualifier.filter(|qualifier| !qualifier.is_empty());
        for qualifier in parts.qualifier.iter().copied().chain(qualifier) {
            check_qualifier(qualifier)?;
        }
        if let (Some(derived), Some(given)) = (parts.qualifier, qualifier)
            && derived != given
        {
            return Err(invalid_parameter(
                "The derived qualifier from the function name does not match the specified qualifier.",
            ));
        }
        let account = parts.account.unwrap_or(scope.account);
        let id = FunctionId::new(Scope { account, region: scope.region.clone() }, parts.name);
        Ok(Self { id, qualifier: parts.qualifier.or(qualifier).map(str::to_string) })
    }

    /// Its ARN, with the qualifier that it was named with.
    pub fn arn(&self) -> String {
        match &self.qualifier {
            Some(qualifier) => format!("{}:{qualifier}", self.id.arn()),
            None => self.id.arn(),
        }
    }
}

impl From<&FunctionId> for QualifiedFunction {
    fn from(id: &FunctionId) -> Self {
        Self { id: id.clone(), qualifier: None }
    }
}

impl From<FunctionId> for QualifiedFunction {
    fn from(id: FunctionId) -> Self {
        Self { id, qualifier: None }
    }
}

impl From<&QualifiedFunction> for QualifiedFunction {
    fn from(function: &QualifiedFunction) -> Self {
        function.clone()
    }
}

/// For callers inside the program, as for [`FunctionId`].
impl FromStr for QualifiedFunction {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        Self::resolve(text, None, &scope_of(text))
    }
}

/// How a function may be named.
const FUNCTION_NAME_PATTERN: &str = "(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\\d{1}:)?(\\d{12}:)?\
     (function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?";

/// Checks a version or alias as the model's `NumericLatestPublishedOrAliasQualifier` has it.
fn check_qualifier(text: &str) -> Result<(), ApiError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_$".contains(&byte);
    let is_known = matches!(text, LATEST_VERSION | LATEST_PUBLISHED);
    if is_known || ((1..=128).contains(&text.len()) && text.bytes().all(allowed)) {
        return Ok(());
    }
    Err(ApiError::validation(format!(
        "1 validation error detected: Value '{}' at 'qualifier' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: \\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+",
        Clipped(text)
    )))
}

/// `[arn:aws:lambda:][region:][account:][function:]name[:qualifier]`, read from the left.
struct Parts<'a> {
    region: Option<Region>,
    account: Option<Account>,
    name: &'a str,
    qualifier: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut rest = text;
        if let Some(arn) = text.strip_prefix("arn:") {
            let (partition, behind) = arn.split_once(':')?;
            rest = behind.strip_prefix("lambda:").filter(|_| partition.starts_with("aws"))?;
        }
        let region = take(&mut rest, |part| part.parse().ok().filter(|_| has_region_form(part)));
        let account = take(&mut rest, |part| part.parse().ok());
        rest = rest.strip_prefix("function:").unwrap_or(rest);
        let (name, qualifier) = match rest.split_once(':') {
            Some((name, qualifier)) => (name, Some(qualifier)),
            None => (rest, None),
        };
        is_function_name(name).then_some(Self { region, account, name, qualifier })
    }
}

/// Takes the part before the next colon, if `read` makes something of it.
fn take<T>(rest: &mut &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    let (part, behind) = rest.split_once(':')?;
    let found = read(part)?;
    *rest = behind;
    Some(found)
}

/// `[a-z]{2}(-gov)?-[a-z]+-\d{1}`, which tells a region from a name that comes before a qualifier.
fn has_region_form(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let words = |words: &[&str]| {
        words.iter().all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()))
    };
    match parts.as_slice() {
        [country, place @ .., number] => {
            let place_fits = place.len() == 1 || (place.len() == 2 && place[0] == "gov");
            country.len() == 2
                && words(&[country])
                && place_fits
                && words(place)
                && number.len() == 1
                && number.bytes().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    }
}

pub(crate) fn is_function_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_protocol::ErrorKind;

    fn scope(account: &str, region: &str) -> Scope {
        Scope { account: account.parse().unwrap(), region: region.parse().unwrap() }
    }

    #[test]
    fn names_are_read_from_every_form() {
        let caller = scope("111122223333", "eu-west-1");
        for text in [
            "clicks",
            "clicks:$LATEST",
            "function:clicks",
            "111122223333:clicks",
            "111122223333:function:clicks",
            "eu-west-1:111122223333:function:clicks",
            "arn:aws:lambda:eu-west-1:111122223333:function:clicks",
            "arn:aws:lambda:eu-west-1:111122223333:function:clicks:$LATEST",
        ] {
            let id = FunctionId::resolve(text, None, &caller).unwrap();
            assert_eq!(id, FunctionId::new(caller.clone(), "clicks"), "{text}");
        }
        let kind = |text: &str, qualifier| FunctionId::resolve(text, qualifier, &caller).unwrap_err().kind;
        for text in ["", "a b", "arn:aws:s3:::clicks", "arn:aws:lambda:eu-west-1:111122223333:function:"] {
            assert_eq!(kind(text, None), ErrorKind::Invalid, "{text}");
        }
        assert_eq!(kind("clicks:prod", None), ErrorKind::NotFound);
        assert_eq!(kind("clicks", Some("2")), ErrorKind::NotFound);
    }

    #[test]
    fn a_version_or_alias_is_named_in_two_ways() {
        let caller = scope("111122223333", "eu-west-1");
        let resolve = |text: &str, qualifier| QualifiedFunction::resolve(text, qualifier, &caller);
        let live = "arn:aws:lambda:eu-west-1:111122223333:function:clicks:live";
        for (text, qualifier) in [("clicks:live", None), ("clicks", Some("live")), (live, Some("live"))] {
            assert_eq!(resolve(text, qualifier).unwrap().arn(), live);
        }
        assert_eq!(resolve("clicks", Some("")).unwrap().qualifier, None);
        let error = resolve("clicks:1", Some("2")).unwrap_err();
        assert!(error.message.contains("does not match"), "{error}");
        assert_eq!(resolve("clicks", Some("a b")).unwrap_err().code, "ValidationException");
        assert_eq!(resolve("clicks", Some(LATEST_PUBLISHED)).unwrap().qualifier.as_deref(), Some(LATEST_PUBLISHED));
        assert_eq!(live.parse::<QualifiedFunction>().unwrap().arn(), live);
    }

    #[test]
    fn an_arn_names_its_own_account_and_no_other_region() {
        let caller = scope("111122223333", "eu-west-1");
        let arn = "arn:aws:lambda:eu-west-1:444455556666:function:clicks";
        let id = FunctionId::resolve(arn, None, &caller).unwrap();
        assert_eq!((&id.scope, id.arn().as_str()), (&scope("444455556666", "eu-west-1"), arn));
        let elsewhere = "arn:aws:lambda:us-east-1:111122223333:function:clicks";
        let error = FunctionId::resolve(elsewhere, None, &caller).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert!(error.message.contains("us-east-1") && error.message.contains("eu-west-1"), "{error}");
    }

    #[test]
    fn inside_the_program_an_arn_says_it_all() {
        let arn = "arn:aws:lambda:eu-west-1:444455556666:function:clicks";
        assert_eq!(arn.parse::<FunctionId>().unwrap().arn(), arn);
        let id: FunctionId = "clicks".parse().unwrap();
        assert_eq!((id.to_string().as_str(), id.label().as_str()), ("000000000000/us-east-1/clicks", "clicks"));
    }

    #[test]
    fn a_name_may_look_like_a_region() {
        let id: FunctionId = "us-east-1".parse().unwrap();
        assert_eq!(id.name, "us-east-1");
        assert!(!has_region_form("us-east") && !has_region_form("us-a-b-1") && has_region_form("us-gov-west-1"));
    }
}
