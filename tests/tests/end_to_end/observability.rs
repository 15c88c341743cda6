//! An account at New Relic: made, given a key that is in the AWS account's secret alone, and linked to the AWS account.

use super::pack::Shop;
use super::*;

const SECRET: &str = "phonehome/observability/new-relic";
const ROLE: &str = "phonehome-observability";

pub(super) async fn its_account_at_new_relic_is_made_and_linked(shop: &Shop<'_>) -> Result<()> {
    until_it_is_linked(shop).await?;
    let state = shop.play.local_cloud.new_relic.state().clone();
    let [account] = state.accounts.as_slice() else { anyhow::bail!("{:?}", state.accounts) };
    assert_eq!((account.name.as_str(), account.region_code.as_str()), ("shop-dev", "eu01"));
    let [key] = state.keys.as_slice() else { anyhow::bail!("{} keys", state.keys.len()) };
    let read = shop.call("secretsmanager", "get_secret_value", json!({"SecretId": SECRET})).await?;
    assert_eq!(read["SecretString"], json!({"api_key": key.value}).to_string());

    let role = shop.call("iam", "get_role", json!({"RoleName": ROLE})).await?["Role"].clone();
    let trust = &role["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(trust["Condition"]["StringEquals"]["sts:ExternalId"], account.id.to_string(), "{trust}");
    let linked: Vec<_> =
        state.linked.iter().map(|it| (it.account, json!(it.role_arn), it.mode.as_str())).collect();
    assert_eq!(linked, [(account.id, role["Arn"].clone(), "PUSH")]);
    let asked = json!({"StackName": "phonehome-starter-pack"});
    let kinds =
        shop.call("cloudformation", "describe_stack_resources", asked).await?["StackResources"].to_string();
    for kind in ["AWS::CloudWatch::MetricStream", "AWS::KinesisFirehose::DeliveryStream"] {
        ensure!(kinds.contains(kind), "{kind} is not in {kinds}");
    }

    let status = shop.play.local_cloud.phonehome_as_viewer(&["status"]).await?;
    let log = std::fs::read_to_string(shop.play.folder.path().join("emulator.log"))?;
    let seen = format!("{:?}", shop.play.local_cloud.receiver.seen());
    for (place, text) in [("status", &status), ("the log", &log), ("Slack", &seen)] {
        ensure!(!text.contains(&key.value), "{place} shows the key");
        ensure!(!text.contains("NRAK-LOCAL"), "{place} shows the user's key");
    }
    Ok(())
}

/// The role is made once the key is in the secret, and the link once the role is made.
async fn until_it_is_linked(shop: &Shop<'_>) -> Result<()> {
    let start = Instant::now();
    while shop.play.local_cloud.new_relic.state().linked.is_empty() {
        ensure!(
            start.elapsed() < PATIENCE,
            "not linked: {:?}",
            shop.play.local_cloud.new_relic.state().calls
        );
        shop.play.send("ReconcileQueueUrl", r#"{"sweep":{}}"#).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}
