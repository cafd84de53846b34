//! Tumbling windows: state, last invocations, ends of windows and of shards.

use super::*;
use anabranch_protocol::Clock as _;
use serde_json::json;

/// What an invocation was told: the numbers, the state, whether it is final, whether early.
type Turn = (Vec<u64>, Value, bool, bool);

/// The same with the length of the state's text.
type TurnOfText = (Vec<u64>, usize, bool, bool);

/// A function that sums its records in the state, and all that it was told.
fn summing() -> (Arc<ClosureInvoker>, Arc<Mutex<Vec<Turn>>>) {
    let turns: Arc<Mutex<Vec<Turn>>> = Arc::default();
    let told = turns.clone();
    let invoker = ClosureInvoker::of_events(move |event, batch| {
        let is = |name: &str| event[name].as_bool().unwrap();
        let (is_final, early) = (is("isFinalInvokeForWindow"), is("isWindowTerminatedEarly"));
        told.lock().push((batch.to_vec(), event["state"].clone(), is_final, early));
        let sum = event["state"]["sum"].as_u64().unwrap_or_default() + batch.iter().sum::<u64>();
        Ok(json!({"state": {"sum": sum}}).to_string())
    });
    (invoker, turns)
}

fn windowed(invoker: Arc<ClosureInvoker>, settings: Value) -> Fixture {
    let mut all = json!({"TumblingWindowInSeconds": 60, "BatchSize": 2});
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    Fixture::new(invoker, all)
}

#[tokio::test]
async fn state_goes_from_batch_to_batch_until_the_window_ends() {
    let (invoker, turns) = summing();
    let fixture = windowed(invoker, json!({}));
    // They arrived in the first minute; the clock shows its tenth second.
    fixture.stream.put("s0", 1..4);
    fixture.run_until_in_steps(Duration::from_secs(1), || turns.lock().iter().any(|turn| turn.2)).await;
    assert!(fixture.clock.now_ms() >= 60_000);
    let expected: [Turn; 3] = [
        (vec![1, 2], json!({}), false, false),
        (vec![3], json!({"sum": 3}), false, false),
        (vec![], json!({"sum": 6}), true, false),
    ];
    assert_eq!(*turns.lock(), expected);
    let end = Checkpoint::At { cursor: place("s0", 3), done_through: None, window: None };
    assert_eq!(fixture.checkpoint("s0"), Some(end));
}

#[tokio::test]
async fn a_record_of_a_later_window_ends_the_one_before() {
    let (invoker, turns) = summing();
    let fixture = windowed(invoker, json!({"BatchSize": 10}));
    fixture.clock.advance_ms(60_000);
    // Numbers are arrival times less a second.
    fixture.stream.put("s0", [1_000, 2_000, 59_000, 60_000].into_iter());
    fixture.run_until(|| turns.lock().len() == 3).await;
    let expected: [Turn; 3] = [
        (vec![1_000, 2_000], json!({}), false, false),
        (vec![], json!({"sum": 3_000}), true, false),
        (vec![59_000, 60_000], json!({}), false, false),
    ];
    assert_eq!(*turns.lock(), expected);
}

#[tokio::test]
async fn state_survives_a_restart_within_a_window() {
    let (invoker, turns) = summing();
    let fixture = windowed(invoker, json!({}));
    fixture.stream.put("s0", 1..3);
    fixture.run_until(|| turns.lock().len() == 1).await;
    fixture.stream.put("s0", 3..4);
    fixture.run_until(|| turns.lock().len() == 2).await;
    assert_eq!(turns.lock()[1], (vec![3], json!({"sum": 3}), false, false));
    let Some(Checkpoint::At { window: Some(window), .. }) = fixture.checkpoint("s0") else { panic!() };
    assert_eq!(serde_json::to_value(window).unwrap()["state"], json!({"sum": 6}));
}

#[tokio::test]
async fn a_closed_shard_ends_its_window_and_children_begin_with_an_empty_state() {
    let (invoker, turns) = summing();
    let fixture = windowed(invoker, json!({}));
    fixture.stream.put("a", 1..3);
    fixture.stream.close("a", "b");
    fixture.stream.put("b", 3..5);
    fixture.run_until(|| turns.lock().len() == 3).await;
    let expected: [Turn; 3] = [
        (vec![1, 2], json!({}), false, false),
        (vec![], json!({"sum": 3}), true, false),
        (vec![3, 4], json!({}), false, false),
    ];
    assert_eq!(*turns.lock(), expected);
}

#[tokio::test]
async fn a_state_that_grew_too_large_ends_the_window_early() {
    let turns: Arc<Mutex<Vec<TurnOfText>>> = Arc::default();
    let told = turns.clone();
    let invoker = ClosureInvoker::of_events(move |event, batch| {
        let is = |name: &str| event[name].as_bool().unwrap();
        let text = event["state"]["text"].as_str().unwrap_or_default().len();
        told.lock().push((batch.to_vec(), text, is("isFinalInvokeForWindow"), is("isWindowTerminatedEarly")));
        Ok(json!({"state": {"text": "x".repeat((1 << 20) * usize::from(batch.contains(&1)))}}).to_string())
    });
    let fixture = windowed(invoker, json!({"BatchSize": 1}));
    fixture.stream.put("s0", 1..3);
    fixture.run_until(|| turns.lock().len() == 3).await;
    let expected = [(vec![1], 0, false, false), (vec![], 1 << 20, true, true), (vec![2], 0, false, false)];
    assert_eq!(*turns.lock(), expected);
}

#[tokio::test]
async fn a_response_without_a_state_is_a_failure() {
    let invoker = ClosureInvoker::new(|_| Ok("{}".into()));
    let fixture = windowed(invoker, json!({"MaximumRetryAttempts": 1}));
    fixture.stream.put("s0", 1..3);
    fixture.run_until(|| fixture.given_up() == 2).await;
    assert_eq!(fixture.invoker.invocations.lock().iter().filter(|batch| !batch.is_empty()).count(), 2);
}

#[tokio::test]
async fn the_last_invocation_of_a_window_is_repeated_until_it_succeeds() {
    let failures = Arc::new(Mutex::new(0));
    let counted = failures.clone();
    let invoker = ClosureInvoker::of_events(move |event, _| {
        let mut failures = counted.lock();
        if event["isFinalInvokeForWindow"] == true && *failures < 3 {
            *failures += 1;
            return Err("not yet".into());
        }
        Ok(json!({"state": {}}).to_string())
    });
    let fixture = windowed(invoker, json!({"MaximumRetryAttempts": 0}));
    fixture.stream.put("s0", 1..2);
    fixture.stream.close("s0", "s1");
    fixture.run_until(|| fixture.checkpoint("s0") == Some(Checkpoint::ShardEnd)).await;
    assert_eq!((*failures.lock(), fixture.given_up()), (3, 0));
}

#[tokio::test]
async fn a_mapping_without_windows_ends_the_one_that_it_had() {
    let (invoker, turns) = summing_without_windows();
    let fixture = Fixture::new(invoker, json!({}));
    fixture.stream.put("s0", 1..3);
    let window = json!({"start_ms": 0, "end_ms": 60_000, "state": {"sum": 7}});
    let checkpoint = json!({"At": {"cursor": "s0@0", "done_through": null, "window": window}});
    let checkpoint: Checkpoint = serde_json::from_value(checkpoint).unwrap();
    fixture.checkpoints.set(&fixture.context.uuid, "s0", checkpoint);
    let end = Some(Checkpoint::At { cursor: place("s0", 2), done_through: None, window: None });
    fixture.run_until(|| fixture.checkpoint("s0") == end).await;
    assert_eq!(*turns.lock(), [(vec![], json!({"sum": 7})), (vec![1, 2], Value::Null)]);
}

/// What a function was told that may get events without a window.
type Told = Arc<Mutex<Vec<(Vec<u64>, Value)>>>;

fn summing_without_windows() -> (Arc<ClosureInvoker>, Told) {
    let turns = Told::default();
    let told = turns.clone();
    let invoker = ClosureInvoker::of_events(move |event, batch| {
        told.lock().push((batch.to_vec(), event["state"].clone()));
        Ok(json!({"state": {}}).to_string())
    });
    (invoker, turns)
}
