//! Where an account is observed.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

/// An account at an observability vendor for each domain and environment, its name that of the AWS account; an ingest key
/// of it, in the secret `phonehome/observability/new-relic` of the home Region; the role by which the vendor sees the AWS
/// account, and the link to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Observability {
    /// Which vendor.
    pub vendor: ObservabilityVendor,
    /// Where the vendor keeps the data. It cannot be changed once the account is made.
    pub data_center: ObservabilityDataCenter,
}

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
