//! The command line.

use std::path::PathBuf;
use std::time::Duration;

/// What is to be measured, and where.
pub(crate) struct Options {
    pub(crate) run: Duration,
    pub(crate) runs: usize,
    pub(crate) directory: PathBuf,
    /// Names of the contenders wanted; all, if empty.
    pub(crate) only: Vec<String>,
    pub(crate) skip_servers: bool,
}

const USAGE: &str = "options: --directory DIR, --runs N, --seconds S, --only NAME[,NAME], --skip-servers";

impl Options {
    /// Reads the arguments of this process; ends it if it does not know one.
    pub(crate) fn read() -> Self {
        let mut options = Self {
            run: Duration::from_millis(500),
            runs: 5,
            directory: "target".into(),
            only: Vec::new(),
            skip_servers: false,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().expect(USAGE);
            match argument.as_str() {
                "--seconds" => options.run = Duration::from_secs_f64(value().parse().expect(USAGE)),
                "--runs" => options.runs = value().parse::<usize>().expect(USAGE).max(1),
                "--directory" => options.directory = value().into(),
                "--only" => options.only = value().split(',').map(Into::into).collect(),
                "--skip-servers" => options.skip_servers = true,
                _ => panic!("{argument} is not known; {USAGE}"),
            }
        }
        std::fs::create_dir_all(&options.directory).unwrap();
        // Servers run within it, so it must be the same from there.
        options.directory = options.directory.canonicalize().unwrap();
        options
    }
}
