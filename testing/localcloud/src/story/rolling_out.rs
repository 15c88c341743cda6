//! A change of the fleet file goes out in waves: it halts in the first one, is taken back, mended, and rolled out.

use anyhow::{Result, ensure};
use phonehome_localcloud::{LocalCloud, Network, Seen, SlackMessage};

use super::by_hand::nat_route;
use super::cast::Cast;
use super::narrator::{Narrator, PATIENCE};
use super::trouble::plain;

/// Somebody saves the NAT gateways of dev, of which the staging account shows in time that they are needed.
pub(crate) async fn change_is_rolled_out(
    local_cloud: &LocalCloud,
    cast: &Cast,
    narrator: &mut Narrator,
) -> Result<()> {
    narrator.act("A change goes out in waves");
    if !local_cloud.stage.is_lab() {
        narrator.say(
            "left out: on this machine as it is no packet needs a NAT gateway, so no wave could show what is wrong",
        );
        return Ok(());
    }
    let others = ["shop-dev", "payments-dev"];
    let file = cast.saving_fleet_file.display().to_string();
    local_cloud.phonehome_as_operator(&["publish", "--yes", "--fleet", &file]).await?;
    narrator.say(
        "somebody publishes nat: none for dev, and permits what the plan takes away; ledger-dev is the first wave, then \
         dev, then everyone",
    );
    let halted = said(local_cloud, "Slack to say that it has halted", "has halted: wave 1 of 3").await?;
    narrator.say(&format!("its probes get nothing out any more; Slack {}:", halted.channel));
    narrator.quote(&plain(&halted));
    for name in others {
        let network = local_cloud.network(cast.id(name)?).await?;
        ensure!(ways_out(&network) == 3, "{name} got what its first wave did not prove: {network:#?}");
    }
    narrator.say("no other account was changed");

    local_cloud.phonehome_as_operator(&["rollout", "rollback"]).await?;
    narrator.say("phonehome rollout rollback");
    let is_back = |network: &Network| (ways_out(network) == 3).then_some(());
    let account = cast.id("ledger-dev")?;
    local_cloud.wait_for_network(account, "ledger-dev's NAT gateways to be back", PATIENCE, is_back).await?;
    let back = said(local_cloud, "Slack to say that it was taken back", "was taken back").await?;
    ensure!(back.ts == halted.ts, "a roll-out is one message, and this is another: {back:#?}");
    narrator.say("ledger-dev has its NAT gateways again; the same message, edited in place:");
    narrator.quote(&plain(&back));
    local_cloud
        .wait_for_status("what fell silent with it to be over", PATIENCE, |status| {
            status["incidents"].as_array().is_some_and(Vec::is_empty).then_some(())
        })
        .await?;

    let file = cast.next_fleet_file.display().to_string();
    local_cloud.phonehome_as_operator(&["publish", "--yes", "--fleet", &file]).await?;
    narrator.say("the mended file, nat: single for dev, is published");
    let done = said(local_cloud, "Slack to say that it is in force", "is in force in all accounts").await?;
    narrator.say("wave by wave, each account side by side with the others of its wave:");
    narrator.quote(&plain(&done));
    for reply in &done.thread {
        narrator.quote(&format!("  {}", reply.text));
    }
    for name in others.iter().chain(&["ledger-dev"]) {
        let network = local_cloud.network(cast.id(name)?).await?;
        let gateways = network.nat_gateways.iter().filter(|it| it.state == "available").count();
        ensure!(gateways == 1, "{name} has {gateways} NAT gateways, not 1");
    }
    let pages = local_cloud.receiver.seen().network_pages();
    ensure!(pages.is_empty(), "a roll-out in dev paged: {pages:#?}");
    narrator.say("nobody was paged");
    Ok(())
}

/// The roll-out's message, once it says this.
async fn said(local_cloud: &LocalCloud, what: &str, words: &str) -> Result<SlackMessage> {
    let says = |seen: &Seen| seen.messages.iter().rfind(|it| plain(it).contains(words)).cloned();
    local_cloud.receiver.wait_for(what, PATIENCE, says).await
}

/// How many route tables lead to a NAT gateway.
fn ways_out(network: &Network) -> usize {
    network.route_tables.iter().filter(|table| nat_route(table).is_some()).count()
}
