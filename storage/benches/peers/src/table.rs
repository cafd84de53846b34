//! The Markdown table, aligned for a terminal too.

use std::time::Duration;

use crate::contender::Contender;
use crate::measure::{Rate, Work};
use crate::ours::Ours;

/// Prints the head. Milliseconds would hide the small, so latencies are in microseconds.
pub(crate) fn head() {
    println!(
        "\n| {:<24} | {:<12} | {:>10} | {:>8} | {:>8} | {:>13} |",
        "work", "log", "records/s", "p50 µs", "p99 µs", "ours ÷ theirs"
    );
    println!("|{0:-<26}|{0:-<14}|{0:->11}:|{0:->9}:|{0:->9}:|{0:->14}:|", "");
}

/// Prints what the table cannot say by itself.
pub(crate) fn foot() {
    println!("\nbare has one writer in every row");
}

/// Prints the medians of each contender's runs. The ratio is the median of the ratios of each
/// round, in which the two ran in turn.
pub(crate) fn rows(work: &Work, contenders: &[&dyn Contender], rates: &[Vec<Rate>]) {
    let ours = contenders.iter().position(|contender| contender.name() == Ours.name()).map(|at| &rates[at]);
    for (contender, theirs) in contenders.iter().zip(rates) {
        let of = |value: &dyn Fn(&Rate) -> f64| median(theirs.iter().map(value));
        let ratio = ours.map_or("-".into(), |ours| {
            let rounds = ours.iter().zip(theirs);
            format!("{:.2}", median(rounds.map(|(ours, theirs)| ours.records_per_second / theirs.records_per_second)))
        });
        println!(
            "| {:<24} | {:<12} | {:>10.0} | {:>8.0} | {:>8.0} | {:>13} |",
            work.name,
            contender.name(),
            of(&|rate| rate.records_per_second),
            of(&|rate| micros(rate.p50)),
            of(&|rate| micros(rate.p99)),
            ratio,
        );
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The middle one, or what lies between the middle two, so that neither side gains by an even number.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}
