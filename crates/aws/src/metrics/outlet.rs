//! Where the metrics of an invocation go.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum};
use phonehome_cloud::{CloudError, SystemClock, WallClock as _};
use serde_json::{Value, json};

use super::numbers::Numbers;
use crate::error::OfSdk as _;

/// The CloudWatch namespace.
pub const NAMESPACE: &str = "phonehome";
/// The metric that the watcher waits for: a run that did what it is for.
pub const RUNS: &str = "Runs";
/// How long a function waits for CloudWatch, retries included. It has done its work by then, and loses nothing but
/// a minute's metrics: CloudWatch, or another Region, that hangs must not look like a function that does.
const SEND_TIME_MAX: Duration = Duration::from_secs(4);

/// Where the metrics of an invocation go.
#[derive(Debug)]
pub(super) enum Outlet {
    /// By a call, and `Runs` to the watcher's Region, too, where there is a watcher.
    Call { client: Client, watcher: Option<Client> },
    /// Into the log.
    Log,
    /// For tests.
    Nowhere,
}

impl Outlet {
    pub(super) async fn send(&self, function: &str, counted: &BTreeMap<&'static str, Numbers>) {
        match self {
            Self::Nowhere => {}
            Self::Log => {
                for line in embedded(function, counted, SystemClock.now_ms()) {
                    if let Err(error) = writeln!(std::io::stdout().lock(), "{line}") {
                        tracing::warn!(%error, "metrics lost");
                    }
                }
            }
            Self::Call { client, watcher } => {
                let watched = async {
                    let (Some(watcher), Some((name, runs))) = (watcher, counted.get_key_value(RUNS)) else {
                        return;
                    };
                    put(watcher, function, &BTreeMap::from([(*name, runs.clone())])).await;
                };
                // Side by side: what is wrong with one Region must not take the other's time.
                tokio::join!(put(client, function, counted), watched);
            }
        }
    }
}

async fn put(client: &Client, function: &str, counted: &BTreeMap<&'static str, Numbers>) {
    let region = client.config().region().map(ToString::to_string).unwrap_or_default();
    match tokio::time::timeout(SEND_TIME_MAX, call(client, function, counted)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, region, "metrics lost"),
        Err(_) => tracing::warn!(region, "metrics lost: CloudWatch did not answer in time"),
    }
}

async fn call(
    client: &Client,
    function: &str,
    counted: &BTreeMap<&'static str, Numbers>,
) -> Result<(), CloudError> {
    let dimension = Dimension::builder().name("Function").value(function).build();
    let mut request = client.put_metric_data().namespace(NAMESPACE);
    for (metric, numbers) in counted {
        for values in numbers.parts() {
            let datum = MetricDatum::builder()
                .metric_name(*metric)
                .dimensions(dimension.clone())
                .unit(numbers.unit());
            let datum = match values[..] {
                [value] => datum.value(value),
                _ => datum.set_values(Some(values)),
            };
            request = request.metric_data(datum.build());
        }
    }
    let sent = request.send().await;
    sent.map(drop).map_err(|error| CloudError::of("cloudwatch:PutMetricData", NAMESPACE, &error))
}

/// Lines in the embedded metric format, each with what is to become metrics, and beside it dimension and numbers.
/// One is enough, unless something was measured more often than a line may say.
pub(super) fn embedded(function: &str, counted: &BTreeMap<&'static str, Numbers>, now_ms: u64) -> Vec<Value> {
    let parts: Vec<_> = counted.iter().map(|(name, numbers)| (name, numbers, numbers.parts())).collect();
    let lines = parts.iter().map(|(.., parts)| parts.len()).max().unwrap_or_default();
    let line = |index: usize| {
        let (mut line, mut metrics) = (json!({"Function": function}), vec![]);
        for (name, numbers, values) in &parts {
            let Some(values) = values.get(index) else { continue };
            line[**name] = match numbers {
                Numbers::Sum(sum) => json!(sum),
                Numbers::Durations(_) => json!(values),
            };
            metrics.push(json!({"Name": name, "Unit": numbers.unit().as_str()}));
        }
        line["_aws"] = json!({
            "Timestamp": now_ms,
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [["Function"]], "Metrics": metrics}],
        });
        line
    };
    (0..lines).map(line).collect()
}
