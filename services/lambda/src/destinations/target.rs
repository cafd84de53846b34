//! Queues, topics, functions and event buses as destinations: they get the record, without the
//! payload of a batch.

use anabranch_ports::{Delivery, PortError};
use anabranch_protocol::Arn;
use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::message::{Kind, Message, Services};

/// The end of the names of FIFO queues and topics, which are no destinations.
const FIFO: &str = ".fifo";

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    arn: Arn,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    arn: Arn,
}

/// Another function, which is invoked asynchronously.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    arn: Arn,
}

/// An event bus of EventBridge's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventBus {
    arn: Arn,
}

impl Queue {
    pub(super) fn from_arn(arn: &Arn) -> Option<Self> {
        let is_one = &*arn.service == "sqs" && is_name(&arn.resource);
        is_one.then(|| Self { arn: arn.clone() })
    }
}

impl Topic {
    pub(super) fn from_arn(arn: &Arn) -> Option<Self> {
        let is_one = &*arn.service == "sns" && is_name(&arn.resource);
        is_one.then(|| Self { arn: arn.clone() })
    }
}

impl Function {
    pub(super) fn from_arn(arn: &Arn) -> Option<Self> {
        let is_one = &*arn.service == "lambda" && arn.resource_after("function:").is_some_and(|name| !name.is_empty());
        is_one.then(|| Self { arn: arn.clone() })
    }
}

impl EventBus {
    pub(super) fn from_arn(arn: &Arn) -> Option<Self> {
        let is_one = &*arn.service == "events" && arn.resource_after("event-bus/").is_some_and(|name| !name.is_empty());
        is_one.then(|| Self { arn: arn.clone() })
    }
}

/// Of a queue or topic without an order.
fn is_name(resource: &str) -> bool {
    !resource.is_empty() && !resource.contains([':', '/']) && !resource.ends_with(FIFO)
}

/// A record as an event on a bus ("Configuring destinations for asynchronous invocations").
fn bus_event(bus: &Arn, message: &Message) -> Bytes {
    let request = &message.body["requestContext"];
    let result = if request["condition"] == "Success" { "Success" } else { "Failure" };
    let event = json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": format!("Lambda Function Invocation Result - {result}"),
        "source": "lambda",
        "account": bus.account.map(|account| account.to_string()),
        "time": message.body["timestamp"],
        "region": bus.region.as_ref().map(ToString::to_string),
        "resources": [bus.to_string(), request["functionArn"]],
        "detail": message.body,
    });
    event.to_string().into()
}

async fn deliver(arn: &Arn, payload: Bytes, services: &Services) -> Result<(), PortError> {
    services.targets.deliver(&arn.to_string(), Delivery::new(payload)).await
}

macro_rules! kinds {
    ($($name:ident => $payload:expr;)+) => {$(
        #[async_trait]
        impl Kind for $name {
            fn arn(&self) -> Arn {
                self.arn.clone()
            }

            async fn check(&self, services: &Services) -> Result<(), PortError> {
                services.targets.check(&self.arn.to_string()).await
            }

            async fn send(&self, message: &Message, services: &Services) -> Result<(), PortError> {
                let payload: fn(&Arn, &Message) -> Bytes = $payload;
                deliver(&self.arn, payload(&self.arn, message), services).await
            }
        }
    )+};
}

kinds! {
    Queue => |_, message| message.without_payload();
    Topic => |_, message| message.without_payload();
    Function => |_, message| message.without_payload();
    EventBus => bus_event;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_becomes_an_event_on_a_bus() {
        let bus = "arn:aws:events:us-east-1:123456789012:event-bus/results".parse().unwrap();
        let function = "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST";
        for (condition, result) in [("Success", "Success"), ("RetriesExhausted", "Failure")] {
            let body = json!({
                "timestamp": "2019-11-14T00:38:06.021Z",
                "requestContext": { "condition": condition, "functionArn": function },
            });
            let message = Message { key: String::new(), body: body.clone(), payload: None };
            let mut event: serde_json::Value = serde_json::from_slice(&bus_event(&bus, &message)).unwrap();
            event.as_object_mut().unwrap().remove("id").unwrap();
            let expected = json!({
                "version": "0",
                "detail-type": format!("Lambda Function Invocation Result - {result}"),
                "source": "lambda",
                "account": "123456789012",
                "time": "2019-11-14T00:38:06.021Z",
                "region": "us-east-1",
                "resources": [bus.to_string(), function],
                "detail": body,
            });
            assert_eq!(event, expected);
        }
    }
}
