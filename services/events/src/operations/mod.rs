//! The operations, in the order of the API reference.

mod bus_members;
mod create_event_bus;
mod delete_event_bus;
mod delete_rule;
mod describe_archive;
mod describe_event_bus;
mod describe_rule;
mod list_event_buses;
mod list_rules;
mod list_targets_by_rule;
mod page;
mod permissions;
mod put_archive;
mod put_events;
mod put_rule;
mod put_targets;
mod remove_targets;
mod replays;
mod rule_state;
mod tag_list;
mod tags;
mod target_members;
mod test_event_pattern;
mod update_event_bus;

use anabranch_protocol::{Answer, ApiError, Call, Operation, ResourceReference, ServiceModel, Wire};

use crate::events::Events;
use crate::limits::CONTROL_BODY_BYTES_MAX;
use crate::rule::RuleState;

const EVENT_BUS: &[ResourceReference] = &[ResourceReference::Name { member: "Name", resource: "event-bus/{}" }];
const ITS_EVENT_BUS: &[ResourceReference] =
    &[ResourceReference::Name { member: "EventBusName", resource: "event-bus/{}" }];
const ENTRIES: &[ResourceReference] =
    &[ResourceReference::Name { member: "Entries[].EventBusName", resource: "event-bus/{}" }];
const ARCHIVE: &[ResourceReference] = &[ResourceReference::Name { member: "ArchiveName", resource: "archive/{}" }];
const REPLAY: &[ResourceReference] = &[ResourceReference::Name { member: "ReplayName", resource: "replay/{}" }];
const RULE: &[ResourceReference] = &[ResourceReference::Name { member: "Name", resource: "rule/{}" }];
const ITS_RULE: &[ResourceReference] = &[ResourceReference::Name { member: "Rule", resource: "rule/{}" }];
const RESOURCE: &[ResourceReference] = &[ResourceReference::Arn("ResourceARN")];

/// Names, wires and operations of EventBridge.
pub(crate) const MODEL: ServiceModel = ServiceModel {
    target_prefixes: &["AWSEvents"],
    scopes: &["events"],
    wires: &[Wire::Json],
    operations: &[
        Operation::not_offered("ActivateEventSource"),
        Operation::new("CancelReplay").on(REPLAY),
        Operation::not_offered("CreateApiDestination"),
        Operation::new("CreateArchive").on(ARCHIVE),
        Operation::not_offered("CreateConnection"),
        Operation::not_offered("CreateEndpoint"),
        Operation::new("CreateEventBus").on(EVENT_BUS),
        Operation::not_offered("CreatePartnerEventSource"),
        Operation::not_offered("DeactivateEventSource"),
        Operation::not_offered("DeauthorizeConnection"),
        Operation::not_offered("DeleteApiDestination"),
        Operation::new("DeleteArchive").on(ARCHIVE),
        Operation::not_offered("DeleteConnection"),
        Operation::not_offered("DeleteEndpoint"),
        Operation::new("DeleteEventBus").on(EVENT_BUS),
        Operation::not_offered("DeletePartnerEventSource"),
        Operation::new("DeleteRule").on(RULE),
        Operation::not_offered("DescribeApiDestination"),
        Operation::new("DescribeArchive").on(ARCHIVE),
        Operation::not_offered("DescribeConnection"),
        Operation::not_offered("DescribeEndpoint"),
        Operation::new("DescribeEventBus").on(EVENT_BUS),
        Operation::not_offered("DescribeEventSource"),
        Operation::not_offered("DescribePartnerEventSource"),
        Operation::new("DescribeReplay").on(REPLAY),
        Operation::new("DescribeRule").on(RULE),
        Operation::new("DisableRule").on(RULE),
        Operation::new("EnableRule").on(RULE),
        Operation::not_offered("ListApiDestinations"),
        Operation::new("ListArchives"),
        Operation::not_offered("ListConnections"),
        Operation::not_offered("ListEndpoints"),
        Operation::new("ListEventBuses"),
        Operation::not_offered("ListEventSources"),
        Operation::not_offered("ListPartnerEventSourceAccounts"),
        Operation::not_offered("ListPartnerEventSources"),
        Operation::new("ListReplays"),
        Operation::new("ListRuleNamesByTarget").on(ITS_EVENT_BUS),
        Operation::new("ListRules").on(ITS_EVENT_BUS),
        Operation::new("ListTagsForResource").on(RESOURCE),
        Operation::new("ListTargetsByRule").on(ITS_RULE),
        Operation::new("PutEvents").on(ENTRIES),
        Operation::not_offered("PutPartnerEvents"),
        Operation::new("PutPermission").on(ITS_EVENT_BUS),
        Operation::new("PutRule").on(RULE),
        Operation::new("PutTargets").on(ITS_RULE),
        Operation::new("RemovePermission").on(ITS_EVENT_BUS),
        Operation::new("RemoveTargets").on(ITS_RULE),
        Operation::new("StartReplay").on(REPLAY),
        Operation::new("TagResource").on(RESOURCE),
        Operation::new("TestEventPattern"),
        Operation::new("UntagResource").on(RESOURCE),
        Operation::not_offered("UpdateApiDestination"),
        Operation::new("UpdateArchive").on(ARCHIVE),
        Operation::not_offered("UpdateConnection"),
        Operation::not_offered("UpdateEndpoint"),
        Operation::new("UpdateEventBus").on(EVENT_BUS),
    ],
    ..ServiceModel::new("events", "EventBridge")
};

/// Performs an operation of [`MODEL`].
pub(crate) async fn perform(events: &Events, call: &Call) -> Result<Answer, ApiError> {
    let (context, operation) = (&call.context, call.operation.name);
    if operation != "PutEvents" && call.body().len() > CONTROL_BODY_BYTES_MAX {
        let most = format!("The request must be smaller than {CONTROL_BODY_BYTES_MAX} bytes.");
        return Err(ApiError::validation(most));
    }
    match operation {
        "CancelReplay" => call.answer(&replays::cancel_replay(events, context, &call.input()?).await?),
        "CreateArchive" => call.answer(&put_archive::create_archive(events, context, call.input()?).await?),
        "DeleteArchive" => call.answer(&put_archive::delete_archive(events, context, &call.input()?).await?),
        "DescribeArchive" => {
            let request: put_archive::ArchiveRequest = call.input()?;
            call.answer(&describe_archive::describe_archive(events, context, request.checked()?).await?)
        }
        "DescribeReplay" => call.perform(|context, input| replays::describe_replay(events, context, &input)),
        "ListArchives" => call.answer(&describe_archive::list_archives(events, context, &call.input()?).await?),
        "ListReplays" => call.perform(|context, input| replays::list_replays(events, context, &input)),
        "StartReplay" => call.answer(&replays::start_replay(events, context, call.input()?).await?),
        "UpdateArchive" => call.answer(&put_archive::update_archive(events, context, call.input()?).await?),
        "CreateEventBus" => call.answer(&create_event_bus::create_event_bus(events, context, call.input()?).await?),
        "DeleteEventBus" => {
            delete_event_bus::delete_event_bus(events, context, call.input()?).await?;
            call.done()
        }
        "DeleteRule" => {
            delete_rule::delete_rule(events, context, &call.input()?).await?;
            call.done()
        }
        "DescribeEventBus" => {
            call.perform(|context, input| describe_event_bus::describe_event_bus(events, context, &input))
        }
        "DescribeRule" => call.perform(|context, input| describe_rule::describe_rule(events, context, &input)),
        "DisableRule" => {
            rule_state::set_rule_state(events, context, &call.input()?, RuleState::Disabled).await?;
            call.done()
        }
        "EnableRule" => {
            rule_state::set_rule_state(events, context, &call.input()?, RuleState::Enabled).await?;
            call.done()
        }
        "ListEventBuses" => call.perform(|context, input| list_event_buses::list_event_buses(events, context, &input)),
        "ListRuleNamesByTarget" => {
            call.perform(|context, input| list_rules::list_rule_names_by_target(events, context, &input))
        }
        "ListRules" => call.perform(|context, input| list_rules::list_rules(events, context, &input)),
        "ListTagsForResource" => call.perform(|_, input| tags::list_tags_for_resource(events, &input)),
        "ListTargetsByRule" => {
            call.perform(|context, input| list_targets_by_rule::list_targets_by_rule(events, context, &input))
        }
        "PutEvents" => call.answer(&put_events::put_events(events, context, call.input()?).await?),
        "PutPermission" => {
            permissions::put_permission(events, context, call.input()?).await?;
            call.done()
        }
        "PutRule" => call.answer(&put_rule::put_rule(events, context, call.input()?).await?),
        "PutTargets" => call.answer(&put_targets::put_targets(events, context, call.input()?).await?),
        "RemovePermission" => {
            permissions::remove_permission(events, context, call.input()?).await?;
            call.done()
        }
        "RemoveTargets" => call.answer(&remove_targets::remove_targets(events, context, call.input()?).await?),
        "TagResource" => call.answer(&tags::tag_resource(events, call.input()?).await?),
        "TestEventPattern" => call.perform(|_, input| test_event_pattern::test_event_pattern(&input)),
        "UntagResource" => call.answer(&tags::untag_resource(events, call.input()?).await?),
        "UpdateEventBus" => call.answer(&update_event_bus::update_event_bus(events, context, call.input()?).await?),
        other => Err(ApiError::unknown_operation(other)),
    }
}
