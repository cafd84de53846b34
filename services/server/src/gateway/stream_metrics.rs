//! The metrics of streams in Prometheus's text format, named as the CloudWatch exporter for
//! Prometheus names them: `aws_kinesis_put_records_latency_sum{stream_name="clicks"}`.

use std::collections::BTreeMap;
use std::fmt::Write;

use anabranch_streams::Measured;

/// All of `measured`, metric by metric.
pub(super) fn render(measured: Vec<Measured>) -> String {
    let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in measured {
        // A stream's name has no character that would need escaping.
        let shard = one.shard.map_or(String::new(), |shard| format!(",shard_id=\"{shard}\""));
        let labels = format!("{{stream_name=\"{}\"{shard}}}", one.stream);
        let name = format!("aws_kinesis_{}", snake_case(one.metric));
        by_name.entry(format!("{name}_sample_count")).or_default().push(format!("{labels} {}", one.sample_count));
        by_name.entry(format!("{name}_sum")).or_default().push(format!("{labels} {}", one.sum));
    }
    let mut text = String::new();
    for (name, lines) in by_name {
        // Writing to a string does not fail.
        let _ = writeln!(text, "# TYPE {name} counter");
        for line in lines {
            let _ = writeln!(text, "{name}{line}");
        }
    }
    text
}

/// `PutRecords.Latency` as `put_records_latency`.
fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && !text.is_empty() && !text.ends_with('_') {
            text.push('_');
        }
        text.push(if character == '.' { '_' } else { character.to_ascii_lowercase() });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_grouped_by_name() {
        let one = |shard: Option<&str>, metric, sum| Measured {
            stream: "clicks".into(),
            shard: shard.map(String::from),
            metric,
            sample_count: 2,
            sum,
        };
        let text = render(vec![one(None, "PutRecords.Latency", 1.5), one(Some("shardId-0"), "IncomingBytes", 7.0)]);
        let expected = "# TYPE aws_kinesis_incoming_bytes_sample_count counter\n\
            aws_kinesis_incoming_bytes_sample_count{stream_name=\"clicks\",shard_id=\"shardId-0\"} 2\n\
            # TYPE aws_kinesis_incoming_bytes_sum counter\n\
            aws_kinesis_incoming_bytes_sum{stream_name=\"clicks\",shard_id=\"shardId-0\"} 7\n\
            # TYPE aws_kinesis_put_records_latency_sample_count counter\n\
            aws_kinesis_put_records_latency_sample_count{stream_name=\"clicks\"} 2\n\
            # TYPE aws_kinesis_put_records_latency_sum counter\n\
            aws_kinesis_put_records_latency_sum{stream_name=\"clicks\"} 1.5\n";
        assert_eq!(text, expected);
    }
}
