//! `/_anabranch/clock`, where the server's clock is a test's (`serve --test-clock`): GET shows the
//! time, POST moves it ahead.

use std::time::Duration;

use anabranch_protocol::{Clock, ManualClock};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use serde::{Deserialize, Serialize};

/// Most that one request moves the clock: a little more than the longest retention of a stream.
const ADVANCE_MAX: Duration = Duration::from_secs(400 * 24 * 3600);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    advance_milliseconds: u64,
}

/// What time it is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Time {
    /// Since the Unix epoch.
    milliseconds: u64,
}

/// The page of `clock`.
pub(super) fn page<S: Clone + Send + Sync + 'static>(clock: &ManualClock) -> MethodRouter<S> {
    let (shown, moved) = (clock.clone(), clock.clone());
    get(move || std::future::ready(time(&shown))).post(move |body: Json<Advance>| advance(moved.clone(), body.0))
}

fn time(clock: &ManualClock) -> Response {
    Json(Time { milliseconds: clock.now_ms() }).into_response()
}

/// Answers once who was waiting woke, each at its time. What they do then may go on after it.
async fn advance(clock: ManualClock, request: Advance) -> Response {
    let duration = Duration::from_millis(request.advance_milliseconds);
    if duration > ADVANCE_MAX {
        let message = format!("advanceMilliseconds may be {} at most.\n", ADVANCE_MAX.as_millis());
        return (StatusCode::BAD_REQUEST, message).into_response();
    }
    clock.advance(duration).await;
    time(&clock)
}
