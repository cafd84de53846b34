//! What the server measures of itself, for Prometheus.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anabranch_protocol::{Measured, MeasuredKind, ProblemKind};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::{Label, exposition};
use crate::problems::ServiceProblems;

const REQUESTS: &str = "anabranch_requests_total";
const LATENCY: &str = "anabranch_request_duration_seconds";
const IN_FLIGHT: &str = "anabranch_requests_in_flight";
const MEMORY: &str = "process_resident_memory_bytes";
const CPU: &str = "process_cpu_seconds_total";

/// Upper bounds of the latency histogram, in seconds.
const LATENCY_BUCKETS: [f64; 14] =
    [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0];
/// Latencies are kept one by one until they are sorted into buckets; that happens after so many
/// requests, not on a timer, so that an idle server sleeps.
const UPKEEP_REQUESTS: u64 = 4096;

/// The process's metrics. There is one set a process, whatever number of servers it runs.
#[derive(Clone)]
pub(crate) struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// The metrics of this process, made on first use.
    pub(crate) fn of_process() -> Self {
        static METRICS: OnceLock<Metrics> = OnceLock::new();
        METRICS.get_or_init(Self::install).clone()
    }

    fn install() -> Self {
        let builder = PrometheusBuilder::new();
        let builder = match builder.set_buckets_for_metric(Matcher::Full(LATENCY.into()), &LATENCY_BUCKETS) {
            Ok(builder) => builder,
            // Only for an empty list of buckets.
            Err(_) => PrometheusBuilder::new(),
        };
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is installed in this process; /_anabranch/metrics stays empty");
        }
        describe_counter!(REQUESTS, "Requests answered, by service, operation and HTTP status.");
        describe_histogram!(LATENCY, "Time from a request's head to its answer's head, in seconds.");
        describe_gauge!(IN_FLIGHT, "Requests being answered.");
        describe_gauge!(MEMORY, "Resident memory size in bytes.");
        describe_gauge!(CPU, "Total user and system CPU time spent in seconds.");
        Self { handle }
    }

    /// Counts one answered request.
    pub(crate) fn request(&self, label: &Label, status: u16, latency: Duration) {
        static REQUESTS_SEEN: AtomicU64 = AtomicU64::new(0);
        let (service, operation) = (label.service.clone(), label.operation.clone());
        counter!(REQUESTS, "service" => service.clone(), "operation" => operation.clone(), "status" => status.to_string())
            .increment(1);
        histogram!(LATENCY, "service" => service, "operation" => operation).record(latency.as_secs_f64());
        if REQUESTS_SEEN.fetch_add(1, Ordering::Relaxed) % UPKEEP_REQUESTS == UPKEEP_REQUESTS - 1 {
            self.handle.run_upkeep();
        }
    }

    /// Counts a request as being answered until the guard is dropped.
    pub(crate) fn in_flight(&self) -> InFlight {
        gauge!(IN_FLIGHT).increment(1.0);
        InFlight
    }

    /// The process's metrics and what else is `measured`, in Prometheus's text format.
    pub(crate) fn render(&self, measured: &[Measured]) -> String {
        if let Some(bytes) = resident_bytes() {
            gauge!(MEMORY).set(bytes as f64);
        }
        if let Some(seconds) = cpu_seconds() {
            gauge!(CPU).set(seconds);
        }
        self.handle.render() + &exposition::render(measured)
    }
}

/// What is counted a server and not a process: connections, and what is wrong with each service.
pub(super) fn of_server(connections: usize, all: &[ServiceProblems]) -> Vec<Measured> {
    let mut measured = vec![Measured {
        name: "anabranch_connections".into(),
        help: "Connections of clients.",
        kind: MeasuredKind::Gauge,
        labels: Vec::new(),
        value: connections as f64,
    }];
    for found in all {
        for kind in ProblemKind::ALL {
            let number = found.problems.iter().filter(|problem| problem.kind == kind).count();
            measured.push(Measured {
                name: "anabranch_problems".into(),
                help: "What keeps a service from its work; /_anabranch/health says more.",
                kind: MeasuredKind::Gauge,
                labels: vec![("service", found.service.into()), ("kind", kind.as_str().into())],
                value: number as f64,
            });
        }
    }
    measured
}

/// See [`Metrics::in_flight`].
pub(crate) struct InFlight;

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!(IN_FLIGHT).decrement(1.0);
    }
}

/// Memory that the process holds, as Linux counts it.
pub(crate) fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field, the program's name, is in parentheses and may hold spaces.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = |field: usize| fields.split_whitespace().nth(field)?.parse::<u64>().ok();
    let ticks_a_second = rustix::param::clock_ticks_per_second();
    Some((ticks(11)? + ticks(12)?) as f64 / ticks_a_second as f64)
}
