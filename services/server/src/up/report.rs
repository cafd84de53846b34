//! What `anabranch up` reports, to people and to programs.

use std::io::{IsTerminal, Write};
use std::path::Path;

use serde_json::json;

use super::deploy::Deployment;
use super::error::UpError;

/// Prints what was brought up, as a table, and how to reach it.
pub fn print(deployment: &Deployment) {
    let is_terminal = std::io::stdout().is_terminal();
    let dim = |text: &str| if is_terminal { format!("\x1b[2m{text}\x1b[0m") } else { text.to_string() };
    let width =
        |of: fn(&(&'static str, String, String)) -> usize| deployment.resources.iter().map(of).max().unwrap_or(0);
    let (kinds, names) = (width(|row| row.0.chars().count()), width(|row| row.1.chars().count()));
    println!();
    for (kind, name, remark) in &deployment.resources {
        println!("  {}  {name:names$}  {}", dim(&format!("{kind:kinds$}")), dim(remark));
    }
    println!();
    for notice in &deployment.notices {
        println!("  {}", dim(&format!("note: {notice}")));
    }
    for (name, url) in &deployment.apis {
        println!("  {name} is at {url}");
    }
    println!(
        "  Look around at {}/_anabranch/ or with: aws --endpoint-url {} s3 ls\n",
        deployment.endpoint, deployment.endpoint
    );
}

/// Writes the ready file whole or not at all: whoever waits for it may read it at once.
pub(super) fn write_ready_file(path: &Path, deployment: &Deployment) -> Result<(), UpError> {
    let at = |source| UpError::Io { path: path.to_path_buf(), source };
    let ready = json!({
        "endpoint": deployment.endpoint,
        "console": format!("{}/_anabranch/", deployment.endpoint),
        "apis": deployment.apis,
        "outputs": deployment.outputs,
    });
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(at)?;
    writeln!(file, "{ready:#}").map_err(at)?;
    file.persist(path).map_err(|error| at(error.error))?;
    Ok(())
}
