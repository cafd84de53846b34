//! The operations, in the order of the API reference.

mod describe_log_groups;
mod describe_log_streams;
mod filter_log_events;
mod get_log_events;
mod list_log_groups;
mod log_group;
mod log_stream;
mod paging;
mod put_log_events;
mod retention_policy;
mod start_live_tail;
mod subscription_filter;
mod tags;
mod test_metric_filter;

use std::sync::Arc;

use anabranch_protocol::{Answer, ApiError, Call, Operation, ResourceReference, ResourceType, ServiceModel, Wire};

use crate::error::invalid_parameter;
use crate::limits::CONTROL_BODY_BYTES_MAX;
use crate::shared::Shared;

const GROUP: &[ResourceReference] = &[ResourceReference::Name { member: "logGroupName", resource: "log-group:{}" }];
const RESOURCE: &[ResourceReference] = &[ResourceReference::Arn("resourceArn")];
const IDENTIFIED: &[ResourceReference] = &[
    ResourceReference::Name { member: "logGroupName", resource: "log-group:{}" },
    ResourceReference::Arn("logGroupIdentifier"),
];

/// Names, wires and operations of CloudWatch Logs (logs/2014-03-28).
pub(crate) const MODEL: ServiceModel = ServiceModel {
    target_prefixes: &["Logs_20140328"],
    scopes: &["logs"],
    wires: &[Wire::Json],
    operations: OPERATIONS,
    resource_types: &[ResourceType {
        name: "AWS::Logs::LogGroup",
        properties: &["LogGroupName", "RetentionInDays"],
        attributes: &["Arn"],
    }],
    ..ServiceModel::new("logs", "CloudWatch Logs")
};

const OPERATIONS: &[Operation] = &[
    Operation::not_offered("AssociateKmsKey").on(GROUP),
    Operation::not_offered("AssociateSourceToS3TableIntegration"),
    Operation::not_offered("CancelExportTask"),
    Operation::not_offered("CancelImportTask"),
    Operation::not_offered("CreateDelivery"),
    Operation::not_offered("CreateExportTask").on(GROUP),
    Operation::not_offered("CreateImportTask"),
    Operation::not_offered("CreateLogAnomalyDetector"),
    Operation::new("CreateLogGroup").on(GROUP),
    Operation::new("CreateLogStream").on(GROUP),
    Operation::not_offered("CreateLookupTable"),
    Operation::not_offered("CreateScheduledQuery"),
    Operation::not_offered("DeleteAccountPolicy"),
    Operation::not_offered("DeleteDataProtectionPolicy").on(&[ResourceReference::Arn("logGroupIdentifier")]),
    Operation::not_offered("DeleteDelivery"),
    Operation::not_offered("DeleteDeliveryDestination"),
    Operation::not_offered("DeleteDeliveryDestinationPolicy"),
    Operation::not_offered("DeleteDeliverySource"),
    Operation::not_offered("DeleteDestination"),
    Operation::not_offered("DeleteIndexPolicy").on(&[ResourceReference::Arn("logGroupIdentifier")]),
    Operation::not_offered("DeleteIntegration"),
    Operation::not_offered("DeleteLogAnomalyDetector"),
    Operation::new("DeleteLogGroup").on(GROUP),
    Operation::new("DeleteLogStream").on(GROUP),
    Operation::not_offered("DeleteLookupTable"),
    Operation::not_offered("DeleteMetricFilter").on(GROUP),
    Operation::not_offered("DeleteQueryDefinition"),
    Operation::not_offered("DeleteResourcePolicy").on(RESOURCE),
    Operation::new("DeleteRetentionPolicy").on(GROUP),
    Operation::not_offered("DeleteScheduledQuery"),
    Operation::new("DeleteSubscriptionFilter").on(GROUP),
    Operation::not_offered("DeleteTransformer").on(&[ResourceReference::Arn("logGroupIdentifier")]),
    Operation::not_offered("DescribeAccountPolicies"),
    Operation::not_offered("DescribeConfigurationTemplates"),
    Operation::not_offered("DescribeDeliveries"),
    Operation::not_offered("DescribeDeliveryDestinations"),
    Operation::not_offered("DescribeDeliverySources"),
    Operation::not_offered("DescribeDestinations"),
    Operation::not_offered("DescribeExportTasks"),
    Operation::not_offered("DescribeFieldIndexes"),
    Operation::not_offered("DescribeImportTaskBatches"),
    Operation::not_offered("DescribeImportTasks"),
    Operation::not_offered("DescribeIndexPolicies"),
    Operation::new("DescribeLogGroups"),
    Operation::new("DescribeLogStreams").on(IDENTIFIED),
    Operation::not_offered("DescribeLookupTables"),
    Operation::not_offered("DescribeMetricFilters").on(GROUP),
    Operation::not_offered("DescribeQueries").on(GROUP),
    Operation::not_offered("DescribeQueryDefinitions"),
    Operation::not_offered("DescribeResourcePolicies").on(RESOURCE),
    Operation::new("DescribeSubscriptionFilters").on(GROUP),
    Operation::not_offered("DisassociateKmsKey").on(GROUP),
    Operation::not_offered("DisassociateSourceFromS3TableIntegration"),
    Operation::new("FilterLogEvents").on(IDENTIFIED),
    Operation::not_offered("GetDataProtectionPolicy").on(&[ResourceReference::Arn("logGroupIdentifier")]),
    Operation::not_offered("GetDelivery"),
    Operation::not_offered("GetDeliveryDestination"),
    Operation::not_offered("GetDeliveryDestinationPolicy"),
    Operation::not_offered("GetDeliverySource"),
    Operation::not_offered("GetIntegration"),
    Operation::not_offered("GetLogAnomalyDetector"),
    Operation::new("GetLogEvents").on(IDENTIFIED),
    Operation::not_offered("GetLogFields"),
    Operation::not_offered("GetLogGroupFields").on(IDENTIFIED),
    Operation::not_offered("GetLogObject"),
    Operation::not_offered("GetLogRecord"),
    Operation::not_offered("GetLookupTable"),
    Operation::not_offered("GetQueryResults"),
    Operation::not_offered("GetScheduledQuery"),
    Operation::not_offered("GetScheduledQueryHistory"),
    Operation::not_offered("GetTransformer").on(&[ResourceReference::Arn("logGroupIdentifier")]),
    Operation::not_offered("ListAggregateLogGroupSummaries"),
    Operation::not_offered("ListAnomalies"),
    Operation::not_offered("ListIntegrations"),
    Operation::not_offered("ListLogAnomalyDetectors"),
    Operation::new("ListLogGroups"),
    Operation::not_offered("ListLogGroupsForQuery"),
    Operation::not_offered("ListScheduledQueries"),
    Operation::not_offered("ListSourcesForS3TableIntegration"),
    Operation::new("ListTagsForResource").on(RESOURCE),
    Operation::new("ListTagsLogGroup").on(GROUP),
    Operation::not_offered("PutAccountPolicy"),
    Operation::not_offered("PutBearerTokenAuthentication").on(&[ResourceReference::Arn("logGroupIdentifier")]),
    Operation::not_offered("PutDataProtectionPolicy").on(&[ResourceReference::Arn("logGroupIdentifier")]),
    Operation::not_offered("PutDeliveryDestination"),
    Operation::not_offered("PutDeliveryDestinationPolicy"),
    Operation::not_offered("PutDeliverySource").on(RESOURCE),
    Operation::not_offered("PutDestination"),
    Operation::not_offered("PutDestinationPolicy"),
    Operation::not_offered("PutIndexPolicy").on(&[ResourceReference::Arn("logGroupIdentifier")]),
    Operation::not_offered("PutIntegration"),
    Operation::new("PutLogEvents").on(GROUP),
    Operation::new("PutLogGroupDeletionProtection").on(&[ResourceReference::Arn("logGroupIdentifier")]),
    Operation::not_offered("PutMetricFilter").on(GROUP),
    Operation::not_offered("PutQueryDefinition"),
    Operation::not_offered("PutResourcePolicy").on(RESOURCE),
    Operation::new("PutRetentionPolicy").on(GROUP),
    Operation::new("PutSubscriptionFilter").on(GROUP),
    Operation::not_offered("PutTransformer").on(&[ResourceReference::Arn("logGroupIdentifier")]),
    Operation::new("StartLiveTail").with_events(),
    Operation::not_offered("StartQuery").on(GROUP),
    Operation::not_offered("StopQuery"),
    Operation::new("TagLogGroup").on(GROUP),
    Operation::new("TagResource").on(RESOURCE),
    Operation::new("TestMetricFilter"),
    Operation::not_offered("TestTransformer"),
    Operation::new("UntagLogGroup").on(GROUP),
    Operation::new("UntagResource").on(RESOURCE),
    Operation::not_offered("UpdateAnomaly"),
    Operation::not_offered("UpdateDeliveryConfiguration"),
    Operation::not_offered("UpdateLogAnomalyDetector"),
    Operation::not_offered("UpdateLookupTable"),
    Operation::not_offered("UpdateScheduledQuery"),
];

/// Performs an operation of [`MODEL`].
pub(crate) async fn perform(shared: &Arc<Shared>, call: &Call) -> Result<Answer, ApiError> {
    let (context, operation) = (&call.context, call.operation.name);
    if !matches!(operation, "PutLogEvents" | "TestMetricFilter") && call.body().len() > CONTROL_BODY_BYTES_MAX {
        return Err(invalid_parameter(format!("The request must be smaller than {CONTROL_BODY_BYTES_MAX} bytes")));
    }
    match operation {
        "CreateLogGroup" => log_group::create(shared, context, call.input()?).await?,
        "CreateLogStream" => log_stream::create(shared, context, call.input()?).await?,
        "DeleteLogGroup" => log_group::delete(shared, context, call.input()?).await?,
        "DeleteLogStream" => log_stream::delete(shared, context, call.input()?).await?,
        "DeleteRetentionPolicy" => retention_policy::delete(shared, context, call.input()?).await?,
        "DeleteSubscriptionFilter" => subscription_filter::delete(shared, context, call.input()?).await?,
        "PutLogGroupDeletionProtection" => log_group::protect(shared, context, call.input()?).await?,
        "PutRetentionPolicy" => retention_policy::put(shared, context, call.input()?).await?,
        "PutSubscriptionFilter" => subscription_filter::put(shared, context, call.input()?).await?,
        "TagLogGroup" => tags::tag_log_group(shared, context, call.input()?).await?,
        "TagResource" => tags::tag_resource(shared, context, call.input()?).await?,
        "UntagLogGroup" => tags::untag_log_group(shared, context, call.input()?).await?,
        "UntagResource" => tags::untag_resource(shared, context, call.input()?).await?,
        _ => return answer(shared, call).await,
    }
    call.done()
}

/// Performs an operation with output.
async fn answer(shared: &Arc<Shared>, call: &Call) -> Result<Answer, ApiError> {
    let context = &call.context;
    match call.operation.name {
        "DescribeLogGroups" => {
            call.perform(|_, request| describe_log_groups::describe_log_groups(shared, context, request))
        }
        "DescribeLogStreams" => {
            call.answer(&describe_log_streams::describe_log_streams(shared, context, call.input()?).await?)
        }
        "DescribeSubscriptionFilters" => {
            call.perform(|_, request| subscription_filter::describe(shared, context, request))
        }
        "FilterLogEvents" => call.answer(&filter_log_events::filter_log_events(shared, context, call.input()?).await?),
        "GetLogEvents" => call.answer(&get_log_events::get_log_events(shared, context, call.input()?).await?),
        "ListLogGroups" => call.perform(|_, request| list_log_groups::list_log_groups(shared, context, request)),
        "ListTagsForResource" => call.perform(|_, request| tags::list_tags_for_resource(shared, context, request)),
        "ListTagsLogGroup" => call.perform(|_, request| tags::list_tags_log_group(shared, context, request)),
        "PutLogEvents" => call.answer(&put_log_events::put_log_events(shared, context, call.input()?).await?),
        "StartLiveTail" => {
            start_live_tail::start_live_tail(shared, context, call.encoding(), call.input()?).map(Answer::Events)
        }
        "TestMetricFilter" => call.perform(|_, request| test_metric_filter::test_metric_filter(&request)),
        other => Err(ApiError::unknown_operation(other)),
    }
}
