//! A whole server in this process, asked over a real socket.

mod console;
mod functions;
mod harness;
mod refusals;
mod starting;
mod wiring;
