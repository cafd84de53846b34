//! All services of one server, opened in the order in which they need one another, and handed to
//! one another behind the traits of `anabranch-ports`.

mod targets;

use std::sync::Arc;

use anabranch_control::ControlStore;
use anabranch_events::Events;
use anabranch_firehose::Firehose;
use anabranch_http_api::HttpApis;
use anabranch_identity::Identity;
use anabranch_lambda::{Lambda, LambdaConfig, sources};
use anabranch_logs::Logs;
use anabranch_objects::Objects;
use anabranch_protocol::{Clock, Problem, ProblemKind, Service, SystemClock};
use anabranch_queues::Queues;
use anabranch_scheduler::Scheduler;
use anabranch_streams::{Streams, StreamsConfig};
use anabranch_tables::Tables;
use anabranch_topics::Topics;

use crate::data_directory::DataDirectory;
use crate::{Config, StartError};
use targets::Targets;

/// Descriptors that an open log takes: its lock's, and that of the segment written to.
const LOG_DESCRIPTORS: usize = 2;
/// How long a new stream stays CREATING and a deleted one DELETING.
const STREAM_TRANSITION: std::time::Duration = std::time::Duration::from_millis(50);

/// The services that a server runs.
pub struct Services {
    /// Kinesis Data Streams.
    pub streams: Arc<Streams>,
    /// Amazon Data Firehose.
    pub firehose: Arc<Firehose>,
    /// Lambda.
    pub lambda: Arc<Lambda>,
    /// API Gateway's HTTP APIs.
    pub http_apis: Arc<HttpApis>,
    /// CloudWatch Logs.
    pub logs: Arc<Logs>,
    /// S3.
    pub objects: Arc<Objects>,
    /// DynamoDB.
    pub tables: Arc<Tables>,
    /// SQS.
    pub queues: Arc<Queues>,
    /// All of them, in the order in which data flows.
    pub(crate) all: Vec<Arc<dyn Service>>,
    control: ControlStore,
}

impl Services {
    /// Opens each service's part of `data` and resumes its background work, but for functions:
    /// see [`Services::start_functions`]. `base_url` is where functions reach this server; `more` are
    /// services besides those of the program.
    pub(crate) fn open(
        data: &DataDirectory,
        config: &Config,
        base_url: &str,
        more: Vec<Arc<dyn Service>>,
    ) -> Result<Arc<Self>, StartError> {
        let clock: Arc<dyn Clock> = match &config.test_clock {
            Some(clock) => Arc::new(clock.clone()),
            None => Arc::new(SystemClock),
        };
        let log = anabranch_storage::Config { flush: config.flush, ..anabranch_storage::Config::default() };
        let control = open_control(data)?;
        let streams = {
            let directory = data.join("streams");
            let config = StreamsConfig {
                log: log.clone(),
                strays: data.join("strays").join("streams"),
                open_logs_max: config.descriptors.logs_max / LOG_DESCRIPTORS,
                transition_delay: STREAM_TRANSITION,
                limits: config.limits,
                ..StreamsConfig::new(directory)
            };
            Streams::open(config, control.clone(), clock.clone())
                .map_err(|error| StartError::service("kinesis", error))?
        };
        let tables = Tables::open(&data.join("tables"), clock.clone())
            .map_err(|error| StartError::service("dynamodb", error))?;
        let queues = Queues::open(&data.join("queues"), control.clone(), clock.clone(), log.clone())
            .map_err(|error| StartError::service("sqs", error))?;
        let targets = Arc::new(Targets::default());
        let logs = Logs::open(&data.join("logs"), control.clone(), clock.clone(), Some(targets.clone()), log.clone())
            .map_err(|error| StartError::service("logs", error))?;
        let objects = Objects::open(&data.join("objects"), clock.clone(), Some(targets.clone()))
            .map_err(|error| StartError::service("s3", error))?;
        // A new event source of Lambda's is a line here.
        let event_sources: Vec<Arc<dyn sources::EventSource>> = vec![
            sources::Kinesis::new(streams.clone()),
            sources::DynamoDb::new(tables.clone()),
            sources::Sqs::new(queues.clone()),
        ];
        let lambda = Lambda::open(
            &data.join("lambda"),
            control.clone(),
            clock.clone(),
            event_sources,
            objects.clone(),
            targets.clone(),
            LambdaConfig {
                endpoint_url: base_url.into(),
                umask: config.functions_umask,
                logs: Some(logs.sink()),
                ..LambdaConfig::default()
            },
        )
        .map_err(|error| StartError::service("lambda", error))?;
        let http_apis = HttpApis::open(control.clone(), clock.clone(), lambda.clone())
            .map_err(|error| StartError::service("apigateway", error))?;
        let identity = Identity::new(clock.clone());
        let events = Events::open(control.clone(), clock.clone(), targets.clone())
            .map_err(|error| StartError::service("events", error))?;
        let scheduler = Scheduler::open(control.clone(), clock.clone(), targets.clone())
            .map_err(|error| StartError::service("scheduler", error))?;
        let firehose = Firehose::open(&data.join("firehose"), control.clone(), clock.clone(), objects.clone(), log)
            .map_err(|error| StartError::service("firehose", error))?;
        let topics = Topics::open(control.clone(), clock.clone(), targets.clone(), base_url)
            .map_err(|error| StartError::service("sns", error.to_string()))?;
        // A new target of messages is a line here.
        targets.connect([
            ("lambda", lambda.clone()),
            ("kinesis", streams.clone()),
            ("firehose", firehose.clone()),
            ("events", events.clone()),
            ("sns", topics.clone()),
            ("sqs", queues.clone()),
        ]);
        // A new service moves in by a line here.
        let mut all: Vec<Arc<dyn Service>> = vec![
            http_apis.clone(),
            scheduler,
            events,
            firehose.clone(),
            lambda.clone(),
            logs.clone(),
            queues.clone(),
            objects.clone(),
            streams.clone(),
            tables.clone(),
            Arc::new(tables.streams()),
            identity,
            topics,
        ];
        all.extend(more);
        Ok(Arc::new(Self { streams, firehose, lambda, http_apis, logs, objects, tables, queues, all, control }))
    }

    /// Begins event source mappings and asynchronous invocations that wait from an earlier run.
    pub(crate) fn start_functions(&self) -> Result<(), StartError> {
        self.all.iter().try_for_each(|service| {
            service.start().map_err(|error| StartError::service(service.model().id, error.to_string()))
        })
    }

    /// What is wrong with each service.
    pub(crate) fn problems(&self) -> Vec<(&'static str, Vec<Problem>)> {
        self.all.iter().map(|service| (service.model().id, service.problems())).collect()
    }

    /// What is wrong with what all services share.
    pub(crate) fn shared_problems(&self) -> Vec<Problem> {
        let failing = |reason| Problem::new(ProblemKind::Poisoned, "control store", reason);
        self.control.failing().map(failing).into_iter().collect()
    }

    /// Lets functions finish what they are at, and begins nothing new with them.
    pub(crate) async fn stop_functions(&self) {
        for service in &self.all {
            service.pause().await;
        }
    }

    /// Stops background work and closes everything; what was acknowledged is on the disk.
    pub(crate) async fn shutdown(&self) {
        for service in &self.all {
            service.close().await;
        }
        self.control.close();
    }
}

/// Opens the control store, tied to the logs that only it can tell apart.
fn open_control(data: &DataDirectory) -> Result<ControlStore, StartError> {
    ControlStore::open_tied(
        &data.join("control.redb"),
        &[data.join("streams"), data.join("firehose"), data.join("logs"), data.join("queues")],
    )
    .map_err(|error| StartError::service("control store", error))
}
