//! Lines of the fleet file become accounts.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use anyhow::{Result, bail, ensure};
use phonehome_localcloud::{LocalCloud, Seen, Wish};
use serde_json::Value;

use super::cast::{Cast, CastAccount, Size};
use super::joining;
use super::narrator::Narrator;

/// How long Organizations takes to make an account here, and how often it lets one be asked for, in seconds. AWS takes 3
/// to 48 s (docs/performance.md), and has the same limit.
const SECONDS: u32 = 3;
const EVERY_SECONDS: u32 = 10;
/// So many are asked for at once (`BURST`, crates/vending).
const AT_ONCE: usize = 2;
/// Of so many more accounts that are there it is told, while others are not.
const TOLD_EVERY: usize = 10;

/// What happens to the accounts of a fleet that is larger than the story: to each one thing, with the account's name, and
/// whether the account comes all the same.
fn mishaps_of(size: Size) -> Vec<(&'static str, Wish, bool)> {
    let email = |name: &str| format!("aws+{name}@example.com");
    let fails = |name, reason, comes| (name, Wish::Fails { email: email(name), reason }, comes);
    let all = vec![
        fails("product-01-dev", "INTERNAL_FAILURE", true),
        ("product-02-dev", Wish::AnswerIsLost { email: email("product-02-dev") }, true),
        ("product-03-dev", Wish::Taken { email: email("product-03-dev") }, false),
        fails("product-04-dev", "ACCOUNT_LIMIT_EXCEEDED", false),
    ];
    let there: Vec<String> = size.names().collect();
    // A small fleet is all the story.
    let is_large = there.len() >= 2 * usize::from(Size::LEAST);
    all.into_iter().filter(|(name, ..)| is_large && there.iter().any(|it| it == name)).collect()
}

/// What is known of one account's making.
struct Made {
    at: SystemTime,
}

/// The fleet file is published with permission for its accounts, and they are made.
pub(crate) async fn are_made(
    local_cloud: &LocalCloud,
    cast: &mut Cast,
    narrator: &Narrator,
) -> Result<Timing> {
    local_cloud.control.wish(&Wish::Pace { seconds: SECONDS, every_seconds: EVERY_SECONDS }).await?;
    let mishaps = mishaps_of(cast.size);
    for (_, wish, _) in &mishaps {
        local_cloud.control.wish(wish).await?;
    }
    let (names, file) = (cast.size.names().collect::<Vec<_>>(), cast.fleet_file.display().to_string());
    let count = names.len().to_string();
    let published = SystemTime::now();
    let publish = ["publish", "--yes", "--allow-create", &count, "--fleet", &file];
    narrator.quote(&local_cloud.phonehome_as_operator(&publish).await?);
    narrator.say(&format!(
        "phonehome publish --allow-create {count}: the fleet file is in force ({}), and its accounts may be made",
        cast.size.declared()
    ));
    let fail = |name: &String| mishaps.iter().any(|(of, _, comes)| of == name && !comes);
    let expected: Vec<String> = names.iter().filter(|name| !fail(name)).cloned().collect();
    narrator.note(&format!(
        "Organizations takes {SECONDS} s for an account here, and lets one be asked for every {EVERY_SECONDS} s, as on AWS"
    ));
    let mut made = BTreeMap::new();
    let patience =
        cast.patience + Duration::from_secs(u64::from(EVERY_SECONDS)) * 2 * u32::try_from(names.len())?;
    while made.len() < expected.len() {
        for account in joining::new_accounts(local_cloud).await? {
            ensure!(names.contains(&account.name), "nobody declared {}", account.name);
            ensure!(
                !made.contains_key(&account.name),
                "a second account for {}: {}",
                account.name,
                account.id
            );
            made.insert(account.name.clone(), Made { at: SystemTime::now() });
            cast.members.push(CastAccount { name: account.name, id: account.id });
            if made.len() % TOLD_EVERY == 0 {
                narrator.say(&format!("{} of {} accounts are there", made.len(), expected.len()));
            }
        }
        if published.elapsed()? > patience {
            bail!("{} of {} accounts are there after {} s", made.len(), expected.len(), patience.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    cast.members.sort_by_key(|member| names.iter().position(|name| *name == member.name));
    Ok(Timing { published, made, names, expected })
}

/// When what happened.
pub(crate) struct Timing {
    published: SystemTime,
    made: BTreeMap<String, Made>,
    /// All that were permitted, in the order in which they are asked for.
    names: Vec<String>,
    /// Those that come.
    expected: Vec<String>,
}

/// Each team hears that its account is ready, and what goes wrong is told, too.
pub(crate) async fn are_told(
    local_cloud: &LocalCloud,
    cast: &Cast,
    timing: &Timing,
    narrator: &Narrator,
) -> Result<()> {
    let ready = local_cloud.receiver.wait_for(
        "every team to hear that its account is ready",
        cast.patience,
        |seen| {
            let ready: Vec<_> =
                timing.expected.iter().filter_map(|name| Some((name, told(seen, name)?))).collect();
            (ready.len() == timing.expected.len())
                .then(|| ready.into_iter().map(|(name, at)| (name.clone(), at)).collect::<BTreeMap<_, _>>())
        },
    );
    let ready = ready.await?;
    let shown = local_cloud.receiver.seen();
    if let Some(message) = shown.messages.iter().find(|it| it.text.contains("shop/prod is ready")) {
        narrator.say(&format!("Slack {}:", message.channel));
        narrator.quote(&read(message.blocks.as_ref()));
    }
    tell_times(timing, &ready, narrator)?;
    for (name, wish, comes) in mishaps_of(cast.size) {
        if comes {
            narrator.say(&format!("{name} came in spite of {wish:?}"));
            continue;
        }
        let line = line_of(name);
        let found = |seen: &Seen| {
            let mut of_line = seen.messages.iter().filter(|it| it.text.contains(&line));
            of_line.find(|it| it.text.contains("no account is made for")).cloned()
        };
        // An address that is taken is looked for over five minutes before people hear of it.
        let what = format!("Slack to hear of {name}");
        let message = local_cloud.receiver.wait_for(&what, Duration::from_secs(420), found).await?;
        narrator.say(&format!("{name} does not come, and {} hears why:", message.channel));
        narrator.quote(&message.text);
    }
    Ok(())
}

/// The seconds beyond AWS's own: what is asked for later than its limits allow, and what an account takes from the moment
/// at which it is there.
fn tell_times(timing: &Timing, ready: &BTreeMap<String, SystemTime>, narrator: &Narrator) -> Result<()> {
    let mut beyond = Vec::new();
    let story = |name: &String| timing.names.iter().take(usize::from(Size::LEAST)).any(|it| it == name);
    let last_of_story = timing.made.iter().filter(|(name, _)| story(name)).map(|(_, made)| made.at).max();
    let usual: Vec<&str> = vec!["product-01-dev", "product-02-dev"];
    for (place, name) in timing.names.iter().enumerate() {
        let (Some(made), Some(ready)) = (timing.made.get(name), ready.get(name)) else { continue };
        // These were asked for again.
        if usual.contains(&name.as_str()) && timing.names.len() >= 2 * usize::from(Size::LEAST) {
            continue;
        }
        let due_s =
            (place + 1).saturating_sub(AT_ONCE) as f64 * f64::from(EVERY_SECONDS) + f64::from(SECONDS);
        let late_s = (made.at.duration_since(timing.published)?.as_secs_f64() - due_s).max(0.0);
        // The accounts of the story are connected, and each is proven when all of them are there.
        let there = if story(name) { last_of_story.unwrap_or(made.at) } else { made.at };
        let build_s = ready.duration_since(there).unwrap_or_default().as_secs_f64();
        beyond.push((late_s + build_s, late_s, build_s, name));
    }
    beyond.sort_by(|one, other| one.0.total_cmp(&other.0));
    let at = |part: usize| beyond.get((beyond.len() * part / 100).min(beyond.len().saturating_sub(1)));
    let (Some(half), Some(most)) = (at(50), at(95)) else { return Ok(()) };
    narrator.say(&format!(
        "from publish to an account whose network is proven, beyond AWS's own times ({SECONDS} s for an account, one every \
         {EVERY_SECONDS} s): half of {} within {:.1} s, 95 of 100 within {:.1} s ({}: {:.1} s until it was there, {:.1} s \
         until it was proven)",
        beyond.len(),
        half.0,
        most.0,
        most.3,
        most.1,
        most.2
    ));
    Ok(())
}

/// What a message's blocks say, one below the other.
fn read(blocks: Option<&Value>) -> String {
    let blocks = blocks.and_then(Value::as_array).into_iter().flatten();
    blocks.filter_map(|block| block["text"]["text"].as_str()).collect::<Vec<_>>().join("\n")
}

/// When Slack was told that an account is ready.
fn told(seen: &Seen, name: &str) -> Option<SystemTime> {
    let text = format!("{} is ready", line_of(name));
    let mut calls = seen.calls.iter().filter(|call| call.answer == "ok");
    calls.find(|call| call.text.contains(&text)).map(|call| call.at)
}

/// `shop-prod` is `shop/prod`.
fn line_of(name: &str) -> String {
    name.rsplit_once('-').map(|(domain, environment)| format!("{domain}/{environment}")).unwrap_or_default()
}
