//! Settings of an account that scans ask for.

use super::*;

const KEY: &str = "alias/volumes";
const ROLE: &str = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";

/// An account with settings that are declared.
struct Shop<'a> {
    play: &'a Play,
    place: Place,
}

impl Shop<'_> {
    /// Publishes a file by which all accounts are looked at now, and not by the next sweep of the schedule.
    async fn publish(&self, settings: &str) -> Result<()> {
        let fleet = self.play.fleet(&self.play.connection());
        self.play.publish_file(&format!("{fleet}account_settings: {settings}\n")).await?;
        self.sweep().await
    }

    async fn sweep(&self) -> Result<()> {
        self.play.send("ReconcileQueueUrl", r#"{"sweep":{}}"#).await
    }

    async fn call(&self, service: &str, operation: &str, arguments: Value) -> Result<Value> {
        self.play.local_cloud.control.call(&self.place, "alice", service, operation, &arguments).await
    }

    /// What `phonehome status` shows of the settings, once each stands like this.
    async fn stand(&self, wanted: &[(&str, &str)]) -> Result<Value> {
        let start = Instant::now();
        loop {
            let status = self.play.local_cloud.status().await?;
            let settings = &status["settings"][0]["settings"];
            if wanted.iter().all(|(setting, state)| settings[*setting]["state"] == *state) {
                return Ok(settings.clone());
            }
            ensure!(start.elapsed() < PATIENCE, "not {wanted:?}: {settings:#}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn hears(&self, text: &str) -> Result<SlackMessage> {
        let said = |message: &&SlackMessage| {
            message.text.contains("settings") && format!("{:?}", message.blocks).contains(text)
        };
        let receiver = &self.play.local_cloud.receiver;
        let what = format!("Slack to say {text:?} of the settings");
        receiver.wait_for(&what, PATIENCE, |seen| seen.messages.iter().find(said).cloned()).await
    }

    /// A key of the account's own, which its administrators alone may use.
    async fn key(&self) -> Result<String> {
        let made = self.call("kms", "create_key", json!({})).await?;
        let arn = made["KeyMetadata"]["Arn"].as_str().context("a key without an ARN")?.to_owned();
        self.call("kms", "create_alias", json!({"AliasName": KEY, "TargetKeyId": arn})).await?;
        Ok(arn)
    }

    /// Lets Auto Scaling use a key.
    async fn lend(&self, key: &str) -> Result<()> {
        let account = format!("arn:aws:iam::{}", self.place.account);
        let allow = |who: String| json!({"Effect": "Allow", "Principal": {"AWS": who}, "Action": "kms:*", "Resource": "*"});
        let policy = json!({"Version": "2012-10-17", "Statement": [
            allow(format!("{account}:root")), allow(format!("{account}:{ROLE}")),
        ]});
        let policy = json!({"KeyId": key, "PolicyName": "default", "Policy": policy.to_string()});
        self.call("kms", "put_key_policy", policy).await.map(drop)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_tightened_once_declared_and_a_key_that_auto_scaling_may_not_use_is_told_until_it_may()
-> Result<()> {
    let (play, accounts) = Play::with_accounts(&["shop-dev"]).await?;
    play.until_ready(1).await?;
    let shop = Shop { play: &play, place: Place::new(&accounts[0], REGION) };
    let key = shop.key().await?;
    shop.publish("{ s3_block_public_access: true, ebs_encryption: { key: alias/volumes } }").await?;
    let declared = [("public_access", "as_declared"), ("encryption", "as_declared")];
    let settings = shop.stand(&[declared[0], declared[1], ("encryption_key", "otherwise")]).await?;
    assert_eq!(settings["encryption"]["before"]["value"], "off");
    let encrypted = shop.call("ec2", "get_ebs_encryption_by_default", json!({})).await?;
    assert_eq!(encrypted["EbsEncryptionByDefault"], json!(true));
    let told = shop.hears("Auto Scaling may not use the key").await?;
    assert_eq!(told.channel, "#net-dev");
    play.until_ready(1).await?;
    shop.lend(&key).await?;
    // Declared otherwise, all of it is looked at again at once.
    shop.publish("{ s3_block_public_access: true, ebs_encryption: { key: alias/volumes }, imdsv2: true }")
        .await?;
    let last = [("encryption_key", "as_declared"), ("metadata_tokens", "as_declared")];
    let settings = shop.stand(&[declared[0], declared[1], last[0], last[1]]).await?;
    assert_eq!(settings["encryption_key"]["before"]["value"], "alias/aws/ebs");
    let shown = shop.call("ec2", "get_ebs_default_kms_key_id", json!({})).await?;
    assert_eq!(shown["KmsKeyId"], json!(key));
    let shown = shop.call("ec2", "get_instance_metadata_defaults", json!({})).await?;
    assert_eq!(shown["AccountLevel"]["HttpTokens"], "required");
    shop.hears("*Was*").await?;
    // What is no longer declared stays.
    play.publish_file(&play.fleet(&play.connection())).await?;
    shop.sweep().await?;
    shop.stand(&[("public_access", "undeclared"), ("metadata_tokens", "undeclared")]).await?;
    let shown = shop.call("ec2", "get_ebs_default_kms_key_id", json!({})).await?;
    assert_eq!(shown["KmsKeyId"], json!(key));
    Ok(())
}
