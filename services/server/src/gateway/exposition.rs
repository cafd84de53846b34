//! Figures in Prometheus's text format.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use anabranch_protocol::Measured;

/// All of `measured`, name by name.
pub(super) fn render(measured: &[Measured]) -> String {
    let mut by_name: BTreeMap<&str, Vec<&Measured>> = BTreeMap::new();
    for one in measured {
        by_name.entry(&one.name).or_default().push(one);
    }
    let mut text = String::new();
    for (name, all) in by_name {
        // Writing to a string does not fail.
        if let Some(help) = all.iter().map(|one| one.help).find(|help| !help.is_empty()) {
            let _ = writeln!(text, "# HELP {name} {help}");
        }
        if let Some(first) = all.first() {
            let _ = writeln!(text, "# TYPE {name} {}", first.kind.as_str());
        }
        for one in all {
            let labels: Vec<String> =
                one.labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(text, "{name}{labels} {}", one.value);
        }
    }
    text
}

fn escaped(value: &str) -> Cow<'_, str> {
    if !value.contains(['\\', '"', '\n']) {
        return value.into();
    }
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_protocol::MeasuredKind;

    #[test]
    fn figures_are_grouped_by_name() {
        let one = |name: &'static str, kind, labels: &[(&'static str, &str)], value| Measured {
            name: name.into(),
            help: if name == "b" { "What b is." } else { "" },
            kind,
            labels: labels.iter().map(|(label, value)| (*label, value.to_string())).collect(),
            value,
        };
        let text = render(&[
            one("b", MeasuredKind::Gauge, &[], 2.0),
            one("a_sum", MeasuredKind::Counter, &[("stream_name", "clicks"), ("shard_id", "s-0")], 1.5),
            one("b", MeasuredKind::Gauge, &[("of", "a \"\\\n")], 7.0),
        ]);
        let expected = "# TYPE a_sum counter\n\
            a_sum{stream_name=\"clicks\",shard_id=\"s-0\"} 1.5\n\
            # HELP b What b is.\n\
            # TYPE b gauge\n\
            b 2\n\
            b{of=\"a \\\"\\\\\\n\"} 7\n";
        assert_eq!(text, expected);
    }
}
