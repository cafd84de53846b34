//! The reference clickstream pipeline: generator, replay and report.

fn main() {}
