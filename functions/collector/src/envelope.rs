//! The event a report arrives in: what Lambda made of a probe's asynchronous invocation, carried
//! by EventBridge. Who sent it is the envelope's `account`, which the sender cannot choose.

use phonehome_wire::Report;
use serde::Deserialize;
use serde_json::Value;

/// A report, or the news that the probe could not make one.
#[derive(Debug, PartialEq)]
pub(crate) enum Arrival {
    /// A report, and that it was checked against its sender.
    Report(Box<Report>),
    /// The probe function failed. That says nothing of the network: its heartbeat will be missing.
    Crashed {
        /// The account that sent it.
        account: String,
        /// The function.
        function: String,
        /// Lambda's or the function's error, as JSON.
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

/// Reads the body of a queue record.
///
/// # Errors
/// The reason to refuse it, for people.
pub(crate) fn read(body: &str) -> Result<Arrival, String> {
    let envelope: Envelope =
        serde_json::from_str(body).map_err(|error| format!("not an EventBridge event: {error}"))?;
    if envelope.source != "lambda" {
        return Err(format!("source {:?} is not \"lambda\"", envelope.source));
    }
    match envelope.detail_type.as_str() {
        SUCCESS => report(&envelope),
        FAILURE => Ok(Arrival::Crashed {
            function: text(&envelope.detail["requestContext"]["functionArn"]),
            error: envelope.detail["responsePayload"].to_string(),
            account: envelope.account,
        }),
        other => Err(format!("detail-type {other:?} is no invocation result")),
    }
}

fn report(envelope: &Envelope) -> Result<Arrival, String> {
    let payload = envelope.detail.get("responsePayload").ok_or(
        "the event carries no responsePayload; Lambda drops it when request and response exceed 256 KB together",
    )?;
    let report: Report =
        serde_json::from_value(payload.clone()).map_err(|error| format!("not a report: {error}"))?;
    report
        .validate(&envelope.account)
        .map_err(|problem| format!("report from account {}: {problem}", envelope.account))?;
    Ok(Arrival::Report(Box::new(report)))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("unknown").to_owned()
}
