//! Streams: order, retries, bisecting, windows, starting positions, filters.

use super::*;
use crate::mapping::stat::MappingStat;
use crate::mapping::state::MappingState;
use anabranch_protocol::Clock as _;

const POISON: [u64; 7] = [3, 141, 142, 500, 777, 998, 999];

fn refuses_poison() -> Arc<ClosureInvoker> {
    ClosureInvoker::new(|batch| match batch.iter().find(|number| POISON.contains(number)) {
        Some(number) => Err(format!("poison {number}")),
        None => Ok("null".into()),
    })
}

fn figures(fixture: &Fixture) -> MappingStat {
    fixture.context.stat.snapshot("", String::new(), String::new(), MappingState::Enabled, fixture.clock.now_ms())
}

#[tokio::test]
async fn seven_poison_records_in_a_thousand() {
    let settings =
        serde_json::json!({"BatchSize": 1000, "BisectBatchOnFunctionError": true, "MaximumRetryAttempts": 1});
    let fixture = Fixture::new(refuses_poison(), settings);
    fixture.stream.put("shardId-000000000000", 0..1000);
    fixture.run_until(|| fixture.done().len() + fixture.given_up() == 1000).await;

    let expected: Vec<u64> = (0..1000).filter(|number| !POISON.contains(number)).collect();
    assert_eq!(fixture.done(), expected, "each good record once and in order");
    let objects = fixture.objects.0.lock();
    let failed: Vec<u64> =
        objects.iter().flat_map(|(_, body)| numbers(body["payload"].as_str().unwrap().as_bytes())).collect();
    assert_eq!(failed, POISON);
    let (key, body) = &objects[0];
    assert!(key.starts_with("failures/aws/lambda/11111111-2222-3333-4444-555555555555/shardId-000000000000/1970/01/01/1970-01-01T00.00.10-"), "{key}");
    assert_eq!(body["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert_eq!(body.get("responsePayload"), None, "AWS's records have no such member");
    assert_eq!(body["KinesisBatchInfo"]["startSequenceNumber"], "1000003");
    assert_eq!(body["responseContext"]["functionError"], "Unhandled");

    // Every split makes two of one, every part is invoked once, each poison once more.
    let invocations = fixture.invoker.invocations.lock().len();
    let stat = figures(&fixture);
    assert_eq!((stat.invocations as usize, stat.records, stat.failed_records), (invocations, 993, 7));
    println!("1,000 records with 7 poison records: {invocations} invocations");
    assert!(invocations < 150, "{invocations}");
}

#[tokio::test]
async fn the_age_is_that_of_the_oldest_record_not_done_and_zero_at_the_tip() {
    let blocked = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let invoker = ClosureInvoker::new({
        let blocked = blocked.clone();
        move |batch| match batch.contains(&2) && blocked.load(std::sync::atomic::Ordering::Relaxed) {
            true => Err("not yet".into()),
            false => Ok("null".into()),
        }
    });
    let fixture = Fixture::new(invoker, serde_json::json!({"BatchSize": 1}));
    // Arrived at 1,000 ms + number; the clock shows 10,000, and moves with each retry.
    fixture.stream.put("s0", 0..4);
    fixture.stream.put("s1", 1..2);
    let age_ms = || figures(&fixture).iterator_age_ms;
    fixture.run_until(|| fixture.done().len() == 3 && (8_998..9_998).contains(&age_ms())).await;
    fixture.clock.advance_ms(1_000);
    fixture.run_until(|| age_ms() >= 9_998).await;
    blocked.store(false, std::sync::atomic::Ordering::Relaxed);
    fixture.run_until(|| fixture.done().len() == 5 && age_ms() == 0).await;
}

#[tokio::test]
async fn reported_failures_cost_no_good_record() {
    let invoker = ClosureInvoker::new(|batch| {
        let failed: Vec<Value> = batch
            .iter()
            .filter(|number| POISON.contains(number))
            .map(|number| serde_json::json!({"itemIdentifier": (1_000_000 + number).to_string()}))
            .collect();
        Ok(serde_json::json!({"batchItemFailures": failed}).to_string())
    });
    let settings = serde_json::json!({
        "BatchSize": 1000, "BisectBatchOnFunctionError": true, "MaximumRetryAttempts": 1,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    });
    let fixture = Fixture::new(invoker, settings);
    let records = fixture.batch(0..1000).await;
    let mut done = Vec::new();
    let mut progress = |count: usize, _: Option<&_>| done.push(count);
    let mut window = None;
    let run = batch::run(&fixture.context, "s0", &records, &mut window, &mut progress);
    let end = fixture.clock.fast_forward(Duration::from_millis(1), run).await;
    assert_eq!(end, BatchEnd::Complete);
    assert_eq!(done.last(), Some(&1000));
    assert!(done.is_sorted());
    assert_eq!(fixture.given_up(), 7);
    assert_eq!(figures(&fixture).records, 993);
}

#[tokio::test]
async fn throttles_use_up_no_retries() {
    let settings = serde_json::json!({"MaximumRetryAttempts": 0});
    let fixture = Fixture::new(ClosureInvoker::new(|_| Ok(String::new())), settings);
    *fixture.invoker.throttles_left.lock() = 5;
    fixture.stream.put("s0", 0..10);
    fixture.run_until(|| fixture.done().len() == 10).await;
    assert_eq!(fixture.given_up(), 0);
}

#[tokio::test]
async fn a_shard_that_makes_no_progress_is_told_until_it_does() {
    let fixture = Fixture::new(refuses_poison(), serde_json::json!({"MaximumRetryAttempts": 0}));
    let problems = || fixture.context.stat.failing.problems(str::to_string);
    *fixture.invoker.throttles_left.lock() = u32::MAX;
    fixture.stream.put("s0", 0..3);
    fixture.run_until(|| !problems().is_empty()).await;
    assert_eq!((problems()[0].kind, problems()[0].resource.as_str()), (ProblemKind::StuckDelivery, "s0"));
    assert!(problems()[0].message.contains("Rate Exceeded."), "{}", problems()[0]);
    *fixture.invoker.throttles_left.lock() = 0;
    fixture.run_until(|| fixture.done().len() == 3).await;
    assert_eq!(problems(), []);
}

#[tokio::test]
async fn old_records_are_given_up_without_an_invocation() {
    let settings = serde_json::json!({"MaximumRecordAgeInSeconds": 60});
    let fixture = Fixture::new(ClosureInvoker::new(|_| Ok(String::new())), settings);
    // Arrived at 1,000 ms + number; the clock shows 61,004: 0–3 are older than a minute.
    fixture.clock.advance_ms(51_004);
    fixture.stream.put("s0", 0..10);
    fixture.run_until(|| fixture.done().len() == 6).await;
    assert_eq!(fixture.done(), [4, 5, 6, 7, 8, 9]);
    let objects = fixture.objects.0.lock();
    assert_eq!(objects.len(), 1);
    assert_eq!(objects[0].1["requestContext"]["condition"], "RecordAgeExceeded");
    assert_eq!(objects[0].1["requestContext"]["approximateInvokeCount"], 1, "as AWS says of what it never invoked");
    assert_eq!(objects[0].1.get("responseContext"), None);
    assert_eq!(objects[0].1["KinesisBatchInfo"]["batchSize"], 4);
}

#[tokio::test]
async fn a_mapping_goes_on_where_it_stopped_even_within_a_batch() {
    // Fails at 150 until told otherwise, having reported 100..150 as done.
    let broken = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let switch = broken.clone();
    let invoker = ClosureInvoker::new(move |batch| {
        if switch.load(std::sync::atomic::Ordering::SeqCst) && batch.contains(&150) {
            return Ok(r#"{"batchItemFailures":[{"itemIdentifier":"1000150"}]}"#.into());
        }
        Ok(String::new())
    });
    let settings = serde_json::json!({"FunctionResponseTypes": ["ReportBatchItemFailures"]});
    let fixture = Fixture::new(invoker, settings);
    fixture.stream.put("s0", 0..300);
    let attempts = || fixture.invoker.invocations.lock().iter().filter(|batch| batch.contains(&150)).count();
    fixture.run_until(|| attempts() >= 3).await;
    let expected = Checkpoint::At { cursor: place("s0", 100), done_through: Some("1000149".into()), window: None };
    assert_eq!(fixture.checkpoints.get(&fixture.context.uuid, "s0"), Some(expected));

    broken.store(false, std::sync::atomic::Ordering::SeqCst);
    fixture.invoker.invocations.lock().clear();
    fixture.invoker.done.lock().clear();
    fixture.run_until(|| fixture.done().last() == Some(&299)).await;
    assert_eq!(fixture.done(), (150..300).collect::<Vec<u64>>(), "nothing twice, nothing skipped");
    let expected = Checkpoint::At { cursor: place("s0", 300), done_through: None, window: None };
    assert_eq!(fixture.checkpoints.get(&fixture.context.uuid, "s0"), Some(expected));
}

#[tokio::test]
async fn children_start_after_their_parent() {
    let fixture = Fixture::new(ClosureInvoker::new(|_| Ok(String::new())), serde_json::json!({"BatchSize": 7}));
    fixture.stream.put("a-parent", 0..50);
    fixture.stream.close("a-parent", "b-child");
    fixture.stream.put("b-child", 50..100);
    fixture.run_until(|| fixture.done().len() == 100).await;
    assert_eq!(fixture.done(), (0..100).collect::<Vec<u64>>());
    assert_eq!(fixture.checkpoints.get(&fixture.context.uuid, "a-parent"), Some(Checkpoint::ShardEnd));
}

#[tokio::test]
async fn a_child_of_two_starts_after_both() {
    let fixture = Fixture::new(ClosureInvoker::new(|_| Ok(String::new())), serde_json::json!({"BatchSize": 3}));
    fixture.stream.put("a", 0..5);
    fixture.stream.put("b", 5..50);
    fixture.stream.put("c", 50..60);
    fixture.stream.merge(["a", "b"], "c");
    fixture.run_until(|| fixture.done().len() == 60).await;
    assert_eq!(fixture.done()[50..], (50..60).collect::<Vec<u64>>());
}

#[tokio::test]
async fn shards_start_where_the_mapping_says() {
    for (settings, first) in [
        (serde_json::json!({"StartingPosition": "LATEST"}), 10),
        (serde_json::json!({"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": Timestamp(1_004)}), 4),
    ] {
        let fixture = Fixture::new(ClosureInvoker::new(|_| Ok(String::new())), settings);
        fixture.stream.put("s0", 0..10);
        supervisor::shards(&fixture.context).await.unwrap();
        fixture.stream.put("s0", 10..20);
        fixture.run_until(|| fixture.done().last() == Some(&19)).await;
        assert_eq!(fixture.done(), (first..20).collect::<Vec<u64>>());
    }
}

#[tokio::test]
async fn a_window_collects_records_until_the_batch_is_full() {
    let settings = serde_json::json!({"BatchSize": 20, "MaximumBatchingWindowInSeconds": 300});
    let fixture = Fixture::new(ClosureInvoker::new(|_| Ok(String::new())), settings);
    fixture.stream.put("s0", 0..5);
    let stream = fixture.stream.clone();
    let puts = tokio::spawn(async move {
        for start in [5, 10, 15] {
            tokio::time::sleep(Duration::from_millis(5)).await;
            stream.put("s0", start..start + 5);
        }
    });
    fixture.run_until(|| fixture.done().len() == 20).await;
    puts.await.unwrap();
    assert_eq!(fixture.invoker.invocations.lock().len(), 1);
}

#[tokio::test]
async fn a_window_ends_after_its_time() {
    let settings = serde_json::json!({"BatchSize": 20, "MaximumBatchingWindowInSeconds": 300});
    let fixture = Fixture::new(ClosureInvoker::new(|_| Ok(String::new())), settings);
    fixture.stream.put("s0", 0..5);
    fixture.run_until_in_steps(Duration::from_secs(1), || fixture.done().len() == 5).await;
    assert_eq!(fixture.clock.now_ms(), 310_000);
    assert_eq!(fixture.invoker.invocations.lock().len(), 1);
}

fn filtering(pattern: &str) -> Fixture {
    let criteria = serde_json::json!({"Filters": [{"Pattern": pattern}]});
    let settings = serde_json::json!({"BatchSize": 10, "FilterCriteria": criteria});
    Fixture::new(ClosureInvoker::new(|_| Ok(String::new())), settings)
}

#[tokio::test]
async fn only_records_that_match_a_filter_are_batched() {
    let fixture = filtering(r#"{"partitionKey": ["k"], "sequenceNumber": [{"suffix": "7"}]}"#);
    fixture.stream.put("s0", 0..100);
    let at_end = || {
        fixture.checkpoint("s0") == Some(Checkpoint::At { cursor: place("s0", 100), done_through: None, window: None })
    };
    fixture.run_until(|| fixture.done().len() == 10 && at_end()).await;
    assert_eq!(fixture.done(), (0..100).filter(|number| number % 10 == 7).collect::<Vec<_>>());
    assert_eq!(figures(&fixture).records, 100);
}

#[tokio::test]
async fn what_is_all_filtered_out_is_passed_over_for_good() {
    let fixture = filtering(r#"{"data": {"kind": ["order"]}}"#);
    // Numbers are JSON without such a member, and the last is no JSON.
    fixture.stream.put("s0", 0..25);
    let broken = fixture.stream.shards.lock()["s0"].records[24].clone();
    fixture.stream.shards.lock().get_mut("s0").unwrap().records.push(StreamRecord { data: "{order".into(), ..broken });
    let passed = Some(Checkpoint::At { cursor: place("s0", 26), done_through: None, window: None });
    fixture.run_until(|| fixture.checkpoint("s0") == passed).await;
    assert!(fixture.invoker.invocations.lock().is_empty());
    fixture.stream.close("s0", "s1");
    fixture.run_until(|| fixture.checkpoint("s0") == Some(Checkpoint::ShardEnd)).await;
}

#[tokio::test]
async fn lanes_keep_the_order_of_each_key() {
    let settings = serde_json::json!({"BatchSize": 10, "ParallelizationFactor": 10});
    let fixture = Fixture::new(ClosureInvoker::new(|_| Ok(String::new())), settings);
    fixture.stream.put_keyed("s0", 0..500, |number| (number % 37).to_string());
    fixture.run_until(|| fixture.done().len() == 500).await;
    for key in 0..37 {
        let of_key: Vec<u64> = fixture.done().into_iter().filter(|number| number % 37 == key).collect();
        assert!(of_key.is_sorted(), "{of_key:?}");
    }
    let end = Checkpoint::At { cursor: place("s0", 500), done_through: None, window: None };
    assert_eq!(fixture.checkpoint("s0"), Some(end));
}

#[tokio::test]
async fn as_many_batches_of_a_shard_are_out_as_it_has_lanes() {
    for factor in [1, 3] {
        let settings = serde_json::json!({"BatchSize": 2, "ParallelizationFactor": factor});
        let fixture = Fixture::new(ClosureInvoker::new(|_| Ok(String::new())), settings);
        fixture.stream.put_keyed("s0", 0..200, |number| number.to_string());
        fixture.run_until(|| fixture.done().len() == 200).await;
        assert_eq!(fixture.invoker.running.lock().1, factor);
    }
}

/// Whatever the keys, the lanes and the poison: the poison alone is given up, all else is done once,
/// and in order by key.
#[tokio::test]
async fn lanes_isolate_poison_and_keep_order() {
    for seed in 1..8_u64 {
        let is_poison = move |number: u64| number.wrapping_mul(seed * 2_654_435_761).is_multiple_of(11);
        let invoker = ClosureInvoker::new(move |batch| match batch.iter().any(|number| is_poison(*number)) {
            true => Err("poison".into()),
            false => Ok(String::new()),
        });
        let settings = serde_json::json!({
            "BatchSize": 3 + seed * 4, "ParallelizationFactor": 1 + seed % 5, "MaximumRetryAttempts": 0,
            "BisectBatchOnFunctionError": true,
        });
        let fixture = Fixture::new(invoker, settings);
        let key = |number: u64| (number * seed % 13).to_string();
        fixture.stream.put_keyed("s0", 0..150, key);
        let end = Some(Checkpoint::At { cursor: place("s0", 150), done_through: None, window: None });
        fixture.run_until(|| fixture.checkpoint("s0") == end).await;
        let (mut done, poison) = (fixture.done(), (0..150).filter(|number| is_poison(*number)).count());
        for of_key in 0..13 {
            let of_key: Vec<u64> = done.iter().copied().filter(|number| key(*number) == of_key.to_string()).collect();
            assert!(of_key.is_sorted(), "seed {seed}: {of_key:?}");
        }
        done.sort_unstable();
        assert_eq!(done, (0..150).filter(|number| !is_poison(*number)).collect::<Vec<u64>>(), "seed {seed}");
        let objects = fixture.objects.0.lock();
        let given_up: Vec<u64> =
            objects.iter().flat_map(|(_, body)| numbers(body["payload"].as_str().unwrap().as_bytes())).collect();
        assert!(given_up.iter().all(|number| is_poison(*number)), "seed {seed}: {given_up:?}");
        assert_eq!(given_up.len(), poison, "seed {seed}");
    }
}

#[tokio::test]
async fn a_key_that_is_stuck_holds_up_its_lane_and_the_checkpoint_alone() {
    let invoker = ClosureInvoker::new(|batch| match batch.contains(&3) {
        true => Err("stuck".into()),
        false => Ok(String::new()),
    });
    let fixture = Fixture::new(invoker, serde_json::json!({"BatchSize": 10, "ParallelizationFactor": 10}));
    fixture.stream.put_keyed("s0", 0..80, |number| number.to_string());
    // Of ten lanes one is stuck, with about a tenth of the keys.
    fixture.run_until(|| fixture.done().len() > 60).await;
    assert!(!fixture.done().contains(&3));
    let Some(Checkpoint::At { cursor, done_through, .. }) = fixture.checkpoint("s0") else { panic!() };
    let resumes = done_through.map_or(index(&cursor).1 as u64, |done| done.parse::<u64>().unwrap() - 1_000_000 + 1);
    assert!(resumes <= 3, "{resumes}");
}

#[tokio::test]
async fn given_up_batches_go_to_queues_and_topics_without_their_payload() {
    for arn in ["arn:aws:sqs:us-east-1:000000000000:dead", "arn:aws:sns:us-east-1:000000000000:dead"] {
        let settings = serde_json::json!({
            "MaximumRetryAttempts": 1, "DestinationConfig": {"OnFailure": {"Destination": arn}},
        });
        let fixture = Fixture::new(ClosureInvoker::new(|_| Err("no".into())), settings);
        fixture.stream.put("s0", 0..2);
        fixture.run_until(|| !fixture.targets.0.lock().is_empty()).await;
        let (target, mut message) = fixture.targets.0.lock()[0].clone();
        assert_eq!(target, arn);
        assert!(message.as_object_mut().unwrap().remove("timestamp").is_some());
        let expected = serde_json::json!({
            "requestContext": {
                "requestId": "id",
                "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:consumer",
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 2,
            },
            "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
            "version": "1.0",
            "KinesisBatchInfo": {
                "shardId": "s0",
                "startSequenceNumber": "1000000",
                "endSequenceNumber": "1000001",
                "approximateArrivalOfFirstRecord": "1970-01-01T00:00:01Z",
                "approximateArrivalOfLastRecord": "1970-01-01T00:00:01.001Z",
                "batchSize": 2,
                "streamArn": ARN,
            },
        });
        assert_eq!(message, expected);
    }
}

#[tokio::test]
async fn an_empty_response_of_any_form_is_success() {
    for response in ["", r#""""#, "[]", "null", "{}"] {
        let settings = serde_json::json!({
            "MaximumRetryAttempts": 0, "FunctionResponseTypes": ["ReportBatchItemFailures"],
        });
        let fixture = Fixture::new(ClosureInvoker::new(move |_| Ok(response.into())), settings);
        fixture.stream.put("s0", 0..3);
        fixture.run_until(|| fixture.checkpoint("s0").is_some() && figures(&fixture).records == 3).await;
        assert_eq!((fixture.given_up(), figures(&fixture).function_errors), (0, 0), "{response}");
    }
}
