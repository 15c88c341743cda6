//! phonehome's own metrics. Few and aggregate: a custom metric costs $0.30 a month, so none has an
//! account, a path or a check as a dimension.
//!
//! They are collected over an invocation and leave it at once. A function that runs once a minute sends them by one
//! call. One that runs for every few reports, or for each account at each sweep, would pay for a call about as much
//! as for everything else it does: it writes them into its log, in CloudWatch's embedded metric format, and
//! CloudWatch makes metrics of them.

mod numbers;
mod outlet;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_cloudwatch::Client;
use phonehome_cloud::{SystemClock, WallClock as _};

use crate::Session;
use numbers::Numbers;
use outlet::Outlet;

pub use outlet::{NAMESPACE, RUNS};

/// What is counted within one invocation; [`Metrics::flush`] sends it at once.
#[derive(Debug)]
pub struct Metrics {
    function: &'static str,
    outlet: Outlet,
    counted: Mutex<BTreeMap<&'static str, Numbers>>,
    flushes: AtomicU32,
}

impl Metrics {
    /// Metrics of one function, sent by a call; the function's name is their only dimension.
    pub fn new(session: &Session, function: &'static str) -> Self {
        Self::through(Outlet::Call { client: Client::new(session.config()), watcher: None }, function)
    }

    /// The same, as lines of the function's log.
    pub fn in_log(function: &'static str) -> Self {
        Self::through(Outlet::Log, function)
    }

    /// Metrics that go nowhere and are kept when they are flushed, for tests.
    pub fn void(function: &'static str) -> Self {
        Self::through(Outlet::Nowhere, function)
    }

    /// The same metrics, whose `Runs` are put into the watcher's Region as well: the alarm of `infra/watcher.yaml`
    /// is raised when they stay away. No other metric goes there.
    #[must_use]
    pub fn watched_in(self, watcher: &Session) -> Self {
        let Outlet::Call { client, .. } = self.outlet else { return self };
        let watcher = Some(Client::new(watcher.config()));
        Self { outlet: Outlet::Call { client, watcher }, ..self }
    }

    fn through(outlet: Outlet, function: &'static str) -> Self {
        Self { function, outlet, counted: Mutex::default(), flushes: AtomicU32::new(0) }
    }

    /// Adds `count` to a metric.
    pub fn count(&self, metric: &'static str, count: u64) {
        self.with(|counted| counted.entry(metric).or_insert(Numbers::Sum(0)).add(count));
    }

    /// Notes one measurement, in milliseconds; CloudWatch gets it in seconds, so that it knows its percentiles.
    pub fn duration(&self, metric: &'static str, ms: u64) {
        self.with(|counted| counted.entry(metric).or_insert(Numbers::Durations(vec![])).note(ms));
    }

    /// The sums since the last flush.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        let sum = |(name, numbers): (&&'static str, &Numbers)| Some((*name, numbers.sum()?));
        self.with(|counted| counted.iter().filter_map(sum).collect())
    }

    /// The measurements of a metric since the last flush, in milliseconds.
    pub fn durations(&self, metric: &str) -> Vec<u64> {
        self.with(|counted| counted.get(metric).map(Numbers::durations).unwrap_or_default())
    }

    /// What was counted since the last flush, as it would stand in the log.
    pub fn lines(&self) -> Vec<String> {
        let now_ms = SystemClock.now_ms();
        let lines = self.with(|counted| outlet::embedded(self.function, counted, now_ms));
        lines.iter().map(ToString::to_string).collect()
    }

    /// How often there was something to send.
    pub fn flushes(&self) -> u32 {
        self.flushes.load(Ordering::Relaxed)
    }

    /// Sends what was counted, with one call or line, and starts again at nothing. A failure is logged, not
    /// returned, and bounded in time: a metric must never fail the work it counts.
    pub async fn flush(&self) {
        let nothing = self.with(|counted| counted.is_empty());
        if nothing {
            return;
        }
        self.flushes.fetch_add(1, Ordering::Relaxed);
        if matches!(self.outlet, Outlet::Nowhere) {
            return;
        }
        let counted = self.with(std::mem::take);
        self.outlet.send(self.function, &counted).await;
    }

    #[allow(clippy::unwrap_used, reason = "a poisoned lock means a panic already ended the invocation")]
    fn with<R>(&self, work: impl FnOnce(&mut BTreeMap<&'static str, Numbers>) -> R) -> R {
        work(&mut self.counted.lock().unwrap())
    }
}

#[cfg(test)]
mod tests;
