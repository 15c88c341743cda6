//! What an account gets beside its network: the stack of its starter pack.

use super::*;

const STACK: &str = "phonehome-starter-pack";

/// A file with everything that a pack can have.
fn fleet(play: &Play, expire_days: u32, state_bucket: &str) -> String {
    let pack = format!(
        r#"starter_pack:
  key: true
  state_bucket: {{ name: {state_bucket}, lock_table: true }}
  log_bucket:
    expire_days: {expire_days}
    forward_to: {{ bucket: central-logs, account: "222222222222" }}
  permissions_boundary: phonehome-boundary
  repositories: [{{ name: acme/shop, id: 1317716765, owner_id: 252500266 }}]
  deploy_roles:
    - name: deploy
      branches: [main]
      managed_policies: ["arn:aws:iam::aws:policy/PowerUserAccess"]
  access_roles:
    - name: contractor
      trusted: [{{ account: "999999999999", role: Engineers }}]
      external_id: acme-2026
      managed_policies: ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
  machine_users: [{{ name: ci, managed_policies: ["arn:aws:iam::aws:policy/ReadOnlyAccess"] }}]
  observability: {{ vendor: new_relic, data_center: eu, metric_stream: {{ namespaces: [AWS/NATGateway] }} }}
"#
    );
    format!("{}{pack}", play.fleet(&play.connection()))
}

/// An account with the stack of its pack.
pub(super) struct Shop<'a> {
    pub(super) play: &'a Play,
    pub(super) place: Place,
}

impl Shop<'_> {
    /// Publishes a file by which all accounts are looked at now, and not by the next sweep of the schedule.
    async fn publish(&self, expire_days: u32, state_bucket: &str) -> Result<()> {
        self.play.publish_file(&fleet(self.play, expire_days, state_bucket)).await?;
        self.play.send("ReconcileQueueUrl", r#"{"sweep":{}}"#).await
    }

    pub(super) async fn call(&self, service: &str, operation: &str, arguments: Value) -> Result<Value> {
        self.play.local_cloud.control.call(&self.place, "alice", service, operation, &arguments).await
    }

    /// The stack, once `found` likes it.
    async fn stack(&self, what: &str, found: impl Fn(&Value) -> bool) -> Result<Value> {
        let start = Instant::now();
        loop {
            let asked = self.call("cloudformation", "describe_stacks", json!({"StackName": STACK})).await;
            let stack = asked.as_ref().map_or(Value::Null, |asked| asked["Stacks"][0].clone());
            if found(&stack) {
                return Ok(stack);
            }
            ensure!(start.elapsed() < PATIENCE, "no stack that {what}: {stack:#}\n{}", self.said());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// What the plan of a file says of the packs.
    async fn planned(&self, expire_days: u32, state_bucket: &str) -> Result<Value> {
        let file = self.play.folder.path().join("planned.yaml");
        std::fs::write(&file, fleet(self.play, expire_days, state_bucket))?;
        let arguments = ["plan", "--format", "json", "--fleet", &file.display().to_string()];
        let plan = self.play.local_cloud.phonehome_as_viewer(&arguments).await?;
        Ok(serde_json::from_str::<Value>(&plan)?["starter_packs"]["classes"].clone())
    }

    /// What Slack says of the pack.
    fn said(&self) -> String {
        let seen = self.play.local_cloud.receiver.seen();
        let of_it = seen.messages.iter().filter(|it| it.text.contains("its starter pack"));
        of_it.map(|it| format!("{} {:?}", it.text, it.blocks)).collect::<Vec<_>>().join("\n")
    }

    /// What Slack's message of the pack says, once it says this.
    async fn hears(&self, text: &str) -> Result<SlackMessage> {
        let said = |message: &&SlackMessage| {
            message.text.contains("its starter pack") && format!("{:?}", message.blocks).contains(text)
        };
        let receiver = &self.play.local_cloud.receiver;
        let what = format!("Slack to say {text:?} of the pack");
        receiver.wait_for(&what, PATIENCE, |seen| seen.messages.iter().find(said).cloned()).await
    }

    /// What phonehome asked CloudFormation about the stack in a sweep that ends with it looked at.
    async fn calls_of_a_sweep(&self) -> Result<Vec<String>> {
        // What was just made is read once more.
        self.nothing_is_under_way().await?;
        let generation = self.observed().await?;
        let before = self.calls()?.len();
        self.play.send("ReconcileQueueUrl", r#"{"sweep":{}}"#).await?;
        let start = Instant::now();
        while self.observed().await? <= generation {
            ensure!(start.elapsed() < PATIENCE, "no sweep");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.nothing_is_under_way().await?;
        Ok(self.calls()?.split_off(before))
    }

    async fn nothing_is_under_way(&self) -> Result<()> {
        let (start, hub) = (Instant::now(), LocalCloud::hub_place());
        let queue = self.play.local_cloud.output("ReconcileQueueUrl")?;
        while self.play.local_cloud.control.queue_length(&hub, queue).await? > 0 {
            ensure!(start.elapsed() < PATIENCE, "the provisioner's queue never becomes empty");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    async fn observed(&self) -> Result<u64> {
        let status = self.play.local_cloud.status().await?;
        status["stacks"][0]["generation"].as_u64().context("the stack has no generation")
    }

    /// The calls of CloudFormation about the stack, by the emulator's log.
    fn calls(&self) -> Result<Vec<String>> {
        let log = std::fs::read_to_string(self.play.folder.path().join("emulator.log"))?;
        let calls = log.lines().filter_map(|line| line.split_once("cloudformation ")?.1.split_once(" of "));
        Ok(calls.filter(|(_, of)| of.starts_with(STACK)).map(|(call, _)| call.to_owned()).collect())
    }
}

fn is(status: &str) -> impl Fn(&Value) -> bool {
    move |stack| stack["StackStatus"] == status
}

/// The hash of the template that a stack has.
fn mark(stack: &Value) -> Option<&str> {
    let mut outputs = stack["Outputs"].as_array()?.iter();
    outputs.find(|output| output["OutputKey"] == "PhonehomeTemplate")?["OutputValue"].as_str()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_starter_pack_comes_to_be_after_a_creation_that_failed_is_changed_in_place_and_never_replaced()
-> Result<()> {
    let (play, accounts) = Play::with_accounts(&["shop-dev"]).await?;
    play.until_ready(1).await?;
    let shop = Shop { play: &play, place: Place::new(&accounts[0], REGION) };
    a_creation_that_fails_is_told(&shop).await?;
    let made = another_template_is_made(&shop).await?;
    let changed = a_change_goes_on_where_somebody_deleted_its_change_set(&shop, &made).await?;
    observability::its_account_at_new_relic_is_made_and_linked(&shop).await?;
    machine_user::its_key_works_and_is_replaced_once_it_is_switched_off(&shop).await?;
    a_replacement_is_withheld_and_told_once(&shop, &changed).await
}

/// The boundary is not there.
async fn a_creation_that_fails_is_told(shop: &Shop<'_>) -> Result<()> {
    shop.publish(300, "phonehome-state").await?;
    shop.stack("failed and was undone", is("ROLLBACK_COMPLETE")).await?;
    shop.hears("does not exist or is not attachable").await?;
    shop.play.until_ready(1).await?;
    Ok(())
}

async fn another_template_is_made(shop: &Shop<'_>) -> Result<Value> {
    let document =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let boundary = json!({"PolicyName": "phonehome-boundary", "PolicyDocument": document.to_string()});
    shop.call("iam", "create_policy", boundary).await?;
    shop.publish(400, "phonehome-state").await?;
    let made = shop.stack("is made", is("CREATE_COMPLETE")).await?;
    let role = format!("arn:aws:iam::{}:role/phonehome-starter-pack", shop.place.account);
    assert_eq!(made["RoleARN"], json!(role));
    assert!(mark(&made).is_some(), "{made:#}");
    let resolved = shop.hears("as declared").await?;
    assert_eq!(resolved.channel, "#net-dev");
    let buckets = shop.call("s3", "list_buckets", json!({})).await?;
    let names = buckets["Buckets"].as_array().into_iter().flatten().filter_map(|it| it["Name"].as_str());
    let ours: Vec<&str> = names.filter(|name| name.ends_with("-an")).collect();
    let named = |begin: &str| format!("phonehome-{begin}-{}-{REGION}-an", shop.place.account);
    assert_eq!(ours, [named("logs"), named("state")]);
    let asked = json!({"RoleName": "phonehome-log-forwarding"});
    let role = shop.call("iam", "get_role", asked).await?;
    let boundary = format!("arn:aws:iam::{}:policy/phonehome-boundary", shop.place.account);
    assert_eq!(role["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"], json!(boundary));
    Ok(made)
}

async fn a_change_goes_on_where_somebody_deleted_its_change_set(
    shop: &Shop<'_>,
    made: &Value,
) -> Result<Value> {
    let deleted = async {
        loop {
            let sets = shop.call("cloudformation", "list_change_sets", json!({"StackName": STACK})).await?;
            let sets = sets["Summaries"].as_array().cloned().unwrap_or_default();
            if let Some(set) = sets.iter().find(|set| set["ExecutionStatus"] == "AVAILABLE") {
                let set = json!({"StackName": STACK, "ChangeSetName": set["ChangeSetName"]});
                shop.call("cloudformation", "delete_change_set", set.clone()).await?;
                return anyhow::Ok(set);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let (deleted, published) =
        tokio::join!(tokio::time::timeout(PATIENCE, deleted), shop.publish(500, "phonehome-state"));
    deleted.context("no change set was there to be deleted")??;
    published?;
    let changed = shop.stack("is changed", is("UPDATE_COMPLETE")).await?;
    assert_eq!(changed["StackId"], made["StackId"]);
    assert_ne!(mark(&changed), mark(made));
    let calls = shop.calls_of_a_sweep().await?;
    ensure!(calls.len() <= 2, "a stack as declared takes {calls:?}");
    Ok(changed)
}

async fn a_replacement_is_withheld_and_told_once(shop: &Shop<'_>, changed: &Value) -> Result<()> {
    assert_eq!(shop.planned(500, "phonehome-state").await?, json!([]), "it is as declared");
    let planned = shop.planned(600, "phonehome-state").await?;
    assert_eq!(planned[0]["outcome"], "changed", "{planned:#}");
    assert_eq!(planned[0]["changes"][0]["logical_id"], "LogBucket", "{planned:#}");
    let planned = shop.planned(500, "another-state").await?;
    assert_eq!((&planned[0]["outcome"], planned.as_array().map(Vec::len)), (&json!("withheld"), Some(1)));
    let status = shop.play.local_cloud.phonehome_as_viewer(&["status"]).await?;
    ensure!(status.contains("starter packs of version") && status.contains(": 1 as declared"), "{status}");
    shop.publish(500, "another-state").await?;
    let told = shop.hears("another one would take its place").await?;
    assert!(format!("{:?}", told.blocks).contains("StateBucket"), "{told:?}");
    for _ in 0..2 {
        let calls = shop.calls_of_a_sweep().await?;
        ensure!(calls.len() <= 2, "a withheld change takes {calls:?}");
    }
    let seen = shop.play.local_cloud.receiver.seen();
    let said =
        seen.messages.iter().filter(|it| format!("{:?}", it.blocks).contains("another one would take"));
    assert_eq!(said.count(), 1);
    let calls = seen.calls.iter().filter(|it| it.answer == "ok" && it.text.contains("its starter pack"));
    // The creation that failed and its end, and this.
    ensure!(calls.count() <= 4, "it was told again: {:#?}", seen.calls);
    let after = shop.stack("is as it was", |stack| mark(stack) == mark(changed)).await?;
    assert_eq!(after["LastUpdatedTime"], changed["LastUpdatedTime"]);
    Ok(())
}
