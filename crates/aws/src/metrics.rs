//! phonehome's own metrics. Few and aggregate: a custom metric costs $0.30 a month, so none has an
//! account, a path or a check as a dimension.
//!
//! They are written into the function's log, in CloudWatch's embedded metric format, and CloudWatch makes
//! metrics of them: a call for each invocation would cost more than everything else that a function does.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Mutex;

use phonehome_cloud::{SystemClock, WallClock as _};
use serde_json::{Value, json};

/// The CloudWatch namespace.
pub const NAMESPACE: &str = "phonehome";

/// Counts within one invocation; [`Metrics::flush`] writes the sums as one line of the log.
#[derive(Debug)]
pub struct Metrics {
    function: &'static str,
    is_void: bool,
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

impl Metrics {
    /// Metrics of one function; the function's name is their only dimension.
    pub fn new(function: &'static str) -> Self {
        Self { function, is_void: false, counts: Mutex::default() }
    }

    /// Metrics that go nowhere and are never flushed, for tests.
    pub fn void(function: &'static str) -> Self {
        Self { is_void: true, ..Self::new(function) }
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

    /// Writes the sums and starts again at zero. A failure is logged, not returned: a metric must
    /// never fail the work it counts.
    pub fn flush(&self) {
        if self.is_void {
            return;
        }
        #[allow(clippy::unwrap_used, reason = "a poisoned lock means a panic already ended the invocation")]
        let counts = std::mem::take(&mut *self.counts.lock().unwrap());
        if counts.is_empty() {
            return;
        }
        let line = embedded(self.function, &counts, SystemClock.now_ms());
        if let Err(error) = writeln!(std::io::stdout().lock(), "{line}") {
            tracing::warn!(%error, "metrics lost");
        }
    }
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

    #[test]
    fn what_was_flushed_is_not_counted_again() {
        let metrics = Metrics::new("test");
        metrics.count("Runs", 1);
        metrics.flush();
        assert!(metrics.counts().is_empty());
    }
}
