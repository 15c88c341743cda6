//! Where an account is observed.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

/// An account at an observability vendor for each domain and environment, its name that of the AWS account; an ingest key
/// of it, in the secret `phonehome/observability/new-relic` of the home Region; the role by which the vendor sees the AWS
/// account, and the link to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Observability {
    /// Which vendor.
    pub vendor: ObservabilityVendor,
    /// Where the vendor keeps the data. It cannot be changed once the account is made.
    pub data_center: ObservabilityDataCenter,
    /// A stream of metrics to the vendor, in place of its asking for them. By default there is none.
    #[schemars(with = "MetricStream", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_stream: Option<MetricStream>,
}

/// A stream of CloudWatch's metrics of the home Region: a CloudWatch metric stream into Firehose, which sends them to the
/// vendor, and keeps for 14 days what could not be sent. AWS takes money for each metric and each GB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct MetricStream {
    /// Whose metrics are streamed, each as CloudWatch has it: `AWS/EC2`.
    #[schemars(length(min = 1, max = 50), inner(length(max = 255), regex(pattern = NAMESPACE)))]
    pub namespaces: Vec<String>,
}

/// A namespace of CloudWatch's
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html>).
const NAMESPACE: &str = r"^[A-Za-z0-9._/#-]([A-Za-z0-9._/#: -]*[A-Za-z0-9._/#:-])?$";

/// An observability vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObservabilityVendor {
    /// New Relic. The hub needs a user's key (`NewRelicUserKeySecretArn` of `infra/hub.yaml`).
    NewRelic,
}

/// Where an observability vendor keeps data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ObservabilityDataCenter {
    /// In the United States.
    Us,
    /// In the European Union.
    Eu,
}

/// How it is, or `false`: not, whatever a wider section says. There is no usual data center.
pub(super) fn unless_off(generator: &mut SchemaGenerator) -> Schema {
    let detailed = generator.subschema_for::<Observability>();
    json_schema!({ "anyOf": [{ "const": false }, detailed] })
}
