//! The operations, by the Query protocol.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use anabranch_identity::Identity;
use anabranch_protocol::{ApiError, Call, ManualClock, QueryRequest, Region, RequestContext, Service};

async fn call(context: &RequestContext, form: &str) -> Result<String, ApiError> {
    let identity = Identity::new(Arc::new(ManualClock::new(1_763_000_000_000)));
    let request = QueryRequest::parse(form.as_bytes())?;
    let model = identity.model();
    let operation = model.operation(&request.action).unwrap();
    let call = Call::form(context.clone(), operation, request, model.query_style.unwrap());
    let body = identity.perform(&call).await?.into_body().unwrap();
    Ok(String::from_utf8(body.to_vec()).unwrap())
}

fn element<'a>(text: &'a str, name: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {text}"));
    rest.split('<').next().unwrap()
}

#[tokio::test]
async fn a_caller_without_session_is_its_account() {
    let context = RequestContext::new(Region::default(), "123456789012".parse().unwrap());
    let answer = call(&context, "Action=GetCallerIdentity&Version=2011-06-15").await.unwrap();
    assert_eq!(element(&answer, "Arn"), "arn:aws:iam::123456789012:root");
    assert_eq!((element(&answer, "UserId"), element(&answer, "Account")), ("123456789012", "123456789012"));
    assert_eq!(element(&answer, "RequestId"), context.request_id);
}

#[tokio::test]
async fn who_assumed_a_role_is_known_by_its_credentials() {
    let form = "Action=AssumeRole&RoleArn=arn:aws:iam::210987654321:role/ci/deploy&RoleSessionName=nightly&DurationSeconds=900";
    let answer = call(&RequestContext::default(), form).await.unwrap();
    assert_eq!(element(&answer, "Arn"), "arn:aws:sts::210987654321:assumed-role/deploy/nightly");
    assert_eq!(element(&answer, "Expiration"), "2025-11-13T02:28:20Z");
    let key = element(&answer, "AccessKeyId");
    let info = call(&RequestContext::default(), &format!("Action=GetAccessKeyInfo&AccessKeyId={key}")).await.unwrap();
    assert_eq!(element(&info, "Account"), "210987654321");

    let mut context = RequestContext::new(Region::default(), "210987654321".parse().unwrap());
    context.session_token = Some(element(&answer, "SessionToken").into());
    for form in ["Action=GetCallerIdentity", "Action=GetSessionToken"] {
        let answer = call(&context, form).await.unwrap();
        if form.ends_with("Token") {
            context.session_token = Some(element(&answer, "SessionToken").into());
        } else {
            assert_eq!(element(&answer, "Arn"), "arn:aws:sts::210987654321:assumed-role/deploy/nightly");
            assert!(element(&answer, "UserId").ends_with(":nightly"));
        }
    }
}

#[tokio::test]
async fn what_is_out_of_range_is_refused() {
    for (form, says) in [
        ("Action=AssumeRole&RoleArn=arn:aws:iam::210987654321:role/a", "roleSessionName"),
        ("Action=AssumeRole&RoleArn=arn:aws:iam::210987654321:role/a&RoleSessionName=a%20b", "[\\w+=,.@-]*"),
        ("Action=AssumeRole&RoleArn=arn:aws:iam::210987654321:user/a&RoleSessionName=ab", "is invalid"),
        ("Action=GetSessionToken&DurationSeconds=899", "900"),
        ("Action=GetAccessKeyInfo&AccessKeyId=short", "16"),
    ] {
        let error = call(&RequestContext::default(), form).await.unwrap_err();
        assert!(error.code.starts_with("Validation") && error.message.contains(says), "{form}: {error}");
    }
}
