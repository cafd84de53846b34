//! The handler: request in, response out.

use crate::put::{Record, Sink, put_all};
use crate::request::read_clicks;
use click::Click;
use jiff::Timestamp;
use lambda_http::http::{Method, StatusCode, header};
use lambda_http::{Body, Request, RequestExt, Response, lambda_runtime::Context};
use serde::Serialize;
use serde_json::json;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Time reserved before the invocation's deadline, to answer before the runtime gives up on us.
const ANSWER_MARGIN: Duration = Duration::from_millis(1500);
/// The longest time spent putting: an HTTP API waits 30 s for its integration.
const PUT_TIME_MAX: Duration = Duration::from_secs(25);

/// The function: two sinks and what happens between a request and its answer.
pub struct Ingest<S, D> {
    stream: S,
    delivery: D,
}

impl<S: Sink, D: Sink> Ingest<S, D> {
    /// The function for a data stream and a delivery stream.
    pub fn new(stream: S, delivery: D) -> Self {
        Self { stream, delivery }
    }

    /// Answers one request of the HTTP API.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        if request.method() != Method::POST {
            return answer(StatusCode::METHOD_NOT_ALLOWED, &json!({"error": "POST clicks here"}));
        }
        let time = request.lambda_context_ref().map_or(PUT_TIME_MAX, time_left);
        let received_at = format!("{:.3}", Timestamp::now());
        self.take(request.body().as_ref(), &received_at, Instant::now() + time).await
    }

    async fn take(&self, body: &[u8], received_at: &str, deadline: Instant) -> Response<Body> {
        let clicks = match read_clicks(body, received_at) {
            Ok(clicks) => clicks,
            Err(refused) => return answer(StatusCode::BAD_REQUEST, &refused),
        };
        let records = match clicks.iter().map(record).collect::<Result<Vec<_>, _>>() {
            Ok(records) => records,
            Err(error) => return answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({"error": error.to_string()})),
        };
        let (failed, reason) = self.put(records, deadline).await;
        if failed.is_empty() {
            return answer(StatusCode::OK, &json!({"accepted": clicks.len()}));
        }
        tracing::error!(failed = failed.len(), of = clicks.len(), reason, "clicks not accepted");
        let error = format!("{} of {} events were not accepted; send them again", failed.len(), clicks.len());
        let body = json!({"error": error, "accepted": clicks.len() - failed.len(), "failed": failed, "reason": reason});
        answer(StatusCode::SERVICE_UNAVAILABLE, &body)
    }

    /// Puts to the stream, then what arrived there to the delivery stream. A click counts as
    /// accepted only once it is in both, so a client that repeats the failed ones leaves no gap in either.
    async fn put(&self, mut records: Vec<Record>, deadline: Instant) -> (Vec<usize>, String) {
        let in_stream = put_all(&self.stream, &records, deadline).await;
        let arrived: Vec<usize> = (0..records.len()).filter(|n| in_stream.indices.binary_search(n).is_err()).collect();
        for &index in in_stream.indices.iter().rev() {
            records.remove(index);
        }
        let in_delivery = put_all(&self.delivery, &records, deadline).await;
        let mut failed = in_stream.indices;
        failed.extend(in_delivery.indices.iter().map(|&position| arrived[position]));
        failed.sort_unstable();
        let reason = if in_stream.reason.is_empty() { in_delivery.reason } else { in_stream.reason };
        (failed, reason)
    }
}

fn record(click: &Click) -> Result<Record, serde_json::Error> {
    Ok(Record { partition_key: click.session_id.clone(), data: serde_json::to_vec(click)?.into() })
}

fn time_left(context: &Context) -> Duration {
    // `cargo lambda watch` gives a deadline long past, which means nothing.
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or(Duration::MAX);
    left.saturating_sub(ANSWER_MARGIN).min(PUT_TIME_MAX)
}

fn answer<T: Serialize>(status: StatusCode, body: &T) -> Response<Body> {
    let text = serde_json::to_string(body).unwrap_or_else(|error| json!({"error": error.to_string()}).to_string());
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::put::PutError;
    use crate::put::tests::MemorySink;
    use serde_json::Value;

    fn event(id: &str, session: &str) -> Value {
        json!({"event_id": id, "session_id": session, "timestamp": "2026-06-15T10:00:00Z",
               "type": "page_view", "page": "/", "campaign": {"id": 7}})
    }

    async fn post(ingest: &Ingest<MemorySink, MemorySink>, body: &str) -> (u16, Value) {
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = Method::POST;
        let response = ingest.handle(request).await;
        (response.status().as_u16(), serde_json::from_slice(response.body().as_ref()).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn accepted_clicks_are_in_both_places() {
        let ingest = Ingest::new(MemorySink::taking_all(), MemorySink::taking_all());
        let body = json!([event("a", "s1"), event("b", "s2")]).to_string();
        assert_eq!(post(&ingest, &body).await, (200, json!({"accepted": 2})));
        let stream = ingest.stream.taken.lock().unwrap().clone();
        assert_eq!(stream, *ingest.delivery.taken.lock().unwrap());
        assert_eq!(stream[1].partition_key, "s2");
        let stored = Click::from_json(&stream[1].data).unwrap();
        assert_eq!(stored.rest["campaign"], json!({"id": 7}));
        let received_at = stored.rest["received_at"].as_str().unwrap();
        assert!(received_at.parse::<Timestamp>().is_ok() && received_at.len() == 24, "{received_at}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_bad_event_puts_nothing() {
        let ingest = Ingest::new(MemorySink::taking_all(), MemorySink::taking_all());
        let (status, body) = post(&ingest, &json!([event("a", "s"), event("", "s")]).to_string()).await;
        assert_eq!(status, 400);
        let reason = "event_id must have 1 to 64 characters, but has 0";
        assert_eq!(body["details"], json!([{"index": 1, "reason": reason}]));
        assert!(ingest.stream.taken.lock().unwrap().is_empty());
        assert!(ingest.delivery.taken.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_until_the_deadline_is_named_by_its_place() {
        let never = |key: &'static str| {
            MemorySink::new(move |record, _| (record.partition_key == key).then(|| "Throttled".into()))
        };
        let ingest = Ingest::new(never("s1"), never("s3"));
        let body: Vec<Value> = (0..5).map(|n| event(&format!("e{n}"), &format!("s{n}"))).collect();
        let (status, body) = post(&ingest, &Value::from(body).to_string()).await;
        assert_eq!((status, &body["failed"], &body["accepted"]), (503, &json!([1, 3]), &json!(3)));
        let delivered = ingest.delivery.taken.lock().unwrap();
        assert_eq!(delivered.iter().map(|record| &*record.partition_key).collect::<Vec<_>>(), ["s0", "s2", "s4"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_stream_is_a_503_that_says_so() {
        let ingest = Ingest::new(MemorySink::taking_all(), MemorySink::taking_all());
        *ingest.stream.call_error.lock().unwrap() = Some(PutError::Refused("ResourceNotFoundException".into()));
        let (status, body) = post(&ingest, &event("a", "s").to_string()).await;
        assert_eq!((status, &body["reason"]), (503, &json!("ResourceNotFoundException")));
    }

    #[tokio::test(start_paused = true)]
    async fn the_sample_event_is_answered() {
        let request = lambda_http::request::from_str(include_str!("../event.json")).unwrap();
        let ingest = Ingest::new(MemorySink::taking_all(), MemorySink::taking_all());
        let response = ingest.handle(request).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(ingest.stream.taken.lock().unwrap().len(), 2);
    }

    #[test]
    fn time_is_left_to_answer() {
        let now_ms = SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
        let mut context = Context::default();
        context.deadline = now_ms + 1_000_000;
        assert_eq!(time_left(&context), PUT_TIME_MAX);
        context.deadline = now_ms + ANSWER_MARGIN.as_millis() as u64;
        assert!(time_left(&context) <= Duration::from_millis(1));
        context.deadline = 600_000;
        assert_eq!(time_left(&context), PUT_TIME_MAX, "a deadline in the past is none");
    }
}
