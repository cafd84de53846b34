//! `anabranch serve`.

use std::io::Write;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::failure::Failure;
use super::runtime::runtime;
use crate::config::{flush_losses, flush_name};
use crate::process::{keep_private, survive_file_size_limit};
use crate::{App, Config, Descriptors, Settings, logging};

/// Serves until SIGINT or SIGTERM.
pub(super) fn run(settings: &Settings) -> Result<(), Failure> {
    let mut config = settings.resolve()?;
    logging::start(config.log_format);
    prepare(&mut config);
    runtime()?.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), Failure> {
    // Before anything is opened, so that an early Ctrl-C also shuts down cleanly.
    let mut signals = StopSignals::register()?;
    let app = App::start(config).await?;
    app.start_functions()?;
    announce(&app);
    signals.first().await;
    tracing::info!("stopping; a second signal ends at once");
    tokio::select! {
        () = app.stop() => Ok(()),
        () = signals.first() => Err(Failure::new("ended at once; what was acknowledged is stored")),
    }
}

/// What a server asks of the system before it starts.
pub(super) fn prepare(config: &mut Config) {
    config.functions_umask = Some(keep_private());
    config.descriptors = Descriptors::raise();
}

/// One line that says where the server is and what it promises.
pub(super) fn announce(app: &App) {
    let flush = app.config.flush;
    let line = format!(
        "Anabranch {} is ready on {} · data in {} · flush {}: {} · console {}/_anabranch/",
        env!("CARGO_PKG_VERSION"),
        app.base_url,
        app.data_path().display(),
        flush_name(flush),
        flush_losses(flush),
        app.base_url,
    );
    // Whoever started the server may have closed the pipe; it serves all the same.
    if writeln!(std::io::stdout(), "{line}").is_err() {
        tracing::info!("{line}");
    }
}

/// The signals that ask the program to stop.
pub(super) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    pub(super) fn register() -> Result<Self, Failure> {
        if let Err(error) = survive_file_size_limit() {
            tracing::warn!(%error, "a write over the limit of file sizes will end the process");
        }
        let register =
            |kind| signal(kind).map_err(|error| Failure::new(format_args!("can't wait for signals: {error}")));
        Ok(Self { interrupt: register(SignalKind::interrupt())?, terminate: register(SignalKind::terminate())? })
    }

    /// Waits for the next of them.
    pub(super) async fn first(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
