//! What several test files need.
#![allow(dead_code, reason = "no test file needs all of it")]

use phonehome_fleet::Fleet;
use phonehome_starter_pack::Pack;
use serde_json::Value;

/// Two domains in two Regions, with everything that there is.
pub(crate) const FULL: &str = include_str!("../fixtures/full.yaml");

pub(crate) fn fleet(text: &str) -> Fleet {
    phonehome_fleet::parse(text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The text with one part replaced, which must occur exactly once.
pub(crate) fn with(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "{old:?} must occur once in the file");
    text.replace(old, new)
}

pub(crate) fn pack(text: &str, account: &str, region: &str) -> Option<Pack> {
    let fleet = fleet(text);
    Pack::of(&fleet, &fleet.member(account).unwrap(), &region.parse().unwrap())
}

pub(crate) fn template(text: &str, account: &str, region: &str) -> Value {
    pack(text, account, region).unwrap_or_else(|| panic!("{account} has no pack in {region}")).template()
}

/// The same file in another Region of another partition.
pub(crate) fn moved(text: &str, region: &str, zone: &str) -> String {
    text.replace("us-east-1", region).replace("use1-az1", zone)
}

/// As CloudFormation fills it in for an account and a Region.
pub(crate) fn filled(value: &Value, account: &str, region: &str, partition: &str) -> Value {
    let fill = |text: &str| {
        text.replace("${AWS::AccountId}", account)
            .replace("${AWS::Region}", region)
            .replace("${AWS::Partition}", partition)
    };
    match value {
        Value::Object(entries) => {
            if let Some(text) = entries.get("Fn::Sub").and_then(Value::as_str) {
                return fill(text).into();
            }
            if entries.get("Ref").and_then(Value::as_str) == Some("AWS::AccountId") {
                return account.into();
            }
            if entries.get("Ref").and_then(Value::as_str) == Some("GitHubProvider") {
                let provider = "token.actions.githubusercontent.com";
                return format!("arn:{partition}:iam::{account}:oidc-provider/{provider}").into();
            }
            let each = entries.iter().map(|(k, v)| (k.clone(), filled(v, account, region, partition)));
            Value::Object(each.collect())
        }
        Value::Array(items) => items.iter().map(|it| filled(it, account, region, partition)).collect(),
        other => other.clone(),
    }
}

/// The texts of a value that is one or a list of them.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        other => vec![other.as_str().unwrap_or_default().to_owned()],
    }
}
