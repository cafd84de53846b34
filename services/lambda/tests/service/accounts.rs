//! Accounts and regions: each sees what is its own.

use anabranch_lambda::{
    EventSourceMappingRequest, FunctionId, InvokeOptions, LambdaConfig, ListEventSourceMappings, Scope,
};
use anabranch_protocol::ErrorKind;
use serde_json::{Value, json};

use crate::fixture::{eventually, function, open, stream_arn};

fn scope(account: &str, region: &str) -> Scope {
    Scope { account: account.parse().unwrap(), region: region.parse().unwrap() }
}

fn scopes() -> [Scope; 3] {
    [Scope::default(), scope("111122223333", "us-east-1"), scope("111122223333", "eu-west-1")]
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_of_one_name_are_others_in_each_account_and_region() {
    let directory = tempfile::tempdir().unwrap();
    let service = open(directory.path(), LambdaConfig::default());
    for scope in scopes() {
        let mut spec = function("f");
        spec.environment = [("WHOSE".to_string(), format!("{scope:?}"))].into();
        spec.scope = scope;
        service.lambda.put_function(spec).await.unwrap();
    }
    for scope in scopes() {
        let id = FunctionId::new(scope.clone(), "f");
        let outcome = service.lambda.invoke(&id, "{}".into(), InvokeOptions::default()).await.unwrap();
        let answer: Value = serde_json::from_slice(&outcome.payload).unwrap();
        let Scope { account, region } = &scope;
        assert_eq!(answer["arn"], format!("arn:aws:lambda:{region}:{account}:function:f"));
        assert_eq!(answer["variables"]["WHOSE"], format!("{scope:?}"));
        assert_eq!(answer["variables"]["AWS_REGION"], region.as_str());
        let key = if scope == Scope::default() { "anabranch" } else { account.as_str() };
        assert_eq!(answer["variables"]["AWS_ACCESS_KEY_ID"], key, "the function acts in its own account");
        assert_eq!(service.lambda.list_functions(&scope).len(), 1);
    }
    let stranger = scope("444455556666", "us-east-1");
    assert!(service.lambda.list_functions(&stranger).is_empty());
    let error = service.lambda.get_function(&FunctionId::new(stranger, "f")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.message.contains("us-east-1:444455556666:function:f"), "{error}");
    let names: Vec<String> = service.lambda.stat().functions.into_iter().map(|stat| stat.name).collect();
    assert!(
        names.contains(&"f".to_string())
            && names.contains(&"arn:aws:lambda:eu-west-1:111122223333:function:f".to_string())
    );

    let mine = FunctionId::new(scopes()[1].clone(), "f");
    service.lambda.delete_function(&mine).await.unwrap();
    assert!(service.lambda.get_function(&mine).is_err());
    assert!(service.lambda.get_function(&FunctionId::new(Scope::default(), "f")).is_ok());
    service.lambda.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_survive_a_restart_where_they_belong() {
    let directory = tempfile::tempdir().unwrap();
    {
        let service = open(directory.path(), LambdaConfig::default());
        for scope in scopes() {
            let mut spec = function("f");
            spec.scope = scope;
            service.lambda.put_function(spec).await.unwrap();
        }
        service.lambda.shutdown().await;
    }
    let service = crate::hosting::eventually_open(directory.path()).await;
    for scope in scopes() {
        assert_eq!(service.lambda.list_functions(&scope).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mappings_belong_to_an_account_and_read_its_streams() {
    let directory = tempfile::tempdir().unwrap();
    let service = open(directory.path(), LambdaConfig::default());
    let lambda = &service.lambda;
    let own = scopes()[2].clone();
    let mut spec = function("f");
    spec.scope = own.clone();
    lambda.put_function(spec).await.unwrap();
    lambda.start().unwrap();
    let create = |stream: String| -> EventSourceMappingRequest {
        let members = json!({"FunctionName": "f", "EventSourceArn": stream, "StartingPosition": "LATEST"});
        serde_json::from_value(members).unwrap()
    };
    let refused = lambda.create_event_source_mapping(&own, create(stream_arn(&scopes()[0]))).await.unwrap_err();
    assert!(refused.kind == ErrorKind::Invalid && refused.message.contains("111122223333"), "{refused}");
    let refused = lambda.create_event_source_mapping(&scopes()[0], create(stream_arn(&scopes()[0]))).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::NotFound, "the function is another account's");

    let mapping = lambda.create_event_source_mapping(&own, create(stream_arn(&own))).await.unwrap();
    assert!(
        mapping.event_source_mapping_arn.starts_with("arn:aws:lambda:eu-west-1:111122223333:event-source-mapping:")
    );
    assert_eq!(mapping.function_arn, "arn:aws:lambda:eu-west-1:111122223333:function:f");
    let state = || lambda.get_event_source_mapping(&own, &mapping.uuid).unwrap().state.name();
    eventually("enabled", || state() == "Enabled").await;
    let list = ListEventSourceMappings::default();
    for (scope, count) in scopes().iter().zip([0, 0, 1]) {
        assert_eq!(lambda.list_event_source_mappings(scope, &list).unwrap().0.len(), count, "{scope:?}");
    }
    let other = &scopes()[1];
    let change: EventSourceMappingRequest = serde_json::from_value(json!({"Enabled": false})).unwrap();
    assert!(lambda.get_event_source_mapping(other, &mapping.uuid).is_err());
    assert!(lambda.update_event_source_mapping(other, &mapping.uuid, change).await.is_err());
    assert!(lambda.delete_event_source_mapping(other, &mapping.uuid).await.is_err());
    assert_eq!(state(), "Enabled", "nobody else changed it");
    lambda.delete_event_source_mapping(&own, &mapping.uuid).await.unwrap();
    lambda.shutdown().await;
}
