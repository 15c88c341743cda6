//! phonehome's own metrics. Few and aggregate: a custom metric costs $0.30 a month, so none has an
//! account, a path or a check as a dimension.
//!
//! A function that runs once a minute sends them by a call. Of one that runs for every few reports that would cost
//! more than everything else it does: it writes them into its log, in CloudWatch's embedded metric format, and
//! CloudWatch makes metrics of them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Mutex;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use phonehome_cloud::{CloudError, SystemClock, WallClock as _};
use serde_json::{Value, json};

use crate::Session;
use crate::error::OfSdk as _;

/// The CloudWatch namespace.
pub const NAMESPACE: &str = "phonehome";

/// Where the sums of an invocation go.
#[derive(Debug)]
enum Outlet {
    Call(Client),
    Log,
    Nowhere,
}

/// Counts within one invocation; [`Metrics::flush`] sends the sums at once.
#[derive(Debug)]
pub struct Metrics {
    function: &'static str,
    outlet: Outlet,
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

impl Metrics {
    /// Metrics of one function, sent by a call; the function's name is their only dimension.
    pub fn new(session: &Session, function: &'static str) -> Self {
        Self { function, outlet: Outlet::Call(Client::new(session.config())), counts: Mutex::default() }
    }

    /// The same, as lines of the function's log.
    pub fn in_log(function: &'static str) -> Self {
        Self { function, outlet: Outlet::Log, counts: Mutex::default() }
    }

    /// Metrics that go nowhere and are never flushed, for tests.
    pub fn void(function: &'static str) -> Self {
        Self { outlet: Outlet::Nowhere, ..Self::in_log(function) }
    }

    /// Adds `count` to a metric.
    #[allow(clippy::unwrap_used, reason = "a poisoned lock means a panic already ended the invocation")]
    pub fn count(&self, metric: &'static str, count: u64) {
        *self.counts.lock().unwrap().entry(metric).or_default() += count;
    }

    /// The sums since the last flush.
    #[allow(clippy::unwrap_used, reason = "a poisoned lock means a panic already ended the invocation")]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.lock().unwrap().clone()
    }

    /// Sends the sums and starts again at zero. A failure is logged, not returned: a metric must
    /// never fail the work it counts.
    pub async fn flush(&self) {
        if matches!(self.outlet, Outlet::Nowhere) {
            return;
        }
        #[allow(clippy::unwrap_used, reason = "a poisoned lock means a panic already ended the invocation")]
        let counts = std::mem::take(&mut *self.counts.lock().unwrap());
        if counts.is_empty() {
            return;
        }
        match &self.outlet {
            Outlet::Nowhere => {}
            Outlet::Log => {
                let line = embedded(self.function, &counts, SystemClock.now_ms());
                if let Err(error) = writeln!(std::io::stdout().lock(), "{line}") {
                    tracing::warn!(%error, "metrics lost");
                }
            }
            Outlet::Call(client) => {
                if let Err(error) = put(client, self.function, counts).await {
                    tracing::warn!(%error, "metrics lost");
                }
            }
        }
    }
}

async fn put(client: &Client, function: &str, counts: BTreeMap<&'static str, u64>) -> Result<(), CloudError> {
    let dimension = Dimension::builder().name("Function").value(function).build();
    let mut request = client.put_metric_data().namespace(NAMESPACE);
    for (metric, count) in counts {
        #[allow(clippy::cast_precision_loss, reason = "counts of one invocation are small")]
        let datum = MetricDatum::builder()
            .metric_name(metric)
            .dimensions(dimension.clone())
            .unit(StandardUnit::Count)
            .value(count as f64);
        request = request.metric_data(datum.build());
    }
    let sent = request.send().await;
    sent.map(drop).map_err(|error| CloudError::of("cloudwatch:PutMetricData", NAMESPACE, &error))
}

/// One line in the embedded metric format: what is to become metrics, and beside it dimension and sums.
fn embedded(function: &str, counts: &BTreeMap<&'static str, u64>, now_ms: u64) -> Value {
    let metrics: Vec<Value> = counts.keys().map(|name| json!({"Name": name, "Unit": "Count"})).collect();
    let mut line = json!(counts);
    line["Function"] = json!(function);
    line["_aws"] = json!({
        "Timestamp": now_ms,
        "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [["Function"]], "Metrics": metrics}],
    });
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_its_metrics_with_their_sums_and_the_function_as_the_only_dimension() {
        let counts = BTreeMap::from([("Handled", 7), ("Refused", 0)]);
        let line = embedded("collector", &counts, 1_778_833_634_000);
        let expected = json!({
            "_aws": {
                "Timestamp": 1_778_833_634_000_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "phonehome",
                    "Dimensions": [["Function"]],
                    "Metrics": [{"Name": "Handled", "Unit": "Count"}, {"Name": "Refused", "Unit": "Count"}],
                }],
            },
            "Function": "collector", "Handled": 7, "Refused": 0,
        });
        assert_eq!(line, expected);
    }

    #[tokio::test]
    async fn what_was_flushed_is_not_counted_again() {
        let metrics = Metrics::in_log("test");
        metrics.count("Runs", 1);
        metrics.flush().await;
        assert!(metrics.counts().is_empty());
    }
}
