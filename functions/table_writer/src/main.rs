//! Lambda function: folds clicks of a stream into the sessions table.

fn main() {}
