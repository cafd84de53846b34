//! Putting to several streams: what it costs that each has a log of its own.

use std::error::Error;
use std::sync::Barrier;

use crate::measure::Measured;
use crate::options::Options;
use crate::put::put_to;
use crate::stream::make_stream;

fn name(options: &Options, number: usize) -> String {
    format!("{}-{}", options.stream, number % options.streams.max(1))
}

/// Makes the streams that are absent.
pub(crate) fn make_streams(options: &Options) -> Result<(), Box<dyn Error>> {
    (0..options.streams).try_for_each(|number| make_stream(options, &name(options, number), options.shards))
}

/// Puts from one connection to the stream that is its turn.
pub(crate) fn put(options: &Options, number: usize, start: &Barrier) -> Result<Measured, String> {
    put_to(&name(options, number), options, number, start)
}
