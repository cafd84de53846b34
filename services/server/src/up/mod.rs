//! `anabranch up`: makes what a SAM template describes, and says what is up.

mod build;
mod deploy;
mod error;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anabranch_protocol::{DEFAULT_ACCOUNT_ID, DEFAULT_REGION};
use anabranch_template::{Options, Stack};
use clap::{Args, ValueEnum};

use crate::App;
pub use deploy::Deployment;
pub use error::UpError;
pub use report::print as print_report;

/// What `anabranch up` is told.
#[derive(Debug, Clone, Args)]
pub struct UpOptions {
    /// The SAM template, YAML or JSON
    #[arg(value_name = "TEMPLATE")]
    pub template: PathBuf,

    /// Value of a template parameter; may be given several times
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    pub parameters: Vec<(String, String)>,

    /// Name of the stack, part of the names that the template leaves open
    #[arg(long, value_name = "NAME", default_value = "anabranch")]
    pub stack_name: String,

    /// Invoke functions at this endpoint instead of hosting them, such as that of `cargo lambda
    /// watch`: http://127.0.0.1:9000
    #[arg(long, value_name = "URL")]
    pub functions: Option<String>,

    /// How functions are built
    #[arg(long, value_name = "HOW", default_value = "cargo")]
    pub build: Builder,

    /// Cargo's profile for functions
    #[arg(long, value_name = "NAME", default_value = "release")]
    pub profile: String,

    /// Write the endpoint, the APIs' URLs and the template's outputs to this file, as JSON, once
    /// everything is up
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
}

/// What builds functions whose `BuildMethod` is `rust-cargolambda`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Builder {
    /// `cargo build`: the same programs, without the packaging that only AWS needs
    Cargo,
    /// `cargo lambda build --release --compiler cargo`, as `sam build` runs it
    CargoLambda,
    /// Nothing: the programs of an earlier `cargo build` are used
    None,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not of the form NAME=VALUE"))?;
    Ok((name.to_string(), value.to_string()))
}

/// Reads the template. Nothing is started or made.
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
        region: DEFAULT_REGION.into(),
        account_id: DEFAULT_ACCOUNT_ID.into(),
    };
    Ok(anabranch_template::read(&source, &file, &template_options)?)
}

/// Builds the functions of `stack`, makes or updates its resources and starts its functions.
///
/// # Errors
/// [`UpError`], naming the resource. What was made before it stays; running again goes on.
pub async fn deploy(app: &App, stack: &Stack, options: &UpOptions) -> Result<Deployment, UpError> {
    let directory = options.template.parent().unwrap_or(Path::new("")).to_path_buf();
    let executables = match &options.functions {
        Some(url) => build::Executables::Remote(url.clone()),
        None => {
            let umask = app.config.functions_umask;
            build::build(stack, &directory, options.build, &options.profile, umask).await?
        }
    };
    let deployment = deploy::deploy(app, stack, &executables).await?;
    app.start_functions().map_err(|error| UpError::Start(error.to_string()))?;
    if let Some(path) = &options.ready_file {
        report::write_ready_file(path, &deployment)?;
    }
    Ok(deployment)
}
