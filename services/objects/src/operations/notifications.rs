//! PutBucketNotificationConfiguration, GetBucketNotificationConfiguration.

use s3s::dto::*;
use s3s::{S3Result, s3_error};
use uuid::Uuid;

use crate::answer::invalid_destination;
use crate::notification::{NotificationRule, Notifications};
use crate::outbox::service_of;
use crate::store::Objects;

pub(super) async fn put(objects: &Objects, input: PutBucketNotificationConfigurationInput) -> S3Result<()> {
    let configuration = input.notification_configuration;
    let functions = configuration.lambda_function_configurations.unwrap_or_default();
    let queues = configuration.queue_configurations.unwrap_or_default();
    let topics = configuration.topic_configurations.unwrap_or_default();
    let functions = functions.into_iter().map(|one| rule(one.id, one.lambda_function_arn, &one.events, one.filter));
    let queues = queues.into_iter().map(|one| rule(one.id, one.queue_arn, &one.events, one.filter));
    let topics = topics.into_iter().map(|one| rule(one.id, one.topic_arn, &one.events, one.filter));
    let (functions, queues, topics) = (rules(functions, "lambda")?, rules(queues, "sqs")?, rules(topics, "sns")?);
    let rules: Vec<NotificationRule> = functions.into_iter().chain(queues).chain(topics).collect();
    let event_bridge = configuration.event_bridge_configuration.is_some();
    let notifications = Notifications { rules, event_bridge };
    if !input.skip_destination_validation.unwrap_or_default() {
        check_destinations(objects, &notifications).await?;
    }
    objects.put_notification_configuration(&input.bucket, notifications).await
}

/// Rules whose targets are of `service`.
fn rules(rules: impl Iterator<Item = S3Result<NotificationRule>>, service: &str) -> S3Result<Vec<NotificationRule>> {
    let rules: Vec<NotificationRule> = rules.collect::<S3Result<_>>()?;
    for rule in &rules {
        if service_of(&rule.target_arn).as_deref() != Some(service) {
            return Err(s3_error!(InvalidArgument, "The ARN is not well formed"));
        }
        if service != "lambda" && rule.target_arn.ends_with(".fifo") {
            return Err(s3_error!(InvalidArgument, "FIFO queues and topics are not supported: {}", rule.target_arn));
        }
    }
    Ok(rules)
}

/// Refuses targets that are not there.
async fn check_destinations(objects: &Objects, notifications: &Notifications) -> S3Result<()> {
    let Some(target) = &objects.target else { return Ok(()) };
    for rule in &notifications.rules {
        if let Err(error) = target.check(&rule.target_arn).await {
            tracing::debug!(target_arn = rule.target_arn, %error, "a target of notifications is refused");
            let reason = match service_of(&rule.target_arn).as_deref() {
                Some("sqs") => "The destination queue does not exist",
                Some("sns") => "The destination topic does not exist",
                _ => "The destination Lambda does not exist",
            };
            return Err(invalid_destination(&rule.target_arn, reason));
        }
    }
    Ok(())
}

fn rule(
    id: Option<String>,
    target_arn: String,
    events: &[Event],
    filter: Option<NotificationConfigurationFilter>,
) -> S3Result<NotificationRule> {
    let mut rule = NotificationRule {
        id: id.unwrap_or_else(|| Uuid::new_v4().to_string()),
        target_arn,
        events: events.iter().map(|event| event.as_ref().to_string()).collect(),
        prefix: String::new(),
        suffix: String::new(),
    };
    let rules = filter.and_then(|filter| filter.key).and_then(|key| key.filter_rules);
    for filter in rules.unwrap_or_default() {
        let value = filter.value.unwrap_or_default();
        match filter.name.as_ref().map(|name| name.as_str().to_ascii_lowercase()).as_deref() {
            Some("prefix") => rule.prefix = value,
            Some("suffix") => rule.suffix = value,
            _ => return Err(s3_error!(InvalidArgument, "filter rule name must be either prefix or suffix")),
        }
    }
    Ok(rule)
}

pub(super) async fn get(
    objects: &Objects,
    input: GetBucketNotificationConfigurationInput,
) -> S3Result<GetBucketNotificationConfigurationOutput> {
    let Notifications { rules, event_bridge } = objects.bucket(&input.bucket).await?.notifications;
    let mut output = GetBucketNotificationConfigurationOutput {
        event_bridge_configuration: event_bridge.then(EventBridgeConfiguration::default),
        ..Default::default()
    };
    for rule in rules {
        let filters: Vec<FilterRule> = [(FilterRuleName::PREFIX, rule.prefix), (FilterRuleName::SUFFIX, rule.suffix)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| FilterRule { name: Some(FilterRuleName::from_static(name)), value: Some(value) })
            .collect();
        let filter = Some(NotificationConfigurationFilter { key: Some(S3KeyFilter { filter_rules: Some(filters) }) });
        let (id, events) = (Some(rule.id), rule.events.into_iter().map(Event::from).collect());
        match service_of(&rule.target_arn).as_deref() {
            Some("sqs") => {
                let one = QueueConfiguration { id, events, filter, queue_arn: rule.target_arn };
                output.queue_configurations.get_or_insert_default().push(one);
            }
            Some("sns") => {
                let one = TopicConfiguration { id, events, filter, topic_arn: rule.target_arn };
                output.topic_configurations.get_or_insert_default().push(one);
            }
            _ => {
                let one = LambdaFunctionConfiguration { id, events, filter, lambda_function_arn: rule.target_arn };
                output.lambda_function_configurations.get_or_insert_default().push(one);
            }
        }
    }
    Ok(output)
}
