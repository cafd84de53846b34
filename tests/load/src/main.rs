//! Load program: measures a Kinesis endpoint.

fn main() {}
