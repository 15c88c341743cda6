//! Bad input: refused, kept with its reason, and disturbs nothing.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use phonehome_localcloud::{LocalCloud, MANAGEMENT_ACCOUNT, QueueMessage};
use serde_json::json;

use super::cast::Cast;
use super::narrator::Narrator;

/// Sends what must be refused, and shows where it ended.
pub(crate) async fn sent_and_refused(
    local_cloud: &LocalCloud,
    cast: &Cast,
    narrator: &mut Narrator,
) -> Result<()> {
    narrator.act("Bad input");
    let hub = LocalCloud::hub_place();
    let reconcile = local_cloud.output("ReconcileQueueUrl")?;
    local_cloud.control.send_message(&hub, reconcile, r#"{"hello":"world"}"#).await?;
    let no_id = json!({"account": MANAGEMENT_ACCOUNT, "source": "aws.organizations", "detail": {"eventName": "CreateAccountResult",
        "serviceEventDetails": {"createAccountStatus": {"state": "SUCCEEDED"}}}});
    local_cloud.control.send_message(&hub, reconcile, &no_id.to_string()).await?;
    let forged = report(cast.id("shop-dev")?, cast.id("payments-prod")?);
    let reports = local_cloud.output("ReportsQueueUrl")?;
    local_cloud.control.send_message(&hub, reports, "garbage").await?;
    local_cloud.control.send_message(&hub, reports, &forged).await?;
    narrator.say("sent: an event of unknown shape, one without account id, a garbage report, a report that claims another account");
    let start = std::time::Instant::now();
    let letters = loop {
        let mut letters =
            local_cloud.control.peek_queue(&hub, local_cloud.output("ReconcileDeadLetterQueueUrl")?).await?;
        letters.extend(
            local_cloud.control.peek_queue(&hub, local_cloud.output("ReportsDeadLetterQueueUrl")?).await?,
        );
        if letters.len() >= 4 {
            break letters;
        }
        ensure!(
            start.elapsed() < cast.patience,
            "only {} of 4 arrived in the dead-letter queues",
            letters.len()
        );
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    ensure!(letters.len() == 4, "{} dead letters: {letters:#?}", letters.len());
    narrator.say("each is kept in its dead-letter queue with its reason:");
    narrator.quote(&letters.iter().map(reason).collect::<Vec<_>>().join("\n"));
    let refused = loop {
        let refused = refused(local_cloud).await?;
        // An invocation counts in its log, at its end.
        if refused.values().sum::<f64>() >= 4.0 {
            break refused;
        }
        ensure!(start.elapsed() < cast.patience, "not all of them are counted: {refused:?}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    narrator.say(&format!("and counted (CloudWatch, phonehome/Refused): {refused:?}"));
    Ok(())
}

/// How many records each function has refused.
async fn refused(local_cloud: &LocalCloud) -> Result<BTreeMap<String, f64>> {
    let metrics = local_cloud.control.metrics(&LocalCloud::hub_place()).await?;
    let refused = metrics.into_iter().filter(|metric| metric.name == "Refused");
    Ok(refused.map(|mut it| (it.dimensions.remove("Function").unwrap_or_default(), it.sum)).collect())
}

fn reason(letter: &QueueMessage) -> String {
    letter.attributes.get("reason").cloned().unwrap_or_else(|| format!("(no reason) {}", letter.body))
}

fn report(sender: &str, claimed: &str) -> String {
    json!({"account": sender, "source": "lambda", "detail-type": "Lambda Function Invocation Result - Success",
        "detail": {"responsePayload": {"version": 1, "account": claimed, "region": "us-east-1",
            "availability_zone": "use1-az1", "run_id": "forged", "generation": 1, "started_at_ms": 1,
            "duration_ms": 1, "results": []}}})
    .to_string()
}
