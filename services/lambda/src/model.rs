//! Lambda as the server sees it (API 2015-03-31).

use ::http::{Request, Response, StatusCode};
use anabranch_protocol::{
    Answer, ApiError, BoundMember, Call, HttpEntry, Operation, Place, Problem, RequestContext, ResourceReference,
    ResourceType, RestStyle, Section, Service, ServiceModel, StartFailure, Wire,
};
use async_trait::async_trait;
use axum::body::Body;

use crate::code_location::CODE_PATH;
use crate::error::EXCEPTIONS;
use crate::function_url::{URL_LABEL, URL_PATH};
use crate::{Lambda, http, http_message, operations, section};

const FUNCTION: &[ResourceReference] = &[ResourceReference::Name { member: "FunctionName", resource: "function:{}" }];
const MAPPING: &[ResourceReference] =
    &[ResourceReference::Name { member: "UUID", resource: "event-source-mapping:{}" }];
const LAYER: &[ResourceReference] = &[ResourceReference::Name { member: "LayerName", resource: "layer:{}" }];
const CODE_SIGNING: &[ResourceReference] = &[ResourceReference::Arn("CodeSigningConfigArn")];
const EXECUTION: &[ResourceReference] = &[ResourceReference::Arn("DurableExecutionArn")];
const CAPACITY: &[ResourceReference] =
    &[ResourceReference::Name { member: "CapacityProviderName", resource: "capacity-provider:{}" }];
const RESOURCE: &[ResourceReference] = &[ResourceReference::Arn("Resource")];

const QUALIFIER: &[BoundMember] = &[BoundMember::query("Qualifier")];
const QUALIFIER_AND_REVISION: &[BoundMember] = &[BoundMember::query("Qualifier"), BoundMember::query("RevisionId")];
const REVISION: &[BoundMember] = &[BoundMember::query("RevisionId")];
const ARN: &[BoundMember] = &[BoundMember::query("Arn")];
const LAYERS_PAGE: &[BoundMember] = &[
    BoundMember::query("CompatibleRuntime"),
    BoundMember::query("Marker"),
    BoundMember::query("MaxItems"),
    BoundMember::query("CompatibleArchitecture"),
];
const TAG_KEYS: &[BoundMember] = &[BoundMember { name: "TagKeys", place: Place::Query("tagKeys") }];
const INVOKE_ARGUMENTS: &[BoundMember] = &[BoundMember::payload("InvokeArgs")];
const ACCEPTED: &[BoundMember] = &[BoundMember::status("Status")];
const DELETED: &[BoundMember] = &[BoundMember::status("StatusCode")];
const PAGE: &[BoundMember] = &[BoundMember::query("Marker"), BoundMember::query("MaxItems")];
const ALIASES_PAGE: &[BoundMember] =
    &[BoundMember::query("FunctionVersion"), BoundMember::query("Marker"), BoundMember::query("MaxItems")];
const FUNCTIONS_PAGE: &[BoundMember] = &[
    BoundMember::query("MasterRegion"),
    BoundMember::query("FunctionVersion"),
    BoundMember::query("Marker"),
    BoundMember::query("MaxItems"),
];
const MAPPINGS_PAGE: &[BoundMember] = &[
    BoundMember::query("EventSourceArn"),
    BoundMember::query("FunctionName"),
    BoundMember::query("Marker"),
    BoundMember::query("MaxItems"),
];
const INVOKE: &[BoundMember] = &[
    BoundMember::header("InvocationType", "x-amz-invocation-type"),
    BoundMember::header("LogType", "x-amz-log-type"),
    BoundMember::header("ClientContext", "x-amz-client-context"),
    BoundMember::header("DurableExecutionName", "x-amz-durable-execution-name"),
    BoundMember::query("Qualifier"),
    BoundMember::header("TenantId", "x-amz-tenant-id"),
    BoundMember::payload("Payload"),
];
const INVOKED: &[BoundMember] = &[
    BoundMember::status("StatusCode"),
    BoundMember::header("FunctionError", "x-amz-function-error"),
    BoundMember::header("LogResult", "x-amz-log-result"),
    BoundMember::header("ExecutedVersion", "x-amz-executed-version"),
    BoundMember::header("DurableExecutionArn", "x-amz-durable-execution-arn"),
    BoundMember::payload("Payload"),
];

/// Names, wire and operations of Lambda.
pub(crate) const MODEL: ServiceModel = ServiceModel {
    scopes: &["lambda"],
    resource_types: &[
        ResourceType {
            name: "AWS::Serverless::Function",
            properties: &[
                "CodeUri",
                "Environment",
                "Events",
                "FunctionName",
                "Handler",
                "MemorySize",
                "ReservedConcurrentExecutions",
                "Runtime",
                "Timeout",
            ],
            attributes: &["Arn"],
        },
        ResourceType {
            name: "AWS::Lambda::EventSourceMapping",
            properties: &["BatchSize", "EventSourceArn", "FunctionName", "StartingPosition"],
            attributes: &[],
        },
        ResourceType { name: "AWS::Lambda::Permission", properties: &[], attributes: &[] },
    ],
    wires: &[Wire::RestJson, Wire::Http],
    http: Some(HttpEntry {
        metered_as: "lambda-url",
        path_prefixes: &[CODE_PATH, URL_PATH],
        host_label: Some(URL_LABEL),
        takes_the_rest: false,
        streams_bodies: false,
        // Which may read an answer is up to the function.
        is_open_to_pages: true,
    }),
    rest: Some(RestStyle {
        malformed_body: "InvalidRequestContentException",
        malformed_member: "InvalidParameterValueException",
        too_large: "RequestTooLargeException",
        exceptions: EXCEPTIONS,
        ..RestStyle::JSON
    }),
    operations: &[
        Operation::new("AddLayerVersionPermission")
            .on(LAYER)
            .at("POST", "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy")
            .answered_with(201)
            .bound(REVISION, &[]),
        Operation::new("AddPermission")
            .on(FUNCTION)
            .at("POST", "/2015-03-31/functions/{FunctionName}/policy")
            .answered_with(201)
            .bound(QUALIFIER, &[]),
        Operation::not_offered("CheckpointDurableExecution")
            .on(EXECUTION)
            .at("POST", "/2025-12-01/durable-executions/{DurableExecutionArn}/checkpoint"),
        Operation::new("CreateAlias")
            .on(FUNCTION)
            .at("POST", "/2015-03-31/functions/{FunctionName}/aliases")
            .answered_with(201),
        Operation::not_offered("CreateCapacityProvider").on(CAPACITY).at("POST", "/2025-11-30/capacity-providers"),
        Operation::not_offered("CreateCodeSigningConfig").at("POST", "/2020-04-22/code-signing-configs"),
        Operation::new("CreateEventSourceMapping")
            .on(FUNCTION)
            .at("POST", "/2015-03-31/event-source-mappings")
            .answered_with(202),
        Operation::new("CreateFunction").on(FUNCTION).at("POST", "/2015-03-31/functions").answered_with(201),
        Operation::new("CreateFunctionUrlConfig")
            .on(FUNCTION)
            .at("POST", "/2021-10-31/functions/{FunctionName}/url")
            .answered_with(201)
            .bound(QUALIFIER, &[]),
        Operation::new("DeleteAlias")
            .on(FUNCTION)
            .at("DELETE", "/2015-03-31/functions/{FunctionName}/aliases/{Name}")
            .answered_with(204),
        Operation::not_offered("DeleteCapacityProvider")
            .on(CAPACITY)
            .at("DELETE", "/2025-11-30/capacity-providers/{CapacityProviderName}"),
        Operation::not_offered("DeleteCodeSigningConfig")
            .on(CODE_SIGNING)
            .at("DELETE", "/2020-04-22/code-signing-configs/{CodeSigningConfigArn}"),
        Operation::new("DeleteEventSourceMapping")
            .on(MAPPING)
            .at("DELETE", "/2015-03-31/event-source-mappings/{UUID}")
            .answered_with(202),
        Operation::new("DeleteFunction")
            .on(FUNCTION)
            .at("DELETE", "/2015-03-31/functions/{FunctionName}")
            .bound(QUALIFIER, DELETED),
        Operation::not_offered("DeleteFunctionCodeSigningConfig")
            .on(FUNCTION)
            .at("DELETE", "/2020-06-30/functions/{FunctionName}/code-signing-config"),
        Operation::new("DeleteFunctionConcurrency")
            .on(FUNCTION)
            .at("DELETE", "/2017-10-31/functions/{FunctionName}/concurrency")
            .answered_with(204),
        Operation::new("DeleteFunctionEventInvokeConfig")
            .on(FUNCTION)
            .at("DELETE", "/2019-09-25/functions/{FunctionName}/event-invoke-config")
            .answered_with(204)
            .bound(QUALIFIER, &[]),
        Operation::new("DeleteFunctionUrlConfig")
            .on(FUNCTION)
            .at("DELETE", "/2021-10-31/functions/{FunctionName}/url")
            .answered_with(204)
            .bound(QUALIFIER, &[]),
        Operation::new("DeleteLayerVersion")
            .on(LAYER)
            .at("DELETE", "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}")
            .answered_with(204),
        Operation::new("DeleteProvisionedConcurrencyConfig")
            .on(FUNCTION)
            .at("DELETE", "/2019-09-30/functions/{FunctionName}/provisioned-concurrency")
            .answered_with(204)
            .bound(QUALIFIER, &[]),
        Operation::new("GetAccountSettings").at("GET", "/2016-08-19/account-settings"),
        Operation::new("GetAlias").on(FUNCTION).at("GET", "/2015-03-31/functions/{FunctionName}/aliases/{Name}"),
        Operation::not_offered("GetCapacityProvider")
            .on(CAPACITY)
            .at("GET", "/2025-11-30/capacity-providers/{CapacityProviderName}"),
        Operation::not_offered("GetCodeSigningConfig")
            .on(CODE_SIGNING)
            .at("GET", "/2020-04-22/code-signing-configs/{CodeSigningConfigArn}"),
        Operation::not_offered("GetDurableExecution")
            .on(EXECUTION)
            .at("GET", "/2025-12-01/durable-executions/{DurableExecutionArn}"),
        Operation::not_offered("GetDurableExecutionHistory")
            .on(EXECUTION)
            .at("GET", "/2025-12-01/durable-executions/{DurableExecutionArn}/history"),
        Operation::not_offered("GetDurableExecutionState")
            .on(EXECUTION)
            .at("GET", "/2025-12-01/durable-executions/{DurableExecutionArn}/state"),
        Operation::new("GetEventSourceMapping").on(MAPPING).at("GET", "/2015-03-31/event-source-mappings/{UUID}"),
        Operation::new("GetFunction")
            .on(FUNCTION)
            .at("GET", "/2015-03-31/functions/{FunctionName}")
            .bound(QUALIFIER, &[]),
        Operation::not_offered("GetFunctionCodeSigningConfig")
            .on(FUNCTION)
            .at("GET", "/2020-06-30/functions/{FunctionName}/code-signing-config"),
        Operation::new("GetFunctionConcurrency")
            .on(FUNCTION)
            .at("GET", "/2019-09-30/functions/{FunctionName}/concurrency"),
        Operation::new("GetFunctionConfiguration")
            .on(FUNCTION)
            .at("GET", "/2015-03-31/functions/{FunctionName}/configuration")
            .bound(QUALIFIER, &[]),
        Operation::new("GetFunctionEventInvokeConfig")
            .on(FUNCTION)
            .at("GET", "/2019-09-25/functions/{FunctionName}/event-invoke-config")
            .bound(QUALIFIER, &[]),
        Operation::new("GetFunctionRecursionConfig")
            .on(FUNCTION)
            .at("GET", "/2024-08-31/functions/{FunctionName}/recursion-config"),
        Operation::not_offered("GetFunctionScalingConfig")
            .on(FUNCTION)
            .at("GET", "/2025-11-30/functions/{FunctionName}/function-scaling-config"),
        Operation::new("GetFunctionUrlConfig")
            .on(FUNCTION)
            .at("GET", "/2021-10-31/functions/{FunctionName}/url")
            .bound(QUALIFIER, &[]),
        Operation::new("GetLayerVersion")
            .on(LAYER)
            .at("GET", "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}"),
        Operation::new("GetLayerVersionByArn").at("GET", "/2018-10-31/layers?find=LayerVersion").bound(ARN, &[]),
        Operation::new("GetLayerVersionPolicy")
            .on(LAYER)
            .at("GET", "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy"),
        Operation::new("GetPolicy")
            .on(FUNCTION)
            .at("GET", "/2015-03-31/functions/{FunctionName}/policy")
            .bound(QUALIFIER, &[]),
        Operation::new("GetProvisionedConcurrencyConfig")
            .on(FUNCTION)
            .at("GET", "/2019-09-30/functions/{FunctionName}/provisioned-concurrency")
            .bound(QUALIFIER, &[]),
        Operation::new("GetRuntimeManagementConfig")
            .on(FUNCTION)
            .at("GET", "/2021-07-20/functions/{FunctionName}/runtime-management-config")
            .bound(QUALIFIER, &[]),
        Operation::new("Invoke")
            .on(FUNCTION)
            .by_action("InvokeFunction")
            .at("POST", "/2015-03-31/functions/{FunctionName}/invocations")
            .bound(INVOKE, INVOKED),
        Operation::new("InvokeAsync")
            .on(FUNCTION)
            .by_action("InvokeFunction")
            .at("POST", "/2014-11-13/functions/{FunctionName}/invoke-async")
            .answered_with(202)
            .bound(INVOKE_ARGUMENTS, ACCEPTED),
        Operation::not_offered("InvokeWithResponseStream")
            .on(FUNCTION)
            .by_action("InvokeFunction")
            .at("POST", "/2021-11-15/functions/{FunctionName}/response-streaming-invocations"),
        Operation::new("ListAliases")
            .on(FUNCTION)
            .at("GET", "/2015-03-31/functions/{FunctionName}/aliases")
            .bound(ALIASES_PAGE, &[]),
        Operation::not_offered("ListCapacityProviders").at("GET", "/2025-11-30/capacity-providers"),
        Operation::not_offered("ListCodeSigningConfigs").at("GET", "/2020-04-22/code-signing-configs"),
        Operation::not_offered("ListDurableExecutionsByFunction")
            .on(FUNCTION)
            .at("GET", "/2025-12-01/functions/{FunctionName}/durable-executions"),
        Operation::new("ListEventSourceMappings")
            .on(FUNCTION)
            .at("GET", "/2015-03-31/event-source-mappings")
            .bound(MAPPINGS_PAGE, &[]),
        Operation::new("ListFunctionEventInvokeConfigs")
            .on(FUNCTION)
            .at("GET", "/2019-09-25/functions/{FunctionName}/event-invoke-config/list")
            .bound(PAGE, &[]),
        Operation::new("ListFunctionUrlConfigs")
            .on(FUNCTION)
            .at("GET", "/2021-10-31/functions/{FunctionName}/urls")
            .bound(PAGE, &[]),
        Operation::not_offered("ListFunctionVersionsByCapacityProvider")
            .on(CAPACITY)
            .at("GET", "/2025-11-30/capacity-providers/{CapacityProviderName}/function-versions"),
        Operation::new("ListFunctions").at("GET", "/2015-03-31/functions").bound(FUNCTIONS_PAGE, &[]),
        Operation::not_offered("ListFunctionsByCodeSigningConfig")
            .on(CODE_SIGNING)
            .at("GET", "/2020-04-22/code-signing-configs/{CodeSigningConfigArn}/functions"),
        Operation::new("ListLayerVersions")
            .on(LAYER)
            .at("GET", "/2018-10-31/layers/{LayerName}/versions")
            .bound(LAYERS_PAGE, &[]),
        Operation::new("ListLayers").at("GET", "/2018-10-31/layers").bound(LAYERS_PAGE, &[]),
        Operation::new("ListProvisionedConcurrencyConfigs")
            .on(FUNCTION)
            .at("GET", "/2019-09-30/functions/{FunctionName}/provisioned-concurrency?List=ALL")
            .bound(PAGE, &[]),
        Operation::new("ListTags").on(RESOURCE).at("GET", "/2017-03-31/tags/{Resource}"),
        Operation::new("ListVersionsByFunction")
            .on(FUNCTION)
            .at("GET", "/2015-03-31/functions/{FunctionName}/versions")
            .bound(PAGE, &[]),
        Operation::new("PublishLayerVersion")
            .on(LAYER)
            .at("POST", "/2018-10-31/layers/{LayerName}/versions")
            .answered_with(201),
        Operation::new("PublishVersion")
            .on(FUNCTION)
            .at("POST", "/2015-03-31/functions/{FunctionName}/versions")
            .answered_with(201),
        Operation::not_offered("PutFunctionCodeSigningConfig")
            .on(FUNCTION)
            .at("PUT", "/2020-06-30/functions/{FunctionName}/code-signing-config"),
        Operation::new("PutFunctionConcurrency")
            .on(FUNCTION)
            .at("PUT", "/2017-10-31/functions/{FunctionName}/concurrency"),
        Operation::new("PutFunctionEventInvokeConfig")
            .on(FUNCTION)
            .at("PUT", "/2019-09-25/functions/{FunctionName}/event-invoke-config")
            .bound(QUALIFIER, &[]),
        Operation::new("PutFunctionRecursionConfig")
            .on(FUNCTION)
            .at("PUT", "/2024-08-31/functions/{FunctionName}/recursion-config"),
        Operation::not_offered("PutFunctionScalingConfig")
            .on(FUNCTION)
            .at("PUT", "/2025-11-30/functions/{FunctionName}/function-scaling-config"),
        Operation::new("PutProvisionedConcurrencyConfig")
            .on(FUNCTION)
            .at("PUT", "/2019-09-30/functions/{FunctionName}/provisioned-concurrency")
            .answered_with(202)
            .bound(QUALIFIER, &[]),
        Operation::new("PutRuntimeManagementConfig")
            .on(FUNCTION)
            .at("PUT", "/2021-07-20/functions/{FunctionName}/runtime-management-config")
            .bound(QUALIFIER, &[]),
        Operation::new("RemoveLayerVersionPermission")
            .on(LAYER)
            .at("DELETE", "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy/{StatementId}")
            .answered_with(204)
            .bound(REVISION, &[]),
        Operation::new("RemovePermission")
            .on(FUNCTION)
            .at("DELETE", "/2015-03-31/functions/{FunctionName}/policy/{StatementId}")
            .answered_with(204)
            .bound(QUALIFIER_AND_REVISION, &[]),
        Operation::not_offered("SendDurableExecutionCallbackFailure")
            .at("POST", "/2025-12-01/durable-execution-callbacks/{CallbackId}/fail"),
        Operation::not_offered("SendDurableExecutionCallbackHeartbeat")
            .at("POST", "/2025-12-01/durable-execution-callbacks/{CallbackId}/heartbeat"),
        Operation::not_offered("SendDurableExecutionCallbackSuccess")
            .at("POST", "/2025-12-01/durable-execution-callbacks/{CallbackId}/succeed"),
        Operation::not_offered("StopDurableExecution")
            .on(EXECUTION)
            .at("POST", "/2025-12-01/durable-executions/{DurableExecutionArn}/stop"),
        Operation::new("TagResource").on(RESOURCE).at("POST", "/2017-03-31/tags/{Resource}").answered_with(204),
        Operation::new("UntagResource")
            .on(RESOURCE)
            .at("DELETE", "/2017-03-31/tags/{Resource}")
            .answered_with(204)
            .bound(TAG_KEYS, &[]),
        Operation::new("UpdateAlias").on(FUNCTION).at("PUT", "/2015-03-31/functions/{FunctionName}/aliases/{Name}"),
        Operation::not_offered("UpdateCapacityProvider")
            .on(CAPACITY)
            .at("PUT", "/2025-11-30/capacity-providers/{CapacityProviderName}"),
        Operation::not_offered("UpdateCodeSigningConfig")
            .on(CODE_SIGNING)
            .at("PUT", "/2020-04-22/code-signing-configs/{CodeSigningConfigArn}"),
        Operation::new("UpdateEventSourceMapping")
            .on(FUNCTION)
            .at("PUT", "/2015-03-31/event-source-mappings/{UUID}")
            .answered_with(202),
        Operation::new("UpdateFunctionCode").on(FUNCTION).at("PUT", "/2015-03-31/functions/{FunctionName}/code"),
        Operation::new("UpdateFunctionConfiguration")
            .on(FUNCTION)
            .at("PUT", "/2015-03-31/functions/{FunctionName}/configuration"),
        Operation::new("UpdateFunctionEventInvokeConfig")
            .on(FUNCTION)
            .at("POST", "/2019-09-25/functions/{FunctionName}/event-invoke-config")
            .bound(QUALIFIER, &[]),
        Operation::new("UpdateFunctionUrlConfig")
            .on(FUNCTION)
            .at("PUT", "/2021-10-31/functions/{FunctionName}/url")
            .bound(QUALIFIER, &[]),
    ],
    ..ServiceModel::new("lambda", "Lambda")
};

#[async_trait]
impl Service for Lambda {
    fn model(&self) -> &'static ServiceModel {
        &MODEL
    }

    async fn perform(&self, call: &Call) -> Result<Answer, ApiError> {
        operations::perform(self, call).await
    }

    async fn handle(&self, _: &RequestContext, request: Request<Body>) -> Response<Body> {
        http::handle(self, request).await
    }

    fn refuse(&self, error: &ApiError, status: u16, _: &str) -> Response<Body> {
        http_message::message(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), &error.message)
    }

    fn problems(&self) -> Vec<Problem> {
        Lambda::problems(self)
    }

    async fn sections(&self) -> Vec<Section> {
        let stat = self.stat();
        vec![section::functions(stat.functions), section::mappings(stat.mappings)]
    }

    fn start(&self) -> Result<(), StartFailure> {
        Ok(Lambda::start(self)?)
    }

    async fn pause(&self) {
        self.shutdown().await;
    }
}
