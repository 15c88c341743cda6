//! Somebody changes what an account bears in its organization, and it is put right.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use phonehome_localcloud::{LocalCloud, Seen};
use serde_json::{Value, json};

use super::cast::Cast;
use super::narrator::Narrator;
use super::trouble::plain;

/// Whose account is changed, and what the file declares of it.
const ACCOUNT: &str = "shop-dev";
const OWNER: &str = "team-shop";
const CONTACT: &str = "Security";
/// What somebody writes over both.
const SOMEBODY: &str = "Mallory";

/// What an account bears: its unit's or root's id, its tag `owner` and the name of its security contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bears {
    parent: String,
    owner: String,
    contact: String,
}

/// It is moved to another unit, and gets another tag and contact. Returns what it bore before.
pub(crate) async fn is_changed(
    local_cloud: &LocalCloud,
    cast: &Cast,
    narrator: &mut Narrator,
) -> Result<Bears> {
    narrator.act("Somebody changes what an account bears");
    let account = cast.id(ACCOUNT)?;
    let before = bears(local_cloud, account).await?;
    ensure!(
        (before.owner.as_str(), before.contact.as_str()) == (OWNER, CONTACT),
        "{ACCOUNT} bears {before:?}"
    );
    let root = organizations(local_cloud, "list_roots", json!({})).await?;
    let root = text(&root["Roots"][0]["Id"])?;
    ensure!(before.parent != root, "{ACCOUNT} is in no unit");
    narrator.say(&format!(
        "phonehome put {ACCOUNT} into the unit Workloads/Dev, with the tag owner={OWNER} and a security contact"
    ));
    let unit = json!({"ParentId": root, "Name": "Sandbox"});
    let unit = organizations(local_cloud, "create_organizational_unit", unit).await?;
    let unit = text(&unit["OrganizationalUnit"]["Id"])?;
    let moved = json!({"AccountId": account, "SourceParentId": before.parent, "DestinationParentId": unit});
    organizations(local_cloud, "move_account", moved).await?;
    let tag = json!({"ResourceId": account, "Tags": [{"Key": "owner", "Value": SOMEBODY}]});
    organizations(local_cloud, "tag_resource", tag).await?;
    let contact = json!({
        "AccountId": account, "AlternateContactType": "SECURITY", "Name": SOMEBODY, "Title": "Guest",
        "EmailAddress": "mallory@example.com", "PhoneNumber": "+1 555 0199",
    });
    local_cloud.control.in_management_account("account", "put_alternate_contact", &contact).await?;
    narrator.say(&format!(
        "somebody in the management account moves it to the unit Sandbox, and makes {SOMEBODY} its owner and contact"
    ));
    narrator.note(
        "each account is looked at once a day, and when a version declares something else of it: the next one has a tag more",
    );
    Ok(before)
}

/// Once the next version is in force: it is told, and is as it was before, with the further tag.
pub(crate) async fn is_put_right(
    local_cloud: &LocalCloud,
    cast: &Cast,
    before: &Bears,
    narrator: &mut Narrator,
) -> Result<()> {
    narrator.act("What an account bears is put right");
    let account = cast.id(ACCOUNT)?;
    if !local_cloud.stage.is_lab() {
        // Nothing was rolled out.
        let file = cast.next_fleet_file.display().to_string();
        let reason = "the demo has no other version";
        local_cloud
            .phonehome_as_operator(&["publish", "--yes", "--fleet", &file, "--emergency", reason])
            .await?;
    }
    let told = |seen: &Seen| {
        let told = |it: &&_| plain(it).contains(account) && plain(it).contains("its tag owner is");
        seen.messages.iter().find(told).cloned()
    };
    let message = local_cloud.receiver.wait_for("Slack to say what was changed", cast.patience, told).await?;
    narrator.say(&format!("Slack {}:", message.channel));
    narrator.quote(&plain(&message));
    for expected in ["Workloads/Dev", SOMEBODY, "the policies of that unit apply to the account again"] {
        ensure!(plain(&message).contains(expected), "{expected} is not said: {}", plain(&message));
    }
    let until = Instant::now() + cast.patience;
    let mut now = bears(local_cloud, account).await?;
    while now != *before {
        ensure!(Instant::now() < until, "{ACCOUNT} bears {now:?}, not {before:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
        now = bears(local_cloud, account).await?;
    }
    narrator.say(&format!("{ACCOUNT} is in its unit again, and has its owner and its contact"));
    let seen = local_cloud.receiver.seen();
    let others = seen.messages.iter().filter(|it| plain(it).contains(":identification_card:")).count();
    ensure!(others == 1, "{others} messages about what accounts bear, not one");
    narrator.say("that is one message: of what the new version declares otherwise nothing is told");
    Ok(())
}

async fn bears(local_cloud: &LocalCloud, account: &str) -> Result<Bears> {
    let parents = organizations(local_cloud, "list_parents", json!({"ChildId": account})).await?;
    let tags = organizations(local_cloud, "list_tags_for_resource", json!({"ResourceId": account})).await?;
    let owner = tags["Tags"].as_array().into_iter().flatten().find(|tag| tag["Key"] == "owner");
    let contact = json!({"AccountId": account, "AlternateContactType": "SECURITY"});
    let contact =
        local_cloud.control.in_management_account("account", "get_alternate_contact", &contact).await?;
    Ok(Bears {
        parent: text(&parents["Parents"][0]["Id"])?,
        owner: owner.map(|tag| text(&tag["Value"])).transpose()?.unwrap_or_default(),
        contact: text(&contact["AlternateContact"]["Name"])?,
    })
}

async fn organizations(local_cloud: &LocalCloud, operation: &str, arguments: Value) -> Result<Value> {
    local_cloud.control.in_management_account("organizations", operation, &arguments).await
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("{value} is no text"))
}
