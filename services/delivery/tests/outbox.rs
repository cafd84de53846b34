//! Deliveries through an outbox: taken, tried again, in order, given up, and over restarts.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anabranch_control::{ControlStore, Table};
use anabranch_delivery::{
    AcceptError, Backoff, DeadLetter, DeadLetterForm, Figures, NewDelivery, Outbox, OutboxLimits, RetryPolicy,
};
use anabranch_ports::{AttributeValue, Delivery, PortError, PortErrorKind, Target};
use anabranch_protocol::{Clock, ManualClock};
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::watch;

const TABLE: Table = Table("test_deliveries");
const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:failed";

/// What targets do: each next delivery fails as its target says, and is noted once taken.
#[derive(Default)]
struct Targets {
    failures: Mutex<HashMap<String, Vec<PortErrorKind>>>,
    /// Targets that do not answer until they are let go.
    held: watch::Sender<bool>,
    taken: watch::Sender<Vec<(String, Delivery)>>,
}

#[async_trait]
impl Target for Targets {
    async fn check(&self, _: &str) -> Result<(), PortError> {
        Ok(())
    }

    async fn deliver(&self, target_arn: &str, delivery: Delivery) -> Result<(), PortError> {
        if target_arn.starts_with("held") {
            self.held.subscribe().wait_for(|held| !held).await.unwrap();
        }
        assert!(!target_arn.starts_with("panic"), "this target panics");
        let failure = self.failures.lock().get_mut(target_arn).and_then(Vec::pop);
        match failure {
            Some(kind) => Err(PortError::new(kind, "Test", "as it was told")),
            None => {
                self.taken.send_modify(|taken| taken.push((target_arn.to_string(), delivery)));
                Ok(())
            }
        }
    }
}

impl Targets {
    fn fails(&self, target: &str, kinds: &[PortErrorKind]) {
        self.failures.lock().insert(target.into(), kinds.to_vec());
    }

    async fn took(&self, count: usize) -> Vec<(String, Delivery)> {
        self.taken.subscribe().wait_for(|taken| taken.len() >= count).await.unwrap().clone()
    }

    fn payloads(&self) -> Vec<String> {
        let text = |(_, delivery): &(String, Delivery)| String::from_utf8(delivery.payload.to_vec()).unwrap();
        self.taken.borrow().iter().map(text).collect()
    }
}

struct Bench {
    clock: ManualClock,
    targets: Arc<Targets>,
    control: ControlStore,
    outbox: Arc<Outbox>,
}

impl Bench {
    fn open(directory: &Path, limits: OutboxLimits) -> Self {
        let (clock, targets) = (ManualClock::new(1_763_000_000_000), Arc::new(Targets::default()));
        let control = ControlStore::open(&directory.join("control.redb")).unwrap();
        let outbox = Outbox::open(TABLE, control.clone(), Arc::new(clock.clone()), targets.clone(), limits);
        Self { clock, targets, control, outbox }
    }

    fn started(directory: &Path) -> Self {
        let bench = Self::open(directory, OutboxLimits::default());
        bench.outbox.start().unwrap();
        bench
    }

    /// Moves the clock until nothing is pending.
    async fn emptied(&self) {
        let empty = async {
            while self.outbox.pending() > 0 {
                self.clock.sleep(Duration::from_millis(500)).await;
            }
        };
        self.clock.fast_forward(Duration::from_millis(500), empty).await;
    }

    async fn close(self) {
        self.outbox.close().await;
        self.control.close();
    }
}

fn delivery(target: &str, payload: &str) -> NewDelivery {
    NewDelivery {
        target: target.into(),
        delivery: Delivery::new(payload.to_string()),
        policy: RetryPolicy {
            attempts_max: 3,
            age_max: Duration::from_secs(3600),
            backoff: Backoff::Doubling { min: Duration::from_secs(1), max: Duration::from_secs(8) },
        },
        dead_letter: None,
        ordering: None,
    }
}

fn ordered(target: &str, payload: &str, ordering: &str) -> NewDelivery {
    NewDelivery { ordering: Some(ordering.into()), ..delivery(target, payload) }
}

fn dead_letter(describe: DeadLetterForm) -> Option<DeadLetter> {
    Some(DeadLetter { queue_arn: QUEUE.into(), describe })
}

#[tokio::test]
async fn what_is_accepted_is_delivered_and_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::started(directory.path());
    bench.outbox.accept(vec![delivery("a", "1"), delivery("b", "2")]).await.unwrap();
    assert_eq!(bench.targets.took(2).await.len(), 2);
    bench.emptied().await;
    assert_eq!(bench.outbox.figures(), Figures { delivered: 2, ..Figures::default() });
    bench.close().await;
    let again = Bench::started(directory.path());
    assert_eq!((again.outbox.pending(), again.targets.payloads().len()), (0, 0));
    again.close().await;
}

#[tokio::test]
async fn what_an_earlier_run_accepted_comes_first_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::open(directory.path(), OutboxLimits::default());
    for payload in ["1", "2", "3"] {
        bench.outbox.accept(vec![ordered("a", payload, "g")]).await.unwrap();
    }
    bench.close().await;
    let bench = Bench::open(directory.path(), OutboxLimits::default());
    bench.outbox.accept(vec![ordered("a", "4", "g"), ordered("a", "5", "g")]).await.unwrap();
    bench.outbox.start().unwrap();
    bench.targets.took(5).await;
    assert_eq!(bench.targets.payloads(), ["1", "2", "3", "4", "5"]);
    bench.close().await;
}

#[tokio::test]
async fn a_failed_delivery_comes_again_and_keeps_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::started(directory.path());
    bench.targets.fails("a", &[PortErrorKind::Throttled, PortErrorKind::Unavailable]);
    let all = ["1", "2", "3"].map(|payload| ordered("a", payload, "g"));
    bench.outbox.accept(all.into()).await.unwrap();
    bench.outbox.accept(vec![ordered("b", "other", "g")]).await.unwrap();
    bench.targets.took(1).await;
    assert_eq!(bench.targets.payloads(), ["other"]);
    bench.emptied().await;
    assert_eq!(bench.targets.payloads(), ["other", "1", "2", "3"]);
    bench.close().await;
}

#[tokio::test]
async fn what_waits_for_its_next_attempt_waits_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::started(directory.path());
    bench.targets.fails("a", &[PortErrorKind::Throttled]);
    bench.outbox.accept(vec![delivery("a", "1")]).await.unwrap();
    while !bench.targets.failures.lock()["a"].is_empty() {
        tokio::task::yield_now().await;
    }
    bench.close().await;
    let bench = Bench::started(directory.path());
    assert_eq!(bench.outbox.pending(), 1);
    bench.emptied().await;
    assert!(bench.clock.now_ms() >= 1_763_000_001_000, "it waited");
    assert_eq!(bench.targets.payloads(), ["1"]);
    bench.close().await;
}

#[tokio::test]
async fn a_slow_target_holds_up_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let limits = OutboxLimits { under_way_of_target_max: 2, ..OutboxLimits::default() };
    let bench = Bench::open(directory.path(), limits);
    bench.outbox.start().unwrap();
    bench.targets.held.send_replace(true);
    bench.outbox.accept((0..40).map(|_| delivery("held", "slow")).collect()).await.unwrap();
    bench.outbox.accept(vec![delivery("quick", "quick")]).await.unwrap();
    bench.targets.took(1).await;
    assert_eq!(bench.targets.payloads(), ["quick"]);
    bench.targets.held.send_replace(false);
    bench.targets.took(41).await;
    bench.close().await;
}

#[tokio::test]
async fn a_target_that_panics_harms_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::started(directory.path());
    bench.outbox.accept(vec![delivery("panic", "1"), delivery("a", "2")]).await.unwrap();
    bench.targets.took(1).await;
    while bench.outbox.pending() > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.targets.payloads(), ["2"]);
    bench.close().await;
}

#[tokio::test]
async fn what_can_never_be_taken_goes_to_the_dead_letter_queue_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::started(directory.path());
    bench.targets.fails("gone", &[PortErrorKind::NotFound]);
    let rule = vec![("RULE_ARN".to_string(), "arn:rule".to_string())];
    let described = dead_letter(DeadLetterForm::Described(rule));
    bench.outbox.accept(vec![NewDelivery { dead_letter: described, ..delivery("gone", "1") }]).await.unwrap();
    let (target, letter) = bench.targets.took(1).await.remove(0);
    assert_eq!((target.as_str(), &*letter.payload), (QUEUE, &b"1"[..]));
    let attributes: HashMap<String, String> = letter
        .attributes
        .into_iter()
        .map(|(name, attribute)| match attribute.value {
            AttributeValue::Text(text) => (name, text),
            AttributeValue::Binary(_) => panic!("binary"),
        })
        .collect();
    let of = |name: &str| attributes.get(name).map(String::as_str);
    assert_eq!((of("RULE_ARN"), of("ERROR_CODE")), (Some("arn:rule"), Some("NO_RESOURCE")));
    assert_eq!((of("RETRY_ATTEMPTS"), of("EXHAUSTED_RETRY_CONDITION")), (Some("0"), None));
    bench.emptied().await;
    assert_eq!(bench.outbox.figures(), Figures { dead_lettered: 1, ..Figures::default() });
    bench.close().await;
}

#[tokio::test]
async fn attempts_and_age_are_limited() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::started(directory.path());
    bench.targets.fails("tried", &[PortErrorKind::Unavailable; 9]);
    bench.targets.fails("old", &[PortErrorKind::Unavailable; 9]);
    let other = Box::new(Delivery::new("other"));
    let tried = NewDelivery { dead_letter: dead_letter(DeadLetterForm::Other(other)), ..delivery("tried", "1") };
    let mut old = NewDelivery { dead_letter: dead_letter(DeadLetterForm::AsIs), ..delivery("old", "2") };
    old.policy = RetryPolicy { attempts_max: 100, age_max: Duration::from_millis(2_500), ..old.policy };
    bench.outbox.accept(vec![tried, old]).await.unwrap();
    bench.emptied().await;
    let mut letters = bench.targets.payloads();
    letters.sort();
    assert_eq!(letters, ["2", "other"]);
    assert_eq!(bench.targets.failures.lock()["tried"].len(), 6);
    assert!(bench.targets.failures.lock()["old"].len() >= 7);
    bench.close().await;
}

#[tokio::test]
async fn a_dead_letter_queue_is_tried_until_it_takes_the_letter() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::started(directory.path());
    bench.targets.fails("gone", &[PortErrorKind::Refused]);
    bench.targets.fails(QUEUE, &[PortErrorKind::Unavailable, PortErrorKind::Failed]);
    let letter = dead_letter(DeadLetterForm::AsIs);
    bench.outbox.accept(vec![NewDelivery { dead_letter: letter, ..delivery("gone", "1") }]).await.unwrap();
    bench.emptied().await;
    assert_eq!(bench.targets.payloads(), ["1"]);
    assert_eq!(bench.outbox.problems(), []);
    bench.close().await;
}

#[tokio::test]
async fn what_nobody_takes_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::started(directory.path());
    bench.targets.fails("gone", &[PortErrorKind::Refused; 2]);
    bench.targets.fails(QUEUE, &[PortErrorKind::NotFound]);
    let letter = dead_letter(DeadLetterForm::AsIs);
    let both = vec![NewDelivery { dead_letter: letter, ..delivery("gone", "1") }, delivery("gone", "2")];
    bench.outbox.accept(both).await.unwrap();
    bench.emptied().await;
    assert_eq!(bench.outbox.figures(), Figures { given_up: 2, ..Figures::default() });
    assert!(bench.targets.payloads().is_empty());
    bench.close().await;
}

#[tokio::test]
async fn a_full_outbox_takes_all_or_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::open(directory.path(), OutboxLimits { pending_max: 3, ..OutboxLimits::default() });
    bench.outbox.accept(vec![delivery("a", "1"), delivery("a", "2")]).await.unwrap();
    let refused = bench.outbox.accept(vec![delivery("a", "3"), delivery("a", "4")]).await.unwrap_err();
    assert!(matches!(refused, AcceptError::Full { pending_max: 3 }), "{refused}");
    assert_eq!((bench.outbox.pending(), bench.outbox.problems().len()), (2, 0));
    bench.outbox.accept(vec![delivery("a", "3")]).await.unwrap();
    assert_eq!(bench.outbox.problems().len(), 1);
    bench.outbox.start().unwrap();
    bench.emptied().await;
    assert_eq!(bench.targets.payloads().len(), 3);
    bench.close().await;
}
