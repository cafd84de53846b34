//! Claiming the events of one object, chunk by chunk, so that each is counted exactly once.

use crate::page_key::page_key;
use crate::store::{Claim, Ledger, PageViews, StoreError};
use click::Click;
use futures::future::try_join_all;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// The most items in one transaction: events that are claimed, and pages that are counted.
const TRANSACTION_ITEMS_MAX: usize = 100;
/// How many transactions are under way at once.
const LANES_MAX: usize = 4;
/// How many times one chunk is tried.
const TRIES_MAX: u32 = 12;
/// Longest pause before the first retry; it doubles with each, up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_millis(20);
/// Longest pause before any retry.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Claims the clicks of the raw object `object` and counts their pages. Returns those that are its
/// own; a click that another object owns, or that occurs twice in this one, is left out.
///
/// # Errors
/// [`StoreError`] when the tables do not answer, or a chunk meets a conflict at every try.
pub(crate) async fn claim_all<L: Ledger>(
    ledger: &L,
    object: &str,
    clicks: Vec<Click>,
) -> Result<Vec<Click>, StoreError> {
    let mut ids = HashSet::new();
    let distinct: Vec<Click> = clicks.into_iter().filter(|click| ids.insert(click.event_id.clone())).collect();
    let lanes = lanes(&distinct);
    let others = try_join_all(lanes.iter().map(|lane| claim_lane(ledger, object, lane))).await?;
    let others: HashSet<String> = others.into_iter().flatten().collect();
    Ok(distinct.into_iter().filter(|click| !others.contains(&click.event_id)).collect())
}

/// Deals the clicks to lanes of about the same length. All clicks of a page are in one lane, side by
/// side: they share one count in their transaction, and lanes never meet in a conflict over a page.
fn lanes(clicks: &[Click]) -> Vec<Vec<&Click>> {
    // In order, so that a second run of the object meets the same chunks.
    let mut of_page: BTreeMap<Cow<'_, str>, Vec<&Click>> = BTreeMap::new();
    for click in clicks {
        of_page.entry(page_key(&click.page)).or_default().push(click);
    }
    let mut pages: Vec<Vec<&Click>> = of_page.into_values().collect();
    pages.sort_by_key(|page| Reverse(page.len()));
    let mut lanes: Vec<Vec<&Click>> = vec![Vec::new(); LANES_MAX];
    for page in pages {
        if let Some(shortest) = lanes.iter_mut().min_by_key(|lane| lane.len()) {
            shortest.extend(page);
        }
    }
    lanes
}

/// Claims the clicks of a lane, one transaction after the other; returns the ids that other objects own.
async fn claim_lane<L: Ledger>(ledger: &L, object: &str, lane: &[&Click]) -> Result<Vec<String>, StoreError> {
    let mut others = Vec::new();
    let mut left = lane;
    while !left.is_empty() {
        let (chunk, rest) = left.split_at(fitting(left));
        others.extend(claim_chunk(ledger, object, chunk).await?);
        left = rest;
    }
    Ok(others)
}

/// How many clicks from the front fit one transaction with the pages that they count.
fn fitting(clicks: &[&Click]) -> usize {
    let mut items = 0;
    let mut page = None;
    for (count, click) in clicks.iter().enumerate() {
        let is_new = page.replace(&click.page) != Some(&click.page);
        items += 1 + usize::from(is_new);
        if items > TRANSACTION_ITEMS_MAX {
            return count;
        }
    }
    clicks.len()
}

/// Claims one chunk; returns the ids that other objects own.
async fn claim_chunk<L: Ledger>(ledger: &L, object: &str, chunk: &[&Click]) -> Result<Vec<String>, StoreError> {
    let mut unclaimed = chunk.to_vec();
    let mut others = Vec::new();
    let mut pause = PAUSE_FIRST;
    for _ in 0..TRIES_MAX {
        if unclaimed.is_empty() {
            return Ok(others);
        }
        let ids: Vec<&str> = unclaimed.iter().map(|click| &*click.event_id).collect();
        match ledger.claim(object, &ids, &pages(&unclaimed)).await? {
            Claim::Done => return Ok(others),
            Claim::Taken => {
                // Our own claims come from an earlier try of this object: counted then, kept now.
                let owners = ledger.owners(&ids).await?;
                unclaimed.retain(|click| !owners.contains_key(&click.event_id));
                others.extend(owners.into_iter().filter(|(_, owner)| owner != object).map(|(id, _)| id));
            }
            Claim::Busy => {
                tokio::time::sleep(pause.mul_f64(fastrand::f64())).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
    if unclaimed.is_empty() { Ok(others) } else { Err(StoreError(format!("no claim within {TRIES_MAX} tries"))) }
}

fn pages(clicks: &[&Click]) -> PageViews {
    let mut pages = PageViews::new();
    for click in clicks {
        let totals = pages.entry(page_key(&click.page).into_owned()).or_default();
        totals.views += 1;
        totals.bytes = totals.bytes.saturating_add(click.bytes().unwrap_or(0));
    }
    pages
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::store::PageTotals;
    use serde_json::json;
    use std::collections::HashMap;
    use std::sync::Mutex;

    /// The two tables in memory.
    #[derive(Default)]
    pub(crate) struct MemoryLedger {
        pub(crate) seen: Mutex<HashMap<String, String>>,
        pub(crate) pages: Mutex<BTreeMap<String, PageTotals>>,
        /// How many claims run into another transaction.
        pub(crate) busy: Mutex<u32>,
        /// The number of claims after which the tables stop answering.
        pub(crate) claims_left: Mutex<Option<u32>>,
    }

    impl Ledger for MemoryLedger {
        async fn claim(&self, object: &str, ids: &[&str], pages: &PageViews) -> Result<Claim, StoreError> {
            assert!(!ids.is_empty() && ids.len() + pages.len() <= 100, "one transaction has 1 to 100 items");
            if let Some(left) = &mut *self.claims_left.lock().unwrap() {
                *left = left.checked_sub(1).ok_or_else(|| StoreError("tables gone".into()))?;
            }
            let mut busy = self.busy.lock().unwrap();
            if *busy > 0 {
                *busy -= 1;
                return Ok(Claim::Busy);
            }
            let mut seen = self.seen.lock().unwrap();
            if ids.iter().any(|id| seen.contains_key(*id)) {
                return Ok(Claim::Taken);
            }
            seen.extend(ids.iter().map(|id| ((*id).to_owned(), object.to_owned())));
            for (page, added) in pages {
                let mut all = self.pages.lock().unwrap();
                let totals = all.entry(page.clone()).or_default();
                totals.views += added.views;
                totals.bytes += added.bytes;
            }
            Ok(Claim::Done)
        }

        async fn owners(&self, ids: &[&str]) -> Result<HashMap<String, String>, StoreError> {
            let seen = self.seen.lock().unwrap();
            Ok(ids.iter().filter_map(|id| seen.get_key_value(*id)).map(|(id, o)| (id.clone(), o.clone())).collect())
        }
    }

    pub(crate) fn clicks(ids: std::ops::Range<u32>) -> Vec<Click> {
        let click = |id| {
            let click = json!({"event_id": format!("e{id}"), "session_id": "s", "timestamp": "2026-06-15T10:00:00Z",
                               "type": "request", "page": format!("/{}", id % 3), "bytes": 10});
            Click::from_value(click).unwrap()
        };
        ids.map(click).collect()
    }

    fn views(ledger: &MemoryLedger) -> u64 {
        ledger.pages.lock().unwrap().values().map(|page| page.views).sum()
    }

    #[tokio::test]
    async fn an_object_that_comes_again_keeps_its_clicks_and_counts_none() {
        let ledger = MemoryLedger::default();
        for _ in 0..3 {
            assert_eq!(claim_all(&ledger, "one", clicks(0..120)).await.unwrap().len(), 120);
        }
        assert_eq!(views(&ledger), 120);
        assert_eq!(ledger.pages.lock().unwrap()["/0"], PageTotals { views: 40, bytes: 400 });
    }

    #[tokio::test]
    async fn an_event_of_another_object_is_left_to_it() {
        let ledger = MemoryLedger::default();
        claim_all(&ledger, "one", clicks(0..60)).await.unwrap();
        let own = claim_all(&ledger, "two", clicks(40..110)).await.unwrap();
        assert_eq!(own, clicks(60..110));
        assert_eq!(views(&ledger), 110);
    }

    #[tokio::test]
    async fn an_event_twice_in_one_object_counts_once() {
        let ledger = MemoryLedger::default();
        let twice = [clicks(0..3), clicks(0..3)].concat();
        assert_eq!(claim_all(&ledger, "one", twice).await.unwrap(), clicks(0..3));
        assert_eq!(views(&ledger), 3);
    }

    #[tokio::test]
    async fn an_invocation_that_dies_half_way_is_taken_up() {
        let ledger = MemoryLedger { claims_left: Mutex::new(Some(1)), ..MemoryLedger::default() };
        claim_all(&ledger, "one", clicks(0..120)).await.unwrap_err();
        assert_eq!(views(&ledger), 40, "one of the three pages");
        *ledger.claims_left.lock().unwrap() = None;
        assert_eq!(claim_all(&ledger, "one", clicks(0..120)).await.unwrap().len(), 120);
        assert_eq!(views(&ledger), 120);
    }

    #[test]
    fn pages_share_no_lane_and_lanes_the_work() {
        let clicks = clicks(0..900);
        let lanes = lanes(&clicks);
        assert_eq!(lanes.iter().map(Vec::len).collect::<Vec<_>>(), [300, 300, 300, 0]);
        for lane in &lanes[..3] {
            assert!(lane.iter().all(|click| click.page == lane[0].page));
        }
    }

    #[test]
    fn a_chunk_fits_one_transaction() {
        let (one, mut many) = (clicks(0..300), clicks(0..300));
        let one: Vec<&Click> = one.iter().filter(|click| click.page == "/0").collect();
        assert_eq!(fitting(&one), 99, "and the page");
        for (number, click) in many.iter_mut().enumerate() {
            click.page = format!("/{number}");
        }
        assert_eq!(fitting(&many.iter().collect::<Vec<_>>()), 50);
        assert_eq!(fitting(&one[..7]), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn conflicts_are_waited_out_within_bounds() {
        let ledger = MemoryLedger { busy: Mutex::new(5), ..MemoryLedger::default() };
        claim_all(&ledger, "one", clicks(0..1)).await.unwrap();
        let ledger = MemoryLedger { busy: Mutex::new(1000), ..MemoryLedger::default() };
        claim_all(&ledger, "one", clicks(0..1)).await.unwrap_err();
    }
}
