//! A session and how clicks are folded into it. No I/O.

use click::{Click, SequenceNumber};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The most clicks one session may hold; it bounds the item that remembers their ids.
const EVENT_IDS_MAX: usize = 10_000;

/// What is known about a session: one item of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Clicks counted.
    pub clicks: u64,
    /// The earliest click.
    pub first_seen: Timestamp,
    /// The latest click.
    pub last_seen: Timestamp,
    /// The page of the latest click.
    pub last_page: String,
    /// The user agent of the latest click that named one.
    pub user_agent: Option<String>,
    /// The ids of all clicks counted.
    pub event_ids: BTreeSet<String>,
    /// The highest sequence number folded in.
    pub last_sequence: SequenceNumber,
}

/// A click and its place in the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct NewClick {
    /// Its place.
    pub sequence: SequenceNumber,
    /// The click.
    pub click: Click,
}

/// The outcome of folding: the session as it should become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// The session with the clicks counted.
    pub session: Session,
    /// The ids that are new to it.
    pub new_event_ids: BTreeSet<String>,
}

/// The session holds as many clicks as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session already holds {EVENT_IDS_MAX} clicks")]
pub struct SessionFull;

impl Session {
    /// Folds clicks, in the order of the stream, into what is stored. Clicks at or before the
    /// stored sequence number, and those whose id is known, change nothing. `None` if there is
    /// nothing to write.
    ///
    /// # Errors
    /// [`SessionFull`] if the clicks would take the session over 10,000 clicks; none of them is counted then.
    pub fn fold(stored: Option<&Self>, clicks: &[NewClick]) -> Result<Option<Fold>, SessionFull> {
        let mut session = stored.cloned();
        let mut new_event_ids = BTreeSet::new();
        let later = clicks.iter().filter(|new| stored.is_none_or(|stored| new.sequence > stored.last_sequence));
        let mut changed = false;
        for NewClick { sequence, click } in later {
            changed = true;
            let session = session.get_or_insert_with(|| Self::starting_with(click, sequence));
            session.last_sequence = session.last_sequence.clone().max(sequence.clone());
            if session.event_ids.contains(&click.event_id) {
                continue;
            }
            if session.event_ids.len() == EVENT_IDS_MAX {
                return Err(SessionFull);
            }
            session.count(click);
            new_event_ids.insert(click.event_id.clone());
        }
        Ok(session.filter(|_| changed).map(|session| Fold { session, new_event_ids }))
    }

    /// A session about to count its first click.
    fn starting_with(click: &Click, sequence: &SequenceNumber) -> Self {
        Self {
            clicks: 0,
            first_seen: click.instant(),
            last_seen: click.instant(),
            last_page: click.page.clone(),
            user_agent: None,
            event_ids: BTreeSet::new(),
            last_sequence: sequence.clone(),
        }
    }

    fn count(&mut self, click: &Click) {
        let instant = click.instant();
        self.clicks += 1;
        self.event_ids.insert(click.event_id.clone());
        self.first_seen = self.first_seen.min(instant);
        if instant >= self.last_seen {
            self.last_seen = instant;
            self.last_page.clone_from(&click.page);
            if let Some(user_agent) = click.user_agent() {
                self.user_agent = Some(user_agent.to_owned());
            }
        }
        if self.user_agent.is_none() {
            self.user_agent = click.user_agent().map(str::to_owned);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    pub(crate) fn click(sequence: u64, id: &str, session: &str, second: u8, page: &str) -> NewClick {
        let click = Click::from_value(json!({
            "event_id": id, "session_id": session, "timestamp": format!("2026-06-15T10:00:{second:02}Z"),
            "type": "page_view", "page": page, "user_agent": "ShopApp/5.2 (iPhone)"
        }));
        NewClick { sequence: SequenceNumber::new(&sequence.to_string()).unwrap(), click: click.unwrap() }
    }

    fn fold(stored: Option<&Session>, clicks: &[NewClick]) -> Option<Session> {
        Session::fold(stored, clicks).unwrap().map(|fold| fold.session)
    }

    #[test]
    fn counts_and_remembers_first_and_last() {
        let clicks = [click(8, "a", "s", 10, "/a"), click(9, "b", "s", 5, "/b"), click(10, "c", "s", 20, "/c")];
        let session = fold(None, &clicks).unwrap();
        assert_eq!((session.clicks, &*session.last_page, session.last_sequence.as_str()), (3, "/c", "10"));
        assert_eq!(session.first_seen, "2026-06-15T10:00:05Z".parse().unwrap());
        assert_eq!(session.last_seen, "2026-06-15T10:00:20Z".parse().unwrap());
        assert_eq!(session.user_agent.as_deref(), Some("ShopApp/5.2 (iPhone)"));
    }

    #[test]
    fn a_redelivered_batch_changes_nothing() {
        let clicks = [click(8, "a", "s", 10, "/a"), click(9, "b", "s", 11, "/b")];
        let stored = fold(None, &clicks).unwrap();
        assert_eq!(fold(Some(&stored), &clicks), None);
        let mut longer = clicks.to_vec();
        longer.push(click(10, "c", "s", 12, "/c"));
        assert_eq!(fold(Some(&stored), &longer).unwrap().clicks, 3);
    }

    #[test]
    fn a_click_sent_twice_by_the_client_counts_once() {
        let stored = fold(None, &[click(8, "a", "s", 10, "/a"), click(9, "a", "s", 10, "/a")]).unwrap();
        assert_eq!((stored.clicks, stored.last_sequence.as_str()), (1, "9"));
        let again = Session::fold(Some(&stored), &[click(12, "a", "s", 10, "/a")]).unwrap().unwrap();
        assert_eq!((again.session.clicks, again.session.last_sequence.as_str()), (1, "12"));
        assert!(again.new_event_ids.is_empty());
    }

    #[test]
    fn sequence_numbers_compare_as_numbers() {
        let stored = fold(None, &[click(99, "a", "s", 10, "/a")]).unwrap();
        assert_eq!(fold(Some(&stored), &[click(100, "b", "s", 11, "/b")]).unwrap().clicks, 2);
        assert_eq!(fold(Some(&stored), &[click(98, "b", "s", 11, "/b")]), None);
    }

    #[test]
    fn a_full_session_takes_no_more_but_knows_its_own() {
        let mut stored = fold(None, &[click(1, "a", "s", 10, "/a")]).unwrap();
        stored.event_ids.extend((1..EVENT_IDS_MAX).map(|n| n.to_string()));
        assert_eq!(Session::fold(Some(&stored), &[click(2, "new", "s", 11, "/b")]), Err(SessionFull));
        assert!(Session::fold(Some(&stored), &[click(2, "a", "s", 11, "/b")]).is_ok());
    }
}
