//! Names, wire and operations of Scheduler.

use anabranch_protocol::{BoundMember, Operation, Place, ResourceReference, RestStyle, ServiceModel, Wire};

use crate::error::EXCEPTIONS;

const SCHEDULE: &[ResourceReference] = &[ResourceReference::Name { member: "Name", resource: "schedule/*/{}" }];
const GROUP: &[ResourceReference] = &[ResourceReference::Name { member: "Name", resource: "schedule-group/{}" }];
const RESOURCE: &[ResourceReference] = &[ResourceReference::Arn("ResourceArn")];

const TOKEN: BoundMember = BoundMember { name: "ClientToken", place: Place::Query("clientToken") };
const GROUP_NAME: BoundMember = BoundMember { name: "GroupName", place: Place::Query("groupName") };
const LISTED_GROUP: BoundMember = BoundMember { name: "GroupName", place: Place::Query("ScheduleGroup") };
const NAME_PREFIX: BoundMember = BoundMember::query("NamePrefix");
const NEXT_TOKEN: BoundMember = BoundMember::query("NextToken");
const MAX_RESULTS: BoundMember = BoundMember::query("MaxResults");

pub(crate) const MODEL: ServiceModel = ServiceModel {
    scopes: &["scheduler"],
    wires: &[Wire::RestJson],
    rest: Some(RestStyle { malformed_body: "ValidationException", exceptions: EXCEPTIONS, ..RestStyle::JSON }),
    operations: &[
        Operation::new("CreateSchedule").on(SCHEDULE).at("POST", "/schedules/{Name}"),
        Operation::new("CreateScheduleGroup").on(GROUP).at("POST", "/schedule-groups/{Name}"),
        Operation::new("DeleteSchedule")
            .on(SCHEDULE)
            .at("DELETE", "/schedules/{Name}")
            .bound(&[TOKEN, GROUP_NAME], &[]),
        Operation::new("DeleteScheduleGroup").on(GROUP).at("DELETE", "/schedule-groups/{Name}").bound(&[TOKEN], &[]),
        Operation::new("GetSchedule").on(SCHEDULE).at("GET", "/schedules/{Name}").bound(&[GROUP_NAME], &[]),
        Operation::new("GetScheduleGroup").on(GROUP).at("GET", "/schedule-groups/{Name}"),
        Operation::new("ListScheduleGroups")
            .at("GET", "/schedule-groups")
            .bound(&[MAX_RESULTS, NAME_PREFIX, NEXT_TOKEN], &[]),
        Operation::new("ListSchedules")
            .at("GET", "/schedules")
            .bound(&[LISTED_GROUP, MAX_RESULTS, NAME_PREFIX, NEXT_TOKEN, BoundMember::query("State")], &[]),
        Operation::new("ListTagsForResource").on(RESOURCE).at("GET", "/tags/{ResourceArn}"),
        Operation::new("TagResource").on(RESOURCE).at("POST", "/tags/{ResourceArn}"),
        Operation::new("UntagResource")
            .on(RESOURCE)
            .at("DELETE", "/tags/{ResourceArn}")
            .bound(&[BoundMember::query("TagKeys")], &[]),
        Operation::new("UpdateSchedule").on(SCHEDULE).at("PUT", "/schedules/{Name}"),
    ],
    ..ServiceModel::new("scheduler", "EventBridge Scheduler")
};
