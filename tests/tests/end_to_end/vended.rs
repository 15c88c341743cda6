//! A line of the fleet file becomes an account.

use std::time::SystemTime;

use phonehome_localcloud::{Account, Seen, Wish};

use super::*;

/// The accounts that are there without anybody's asking: the management account and the hub.
const OURS: usize = 2;

/// Where the account of the shop comes to be.
const UNIT: &str = "Workloads";

/// A fleet of development environments of these domains, whose accounts bear something.
pub(super) fn fleet(play: &Play, domains: &[&str], cost_center: u32) -> String {
    let (host, port) = (play.internet.host(), play.internet.port());
    let domain = |name: &&str| format!("  - {{ name: {name}, owner: team-{name}, environments: [dev] }}\n");
    format!(
        r##"
version: 1
organization: {{ id: o-a1b2c3d4e5, management_account: "111111111111", hub_account: "222222222222" }}
vending: {{ email: "aws+{{domain}}-{{environment}}@example.com" }}
accounts:
  tags:
    - {{ key: owner, value: "{{owner}}" }}
    - {{ key: cost-center, value: "{cost_center}" }}
  contacts:
    security: {{ name: Security, title: CISO, email: aws-security@example.com, phone: "+1 555 0102" }}
regions: [{{ name: us-east-1, availability_zones: [use1-az1, use1-az2, use1-az3] }}]
address_pools: [{{ name: all, region: us-east-1, cidr: 10.0.0.0/12, block: 18 }}]
environments: [{{ name: dev, pools: [all], organizational_unit: {UNIT} }}]
domains:
{}probing: {{ timeout_ms: 1000, egress: [{{ host: {host}, port: {port} }}] }}
alert_routes: [{{ slack_channel: "#net-dev" }}]
platform_route: {{ slack_channel: "#net-prod" }}
"##,
        domains.iter().map(domain).collect::<String>()
    )
}

impl Play {
    /// Publishes a file, with permission for so many accounts.
    pub(super) async fn permits(&self, fleet: &str, accounts: usize) -> Result<()> {
        let file = self.folder.path().join("fleet.yaml");
        std::fs::write(&file, fleet)?;
        let (file, accounts) = (file.display().to_string(), accounts.to_string());
        let publish = ["publish", "--yes", "--allow-create", &accounts, "--fleet", &file];
        self.local_cloud.phonehome_as_operator(&publish).await.map(drop)
    }

    /// The account of this name, once it is there.
    pub(super) async fn account_named(&self, name: &str) -> Result<Account> {
        let start = Instant::now();
        loop {
            let accounts = self.local_cloud.control.accounts().await?;
            if let Some(account) = accounts.into_iter().find(|it| it.name == name) {
                return Ok(account);
            }
            ensure!(start.elapsed() < PATIENCE, "no account {name}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The message in which Slack says this.
    async fn hears(&self, text: &str) -> Result<SlackMessage> {
        let found = |seen: &Seen| seen.messages.iter().find(|it| it.text.contains(text)).cloned();
        self.local_cloud.receiver.wait_for(&format!("Slack to say {text:?}"), PATIENCE, found).await
    }

    async fn in_management_account(&self, service: &str, operation: &str, arguments: Value) -> Result<Value> {
        self.local_cloud.control.in_management_account(service, operation, &arguments).await
    }

    /// The unit that an account is in, its tags, and the address of its security contact.
    async fn bears(&self, account: &str) -> Result<(String, Value, String)> {
        let parents =
            self.in_management_account("organizations", "list_parents", json!({"ChildId": account}));
        let parent = parents.await?["Parents"][0]["Id"].clone();
        let unit = match parent.as_str().unwrap_or_default().starts_with("r-") {
            true => "the root".to_owned(),
            false => {
                let asked = json!({"OrganizationalUnitId": parent});
                let unit = self.in_management_account("organizations", "describe_organizational_unit", asked);
                unit.await?["OrganizationalUnit"]["Name"].as_str().unwrap_or_default().to_owned()
            }
        };
        let asked = json!({"ResourceId": account});
        let tags = self.in_management_account("organizations", "list_tags_for_resource", asked).await?;
        let tags = tags["Tags"].as_array().into_iter().flatten();
        let tags = tags.filter_map(|tag| Some((tag["Key"].as_str()?.to_owned(), tag["Value"].clone())));
        let asked = json!({"AccountId": account, "AlternateContactType": "SECURITY"});
        let contact = self.in_management_account("account", "get_alternate_contact", asked).await?;
        let email = contact["AlternateContact"]["EmailAddress"].as_str().unwrap_or_default().to_owned();
        Ok((unit, Value::Object(tags.collect()), email))
    }
}

/// What a message has said, one after the other: what it says now is the last of it.
fn said(seen: &Seen, about: &str) -> Vec<String> {
    let calls = seen.calls.iter().filter(|call| call.answer == "ok" && call.thread_ts.is_none());
    calls.filter(|call| call.text.contains(about)).map(|call| call.text.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_becomes_one_account_that_is_proven_and_kept_and_a_taken_address_stops_its_own_line_alone()
-> Result<()> {
    let folder = tempfile::tempdir()?;
    let (stage, _) = Stage::choose(&repository(), folder.path()).await?;
    let play = Play::deployed_on(stage, folder).await?;
    play.local_cloud.control.wish(&Wish::Closed { email: "aws+payments-dev@example.com".to_owned() }).await?;
    play.permits(&fleet(&play, &["shop", "payments"], 100), 2).await?;
    let account = becomes_an_account_by_its_id(&play).await?;
    a_taken_address_is_told(&play).await?;
    everything_comes_again(&play, &account).await?;
    what_somebody_changes_is_told_and_mended(&play, &account).await?;
    nothing_was_made_twice(&play).await
}

/// From the permission to the proof; whatever the account is called meanwhile.
async fn becomes_an_account_by_its_id(play: &Play) -> Result<String> {
    let account = play.account_named("shop-dev").await?.id;
    play.local_cloud.control.rename_account(&account, "renamed").await?;
    let new = play.local_cloud.deploy_to_new_accounts().await?;
    assert_eq!(new.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), [account.as_str()]);
    let ready = play.hears("The account for shop/dev is ready").await?;
    assert_eq!(ready.channel, "#net-dev");
    assert!(ready.text.contains(&account), "{}", ready.text);
    let said = said(&play.local_cloud.receiver.seen(), "shop/dev");
    let begins = [
        "An account is made for shop/dev",
        "The account for shop/dev is made",
        "The account for shop/dev is ready",
    ];
    // That it was renamed is told as well, in a message of its own.
    let step = |text: &String| begins.iter().position(|begin| text.contains(begin));
    let steps: Vec<usize> = said.iter().filter_map(step).collect();
    let ends = (steps.first(), steps.last());
    assert!(steps.is_sorted() && ends == (Some(&0), Some(&2)), "{said:#?}");
    let replies: Vec<&str> = ready.thread.iter().map(|reply| reply.text.as_str()).collect();
    assert!(replies.iter().any(|it| it.contains(&format!("made: {account}"))), "{replies:?}");

    play.until_all_paths_are_up(3).await?;
    let status = play.local_cloud.status().await?;
    let stacks = status["stacks"].as_array().context("no stacks")?;
    ensure!(stacks.len() == 1 && stacks[0]["account"] == json!(account), "{stacks:#?}");
    let kept = json!({"owner": "team-shop", "cost-center": "100", "phonehome:line": "shop/dev"});
    assert_eq!(play.bears(&account).await?, (UNIT.to_owned(), kept, "aws-security@example.com".to_owned()));
    Ok(account)
}

async fn a_taken_address_is_told(play: &Play) -> Result<()> {
    let told = play.hears("no account is made for payments/dev").await?;
    assert_eq!(told.channel, "#net-dev");
    for part in ["aws+payments-dev@example.com", "is closed", "Other lines go on"] {
        assert!(told.text.contains(part), "{part}: {}", told.text);
    }
    Ok(())
}

async fn everything_comes_again(play: &Play, account: &str) -> Result<()> {
    play.permits(&format!("{}# again\n", fleet(play, &["shop", "payments"], 100)), 2).await?;
    let at = Place::new(MANAGEMENT_ACCOUNT, REGION);
    let status = json!({"id": "car-1", "state": "SUCCEEDED", "accountName": "****", "accountId": account});
    let detail =
        json!({"eventName": "CreateAccountResult", "serviceEventDetails": {"createAccountStatus": status}});
    let kind = "AWS Service Event via CloudTrail";
    for _ in 0..2 {
        play.local_cloud.control.put_service_event(&at, "aws.organizations", kind, &detail).await?;
    }
    Ok(())
}

/// By all that was asked of Organizations.
async fn nothing_was_made_twice(play: &Play) -> Result<()> {
    let requests =
        play.in_management_account("organizations", "list_create_account_status", json!({})).await?;
    let requests = requests["CreateAccountStatuses"].as_array().context("no requests")?.clone();
    ensure!(requests.len() == 2, "{requests:#?}");
    assert_eq!(play.local_cloud.control.accounts().await?.len(), OURS + 1);
    let told = said(&play.local_cloud.receiver.seen(), "shop/dev is ready");
    assert_eq!(told.len(), 1, "{told:#?}");
    Ok(())
}

async fn what_somebody_changes_is_told_and_mended(play: &Play, account: &str) -> Result<()> {
    let parent =
        play.in_management_account("organizations", "list_parents", json!({"ChildId": account})).await?;
    let root = play.in_management_account("organizations", "list_roots", json!({})).await?;
    let moved = json!({"AccountId": account, "SourceParentId": parent["Parents"][0]["Id"],
        "DestinationParentId": root["Roots"][0]["Id"]});
    play.in_management_account("organizations", "move_account", moved).await?;
    let tags = json!({"ResourceId": account, "Tags": [{"Key": "owner", "Value": "mallory"},
        {"Key": "theirs", "Value": "stays"}]});
    play.in_management_account("organizations", "tag_resource", tags).await?;
    let contact = json!({"AccountId": account, "AlternateContactType": "SECURITY", "Name": "Mallory", "Title": "None",
        "EmailAddress": "mallory@example.com", "PhoneNumber": "+1 555 0199"});
    play.in_management_account("account", "put_alternate_contact", contact).await?;
    // Each account is looked at once a day, and at once where something else is declared.
    play.permits(&fleet(play, &["shop", "payments"], 200), 1).await?;
    let told = play.hears("phonehome puts it right now").await?;
    assert_eq!(told.channel, "#net-prod");
    for part in [account, "mallory", UNIT, "mallory@example.com"] {
        assert!(told.text.contains(part), "{part}: {}", told.text);
    }
    assert!(!told.text.contains("cost-center"), "what is declared otherwise is no drift: {}", told.text);
    let kept =
        json!({"owner": "team-shop", "cost-center": "200", "phonehome:line": "shop/dev", "theirs": "stays"});
    let expected = (UNIT.to_owned(), kept, "aws-security@example.com".to_owned());
    let start = Instant::now();
    while play.bears(account).await? != expected {
        ensure!(start.elapsed() < PATIENCE, "it bears {:?}", play.bears(account).await?);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// The seconds from `since` to when something was first said.
fn seconds(since: SystemTime, seen: &Seen, text: &str) -> Option<f64> {
    let call = seen.calls.iter().find(|call| call.answer == "ok" && call.text.contains(text))?;
    Some(call.at.duration_since(since).ok()?.as_secs_f64())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it only measures, for docs/performance.md: one new account at a time in a fleet that stands"]
async fn how_long_a_new_account_takes() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (stage, _) = Stage::choose(&repository(), folder.path()).await?;
    let play = Play::deployed_on(stage, folder).await?;
    let pace = Wish::Pace { seconds: 3, every_seconds: 10 };
    play.local_cloud.control.wish(&pace).await?;
    let all: Vec<String> = (1..=7).map(|number| format!("product-{number}")).collect();
    let mut domains: Vec<&str> = vec![];
    for domain in &all {
        domains.push(domain);
        let begun = SystemTime::now();
        play.permits(&fleet(&play, &domains, 100), 1).await?;
        let published = SystemTime::now();
        let name = format!("{domain}-dev");
        play.account_named(&name).await?;
        let there = published.elapsed()?.as_secs_f64();
        play.local_cloud.deploy_to_new_accounts().await?;
        let role = published.elapsed()?.as_secs_f64();
        play.hears(&format!("{domain}/dev is ready")).await?;
        let seen = play.local_cloud.receiver.seen();
        let said = |text: &str| seconds(published, &seen, &text.replace("LINE", &format!("{domain}/dev")));
        println!(
            "{name}: publish took {:.1} s; asked {:?}, there {there:.1}, role {role:.1}, made {:?}, network {:?}, ready {:?}",
            published.duration_since(begun)?.as_secs_f64(),
            said("made for LINE"),
            said("for LINE is made"),
            said(&format!("The network of {name}")),
            said("LINE is ready"),
        );
    }
    println!("{}", std::fs::read_to_string(play.folder.path().join("emulator.log"))?);
    Ok(())
}
