//! A report as it arrives at the collector.

use phonehome_wire::Report;
use serde::Serialize;
use serde_json::{Value, json};

/// A queue's record of one report, as Lambda's destination and EventBridge bring it, under this message id.
fn record(message_id: &str, report: &Report) -> Value {
    json!({"messageId": message_id, "body": body(report), "eventSource": "aws:sqs"})
}

/// A queue's batch with one report in it.
#[must_use]
pub fn event(report: &Report) -> Value {
    json!({"Records": [record(&report.run_id, report)]})
}

/// An event of EventBridge's that brings a report.
#[derive(Serialize)]
struct Event<'r> {
    #[serde(flatten)]
    about: Value,
    detail: Detail<'r>,
}

/// What Lambda's destination says of a run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail<'r> {
    version: &'static str,
    request_context: Value,
    response_payload: &'r Report,
}

/// The body of such a record.
pub(crate) fn body(report: &Report) -> String {
    let (account, region) = (&report.account, &report.region);
    let function =
        format!("arn:aws:lambda:{region}:{account}:function:phonehome-probe-{}", report.availability_zone);
    let about = json!({
        "version": "0",
        "id": report.run_id,
        "source": "lambda",
        "detail-type": "Lambda Function Invocation Result - Success",
        "account": account,
        "region": region,
        "resources": [function],
    });
    let request_context =
        json!({"functionArn": function, "condition": "Success", "approximateInvokeCount": 1});
    let detail = Detail { version: "1.0", request_context, response_payload: report };
    #[allow(clippy::expect_used, reason = "every report is JSON, as a probe writes it")]
    serde_json::to_string(&Event { about, detail }).expect("an event")
}
