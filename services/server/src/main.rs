//! The program `anabranch`; all of it is in the library, so that tests can start it in-process.

use std::process::ExitCode;

fn main() -> ExitCode {
    anabranch::command_line::main()
}
