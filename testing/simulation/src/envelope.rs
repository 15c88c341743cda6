//! A report as it arrives at the collector.

use phonehome_wire::Report;
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

/// The body of such a record.
pub(crate) fn body(report: &Report) -> String {
    let (account, region) = (&report.account, &report.region);
    let function =
        format!("arn:aws:lambda:{region}:{account}:function:phonehome-probe-{}", report.availability_zone);
    let body = json!({
        "version": "0",
        "id": report.run_id,
        "source": "lambda",
        "detail-type": "Lambda Function Invocation Result - Success",
        "account": account,
        "region": region,
        "resources": [function],
        "detail": {
            "version": "1.0",
            "requestContext": {"functionArn": function, "condition": "Success", "approximateInvokeCount": 1},
            "responsePayload": report,
        },
    });
    body.to_string()
}
