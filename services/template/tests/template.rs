//! Whole templates: the pipeline's, and one for each kind of mistake.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::collections::BTreeMap;

use anabranch_template::{EventSource, Options, ResourceKind, Stack, TemplateError, read};
use proptest::prelude::*;

const PIPELINE: &str = include_str!("../../../samplecode/clickstream/template.yaml");

fn options(parameters: &[(&str, &str)]) -> Options {
    Options {
        parameters: parameters.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        stack_name: "shop".into(),
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
    }
}

fn pipeline() -> Stack {
    read(PIPELINE, "template.yaml", &options(&[("BufferIntervalSeconds", "2")])).unwrap()
}

fn problems(source: &str) -> String {
    let error: TemplateError = read(source, "t.yaml", &options(&[])).unwrap_err();
    error.to_string()
}

#[test]
fn the_pipeline_is_read_whole() {
    let stack = pipeline();
    let functions: BTreeMap<&str, _> = stack
        .resources
        .iter()
        .filter_map(|resource| match &resource.kind {
            ResourceKind::Function(function) => Some((function.name.as_str(), function)),
            _ => None,
        })
        .collect();
    assert_eq!(functions.keys().copied().collect::<Vec<_>>(), ["funnel", "ingest", "table-writer", "transform"]);
    let ingest = functions["ingest"];
    assert_eq!(ingest.environment["STREAM_NAME"], "clicks");
    assert_eq!((ingest.timeout_seconds, ingest.memory_mb), (30, 256), "globals are merged in");
    assert_eq!(functions["transform"].memory_mb, 512, "a function's own value wins");
    let [EventSource::HttpApi(route)] = ingest.events.as_slice() else { panic!("{:?}", ingest.events) };
    assert_eq!((route.method.as_str(), route.path.as_deref()), ("POST", Some("/clicks")));
    let [EventSource::Kinesis(mapping)] = functions["funnel"].events.as_slice() else { panic!() };
    assert_eq!(mapping.request["EventSourceArn"], "arn:aws:kinesis:us-east-1:000000000000:stream/clicks");
    assert_eq!(mapping.request["BisectBatchOnFunctionError"], true);
    assert_eq!(
        mapping.request["DestinationConfig"]["OnFailure"]["Destination"],
        "arn:aws:s3:::clickstream-failures-000000000000"
    );
    let [EventSource::S3(notification)] = functions["transform"].events.as_slice() else { panic!() };
    assert_eq!((notification.bucket.as_str(), notification.prefix.as_str()), ("clickstream-raw-000000000000", "raw/"));
    let hints = stack.resources.iter().find_map(|resource| match &resource.kind {
        ResourceKind::DeliveryStream(stream) => {
            stream.request.pointer("/ExtendedS3DestinationConfiguration/BufferingHints")
        }
        _ => None,
    });
    assert_eq!(hints.unwrap()["IntervalInSeconds"], 2, "a parameter is a number where the API wants one");
    assert_eq!(stack.outputs["StreamName"], "clicks");
    assert!(stack.notices.iter().any(|notice| notice.starts_with("IngestFunction.Policies")), "{:?}", stack.notices);
}

#[test]
fn mistakes_are_named_with_their_place() {
    let cases = [
        (
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: x\n      Timout: 3\n",
            "t.yaml:6:7: Resources.F.Properties.Timout: this property is not supported (did you mean Timeout?)",
        ),
        (
            "Resources:\n  Q:\n    Type: AWS::SQS::Queue\n",
            "t.yaml:3:11: Resources.Q: the resource type AWS::SQS::Queue is not supported",
        ),
        ("Resources:\n  S:\n    Type: AWS::Kinesis::Strem\n", "(did you mean AWS::Kinesis::Stream?)"),
        (
            "Resources:\n  S:\n    Type: AWS::Kinesis::Stream\n    Properties:\n      ShardCount: !Ref Shards\n",
            "t.yaml:5:19: Resources.S.Properties.ShardCount: Ref to Shards, which is not a parameter or resource here",
        ),
        (
            "Resources:\n  S:\n    Type: AWS::Kinesis::Stream\n    Properties:\n      ShardCount: many\n",
            "must be a whole number",
        ),
        ("Resources:\n  S:\n    Type: AWS::Kinesis::Stream\n", "ShardCount: is required for a provisioned stream"),
        (
            "Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: !ImportValue x\n",
            "Fn::ImportValue is not supported",
        ),
        (
            "Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: !Sub '${C}'\n  C:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: !Ref B\n",
            "the name refers to itself",
        ),
        ("Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties: {}\n", "CodeUri is required"),
        (
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: x\n      Runtime: ruby3.3\n      Handler: a.b\n",
            "the runtime ruby3.3 is not supported; those of provided, python3., nodejs, java are",
        ),
        (
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: x\n      Runtime: python3.12\n",
            "Handler is required",
        ),
        (
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      InlineCode: x\n      Runtime: java21\n      Handler: a.B\n",
            "code within the template is not supported for java21",
        ),
        (
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: x\n      Events:\n        E:\n          Type: SQS\n",
            "events of the type \"SQS\" are not supported",
        ),
        (
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: x\n      Events:\n        E:\n          Type: Kinesis\n          Properties:\n            Stream: a\n            StartingPosition: LATEST\n            BatchSiz: 3\n",
            "did you mean BatchSize?",
        ),
        ("Conditions: {}\nResources: {}\n", "t.yaml:1:1: Conditions: Conditions is not supported"),
        (
            "Parameters:\n  P:\n    Type: Number\n    Default: 7\n    MaxValue: 3\nResources: {}\n",
            "Parameters.P: 7 is above 3",
        ),
        ("Resources:\n  B:\n    Type: AWS::S3::Bucket\n    DependsOn: Nothing\n", "no resource Nothing"),
        (
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: {Bucket: b, Key: k}\n",
            "CodeUri: must be a string, is a map",
        ),
        (
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: x\n      Timeout: 0\n",
            "0 is not within 1 and 900",
        ),
        (
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: x\n      Events:\n        E:\n          Type: Kinesis\n          Properties: { Stream: [a], StartingPosition: NOW }\n",
            "Stream: must be a string, is a list",
        ),
        (
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: x\n      Events:\n        E:\n          Type: HttpApi\n          Properties: { ApiId: a, Method: FETCH, Path: clicks }\n",
            "FETCH is not an HTTP method",
        ),
        ("Resources:\n  Sträm:\n    Type: AWS::S3::Bucket\n", "a logical id has letters and digits only"),
        (
            "Parameters:\n  P:\n    Type: String\n    Default: A b\n    AllowedPattern: '[a-z]+'\nResources: {}\n",
            "does not match [a-z]+",
        ),
        (
            "Parameters:\n  P:\n    Type: CommaDelimitedList\n    Default: a\nResources: {}\n",
            "type CommaDelimitedList is not supported",
        ),
        ("Resources: {}\nOutputs:\n  O:\n    Value: [a]\n", "Outputs.O.Value: must be a string, is a list"),
        ("Resources: {}\n---\nResources: {}\n", "a second begins here"),
        (&"- ".repeat(200_000), "nested deeper than 64 levels"),
        (&"[".repeat(5_000), "nested deeper than 64 levels"),
        ("Resources: [", "t.yaml:"),
        ("", "the template is empty"),
    ];
    for (source, expected) in cases {
        let found = problems(source);
        assert!(found.contains(expected), "{source}\n→ {found}");
    }
    let two = problems("Resources:\n  Q:\n    Type: AWS::SQS::Queue\n  T:\n    Type: AWS::SNS::Topic\n");
    assert_eq!(two.lines().count(), 2, "all at once: {two}");
}

#[test]
fn intrinsic_functions_are_evaluated() {
    let source = r#"
Parameters:
  Stage: { Type: String, Default: dev }
Resources:
  Raw:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Join ["-", [raw, !Ref Stage, !Select [1, !Split [",", "a,b"]]]]
  Plain:
    Type: AWS::S3::Bucket
Outputs:
  A: { Value: !Sub ["${Raw}/${own}/${!literal}", { own: !Ref "AWS::Region" }] }
  B: { Value: !GetAtt Raw.Arn }
  C: { Value: { "Fn::Sub": "${Raw.Arn}/*" } }
  D: { Value: !Ref Plain }
"#;
    let stack = read(source, "t.yaml", &options(&[("Stage", "test")])).unwrap();
    assert_eq!(stack.outputs["A"], "raw-test-b/us-east-1/${literal}");
    assert_eq!(stack.outputs["B"], "arn:aws:s3:::raw-test-b");
    assert_eq!(stack.outputs["C"], "arn:aws:s3:::raw-test-b/*");
    assert!(stack.outputs["D"].starts_with("shop-plain-"), "{}", stack.outputs["D"]);
}

#[test]
fn parameters_become_what_the_api_wants() {
    let source = r#"
Parameters:
  Flag: { Type: String, Default: "false" }
  Units: { Type: Number, Default: 5 }
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: x
      Events:
        E:
          Type: Kinesis
          Properties: { Stream: arn, StartingPosition: LATEST, Enabled: !Ref Flag, BatchSize: !Ref Units }
  T:
    Type: AWS::DynamoDB::Table
    Properties:
      KeySchema: [{ AttributeName: k, KeyType: HASH }]
      ProvisionedThroughput: { ReadCapacityUnits: !Ref Units, WriteCapacityUnits: 1 }
      TimeToLiveSpecification: { AttributeName: e, Enabled: !Ref Flag }
"#;
    let stack = read(source, "t.yaml", &options(&[])).unwrap();
    let ResourceKind::Function(function) = &stack.resources[0].kind else { panic!() };
    let EventSource::Kinesis(mapping) = &function.events[0] else { panic!() };
    assert_eq!((&mapping.request["Enabled"], &mapping.request["BatchSize"]), (&false.into(), &5.into()));
    let ResourceKind::Table(table) = &stack.resources[1].kind else { panic!() };
    assert_eq!(table.request["ProvisionedThroughput"]["ReadCapacityUnits"], 5);
    assert_eq!(table.time_to_live.as_ref().unwrap()["Enabled"], false);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = read(&text, "t.yaml", &options(&[]));
    }

    #[test]
    fn no_change_of_a_template_makes_it_panic(at in 0..PIPELINE.len(), length in 0usize..40, with in "[ -~\n]{0,6}") {
        let mut changed = PIPELINE.to_string();
        let end = (at + length).min(changed.len());
        if changed.is_char_boundary(at) && changed.is_char_boundary(end) {
            changed.replace_range(at..end, &with);
        }
        let _ = read(&changed, "t.yaml", &options(&[]));
    }
}
