//! The Anabranch program: command line, gateway, wiring.

fn main() {}
