//! What services count, for metrics.

use std::borrow::Cow;

/// A figure of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Such as `aws_kinesis_incoming_bytes_sum`: letters, digits and underscores.
    pub name: Cow<'static, str>,
    /// What it is, for people; empty where the name says it.
    pub help: &'static str,
    /// How it moves.
    pub kind: MeasuredKind,
    /// What it is of, such as `stream_name` and `clicks`.
    pub labels: Vec<(&'static str, String)>,
    /// The figure.
    pub value: f64,
}

/// How a figure moves (OpenMetrics).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeasuredKind {
    /// It only grows, from 0 at the start of the server.
    Counter,
    /// It goes up and down.
    Gauge,
}

impl MeasuredKind {
    /// Its name in Prometheus's text format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}
