//! Names, wires and operations of SNS.

use anabranch_protocol::{ErrorKind, HttpEntry, Operation, QueryStyle, ResourceReference, ServiceModel, Wire};

use crate::limits::API_VERSION;
use crate::signing::CERTIFICATE_PATH;

const TOPIC: &[ResourceReference] = &[ResourceReference::Arn("TopicArn")];
const NAMED: &[ResourceReference] = &[ResourceReference::Name { member: "Name", resource: "{}" }];
const SUBSCRIPTION: &[ResourceReference] = &[ResourceReference::Arn("SubscriptionArn")];
const RESOURCE: &[ResourceReference] = &[ResourceReference::Arn("ResourceArn")];

/// SNS. What is not offered is text messages, mobile push and data protection.
pub(crate) const MODEL: ServiceModel = ServiceModel {
    scopes: &["sns"],
    query_versions: &[API_VERSION],
    query_style: Some(QueryStyle {
        namespace: "http://sns.amazonaws.com/doc/2010-03-31/",
        is_flattened: false,
        renamed: &[],
    }),
    query_statuses: &[
        (ErrorKind::NotFound, 404),
        (ErrorKind::AccessDenied, 403),
        (ErrorKind::LimitExceeded, 403),
        (ErrorKind::Throttled, 429),
    ],
    wires: &[Wire::Query, Wire::Http],
    // The certificate of signatures.
    http: Some(HttpEntry {
        metered_as: "sns",
        path_prefixes: &[CERTIFICATE_PATH],
        host_label: None,
        takes_the_rest: false,
        streams_bodies: false,
        is_open_to_pages: false,
    }),
    operations: &[
        Operation::new("AddPermission").on(TOPIC),
        Operation::not_offered("CheckIfPhoneNumberIsOptedOut"),
        Operation::new("ConfirmSubscription").on(TOPIC).open(),
        Operation::not_offered("CreatePlatformApplication"),
        Operation::not_offered("CreatePlatformEndpoint"),
        Operation::not_offered("CreateSMSSandboxPhoneNumber"),
        Operation::new("CreateTopic").on(NAMED),
        Operation::not_offered("DeleteEndpoint"),
        Operation::not_offered("DeletePlatformApplication"),
        Operation::not_offered("DeleteSMSSandboxPhoneNumber"),
        Operation::new("DeleteTopic").on(TOPIC),
        Operation::not_offered("GetDataProtectionPolicy").on(RESOURCE),
        Operation::not_offered("GetEndpointAttributes"),
        Operation::not_offered("GetPlatformApplicationAttributes"),
        Operation::not_offered("GetSMSAttributes"),
        Operation::not_offered("GetSMSSandboxAccountStatus"),
        Operation::new("GetSubscriptionAttributes").on(SUBSCRIPTION),
        Operation::new("GetTopicAttributes").on(TOPIC),
        Operation::not_offered("ListEndpointsByPlatformApplication"),
        Operation::not_offered("ListOriginationNumbers"),
        Operation::not_offered("ListPhoneNumbersOptedOut"),
        Operation::not_offered("ListPlatformApplications"),
        Operation::not_offered("ListSMSSandboxPhoneNumbers"),
        Operation::new("ListSubscriptions"),
        Operation::new("ListSubscriptionsByTopic").on(TOPIC),
        Operation::new("ListTagsForResource").on(RESOURCE),
        Operation::new("ListTopics"),
        Operation::not_offered("OptInPhoneNumber"),
        Operation::new("Publish").on(TOPIC),
        Operation::new("PublishBatch").on(TOPIC).by_action("Publish"),
        Operation::not_offered("PutDataProtectionPolicy").on(RESOURCE),
        Operation::new("RemovePermission").on(TOPIC),
        Operation::not_offered("SetEndpointAttributes"),
        Operation::not_offered("SetPlatformApplicationAttributes"),
        Operation::not_offered("SetSMSAttributes"),
        Operation::new("SetSubscriptionAttributes").on(SUBSCRIPTION),
        Operation::new("SetTopicAttributes").on(TOPIC),
        Operation::new("Subscribe").on(TOPIC),
        Operation::new("TagResource").on(RESOURCE),
        Operation::new("Unsubscribe").on(SUBSCRIPTION).open(),
        Operation::new("UntagResource").on(RESOURCE),
        Operation::not_offered("VerifySMSSandboxPhoneNumber"),
    ],
    ..ServiceModel::new("sns", "Simple Notification Service")
};
