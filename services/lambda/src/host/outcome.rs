//! What invocations come to in the words of Lambda's runtimes, and the lines that report them.

use std::path::Path;
use std::time::Duration;

use super::environment::InitFailure;
use super::session::Answer;
use crate::invoke::InvokeOutcome;
use crate::time::iso_ms;

/// The runtime gave an answer.
pub(super) fn of_answer(request_id: &str, answer: Answer) -> InvokeOutcome {
    let function_error = answer.error_type.map(|_| "Unhandled".to_string());
    InvokeOutcome { request_id: request_id.into(), payload: answer.payload, function_error, log_tail: None }
}

/// The process ended, in the words of [`super::process::exit_text`].
pub(super) fn of_exit(request_id: &str, exit: &str) -> InvokeOutcome {
    let message = format!("RequestId: {request_id} Error: Runtime exited with error: {exit}");
    InvokeOutcome::unhandled(request_id, Some("Runtime.ExitError"), message)
}

/// The function took longer than its timeout, as it is found at `now_ms`.
pub(super) fn of_timeout(request_id: &str, now_ms: u64, timeout: Duration) -> InvokeOutcome {
    let now = iso_ms(now_ms);
    let seconds = timeout.as_secs_f64();
    let message = format!("{now} {request_id} Task timed out after {seconds:.2} seconds");
    InvokeOutcome::unhandled(request_id, None, message)
}

/// `program` did not come to ask for an event.
pub(super) fn of_init_failure(program: &Path, request_id: &str, failure: InitFailure) -> InvokeOutcome {
    match failure {
        InitFailure::Exited(exit) => of_exit(request_id, &exit),
        InitFailure::Reported(payload) => InvokeOutcome {
            request_id: request_id.into(),
            payload,
            function_error: Some("Unhandled".into()),
            log_tail: None,
        },
        InitFailure::Spawn(error) => {
            let message = format!("RequestId: {request_id} Error: fork/exec {}: {error}", program.display());
            InvokeOutcome::unhandled(request_id, Some("Runtime.InvalidEntrypoint"), message)
        }
        InitFailure::TimedOut(limit) => {
            let seconds = limit.as_secs_f64();
            let message = format!(
                "RequestId: {request_id} Error: the process did not ask for an event within {seconds:.2} seconds of its start"
            );
            InvokeOutcome::unhandled(request_id, Some("Sandbox.Timedout"), message)
        }
    }
}

/// The `REPORT` line of an invocation; `init` is told of the first in an environment.
pub(super) fn report(
    request_id: &str,
    elapsed: Duration,
    memory_mb: u32,
    memory_max_mb: Option<u64>,
    init: Option<Duration>,
) -> String {
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let mut line = format!(
        "REPORT RequestId: {request_id}\tDuration: {:.2} ms\tBilled Duration: {:.0} ms\tMemory Size: {memory_mb} MB",
        milliseconds(elapsed),
        milliseconds(elapsed).ceil(),
    );
    if let Some(memory_max_mb) = memory_max_mb {
        line += &format!("\tMax Memory Used: {memory_max_mb} MB");
    }
    if let Some(init) = init {
        line += &format!("\tInit Duration: {:.2} ms", milliseconds(init));
    }
    line
}
