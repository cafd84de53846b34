//! Names, wires and operations of the two APIs (2012-08-10).

use anabranch_protocol::{Operation, ResourceReference, ResourceType, ServiceModel, Wire};

const TABLE: &[ResourceReference] = &[table("TableName")];
const TABLE_ARN: &[ResourceReference] = &[ResourceReference::Arn("TableArn")];
const SOURCE_TABLE: &[ResourceReference] = &[ResourceReference::Arn("SourceTableArn"), table("SourceTableName")];
const IMPORTED: &[ResourceReference] = &[table("TableCreationParameters.TableName")];
const GLOBAL_TABLE: &[ResourceReference] =
    &[ResourceReference::Name { member: "GlobalTableName", resource: "global-table/{}" }];
const BATCH: &[ResourceReference] = &[table("RequestItems.{}")];
const TRANSACTION: &[ResourceReference] = &[table("TransactItems[].*.TableName")];
const RESOURCE: &[ResourceReference] = &[ResourceReference::Arn("ResourceArn")];
const BACKUP: &[ResourceReference] = &[ResourceReference::Arn("BackupArn")];
const EXPORT: &[ResourceReference] = &[ResourceReference::Arn("ExportArn")];
const IMPORT: &[ResourceReference] = &[ResourceReference::Arn("ImportArn")];
const STREAM: &[ResourceReference] = &[ResourceReference::Arn("StreamArn")];

const fn table(member: &'static str) -> ResourceReference {
    ResourceReference::Name { member, resource: "table/{}" }
}

/// The exception that DynamoDB has for what it does not know.
const UNKNOWN_OPERATION: &str = "com.amazon.coral.service#UnknownOperationException";

/// DynamoDB. Statements of PartiQL name their tables themselves.
pub(crate) const TABLES: ServiceModel = ServiceModel {
    target_prefixes: &["DynamoDB_20120810"],
    scopes: &["dynamodb"],
    resource_types: &[
        ResourceType {
            name: "AWS::DynamoDB::Table",
            properties: &["AttributeDefinitions", "BillingMode", "KeySchema", "TableName", "TimeToLiveSpecification"],
            attributes: &["Arn"],
        },
        ResourceType {
            name: "AWS::Serverless::SimpleTable",
            properties: &["PrimaryKey", "TableName"],
            attributes: &["Arn"],
        },
    ],
    wires: &[Wire::Json],
    operations: &[
        Operation::new("BatchExecuteStatement"),
        Operation::new("BatchGetItem").on(BATCH),
        Operation::new("BatchWriteItem").on(BATCH),
        Operation::not_offered("CreateBackup").on(TABLE),
        Operation::not_offered("CreateGlobalTable").on(GLOBAL_TABLE),
        Operation::new("CreateTable").on(TABLE),
        Operation::not_offered("DeleteBackup").on(BACKUP),
        Operation::new("DeleteItem").on(TABLE),
        Operation::not_offered("DeleteResourcePolicy").on(RESOURCE),
        Operation::new("DeleteTable").on(TABLE),
        Operation::not_offered("DescribeBackup").on(BACKUP),
        Operation::not_offered("DescribeContinuousBackups").on(TABLE),
        Operation::not_offered("DescribeContributorInsights").on(TABLE),
        Operation::not_offered("DescribeEndpoints"),
        Operation::not_offered("DescribeExport").on(EXPORT),
        Operation::not_offered("DescribeGlobalTable").on(GLOBAL_TABLE),
        Operation::not_offered("DescribeGlobalTableSettings").on(GLOBAL_TABLE),
        Operation::not_offered("DescribeImport").on(IMPORT),
        Operation::not_offered("DescribeKinesisStreamingDestination").on(TABLE),
        Operation::not_offered("DescribeLimits"),
        Operation::new("DescribeTable").on(TABLE),
        Operation::not_offered("DescribeTableReplicaAutoScaling").on(TABLE),
        Operation::new("DescribeTimeToLive").on(TABLE),
        Operation::not_offered("DisableKinesisStreamingDestination").on(TABLE),
        Operation::not_offered("EnableKinesisStreamingDestination").on(TABLE),
        Operation::new("ExecuteStatement"),
        Operation::new("ExecuteTransaction"),
        Operation::not_offered("ExportTableToPointInTime").on(TABLE_ARN),
        Operation::new("GetItem").on(TABLE),
        Operation::not_offered("GetResourcePolicy").on(RESOURCE),
        Operation::not_offered("ImportTable").on(IMPORTED),
        Operation::not_offered("ListBackups").on(TABLE),
        Operation::not_offered("ListContributorInsights").on(TABLE),
        Operation::not_offered("ListExports").on(TABLE_ARN),
        Operation::not_offered("ListGlobalTables"),
        Operation::not_offered("ListImports").on(TABLE_ARN),
        Operation::new("ListTables"),
        Operation::new("ListTagsOfResource").on(RESOURCE),
        Operation::new("PutItem").on(TABLE),
        Operation::not_offered("PutResourcePolicy").on(RESOURCE),
        Operation::new("Query").on(TABLE),
        Operation::not_offered("RestoreTableFromBackup").on(BACKUP),
        Operation::not_offered("RestoreTableToPointInTime").on(SOURCE_TABLE),
        Operation::new("Scan").on(TABLE),
        Operation::new("SearchVectors").on(TABLE),
        Operation::new("TagResource").on(RESOURCE),
        Operation::new("TransactGetItems").on(TRANSACTION),
        Operation::new("TransactWriteItems").on(TRANSACTION),
        Operation::new("UntagResource").on(RESOURCE),
        Operation::not_offered("UpdateContinuousBackups").on(TABLE),
        Operation::not_offered("UpdateContributorInsights").on(TABLE),
        Operation::not_offered("UpdateGlobalTable").on(GLOBAL_TABLE),
        Operation::not_offered("UpdateGlobalTableSettings").on(GLOBAL_TABLE),
        Operation::new("UpdateItem").on(TABLE),
        Operation::not_offered("UpdateKinesisStreamingDestination").on(TABLE),
        Operation::new("UpdateTable").on(TABLE),
        Operation::not_offered("UpdateTableReplicaAutoScaling").on(TABLE),
        Operation::new("UpdateTimeToLive").on(TABLE),
    ],
    unknown_operation: UNKNOWN_OPERATION,
    ..ServiceModel::new("dynamodb", "DynamoDB")
};

/// DynamoDB Streams.
pub(crate) const TABLE_STREAMS: ServiceModel = ServiceModel {
    target_prefixes: &["DynamoDBStreams_20120810"],
    scopes: &["dynamodb"],
    wires: &[Wire::Json],
    operations: &[
        Operation::new("DescribeStream").on(STREAM),
        Operation::new("GetRecords"),
        Operation::new("GetShardIterator").on(STREAM),
        Operation::new("ListStreams"),
    ],
    unknown_operation: UNKNOWN_OPERATION,
    ..ServiceModel::new("dynamodbstreams", "DynamoDB Streams")
};
