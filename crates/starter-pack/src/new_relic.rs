//! What in a template is New Relic's own.

use phonehome_fleet::ObservabilityDataCenter;

/// What it is called.
pub(crate) const NAME: &str = "New Relic";
/// Its own account at AWS
/// (<https://docs.newrelic.com/docs/infrastructure/amazon-integrations/connect/connect-aws-new-relic-infrastructure-monitoring/>).
pub(crate) const AWS_ACCOUNT: &str = "754728514883";
/// The secret with the ingest key.
pub(crate) const SECRET: &str = "phonehome/observability/new-relic";

/// Where it takes what Firehose sends
/// (<https://docs.newrelic.com/docs/infrastructure/amazon-integrations/connect/aws-metric-stream-setup/>).
pub(crate) const fn metrics_endpoint(data_center: ObservabilityDataCenter) -> &'static str {
    match data_center {
        ObservabilityDataCenter::Us => "https://aws-api.newrelic.com/cloudwatch-metrics/v1",
        ObservabilityDataCenter::Eu => "https://aws-api.eu01.nr-data.net/cloudwatch-metrics/v1",
    }
}
