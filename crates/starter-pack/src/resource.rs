//! How resources are written.

use serde_json::{Value, json};

/// A resource that stays when it leaves the template, and when the stack goes. One that was made by a creation that failed
/// does not, so that it can be tried again.
pub(crate) fn kept(kind: &str, properties: Value) -> Value {
    json!({
        "Type": kind,
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    })
}

/// A text in which CloudFormation fills in what differs from account to account.
pub(crate) fn filled_in(text: impl Into<String>) -> Value {
    json!({ "Fn::Sub": text.into() })
}
