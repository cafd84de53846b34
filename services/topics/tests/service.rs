//! The operations by the Query protocol, and what subscribers get.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use anabranch_control::ControlStore;
use anabranch_ports::{AttributeValue, Delivery, PortError, PortErrorKind, Target};
use anabranch_protocol::{ApiError, Call, ManualClock, QueryRequest, RequestContext, Service};
use anabranch_topics::Topics;
use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::watch;

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:clicks";
const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:clicks";
const FIFO: &str = "arn:aws:sns:us-east-1:000000000000:clicks.fifo";
const FIFO_QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:clicks.fifo";

/// Takes everything, but for what is gone.
#[derive(Default)]
struct Targets(watch::Sender<Vec<(String, Delivery)>>);

#[async_trait]
impl Target for Targets {
    async fn check(&self, _: &str) -> Result<(), PortError> {
        Ok(())
    }

    async fn deliver(&self, target_arn: &str, delivery: Delivery) -> Result<(), PortError> {
        if target_arn.ends_with("gone") {
            return Err(PortError::new(PortErrorKind::NotFound, "Gone", "it is gone"));
        }
        self.0.send_modify(|taken| taken.push((target_arn.into(), delivery)));
        Ok(())
    }
}

struct Bench {
    topics: Arc<Topics>,
    targets: Arc<Targets>,
    clock: ManualClock,
    control: ControlStore,
}

impl Bench {
    fn open(directory: &Path) -> Self {
        let control = ControlStore::open(&directory.join("control.redb")).unwrap();
        let (targets, clock) = (Arc::new(Targets::default()), ManualClock::new(1_763_000_000_000));
        let base_url = "http://localhost:4566";
        let topics = Topics::open(control.clone(), Arc::new(clock.clone()), targets.clone(), base_url).unwrap();
        topics.start().unwrap();
        Self { topics, targets, clock, control }
    }

    async fn reopened(self, directory: &Path) -> Self {
        self.topics.pause().await;
        self.control.close();
        Self::open(directory)
    }

    async fn call(&self, form: &str) -> Result<String, ApiError> {
        let request = QueryRequest::parse(format!("{form}&Version=2010-03-31").as_bytes())?;
        let model = self.topics.model();
        let operation = model.offered(&request.action)?;
        let call = Call::form(RequestContext::default(), operation, request, model.query_style.unwrap());
        let body = self.topics.perform(&call).await?.into_body().unwrap();
        Ok(String::from_utf8(body.to_vec()).unwrap())
    }

    async fn ok(&self, form: &str) -> String {
        self.call(form).await.unwrap_or_else(|error| panic!("{form}: {error}"))
    }

    async fn refused(&self, form: &str) -> String {
        self.call(form).await.unwrap_err().to_string()
    }

    async fn subscribed(&self, topic: &str, protocol: &str, endpoint: &str, more: &str) -> String {
        let form = format!("Action=Subscribe&TopicArn={topic}&Protocol={protocol}&Endpoint={endpoint}{more}");
        element(&self.ok(&form).await, "SubscriptionArn")
    }

    async fn took(&self, count: usize) -> Vec<(String, Delivery)> {
        self.targets.0.subscribe().wait_for(|taken| taken.len() >= count).await.unwrap().clone()
    }

    fn taken(&self) -> usize {
        self.targets.0.borrow().len()
    }
}

fn element(text: &str, name: &str) -> String {
    let (_, rest) = text.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {text}"));
    rest.split('<').next().unwrap().to_string()
}

fn attribute(number: usize, name: &str, value: &str) -> String {
    format!("&Attributes.entry.{number}.key={name}&Attributes.entry.{number}.value={value}")
}

fn json(delivery: &Delivery) -> Value {
    serde_json::from_slice(&delivery.payload).unwrap()
}

#[tokio::test]
async fn a_message_reaches_each_subscriber_in_its_form() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::open(directory.path());
    assert_eq!(element(&bench.ok("Action=CreateTopic&Name=clicks").await, "TopicArn"), TOPIC);
    let function = "arn:aws:lambda:us-east-1:000000000000:function:consumer";
    let subscription = bench.subscribed(TOPIC, "sqs", QUEUE, "").await;
    bench.subscribed(TOPIC, "lambda", function, "").await;
    let raw_queue = QUEUE.replace("clicks", "raw");
    bench.subscribed(TOPIC, "sqs", &raw_queue, &attribute(1, "RawMessageDelivery", "true")).await;
    let attributes = "&MessageAttributes.entry.1.Name=kind&MessageAttributes.entry.1.Value.DataType=String\
        &MessageAttributes.entry.1.Value.StringValue=click";
    let id = bench.ok(&format!("Action=Publish&TopicArn={TOPIC}&Message=hello&Subject=greeting{attributes}")).await;
    let id = element(&id, "MessageId");
    let taken = bench.took(3).await;
    let of = |target: &str| taken.iter().find(|(arn, _)| arn == target).unwrap().1.clone();
    let notification = json(&of(QUEUE));
    assert_eq!((&notification["MessageId"], &notification["Subject"]), (&Value::from(id), &Value::from("greeting")));
    assert_eq!(notification["MessageAttributes"]["kind"]["Value"], "click");
    assert_eq!(notification["Timestamp"], "2025-11-13T02:13:20.000Z");
    assert!(notification["Signature"].as_str().unwrap().len() > 300);
    let unsubscribe = notification["UnsubscribeURL"].as_str().unwrap();
    assert!(unsubscribe.contains(subscription.rsplit(':').next().unwrap().split('-').next().unwrap()), "{unsubscribe}");
    assert_eq!(json(&of(function))["Records"][0]["Sns"]["Message"], "hello");
    let raw = of(&raw_queue);
    assert_eq!((&*raw.payload, raw.attributes[0].0.as_str()), (&b"hello"[..], "kind"));
    assert_eq!(raw.attributes[0].1.value, AttributeValue::Text("click".into()));
}

#[tokio::test]
async fn filters_hold_messages_back_and_batches_fail_by_entry() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::open(directory.path());
    bench.ok("Action=CreateTopic&Name=clicks").await;
    let filter = attribute(1, "FilterPolicy", "%7B%22kind%22%3A%5B%22click%22%5D%7D")
        + &attribute(2, "FilterPolicyScope", "MessageBody");
    bench.subscribed(TOPIC, "sqs", QUEUE, &filter).await;
    let entry = |number: usize, id: &str, message: &str| {
        let name = format!("&PublishBatchRequestEntries.member.{number}");
        format!("{name}.Id={id}{name}.Message={message}")
    };
    let entries = entry(1, "a", "%7B%22kind%22%3A%22view%22%7D")
        + &entry(2, "b", "%7B%22kind%22%3A%22click%22%7D")
        + &entry(3, "c", "");
    let answer = bench.ok(&format!("Action=PublishBatch&TopicArn={TOPIC}{entries}")).await;
    assert_eq!(answer.matches("<MessageId>").count(), 2, "{answer}");
    assert!(answer.contains("<Failed><member><Id>c</Id><Code>InvalidParameter</Code>"), "{answer}");
    assert_eq!(json(&bench.took(1).await[0].1)["Message"], r#"{"kind":"click"}"#);
    let twice = entry(1, "a", "1") + &entry(2, "a", "2");
    let error = bench.refused(&format!("Action=PublishBatch&TopicArn={TOPIC}{twice}")).await;
    assert!(error.starts_with("BatchEntryIdsNotDistinct"), "{error}");
}

#[tokio::test]
async fn fifo_topics_keep_order_and_drop_duplicates_over_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::open(directory.path());
    let attributes = attribute(1, "FifoTopic", "true") + &attribute(2, "ContentBasedDeduplication", "true");
    bench.ok(&format!("Action=CreateTopic&Name=clicks.fifo{attributes}")).await;
    bench.subscribed(FIFO, "sqs", FIFO_QUEUE, "").await;
    let publish = |message: &str| format!("Action=Publish&TopicArn={FIFO}&Message={message}&MessageGroupId=g");
    let first = bench.ok(&publish("one")).await;
    let second = bench.ok(&publish("two")).await;
    let (one, two) = (element(&first, "SequenceNumber"), element(&second, "SequenceNumber"));
    assert!(one < two && one.len() == 20, "{one} {two}");
    let taken = bench.took(2).await;
    assert_eq!(
        (json(&taken[0].1)["Message"].as_str(), json(&taken[1].1)["Message"].as_str()),
        (Some("one"), Some("two"))
    );
    assert_eq!(
        (taken[0].1.message_group_id.as_deref(), json(&taken[0].1)["SequenceNumber"].as_str()),
        (Some("g"), Some(one.as_str()))
    );
    assert_eq!(taken[0].1.message_deduplication_id.as_ref().unwrap().len(), 64);

    let bench = bench.reopened(directory.path()).await;
    let again = bench.ok(&publish("one")).await;
    assert_eq!((element(&again, "MessageId"), element(&again, "SequenceNumber")), (element(&first, "MessageId"), one));
    bench.clock.advance_ms(300_000);
    let later = bench.ok(&publish("one")).await;
    assert!(element(&later, "SequenceNumber") > two);
    bench.took(1).await;
    assert_eq!(bench.taken(), 1, "the duplicate was not delivered");
    for (form, says) in [
        (format!("Action=Publish&TopicArn={FIFO}&Message=m"), "MessageGroupId parameter is required"),
        (format!("Action=Subscribe&TopicArn={FIFO}&Protocol=http&Endpoint=http://localhost"), "queues only"),
    ] {
        assert!(bench.refused(&form).await.contains(says), "{form}");
    }
}

#[tokio::test]
async fn what_can_not_be_delivered_goes_to_the_dead_letter_queue() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::open(directory.path());
    bench.ok("Action=CreateTopic&Name=clicks").await;
    let redrive = format!("%7B%22deadLetterTargetArn%22%3A%22{QUEUE}%22%7D");
    let gone = "arn:aws:lambda:us-east-1:000000000000:function:gone";
    bench.subscribed(TOPIC, "lambda", gone, &attribute(1, "RedrivePolicy", &redrive)).await;
    bench.ok(&format!("Action=Publish&TopicArn={TOPIC}&Message=hello")).await;
    let (target, letter) = bench.took(1).await.remove(0);
    assert_eq!((target.as_str(), json(&letter)["Type"].as_str()), (QUEUE, Some("Notification")));
}

#[tokio::test]
async fn topics_and_subscriptions_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::open(directory.path());
    bench
        .ok(&format!(
            "Action=CreateTopic&Name=clicks{}&Tags.member.1.Key=team&Tags.member.1.Value=data",
            attribute(1, "DisplayName", "Clicks")
        ))
        .await;
    let subscription = bench.subscribed(TOPIC, "sqs", QUEUE, "").await;
    bench.ok(&format!("Action=SetSubscriptionAttributes&SubscriptionArn={subscription}&AttributeName=RawMessageDelivery&AttributeValue=true")).await;
    bench.ok(&format!("Action=AddPermission&TopicArn={TOPIC}&Label=other&AWSAccountId.member.1=111122223333&ActionName.member.1=Publish")).await;
    let bench = bench.reopened(directory.path()).await;
    let attributes = bench.ok(&format!("Action=GetTopicAttributes&TopicArn={TOPIC}")).await;
    for part in [
        "<key>DisplayName</key><value>Clicks</value>",
        "<key>SubscriptionsConfirmed</key><value>1</value>",
        "111122223333",
    ] {
        assert!(attributes.contains(part), "{part} in {attributes}");
    }
    let own = bench.ok(&format!("Action=GetSubscriptionAttributes&SubscriptionArn={subscription}")).await;
    assert!(own.contains("<key>RawMessageDelivery</key><value>true</value>"), "{own}");
    assert_eq!(bench.subscribed(TOPIC, "sqs", QUEUE, &attribute(1, "RawMessageDelivery", "true")).await, subscription);
    assert!(bench.ok(&format!("Action=ListTagsForResource&ResourceArn={TOPIC}")).await.contains("<Key>team</Key>"));
    assert!(bench.ok("Action=ListSubscriptions").await.contains(&subscription));
    bench.ok(&format!("Action=Unsubscribe&SubscriptionArn={subscription}")).await;
    assert!(
        bench
            .refused(&format!("Action=GetSubscriptionAttributes&SubscriptionArn={subscription}"))
            .await
            .starts_with("NotFound")
    );
    bench.ok(&format!("Action=DeleteTopic&TopicArn={TOPIC}")).await;
    assert!(!bench.ok("Action=ListTopics").await.contains("clicks"));
    assert_eq!(
        bench.refused(&format!("Action=Publish&TopicArn={TOPIC}&Message=m")).await,
        "NotFound: Topic does not exist"
    );
}

#[tokio::test]
async fn listings_come_in_pages() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::open(directory.path());
    let names: Vec<String> = (0..101).map(|number| format!("Action=CreateTopic&Name=t{number:03}")).collect();
    futures::future::join_all(names.iter().map(|form| bench.ok(form))).await;
    let first = bench.ok("Action=ListTopics").await;
    assert_eq!(first.matches("<TopicArn>").count(), 100);
    let second = bench.ok(&format!("Action=ListTopics&NextToken={}", element(&first, "NextToken"))).await;
    assert!(second.contains(":t100<") && !second.contains("NextToken"), "{second}");
}

#[tokio::test]
async fn what_can_not_be_is_refused_in_the_words_of_sns() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::open(directory.path());
    bench.ok("Action=CreateTopic&Name=clicks").await;
    for (form, says) in [
        ("Action=CreateTopic&Name=a%20b".to_string(), "InvalidParameter: Invalid parameter: Topic Name"),
        (
            format!("Action=CreateTopic&Name=clicks{}", attribute(1, "DisplayName", "x")),
            "already exists with different attributes",
        ),
        (format!("Action=CreateTopic&Name=a{}", attribute(1, "ArchivePolicy", "%7B%7D")), "does not support"),
        (
            format!("Action=Subscribe&TopicArn={TOPIC}&Protocol=email&Endpoint=a@b.c"),
            "does not support subscriptions by the protocol email",
        ),
        (format!("Action=Subscribe&TopicArn={TOPIC}&Protocol=sqs&Endpoint=x"), "Invalid parameter: SQS endpoint ARN"),
        (
            format!(
                "Action=Subscribe&TopicArn={TOPIC}&Protocol=firehose&Endpoint=arn:aws:firehose:us-east-1:000000000000:deliverystream/a"
            ),
            "SubscriptionRoleArn",
        ),
        (format!("Action=ConfirmSubscription&TopicArn={TOPIC}&Token=x"), "Invalid parameter: Token"),
        (format!("Action=Publish&TopicArn={TOPIC}&Message="), "Empty message"),
        (
            format!("Action=Publish&TopicArn={TOPIC}&Message=m&MessageDeduplicationId=1"),
            "not valid for this topic type",
        ),
        ("Action=Publish&PhoneNumber=1&Message=m".to_string(), "does not support"),
        (format!("Action=GetTopicAttributes&TopicArn={TOPIC}x"), "NotFound: Topic does not exist"),
        ("Action=SetSMSAttributes".to_string(), "does not support the operation SetSMSAttributes"),
    ] {
        let error = bench.refused(&form).await;
        assert!(error.contains(says), "{form}: {error}");
    }
}

#[tokio::test]
async fn other_services_publish_too() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::open(directory.path());
    bench.ok("Action=CreateTopic&Name=clicks").await;
    bench.subscribed(TOPIC, "sqs", QUEUE, "").await;
    bench.topics.check(TOPIC).await.unwrap();
    let delivery = Delivery { subject: Some("s".into()), ..Delivery::new("from a rule") };
    bench.topics.deliver(TOPIC, delivery).await.unwrap();
    assert_eq!(json(&bench.took(1).await[0].1)["Message"], "from a rule");
    assert_eq!(bench.topics.check(FIFO).await.unwrap_err().kind, PortErrorKind::NotFound);
}
