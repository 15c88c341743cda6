//! A change of the fleet file goes out in waves: it halts in the first one, is taken back, mended, and rolled out.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use phonehome_localcloud::{LocalCloud, Seen, SlackMessage};
use serde_json::Value;

use super::cast::Cast;
use super::narrator::Narrator;
use super::trouble::plain;

/// Somebody declares a port at which nobody listens, of which the first wave tells in time.
pub(crate) async fn change_is_rolled_out(
    local_cloud: &LocalCloud,
    cast: &Cast,
    narrator: &mut Narrator,
) -> Result<()> {
    narrator.act("A change goes out in waves");
    if !local_cloud.stage.is_lab() {
        narrator.say("left out: on this machine as it is no packet needs what is declared to get through");
        return Ok(());
    }
    let hash = published_as_planned(local_cloud, &cast.mistaken_fleet_file).await?;
    narrator.say(&format!(
        "somebody lets payments connect to one more port of ledger in dev: phonehome plan, then publish --plan {hash}"
    ));
    narrator.note("the first wave is payments-dev and ledger-dev, then dev, then everyone");
    let halted =
        said(local_cloud, cast, "Slack to say that it has halted", "has halted: wave 1 of 3").await?;
    narrator.say(&format!("nobody listens at that port, so the roll-out halts; Slack {}:", halted.channel));
    narrator.quote(&plain(&halted));
    ensure!(plain(&halted).contains("payments-dev"), "it does not say where: {halted:#?}");
    let versions = versions(&local_cloud.status().await?, 1);
    let later = cast.members.len() - 2;
    ensure!(versions == later, "{versions} accounts have the version before, not the {later} of later waves");
    narrator.say("no other account got it");

    local_cloud.phonehome_as_operator(&["rollout", "rollback"]).await?;
    narrator.say("phonehome rollout rollback");
    let back = said(local_cloud, cast, "Slack to say that it was taken back", "was taken back").await?;
    ensure!(back.ts == halted.ts, "a roll-out is one message, and this is another: {back:#?}");
    narrator.say("both are back; the same message, edited in place:");
    narrator.quote(&plain(&back));
    local_cloud
        .wait_for_status("every incident to be over", cast.patience, |status| {
            status["incidents"].as_array().is_some_and(Vec::is_empty).then_some(())
        })
        .await?;

    published_as_planned(local_cloud, &cast.next_fleet_file).await?;
    narrator.say("the file without that port, and with nat: single in dev, is planned and published");
    let done =
        said(local_cloud, cast, "Slack to say that it is in force", "is in force in all accounts").await?;
    narrator.say("wave by wave, each account side by side with the others of its wave:");
    narrator.quote(&plain(&done));
    for reply in &done.thread {
        narrator.quote(&format!("  {}", reply.text));
    }
    for name in ["shop-dev", "payments-dev", "ledger-dev"] {
        let network = local_cloud.network(cast.id(name)?).await?;
        let gateways = network.nat_gateways.iter().filter(|it| it.state == "available").count();
        ensure!(gateways == 1, "{name} has {gateways} NAT gateways, not 1");
    }
    let pages = local_cloud.receiver.seen().network_pages();
    ensure!(pages.is_empty(), "a roll-out in dev paged: {pages:#?}");
    narrator.say("nobody was paged");
    Ok(())
}

/// Publishes a file with just the plan that is shown for it; returns that plan's hash.
async fn published_as_planned(local_cloud: &LocalCloud, file: &Path) -> Result<String> {
    let file = file.display().to_string();
    let plan = local_cloud.phonehome_as_viewer(&["plan", "--fleet", &file, "--format", "json"]).await?;
    let plan: Value = serde_json::from_str(&plan)?;
    let hash = plan["plan"].as_str().context("the plan of the whole fleet has no hash")?.to_owned();
    local_cloud.phonehome_as_operator(&["publish", "--fleet", &file, "--plan", &hash]).await?;
    Ok(hash)
}

/// The roll-out's message, once it says this.
async fn said(local_cloud: &LocalCloud, cast: &Cast, what: &str, words: &str) -> Result<SlackMessage> {
    let says = |seen: &Seen| seen.messages.iter().rfind(|it| plain(it).contains(words)).cloned();
    local_cloud.receiver.wait_for(what, cast.patience, says).await
}

/// How many stacks have this version.
fn versions(status: &Value, version: u64) -> usize {
    let stacks = status["stacks"].as_array();
    stacks.map_or(0, |stacks| stacks.iter().filter(|stack| stack["version"] == version).count())
}
