//! All topics and subscriptions: in memory, and in control state.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use anabranch_control::{Changes, ControlError, ControlStore, Table};
use anabranch_delivery::{NewDelivery, Outbox};
use anabranch_protocol::{ApiError, RequestContext};
use parking_lot::RwLock;

use crate::error::{accept_failure, control_failure, internal, no_subscription, no_topic};
use crate::names::topic_of;
use crate::stored::{DEDUPLICATIONS, SUBSCRIPTIONS, StoredDeduplication, StoredSubscription, StoredTopic, TOPICS};
use crate::subscription::Subscription;
use crate::topic::{SubscriptionCounts, Topic};

/// Topics and subscriptions, by ARN: those of an account and region, and those of a topic, are
/// neighbours.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    topics: BTreeMap<String, Arc<Topic>>,
    subscriptions: BTreeMap<String, Arc<Subscription>>,
}

impl Contents {
    pub(crate) fn topic(&self, arn: &str) -> Result<&Arc<Topic>, ApiError> {
        self.topics.get(arn).ok_or_else(no_topic)
    }

    pub(crate) fn find_topic(&self, arn: &str) -> Option<&Arc<Topic>> {
        self.topics.get(arn)
    }

    pub(crate) fn subscription(&self, arn: &str) -> Result<&Arc<Subscription>, ApiError> {
        self.subscriptions.get(arn).ok_or_else(no_subscription)
    }

    /// Topics whose ARN begins with `prefix` and is after `after`.
    pub(crate) fn topics<'a>(&'a self, prefix: &'a str, after: &str) -> impl Iterator<Item = &'a Arc<Topic>> {
        below(&self.topics, prefix, after)
    }

    /// Subscriptions whose ARN begins with `prefix` and is after `after`.
    pub(crate) fn subscriptions<'a>(
        &'a self,
        prefix: &'a str,
        after: &str,
    ) -> impl Iterator<Item = &'a Arc<Subscription>> {
        below(&self.subscriptions, prefix, after)
    }

    /// The first subscription below `prefix` that `is_it` says it is.
    pub(crate) fn find_subscription(
        &self,
        prefix: &str,
        is_it: impl Fn(&Subscription) -> bool,
    ) -> Option<&Arc<Subscription>> {
        let all = self.subscriptions.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        let mut all = all.take_while(|(arn, _)| arn.starts_with(prefix)).map(|(_, subscription)| subscription);
        all.find(|subscription| is_it(subscription))
    }

    /// How many subscriptions a topic has.
    pub(crate) fn counts(&self, topic_arn: &str) -> SubscriptionCounts {
        let prefix = of_topic(topic_arn);
        let mut counts = SubscriptionCounts::default();
        for subscription in self.subscriptions(&prefix, "") {
            match subscription.stored.is_confirmed {
                true => counts.confirmed += 1,
                false => counts.pending += 1,
            }
        }
        counts
    }
}

fn below<'a, T>(all: &'a BTreeMap<String, T>, prefix: &'a str, after: &str) -> impl Iterator<Item = &'a T> {
    let from = if after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) };
    let found = all.range::<str, _>((from, Bound::Unbounded));
    found.take_while(move |(arn, _)| arn.starts_with(prefix)).map(|(_, value)| value)
}

/// What the ARNs of a topic's subscriptions begin with.
pub(crate) fn of_topic(topic_arn: &str) -> String {
    format!("{topic_arn}:")
}

/// What the ARNs of a caller's topics begin with.
pub(crate) fn of_caller(context: &RequestContext) -> String {
    // A resource may be empty here.
    context.arn("sns", "").to_string()
}

/// A change of the catalog.
#[derive(Debug)]
pub(crate) enum Edit {
    PutTopic(Arc<Topic>),
    /// With its subscriptions.
    RemoveTopic(String),
    PutSubscription(Arc<Subscription>),
    RemoveSubscription(String),
}

/// Changes that are made together, with deliveries that belong to them.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) edits: Vec<Edit>,
    pub(crate) deliveries: Vec<NewDelivery>,
}

/// Rows that nothing needs any more.
pub(crate) type Strays = Vec<(Table, String)>;

/// The catalog.
pub(crate) struct Catalog {
    outbox: Arc<Outbox>,
    contents: RwLock<Contents>,
    /// Held while something is changed.
    changing: Arc<tokio::sync::Mutex<()>>,
}

impl Catalog {
    /// Reads what control state has, and tells the rows that belong to topics that were deleted. A
    /// row that can't be made sense of is an error.
    pub(crate) fn open(control: &ControlStore, outbox: Arc<Outbox>) -> Result<(Self, Strays), OpenError> {
        let (mut contents, mut strays) = (Contents::default(), Strays::new());
        for (arn, row) in control.scan::<StoredTopic>(TOPICS, "")? {
            contents.topics.insert(arn, Arc::new(Topic::of(row, None)?));
        }
        for (arn, row) in control.scan::<StoredSubscription>(SUBSCRIPTIONS, "")? {
            contents.subscriptions.insert(arn, Arc::new(Subscription::of(row)?));
        }
        for (key, row) in control.scan::<StoredDeduplication>(DEDUPLICATIONS, "")? {
            let (arn, number) = key.rsplit_once('/').unwrap_or_default();
            let fifo = contents.topics.get(arn).and_then(|topic| topic.fifo.as_ref());
            // Nobody else has it yet.
            match (fifo.and_then(|fifo| fifo.0.try_lock().ok()), number.parse()) {
                (Some(mut state), Ok(number)) => state.remember(number, row),
                _ => strays.push((DEDUPLICATIONS, key)),
            }
        }
        Ok((Self { outbox, contents: RwLock::new(contents), changing: Arc::default() }, strays))
    }

    /// Looks at the contents.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Contents) -> T) -> T {
        look(&self.contents.read())
    }

    /// Makes the changes that `decide` makes of the contents, one caller after another: durable, then
    /// seen. They are made even if the caller stops waiting.
    pub(crate) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        decide: impl FnOnce(&Contents, &mut Draft) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let this = self.clone();
        let changing = self.changing.clone().lock_owned().await;
        let changed = tokio::spawn(async move {
            let _changing = changing;
            let mut draft = Draft::default();
            let (outcome, changes) = {
                let contents = this.contents.read();
                let outcome = decide(&contents, &mut draft)?;
                let changes = changes(&contents, &draft.edits).map_err(|error| control_failure(&error))?;
                (outcome, changes)
            };
            if !draft.edits.is_empty() || !draft.deliveries.is_empty() {
                let accepted = this.outbox.accept_with(draft.deliveries, changes).await;
                accepted.map_err(|error| accept_failure(&error))?;
                this.contents.write().apply(draft.edits);
            }
            Ok(outcome)
        });
        changed.await.unwrap_or_else(|error| Err(internal(error.to_string())))
    }
}

impl Catalog {
    /// Changes a topic as `change` says.
    pub(crate) async fn change_topic(
        self: &Arc<Self>,
        arn: String,
        change: impl FnOnce(&Topic) -> Result<StoredTopic, ApiError> + Send + 'static,
    ) -> Result<(), ApiError> {
        let changed = self.change(move |contents, draft| {
            let topic = contents.topic(&arn)?;
            draft.edits.push(Edit::PutTopic(Arc::new(Topic::of(change(topic)?, topic.fifo.clone())?)));
            Ok(())
        });
        changed.await
    }
}

/// Why topics can't be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("a stored topic or subscription can't be: {0}")]
    Row(#[from] ApiError),
}

fn changes(contents: &Contents, edits: &[Edit]) -> Result<Changes, ControlError> {
    let mut changes = Changes::default();
    for edit in edits {
        match edit {
            Edit::PutTopic(topic) => changes.put(TOPICS, topic.arn(), &topic.stored)?,
            Edit::PutSubscription(subscription) => {
                changes.put(SUBSCRIPTIONS, subscription.arn(), &subscription.stored)?;
            }
            Edit::RemoveSubscription(arn) => changes.delete(SUBSCRIPTIONS, arn),
            Edit::RemoveTopic(arn) => {
                changes.delete(TOPICS, arn);
                let prefix = of_topic(arn);
                contents.subscriptions(&prefix, "").for_each(|one| changes.delete(SUBSCRIPTIONS, one.arn()));
            }
        }
    }
    Ok(changes)
}

impl Contents {
    fn apply(&mut self, edits: Vec<Edit>) {
        for edit in edits {
            match edit {
                Edit::PutTopic(topic) => {
                    self.topics.insert(topic.arn().to_string(), topic);
                }
                Edit::PutSubscription(subscription) => {
                    self.subscriptions.insert(subscription.arn().to_string(), subscription);
                }
                Edit::RemoveSubscription(arn) => {
                    self.subscriptions.remove(&arn);
                }
                Edit::RemoveTopic(arn) => {
                    self.topics.remove(&arn);
                    self.subscriptions.retain(|subscription, _| topic_of(subscription) != arn);
                }
            }
        }
    }
}
