//! The APIs that exist, and a request's way through one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anabranch_control::{Changes, ControlError, ControlStore, Table};
use anabranch_ports::{FunctionInvoker, FunctionOutcome};
use anabranch_protocol::{Account, Clock};
use anabranch_proxy::{Integration, event, message, reply};
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use parking_lot::RwLock;
use uuid::Uuid;

use crate::route::find;
use crate::spec::ApiSpec;
use crate::stored::StoredApi;

const APIS: Table = Table("http_apis");
/// Largest request body. (API Gateway Developer Guide, "Quotas for HTTP APIs".)
const BODY_BYTES_MAX: usize = 10 << 20;
/// Longest an integration may take. (As above.)
const INTEGRATION_MAX: Duration = Duration::from_secs(30);

/// Why the service could not be opened.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct OpenError(#[from] ControlError);

/// All HTTP APIs.
pub struct HttpApis {
    apis: RwLock<BTreeMap<String, Arc<ApiSpec>>>,
    /// Held by whoever changes an API, so that what is served is what was stored last.
    changing: tokio::sync::Mutex<()>,
    control: ControlStore,
    clock: Arc<dyn Clock>,
    functions: Arc<dyn FunctionInvoker>,
}

impl HttpApis {
    /// Opens the APIs that control state knows.
    ///
    /// # Errors
    /// When control state can't be read.
    pub fn open(
        control: ControlStore,
        clock: Arc<dyn Clock>,
        functions: Arc<dyn FunctionInvoker>,
    ) -> Result<Arc<Self>, OpenError> {
        let stored = control.scan::<StoredApi>(APIS, "")?;
        let apis = stored.into_iter().map(|(id, api)| (id, Arc::new(api.into()))).collect();
        Ok(Arc::new(Self { apis: RwLock::new(apis), changing: Default::default(), control, clock, functions }))
    }

    /// Makes an API or replaces it; it is served once it is durable.
    ///
    /// # Errors
    /// When control state can't be written.
    pub async fn put_api(&self, api: ApiSpec) -> Result<(), ControlError> {
        let _changing = self.changing.lock().await;
        let mut changes = Changes::default();
        changes.put(APIS, &api.api_id, &StoredApi::from(&api))?;
        self.control.commit_async(changes).await?;
        self.apis.write().insert(api.api_id.clone(), Arc::new(api));
        Ok(())
    }

    /// Removes an API, if it is there; it is served until that is durable.
    ///
    /// # Errors
    /// When control state can't be written.
    pub async fn delete_api(&self, api_id: &str) -> Result<(), ControlError> {
        let _changing = self.changing.lock().await;
        let mut changes = Changes::default();
        changes.delete(APIS, api_id);
        self.control.commit_async(changes).await?;
        self.apis.write().remove(api_id);
        Ok(())
    }

    /// The APIs, by id.
    pub fn list(&self) -> Vec<Arc<ApiSpec>> {
        self.apis.read().values().cloned().collect()
    }

    /// Answers a request to an API. `path` is what follows the API's address: for a named stage it
    /// begins with the stage's name.
    pub async fn handle(&self, api_id: &str, path: &str, request: Request<Body>) -> Response<Body> {
        let api = self.apis.read().get(api_id).cloned();
        let Some(api) = api else { return message(StatusCode::NOT_FOUND, "Not Found") };
        let Some(path) = behind_stage(&api.stage, path) else { return message(StatusCode::NOT_FOUND, "Not Found") };
        let (head, body) = request.into_parts();
        let body: Bytes = match Limited::new(body, BODY_BYTES_MAX).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
                return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
            }
            Err(_) => return message(StatusCode::BAD_REQUEST, "Bad Request"),
        };
        let Some(matched) = find(&api.routes, head.method.as_str(), path) else {
            return message(StatusCode::NOT_FOUND, "Not Found");
        };
        let request_id = Uuid::new_v4().to_string();
        // A named stage is part of the path, `$default` is not.
        let raw_path = if api.stage == "$default" { path.to_string() } else { format!("/{}{path}", api.stage) };
        let integration = Integration {
            api_id: &api.api_id,
            account: Account::DEFAULT.as_str(),
            stage: &api.stage,
            route_key: &matched.route.key,
            raw_path: &raw_path,
            path_parameters: &matched.parameters,
            request_id: &request_id,
            now_ms: self.clock.now_ms(),
        };
        let payload = Bytes::from(event(&head, &body, &integration).to_string());
        self.answer(&matched.route.function, payload, &request_id).await
    }

    async fn answer(&self, function: &str, payload: Bytes, request_id: &str) -> Response<Body> {
        let invoked = tokio::time::timeout(INTEGRATION_MAX, self.functions.invoke(function, payload)).await;
        let mut response = match invoked {
            Ok(Ok(FunctionOutcome::Returned(result))) => reply(&result),
            Ok(Ok(FunctionOutcome::Failed(error))) => {
                let error = String::from_utf8_lossy(&error);
                tracing::warn!(function, %error, "an HTTP API's integration failed");
                message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
            Ok(Err(error)) => {
                tracing::warn!(function, %error, "an HTTP API's integration was not reached");
                message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
            }
            Err(_) => message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        };
        if let Ok(value) = request_id.parse() {
            response.headers_mut().insert("apigw-requestid", value);
        }
        response
    }
}

/// The path behind the stage; `$default` may be written out or left out.
fn behind_stage<'a>(stage: &str, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix('/').unwrap_or(path).strip_prefix(stage);
    match rest {
        Some("") => Some("/"),
        Some(rest) if rest.starts_with('/') => Some(rest),
        _ if stage == "$default" => Some(if path.is_empty() { "/" } else { path }),
        _ => None,
    }
}
