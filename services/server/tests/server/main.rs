//! A whole server in this process, asked over a real socket.

mod console;
mod harness;
mod refusals;
mod starting;
