//! The operations, in the order of the API reference: one file each.

mod addressed;
mod create_event_source_mapping;
mod delete_event_source_mapping;
mod function_configuration;
mod get_event_source_mapping;
mod get_function;
mod get_function_configuration;
mod invoke;
mod list_event_source_mappings;
mod list_functions;
mod tags;
mod update_event_source_mapping;

use anabranch_protocol::{Answer, ApiError, Call, ErrorKind};

use crate::{Lambda, Scope};

/// Most bytes of a request that makes or changes an event source mapping.
const MAPPING_BYTES_MAX: usize = 256 << 10;

/// Performs an operation of the model.
pub(crate) async fn perform(lambda: &Lambda, call: &Call) -> Result<Answer, ApiError> {
    let scope = Scope::from(&call.context);
    match call.operation.name {
        "CreateEventSourceMapping" => {
            check_size(call)?;
            call.answer(&create_event_source_mapping::create_event_source_mapping(lambda, &scope, call.input()?).await?)
        }
        "DeleteEventSourceMapping" => {
            call.answer(&delete_event_source_mapping::delete_event_source_mapping(lambda, &scope, call.input()?).await?)
        }
        "GetEventSourceMapping" => {
            call.perform(|_, input| get_event_source_mapping::get_event_source_mapping(lambda, &scope, &input))
        }
        "GetFunction" => call.perform(|_, input| get_function::get_function(lambda, &scope, &input)),
        "GetFunctionConfiguration" => {
            call.perform(|_, input| get_function_configuration::get_function_configuration(lambda, &scope, &input))
        }
        "Invoke" => invoke::invoke(lambda, call).await,
        "ListEventSourceMappings" => {
            call.perform(|_, input| list_event_source_mappings::list_event_source_mappings(lambda, &scope, &input))
        }
        "ListFunctions" => call.perform(|_, input| list_functions::list_functions(lambda, &scope, &input)),
        "ListTags" => call.perform(|_, input| tags::list_tags(lambda, &scope, &input)),
        "TagResource" => {
            tags::tag_resource(lambda, &scope, call.input()?).await?;
            call.done()
        }
        "UntagResource" => {
            tags::untag_resource(lambda, &scope, call.input()?).await?;
            call.done()
        }
        "UpdateEventSourceMapping" => {
            check_size(call)?;
            call.answer(&update_event_source_mapping::update_event_source_mapping(lambda, &scope, call.input()?).await?)
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
