//! Something breaks, and is mended.

use anyhow::{Result, ensure};
use phonehome_localcloud::{LocalCloud, Past, Place, REGION, Seen, SlackMessage};
use serde_json::Value;

use super::cast::Cast;
use super::narrator::Narrator;

/// The zones of the story's fleet file.
pub(crate) const ZONES: [&str; 3] = ["use1-az1", "use1-az2", "use1-az3"];

/// Every probe phones home, and every path is as declared.
pub(crate) async fn probes_report(
    local_cloud: &LocalCloud,
    cast: &mut Cast,
    narrator: &mut Narrator,
) -> Result<()> {
    narrator.act("Probes phone home");
    let (probes, paths) = local_cloud
        .wait_for_status("every probe to report every path as declared", cast.patience, |status| {
            let expected = status["stacks"].as_array().map_or(0, |stacks| stacks.len() * 3);
            let probes = status["heartbeats"].as_object().map_or(0, serde_json::Map::len);
            let paths: Vec<&Value> = status["paths"]
                .as_object()
                .into_iter()
                .flat_map(|probes| probes.values())
                .flat_map(|paths| paths.as_object().into_iter().flat_map(|paths| paths.values()))
                .collect();
            let all_up = paths.iter().all(|path| path["status"] == "up");
            let reported = status["paths"].as_object().map_or(0, serde_json::Map::len);
            (probes == expected && reported == expected && all_up).then_some((probes, paths.len()))
        })
        .await?;
    narrator.say(&format!(
        "{probes} probes, one for each Availability Zone, have reported; all {paths} paths are as declared"
    ));
    if local_cloud.stage.can_be_silent() {
        narrator.note(
            "also proven: shop does not get through to ledger. Its SYNs meet silence, its way out works, and payments, \
             which may, gets through to the same address",
        );
    }
    narrator.note("a report is the function's response: Lambda → member bus → hub bus → queue → collector");
    cast.past = local_cloud.past(cast.patience).await?;
    Ok(())
}

/// What shop-prod needs in payments-prod goes away.
pub(crate) async fn target_goes_away(
    local_cloud: &LocalCloud,
    cast: &mut Cast,
    narrator: &mut Narrator,
) -> Result<()> {
    narrator.act("Something breaks");
    let endpoint = cast.payments_prod.endpoint();
    cast.payments_prod.stop().await?;
    narrator.say(&format!("payments-prod's service ({endpoint}) goes away; shop-prod needs it"));
    local_cloud
        .receiver
        .wait_for("Slack to say so", cast.patience, |seen| about(seen, &cast.past, &endpoint))
        .await?;
    narrator.say("Slack has a message about it");
    let page = local_cloud
        .receiver
        .wait_for("on-call to be paged", cast.patience, |seen| seen.network_pages().first().cloned())
        .await?;
    narrator.say(&format!("on-call's phone: {}", page.subject));
    let from_every_zone = |message: &SlackMessage| {
        let text = plain(message);
        let headline = text.lines().next().unwrap_or_default();
        ZONES.iter().all(|zone| headline.contains(zone))
    };
    let message = local_cloud
        .receiver
        .wait_for("the message to name every zone", cast.patience, |seen| {
            about(seen, &cast.past, &endpoint).filter(from_every_zone)
        })
        .await?;
    narrator.say(&format!(
        "the message in Slack {}, as it reads now that every zone has reported:",
        message.channel
    ));
    narrator.quote(&plain(&message));
    ensure!(message.channel == "#net-prod", "it was said in {}", message.channel);
    Ok(())
}

/// It comes back.
pub(crate) async fn target_comes_back(
    local_cloud: &LocalCloud,
    cast: &mut Cast,
    narrator: &mut Narrator,
) -> Result<()> {
    narrator.act("It is mended");
    let endpoint = cast.payments_prod.endpoint();
    cast.payments_prod.start_again().await?;
    narrator.say("payments-prod's service is back");
    let message = local_cloud
        .receiver
        .wait_for("Slack's message to say resolved", cast.patience, |seen| {
            about(seen, &cast.past, &endpoint)
                .filter(|message| is_resolved(message) && !message.thread.is_empty())
        })
        .await?;
    narrator.say(&format!(
        "the same message in {}, edited in place (edits: {}, lines in its thread: {}):",
        message.channel,
        message.edits,
        message.thread.len()
    ));
    narrator.quote(&plain(&message));
    let page = local_cloud
        .receiver
        .wait_for("on-call to be told", cast.patience, |seen| seen.network_pages().get(1).cloned())
        .await?;
    narrator.say(&format!("on-call's phone: {}", page.subject));
    let seen = local_cloud.receiver.seen();
    // Beside those that say which networks are ready.
    let of_incidents = |message: &&SlackMessage| {
        message.channel == "#net-prod"
            && cast.past.is_before(message)
            && (plain(message).contains("Is it the network?") || message.text.contains("esolved"))
    };
    let in_prod = seen.messages.iter().filter(of_incidents).count();
    ensure!(in_prod == 1, "one cause led to {in_prod} messages in #net-prod: {:#?}", seen.messages);
    let pages = seen.network_pages();
    ensure!(pages.len() == 2, "one cause led to {} pages: {pages:#?}", pages.len());
    narrator.say("one cause: one message, one page, and their ends");
    Ok(())
}

/// A probe stops reporting. That is noticed too, and wakes nobody.
pub(crate) async fn probe_falls_silent(
    local_cloud: &LocalCloud,
    cast: &Cast,
    narrator: &mut Narrator,
) -> Result<()> {
    narrator.act("A probe falls silent");
    let (place, name) = (Place::new(cast.id("shop-dev")?, REGION), "phonehome-probe-use1-az2");
    local_cloud.control.set_schedule(&place, name, false).await?;
    narrator.say("somebody disables the schedule of shop-dev's probe in use1-az2");
    let silent = |seen: &Seen| {
        let is_new = |message: &&SlackMessage| message.channel == "#net-dev" && cast.past.is_before(message);
        let mut dev = seen.messages.iter().filter(is_new);
        dev.find(|message| message.text.contains("shop-dev") && message.text.contains("use1-az2")).cloned()
    };
    let message =
        local_cloud.receiver.wait_for("Slack to say that a probe is silent", cast.patience, silent).await?;
    narrator.say(&format!("Slack {}:", message.channel));
    narrator.quote(&plain(&message));
    local_cloud
        .control
        .send_message(&LocalCloud::hub_place(), local_cloud.output("ReconcileQueueUrl")?, r#"{"sweep":{}}"#)
        .await?;
    narrator.say("a sweep sees the disabled schedule and enables it again");
    let resolved = |seen: &Seen| silent(seen).filter(is_resolved);
    local_cloud.receiver.wait_for("the message to say resolved", cast.patience, resolved).await?;
    let pages = local_cloud.receiver.seen().network_pages();
    ensure!(pages.len() == 2, "a silent probe in dev paged: {pages:#?}");
    narrator.say("the message says resolved; nobody was paged");
    Ok(())
}

fn about(seen: &Seen, past: &Past, endpoint: &str) -> Option<SlackMessage> {
    let concerns = |message: &&SlackMessage| {
        message.channel == "#net-prod" && past.is_before(message) && plain(message).contains(endpoint)
    };
    seen.messages.iter().rfind(concerns).cloned()
}

/// Whether a message says that it is over.
pub(crate) fn is_resolved(message: &SlackMessage) -> bool {
    message.text.to_lowercase().contains("resolved")
}

/// A message as one reads it: the texts of its blocks.
pub(crate) fn plain(message: &SlackMessage) -> String {
    shown(message.blocks.as_ref(), &message.text)
}

/// The same, and then what its thread says.
pub(crate) fn with_thread(message: &SlackMessage) -> Vec<String> {
    let replies = message.thread.iter().map(|reply| shown(reply.blocks.as_ref(), &reply.text));
    [plain(message)].into_iter().chain(replies).collect()
}

/// What is shown: the texts of blocks, or the text where there are none.
fn shown(blocks: Option<&Value>, text: &str) -> String {
    let mut texts = Vec::new();
    for block in blocks.and_then(Value::as_array).into_iter().flatten() {
        let own = block["text"]["text"].as_str();
        let fields = block["fields"].as_array().into_iter().flatten();
        let elements = block["elements"].as_array().into_iter().flatten();
        texts.extend(own.map(str::to_owned));
        texts.extend(fields.chain(elements).filter_map(|part| part["text"].as_str().map(str::to_owned)));
    }
    if texts.is_empty() { text.to_owned() } else { texts.join("\n") }
}
