//! Somebody breaks a network by EC2's API, and the probes notice before CloudTrail tells of it.

use anyhow::{Result, ensure};
use phonehome_localcloud::{LocalCloud, Network, Past, Seen, SlackMessage};

use super::by_hand::{PERSON, nat_route};
use super::cast::Cast;
use super::narrator::Narrator;
use super::trouble::{ZONES, is_resolved, plain, with_thread};

/// An account loses its way out, which its packets show; its network is repaired, which they show as well.
pub(crate) async fn way_out_is_lost(
    local_cloud: &LocalCloud,
    cast: &Cast,
    narrator: &mut Narrator,
) -> Result<()> {
    narrator.act("Somebody breaks a network");
    if !local_cloud.stage.is_lab() {
        narrator.say(
            "left out: on this machine as it is no packet meets a route table, so no probe could notice",
        );
        return Ok(());
    }
    let account = cast.id("ledger-dev")?;
    let before = local_cloud.network(account).await?;
    local_cloud.control.cloudtrail(true).await?;
    let tables: Vec<_> = before.route_tables.iter().filter(|table| nat_route(table).is_some()).collect();
    ensure!(tables.len() == 3, "ledger-dev has {} default routes to a NAT gateway, not 3", tables.len());
    for table in tables {
        local_cloud.delete_default_route(account, &table.id, PERSON).await?;
    }
    narrator.say(&format!("{PERSON} deletes the default routes of all three private subnets of ledger-dev"));
    narrator
        .note("ec2:DeleteRoute × 3. CloudTrail tells of it minutes later on AWS; here, once the probes have");
    let first = |seen: &Seen| first_told(seen, &cast.past);
    let told = local_cloud.receiver.wait_for("Slack to tell of it", cast.patience, first).await?;
    match &told {
        Told::Outage(message) => {
            narrator.say(&format!("the probes' packets meet silence; Slack {}:", message.channel));
            narrator.quote(&plain(message));
        }
        Told::Repair(message) => {
            narrator.say(&format!(
                "the packets of one probe met silence, and before the others ran all was repaired; Slack {}:",
                message.channel
            ));
            narrator.quote(&plain(message));
        }
    }
    let is_back = |network: &Network| (default_routes(network) == default_routes(&before)).then_some(());
    local_cloud.wait_for_network(account, "the routes to be back", cast.patience, is_back).await?;
    narrator.say("what is suspected was observed at once, and phonehome has made the routes again");

    local_cloud.control.cloudtrail(false).await?;
    narrator.say("now CloudTrail tells the account's default bus of the calls");
    let (channel, cause) =
        local_cloud.receiver.wait_for("Slack to say who did it", cast.patience, told_of).await?;
    narrator.say(&format!("Slack {channel} says what it was, and who, in the same message or its thread:"));
    narrator.quote(&cause);
    let resolved = |seen: &Seen| outage(seen, &cast.past).filter(is_resolved);
    if let Told::Outage(_) = told {
        let message =
            local_cloud.receiver.wait_for("the message to say resolved", cast.patience, resolved).await?;
        narrator.say("the probes' packets get out again, and the message says so:");
        narrator.quote(&plain(&message));
    }
    let pages = local_cloud.receiver.seen().network_pages();
    ensure!(pages.is_empty(), "a way out that dev has lost paged: {pages:#?}");
    narrator.say("dev: nobody was paged");
    Ok(())
}

/// What Slack is told first. Which one it is depends on whether the probes of all zones run before what the first one
/// suspects is repaired.
enum Told {
    /// That ledger-dev has lost its way out.
    Outage(SlackMessage),
    /// That its routes were gone and are back, and nothing of an outage.
    Repair(SlackMessage),
}

fn first_told(seen: &Seen, past: &Past) -> Option<Told> {
    let is_complete = |message: &SlackMessage| {
        is_resolved(message) || ZONES.iter().all(|zone| plain(message).contains(zone))
    };
    match outage(seen, past) {
        Some(message) => is_complete(&message).then_some(Told::Outage(message)),
        None => repair(seen, past).map(Told::Repair),
    }
}

/// The message about what ledger-dev has lost.
fn outage(seen: &Seen, past: &Past) -> Option<SlackMessage> {
    let says = |message: &&SlackMessage| {
        is_of_ledger(message, past) && (plain(message).contains("Is it the network?") || is_resolved(message))
    };
    seen.messages.iter().rfind(says).cloned()
}

/// The message about what was repaired in ledger-dev.
fn repair(seen: &Seen, past: &Past) -> Option<SlackMessage> {
    let says = |message: &&SlackMessage| {
        is_of_ledger(message, past) && plain(message).matches("not there, repaired").count() == ZONES.len()
    };
    seen.messages.iter().rfind(says).cloned()
}

fn is_of_ledger(message: &SlackMessage, past: &Past) -> bool {
    message.channel == "#net-dev" && past.is_before(message) && plain(message).contains("ledger-dev")
}

/// What names all three routes, and who deleted each: a message, or one in a message's thread.
fn told_of(seen: &Seen) -> Option<(String, String)> {
    let says = |text: &String| {
        let causes = text.matches("repaired: DeleteRoute by").count();
        text.contains("ledger-dev") && causes == 3 && text.matches(PERSON).count() >= 3
    };
    seen.messages.iter().find_map(|message| {
        let text = with_thread(message).into_iter().find(says)?;
        Some((message.channel.clone(), text))
    })
}

/// Each table's way out.
fn default_routes(network: &Network) -> Vec<(&str, Option<&str>)> {
    let mut routes: Vec<_> = network.route_tables.iter().map(|it| (it.id.as_str(), nat_route(it))).collect();
    routes.sort();
    routes
}
