//! `anabranch up`.

use clap::Args;

use super::failure::Failure;
use super::runtime::runtime;
use super::serve::{StopSignals, announce, prepare};
use crate::up::{self, UpOptions};
use crate::{App, Settings, logging};

/// Arguments of `anabranch up`.
#[derive(Debug, Args)]
pub(super) struct UpArguments {
    #[command(flatten)]
    options: UpOptions,
    #[command(flatten)]
    settings: Settings,
}

/// Serves, creates what the template describes, and runs until SIGINT or SIGTERM.
pub(super) fn run(arguments: &UpArguments) -> Result<(), Failure> {
    let mut config = arguments.settings.resolve()?;
    logging::start(config.log_format);
    prepare(&mut config);
    // A template with a mistake in it starts nothing.
    let stack = up::read(&arguments.options)?;
    runtime()?.block_on(async {
        let mut signals = StopSignals::register()?;
        let app = App::start(config).await?;
        announce(&app);
        let deployed = tokio::select! {
            deployed = up::deploy(&app, &stack, &arguments.options) => deployed.map(|it| up::print_report(&it)),
            () = signals.first() => {
                app.stop().await;
                return Ok(());
            }
        };
        if deployed.is_ok() {
            signals.first().await;
            tracing::info!("stopping; a second signal ends at once");
        }
        tokio::select! {
            () = app.stop() => {}
            () = signals.first() => return Err(Failure::new("ended at once; what was acknowledged is stored")),
        }
        deployed.map_err(Failure::from)
    })
}
