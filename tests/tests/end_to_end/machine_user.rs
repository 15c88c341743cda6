//! A machine user of a starter pack: its key, which a pipeline works with.

use super::pack::Shop;
use super::*;

const USER: &str = "ci";
const SECRET: &str = "phonehome/machine-users/ci";

/// An access key as the pipeline reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AccessKey {
    id: String,
    secret: String,
}

impl Shop<'_> {
    /// What the secret hands out, once it is not this.
    async fn key_other_than(&self, known: Option<&AccessKey>) -> Result<AccessKey> {
        let start = Instant::now();
        loop {
            let read = self.call("secretsmanager", "get_secret_value", json!({"SecretId": SECRET})).await;
            let read =
                read.ok().and_then(|it| serde_json::from_str::<Value>(it["SecretString"].as_str()?).ok());
            let text = |name: &str| Some(read.as_ref()?[name].as_str()?.to_owned());
            if let (Some(id), Some(secret)) = (text("AccessKeyId"), text("SecretAccessKey")) {
                let key = AccessKey { id, secret };
                if known != Some(&key) {
                    return Ok(key);
                }
            }
            ensure!(
                start.elapsed() < PATIENCE,
                "no other key than {:?} in the secret",
                known.map(|it| &it.id)
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn with(&self, key: &AccessKey, service: &str, operation: &str, arguments: Value) -> Result<Value> {
        let control = &self.play.local_cloud.control;
        control.call_with_key(REGION, (&key.id, &key.secret), service, operation, &arguments).await
    }

    /// The account is looked at once more, a day later.
    async fn a_day_passes(&self) -> Result<()> {
        self.play.local_cloud.days_pass(&self.place, 1).await?;
        self.play.send("ReconcileQueueUrl", r#"{"sweep":{}}"#).await
    }

    async fn hears_of_the_user(&self, text: &str) -> Result<SlackMessage> {
        let said = |message: &&SlackMessage| {
            message.text.contains("its machine user ci")
                && (message.text.contains(text) || format!("{:?}", message.blocks).contains(text))
        };
        let receiver = &self.play.local_cloud.receiver;
        let what = format!("Slack to say {text:?} of the machine user");
        receiver.wait_for(&what, PATIENCE, |seen| seen.messages.iter().find(said).cloned()).await
    }
}

/// A key that is switched off by hand, as one that leaked would be, is replaced.
pub(super) async fn its_key_works_and_is_replaced_once_it_is_switched_off(shop: &Shop<'_>) -> Result<()> {
    let first = shop.key_other_than(None).await?;
    let is = shop.with(&first, "sts", "get_caller_identity", json!({})).await?;
    let arn = format!("arn:aws:iam::{}:user/phonehome/{USER}", shop.place.account);
    assert_eq!(is["Arn"], json!(arn));
    shop.with(&first, "s3", "list_buckets", json!({})).await.context("it may read")?;
    let more = shop.with(&first, "iam", "create_access_key", json!({"UserName": USER})).await;
    ensure!(more.as_ref().is_err_and(|it| it.to_string().contains("AccessDenied")), "{more:?}");

    let off = json!({"UserName": USER, "AccessKeyId": first.id, "Status": "Inactive"});
    shop.call("iam", "update_access_key", off).await?;
    ensure!(shop.with(&first, "sts", "get_caller_identity", json!({})).await.is_err(), "it is switched off");
    shop.a_day_passes().await?;
    let second = shop.key_other_than(Some(&first)).await?;
    assert_ne!(second.id, first.id);
    shop.with(&second, "sts", "get_caller_identity", json!({})).await?;
    let told = shop.hears_of_the_user("somebody switched off its key").await?;
    assert_eq!(told.channel, "#net-dev");
    shop.a_day_passes().await?;
    shop.hears_of_the_user("is as declared").await?;

    let status = shop.play.local_cloud.phonehome_as_viewer(&["status"]).await?;
    let log = std::fs::read_to_string(shop.play.folder.path().join("emulator.log"))?;
    let seen = format!("{:?}", shop.play.local_cloud.receiver.seen());
    for (place, text) in [("status", &status), ("the log", &log), ("Slack", &seen)] {
        for key in [&first, &second] {
            ensure!(!text.contains(&key.secret), "{place} shows a secret");
        }
    }
    Ok(())
}
