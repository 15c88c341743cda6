//! What cannot be used is kept, and disturbs nothing.

use phonehome_localcloud::QueueMessage;

use super::*;

impl Play {
    async fn dead_letters(&self, output: &str, count: usize) -> Result<Vec<QueueMessage>> {
        let start = Instant::now();
        loop {
            let letters = self
                .local_cloud
                .control
                .peek_queue(&LocalCloud::hub_place(), self.local_cloud.output(output)?)
                .await?;
            if letters.len() >= count {
                return Ok(letters);
            }
            ensure!(start.elapsed() < PATIENCE, "{} of {count} dead letters in {output}", letters.len());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_kept_with_its_reason_counted_and_disturbs_nothing() -> Result<()> {
    let (play, accounts) = Play::with_accounts(&["shop-dev"]).await?;
    play.until_ready(1).await?;
    play.send("ReconcileQueueUrl", r#"{"hello":"world"}"#).await?;
    play.send("ReconcileQueueUrl", "not even JSON").await?;
    play.send("ReportsQueueUrl", "garbage").await?;
    let forged = json!({"account": accounts[0], "source": "lambda",
        "detail-type": "Lambda Function Invocation Result - Success", "detail": {"responsePayload": {
            "version": 1, "account": "999999999999", "region": REGION, "availability_zone": "use1-az1",
            "run_id": "forged", "generation": 1, "started_at_ms": 1, "duration_ms": 1, "results": []}}});
    play.send("ReportsQueueUrl", &forged.to_string()).await?;

    let mut letters = play.dead_letters("ReconcileDeadLetterQueueUrl", 2).await?;
    letters.extend(play.dead_letters("ReportsDeadLetterQueueUrl", 2).await?);
    assert_eq!(letters.len(), 4, "{letters:#?}");
    let reasons: Vec<&String> = letters.iter().filter_map(|letter| letter.attributes.get("reason")).collect();
    for part in [
        "neither an account event",
        "not JSON",
        "not an EventBridge event",
        "claims account \"999999999999\"",
    ] {
        assert!(reasons.iter().any(|reason| reason.contains(part)), "{part}: {reasons:#?}");
    }
    // An invocation counts in its log, at its end.
    let start = Instant::now();
    loop {
        let metrics = play.local_cloud.control.metrics(&LocalCloud::hub_place()).await?;
        let refused: f64 =
            metrics.iter().filter(|metric| metric.name == "Refused").map(|metric| metric.sum).sum();
        ensure!(refused < 4.1 && start.elapsed() < PATIENCE, "{metrics:#?}");
        if refused > 3.9 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    play.until_all_paths_are_up(3).await?;
    Ok(())
}
