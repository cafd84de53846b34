//! Lambda as the server sees it (API 2015-03-31).

use anabranch_protocol::{Operation, Problem, ResourceReference, Section, Service, ServiceModel, StartFailure, Wire};
use async_trait::async_trait;

use crate::{Lambda, section};

const FUNCTION: &[ResourceReference] = &[ResourceReference::Name { member: "FunctionName", resource: "function:{}" }];
const MAPPING: &[ResourceReference] =
    &[ResourceReference::Name { member: "UUID", resource: "event-source-mapping:{}" }];
const LAYER: &[ResourceReference] = &[ResourceReference::Name { member: "LayerName", resource: "layer:{}" }];
const CODE_SIGNING: &[ResourceReference] = &[ResourceReference::Arn("CodeSigningConfigArn")];
const EXECUTION: &[ResourceReference] = &[ResourceReference::Arn("DurableExecutionArn")];
const CAPACITY: &[ResourceReference] =
    &[ResourceReference::Name { member: "CapacityProviderName", resource: "capacity-provider:{}" }];
const RESOURCE: &[ResourceReference] = &[ResourceReference::Arn("Resource")];

/// Lambda. Its requests are answered by its own router.
const MODEL: ServiceModel = ServiceModel {
    scopes: &["lambda"],
    wires: &[Wire::Http],
    operations: &[
        Operation::not_offered("AddLayerVersionPermission").on(LAYER),
        Operation::not_offered("AddPermission").on(FUNCTION),
        Operation::not_offered("CheckpointDurableExecution").on(EXECUTION),
        Operation::not_offered("CreateAlias").on(FUNCTION),
        Operation::not_offered("CreateCapacityProvider").on(CAPACITY),
        Operation::not_offered("CreateCodeSigningConfig"),
        Operation::new("CreateEventSourceMapping").on(FUNCTION),
        Operation::not_offered("CreateFunction").on(FUNCTION),
        Operation::not_offered("CreateFunctionUrlConfig").on(FUNCTION),
        Operation::not_offered("DeleteAlias").on(FUNCTION),
        Operation::not_offered("DeleteCapacityProvider").on(CAPACITY),
        Operation::not_offered("DeleteCodeSigningConfig").on(CODE_SIGNING),
        Operation::new("DeleteEventSourceMapping").on(MAPPING),
        Operation::not_offered("DeleteFunction").on(FUNCTION),
        Operation::not_offered("DeleteFunctionCodeSigningConfig").on(FUNCTION),
        Operation::not_offered("DeleteFunctionConcurrency").on(FUNCTION),
        Operation::not_offered("DeleteFunctionEventInvokeConfig").on(FUNCTION),
        Operation::not_offered("DeleteFunctionUrlConfig").on(FUNCTION),
        Operation::not_offered("DeleteLayerVersion").on(LAYER),
        Operation::not_offered("DeleteProvisionedConcurrencyConfig").on(FUNCTION),
        Operation::not_offered("GetAccountSettings"),
        Operation::not_offered("GetAlias").on(FUNCTION),
        Operation::not_offered("GetCapacityProvider").on(CAPACITY),
        Operation::not_offered("GetCodeSigningConfig").on(CODE_SIGNING),
        Operation::not_offered("GetDurableExecution").on(EXECUTION),
        Operation::not_offered("GetDurableExecutionHistory").on(EXECUTION),
        Operation::not_offered("GetDurableExecutionState").on(EXECUTION),
        Operation::new("GetEventSourceMapping").on(MAPPING),
        Operation::new("GetFunction").on(FUNCTION),
        Operation::not_offered("GetFunctionCodeSigningConfig").on(FUNCTION),
        Operation::not_offered("GetFunctionConcurrency").on(FUNCTION),
        Operation::new("GetFunctionConfiguration").on(FUNCTION),
        Operation::not_offered("GetFunctionEventInvokeConfig").on(FUNCTION),
        Operation::not_offered("GetFunctionRecursionConfig").on(FUNCTION),
        Operation::not_offered("GetFunctionScalingConfig").on(FUNCTION),
        Operation::not_offered("GetFunctionUrlConfig").on(FUNCTION),
        Operation::not_offered("GetLayerVersion").on(LAYER),
        Operation::not_offered("GetLayerVersionByArn"),
        Operation::not_offered("GetLayerVersionPolicy").on(LAYER),
        Operation::not_offered("GetPolicy").on(FUNCTION),
        Operation::not_offered("GetProvisionedConcurrencyConfig").on(FUNCTION),
        Operation::not_offered("GetRuntimeManagementConfig").on(FUNCTION),
        Operation::new("Invoke").on(FUNCTION).by_action("InvokeFunction"),
        Operation::not_offered("InvokeAsync").on(FUNCTION).by_action("InvokeFunction"),
        Operation::not_offered("InvokeWithResponseStream").on(FUNCTION).by_action("InvokeFunction"),
        Operation::not_offered("ListAliases").on(FUNCTION),
        Operation::not_offered("ListCapacityProviders"),
        Operation::not_offered("ListCodeSigningConfigs"),
        Operation::not_offered("ListDurableExecutionsByFunction").on(FUNCTION),
        Operation::new("ListEventSourceMappings").on(FUNCTION),
        Operation::not_offered("ListFunctionEventInvokeConfigs").on(FUNCTION),
        Operation::not_offered("ListFunctionUrlConfigs").on(FUNCTION),
        Operation::not_offered("ListFunctionVersionsByCapacityProvider").on(CAPACITY),
        Operation::new("ListFunctions"),
        Operation::not_offered("ListFunctionsByCodeSigningConfig").on(CODE_SIGNING),
        Operation::not_offered("ListLayerVersions").on(LAYER),
        Operation::not_offered("ListLayers"),
        Operation::not_offered("ListProvisionedConcurrencyConfigs").on(FUNCTION),
        Operation::not_offered("ListTags").on(RESOURCE),
        Operation::not_offered("ListVersionsByFunction").on(FUNCTION),
        Operation::not_offered("PublishLayerVersion").on(LAYER),
        Operation::not_offered("PublishVersion").on(FUNCTION),
        Operation::not_offered("PutFunctionCodeSigningConfig").on(FUNCTION),
        Operation::not_offered("PutFunctionConcurrency").on(FUNCTION),
        Operation::not_offered("PutFunctionEventInvokeConfig").on(FUNCTION),
        Operation::not_offered("PutFunctionRecursionConfig").on(FUNCTION),
        Operation::not_offered("PutFunctionScalingConfig").on(FUNCTION),
        Operation::not_offered("PutProvisionedConcurrencyConfig").on(FUNCTION),
        Operation::not_offered("PutRuntimeManagementConfig").on(FUNCTION),
        Operation::not_offered("RemoveLayerVersionPermission").on(LAYER),
        Operation::not_offered("RemovePermission").on(FUNCTION),
        Operation::not_offered("SendDurableExecutionCallbackFailure"),
        Operation::not_offered("SendDurableExecutionCallbackHeartbeat"),
        Operation::not_offered("SendDurableExecutionCallbackSuccess"),
        Operation::not_offered("StopDurableExecution").on(EXECUTION),
        Operation::not_offered("TagResource").on(RESOURCE),
        Operation::not_offered("UntagResource").on(RESOURCE),
        Operation::not_offered("UpdateAlias").on(FUNCTION),
        Operation::not_offered("UpdateCapacityProvider").on(CAPACITY),
        Operation::not_offered("UpdateCodeSigningConfig").on(CODE_SIGNING),
        Operation::new("UpdateEventSourceMapping").on(FUNCTION),
        Operation::not_offered("UpdateFunctionCode").on(FUNCTION),
        Operation::not_offered("UpdateFunctionConfiguration").on(FUNCTION),
        Operation::not_offered("UpdateFunctionEventInvokeConfig").on(FUNCTION),
        Operation::not_offered("UpdateFunctionUrlConfig").on(FUNCTION),
    ],
    ..ServiceModel::new("lambda", "Lambda")
};

#[async_trait]
impl Service for Lambda {
    fn model(&self) -> &'static ServiceModel {
        &MODEL
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
