//! PutBucketNotificationConfiguration, GetBucketNotificationConfiguration.

use s3s::dto::*;
use s3s::{S3Result, s3_error};
use uuid::Uuid;

use crate::notification::{NotificationRule, Notifications};
use crate::store::Objects;

pub(super) async fn put(objects: &Objects, input: PutBucketNotificationConfigurationInput) -> S3Result<()> {
    let configuration = input.notification_configuration;
    let others = [
        ("SQS queues", configuration.queue_configurations.is_some_and(|list| !list.is_empty())),
        ("SNS topics", configuration.topic_configurations.is_some_and(|list| !list.is_empty())),
        ("EventBridge", configuration.event_bridge_configuration.is_some()),
    ];
    if let Some((what, _)) = others.iter().find(|(_, is_set)| *is_set) {
        return Err(s3_error!(NotImplemented, "Notifications to {what} are not supported; only Lambda functions are."));
    }
    let rules = configuration.lambda_function_configurations.unwrap_or_default();
    let rules = rules.into_iter().map(rule).collect::<S3Result<Vec<_>>>()?;
    objects.put_notification_configuration(&input.bucket, Notifications { rules }).await
}

fn rule(configuration: LambdaFunctionConfiguration) -> S3Result<NotificationRule> {
    let mut rule = NotificationRule {
        id: configuration.id.unwrap_or_else(|| Uuid::new_v4().to_string()),
        function_arn: configuration.lambda_function_arn,
        events: configuration.events.iter().map(|event| event.as_ref().to_string()).collect(),
        prefix: String::new(),
        suffix: String::new(),
    };
    let rules = configuration.filter.and_then(|filter| filter.key).and_then(|key| key.filter_rules);
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
    let rules = objects.bucket(&input.bucket).await?.notifications.rules;
    let configuration = |rule: NotificationRule| {
        let filters: Vec<FilterRule> = [(FilterRuleName::PREFIX, rule.prefix), (FilterRuleName::SUFFIX, rule.suffix)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| FilterRule { name: Some(FilterRuleName::from_static(name)), value: Some(value) })
            .collect();
        let key = S3KeyFilter { filter_rules: Some(filters) };
        LambdaFunctionConfiguration {
            id: Some(rule.id),
            lambda_function_arn: rule.function_arn,
            events: rule.events.into_iter().map(Event::from).collect(),
            filter: Some(NotificationConfigurationFilter { key: Some(key) }),
        }
    };
    Ok(GetBucketNotificationConfigurationOutput {
        lambda_function_configurations: Some(rules.into_iter().map(configuration).collect()),
        ..Default::default()
    })
}
