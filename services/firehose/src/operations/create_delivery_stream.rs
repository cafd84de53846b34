//! CreateDeliveryStream.

use std::fmt;
use std::sync::Arc;

use anabranch_protocol::{ApiError, ErrorKind, RequestContext, Violations};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::delivery_stream::DeliveryStream;
use crate::destinations::{Configuration, Destination};
use crate::error::{invalid_argument, refuse_others};
use crate::limits::DELIVERY_STREAMS_MAX;
use crate::registry::{Registry, arn};
use crate::shapes::{DELIVERY_STREAM_NAME, DELIVERY_STREAM_TYPE};
use crate::sources::Source;

/// `DeliveryStreamType` of a request that gives none.
const TYPE_DEFAULT: &str = "DirectPut";

#[derive(Debug, Default)]
pub(crate) struct CreateDeliveryStreamRequest {
    delivery_stream_name: Option<String>,
    delivery_stream_type: Option<String>,
    /// Destinations, and the members that configure them.
    destinations: Vec<(String, Configuration)>,
    others: Map<String, Value>,
}

/// By hand, so that each kind of destination reads the members that configure it.
impl<'de> Deserialize<'de> for CreateDeliveryStreamRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = CreateDeliveryStreamRequest;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("struct CreateDeliveryStreamRequest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<CreateDeliveryStreamRequest, A::Error> {
        let mut request = CreateDeliveryStreamRequest::default();
        while let Some(member) = map.next_key::<String>()? {
            match member.as_str() {
                "DeliveryStreamName" => request.delivery_stream_name = map.next_value()?,
                "DeliveryStreamType" => request.delivery_stream_type = map.next_value()?,
                _ => match Configuration::read(&member, &mut map)? {
                    Some(configuration) => {
                        request.destinations.extend(configuration.map(|configuration| (member, configuration)));
                    }
                    None => {
                        request.others.insert(member, map.next_value()?);
                    }
                },
            }
        }
        Ok(request)
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct CreateDeliveryStreamResponse {
    #[serde(rename = "DeliveryStreamARN")]
    delivery_stream_arn: String,
}

/// Makes a delivery stream, which is `ACTIVE` at once.
pub(crate) async fn create_delivery_stream(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: CreateDeliveryStreamRequest,
) -> Result<CreateDeliveryStreamResponse, ApiError> {
    let now_ms = registry.shared.clock.now_ms();
    let (name, source, destination) = checked(request, now_ms)?;
    let stream = DeliveryStream {
        arn: arn(context, &name),
        name,
        id: Uuid::new_v4(),
        created_ms: now_ms,
        version: 1,
        source,
        destination,
    };
    let delivery_stream_arn = stream.arn.clone();

    let changing = registry.changing.clone().lock_owned().await;
    if registry.find(context, &stream.name).is_ok() {
        let message = format!("Firehose {} under accountId {} already exists", stream.name, context.account);
        return Err(ApiError::conflict("ResourceInUseException", message));
    }
    if registry.of_caller(context).len() >= DELIVERY_STREAMS_MAX {
        let message = format!("You have already consumed your firehose quota of {DELIVERY_STREAMS_MAX} hoses.");
        return Err(ApiError::new(ErrorKind::LimitExceeded, "LimitExceededException", message));
    }
    registry.make(stream, changing).await?;
    Ok(CreateDeliveryStreamResponse { delivery_stream_arn })
}

fn checked(mut request: CreateDeliveryStreamRequest, now_ms: u64) -> Result<(String, Source, Destination), ApiError> {
    let mut violations = Violations::default();
    let name = request.delivery_stream_name;
    violations.required_text("deliveryStreamName", name.as_deref(), &DELIVERY_STREAM_NAME);
    violations.text("deliveryStreamType", request.delivery_stream_type.as_deref(), &DELIVERY_STREAM_TYPE);
    let configuration = request.destinations.pop().filter(|_| request.destinations.is_empty());
    let destination =
        configuration.map(|(member, configuration)| configuration.checked(&path_of(&member), now_ms, &mut violations));
    violations.finish()?;

    refuse_others(&request.others, "")?;
    let source = Source::of_type(request.delivery_stream_type.as_deref().unwrap_or(TYPE_DEFAULT))?;
    let Some(destination) = destination else {
        return Err(invalid_argument("Exactly one destination configuration is supported for a Firehose"));
    };
    Ok((name.unwrap_or_default(), source, destination?))
}

/// A member's name as messages about its value have it: with a small first letter.
fn path_of(member: &str) -> String {
    let mut letters = member.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}
