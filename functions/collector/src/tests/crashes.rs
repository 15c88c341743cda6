//! That a probe crashed is kept once, of probes alone, and bounded.

use phonehome_alerting::Crashes;
use phonehome_samples::SHOP_PROD;
use serde_json::json;

use super::*;

async fn crashes(collector: &Collector<MemoryTable, MemoryQueue>) -> Option<Crashes> {
    let doc = collector.table.get(&Keys::crashes(&SHOP_PROD.parse().unwrap())).await.unwrap()?;
    Some(doc.read().unwrap())
}

/// A crash of this function, as it comes from an account.
fn crash(function: &str, run_id: &str, payload: &Value) -> Value {
    let body = json!({
        "account": SHOP_PROD, "source": "lambda", "detail-type": "Lambda Function Invocation Result - Failure",
        "detail": {
            "requestContext": {"functionArn": function, "requestId": run_id},
            "responsePayload": payload,
        },
    });
    json!({"Records": [{"messageId": "1", "body": body.to_string()}]})
}

#[tokio::test]
async fn that_a_probe_crashed_is_kept_with_its_error_and_twice_is_once() {
    let collector = collector().await;
    let event = &samples()["probe-crashed.json"];
    collector.handle(event).await.unwrap();
    let stored = crashes(&collector).await.unwrap();
    let crash = stored.of(&probe(ZONES[0])).unwrap();
    assert_eq!(crash.at_ms, 1_684_139_234_000, "when the news came into the queue");
    assert!(crash.error.starts_with("Runtime.ExitError: RequestId: 8f0f3a52"), "{}", crash.error);
    collector.handle(event).await.unwrap();
    let key = Keys::crashes(&SHOP_PROD.parse().unwrap());
    assert_eq!(collector.table.get(&key).await.unwrap().unwrap().version, 1);
}

#[tokio::test]
async fn what_is_no_probe_of_the_sender_is_not_kept() {
    let collector = collector().await;
    for function in [
        "arn:aws:lambda:us-east-1:999999999999:function:phonehome-probe-use1-az1",
        "arn:aws:lambda:us-east-1:444455556666:function:somebody-elses",
        "arn:aws:lambda:us-east-1:444455556666:function:phonehome-probe-",
        "arn:aws:lambda:US EAST:444455556666:function:phonehome-probe-use1-az1",
        "phonehome-probe-use1-az1",
        "",
    ] {
        collector.handle(&crash(function, "run", &json!({"errorMessage": "killed"}))).await.unwrap();
        assert_eq!(crashes(&collector).await, None, "{function}");
    }
    assert!(collector.dead_letters.sent().is_empty());
}

#[tokio::test]
async fn hundreds_of_crashes_of_zones_that_an_account_makes_up_are_one_small_document() {
    let collector = collector().await;
    for number in 0..200 {
        let function =
            format!("arn:aws:lambda:us-east-1:{SHOP_PROD}:function:phonehome-probe-use1-az{number}");
        let text = "<!channel>\u{202e}".repeat(5_000);
        let payload = json!({"errorType": text, "errorMessage": text});
        collector.handle(&crash(&function, &"r".repeat(5_000), &payload)).await.unwrap();
    }
    let stored = crashes(&collector).await.unwrap();
    assert_eq!(stored.probes.len(), phonehome_alerting::CRASHES_KEPT);
    assert!(serde_json::to_string(&stored).unwrap().len() < 20_000);
}
