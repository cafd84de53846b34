//! What holds of all patterns and events.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use anabranch_pattern::{Dialect, Pattern, PatternSet};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

const NAMES: [&str; 4] = ["a", "b", "c", "$or"];

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        select(vec![json!(0), json!(1), json!(2.5), json!(-7), json!(300)]),
        select(vec!["", "a", "ab", "AB", "b", "10.0.0.1"]).prop_map(Value::from),
    ]
}

fn operator() -> impl Strategy<Value = Value> {
    let text = || select(vec!["a", "b", "ab"]);
    prop_oneof![
        text().prop_map(|text| json!({"prefix": text})),
        text().prop_map(|text| json!({"suffix": {"equals-ignore-case": text}})),
        text().prop_map(|text| json!({"wildcard": format!("*{text}*")})),
        any::<bool>().prop_map(|exists| json!({"exists": exists})),
        (0..3).prop_map(|low| json!({"numeric": [">=", low, "<", 300]})),
        vec(text(), 1..3).prop_map(|texts| json!({"anything-but": texts})),
        Just(json!({"cidr": "10.0.0.0/8"})),
    ]
}

fn list() -> impl Strategy<Value = Value> {
    vec(prop_oneof![scalar(), operator()], 1..4).prop_map(Value::from)
}

fn object(value: impl Strategy<Value = Value>, names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    vec((select(names), value), 1..4).prop_map(|members| {
        Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
    })
}

fn pattern() -> impl Strategy<Value = Value> {
    object(list().prop_recursive(3, 16, 3, |inner| object(inner, &NAMES[..3])), &NAMES[..3])
}

fn event() -> impl Strategy<Value = Value> {
    let value = scalar().prop_recursive(5, 32, 4, |inner| {
        prop_oneof![vec(inner.clone(), 0..4).prop_map(Value::from), object(inner, &NAMES[..3])]
    });
    object(value, &NAMES[..3])
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![scalar(), operator(), any::<f64>().prop_map(Value::from), any::<String>().prop_map(Value::from)];
    leaf.prop_recursive(6, 48, 4, |inner| {
        let operators = &[
            "a",
            "$or",
            "prefix",
            "suffix",
            "anything-but",
            "numeric",
            "wildcard",
            "cidr",
            "exists",
            "equals-ignore-case",
        ];
        prop_oneof![vec(inner.clone(), 0..4).prop_map(Value::from), object(inner, operators)]
    })
}

fn compile(pattern: &Value) -> Pattern {
    Pattern::compile(&pattern.to_string(), Dialect::EventBridge).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn parsed_and_raw_events_get_the_same_verdict(pattern in pattern(), event in event()) {
        let compiled = compile(&pattern);
        prop_assert_eq!(compiled.matches(&event), compiled.matches_json(event.to_string().as_bytes()).unwrap());
    }

    #[test]
    fn a_set_agrees_with_its_patterns(patterns in vec(pattern(), 0..6), event in event()) {
        let compiled: Vec<Pattern> = patterns.iter().map(compile).collect();
        let expected: Vec<usize> = (0..compiled.len()).filter(|&index| compiled[index].matches(&event)).collect();
        prop_assert_eq!(PatternSet::new(&compiled).matches(&event), expected);
    }

    #[test]
    fn or_is_disjunction(branches in vec(pattern(), 2..4), event in event()) {
        let either = compile(&json!({"$or": branches}));
        let expected = branches.iter().any(|branch| compile(branch).matches(&event));
        prop_assert_eq!(either.matches(&event), expected);
    }

    #[test]
    fn or_beside_fields_is_conjunction(field in list(), branches in vec(pattern(), 2..4), event in event()) {
        let mut event = event;
        event["z"] = json!("a");
        let both = compile(&json!({"z": field, "$or": branches}));
        let either = branches.iter().any(|branch| compile(branch).matches(&event));
        prop_assert_eq!(both.matches(&event), either && compile(&json!({"z": field})).matches(&event));
    }

    #[test]
    fn anything_but_is_the_complement_on_present_values(
        excluded in select(vec![
            json!("a"), json!(["a", "ab"]), json!([1, 2.5]), json!({"prefix": "a"}), json!({"suffix": ["b", "B"]}),
            json!({"equals-ignore-case": "ab"}), json!({"wildcard": "*b"}),
        ]),
        value in scalar(),
    ) {
        let values = match &excluded {
            Value::Object(operators) => {
                let (operator, operands) = operators.iter().next().unwrap();
                let operands = operands.as_array().cloned().unwrap_or_else(|| vec![operands.clone()]);
                operands.into_iter().map(|operand| json!({operator: operand})).collect()
            }
            Value::Array(values) => values.clone(),
            value => vec![value.clone()],
        };
        let but = compile(&json!({"a": [{"anything-but": excluded}]}));
        let event = json!({"a": value});
        prop_assert_eq!(but.matches(&event), !compile(&json!({"a": values})).matches(&event));
        let without = json!({});
        prop_assert!(!but.matches(&without));
    }

    #[test]
    fn no_json_is_too_strange_to_compile(source in anything(), wrapped in any::<bool>(), event in event()) {
        let source = if wrapped { json!({"a": [source], "$or": [{"b": [source.clone()]}, {"c": source}]}) } else { source };
        for dialect in [Dialect::EventBridge, Dialect::Pipes, Dialect::LambdaFilter, Dialect::SnsAttributes, Dialect::SnsBody] {
            match Pattern::compile(&source.to_string(), dialect) {
                Ok(pattern) => drop(pattern.matches(&event)),
                Err(error) => prop_assert!(!error.reason().is_empty()),
            }
        }
    }

    #[test]
    fn no_text_is_too_strange(text in any::<String>(), bytes in vec(any::<u8>(), 0..64)) {
        if let Ok(pattern) = Pattern::compile(&text, Dialect::EventBridge) {
            prop_assert!(!pattern.matches(&Value::Null));
        }
        let pattern = compile(&json!({"a": ["x"]}));
        let is_json = serde_json::from_slice::<Value>(&bytes).is_ok();
        prop_assert_eq!(pattern.matches_json(&bytes).is_ok(), is_json);
    }
}
