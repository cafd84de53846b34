//! The execution environments of one function: from none up to its concurrency.

use anabranch_ports::LogStreamName;
use anabranch_protocol::{ApiError, Clock, Problem, ProblemKind, ServiceInstant, SystemClock};
use parking_lot::Mutex;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::environment::{Ended, Environment, InitFailure, Launch};
use super::function_log::FunctionLog;
use super::outcome;
use super::process::PidFiles;
use super::session::{NO_REQUEST, Work};
use super::variables::variables;
use crate::config::LambdaConfig;
use crate::error::{service_exception, too_many_requests};
use crate::failing::OngoingFailures;
use crate::function::FunctionSpec;
use crate::invoke::{Invocation, InvokeOutcome, LogTail};
use crate::runtimes::{CannotStart, Runtimes, Start};
use crate::time::day;

/// Events that died with an idle process before they were taken move on this often.
const ENVIRONMENTS_PER_EVENT_MAX: usize = 3;

/// How long an environment that has answered has to ask for its next event, at least.
const SETTLE_WAIT_MIN: Duration = Duration::from_millis(100);
/// How long an event waits for an environment that has just answered another one.
const SETTLING_WAIT_MAX: Duration = Duration::from_millis(50);

/// The pool. A changed function gets a new one; the old one ends with its last invocation.
pub(crate) struct Pool {
    spec: Arc<FunctionSpec>,
    runtimes: Arc<Runtimes>,
    /// How processes are started, once that is found out.
    start: tokio::sync::Mutex<Option<Arc<Start>>>,
    config: Arc<LambdaConfig>,
    clock: Arc<dyn Clock>,
    pid_files: PidFiles,
    log: FunctionLog,
    permits: Arc<Semaphore>,
    queued: AtomicUsize,
    idle: Mutex<Vec<IdleEnvironment>>,
    idle_changed: Notify,
    /// Environments whose answer is out and which have not yet asked for the next event.
    settling: AtomicUsize,
    settled: Notify,
    init: Mutex<InitRecord>,
    failing: OngoingFailures,
    retired: AtomicBool,
    /// Environments that run now, idle ones included.
    running: Arc<AtomicUsize>,
}

#[derive(Default)]
struct InitRecord {
    failures: u32,
    retry_at: Option<ServiceInstant>,
}

struct IdleEnvironment {
    environment: Environment,
    since: ServiceInstant,
}

/// Its one failure is known by this name.
const START: &str = "start";

type Sender = oneshot::Sender<Result<InvokeOutcome, ApiError>>;

impl Pool {
    pub(crate) fn new(
        spec: Arc<FunctionSpec>,
        runtimes: Arc<Runtimes>,
        config: Arc<LambdaConfig>,
        clock: Arc<dyn Clock>,
        pid_files: PidFiles,
        log_directory: &Path,
    ) -> Arc<Self> {
        let concurrency = spec.reserved_concurrency.unwrap_or(config.concurrency_default);
        let log = FunctionLog::new(log_directory, &spec.name, clock.clone(), config.log_bytes_max);
        let pool = Arc::new(Self {
            spec,
            runtimes,
            start: tokio::sync::Mutex::default(),
            clock,
            pid_files,
            log,
            permits: Arc::new(Semaphore::new(concurrency as usize)),
            queued: AtomicUsize::new(0),
            idle: Mutex::default(),
            idle_changed: Notify::new(),
            settling: AtomicUsize::new(0),
            settled: Notify::new(),
            init: Mutex::default(),
            failing: OngoingFailures::default(),
            retired: AtomicBool::new(false),
            running: Arc::default(),
            config,
        });
        tokio::spawn(stop_idle(Arc::downgrade(&pool), pool.config.environment_idle_max));
        pool
    }

    /// Environments that exist, busy or idle.
    pub(crate) fn environments(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Why the function's processes don't start, if they don't.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let resource = |_: &str| format!("function {}", self.spec.id().label());
        self.failing.problems(resource)
    }

    /// Runs `invocation` when an environment is free for it. The event runs to its end
    /// even if the caller goes away.
    pub(crate) async fn invoke(self: &Arc<Self>, invocation: Invocation) -> Result<InvokeOutcome, ApiError> {
        let permit = self.permit().await?;
        let (sender, outcome) = oneshot::channel();
        tokio::spawn(self.clone().run(invocation, permit, sender));
        outcome.await.unwrap_or_else(|_| Err(service_exception("The invocation was given up: the server is stopping")))
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        if let Ok(permit) = self.permits.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let reserved_none = self.spec.reserved_concurrency == Some(0);
        let queued = QueueGuard::enter(&self.queued);
        if reserved_none || queued.length > self.config.queued_invocations_max {
            return Err(too_many_requests("Rate Exceeded."));
        }
        match tokio::time::timeout(self.config.queue_wait_max, self.permits.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(service_exception("The server is stopping")),
            Err(_) => Err(too_many_requests("Rate Exceeded.")),
        }
    }

    async fn run(self: Arc<Self>, invocation: Invocation, permit: OwnedSemaphorePermit, sender: Sender) {
        for _ in 0..ENVIRONMENTS_PER_EVENT_MAX {
            let (mut environment, spent) = match self.environment().await {
                Ok(environment) => environment,
                Err(failure) => {
                    let _ = sender.send(if failure.is_exhaustion() {
                        let name = &self.spec.name;
                        Err(too_many_requests(format!(
                            "The host can't start another process for {name} now: {failure}"
                        )))
                    } else {
                        Ok(outcome::of_init_failure(&invocation.request_id, failure))
                    });
                    return;
                }
            };
            let first_use = !environment.used;
            let calls = environment.next_calls();
            let began = Instant::now();
            let timeout = self.spec.timeout.saturating_sub(spent);
            let work = self.work(&invocation, timeout);
            let ended = environment.run(work, invocation.stream.clone(), timeout, self.spec.memory_mb).await;
            if matches!(ended, Ended::NotTaken) {
                environment.kill().await;
                continue;
            }
            let finish = Finish { pool: &self, invocation: &invocation, began, first_use, calls };
            finish.conclude(environment, ended, sender).await;
            // The permit ends only after the environment is idle, so that the next
            // invocation finds it.
            drop(permit);
            return;
        }
        let _ = sender.send(Err(service_exception("The function's processes end before they take an event")));
    }

    fn work(&self, invocation: &Invocation, timeout: Duration) -> Work {
        Work {
            request_id: invocation.request_id.clone(),
            payload: invocation.payload.clone(),
            // By the machine's clock: the function's process reads no other.
            deadline_ms: SystemClock.now_ms() + timeout.as_millis() as u64,
            function_arn: invocation.function_arn.clone().unwrap_or_else(|| self.spec.id().arn()),
            trace_id: invocation.trace_id.clone().unwrap_or_else(|| trace_id(self.clock.now_ms())),
            client_context: invocation.client_context.clone(),
        }
    }

    /// An idle environment, the most recently used first, or else a new one; and what of the
    /// invocation's time its start has taken.
    async fn environment(&self) -> Result<(Environment, Duration), InitFailure> {
        if let Some(environment) = self.idle_environment().await {
            return Ok((environment, Duration::ZERO));
        }
        let retry_at = self.init.lock().retry_at;
        if let Some(retry_at) = retry_at {
            self.clock.sleep_until(retry_at).await;
        }
        let mut started = self.start(self.config.init_timeout).await.map(|environment| (environment, Duration::ZERO));
        if let Err(InitFailure::TimedOut(limit)) = &started {
            // As on AWS, it is begun again as a part of the invocation.
            let milliseconds = limit.as_secs_f64() * 1000.0;
            let line = format!("INIT_REPORT Init Duration: {milliseconds:.2} ms\tPhase: init\tStatus: timeout");
            self.log.line(NO_REQUEST, &line).await;
            let again = self.start(self.spec.timeout).await;
            started = again.map(|environment| {
                let spent = environment.init_duration;
                (environment, spent)
            });
        }
        let mut init = self.init.lock();
        match &started {
            Ok(_) => {
                *init = InitRecord::default();
                self.failing.succeeded(START);
            }
            Err(failure) => {
                tracing::error!(function = %self.spec.name, %failure, "a function process did not start");
                let kind = if failure.is_exhaustion() { ProblemKind::Descriptors } else { ProblemKind::Failing };
                self.failing.failed(START, self.clock.now_ms(), kind, failure.to_string());
                init.failures += 1;
                init.retry_at = Some(self.clock.instant() + self.config.init_backoff.after(init.failures));
            }
        }
        started
    }

    /// An idle environment. One that has just answered is waited for briefly, or else a
    /// caller who sends one event after the other would start a second process.
    async fn idle_environment(&self) -> Option<Environment> {
        let deadline = tokio::time::Instant::now() + SETTLING_WAIT_MAX;
        loop {
            let settled = self.settled.notified();
            let newest = self.idle.lock().pop();
            match newest {
                Some(idle) if idle.environment.is_alive() => return Some(idle.environment),
                Some(_) => continue,
                None if self.settling.load(Ordering::Acquire) == 0 => return None,
                None => tokio::time::timeout_at(deadline, settled).await.ok()?,
            }
        }
    }

    /// How processes are started. What is only there in part is looked for again the next time.
    async fn how_to_start(&self) -> Result<Arc<Start>, CannotStart> {
        let mut known = self.start.lock().await;
        if let Some(start) = &*known {
            return Ok(start.clone());
        }
        let tell = |line: String| {
            let log = self.log.clone();
            async move { log.line(NO_REQUEST, &line).await }
        };
        let start = Arc::new(self.runtimes.start(&self.spec, tell).await?);
        if start.is_complete {
            *known = Some(start.clone());
        }
        Ok(start)
    }

    async fn start(&self, init_timeout: Duration) -> Result<Environment, InitFailure> {
        let start = self.how_to_start().await.map_err(InitFailure::CannotStart)?;
        let day = day(self.clock.now_ms());
        let log_stream = format!("{day}/[{}]{}", self.spec.version, Uuid::new_v4().simple());
        let log = self.log_of(&log_stream);
        log.line(NO_REQUEST, &outcome::init_start(&self.spec)).await;
        let runtimes = self.runtimes.clone();
        let temporary = tokio::task::spawn_blocking(move || runtimes.temporary()).await.map_err(io::Error::other);
        let temporary =
            temporary.flatten().map_err(|error| InitFailure::Spawn { program: start.program.clone(), error })?;
        let environment = Environment::start(Launch {
            start: &start,
            variables: variables(&self.config, &self.spec, &start, &log_stream, &temporary),
            temporary,
            umask: self.config.umask,
            log_stream,
            log,
            pid_files: self.pid_files.clone(),
            init_timeout,
        })
        .await?;
        self.running.fetch_add(1, Ordering::Relaxed);
        let (running, ended) = (self.running.clone(), environment.exit_watch());
        tokio::spawn(async move {
            ended.await;
            running.fetch_sub(1, Ordering::Relaxed);
        });
        Ok(environment)
    }

    /// The log of an environment.
    fn log_of(&self, log_stream: &str) -> FunctionLog {
        let log = self.log.of_version(&self.spec.version);
        let Some(sink) = &self.config.logs else { return log };
        let stream = LogStreamName {
            account: self.spec.scope.account.to_string(),
            region: self.spec.scope.region.to_string(),
            group: self.spec.log_group.clone(),
            stream: log_stream.into(),
        };
        log.of_stream(sink, stream)
    }

    /// Takes an environment back, or stops it if the pool is no longer used.
    async fn give_back(&self, environment: Environment) {
        {
            let mut idle = self.idle.lock();
            if !self.retired.load(Ordering::Acquire) {
                idle.push(IdleEnvironment { environment, since: self.clock.instant() });
                drop(idle);
                self.idle_changed.notify_one();
                self.settled.notify_one();
                return;
            }
        }
        environment.stop().await;
    }

    /// Stops idle environments now, and busy ones after their invocation.
    pub(crate) async fn retire(&self) {
        let idle = {
            let mut idle = self.idle.lock();
            self.retired.store(true, Ordering::Release);
            std::mem::take(&mut *idle)
        };
        self.idle_changed.notify_one();
        let mut stopping = JoinSet::new();
        for idle in idle {
            stopping.spawn(async move { idle.environment.stop().await });
        }
        stopping.join_all().await;
    }

    /// Waits until no invocation is under way.
    pub(crate) async fn drained(&self) {
        let concurrency = self.spec.reserved_concurrency.unwrap_or(self.config.concurrency_default);
        let _ = self.permits.acquire_many(concurrency).await;
    }
}

/// The end of an invocation: its answer, its report line, its environment's fate.
struct Finish<'a> {
    pool: &'a Pool,
    invocation: &'a Invocation,
    began: Instant,
    first_use: bool,
    calls: u64,
}

impl Finish<'_> {
    async fn conclude(self, mut environment: Environment, ended: Ended, sender: Sender) {
        let elapsed = self.began.elapsed();
        let healthy = matches!(ended, Ended::Answered(_));
        let memory_mb = environment.memory_max_mb();
        let status = outcome::status(&ended);
        let line = outcome::line(&self.invocation.request_id, self.pool.clock.now_ms(), self.pool.spec.timeout, &ended);
        let mut outcome = self.outcome(ended);
        if !healthy {
            environment.kill().await;
        }
        let report = self.report(elapsed, memory_mb, &environment, status);
        if healthy && self.invocation.log_tail == LogTail::None {
            self.pool.settling.fetch_add(1, Ordering::AcqRel);
            let _ = sender.send(Ok(outcome));
            let settled = self.settle(&mut environment).await;
            environment.flush_output().await;
            environment.report(&report).await;
            self.end(environment, settled).await;
            self.pool.settling.fetch_sub(1, Ordering::AcqRel);
            self.pool.settled.notify_one();
            return;
        }
        let settled = healthy && self.settle(&mut environment).await;
        environment.flush_output().await;
        if let Some(line) = line {
            environment.note(&line).await;
        }
        let tail = environment.report(&report).await;
        if self.invocation.log_tail == LogTail::Last4Kb {
            outcome.log_tail = Some(tail);
        }
        let _ = sender.send(Ok(outcome));
        self.end(environment, settled).await;
    }

    /// Waits for the process to ask for the next event; what it does until then still
    /// counts as this invocation, so its timeout holds.
    async fn settle(&self, environment: &mut Environment) -> bool {
        let left = self.pool.spec.timeout.saturating_sub(self.began.elapsed());
        environment.settled(self.calls, left.max(SETTLE_WAIT_MIN)).await
    }

    async fn end(&self, environment: Environment, settled: bool) {
        if settled {
            self.pool.give_back(environment).await;
        } else {
            environment.kill().await;
        }
    }

    fn outcome(&self, ended: Ended) -> InvokeOutcome {
        let id = &self.invocation.request_id;
        match ended {
            Ended::Answered(answer) => outcome::of_answer(id, answer),
            Ended::Exited(exit) => outcome::of_exit(id, &exit),
            Ended::OutOfMemory => outcome::of_too_much_memory(id),
            Ended::TimedOut | Ended::NotTaken => outcome::of_timeout(id, self.pool.spec.timeout),
        }
    }

    fn report(
        &self,
        elapsed: Duration,
        memory_max_mb: Option<u64>,
        environment: &Environment,
        status: Option<&str>,
    ) -> String {
        let init = self.first_use.then_some(environment.init_duration);
        let memory_mb = self.pool.spec.memory_mb;
        let mut report = outcome::report(&self.invocation.request_id, elapsed, memory_mb, memory_max_mb, init);
        report.extend(status.into_iter().flat_map(|status| ["\t", status]));
        report
    }
}

fn trace_id(now_ms: u64) -> String {
    let id = Uuid::new_v4().simple().to_string();
    let parent = Uuid::new_v4().simple().to_string();
    format!("Root=1-{:08x}-{};Parent={};Sampled=0", now_ms / 1000, &id[..24], &parent[..16])
}

struct QueueGuard<'a> {
    queued: &'a AtomicUsize,
    length: usize,
}

impl<'a> QueueGuard<'a> {
    fn enter(queued: &'a AtomicUsize) -> Self {
        Self { queued, length: queued.fetch_add(1, Ordering::AcqRel) + 1 }
    }
}

impl Drop for QueueGuard<'_> {
    fn drop(&mut self) {
        self.queued.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Stops environments that were idle for `idle_max`; sleeps while there are none.
async fn stop_idle(pool: std::sync::Weak<Pool>, idle_max: Duration) {
    loop {
        let Some(strong) = pool.upgrade() else { return };
        let expired = {
            let mut idle = strong.idle.lock();
            let now = strong.clock.instant();
            let kept = idle.iter().position(|idle| now - idle.since < idle_max);
            let count = kept.unwrap_or(idle.len());
            idle.drain(..count).collect::<Vec<_>>()
        };
        for idle in expired {
            idle.environment.stop().await;
        }
        if strong.retired.load(Ordering::Acquire) {
            return;
        }
        let oldest = strong.idle.lock().first().map(|idle| strong.clock.sleep_until(idle.since + idle_max));
        match oldest {
            Some(expired) => expired.await,
            None => strong.idle_changed.notified().await,
        }
    }
}
