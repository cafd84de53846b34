//! Shapes of the service model (STS 2011-06-15).

use anabranch_protocol::{Integer, Text};

/// `durationSecondsType`.
pub(crate) const SESSION_SECONDS: Integer = Integer { min: 900, max: 129_600 };
/// `roleDurationSecondsType`.
pub(crate) const ROLE_SECONDS: Integer = Integer { min: 900, max: 43_200 };
/// How long a role's credentials hold unless the caller says otherwise ("AssumeRole").
pub(crate) const ROLE_SECONDS_DEFAULT: i64 = 3_600;
/// How long a session's credentials hold unless the caller says otherwise ("GetSessionToken").
pub(crate) const SESSION_SECONDS_DEFAULT: i64 = 43_200;

/// `arnType`.
pub(crate) const ARN: Text = Text { min: 20, max: 2048, pattern: None, one_of: &[] };
/// `roleSessionNameType`.
pub(crate) const SESSION_NAME: Text =
    Text { min: 2, max: 64, pattern: Some(("[\\w+=,.@-]*", is_session_name)), one_of: &[] };
/// `accessKeyIdType`.
pub(crate) const ACCESS_KEY_ID: Text = Text { min: 16, max: 128, pattern: Some(("[\\w]*", is_word)), one_of: &[] };

fn is_session_name(text: &str) -> bool {
    text.chars().all(|character| is_word_character(character) || "+=,.@-".contains(character))
}

fn is_word(text: &str) -> bool {
    text.chars().all(is_word_character)
}

fn is_word_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}
