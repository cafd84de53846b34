//! A generated day of the shop: the same clicks for the same seed.
//!
//! Visits begin along the day's curve; each heads for a purchase, and most turn back early.

use crate::input::{BadBody, Input};
use crate::shop::{LANDINGS, POISON_USER_AGENT, PRODUCTS, Product, REFERRERS, SEARCHES, USER_AGENTS, VISITS_OF_HOUR};
use click::Click;
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

/// Midnight (UTC) at which the day begins: 15 June 2026.
const DAY_BEGINS: i64 = 1_781_481_600;
/// Seconds of a day; visits that would run past midnight are cut there.
const DAY_SECONDS: i64 = 86_400;
/// Purchases without an amount, if there are enough purchases.
const POISON_PURCHASES: usize = 7;
/// Lines from an app so old that it does not send JSON.
const OLD_APP_LINES: u32 = 5;

/// Makes a day of exactly `clicks` clicks.
pub(crate) fn generate(seed: u64, clicks: u32) -> Input {
    let mut rng = Rng::with_seed(seed);
    let mut all = Vec::with_capacity(clicks as usize + 64);
    while all.len() < clicks as usize {
        Visit::new(&mut rng).walk(&mut all);
    }
    all.truncate(clicks as usize);
    all.sort_by(|a: &Click, b| (&a.timestamp, &a.event_id).cmp(&(&b.timestamp, &b.event_id)));
    poison(&mut all);
    Input {
        title: format!("a generated day of the shop (seed {seed})"),
        clicks: all,
        raw_lines: (1..=OLD_APP_LINES).map(|n| old_app_line(seed, n)).collect(),
        bad_bodies: bad_bodies(),
    }
}

/// One visit on its way through the shop.
struct Visit<'a> {
    rng: &'a mut Rng,
    session_id: String,
    user_agent: &'static str,
    user_id: Option<String>,
    referrer: &'static str,
    now: Timestamp,
}

impl<'a> Visit<'a> {
    fn new(rng: &'a mut Rng) -> Self {
        let hour = pick_index(rng, VISITS_OF_HOUR.iter().copied());
        let second = i64::try_from(hour).unwrap_or(0) * 3600 + rng.i64(0..3600);
        let now = Timestamp::from_second(DAY_BEGINS + second).unwrap_or(Timestamp::UNIX_EPOCH)
            + SignedDuration::from_millis(rng.i64(0..1000));
        Self {
            session_id: format!("s-{:016x}", rng.u64(..)),
            user_agent: pick(rng, &USER_AGENTS),
            user_id: (rng.f64() < 0.4).then(|| format!("u{:05}", rng.u32(0..40_000))),
            referrer: pick(rng, &REFERRERS),
            now,
            rng,
        }
    }

    /// Adds the visit's clicks. By the chances, of 100 visits about 72 see a product, 27 fill a
    /// cart, 16 reach the checkout and 11 buy.
    fn walk(mut self, clicks: &mut Vec<Click>) {
        let landing = pick(self.rng, &LANDINGS);
        self.click(clicks, "page_view", landing.to_owned(), &[]);
        if self.rng.f64() < 0.45 {
            self.browse(clicks);
        }
        if self.rng.f64() > 0.72 {
            return;
        }
        let product = self.look(clicks);
        if self.rng.f64() > 0.38 {
            return;
        }
        let quantity = 1 + u64::from(self.rng.f64() < 0.15);
        let about = [("product", json!(product.number)), ("quantity", json!(quantity))];
        self.click(clicks, "add_to_cart", address(product), &about);
        self.click(clicks, "page_view", "/cart".to_owned(), &[]);
        if self.rng.f64() > 0.6 {
            return;
        }
        self.click(clicks, "checkout", "/checkout".to_owned(), &[]);
        if self.rng.f64() > 0.7 {
            return;
        }
        let paid = json!(quantity * product.price_cents);
        let about = [("amount_cents", paid), ("product", json!(product.number)), ("currency", json!("EUR"))];
        self.click(clicks, "purchase", "/checkout/done".to_owned(), &about);
    }

    /// One to three lists: a search or a category.
    fn browse(&mut self, clicks: &mut Vec<Click>) {
        for _ in 0..self.rng.u32(1..=3) {
            let page = if self.rng.f64() < 0.4 {
                format!("/search?q={}", SEARCHES[self.rng.usize(0..SEARCHES.len())])
            } else {
                format!("/category/{}", PRODUCTS[self.rng.usize(0..PRODUCTS.len())].category)
            };
            self.click(clicks, "page_view", page, &[]);
        }
    }

    /// One to five products, best-sellers more often; returns the last.
    fn look(&mut self, clicks: &mut Vec<Click>) -> &'static Product {
        let weights = || (1u32..).take(PRODUCTS.len()).map(|rank| 10_000 / (rank + 2));
        let mut product = &PRODUCTS[0];
        for _ in 0..self.rng.u32(1..=5) {
            product = &PRODUCTS[pick_index(self.rng, weights())];
            let about = [("product", json!(product.number)), ("price_cents", json!(product.price_cents))];
            self.click(clicks, "product_view", address(product), &about);
        }
        product
    }

    fn click(&mut self, clicks: &mut Vec<Click>, kind: &str, page: String, about: &[(&str, Value)]) {
        let event_id = uuid::Builder::from_random_bytes(self.rng.u128(..).to_be_bytes()).into_uuid().to_string();
        let mut rest = Map::from_iter(about.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        rest.insert("user_agent".into(), self.user_agent.into());
        rest.extend(self.user_id.iter().map(|user_id| ("user_id".to_owned(), json!(user_id))));
        if !self.referrer.is_empty() {
            rest.insert("referrer".into(), std::mem::take(&mut self.referrer).into());
        }
        let timestamp = format!("{:.3}", self.now.min(end_of_day()));
        let session_id = self.session_id.clone();
        clicks.push(Click { event_id, session_id, timestamp, kind: kind.to_owned(), page, rest });
        // Most look for a few seconds, some for a minute or two.
        let seconds = 2.0 - 22.0 * (1.0 - self.rng.f64()).ln();
        self.now += SignedDuration::from_millis(milliseconds(seconds.min(180.0)));
    }
}

#[expect(clippy::cast_possible_truncation, reason = "at most 180 s")]
fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1000.0) as i64
}

fn end_of_day() -> Timestamp {
    let end = Timestamp::from_second(DAY_BEGINS + DAY_SECONDS).unwrap_or(Timestamp::MAX);
    end - SignedDuration::from_millis(1)
}

fn address(product: &Product) -> String {
    format!("/product/{}-{}", product.number, product.slug)
}

/// Takes the amount from a few purchases, spread over the day.
fn poison(clicks: &mut [Click]) {
    let purchases: Vec<usize> = (0..clicks.len()).filter(|&index| clicks[index].kind == "purchase").collect();
    let count = POISON_PURCHASES.min(purchases.len());
    for n in 0..count {
        let click = &mut clicks[purchases[(2 * n + 1) * purchases.len() / (2 * count)]];
        click.rest.remove("amount_cents");
        click.rest.insert("user_agent".into(), POISON_USER_AGENT.into());
    }
}

fn old_app_line(seed: u64, n: u32) -> Vec<u8> {
    let seconds = DAY_BEGINS + i64::from(n) * 14_000;
    format!("{seconds};OLDAPP/1.{n};view;/home;device={seed:x}-{n:04}").into_bytes()
}

fn bad_bodies() -> Vec<BadBody> {
    let event = |field: &str, value: Value| {
        let mut event = json!({"event_id": "refused", "session_id": "refused", "timestamp": "2026-06-15T12:00:00Z",
                               "type": "page_view", "page": "/"});
        event[field] = value;
        event
    };
    let good = event("page", json!("/"));
    vec![
        BadBody { what: "half a body", body: "[{\"event_id\": \"refused\", \"sess".into() },
        BadBody { what: "an event without a session", body: event("session_id", Value::Null).to_string() },
        BadBody { what: "a time that is none", body: json!([good, event("timestamp", json!("noon"))]).to_string() },
        BadBody { what: "an empty page", body: json!([event("page", json!("")), good]).to_string() },
        BadBody { what: "501 events", body: Value::from(vec![good; 501]).to_string() },
    ]
}

/// An index by weight.
fn pick_index(rng: &mut Rng, weights: impl Iterator<Item = u32> + Clone) -> usize {
    let mut left = rng.u32(0..weights.clone().sum::<u32>().max(1));
    let mut last = 0;
    for (index, weight) in weights.enumerate() {
        if left < weight {
            return index;
        }
        left -= weight;
        last = index;
    }
    last
}

fn pick(rng: &mut Rng, choices: &[(&'static str, u32)]) -> &'static str {
    let index = pick_index(rng, choices.iter().map(|(_, weight)| *weight));
    choices.get(index).map_or("", |(choice, _)| choice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    #[test]
    fn the_same_seed_makes_the_same_day() {
        assert_eq!(generate(7, 3000).clicks, generate(7, 3000).clicks);
        assert_ne!(generate(7, 3000).clicks, generate(8, 3000).clicks);
    }

    #[test]
    fn every_click_is_valid_and_of_its_day() {
        let input = generate(1, 20_000);
        assert_eq!(input.clicks.len(), 20_000);
        for click in &input.clicks {
            assert_eq!(Click::from_value(serde_json::to_value(click).unwrap()).unwrap(), *click);
            assert!(click.timestamp.starts_with("2026-06-15T"), "{}", click.timestamp);
        }
        let ids: HashSet<&String> = input.clicks.iter().map(|click| &click.event_id).collect();
        assert_eq!(ids.len(), 20_000);
    }

    #[test]
    fn the_day_looks_like_one() {
        let input = generate(1, 20_000);
        let mut of_hour = HashMap::<&str, u32>::new();
        let mut of_kind = HashMap::<&str, HashSet<&str>>::new();
        for click in &input.clicks {
            *of_hour.entry(&click.timestamp[11..13]).or_default() += 1;
            of_kind.entry(&click.kind).or_default().insert(&click.session_id);
        }
        assert!(of_hour["20"] > 8 * of_hour["03"], "the evening is busier than the night");
        let sessions = |kind| of_kind[kind].len();
        let funnel = ["page_view", "product_view", "add_to_cart", "checkout", "purchase"].map(sessions);
        assert!(funnel.windows(2).all(|pair| pair[0] > pair[1]), "{funnel:?}");
        assert!((5..20).contains(&(100 * funnel[4] / funnel[0])), "{funnel:?}");
    }

    #[test]
    fn poison_is_exact_and_bad_lines_are_bad() {
        let input = generate(1, 20_000);
        let poisoned = input.clicks.iter().filter(|click| click::Step::reached_by(click).is_err()).count();
        assert_eq!(poisoned, POISON_PURCHASES);
        assert!(input.raw_lines.iter().all(|line| Click::from_json(line).is_err()));
        assert_eq!(input.raw_lines.iter().collect::<HashSet<_>>().len(), OLD_APP_LINES as usize);
    }

    #[test]
    fn a_tiny_day_is_a_day_too() {
        assert_eq!(generate(1, 1).clicks.len(), 1);
    }
}
