//! What the provisioner is told: an account event, an account to look at, or a sweep.

use phonehome_alerting::Rerun;
use phonehome_planner::{Decommission, LimitRequest};
use phonehome_provision::cloudtrail::{self, NotAChange};
use phonehome_provision::requeue::Waited;
use phonehome_state::ApiCall;
use phonehome_wire::{AccountId, InvalidId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::{Failure, Undone};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// Observe one account.
    Account(Reconcile),
    /// Observe one account, in which somebody has just changed something.
    Changed(Reconcile, Box<ApiCall>),
    /// An event of a member account that concerns nobody: a call that failed, or that only looked.
    Nothing,
    /// Observe every account. With a number: go on with the sweep of that number.
    Sweep(Option<u64>),
    /// Have a probe run some of its checks once more.
    Rerun(Rerun),
    /// AWS could not do something with an account: it is said, and the account observed if there is one.
    Failure(Failure),
}

/// The attribute of a message that a sweep has sent, and its value. It is not in the request, where a release before
/// this one refuses what it does not know.
pub(crate) const BY_SWEEP: (&str, &str) = ("by", "sweep");

/// An account to look at, and how long that has been going on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reconcile {
    /// The account's id.
    pub(crate) account: AccountId,
    /// How often it was requeued because something was not ready.
    #[serde(default)]
    pub(crate) attempt: u32,
    /// When it was requeued for the first time since something was last done in it; milliseconds since
    /// the Unix epoch.
    #[serde(default)]
    pub(crate) since_ms: u64,
    /// When it was requeued for the very first time; milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) first_ms: u64,
    /// What may be taken away or disturbed this time; by default what a sweep may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limits: Option<LimitRequest>,
    /// Give the account's stacks up instead: `remove` or `forget`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "release", alias = "decommission")]
    pub(crate) decommission: Option<Decommission>,
    /// Whether a sweep asks ([`BY_SWEEP`]), and nobody has a reason to look.
    #[serde(skip)]
    pub(crate) is_routine: bool,
}

impl Reconcile {
    /// An observation of the account, for the first time.
    pub(crate) fn of(account: AccountId) -> Self {
        Self {
            account,
            attempt: 0,
            since_ms: 0,
            first_ms: 0,
            limits: None,
            decommission: None,
            is_routine: false,
        }
    }

    /// How long it has been waited for.
    pub(crate) fn waited(&self) -> Waited {
        Waited { attempt: self.attempt, since_ms: self.since_ms, first_ms: self.first_ms }
    }

    /// The same once more, with what is left of its limits.
    pub(crate) fn again(&self, waited: Waited, limits: Option<LimitRequest>) -> Self {
        let Waited { attempt, since_ms, first_ms } = waited;
        Self { attempt, since_ms, first_ms, limits, is_routine: false, ..self.clone() }
    }

    /// Whether it asks for no more than any observation of the account does.
    pub(crate) fn is_plain(&self) -> bool {
        self.limits.is_none() && self.decommission.is_none()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Reads the body of a queue record. Account events are believed from the account `management` alone:
/// who sent one is in its envelope, which EventBridge writes.
///
/// # Errors
/// The reason to refuse it, for people.
pub(crate) fn read(body: &str, management: &AccountId) -> Result<Request, String> {
    let body: Value = serde_json::from_str(body).map_err(|error| format!("not JSON: {error}"))?;
    if let Some(reconcile) = body.get("reconcile") {
        let reconcile: Reconcile = serde_json::from_value(reconcile.clone())
            .map_err(|error| format!("bad reconcile request: {error}"))?;
        return Ok(Request::Account(reconcile));
    }
    if let Some(rerun) = body.get("rerun") {
        let rerun = serde_json::from_value(rerun.clone());
        return rerun.map(Request::Rerun).map_err(|error| format!("bad request to run again: {error}"));
    }
    if let Some(sweep) = body.get("sweep") {
        return Ok(Request::Sweep(sweep["number"].as_u64()));
    }
    if body["source"] == "aws.ec2" {
        return changed(&body);
    }
    account_event(&body, management)
}

/// A change that CloudTrail saw in a member account. Where it was is the envelope's account and Region,
/// whatever the body says.
fn changed(event: &Value) -> Result<Request, String> {
    let mut api_call = match cloudtrail::read(&event["detail"]) {
        Ok(api_call) => api_call,
        Err(NotAChange::Failed { .. } | NotAChange::ReadOnly { .. }) => return Ok(Request::Nothing),
        Err(unreadable @ NotAChange::Unreadable(_)) => return Err(unreadable.to_string()),
    };
    api_call.account = account(event["account"].as_str())?;
    let region = event["region"].as_str().ok_or("the event has no Region")?;
    api_call.region = region.parse().map_err(|error: InvalidId| error.to_string())?;
    Ok(Request::Changed(Reconcile::of(api_call.account.clone()), Box::new(api_call)))
}

/// An event of Organizations or Control Tower. The account id is all that is taken from it: an
/// event is a hint, what is observed is the truth.
fn account_event(event: &Value, management: &AccountId) -> Result<Request, String> {
    let source = event["source"].as_str().unwrap_or_default();
    if source != "aws.organizations" && source != "aws.controltower" {
        return Err(format!(
            "neither an account event nor a request: source is {source:?}, expected aws.organizations or \
             aws.controltower or aws.ec2, or a body with \"reconcile\", \"rerun\" or \"sweep\""
        ));
    }
    let sender = event["account"].as_str().unwrap_or_default();
    if sender != *management {
        return Err(format!(
            "an account event that account {sender:?} sent, and only the management account {management} may"
        ));
    }
    let detail = &event["detail"];
    let name = detail["eventName"].as_str().unwrap_or_default();
    let details = &detail["serviceEventDetails"];
    // A call that was refused changed nothing.
    if detail["errorCode"].as_str().is_some_and(|code| !code.is_empty()) {
        return Ok(Request::Nothing);
    }
    match name {
        "CreateAccountResult" => result(name, &details["createAccountStatus"], Undone::Creation),
        "CloseAccountResult" => result(name, &details["closeAccountStatus"], Undone::Closure),
        "CreateManagedAccount" => result(name, &details["createManagedAccountStatus"], Undone::Enrolment),
        "UpdateManagedAccount" => result(name, &details["updateManagedAccountStatus"], Undone::Update),
        "AccountJoinedOrganization" | "AccountDepartedOrganization" => membership(name, details),
        "MoveAccount" => hint(name, &detail["requestParameters"]["accountId"]),
        // Says only that some account accepted an invitation: observe all of them.
        "AcceptHandshake" => Ok(Request::Sweep(None)),
        "" => Err("the event has no detail.eventName".to_owned()),
        other => Err(format!("eventName {other:?} is none that phonehome knows")),
    }
}

/// How something that AWS did with an account went. Organizations has the account's id in the status
/// itself, Control Tower in an `account` there.
fn result(name: &str, status: &Value, undone: Undone) -> Result<Request, String> {
    let id =
        if status["account"].is_object() { &status["account"]["accountId"] } else { &status["accountId"] };
    match status["state"].as_str() {
        Some("FAILED") => Ok(Request::Failure(Failure::read(undone, status, account(id.as_str()).ok()))),
        // Another event comes when it is done.
        Some("IN_PROGRESS") => Ok(Request::Nothing),
        // Whatever state it may be, what is observed is the truth.
        Some(_) => hint(name, id),
        // An account is closed whether or not the event says how far that is.
        None if undone == Undone::Closure => hint(name, id),
        None => Err(format!("{name}: the event has no state")),
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
    Ok(Request::Account(Reconcile::of(account)))
}

fn account(id: Option<&str>) -> Result<AccountId, String> {
    let id = id.ok_or("there is no account id")?;
    id.parse().map_err(|error: InvalidId| error.to_string())
}
