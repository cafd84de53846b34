//! What invocations come to in the words of Lambda's runtimes, and the lines that report them.

use std::time::Duration;

use super::environment::{Ended, InitFailure};
use super::session::Answer;
use crate::function::{Executable, FunctionSpec};
use crate::invoke::InvokeOutcome;
use crate::runtimes::os_text;
use crate::time::iso_ms;

/// The runtime gave an answer.
pub(super) fn of_answer(request_id: &str, answer: Answer) -> InvokeOutcome {
    let function_error = answer.error_type.map(|_| "Unhandled".to_string());
    InvokeOutcome { request_id: request_id.into(), payload: answer.payload, function_error, log_tail: None }
}

/// The process ended, in the words of [`super::process::exit_text`].
pub(super) fn of_exit(request_id: &str, exit: &str) -> InvokeOutcome {
    InvokeOutcome::unhandled(request_id, Some("Runtime.ExitError"), exit_message(request_id, exit))
}

fn exit_message(request_id: &str, exit: &str) -> String {
    match exit {
        "exit status 0" => format!("RequestId: {request_id} Error: Runtime exited without providing a reason"),
        _ => format!("RequestId: {request_id} Error: Runtime exited with error: {exit}"),
    }
}

/// The function's processes held more memory than it has.
pub(super) fn of_too_much_memory(request_id: &str) -> InvokeOutcome {
    let message = exit_message(request_id, "signal: killed");
    InvokeOutcome::unhandled(request_id, Some("Runtime.OutOfMemory"), message)
}

/// The function took longer than its timeout.
pub(super) fn of_timeout(request_id: &str, timeout: Duration) -> InvokeOutcome {
    let seconds = timeout.as_secs_f64();
    let message = format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds");
    InvokeOutcome::unhandled(request_id, Some("Sandbox.Timedout"), message)
}

/// The process did not come to ask for an event.
pub(super) fn of_init_failure(request_id: &str, failure: InitFailure) -> InvokeOutcome {
    let entrypoint = |reason: String| {
        let message = format!("RequestId: {request_id} Error: {reason}");
        InvokeOutcome::unhandled(request_id, Some("Runtime.InvalidEntrypoint"), message)
    };
    match failure {
        InitFailure::Exited(exit) => of_exit(request_id, &exit),
        InitFailure::Reported(payload) => InvokeOutcome {
            request_id: request_id.into(),
            payload,
            function_error: Some("Unhandled".into()),
            log_tail: None,
        },
        InitFailure::CannotStart(reason) => entrypoint(reason.to_string()),
        InitFailure::Spawn { program, error } => {
            entrypoint(format!("fork/exec {}: {}", program.display(), os_text(&error)))
        }
        InitFailure::TimedOut(limit) => of_timeout(request_id, limit),
    }
}

/// The line in the log of an invocation that its process did not live to end, found at `now_ms`.
pub(super) fn line(request_id: &str, now_ms: u64, timeout: Duration, ended: &Ended) -> Option<String> {
    match ended {
        Ended::Answered(_) | Ended::NotTaken => None,
        Ended::TimedOut => {
            let (now, seconds) = (iso_ms(now_ms), timeout.as_secs_f64());
            Some(format!("{now} {request_id} Task timed out after {seconds:.2} seconds"))
        }
        Ended::OutOfMemory => Some(exit_message(request_id, "signal: killed")),
        Ended::Exited(exit) => Some(exit_message(request_id, exit)),
    }
}

/// What the end of the `REPORT` line says of an invocation that its process did not live to end.
pub(super) fn status(ended: &Ended) -> Option<&'static str> {
    match ended {
        Ended::Answered(_) | Ended::NotTaken => None,
        Ended::TimedOut => Some("Status: timeout"),
        Ended::OutOfMemory => Some("Status: error\tError Type: Runtime.OutOfMemory"),
        Ended::Exited(_) => Some("Status: error\tError Type: Runtime.ExitError"),
    }
}

/// The line that begins the log of an environment. AWS names its runtimes' versions; here there is one
/// of each.
pub(super) fn init_start(spec: &FunctionSpec) -> String {
    let runtime = match &spec.executable {
        Executable::Package { runtime, .. } => runtime.as_str(),
        Executable::Binary(_) | Executable::Remote(_) => "provided.al2023",
    };
    let at = runtime.find(|letter: char| !letter.is_ascii_lowercase()).unwrap_or(runtime.len());
    let (language, version) = runtime.split_at(at);
    let version = version.trim_start_matches('.').trim_end_matches(".x");
    let region = &spec.scope.region;
    format!(
        "INIT_START Runtime Version: {language}:{version}.v1\tRuntime Version ARN: arn:aws:lambda:{region}::runtime:{runtime}"
    )
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
        line += &format!("\tMax Memory Used: {} MB", memory_max_mb.min(memory_mb.into()));
    }
    if let Some(init) = init {
        line += &format!("\tInit Duration: {:.2} ms", milliseconds(init));
    }
    line
}
