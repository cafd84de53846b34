//! Lambda function: validates clicks from the HTTP API and puts them to the stream and the delivery stream.

fn main() {}
