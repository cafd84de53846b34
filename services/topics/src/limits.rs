//! What SNS allows, and what is allowed here where that is less.

use std::time::Duration;

/// Topics of an account in a region ("Amazon SNS endpoints and quotas").
pub(crate) const TOPICS_MAX: usize = 100_000;
/// Subscriptions of a standard topic; AWS allows 12,500,000. All that a message is for are written
/// before its publish is answered.
pub(crate) const SUBSCRIPTIONS_OF_TOPIC_MAX: usize = 10_000;
/// Subscriptions of a FIFO topic.
pub(crate) const SUBSCRIPTIONS_OF_FIFO_TOPIC_MAX: usize = 100;
/// Subscriptions of an account in a region that wait to be confirmed.
pub(crate) const PENDING_SUBSCRIPTIONS_MAX: usize = 5_000;
/// Filter policies of a topic.
pub(crate) const FILTER_POLICIES_OF_TOPIC_MAX: usize = 200;
/// Tags of a topic.
pub(crate) const TAGS_MAX: usize = 50;
/// Statements of a topic's policy that permissions may add up to.
pub(crate) const POLICY_STATEMENTS_MAX: usize = 20;
/// Bytes of a topic's policy, of a delivery policy and of any other attribute but filter policies.
pub(crate) const ATTRIBUTE_BYTES_MAX: usize = 30_720;
/// Bytes of a message with its attributes, and of a batch ("Publish").
pub(crate) const MESSAGE_BYTES_MAX: usize = 262_144;
/// Messages of a batch.
pub(crate) const BATCH_ENTRIES_MAX: usize = 10;
/// Characters of the id of a batch's entry.
pub(crate) const BATCH_ID_CHARACTERS_MAX: usize = 80;
/// Characters of a subject.
pub(crate) const SUBJECT_CHARACTERS_MAX: usize = 100;
/// Characters of a display name.
pub(crate) const DISPLAY_NAME_CHARACTERS_MAX: usize = 100;
/// Characters of a message attribute's name.
pub(crate) const ATTRIBUTE_NAME_CHARACTERS_MAX: usize = 256;
/// Characters of a message's group or deduplication id.
pub(crate) const FIFO_ID_CHARACTERS_MAX: usize = 128;
/// Resources in a page of a listing.
pub(crate) const PAGE_MAX: usize = 100;
/// Bytes of deliveries that are committed together; a publish to a standard topic for more takes
/// several commits.
pub(crate) const COMMIT_BYTES_MAX: usize = 8 << 20;

/// How long a message with the same deduplication id is not delivered again.
pub(crate) const DEDUPLICATION_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// Messages of a FIFO topic that are remembered for deduplication; while there are as many within
/// the interval, further ones are throttled.
pub(crate) const DEDUPLICATIONS_MAX: usize = 100_000;

/// How long the token of a subscription is good for ("Subscribe").
pub(crate) const TOKEN_AGE: Duration = Duration::from_secs(2 * 24 * 3600);

/// Longest wait for an HTTP endpoint to answer ("Amazon SNS message delivery retries").
pub(crate) const HTTP_ANSWER_WAIT_MAX: Duration = Duration::from_secs(15);
/// Connections to one HTTP host that are kept for the next message.
pub(crate) const HTTP_IDLE_CONNECTIONS_MAX: usize = 4;
/// How long an idle connection to an HTTP host is kept.
pub(crate) const HTTP_IDLE_WAIT_MAX: Duration = Duration::from_secs(30);
/// Longest wait between two retries of an HTTP delivery ("Creating an HTTP/S delivery policy").
pub(crate) const RETRY_DELAY_SECONDS_MAX: u64 = 3_600;
/// Retries of an HTTP delivery.
pub(crate) const RETRIES_MAX: u64 = 100;

/// The version of SNS's API.
pub(crate) const API_VERSION: &str = "2010-03-31";
