//! What the provisioner is told: an account event, an account to look at, or a sweep.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// Look at one account.
    Account(Reconcile),
    /// Look at every account.
    Sweep,
    /// An account could not be made. Nothing to do but to say so.
    CreationFailed {
        /// AWS's request id (`car-…`), or what the event has instead.
        request: String,
        /// AWS's code, `EMAIL_ALREADY_EXISTS`.
        reason: String,
    },
}

/// An account to look at, and how long that has been going on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Reconcile {
    /// The account's id.
    pub(crate) account: String,
    /// How often it was put back because something was not ready.
    pub(crate) attempt: u32,
    /// When it was first put back; milliseconds since the Unix epoch.
    pub(crate) since_ms: u64,
}

/// Reads the body of a queue record.
///
/// # Errors
/// The reason to refuse it, for people.
pub(crate) fn read(body: &str) -> Result<Request, String> {
    let body: Value = serde_json::from_str(body).map_err(|error| format!("not JSON: {error}"))?;
    if let Some(reconcile) = body.get("reconcile") {
        let reconcile: Reconcile = serde_json::from_value(reconcile.clone())
            .map_err(|error| format!("bad reconcile request: {error}"))?;
        return account(Some(&reconcile.account)).map(|_| Request::Account(reconcile));
    }
    if body.get("sweep").is_some() {
        return Ok(Request::Sweep);
    }
    account_event(&body)
}

/// An event of Organizations or Control Tower. The account id is all that is taken from it: an
/// event is a hint, what is observed is the truth.
fn account_event(event: &Value) -> Result<Request, String> {
    let source = event["source"].as_str().unwrap_or_default();
    if source != "aws.organizations" && source != "aws.controltower" {
        return Err(format!(
            "neither an account event nor a request: source is {source:?}, expected aws.organizations or \
             aws.controltower, or a body with \"reconcile\" or \"sweep\""
        ));
    }
    let detail = &event["detail"];
    let name = detail["eventName"].as_str().unwrap_or_default();
    let details = &detail["serviceEventDetails"];
    match name {
        "CreateAccountResult" => creation(name, &details["createAccountStatus"], "accountId"),
        "CloseAccountResult" => hint(name, &details["closeAccountStatus"]["accountId"]),
        "CreateManagedAccount" => managed(name, &details["createManagedAccountStatus"]),
        "UpdateManagedAccount" => managed(name, &details["updateManagedAccountStatus"]),
        "AccountJoinedOrganization" | "AccountDepartedOrganization" => membership(name, details),
        "MoveAccount" => hint(name, &detail["requestParameters"]["accountId"]),
        // Says only that some account accepted an invitation: look at all of them.
        "AcceptHandshake" => Ok(Request::Sweep),
        "" => Err("the event has no detail.eventName".to_owned()),
        other => Err(format!("eventName {other:?} is none that phonehome knows")),
    }
}

fn creation(name: &str, status: &Value, id: &str) -> Result<Request, String> {
    match status["state"].as_str() {
        Some("SUCCEEDED") => hint(name, &status[id]),
        Some("FAILED") => Ok(Request::CreationFailed {
            request: status["id"].as_str().unwrap_or("unknown request").to_owned(),
            reason: status["failureReason"].as_str().unwrap_or("no reason given").to_owned(),
        }),
        Some(other) => Err(format!("{name}: state {other:?} is neither SUCCEEDED nor FAILED")),
        None => Err(format!("{name}: the event has no state")),
    }
}

/// Control Tower. On failure the account id can be the text `Not Available`.
fn managed(name: &str, status: &Value) -> Result<Request, String> {
    match status["state"].as_str() {
        Some("FAILED") => Ok(Request::CreationFailed {
            request: format!(
                "{name} of {}, requested {}",
                status["account"]["accountName"].as_str().unwrap_or("an unnamed account"),
                status["requestedTimestamp"].as_str().unwrap_or("at an unknown time")
            ),
            reason: status["message"].as_str().unwrap_or("no reason given").to_owned(),
        }),
        _ => creation(
            name,
            &serde_json::json!({"state": status["state"], "accountId": status["account"]["accountId"]}),
            "accountId",
        ),
    }
}

/// No full sample of these is public, so the id is looked for where it may be.
fn membership(name: &str, details: &Value) -> Result<Request, String> {
    let places = [
        "/accountId",
        "/account/accountId",
        "/account/id",
        "/accountJoinedOrganization/accountId",
        "/accountDepartedOrganization/accountId",
    ];
    let found = places.iter().find_map(|place| details.pointer(place));
    hint(name, found.unwrap_or(&Value::Null))
}

fn hint(name: &str, id: &Value) -> Result<Request, String> {
    let account = account(id.as_str()).map_err(|problem| format!("{name}: {problem}"))?;
    Ok(Request::Account(Reconcile { account, ..Reconcile::default() }))
}

fn account(id: Option<&str>) -> Result<String, String> {
    match id {
        Some(id) if id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()) => Ok(id.to_owned()),
        Some(other) => Err(format!("{other:?} is not an account id (12 digits)")),
        None => Err("there is no account id".to_owned()),
    }
}
