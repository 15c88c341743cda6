//! The shapes of what is shown. What is not of them makes the whole list unusable: what it lacks would be taken for missing.

use phonehome_observability::{DataCenter, IngestKey, Link, NewIngestKey, VendorAccount, VendorAccountId};
use serde_json::Value;

/// The mode of a link to which metrics are sent.
pub(crate) const PUSH: &str = "PUSH";

/// Characters of a key's value at most. One has 40, and Firehose takes 4,096
/// (<https://docs.aws.amazon.com/firehose/latest/APIReference/API_HttpEndpointConfiguration.html>).
const VALUE_MAX: usize = 4096;

fn list<T>(shown: &Value, what: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, String> {
    let items = shown.as_array().ok_or_else(|| format!("the answer has no list of {what}"))?;
    let read = |item: &Value| read(item).ok_or_else(|| format!("one of the {what} lacks what identifies it"));
    items.iter().map(read).collect()
}

pub(crate) fn account_id(shown: &Value) -> Option<VendorAccountId> {
    shown.as_u64().and_then(|id| u32::try_from(id).ok()).filter(|id| *id > 0).map(VendorAccountId::new)
}

pub(crate) fn accounts(shown: &Value) -> Result<Vec<VendorAccount>, String> {
    list(shown, "accounts", |it| {
        Some(VendorAccount {
            id: account_id(&it["id"])?,
            name: it["name"].as_str()?.to_owned(),
            data_center: match it["regionCode"].as_str()? {
                "us01" => Some(DataCenter::Us),
                "eu01" => Some(DataCenter::Eu),
                _ => None,
            },
            is_canceled: it["isCanceled"].as_bool()?,
        })
    })
}

pub(crate) fn keys(shown: &Value) -> Result<Vec<IngestKey>, String> {
    // A key need not have a name.
    let name = |it: &Value| it["name"].as_str().unwrap_or_default().to_owned();
    list(shown, "keys", |it| Some(IngestKey { id: it["id"].as_str()?.parse().ok()?, name: name(it) }))
}

pub(crate) fn new_key(shown: &Value) -> Option<NewIngestKey> {
    let value = shown["key"].as_str().filter(|value| (1..=VALUE_MAX).contains(&value.len()))?;
    Some(NewIngestKey { id: shown["id"].as_str()?.parse().ok()?, value: value.to_owned() })
}

pub(crate) fn links(shown: &Value) -> Result<Vec<Link>, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    // Other clouds' accounts have no role.
    list(shown, "links", |it| {
        let (name, role_arn) = (it["name"].as_str()?.to_owned(), text(&it["authLabel"]));
        Some(Link { name, role_arn, is_streamed: it["metricCollectionMode"] == PUSH })
    })
}
