//! `anabranch up`: creates what a SAM template describes, and reports it.

mod build;
mod deploy;
mod error;
mod options;
mod package;
mod report;

use std::collections::BTreeMap;
use std::path::Path;

use anabranch_protocol::{Account, Region};
use anabranch_template::{Options, Stack};

use crate::App;
pub use deploy::Deployment;
pub use error::UpError;
pub use options::{Builder, UpOptions};
pub use report::print as print_report;

/// Reads the template. Nothing is started or created.
///
/// # Errors
/// [`UpError::Template`] with everything that is wrong with it.
pub fn read(options: &UpOptions) -> Result<Stack, UpError> {
    let file = options.template.display().to_string();
    let source = std::fs::read_to_string(&options.template)
        .map_err(|source| UpError::Io { path: options.template.clone(), source })?;
    let parameters: BTreeMap<String, String> = options.parameters.iter().cloned().collect();
    let template_options = Options {
        parameters,
        stack_name: options.stack_name.clone(),
        region: Region::DEFAULT_NAME.into(),
        account_id: Account::DEFAULT.to_string(),
    };
    Ok(anabranch_template::read(&source, &file, &template_options)?)
}

/// Builds the functions of `stack`, creates or updates its resources and starts its functions.
///
/// # Errors
/// [`UpError`], naming the resource. What was created before it stays; running again continues.
pub async fn deploy(app: &App, stack: &Stack, options: &UpOptions) -> Result<Deployment, UpError> {
    let directory = options.template.parent().unwrap_or(Path::new("")).to_path_buf();
    let executables = match &options.functions {
        Some(url) => build::Executables::Remote(url.clone()),
        None => {
            let umask = app.config.functions_umask;
            let builds = app.config.data.join("builds");
            build::build(stack, &directory, &builds, options.build, &options.profile, umask).await?
        }
    };
    let deployment = deploy::deploy(app, stack, &executables).await?;
    app.start_functions().map_err(|error| UpError::Start(error.to_string()))?;
    if let Some(path) = &options.ready_file {
        report::write_ready_file(path, &deployment)?;
    }
    Ok(deployment)
}
