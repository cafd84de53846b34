//! The operations, in the order of the API reference: one file each.

mod addressed;
mod aliases;
mod code_request;
mod create_event_source_mapping;
mod create_function;
mod delete_event_source_mapping;
mod delete_function;
mod event_invoke_config;
mod function_concurrency;
mod function_configuration;
mod function_urls;
mod get_account_settings;
mod get_event_source_mapping;
mod get_function;
mod get_function_configuration;
mod invoke;
mod invoke_async;
mod layer_permissions;
mod layers;
mod list_event_source_mappings;
mod list_functions;
mod list_versions_by_function;
mod page;
mod permissions;
mod provisioned_concurrency;
mod publish_version;
mod recursion_config;
mod runtime_management_config;
mod settings;
mod shapes;
mod tags;
mod update_event_source_mapping;
mod update_function_code;
mod update_function_configuration;

use anabranch_protocol::{Answer, ApiError, Call, ErrorKind};

use crate::{Lambda, Scope};

/// Most bytes of a request that makes or changes an event source mapping.
const MAPPING_BYTES_MAX: usize = 256 << 10;

/// Performs an operation of the model.
pub(crate) async fn perform(lambda: &Lambda, call: &Call) -> Result<Answer, ApiError> {
    let scope = Scope::from(&call.context);
    match call.operation.name {
        "AddLayerVersionPermission" => {
            call.answer(&layer_permissions::add_layer_version_permission(lambda, &scope, call.input()?).await?)
        }
        "AddPermission" => call.answer(&permissions::add_permission(lambda, &scope, call.input()?).await?),
        "CreateAlias" => call.answer(&aliases::create_alias(lambda, &scope, call.input()?).await?),
        "CreateEventSourceMapping" => {
            check_size(call)?;
            call.answer(&create_event_source_mapping::create_event_source_mapping(lambda, &scope, call.input()?).await?)
        }
        "CreateFunction" => {
            let (request, settings) = (call.input()?, call.input()?);
            call.answer(&create_function::create_function(lambda, &scope, request, settings).await?)
        }
        "CreateFunctionUrlConfig" => {
            call.answer(&function_urls::create_function_url_config(lambda, &scope, call.input()?).await?)
        }
        "DeleteAlias" => {
            aliases::delete_alias(lambda, &scope, call.input()?).await?;
            call.done()
        }
        "DeleteEventSourceMapping" => {
            call.answer(&delete_event_source_mapping::delete_event_source_mapping(lambda, &scope, call.input()?).await?)
        }
        "DeleteFunction" => call.answer(&delete_function::delete_function(lambda, &scope, call.input()?).await?),
        "DeleteFunctionConcurrency" => {
            function_concurrency::delete_function_concurrency(lambda, &scope, call.input()?).await?;
            call.done()
        }
        "DeleteFunctionEventInvokeConfig" => {
            event_invoke_config::delete_function_event_invoke_config(lambda, &scope, call.input()?).await?;
            call.done()
        }
        "DeleteFunctionUrlConfig" => {
            function_urls::delete_function_url_config(lambda, &scope, call.input()?).await?;
            call.done()
        }
        "DeleteLayerVersion" => {
            layers::delete_layer_version(lambda, &scope, call.input()?).await?;
            call.done()
        }
        "DeleteProvisionedConcurrencyConfig" => {
            provisioned_concurrency::delete_provisioned_concurrency_config(lambda, &scope, call.input()?).await?;
            call.done()
        }
        "GetAccountSettings" => call.answer(&get_account_settings::get_account_settings(lambda, &scope)),
        "GetAlias" => call.perform(|_, input| aliases::get_alias(lambda, &scope, &input)),
        "GetEventSourceMapping" => {
            call.perform(|_, input| get_event_source_mapping::get_event_source_mapping(lambda, &scope, &input))
        }
        "GetFunction" => call.perform(|_, input| get_function::get_function(lambda, &scope, &input)),
        "GetFunctionConcurrency" => {
            call.perform(|_, input| function_concurrency::get_function_concurrency(lambda, &scope, &input))
        }
        "GetFunctionConfiguration" => {
            call.perform(|_, input| get_function_configuration::get_function_configuration(lambda, &scope, &input))
        }
        "GetFunctionEventInvokeConfig" => {
            call.perform(|_, input| event_invoke_config::get_function_event_invoke_config(lambda, &scope, &input))
        }
        "GetFunctionRecursionConfig" => {
            call.perform(|_, input| recursion_config::get_function_recursion_config(lambda, &scope, &input))
        }
        "GetFunctionUrlConfig" => {
            call.perform(|_, input| function_urls::get_function_url_config(lambda, &scope, &input))
        }
        "GetLayerVersion" => call.perform(|_, input| layers::get_layer_version(lambda, &scope, &input)),
        "GetLayerVersionByArn" => call.perform(|_, input| layers::get_layer_version_by_arn(lambda, &input)),
        "GetLayerVersionPolicy" => {
            call.perform(|_, input| layer_permissions::get_layer_version_policy(lambda, &scope, &input))
        }
        "GetPolicy" => call.perform(|_, input| permissions::get_policy(lambda, &scope, &input)),
        "GetProvisionedConcurrencyConfig" => {
            call.perform(|_, input| provisioned_concurrency::get_provisioned_concurrency_config(lambda, &scope, &input))
        }
        "GetRuntimeManagementConfig" => {
            call.perform(|_, input| runtime_management_config::get_runtime_management_config(lambda, &scope, &input))
        }
        "Invoke" => invoke::invoke(lambda, call).await,
        "InvokeAsync" => invoke_async::invoke_async(lambda, call).await,
        "ListAliases" => call.perform(|_, input| aliases::list_aliases(lambda, &scope, &input)),
        "ListEventSourceMappings" => {
            call.perform(|_, input| list_event_source_mappings::list_event_source_mappings(lambda, &scope, &input))
        }
        "ListFunctionEventInvokeConfigs" => {
            call.perform(|_, input| event_invoke_config::list_function_event_invoke_configs(lambda, &scope, &input))
        }
        "ListFunctionUrlConfigs" => {
            call.perform(|_, input| function_urls::list_function_url_configs(lambda, &scope, &input))
        }
        "ListFunctions" => call.perform(|_, input| list_functions::list_functions(lambda, &scope, &input)),
        "ListLayerVersions" => call.perform(|_, input| layers::list_layer_versions(lambda, &scope, &input)),
        "ListLayers" => call.perform(|_, input| layers::list_layers(lambda, &scope, &input)),
        "ListProvisionedConcurrencyConfigs" => call
            .perform(|_, input| provisioned_concurrency::list_provisioned_concurrency_configs(lambda, &scope, &input)),
        "ListTags" => call.perform(|_, input| tags::list_tags(lambda, &scope, &input)),
        "ListVersionsByFunction" => {
            call.perform(|_, input| list_versions_by_function::list_versions_by_function(lambda, &scope, &input))
        }
        "PublishLayerVersion" => call.answer(&layers::publish_layer_version(lambda, &scope, call.input()?).await?),
        "PublishVersion" => call.answer(&publish_version::publish_version(lambda, &scope, call.input()?).await?),
        "PutFunctionConcurrency" => {
            call.answer(&function_concurrency::put_function_concurrency(lambda, &scope, call.input()?).await?)
        }
        "PutFunctionEventInvokeConfig" => {
            call.answer(&event_invoke_config::put_function_event_invoke_config(lambda, &scope, call.input()?).await?)
        }
        "PutFunctionRecursionConfig" => {
            call.answer(&recursion_config::put_function_recursion_config(lambda, &scope, call.input()?).await?)
        }
        "PutProvisionedConcurrencyConfig" => call
            .answer(&provisioned_concurrency::put_provisioned_concurrency_config(lambda, &scope, call.input()?).await?),
        "PutRuntimeManagementConfig" => {
            call.answer(&runtime_management_config::put_runtime_management_config(lambda, &scope, call.input()?).await?)
        }
        "RemoveLayerVersionPermission" => {
            layer_permissions::remove_layer_version_permission(lambda, &scope, call.input()?).await?;
            call.done()
        }
        "RemovePermission" => {
            permissions::remove_permission(lambda, &scope, call.input()?).await?;
            call.done()
        }
        "TagResource" => {
            tags::tag_resource(lambda, &scope, call.input()?).await?;
            call.done()
        }
        "UntagResource" => {
            tags::untag_resource(lambda, &scope, call.input()?).await?;
            call.done()
        }
        "UpdateAlias" => call.answer(&aliases::update_alias(lambda, &scope, call.input()?).await?),
        "UpdateEventSourceMapping" => {
            check_size(call)?;
            call.answer(&update_event_source_mapping::update_event_source_mapping(lambda, &scope, call.input()?).await?)
        }
        "UpdateFunctionCode" => {
            call.answer(&update_function_code::update_function_code(lambda, &scope, call.input()?).await?)
        }
        "UpdateFunctionConfiguration" => {
            let (request, settings) = (call.input()?, call.input()?);
            let updated =
                update_function_configuration::update_function_configuration(lambda, &scope, request, settings).await?;
            call.answer(&updated)
        }
        "UpdateFunctionEventInvokeConfig" => {
            call.answer(&event_invoke_config::update_function_event_invoke_config(lambda, &scope, call.input()?).await?)
        }
        "UpdateFunctionUrlConfig" => {
            call.answer(&function_urls::update_function_url_config(lambda, &scope, call.input()?).await?)
        }
        other => Err(ApiError::unknown_operation(other)),
    }
}

fn check_size(call: &Call) -> Result<(), ApiError> {
    if call.body().len() <= MAPPING_BYTES_MAX {
        return Ok(());
    }
    let message = format!("Request must be smaller than {MAPPING_BYTES_MAX} bytes for an event source mapping");
    Err(ApiError::new(ErrorKind::TooLarge, "RequestTooLargeException", message))
}
