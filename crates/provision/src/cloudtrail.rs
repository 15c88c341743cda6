//! Who changed something in an account, when CloudTrail says so.
//!
//! An EventBridge rule in the member account forwards "AWS API Call via CloudTrail" events, which come
//! within minutes of the call, and [`read`] reads their `detail`. CloudTrail is not asked:
//! LookupEvents allows two calls a second in an account, answers after up to 15 minutes, and would need
//! another SDK; an API call that comes as an event only has to be kept until an observation sees what it did.

use std::collections::BTreeSet;
use std::str::FromStr;

use phonehome_aws::sdk::SESSION_NAME;
use phonehome_state::ApiCall;
use serde_json::Value;

/// What the names of the probes begin with, which have no ids.
const PROBE_PREFIX: &str = "phonehome-probe-";
/// The longest name of a Lambda function.
const PROBE_NAME_MAX: usize = 64;
/// What ids begin with that a stack's changes are about. A `-` and 8 or 17 hexadecimal digits follow.
const ID_PREFIXES: [&str; 16] = [
    "vpc", "subnet", "rtb", "nat", "sg", "sgr", "igw", "acl", "vpce", "fl", "pcx", "eni", "eipalloc",
    "eipassoc", "rtbassoc", "aclassoc",
];

/// The longest text that is taken of an event, in characters: it comes from an account that anybody may
/// have got hold of. A role's name has at most 64, a session's 64, an ARN of the two some 200.
const TEXT_CHARS_MAX: usize = 256;
/// The most resources that are taken of one event: the longest calls of EC2 that change a network name
/// some twenty.
const RESOURCES_MAX: usize = 32;

/// Why an event is no API call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAChange {
    /// The call was refused, or failed: it changed nothing.
    #[error("{event_name} did not succeed: {code}")]
    Failed {
        /// The call.
        event_name: String,
        /// AWS's error code.
        code: String,
    },
    /// The call only looked.
    #[error("{event_name} changes nothing")]
    ReadOnly {
        /// The call.
        event_name: String,
    },
    /// It is not CloudTrail's event of a call.
    #[error(
        "the event carries no {0}: it is not of the detail type \"AWS API Call via CloudTrail\", or not its detail"
    )]
    Unreadable(&'static str),
}

/// Reads the `detail` of an EventBridge event "AWS API Call via CloudTrail". Each text of the answer has
/// at most 256 characters, and it names at most 32 resources.
///
/// # Errors
/// [`NotAChange`] when the call changed nothing, or when this is no such event.
pub fn read(detail: &Value) -> Result<ApiCall, NotAChange> {
    let event_name = text(detail, "/eventName").ok_or(NotAChange::Unreadable("eventName"))?;
    if let Some(code) = text(detail, "/errorCode") {
        return Err(NotAChange::Failed { event_name, code });
    }
    if detail.pointer("/readOnly") == Some(&Value::Bool(true)) {
        return Err(NotAChange::ReadOnly { event_name });
    }
    let identity = detail.get("userIdentity").ok_or(NotAChange::Unreadable("userIdentity"))?;
    let account = text(detail, "/recipientAccountId").or_else(|| text(identity, "/accountId"));
    let session = session(identity);
    let mut resource_ids = BTreeSet::new();
    for part in ["requestParameters", "responseElements"] {
        collect_ids(detail.get(part).unwrap_or(&Value::Null), &mut resource_ids);
    }
    Ok(ApiCall {
        account: id(account).ok_or(NotAChange::Unreadable("recipientAccountId"))?,
        region: id(text(detail, "/awsRegion")).ok_or(NotAChange::Unreadable("awsRegion"))?,
        when: text(detail, "/eventTime").ok_or(NotAChange::Unreadable("eventTime"))?,
        event_name,
        who: who(identity),
        role: session.map(|(role, _)| clip(role)),
        session: session.map(|(_, name)| clip(name)),
        resource_ids,
    })
}

/// Whether phonehome itself did it: a session named `phonehome` of the role that it assumes in member
/// accounts. The session's name alone proves nothing, anybody may give it.
pub fn is_ours(api_call: &ApiCall, member_role: &str) -> bool {
    api_call.session.as_deref() == Some(SESSION_NAME) && api_call.role.as_deref() == Some(member_role)
}

fn id<T: FromStr>(text: Option<String>) -> Option<T> {
    text?.parse().ok()
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().filter(|text| !text.is_empty()).map(clip)
}

fn clip(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

/// Role and name of a session: the last two parts of
/// `arn:aws:sts::123456789012:assumed-role/Admin/alice@example.com`.
fn session(identity: &Value) -> Option<(&str, &str)> {
    let arn = identity.get("arn")?.as_str()?;
    let (_, path) = arn.split_once(":assumed-role/")?;
    path.rsplit_once('/')
}

fn who(identity: &Value) -> String {
    let kind = text(identity, "/type").unwrap_or_else(|| "somebody".to_owned());
    let arn = text(identity, "/arn");
    let name = text(identity, "/userName");
    let invoked_by = text(identity, "/invokedBy");
    let account = text(identity, "/accountId");
    let actor = match (kind.as_str(), arn, name) {
        ("Root", ..) => "the root user".to_owned(),
        ("AWSService", ..) => {
            return format!("the AWS service {}", invoked_by.unwrap_or_else(|| "(unnamed)".to_owned()));
        }
        ("IAMUser", _, Some(name)) => format!("user {name}"),
        (_, Some(arn), _) => arn,
        (kind, None, Some(name)) => format!("{name} ({kind})"),
        ("AWSAccount", ..) if account.is_some() => format!("account {}", account.unwrap_or_default()),
        (kind, ..) => text(identity, "/principalId").map_or(kind.to_owned(), |id| format!("{kind} {id}")),
    };
    match invoked_by {
        Some(service) => format!("{actor}, through {service}"),
        None => actor,
    }
}

fn collect_ids(value: &Value, ids: &mut BTreeSet<String>) {
    match value {
        _ if ids.len() >= RESOURCES_MAX => {}
        Value::String(text) => ids.extend(id_in(text).map(str::to_owned)),
        Value::Array(items) => items.iter().for_each(|item| collect_ids(item, ids)),
        Value::Object(fields) => fields.values().for_each(|field| collect_ids(field, ids)),
        _ => {}
    }
}

/// A resource's id, or a probe's name, by itself or at the end of an ARN.
fn id_in(text: &str) -> Option<&str> {
    let last = text.rsplit([':', '/']).next().filter(|_| text.starts_with("arn:")).unwrap_or(text);
    let is_id = last.rsplit_once('-').is_some_and(|(prefix, digits)| {
        ID_PREFIXES.contains(&prefix)
            && matches!(digits.len(), 8 | 17)
            && digits.chars().all(|digit| digit.is_ascii_hexdigit())
    });
    let is_probe = last.starts_with(PROBE_PREFIX) && last.len() <= PROBE_NAME_MAX;
    (is_id || is_probe).then_some(last)
}

#[cfg(test)]
mod tests;
