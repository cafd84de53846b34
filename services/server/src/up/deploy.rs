//! Creating resources: what is missing is created, what exists is updated, and what exists but
//! different in a way that can't be changed is an error. Nothing is deleted.

use std::collections::BTreeMap;
use std::time::Duration;

use anabranch_http_api::{ApiSpec, Route as ApiRoute};
use anabranch_lambda::{EventSourceMappingRequest, FunctionSpec, ListEventSourceMappings, Scope};
use anabranch_objects::{NotificationRule, Notifications};
use anabranch_protocol::{ApiError, Encoding, ErrorKind, RequestContext, Service};
use anabranch_template::{EventSource, Function, LogGroup, Resource, ResourceKind, Stack, Stream, Table};
use bytes::Bytes;
use serde_json::{Value, json};

use super::build::Executables;
use super::error::UpError;
use crate::App;

/// How long a new stream or table may take to become ACTIVE.
const ACTIVE_MAX: Duration = Duration::from_secs(30);
const ACTIVE_CHECK: Duration = Duration::from_millis(20);

/// What was brought up.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// How the server is reached.
    pub endpoint: String,
    /// Addresses of HTTP APIs, by logical id.
    pub apis: BTreeMap<String, String>,
    /// The template's outputs.
    pub outputs: BTreeMap<String, String>,
    /// Kind, name and a remark on each resource.
    pub resources: Vec<(&'static str, String, String)>,
    /// What was accepted but has no effect.
    pub notices: Vec<String>,
}

/// Creates all resources of `stack`: data first, then functions, then what invokes them.
pub(super) async fn deploy(app: &App, stack: &Stack, executables: &Executables) -> Result<Deployment, UpError> {
    let deployer = Deployer { app, context: RequestContext::default() };
    let mut deployment = Deployment {
        endpoint: app.base_url.clone(),
        apis: BTreeMap::new(),
        outputs: stack.outputs.clone(),
        resources: Vec::new(),
        notices: stack.notices.clone(),
    };
    for resource in &stack.resources {
        let made = deployer.data(resource).await.map_err(|reason| failure(resource, reason))?;
        deployment.resources.extend(made);
    }
    for resource in &stack.resources {
        let ResourceKind::Function(function) = &resource.kind else { continue };
        let made = deployer.function(function, executables).await;
        deployment.resources.push(made.map_err(|reason| failure(resource, reason))?);
    }
    for resource in &stack.resources {
        let made = deployer.invokers(resource, stack).await.map_err(|reason| failure(resource, reason))?;
        if let ResourceKind::HttpApi(api) = &resource.kind {
            let url = format!("{}/_aws/execute-api/{}/{}", app.base_url, api.id, api.stage);
            deployment.apis.insert(resource.logical_id.clone(), url);
        }
        deployment.resources.extend(made);
    }
    Ok(deployment)
}

/// Pause after a throttled call.
const CALL_AGAIN: Duration = Duration::from_millis(250);

fn failure(resource: &Resource, reason: String) -> UpError {
    UpError::Resource { resource: resource.logical_id.clone(), line: resource.line, reason }
}

struct Deployer<'a> {
    app: &'a App,
    context: RequestContext,
}

/// Kind, name and a remark.
type DeployedResource = (&'static str, String, String);

impl Deployer<'_> {
    async fn call(&self, service: &dyn Service, operation: &str, request: &Value) -> Result<Value, ApiError> {
        let body = Bytes::from(request.to_string());
        let call = || service.call(&self.context, operation, Encoding::Json, body.clone());
        let mut answer = call().await;
        // Calls are limited per second; whoever creates many things at once waits, as CloudFormation does.
        while answer.as_ref().is_err_and(|error| error.kind == ErrorKind::Throttled) {
            tokio::time::sleep(CALL_AGAIN).await;
            answer = call().await;
        }
        let answer = answer?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer).map_err(|error| ApiError::internal(error.to_string()))
    }

    /// The answer, or `None` if there is no such resource.
    async fn described(
        &self,
        service: &dyn Service,
        operation: &str,
        request: &Value,
    ) -> Result<Option<Value>, String> {
        match self.call(service, operation, request).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn data(&self, resource: &Resource) -> Result<Option<DeployedResource>, String> {
        match &resource.kind {
            ResourceKind::Stream(stream) => self.stream(stream).await.map(Some),
            ResourceKind::Bucket(bucket) => {
                let made = self.app.services.objects.create_bucket(&bucket.name, self.context.region.as_str()).await;
                made.map_err(|error| error.to_string())?;
                Ok(Some(("bucket", bucket.name.clone(), format!("s3://{}", bucket.name))))
            }
            ResourceKind::Table(table) => self.table(table).await.map(Some),
            ResourceKind::LogGroup(group) => self.log_group(group).await.map(Some),
            ResourceKind::DeliveryStream(stream) => self.delivery_stream(&stream.name, &stream.request).await.map(Some),
            _ => Ok(None),
        }
    }

    async fn log_group(&self, group: &LogGroup) -> Result<DeployedResource, String> {
        let logs = &*self.app.services.logs;
        let name = json!({ "logGroupName": group.name });
        match self.call(logs, "CreateLogGroup", &name).await {
            Err(error) if error.kind != ErrorKind::Conflict => return Err(error.to_string()),
            _ => {}
        }
        let (operation, request) = match group.retention_days {
            Some(days) => ("PutRetentionPolicy", json!({ "logGroupName": group.name, "retentionInDays": days })),
            None => ("DeleteRetentionPolicy", name),
        };
        self.call(logs, operation, &request).await.map_err(|error| error.to_string())?;
        let kept = group.retention_days.map_or_else(|| "kept for ever".into(), |days| format!("kept for {days} days"));
        Ok(("log group", group.name.clone(), kept))
    }

    async fn stream(&self, stream: &Stream) -> Result<DeployedResource, String> {
        let streams = &*self.app.services.streams;
        let name = json!({ "StreamName": stream.name });
        let summary = match self.described(streams, "DescribeStreamSummary", &name).await? {
            Some(summary) => summary,
            None => {
                let mut request =
                    json!({ "StreamName": stream.name, "StreamModeDetails": { "StreamMode": stream.mode } });
                if let Some(count) = stream.shard_count {
                    request["ShardCount"] = json!(count);
                }
                self.call(streams, "CreateStream", &request).await.map_err(|error| error.to_string())?;
                self.active(streams, "DescribeStreamSummary", &name, "/StreamDescriptionSummary/StreamStatus").await?
            }
        };
        let summary = &summary["StreamDescriptionSummary"];
        let shards = summary["OpenShardCount"].as_i64();
        if stream.shard_count.is_some() && stream.shard_count != shards {
            return Err(format!(
                "the stream {} exists with {} open shards, the template wants {}; resharding by template is not supported",
                stream.name,
                shards.unwrap_or(0),
                stream.shard_count.unwrap_or(0)
            ));
        }
        if let (Some(wanted), Some(now)) = (stream.retention_hours, summary["RetentionPeriodHours"].as_i64()) {
            let request = json!({ "StreamName": stream.name, "RetentionPeriodHours": wanted });
            let operation = match wanted.cmp(&now) {
                std::cmp::Ordering::Equal => None,
                std::cmp::Ordering::Greater => Some("IncreaseStreamRetentionPeriod"),
                std::cmp::Ordering::Less => Some("DecreaseStreamRetentionPeriod"),
            };
            if let Some(operation) = operation {
                self.call(streams, operation, &request).await.map_err(|error| error.to_string())?;
            }
        }
        Ok(("stream", stream.name.clone(), format!("{} shards", shards.unwrap_or(0))))
    }

    /// Waits until what was created is ACTIVE.
    async fn active(
        &self,
        service: &dyn Service,
        operation: &str,
        request: &Value,
        status: &str,
    ) -> Result<Value, String> {
        let began = tokio::time::Instant::now();
        loop {
            let described = self.call(service, operation, request).await.map_err(|error| error.to_string())?;
            if described.pointer(status).and_then(Value::as_str) == Some("ACTIVE") {
                return Ok(described);
            }
            if began.elapsed() > ACTIVE_MAX {
                return Err(format!("not ACTIVE after {ACTIVE_MAX:?}"));
            }
            tokio::time::sleep(ACTIVE_CHECK).await;
        }
    }

    async fn table(&self, table: &Table) -> Result<DeployedResource, String> {
        let tables = &*self.app.services.tables;
        let name = json!({ "TableName": table.name });
        match self.described(tables, "DescribeTable", &name).await? {
            Some(described) if described["Table"]["KeySchema"] != table.request["KeySchema"] => {
                return Err(format!("the table {} exists with another key schema", table.name));
            }
            Some(_) => {}
            None => {
                self.call(tables, "CreateTable", &table.request).await.map_err(|error| error.to_string())?;
                self.active(tables, "DescribeTable", &name, "/Table/TableStatus").await?;
            }
        }
        if let Some(specification) = &table.time_to_live {
            let described = self.described(tables, "DescribeTimeToLive", &name).await?.unwrap_or_default();
            let is_enabled = described.pointer("/TimeToLiveDescription/TimeToLiveStatus") == Some(&json!("ENABLED"));
            if is_enabled != (specification["Enabled"] == json!(true)) {
                let request = json!({ "TableName": table.name, "TimeToLiveSpecification": specification });
                self.call(tables, "UpdateTimeToLive", &request).await.map_err(|error| error.to_string())?;
            }
        }
        Ok(("table", table.name.clone(), String::new()))
    }

    async fn delivery_stream(&self, name: &str, request: &Value) -> Result<DeployedResource, String> {
        let firehose = &*self.app.services.firehose;
        let by_name = json!({ "DeliveryStreamName": name });
        let described = self.described(firehose, "DescribeDeliveryStream", &by_name).await?;
        let wanted = [
            ("ExtendedS3DestinationConfiguration", "ExtendedS3DestinationDescription"),
            ("S3DestinationConfiguration", "S3DestinationDescription"),
        ];
        match described {
            None => {
                self.call(firehose, "CreateDeliveryStream", request).await.map_err(|error| error.to_string())?;
                let status = "/DeliveryStreamDescription/DeliveryStreamStatus";
                self.active(firehose, "DescribeDeliveryStream", &by_name, status).await?;
            }
            Some(described) => {
                let destination = &described["DeliveryStreamDescription"]["Destinations"][0];
                for (configuration, description) in wanted {
                    let Some(members) = request[configuration].as_object() else { continue };
                    let differing = members
                        .iter()
                        .find(|(member, value)| destination[description].get(*member).is_some_and(|now| now != *value));
                    if let Some((member, _)) = differing {
                        return Err(format!(
                            "the delivery stream {name} exists with another {member}; changing it by template is not supported"
                        ));
                    }
                }
            }
        }
        let bucket = wanted.iter().find_map(|(member, _)| request[member]["BucketARN"].as_str()).unwrap_or_default();
        Ok(("delivery stream", name.into(), format!("to {}", bucket.replace("arn:aws:s3:::", "s3://"))))
    }

    async fn function(&self, function: &Function, executables: &Executables) -> Result<DeployedResource, String> {
        let executable = executables.of(&function.name).ok_or("it has no program")?;
        let mut spec = FunctionSpec::new(&function.name, executable);
        spec.scope = Scope::from(&self.context);
        spec.timeout = Duration::from_secs(u64::try_from(function.timeout_seconds).unwrap_or(0));
        spec.memory_mb = u32::try_from(function.memory_mb).map_err(|_| "MemorySize is out of range")?;
        spec.handler.clone_from(&function.handler);
        spec.environment.clone_from(&function.environment);
        spec.reserved_concurrency = function
            .reserved_concurrency
            .map(u32::try_from)
            .transpose()
            .map_err(|_| "ReservedConcurrentExecutions is out of range")?;
        self.app.services.lambda.put_function(spec).await.map_err(|error| error.to_string())?;
        Ok(("function", function.name.clone(), format!("{} s, {} MB", function.timeout_seconds, function.memory_mb)))
    }

    /// What invokes functions: APIs, mappings, notifications.
    async fn invokers(&self, resource: &Resource, stack: &Stack) -> Result<Vec<DeployedResource>, String> {
        match &resource.kind {
            ResourceKind::HttpApi(api) => {
                let routes = routes(stack, &api.id)?;
                let remark =
                    routes.iter().map(|route| format!("{} → {}", route.key, route.function)).collect::<Vec<_>>();
                let spec = ApiSpec {
                    api_id: api.id.clone(),
                    name: resource.logical_id.clone(),
                    stage: api.stage.clone(),
                    routes,
                };
                self.app.services.http_apis.put_api(spec).await.map_err(|error| error.to_string())?;
                Ok(vec![("HTTP API", api.id.clone(), remark.join(", "))])
            }
            ResourceKind::Bucket(bucket) => self.notifications(&bucket.name, stack).await,
            ResourceKind::Function(function) => {
                let mut made = Vec::new();
                for event in &function.events {
                    if let EventSource::Kinesis(mapping) = event {
                        made.push(self.mapping(&mapping.request).await?);
                    }
                }
                Ok(made)
            }
            ResourceKind::EventSourceMapping(request) => Ok(vec![self.mapping(request).await?]),
            _ => Ok(Vec::new()),
        }
    }

    async fn mapping(&self, request: &Value) -> Result<DeployedResource, String> {
        let (lambda, scope) = (&self.app.services.lambda, Scope::from(&self.context));
        let parse = |value: &Value| {
            serde_json::from_value::<EventSourceMappingRequest>(value.clone()).map_err(|error| error.to_string())
        };
        let create = parse(request)?;
        let list = ListEventSourceMappings {
            function_name: create.function_name.clone(),
            event_source_arn: create.event_source_arn.clone(),
            ..ListEventSourceMappings::default()
        };
        let (existing, _) = lambda.list_event_source_mappings(&scope, &list).map_err(|error| error.to_string())?;
        let name = create.function_name.clone().unwrap_or_default();
        let source = create.event_source_arn.clone().unwrap_or_default();
        match existing.first() {
            None => lambda.create_event_source_mapping(&scope, create).await.map_err(|error| error.to_string())?,
            Some(mapping) => {
                let mut update = request.clone();
                for fixed in ["EventSourceArn", "StartingPosition", "StartingPositionTimestamp"] {
                    update.as_object_mut().and_then(|members| members.remove(fixed));
                }
                let updated = lambda.update_event_source_mapping(&scope, &mapping.uuid, parse(&update)?).await;
                updated.map_err(|error| error.to_string())?
            }
        };
        let stream = source.rsplit('/').next().unwrap_or_default();
        Ok(("mapping", format!("{stream} → {name}"), String::new()))
    }

    async fn notifications(&self, bucket: &str, stack: &Stack) -> Result<Vec<DeployedResource>, String> {
        let mut rules = Vec::new();
        for function in functions(stack) {
            for event in &function.events {
                let EventSource::S3(notification) = event else { continue };
                if notification.bucket == bucket {
                    rules.push(NotificationRule {
                        id: format!("{}-{}", function.name, notification.event),
                        target_arn: self.context.arn("lambda", &format!("function:{}", function.name)).to_string(),
                        events: notification.events.clone(),
                        prefix: notification.prefix.clone(),
                        suffix: notification.suffix.clone(),
                    });
                }
            }
        }
        let made = rules.iter().map(|rule| {
            let function = rule.target_arn.rsplit(':').next().unwrap_or_default();
            ("notification", format!("{bucket} → {function}"), rule.events.join(", "))
        });
        let made: Vec<DeployedResource> = made.collect();
        let notifications = Notifications { rules, ..Notifications::default() };
        let put = self.app.services.objects.put_notification_configuration(bucket, notifications).await;
        put.map_err(|error| error.to_string())?;
        Ok(made)
    }
}

fn functions(stack: &Stack) -> impl Iterator<Item = &Function> {
    stack.resources.iter().filter_map(|resource| match &resource.kind {
        ResourceKind::Function(function) => Some(function),
        _ => None,
    })
}

fn routes(stack: &Stack, api_id: &str) -> Result<Vec<ApiRoute>, String> {
    let mut routes = Vec::new();
    for function in functions(stack) {
        for event in &function.events {
            let EventSource::HttpApi(route) = event else { continue };
            match route.api_id.as_deref() {
                Some(id) if id == api_id => {}
                Some(_) => continue,
                None => return Err(format!("{}: the implicit API is not supported; name one by ApiId", route.event)),
            }
            let key = match &route.path {
                Some(path) => format!("{} {path}", route.method),
                None => "$default".into(),
            };
            routes.push(ApiRoute::new(key, &function.name).map_err(|error| error.to_string())?);
        }
    }
    Ok(routes)
}
