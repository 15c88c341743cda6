//! What is called the same in every account.

use phonehome_wire::AccountId;

/// The path of all roles and users.
pub(crate) const IDENTITY_PATH: &str = "/phonehome/";
pub(crate) const KEY_ALIAS: &str = "alias/phonehome";
pub(crate) const LOCK_TABLE: &str = "phonehome-state-lock";
/// What S3 copies logs with.
pub(crate) const FORWARDING_ROLE: &str = "phonehome-log-forwarding";
/// What the name of a secret with a machine user's access key begins with.
pub(crate) const SECRET_PREFIX: &str = "phonehome/machine-users/";
/// What an observability vendor sees the account with.
pub(crate) const OBSERVABILITY_ROLE: &str = "phonehome-observability";
/// The secret with the ingest key, by its name in the template.
pub const OBSERVABILITY_KEY: &str = "ObservabilityKey";
/// The stream of metrics, by its name in the template.
pub const METRIC_STREAM: &str = "MetricStream";
/// What CloudWatch streams metrics with.
pub(crate) const METRIC_STREAM_ROLE: &str = "phonehome-metric-stream";
/// What Firehose sends them with.
pub(crate) const METRIC_DELIVERY_ROLE: &str = "phonehome-metric-delivery";
/// The metric stream, the stream of Firehose that it is sent by, and what the bucket with what was not sent begins with.
pub(crate) const METRICS: &str = "phonehome-metrics";
/// What follows a bucket's prefix in the account's own namespace.
pub(crate) const BUCKET_SUFFIX: &str = "-${AWS::AccountId}-${AWS::Region}-an";
/// GitHub's identity provider.
pub(crate) const PROVIDER: &str = "token.actions.githubusercontent.com";

/// The ARN of GitHub's identity provider in an account.
pub(crate) fn provider_arn(partition: &str, account: &AccountId) -> String {
    format!("arn:{partition}:iam::{account}:oidc-provider/{PROVIDER}")
}
