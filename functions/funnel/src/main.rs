//! Lambda function: a strict consumer that records how far each session came; one bad click fails its batch.

fn main() {}
