//! The program `anabranch`; all of it is in the library, so that tests can start it in-process.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A tenth more puts a second than with the system's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    anabranch::command_line::main()
}
