//! `equals-ignore-case`, alone and inside `prefix`, `suffix` and `anything-but`.

/// A text whose letters may be upper or lower case. As in Event Ruler each letter is
/// compared for itself, whatever the language.
#[derive(Debug, Clone)]
pub(crate) enum IgnoreCase {
    /// No letter outside ASCII: nor has what matches it.
    Ascii(Box<[u8]>),
    /// Each letter's lower and upper case, which may be longer than one letter.
    Folded(Vec<(String, String)>),
}

impl IgnoreCase {
    pub(crate) fn new(text: &str) -> Self {
        if text.is_ascii() {
            return Self::Ascii(text.as_bytes().into());
        }
        Self::Folded(
            text.chars().map(|letter| (letter.to_lowercase().collect(), letter.to_uppercase().collect())).collect(),
        )
    }

    pub(crate) fn equals(&self, text: &str) -> bool {
        match self {
            Self::Ascii(bytes) => text.as_bytes().eq_ignore_ascii_case(bytes),
            Self::Folded(letters) => rest_behind(letters, text).is_some_and(str::is_empty),
        }
    }

    pub(crate) fn begins(&self, text: &str) -> bool {
        match self {
            Self::Ascii(bytes) => {
                text.as_bytes().get(..bytes.len()).is_some_and(|start| start.eq_ignore_ascii_case(bytes))
            }
            Self::Folded(letters) => rest_behind(letters, text).is_some(),
        }
    }

    pub(crate) fn ends(&self, text: &str) -> bool {
        match self {
            Self::Ascii(bytes) => {
                let end = text.len().checked_sub(bytes.len()).and_then(|start| text.as_bytes().get(start..));
                end.is_some_and(|end| end.eq_ignore_ascii_case(bytes))
            }
            Self::Folded(letters) => {
                let strip =
                    |text, (lower, upper): &(String, String)| strip_either(text, lower, upper, str::strip_suffix);
                letters.iter().rev().try_fold(text, strip).is_some()
            }
        }
    }
}

fn rest_behind<'a>(letters: &[(String, String)], text: &'a str) -> Option<&'a str> {
    letters.iter().try_fold(text, |text, (lower, upper)| strip_either(text, lower, upper, str::strip_prefix))
}

fn strip_either<'a, 'p>(
    text: &'a str,
    lower: &'p str,
    upper: &'p str,
    strip: fn(&'a str, &'p str) -> Option<&'a str>,
) -> Option<&'a str> {
    strip(text, lower).or_else(|| strip(text, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_letter_for_itself() {
        let ascii = IgnoreCase::new("EventB");
        assert!(ascii.equals("eVENTb") && !ascii.equals("event") && !ascii.equals("eventbb"));
        assert!(ascii.begins("EVENTBRIDGE") && !ascii.begins("even"));
        assert!(ascii.ends("my-eventB") && !ascii.ends("b"));
        let folded = IgnoreCase::new("straße");
        assert!(folded.equals("STRASSE") && folded.equals("Straße") && !folded.equals("strase"));
        assert!(folded.begins("STRASSEN") && folded.ends("Hauptstraße") && !folded.ends("e"));
        assert!(!IgnoreCase::new("k").equals("\u{212a}"), "the Kelvin sign is no k");
    }
}
