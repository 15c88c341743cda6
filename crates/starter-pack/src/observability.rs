//! What an account has so that a vendor observes it: the secret with the ingest key, and the role that the vendor assumes.
//! No key is in a template: it would be seen by whoever may read that.

use phonehome_fleet::DeclaredPack;
use phonehome_observability::VendorAccountId;
use serde_json::{Map, Value, json};

use crate::called::{OBSERVABILITY_KEY, OBSERVABILITY_ROLE};
use crate::metric_stream;
use crate::new_relic::{AWS_ACCOUNT, NAME, SECRET};
use crate::resource::{filled_in, kept};
use crate::roles::role;

/// The role that the vendor assumes, by its name in the template.
pub const OBSERVING_ROLE: &str = "ObservabilityRole";

/// What stands in a plan for the account that is still to be made.
const NOT_MADE_YET: &str = "the-account-that-is-to-be-made";
/// Names and settings of what there is, no data. New Relic recommends `ReadOnlyAccess`, by which whoever has the role reads
/// each object and each item of the account
/// (<https://docs.newrelic.com/docs/infrastructure/amazon-integrations/get-started/integrations-managed-policies/>).
const VIEW_ONLY: &str = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess";

/// The account at the vendor, as far as a template names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VendorAccount {
    /// In a plan one that is still to be made has a name of its own.
    Planned,
    /// It is not known yet: the stack has what needs no account.
    Awaited,
    /// This one.
    Known(VendorAccountId),
}

pub(crate) fn resources(declared: &DeclaredPack, account: VendorAccount) -> Map<String, Value> {
    let mut resources = Map::new();
    let Some(observability) = &declared.observability else { return resources };
    // It is empty until the key is made, and encrypted with Secrets Manager's own key of the account.
    let properties = json!({
        "Name": SECRET,
        "Description": format!("Ingest key of this account's account at {NAME}, made by phonehome"),
    });
    resources.insert(OBSERVABILITY_KEY.to_owned(), kept("AWS::SecretsManager::Secret", properties));
    let external_id = match account {
        VendorAccount::Awaited => return resources,
        VendorAccount::Planned => NOT_MADE_YET.to_owned(),
        VendorAccount::Known(id) => id.to_string(),
    };
    let trust = json!([{
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": { "AWS": filled_in(format!("arn:${{AWS::Partition}}:iam::{AWS_ACCOUNT}:root")) },
        "Condition": { "StringEquals": { "sts:ExternalId": external_id } },
    }]);
    let metrics = json!([{
        "Effect": "Allow", "Resource": "*",
        "Action": ["cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics", "tag:GetResources"],
    }]);
    let boundary = declared.observability_boundary.as_deref();
    let managed = [VIEW_ONLY.to_owned()];
    let role = role(OBSERVABILITY_ROLE, &trust, &managed, boundary, Some(("metrics", metrics)));
    resources.insert(OBSERVING_ROLE.to_owned(), role);
    if let Some(stream) = &observability.metric_stream {
        resources.extend(metric_stream::resources(stream, observability.data_center, boundary));
    }
    resources
}
