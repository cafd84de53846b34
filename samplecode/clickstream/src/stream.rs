//! Streams the input: batches of clicks to the API, several at once, with the odd ones in between.

use crate::api::{Api, ApiError};
use crate::delivery::{DeliveryError, put_lines};
use crate::input::Input;
use crate::place::{Clients, Place};
use crate::progress::Progress;
use bytes::Bytes;
use click::Click;
use futures::{StreamExt, TryStreamExt, stream as streams};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

/// Clicks in one request.
const REQUEST_CLICKS: usize = 100;

/// The outcome of streaming.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Sent {
    /// Clicks that the API accepted.
    pub accepted: u64,
    /// Requests that carried them.
    pub requests: u64,
    /// Requests repeated after a server or connection error.
    pub retries: u64,
    /// Bodies that were refused, as they should be.
    pub refused: Vec<Refused>,
}

/// One refused body.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Refused {
    /// What was wrong with it.
    pub what: &'static str,
    /// The response's status.
    pub status: u16,
    /// The reason given.
    pub reason: String,
}

/// Why streaming stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    /// The API could not be reached.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The delivery stream could not be reached.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// Valid clicks were not accepted.
    #[error("the API answered {status} to valid clicks: {body}")]
    NotAccepted {
        /// The status.
        status: StatusCode,
        /// The body.
        body: String,
    },
    /// A click could not be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// Streams the input: the first half of the clicks, what must be refused, the raw lines, the rest.
///
/// # Errors
/// [`StreamError`] for the first request that failed for good.
pub(crate) async fn stream(
    input: &Input,
    place: &Place,
    clients: &Clients,
    concurrency: usize,
) -> Result<Sent, StreamError> {
    let api = Api::new(&place.api_url);
    let progress = Progress::new("streaming", input.clicks.len() as u64);
    let mut sent = Sent::default();
    let (first, second) = input.clicks.split_at(input.clicks.len() / 2);
    send_clicks(&api, first, concurrency, &progress, &mut sent).await?;
    for bad in &input.bad_bodies {
        let answer = api.post(&Bytes::from(bad.body.clone())).await?;
        sent.refused.push(Refused { what: bad.what, status: answer.status.as_u16(), reason: reason(&answer.body) });
    }
    put_lines(clients, place, &input.raw_lines).await?;
    send_clicks(&api, second, concurrency, &progress, &mut sent).await?;
    progress.end("");
    Ok(sent)
}

async fn send_clicks(
    api: &Api,
    clicks: &[Click],
    concurrency: usize,
    progress: &Progress,
    sent: &mut Sent,
) -> Result<(), StreamError> {
    let requests = streams::iter(clicks.chunks(REQUEST_CLICKS)).map(|chunk| async move {
        let answer = api.post(&Bytes::from(serde_json::to_vec(chunk)?)).await?;
        if answer.status == StatusCode::OK {
            Ok((chunk.len() as u64, answer.retries))
        } else {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            Err(StreamError::NotAccepted { status: answer.status, body })
        }
    });
    let mut answers = requests.buffer_unordered(concurrency);
    while let Some((accepted, retries)) = answers.try_next().await? {
        sent.accepted += accepted;
        sent.requests += 1;
        sent.retries += u64::from(retries);
        progress.at(sent.accepted, "");
    }
    Ok(())
}

/// The reason in the API's response: its sentence, and the first event at fault.
fn reason(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return String::from_utf8_lossy(body).chars().take(200).collect();
    };
    let error = value["error"].as_str().or(value["message"].as_str()).unwrap_or_default();
    match value["details"][0]["reason"].as_str() {
        Some(detail) => format!("{error}: [{}] {detail}", value["details"][0]["index"]),
        None => error.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_in_one_line() {
        let body = br#"{"error":"1 of 2 events are invalid; none was accepted","details":[{"index":1,"reason":"page is required"}]}"#;
        assert_eq!(reason(body), "1 of 2 events are invalid; none was accepted: [1] page is required");
        assert_eq!(reason(br#"{"message":"Not Found"}"#), "Not Found");
        assert_eq!(reason(b"<html>"), "<html>");
    }
}
