//! What a pack costs a month: list prices of `us-east-1`, read in November 2026. What is done with it (requests), and what
//! is in it (a GB), comes on top.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::compare::resources;
use crate::kinds::{KEY_CENTS, Usage, kind};

/// A KMS key after its second rotation, which is the last one that costs more, in US cents a month: a pack's key is rotated
/// once a year (<https://aws.amazon.com/kms/pricing/>).
pub const KEY_ROTATED_CENTS: u64 = 3 * KEY_CENTS;

/// What a pack's stack costs a month before and after a change, in US cents, while its keys are in their first year.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PackPrice {
    /// What is there now.
    pub before_cents: u64,
    /// What will be there, what is withheld included, and what leaves its template and stays.
    pub after_cents: u64,
}

/// What the resources of a template cost a month, in US cents: buckets, tables on demand, policies and roles nothing.
#[must_use]
pub fn monthly_cents(template: &Value) -> u64 {
    let resources = resources(template).unwrap_or_default();
    resources.values().filter_map(|resource| Some(kind(resource["Type"].as_str()?)?.monthly_cents)).sum()
}

/// What is paid for what is done with the resources of a template, beside requests and what is stored: each price once.
#[must_use]
pub fn usage(template: &Value) -> Vec<Usage> {
    let resources = resources(template).unwrap_or_default();
    let paid = resources.values().filter_map(|resource| kind(resource["Type"].as_str()?)?.usage);
    paid.collect::<BTreeSet<_>>().into_iter().collect()
}
