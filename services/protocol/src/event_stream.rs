//! Streaming answers: the framing `application/vnd.amazon.eventstream`, as Smithy's "Amazon Event
//! Stream Specification" has it.

use std::pin::Pin;

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::{BufMut, Bytes};
use futures_core::Stream;

use crate::{ApiError, Encoding};

/// The media type of such an answer.
pub const EVENT_STREAM_TYPE: &str = "application/vnd.amazon.eventstream";

/// Events of one answer, in order. An error is sent to the client and ends the stream.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<Event, ApiError>> + Send>>;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its name in the service model, such as `SubscribeToShardEvent`.
    pub name: &'static str,
    /// Its members, in the encoding of the request.
    pub payload: Bytes,
}

impl Event {
    /// What comes before all others: the answer's members outside the stream, of which there are none.
    ///
    /// # Errors
    /// None today: an empty structure has a form in every encoding.
    pub fn initial_response(encoding: Encoding) -> Result<Self, ApiError> {
        Ok(Self { name: "initial-response", payload: encoding.encode(&serde_json::Map::new())?.into() })
    }

    /// The event as one message.
    pub fn to_message(&self, encoding: Encoding) -> Bytes {
        message([(":message-type", "event"), (":event-type", self.name)], encoding, self.payload.clone())
    }
}

impl ApiError {
    /// The error as the last message of an event stream.
    pub fn to_message(&self, encoding: Encoding) -> Bytes {
        // As a modelled exception of a stream, a failure of ours has a longer name.
        let name = if self.kind.is_ours() { "InternalFailureException" } else { self.code };
        let payload = encoding.encode(&serde_json::json!({ "message": self.message })).unwrap_or_default();
        message([(":message-type", "exception"), (":exception-type", name)], encoding, payload.into())
    }
}

fn message(kind: [(&'static str, &'static str); 2], encoding: Encoding, payload: Bytes) -> Bytes {
    let content_type = match encoding {
        Encoding::Json => "application/x-amz-json-1.1",
        Encoding::Cbor => "application/x-amz-cbor-1.1",
    };
    let mut message = Message::new(payload);
    for (name, value) in kind.into_iter().chain([(":content-type", content_type)]) {
        message = message.add_header(Header::new(name, HeaderValue::String(value.into())));
    }
    let mut bytes = Vec::with_capacity(message.payload().len() + 128);
    // Fails only for headers or payloads of more bytes than a message can tell, which none of ours has.
    if write_message_to(&message, &mut (&mut bytes as &mut dyn BufMut)).is_err() {
        bytes.clear();
    }
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_eventstream::frame::read_message_from;

    fn headers(message: &Message) -> Vec<(String, String)> {
        let header = |header: &Header| {
            (header.name().as_str().to_string(), header.value().as_string().unwrap().as_str().to_string())
        };
        message.headers().iter().map(header).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    #[test]
    fn an_event_names_itself_and_its_encoding() {
        let event = Event::initial_response(Encoding::Json).unwrap();
        let message = read_message_from(event.to_message(Encoding::Json)).unwrap();
        let expected = [
            (":message-type", "event"),
            (":event-type", "initial-response"),
            (":content-type", "application/x-amz-json-1.1"),
        ];
        assert_eq!(headers(&message), pairs(&expected));
        assert_eq!(message.payload().as_ref(), b"{}");
    }

    #[test]
    fn an_error_is_an_exception() {
        let error = ApiError::invalid("ResourceInUseException", "taken over");
        let message = read_message_from(error.to_message(Encoding::Cbor)).unwrap();
        let expected = [
            (":message-type", "exception"),
            (":exception-type", "ResourceInUseException"),
            (":content-type", "application/x-amz-cbor-1.1"),
        ];
        assert_eq!(headers(&message), pairs(&expected));
        let message = read_message_from(ApiError::internal("broken").to_message(Encoding::Json)).unwrap();
        assert_eq!(headers(&message)[1].1, "InternalFailureException");
        assert_eq!(message.payload().as_ref(), br#"{"message":"broken"}"#);
    }
}
