//! Ten patterns over one typical event: the set, parsed and raw, one pattern after the
//! other, and quamina (which takes raw JSON only) beside them. Times are those of the CPU.

#![allow(clippy::expect_used, reason = "a failed step ends the measurement")]

use anabranch_pattern::{Dialect, Pattern, PatternSet};
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use std::hint::black_box;
use std::time::Duration;

const EVENT: &str = r#"{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"EC2 Instance State-change Notification","source":"aws.ec2","account":"111122223333","time":"2017-12-22T18:43:48Z","region":"us-west-1","resources":["arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0"],"detail":{"instance-id":"i-1234567890abcdef0","state":"terminated","c-count":5,"source-ip":"10.0.0.33"}}"#;

const PATTERNS: [&str; 10] = [
    r#"{"source": ["aws.ec2"], "detail-type": ["EC2 Instance State-change Notification"], "detail": {"state": ["terminated"]}}"#,
    r#"{"source": ["aws.s3"], "detail-type": ["Object Created"]}"#,
    r#"{"source": ["aws.ec2"], "region": [{"prefix": "us-"}]}"#,
    r#"{"detail": {"state": [{"anything-but": ["running", "pending"]}]}}"#,
    r#"{"detail": {"c-count": [{"numeric": [">", 0, "<=", 5]}]}}"#,
    r#"{"resources": [{"suffix": "i-1234567890abcdef0"}]}"#,
    r#"{"detail": {"reason": [{"exists": true}]}}"#,
    r#"{"account": ["444455556666"], "source": ["aws.ec2"]}"#,
    r#"{"resources": [{"wildcard": "arn:aws:ec2:*:instance/*"}]}"#,
    r#"{"detail": {"instance-id": [{"prefix": "i-9"}], "state": ["stopped"]}}"#,
];

/// Those that match.
const EXPECTED: [usize; 6] = [0, 2, 3, 4, 5, 8];

/// Time that the thread had a core, so that figures mean something on a busy machine too.
struct CpuTime(WallTime);

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
    }

    fn end(&self, start: Duration) -> Duration {
        self.start() - start
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self.0.formatter()
    }
}

fn ten_patterns(criterion: &mut Criterion<CpuTime>) {
    let patterns = PATTERNS.map(|text| Pattern::compile(text, Dialect::EventBridge).expect("a valid pattern"));
    let set = PatternSet::new(&patterns);
    let value: Value = serde_json::from_str(EVENT).expect("valid JSON");
    let mut quamina = quamina::Quamina::new();
    for (index, pattern) in PATTERNS.iter().enumerate() {
        quamina.add_pattern(index, pattern).expect("a valid pattern");
    }
    assert_eq!(set.matches(&value), EXPECTED);
    assert_eq!(set.matches_json(EVENT.as_bytes()).expect("valid JSON"), EXPECTED);
    let mut theirs = quamina.matches_for_event(EVENT.as_bytes()).expect("valid JSON");
    theirs.sort_unstable();
    assert_eq!(theirs, EXPECTED);

    let mut group = criterion.benchmark_group("ten patterns");
    group.throughput(Throughput::Elements(1));
    group.bench_function("set, parsed", |bench| bench.iter(|| set.matches(black_box(&value))));
    group.bench_function("set, raw", |bench| bench.iter(|| set.matches_json(black_box(EVENT.as_bytes()))));
    group.bench_function("one by one, parsed", |bench| {
        bench.iter(|| patterns.iter().filter(|pattern| pattern.matches(black_box(&value))).count());
    });
    group.bench_function("quamina, raw", |bench| bench.iter(|| quamina.matches_for_event(black_box(EVENT.as_bytes()))));
    group.bench_function("serde_json, parsing alone", |bench| {
        bench.iter(|| serde_json::from_slice::<Value>(black_box(EVENT.as_bytes())));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime(WallTime));
    targets = ten_patterns
}
criterion_main!(benches);
