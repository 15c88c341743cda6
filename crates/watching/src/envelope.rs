//! The event a report arrives in: what Lambda made of a probe's asynchronous invocation, carried
//! by EventBridge. Who sent it is the envelope's `account`, which the sender cannot choose.

use phonehome_alerting::Refused;
use phonehome_wire::{AccountId, AzId, Region, Report, ReportProblem};
use serde::Deserialize;
use serde_json::Value;

/// The longest text that is taken of a probe's crash, in characters.
const CRASH_CHARS_MAX: usize = 300;

/// How the names of the probes' functions begin; the zone follows.
const PROBE_PREFIX: &str = "phonehome-probe-";

/// A report, or the news that the probe could not make one.
#[derive(Debug, PartialEq)]
pub enum Arrival {
    /// A report, and that it was checked against its sender.
    Report(Box<Report>),
    /// A report that does not count.
    Refused {
        /// The account that sent it.
        account: AccountId,
        /// Why.
        refused: Refused,
        /// What is wrong with it, for people.
        problem: String,
    },
    /// The probe function failed. That says nothing of the network: its heartbeat will be missing.
    Crashed {
        /// The account that sent it.
        account: AccountId,
        /// The function; at most 300 characters.
        function: String,
        /// Which of the account's probes that is, where it is one.
        probe: Option<(Region, AzId)>,
        /// The invocation that failed; at most 300 characters.
        run_id: String,
        /// Lambda's or the function's error; at most 300 characters.
        error: String,
    },
}

#[derive(Deserialize)]
struct Envelope {
    account: String,
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
    detail: Value,
}

const SUCCESS: &str = "Lambda Function Invocation Result - Success";
const FAILURE: &str = "Lambda Function Invocation Result - Failure";

/// Reads the body of a queue record. SQS bounds its size (1 MiB), and Lambda that of a batch (6 MB).
///
/// # Errors
/// The reason to refuse it, for people: it is nothing that EventBridge brings here from an account.
pub fn read(body: &str) -> Result<Arrival, String> {
    arrival(serde_json::from_str(body).map_err(no_event)?)
}

/// The same of an event that was parsed already.
///
/// # Errors
/// As [`read`].
pub fn read_event(event: Value) -> Result<Arrival, String> {
    arrival(Envelope::deserialize(event).map_err(no_event)?)
}

fn no_event(error: serde_json::Error) -> String {
    format!("not an EventBridge event: {error}")
}

fn arrival(envelope: Envelope) -> Result<Arrival, String> {
    if envelope.source != "lambda" {
        return Err(format!("source {:?} is not \"lambda\"", envelope.source));
    }
    let account: AccountId = envelope.account.parse().map_err(|error| format!("the sender {error}"))?;
    Ok(match envelope.detail_type.as_str() {
        SUCCESS => match report(&envelope, &account) {
            Ok(report) => Arrival::Report(Box::new(report)),
            Err((refused, problem)) => Arrival::Refused { account, refused, problem },
        },
        FAILURE => crashed(&envelope.detail, account),
        other => Arrival::Refused {
            problem: format!("detail-type {other:?} is no invocation result"),
            account,
            refused: Refused::Unreadable,
        },
    })
}

fn crashed(detail: &Value, account: AccountId) -> Arrival {
    let context = &detail["requestContext"];
    let function = context["functionArn"].as_str().unwrap_or("unknown");
    let payload = &detail["responsePayload"];
    let error = match (payload["errorType"].as_str(), payload["errorMessage"].as_str()) {
        (Some(kind), Some(message)) => format!("{kind}: {message}"),
        (None, Some(message)) => message.to_owned(),
        _ => payload.to_string(),
    };
    Arrival::Crashed {
        probe: probe_of(function, &account),
        function: clip(function),
        run_id: clip(context["requestId"].as_str().unwrap_or_default()),
        error: clip(&error),
        account,
    }
}

/// The probe whose function this is: `arn:aws:lambda:us-east-1:444455556666:function:phonehome-probe-use1-az1:$LATEST`.
/// None of another account than the sender's.
fn probe_of(function: &str, sender: &AccountId) -> Option<(Region, AzId)> {
    let parts: Vec<&str> = function.split(':').collect();
    let ["arn", _, "lambda", region, account, "function", name, ..] = parts.as_slice() else { return None };
    let zone = name.strip_prefix(PROBE_PREFIX).filter(|_| *account == sender.as_str())?;
    Some((region.parse().ok()?, zone.parse().ok()?))
}

fn report(envelope: &Envelope, sender: &AccountId) -> Result<Report, (Refused, String)> {
    let unreadable = |problem: String| (Refused::Unreadable, problem);
    let payload = envelope.detail.get("responsePayload").ok_or_else(|| {
        unreadable(
            "the event carries no responsePayload; Lambda drops it when request and response exceed 256 KB together"
                .to_owned(),
        )
    })?;
    let mut report =
        Report::deserialize(payload).map_err(|error| unreadable(format!("not a report: {error}")))?;
    report.validate(sender).map_err(|problem| match problem {
        ReportProblem::Forged { .. } => (Refused::Forged, problem.to_string()),
        _ => unreadable(problem.to_string()),
    })?;
    // Probes of earlier releases do not say it; what they were given does.
    report.rerun |= envelope.detail["requestPayload"]["rerun"] == true;
    report.clip();
    Ok(report)
}

fn clip(text: &str) -> String {
    text.chars().take(CRASH_CHARS_MAX).map(|it| if it.is_control() { ' ' } else { it }).collect()
}
