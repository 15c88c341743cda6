//! Somebody changes a network by hand; and what a change of the fleet file would do.

use anyhow::{Context as _, Result, ensure};
use phonehome_localcloud::{LocalCloud, Network, RouteTable, Seen};

use super::cast::Cast;
use super::narrator::Narrator;
use super::trouble::with_thread;

/// Who it is: the session's name, as single sign-on gives it.
pub(crate) const PERSON: &str = "alice@example.com";

/// A private subnet loses its way out, and gets it back.
pub(crate) async fn route_is_deleted(
    local_cloud: &LocalCloud,
    cast: &Cast,
    narrator: &mut Narrator,
) -> Result<()> {
    narrator.act("Somebody changes a network by hand");
    let account = cast.id("shop-dev")?;
    let before = local_cloud.network(account).await?;
    let table = before.route_tables.iter().find(|table| nat_route(table).is_some());
    let table = table.context("shop-dev has no private route table with a default route")?;
    local_cloud.delete_default_route(account, &table.id, PERSON).await?;
    narrator.say(&format!("{PERSON} deletes the default route of {} in shop-dev", table.id));
    narrator.note(
        "CloudTrail tells the account's default bus of the call → hub bus → queue → provisioner; on AWS that takes minutes",
    );
    let is_back = |network: &Network| {
        let table = network.route_tables.iter().find(|it| it.id == table.id)?;
        (nat_route(table) == nat_route_of(&before, &table.id)).then_some(())
    };
    local_cloud.wait_for_network(account, "the route to be back", cast.patience, is_back).await?;
    narrator.say("the route is back");
    // In the thread of an incident that was over a moment ago, where there was one.
    let told = |seen: &Seen| {
        seen.messages.iter().find_map(|message| {
            let text = with_thread(message).into_iter().find(|text| text.contains(PERSON))?;
            Some((message.channel.clone(), text))
        })
    };
    let (channel, text) =
        local_cloud.receiver.wait_for("Slack to say who did it", cast.patience, told).await?;
    narrator.say(&format!("Slack {channel}:"));
    narrator.quote(&text);
    ensure!(channel == "#net-dev", "it was said in {channel}");
    ensure!(text.contains("repaired"), "it was not said that it is repaired: {text}");
    let pages = local_cloud.receiver.seen().network_pages();
    ensure!(pages.is_empty(), "a repaired route paged: {pages:#?}");
    narrator.say("nobody was paged");
    Ok(())
}

/// What a change of the fleet file would do to one account, and cost. Nothing is changed.
pub(crate) async fn plan_is_shown(
    local_cloud: &LocalCloud,
    cast: &Cast,
    narrator: &mut Narrator,
) -> Result<()> {
    narrator.act("What would a change do?");
    let file = cast.next_fleet_file.display().to_string();
    let account = cast.id("ledger-dev")?;
    let before = local_cloud.network(account).await?;
    let arguments = ["plan", "--fleet", &file, "--account", "ledger-dev", "--allow-delete", "4"];
    let plan = local_cloud.phonehome_as_viewer(&arguments).await?;
    narrator.say(
        "the next fleet file has nat: single in dev; phonehome plan --account ledger-dev --allow-delete 4:",
    );
    narrator.quote(&plan);
    ensure!(plan.contains("NAT single costs"), "the plan has no price:\n{plan}");
    if !cast.size.is_least() {
        let plan = local_cloud.phonehome_as_viewer(&["plan", "--fleet", &file]).await?;
        narrator.say(&format!(
            "phonehome plan of all {} accounts, of which those that change alike are told once:",
            cast.members.len()
        ));
        narrator.quote(&plan);
    }
    let after = local_cloud.network(account).await?;
    ensure!(format!("{before:?}") == format!("{after:?}"), "a plan changed ledger-dev");
    narrator.note("with the role phonehome-viewer of the hub account, which could not change anything");
    Ok(())
}

/// Where a table's default route leads, when it is a NAT gateway.
pub(crate) fn nat_route(table: &RouteTable) -> Option<&str> {
    let mut routes = table.routes.iter();
    let route = routes.find(|it| it.destination == "0.0.0.0/0" && it.target.starts_with("nat-"))?;
    Some(&route.target)
}

fn nat_route_of<'a>(network: &'a Network, table: &str) -> Option<&'a str> {
    network.route_tables.iter().find(|it| it.id == table).and_then(nat_route)
}
