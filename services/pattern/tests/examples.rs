//! The examples of "Comparison operators" in EventBridge's guide, of Event Ruler's README and
//! of SNS's guide, and the limits of each service.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use anabranch_pattern::{
    COMBINATIONS_MAX, Dialect, EVENT_DEPTH_MAX, MessageAttribute, Pattern, PatternError, event_of_attributes,
};
use serde_json::{Value, json};

fn compile(pattern: &str, dialect: Dialect) -> Result<Pattern, PatternError> {
    Pattern::compile(pattern, dialect)
}

#[track_caller]
fn assert_verdicts(pattern: Value, matching: &[Value], others: &[Value]) {
    let compiled = compile(&pattern.to_string(), Dialect::EventBridge).unwrap();
    for (events, expected) in [(matching, true), (others, false)] {
        for event in events {
            assert_eq!(compiled.matches(event), expected, "{pattern} on {event}");
            assert_eq!(compiled.matches_json(event.to_string().as_bytes()).unwrap(), expected, "{pattern} on {event}");
        }
    }
}

#[track_caller]
fn assert_refused(pattern: &str, dialect: Dialect, path: &str, reason: &str) {
    let error = compile(pattern, dialect).unwrap_err();
    assert_eq!((error.path(), error.reason()), (path, reason), "{pattern}");
    assert_eq!(error.to_string(), format!("Event pattern is not valid. Reason: {reason}"));
}

#[test]
fn literals() {
    assert_verdicts(json!({"a": ["x"]}), &[json!({"a": "x"})], &[json!({"a": "X"}), json!({"b": "x"}), json!({})]);
    assert_verdicts(
        json!({"a": [300]}),
        &[json!({"a": 300}), json!({"a": 300.0}), json!({"a": 3.0e2})],
        &[json!({"a": "300"}), json!({"a": 301})],
    );
    assert_verdicts(json!({"a": [""]}), &[json!({"a": ""})], &[json!({"a": null}), json!({"a": "x"})]);
    assert_verdicts(json!({"a": [null]}), &[json!({"a": null})], &[json!({"a": "null"}), json!({}), json!({"a": []})]);
    assert_verdicts(json!({"a": [true, 1]}), &[json!({"a": true}), json!({"a": 1})], &[json!({"a": false})]);
}

#[test]
fn lists_in_events() {
    let event =
        json!({"source": "aws.autoscaling", "resources": ["arn:one", "arn:two"], "detail": {"ids": [1, [2, 3]]}});
    assert_verdicts(json!({"resources": ["arn:two", "arn:three"]}), std::slice::from_ref(&event), &[]);
    assert_verdicts(json!({"detail": {"ids": [3]}}), std::slice::from_ref(&event), &[]);
    assert_verdicts(
        json!({"resources": [{"anything-but": "arn:one"}]}),
        std::slice::from_ref(&event),
        &[json!({"resources": ["arn:one"]})],
    );
    assert_verdicts(json!({"resources": ["arn"]}), &[], &[event]);
}

/// "JSON Array Matching" in the README.
#[test]
fn fields_come_from_the_same_element_of_a_list() {
    let event = json!({
        "employees": [{"firstName": "John", "lastName": "Doe"}, {"firstName": "Anna", "lastName": "Smith"}],
        "team": {"members": [{"name": "a", "skills": [{"k": 1, "v": 2}]}, {"name": "b", "skills": [{"k": 1, "v": 3}, {"k": 2, "v": 2}]}]},
    });
    let employee = |first: &str, last: &str| json!({"employees": {"firstName": [first], "lastName": [last]}});
    assert_verdicts(employee("Anna", "Smith"), std::slice::from_ref(&event), &[]);
    assert_verdicts(employee("Anna", "Doe"), &[], std::slice::from_ref(&event));
    let skill =
        |name: &str, k: u8, v: u8| json!({"team": {"members": {"name": [name], "skills": {"k": [k], "v": [v]}}}});
    assert_verdicts(skill("b", 2, 2), std::slice::from_ref(&event), &[]);
    assert_verdicts(skill("a", 1, 2), std::slice::from_ref(&event), &[]);
    assert_verdicts(skill("b", 1, 2), &[], std::slice::from_ref(&event));
    assert_verdicts(skill("a", 1, 3), &[], &[event]);
}

#[test]
fn exists_speaks_of_leaves() {
    assert_verdicts(
        json!({"detail": {"c-count": [{"exists": true}]}}),
        &[json!({"detail": {"c-count": null}}), json!({"detail": {"c-count": [1]}})],
        &[json!({"detail": {"c-count": {"c1": 100}}}), json!({"detail": {}}), json!({"detail": {"c-count": []}})],
    );
    assert_verdicts(
        json!({"source": ["x"], "detail": {"c-count": [{"exists": false}]}}),
        &[json!({"source": "x"}), json!({"source": "x", "detail": {"c-count": {"c1": 100}}})],
        &[json!({"source": "x", "detail": {"c-count": 5}}), json!({})],
    );
    assert_verdicts(json!({"a": [{"exists": false}, "x"]}), &[json!({}), json!({"a": "x"})], &[json!({"a": "y"})]);
}

/// The order of names decides, as in Event Ruler, which was asked for these verdicts.
#[test]
fn absence_in_a_list_is_that_of_the_element_settled_before() {
    assert_verdicts(
        json!({"a": {"b": ["x"], "c": [{"exists": false}]}}),
        &[json!({"a": [{"b": "x"}, {"b": "y", "c": 1}]})],
        &[json!({"a": [{"b": "x", "c": 1}, {"b": "y"}]})],
    );
    assert_verdicts(
        json!({"a": {"b": [{"exists": false}], "c": ["x"]}}),
        &[json!({"a": [{"c": "y"}, {"c": "x"}]})],
        &[json!({"a": [{"b": 1, "c": "y"}, {"c": "x"}]})],
    );
}

#[test]
fn strings() {
    assert_verdicts(
        json!({"a": [{"prefix": "us-"}]}),
        &[json!({"a": "us-east-1"})],
        &[json!({"a": "eu"}), json!({"a": 5})],
    );
    assert_verdicts(json!({"a": [{"suffix": ".png"}]}), &[json!({"a": "x.png"})], &[json!({"a": "x.PNG"})]);
    let ignoring = |operator: &str, text: &str| json!({"a": [{operator: {"equals-ignore-case": text}}]});
    assert_verdicts(ignoring("prefix", "eventb"), &[json!({"a": "EventBridge"})], &[json!({"a": "even"})]);
    assert_verdicts(ignoring("suffix", "tBridge"), &[json!({"a": "EVENTBRIDGE"})], &[json!({"a": "bridge"})]);
    assert_verdicts(
        json!({"a": [{"equals-ignore-case": "alice"}]}),
        &[json!({"a": "ALICE"})],
        &[json!({"a": "alice2"})],
    );
    assert_verdicts(json!({"a": [{"wildcard": "dir/*.png"}]}), &[json!({"a": "dir/x.png"})], &[json!({"a": "x.png"})]);
    assert_verdicts(json!({"a": [{"wildcard": r"c:\\*\*"}]}), &[json!({"a": r"c:\x*"})], &[json!({"a": r"c:\xy"})]);
}

#[test]
fn numbers_and_addresses() {
    let pattern = json!({"detail": {
        "c-count": [{"numeric": [">", 0, "<=", 5]}], "d-count": [{"numeric": ["<", 10]}], "x-limit": [{"numeric": ["=", 3.018e2]}],
    }});
    let event = |c: f64, d: Value, x: f64| json!({"detail": {"c-count": c, "d-count": d, "x-limit": x}});
    assert_verdicts(
        pattern,
        &[event(5.0, json!(3), 301.8), event(0.000_001, json!(-5e9), 301.8)],
        &[event(0.0, json!(3), 301.8), event(5.0, json!("3"), 301.8), event(5.0, json!(3), 301.800_001)],
    );
    assert_verdicts(
        json!({"ip": [{"cidr": "10.0.0.0/24"}, {"cidr": "2001:db8::/32"}]}),
        &[json!({"ip": "10.0.0.255"}), json!({"ip": "2001:DB8::1"})],
        &[json!({"ip": "10.0.1.0"}), json!({"ip": "none"}), json!({"ip": 10})],
    );
    assert_verdicts(json!({"ip": ["10.0.0.1"]}), &[json!({"ip": "010.0.0.1"})], &[json!({"ip": "10.0.0.2"})]);
}

#[test]
fn anything_but() {
    let but = |what: Value| json!({"a": [{"anything-but": what}]});
    let everything_else = [json!({"a": 7}), json!({"a": null}), json!({"a": true}), json!({"a": "else"})];
    for (what, excluded) in [
        (json!("stopped"), json!("stopped")),
        (json!(["stopped", "overloaded"]), json!("overloaded")),
        (json!(123), json!(123.0)),
        (json!([100, 200, 300]), json!(200)),
        (json!({"prefix": "init"}), json!("initializing")),
        (json!({"prefix": ["x", "init"]}), json!("initializing")),
        (json!({"suffix": ".txt"}), json!("a.txt")),
        (json!({"equals-ignore-case": ["Initializing", "x"]}), json!("INITIALIZING")),
        (json!({"wildcard": "*/lib/*"}), json!("a/lib/b")),
        (json!({"wildcard": ["*/bin/*", "*/lib/*"]}), json!("a/lib/b")),
    ] {
        assert_verdicts(but(what), &everything_else, &[json!({"a": excluded}), json!({})]);
    }
}

#[test]
fn or() {
    let nested = json!({
        "source": ["aws.cloudwatch"],
        "$or": [
            {"metricName": ["CPUUtilization", "ReadLatency"]},
            {"metricType": ["MetricType"], "namespace": ["AWS/EC2"], "$or": [{"metricId": [1234]}, {"spaceId": [1000]}]},
            {"scope": ["Service"]}
        ]
    });
    let event = |others: Value| {
        let mut event = json!({"source": "aws.cloudwatch"});
        event.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
        event
    };
    assert_verdicts(
        nested,
        &[
            event(json!({"metricName": "ReadLatency"})),
            event(json!({"scope": "Service"})),
            event(json!({"metricType": "MetricType", "namespace": "AWS/EC2", "spaceId": 1000})),
        ],
        &[
            event(json!({})),
            event(json!({"metricType": "MetricType", "namespace": "AWS/EC2"})),
            json!({"scope": "Service"}),
        ],
    );
    let parallel = json!({"$or": [{"a": [1]}, {"b": [1]}], "d": {"$or": [{"a": [1]}, {"b": [1]}]}});
    assert_verdicts(parallel, &[json!({"b": 1, "d": {"a": 1}})], &[json!({"b": 1}), json!({"d": {"a": 1}})]);
    let as_a_field = json!({"$or": {"a": [1]}});
    assert_verdicts(as_a_field, &[json!({"$or": {"a": 1}})], &[json!({"a": 1})]);
}

#[test]
fn names_with_dots_are_paths() {
    for pattern in [json!({"a.b": [1]}), json!({"a": {"b": [1]}})] {
        assert_verdicts(pattern, &[json!({"a.b": 1}), json!({"a": {"b": 1}})], &[json!({"a": 1, "b": 1})]);
    }
}

#[test]
fn what_is_no_object_is_no_event() {
    let pattern = compile(r#"{"a": [{"exists": false}]}"#, Dialect::EventBridge).unwrap();
    assert!(pattern.matches(&json!({})) && !pattern.matches(&json!([])) && !pattern.matches(&json!("a")));
    assert!(!pattern.matches_json(b"[]").unwrap());
    for text in [&b"{"[..], b"", b"{} {}", b"{\"b\": \"\xff\"}", b"{\"b\": 01}", b"{\"b\": {,}}"] {
        pattern.matches_json(text).unwrap_err();
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!(r#"{{"a": {}1{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let pattern = compile(r#"{"a": [1]}"#, Dialect::EventBridge).unwrap();
    assert!(pattern.matches_json(nested(EVENT_DEPTH_MAX - 2).as_bytes()).unwrap());
    pattern.matches_json(nested(100_000).as_bytes()).unwrap_err();
    let deep = (0..EVENT_DEPTH_MAX).fold(json!(1), |inner, _| json!([inner]));
    assert!(!pattern.matches(&json!({"a": deep})));
    let pattern = format!("{}[1]{}", r#"{"a":"#.repeat(500), "}".repeat(500));
    assert_refused(&pattern, Dialect::EventBridge, "", "Invalid JSON");
}

#[test]
fn work_is_bounded() {
    // Every level of lists holds the value both itself and further down.
    let mut event = json!([1]);
    for _ in 0..100 {
        event = json!([event, 1, {"b": 2}]);
    }
    let pattern =
        compile(r#"{"a": [1], "a.b": [{"exists": false}], "a.c": [{"exists": false}]}"#, Dialect::EventBridge).unwrap();
    assert!(pattern.matches(&json!({"a": event})));
    // Thirty lists, each with ten ways to fulfil its part, and one that can't be.
    let names: Vec<String> = (0..30).map(|n| format!("n{n}")).collect();
    let members: Vec<Value> = (0..10).map(|n| json!({"x": 1, "y": n})).collect();
    let mut event: serde_json::Map<_, _> = names.iter().map(|name| (name.clone(), json!(members))).collect();
    event.insert("z".into(), json!([{"x": 0}, {"x": 2}]));
    let mut pattern: serde_json::Map<_, _> = names.iter().map(|name| (name.clone(), json!({"x": [1]}))).collect();
    pattern.insert("z".into(), json!({"x": [1]}));
    assert_verdicts(Value::Object(pattern), &[], &[Value::Object(event)]);
    let stars = format!(r#"{{"a": [{{"wildcard": "{}b"}}]}}"#, "*a".repeat(1000));
    let text = json!({"a": "a".repeat(200_000)});
    assert!(!compile(&stars, Dialect::EventBridge).unwrap().matches(&text));
}

#[test]
fn combinations_are_bounded() {
    let or = |name: &str| format!(r#"{{"$or": [{{"{name}0": [1]}}, {{"{name}1": [1]}}]}}"#);
    let pattern = |count: usize| {
        let members: Vec<String> = (0..count).map(|n| format!(r#""k{n}": {}"#, or("x"))).collect();
        format!("{{{}}}", members.join(", "))
    };
    compile(&pattern(9), Dialect::EventBridge).unwrap();
    let reason = format!("The $or relationships expand to more than {COMBINATIONS_MAX} combinations");
    assert_refused(&pattern(10), Dialect::EventBridge, "k9", &reason);
    assert_refused(&pattern(60), Dialect::EventBridge, "k9", &reason);
}

#[test]
fn refusals_name_the_place() {
    for (pattern, path, reason) in [
        ("", "", "Invalid JSON"),
        ("[]", "", "Filter is not an object"),
        ("{}", "", "Empty objects are not allowed"),
        (r#"{"a": {"b": "x"}}"#, "a.b", r#""b" must be an object or an array"#),
        (r#"{"a": {"b": {}}}"#, "a.b", "Empty objects are not allowed"),
        (r#"{"a": [{"prefix": 1}]}"#, "a", "prefix match pattern must be a string"),
        (r#"{"a": [1], "a": [2]}"#, "a", "Path `a` cannot be allowed multiple times"),
        (r#"{"a": [1], "$or": [{"a": [2]}, {"b": [2]}]}"#, "a", "Path `a` cannot be allowed multiple times"),
        (r#"{"d": {"$or": [{"a": [{"x": 2}]}, {"b": [2]}]}}"#, "d.a", "Unrecognized match type x"),
        (r#"{"$or": [{"a": [1]}]}"#, "", "There must have at least 2 Objects in $or relationship."),
        (r#"{"$or": "x"}"#, "", "It must be an Array followed with $or."),
        (
            r#"{"$or": [{"prefix": [1]}, {"a": [1]}]}"#,
            "prefix",
            "prefix is Ruler reserved fieldName which cannot be used inside $or.",
        ),
        (r#"{"a": [{"numeric": [">", 5000000001]}]}"#, "a", "Value must be between -5.0E9 and 5.0E9, inclusive"),
    ] {
        assert_refused(pattern, Dialect::EventBridge, path, reason);
    }
    let long = format!(r#"{{"a": ["{}"]}}"#, "x".repeat(4096));
    let reason = "Pattern must have length less than or equal to 4096";
    assert_refused(&long, Dialect::EventBridge, "", reason);
    assert_refused(&long, Dialect::LambdaFilter, "", reason);
    compile(&long, Dialect::SnsBody).unwrap();
}

#[test]
fn pipes_know_fewer_operators() {
    for (pattern, reason) in [
        (r#"{"a": [{"wildcard": "x*"}]}"#, "Unrecognized match type wildcard"),
        (r#"{"a": [{"anything-but": {"prefix": "x"}}]}"#, "Unsupported anything-but pattern: prefix"),
    ] {
        compile(pattern, Dialect::EventBridge).unwrap();
        assert_refused(pattern, Dialect::Pipes, "a", reason);
    }
    compile(r#"{"a": [{"anything-but": ["x"]}, {"prefix": {"equals-ignore-case": "x"}}]}"#, Dialect::Pipes).unwrap();
}

/// "Filter policy constraints": 3 × 4 × 2 × 3 = 72 combinations, and with three more at the top 216.
#[test]
fn sns_policies_are_small() {
    let policy = |others: &str| {
        format!(
            r#"{{"key_a": {{"key_b": {{"key_c": ["1", "2", "3", "4"]}}}}, "key_d": {{"key_e": ["1", "2", "3"]}}{others}}}"#
        )
    };
    compile(&policy(""), Dialect::SnsBody).unwrap();
    assert_refused(&policy(r#", "key_f": ["1", "2", "3"]"#), Dialect::SnsBody, "", "Filter policy is too complex");
    compile(&policy(r#", "key_f": ["1", "2", "3"]"#), Dialect::EventBridge).unwrap();
    let nested = "Filter policy scope MessageAttributes does not support nested filter policy";
    assert_refused(&policy(""), Dialect::SnsAttributes, "key_a", nested);
    let six = r#"{"a": [1], "b": [1], "c": [1], "d": [1], "e": [1], "f": [1]}"#;
    assert_refused(six, Dialect::SnsAttributes, "", "Filter policy can not have more than 5 keys");
}

#[test]
fn sns_attributes() {
    let attribute = |data_type, string_value| MessageAttribute { data_type, string_value };
    let event = event_of_attributes([
        ("store", attribute("String", "example_corp")),
        ("price", attribute("Number.float", "210.75")),
        ("interests", attribute("String.Array", r#"["soccer", "rugby", null, 5]"#)),
        ("com.example.type", attribute("String.custom", "order")),
        ("broken", attribute("Number", "five")),
        ("image", attribute("Binary", "")),
    ]);
    for (policy, expected) in [
        (r#"{"store": ["example_corp"], "price": [{"numeric": [">=", 100]}]}"#, true),
        (r#"{"interests": ["rugby", "football"]}"#, true),
        (r#"{"interests": [null]}"#, true),
        (r#"{"com.example.type": [{"prefix": "ord"}]}"#, true),
        (r#"{"price": ["210.75"]}"#, false),
        (r#"{"image": [{"exists": true}]}"#, false),
        (r#"{"broken": [{"exists": false}]}"#, true),
        (r#"{"store": [{"anything-but": ["example_corp"]}]}"#, false),
        (r#"{"$or": [{"store": ["other"]}, {"price": [{"numeric": ["<", 300]}]}]}"#, true),
    ] {
        assert_eq!(compile(policy, Dialect::SnsAttributes).unwrap().matches(&event), expected, "{policy}");
    }
}
