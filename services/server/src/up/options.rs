//! What `anabranch up` is told.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The arguments of `anabranch up`, but for the settings of the server.
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
    /// Nothing: the programs of an earlier `cargo build` are used, and directories as they are
    None,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not of the form NAME=VALUE"))?;
    Ok((name.to_string(), value.to_string()))
}
