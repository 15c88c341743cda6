//! phonehome's own metrics. Few and aggregate: a custom metric costs $0.30 a month, so none has an
//! account, a path or a check as a dimension.

use std::collections::BTreeMap;
use std::sync::Mutex;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};

use crate::Session;
use crate::error::OfSdk as _;
use phonehome_cloud::CloudError;

/// The CloudWatch namespace.
pub const NAMESPACE: &str = "phonehome";

/// Counts within one invocation; [`Metrics::flush`] sends the sums in one call.
#[derive(Debug)]
pub struct Metrics {
    client: Option<Client>,
    function: &'static str,
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

impl Metrics {
    /// Metrics of one function; the function's name is their only dimension.
    pub fn new(session: &Session, function: &'static str) -> Self {
        Self { client: Some(Client::new(session.config())), function, counts: Mutex::default() }
    }

    /// Metrics that go nowhere and are never flushed, for tests.
    pub fn void(function: &'static str) -> Self {
        Self { client: None, function, counts: Mutex::default() }
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
        let Some(client) = &self.client else { return };
        #[allow(clippy::unwrap_used, reason = "a poisoned lock means a panic already ended the invocation")]
        let counts = std::mem::take(&mut *self.counts.lock().unwrap());
        if counts.is_empty() {
            return;
        }
        let dimension = Dimension::builder().name("Function").value(self.function).build();
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
        if let Err(error) = request.send().await {
            let error = CloudError::of("cloudwatch:PutMetricData", NAMESPACE, &error);
            tracing::warn!(%error, "metrics lost");
        }
    }
}
