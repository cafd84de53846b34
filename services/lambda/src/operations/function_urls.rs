//! CreateFunctionUrlConfig, UpdateFunctionUrlConfig, GetFunctionUrlConfig, DeleteFunctionUrlConfig and
//! ListFunctionUrlConfigs. `AWS_IAM` is kept and told; callers' signatures are not checked.

use anabranch_protocol::{ApiError, Integer, List, Text, Violations};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::addressed::{FunctionRequest, PageRequest};
use super::list_functions::most;
use super::page::page;
use super::permissions::no_policy;
use super::shapes::{ALIAS, AUTH_TYPE, FIFTY, check_integer};
use crate::error::resource_conflict;
use crate::function_id::{FunctionId, LATEST_VERSION, QualifiedFunction};
use crate::function_url::location;
use crate::stored_function::{Cors, Url};
use crate::time::iso_ms;
use crate::{Lambda, Scope};

const INVOKE_MODE: Text = Text { min: 0, max: usize::MAX, pattern: None, one_of: &["BUFFERED", "RESPONSE_STREAM"] };
const HUNDRED: List = List { min: 0, max: 100 };
const METHODS: List = List { min: 0, max: 6 };
const AGE_SECONDS: Integer = Integer { min: 0, max: 86_400 };

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FunctionUrlRequest {
    function_name: String,
    qualifier: Option<String>,
    auth_type: Option<String>,
    cors: Option<Cors>,
    invoke_mode: Option<String>,
}

impl FunctionUrlRequest {
    fn note(&self, violations: &mut Violations) {
        violations.text("authType", self.auth_type.as_deref(), &AUTH_TYPE);
        violations.text("invokeMode", self.invoke_mode.as_deref(), &INVOKE_MODE);
        let Some(cors) = &self.cors else { return };
        let count = |list: &Option<Vec<String>>| list.as_ref().map_or(0, Vec::len);
        violations.list("cors.allowHeaders", count(&cors.allow_headers), &HUNDRED);
        violations.list("cors.allowMethods", count(&cors.allow_methods), &METHODS);
        violations.list("cors.allowOrigins", count(&cors.allow_origins), &HUNDRED);
        violations.list("cors.exposeHeaders", count(&cors.expose_headers), &HUNDRED);
        violations.integer("cors.maxAge", cors.max_age.map(i64::from), &AGE_SECONDS);
    }
}

/// Gives a function or an alias a URL.
pub(super) async fn create_function_url_config(
    lambda: &Lambda,
    scope: &Scope,
    request: FunctionUrlRequest,
) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    violations.required("authType", request.auth_type.as_ref());
    request.note(&mut violations);
    violations.finish()?;
    let (function, key) = resolve(lambda, scope, &request.function_name, request.qualifier.as_deref())?;
    let now_ms = lambda.functions.now_ms();
    let url = Url {
        id: Uuid::new_v4().simple().to_string(),
        auth_type: request.auth_type.unwrap_or_default(),
        streams: request.invoke_mode.as_deref() == Some("RESPONSE_STREAM"),
        cors: request.cors,
        created_ms: now_ms,
        last_modified_ms: now_ms,
    };
    let created = lambda.functions.change(&function.id, |draft| {
        if draft.record.urls.contains_key(&key) {
            return Err(resource_conflict(format!(
                "Failed to create function url config for [functionArn = {}]. Error message:  FunctionUrlConfig exists for \
                 this Lambda function",
                function.arn()
            )));
        }
        draft.record.urls.insert(key, url.clone());
        Ok(())
    });
    created.await?;
    let mut shown = shown(lambda, &function, &url);
    if let Some(members) = shown.as_object_mut() {
        members.remove("LastModifiedTime");
    }
    Ok(shown)
}

/// Changes how a URL is answered; what the request leaves out stays.
pub(super) async fn update_function_url_config(
    lambda: &Lambda,
    scope: &Scope,
    request: FunctionUrlRequest,
) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    request.note(&mut violations);
    violations.finish()?;
    let (function, key) = resolve(lambda, scope, &request.function_name, request.qualifier.as_deref())?;
    let now_ms = lambda.functions.now_ms();
    let updated = lambda.functions.change(&function.id, |draft| {
        let url = draft.record.urls.get_mut(&key).ok_or_else(no_policy)?;
        if let Some(auth_type) = request.auth_type {
            url.auth_type = auth_type;
        }
        if let Some(mode) = request.invoke_mode {
            url.streams = mode == "RESPONSE_STREAM";
        }
        if let Some(cors) = request.cors {
            url.cors = (cors != Cors::default()).then_some(cors);
        }
        url.last_modified_ms = now_ms;
        Ok(url.clone())
    });
    Ok(shown(lambda, &function, &updated.await?))
}

/// Describes a URL.
pub(super) fn get_function_url_config(
    lambda: &Lambda,
    scope: &Scope,
    request: &FunctionRequest,
) -> Result<Value, ApiError> {
    let (function, key) = resolve(lambda, scope, &request.function_name, request.qualifier.as_deref())?;
    let record = lambda.functions.record(&function.id)?;
    Ok(shown(lambda, &function, record.urls.get(&key).ok_or_else(no_policy)?))
}

/// Removes a URL; it is never given again.
pub(super) async fn delete_function_url_config(
    lambda: &Lambda,
    scope: &Scope,
    request: FunctionRequest,
) -> Result<(), ApiError> {
    let (function, key) = resolve(lambda, scope, &request.function_name, request.qualifier.as_deref())?;
    let removed = lambda.functions.change(&function.id, |draft| draft.record.urls.remove(&key).ok_or_else(no_policy));
    removed.await.map(drop)
}

/// A page of the URLs of a function and its aliases.
pub(super) fn list_function_url_configs(
    lambda: &Lambda,
    scope: &Scope,
    request: &PageRequest,
) -> Result<Value, ApiError> {
    check_integer("maxItems", request.max_items, &FIFTY)?;
    let id = FunctionId::resolve(&request.function_name, None, scope)?;
    let record = lambda.functions.record(&id)?;
    let all: Vec<_> = record.urls.iter().collect();
    let (found, next) = page(all, request.marker.as_deref(), most(request.max_items), |(name, _)| name.to_string());
    let of = |(key, url): (&String, &Url)| {
        let qualifier = (key != LATEST_VERSION).then(|| key.clone());
        shown(lambda, &QualifiedFunction { id: id.clone(), qualifier }, url)
    };
    let mut answer = json!({ "FunctionUrlConfigs": found.into_iter().map(of).collect::<Vec<_>>() });
    if let Some(marker) = next {
        answer["NextMarker"] = marker.into();
    }
    Ok(answer)
}

/// The function or alias, and the key of its URL.
fn resolve(
    lambda: &Lambda,
    scope: &Scope,
    name: &str,
    qualifier: Option<&str>,
) -> Result<(QualifiedFunction, String), ApiError> {
    let mut violations = Violations::default();
    violations.text("qualifier", qualifier, &ALIAS);
    violations.finish()?;
    let function = QualifiedFunction::resolve(name, qualifier, scope)?;
    lambda.functions.describe(&function)?;
    let key = function.qualifier.clone().unwrap_or_else(|| LATEST_VERSION.into());
    Ok((function, key))
}

fn shown(lambda: &Lambda, function: &QualifiedFunction, url: &Url) -> Value {
    let mut shown = json!({
        "FunctionUrl": location(lambda.functions.config(), &url.id, &function.id.scope.region),
        "FunctionArn": function.arn(),
        "AuthType": url.auth_type,
        "CreationTime": iso_ms(url.created_ms),
        "LastModifiedTime": iso_ms(url.last_modified_ms),
        "InvokeMode": if url.streams { "RESPONSE_STREAM" } else { "BUFFERED" },
    });
    if let Some(cors) = &url.cors {
        shown["Cors"] = json!(cors);
    }
    shown
}
