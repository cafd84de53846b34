//! Logs on stderr: JSON for machines, lines for people.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::LogFormat;

/// Starts logging, once a process. `RUST_LOG` chooses what is logged; `info` by default.
pub(crate) fn start(format: LogFormat) {
    // s3s logs every refused request as an error, with its body; the services log what matters of it.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,s3s=off"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let terminal = std::io::stderr().is_terminal();
    let json = format == LogFormat::Json || (format == LogFormat::Auto && !terminal);
    let started = match json {
        true => subscriber.json().flatten_event(true).try_init(),
        false => subscriber.with_ansi(terminal).with_target(false).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}
