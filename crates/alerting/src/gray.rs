//! Zones that are slow although nothing fails in them: gray failure, a note for the platform team.
//!
//! A zone is compared with its siblings account by account, as these test the same from each of their zones, and is
//! judged by all accounts together. It takes [`RUNS_KEPT`] runs to be slow, and as many to be over; in between it stays
//! as it was told.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::{AzId, StackId};
use serde::{Deserialize, Serialize};

use crate::connects::{Connects, Histogram, RUNS_KEPT};
use crate::{Outgoing, OutgoingBody, SlackKind, SlackMessage, Words, World, stable_id, text};

/// How many times its siblings' a zone's median or rate has to be.
const TIMES: u64 = 3;
/// And by how much more a median, in microseconds: 5 ms. Zones of a Region are within 2 ms of each other, and what is in
/// one's own zone is reached in a tenth of one.
const SLOWER_US: u64 = 5_000;
/// How many times a run of one probe has to have at least, and all runs of its siblings together.
const SAMPLES_MIN: u32 = 3;
/// Of how many hundred connects at least so many segments are sent again in a zone that loses some.
const LOSS_PERCENT: u64 = 5;
/// And at least so many in each run.
const AGAIN_MIN: u64 = 3;
/// What is taken for lost anywhere, at least: a hundredth.
const USUAL_LOSS: u64 = 100;

/// Which zones have been told to be slow, and since when: milliseconds since the Unix epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrayZones {
    /// By AZ ID.
    #[serde(default)]
    pub since_ms: BTreeMap<AzId, u64>,
}

/// How a zone is, beside its siblings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// In each of the newest runs as it is described, by as many accounts of so many.
    Slow(Slow),
    /// In none of them, as most accounts see it.
    Well,
    /// Neither, or nothing is known.
    Between,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slow {
    /// Connecting takes so long, and so long from the siblings, in microseconds; as so many accounts of so many say.
    Connects { own_us: u64, siblings_us: u64, accounts: (usize, usize) },
    /// So many segments were sent again of so many connects, and so many of so many from the siblings.
    Loses { own: (u64, u64), siblings: (u64, u64) },
}

/// The probes of an account: by zone, its newest runs.
type Runs<'w> = BTreeMap<&'w AzId, &'w [Connects]>;

/// What is to be remembered of zones that are slow, and what to be said; `None` when both stay as they are.
#[must_use]
pub fn gray_zones(world: &World, before: &GrayZones, channel: &str) -> Option<(GrayZones, Vec<Outgoing>)> {
    if world.policy.is_time_short() {
        return None;
    }
    let accounts = accounts(world);
    let zones: BTreeSet<&AzId> = world.probes.iter().map(|view| &view.key.availability_zone).collect();
    let known = before.since_ms.keys().filter(|zone| !zones.contains(zone));
    let (mut after, mut messages) = (before.clone(), Vec::new());
    for zone in zones.iter().copied().chain(known) {
        let pace = if zones.contains(zone) { pace(&accounts, zone) } else { Pace::Well };
        match (before.since_ms.get(zone), pace) {
            (None, Pace::Slow(slow)) => {
                after.since_ms.insert(zone.clone(), world.now_ms);
                messages.push(message(zone, world.now_ms, Some(slow), world.now_ms, channel));
            }
            (Some(since_ms), Pace::Well) => {
                after.since_ms.remove(zone);
                messages.push(message(zone, *since_ms, None, world.now_ms, channel));
            }
            (None, Pace::Well | Pace::Between) | (Some(_), Pace::Slow(_) | Pace::Between) => {}
        }
    }
    messages.retain(|_| !channel.is_empty());
    (after != *before).then_some((after, messages))
}

/// The accounts whose probes are heard of, each with enough runs, in two zones at least.
fn accounts(world: &World) -> Vec<Runs<'_>> {
    let heard_until_ms = world.heard_until_ms();
    let mut accounts: BTreeMap<StackId, Runs<'_>> = BTreeMap::new();
    for view in world.probes.iter().filter(|view| !view.is_missing(&world.policy, heard_until_ms)) {
        let runs = view.heartbeat.as_ref().map_or(&[][..], |heartbeat| &heartbeat.connects);
        if runs.len() >= RUNS_KEPT {
            let newest = &runs[runs.len() - RUNS_KEPT..];
            accounts.entry(view.key.stack()).or_default().insert(&view.key.availability_zone, newest);
        }
    }
    accounts.into_values().filter(|zones| zones.len() > 1).collect()
}

fn pace(accounts: &[Runs<'_>], zone: &AzId) -> Pace {
    let (connects, loses) = (connects(accounts, zone), loses(accounts, zone));
    match (connects, loses) {
        (slow @ Pace::Slow(_), _) | (_, slow @ Pace::Slow(_)) => slow,
        (Pace::Well, Pace::Well) => Pace::Well,
        _ => Pace::Between,
    }
}

/// By the times of connecting: what most of the accounts say that are in this zone.
fn connects(accounts: &[Runs<'_>], zone: &AzId) -> Pace {
    let (mut slow, mut well, mut all, mut medians) = (0, 0, 0, Vec::new());
    for zones in accounts {
        let Some(own) = zones.get(zone) else { continue };
        let others = zones.iter().filter(|(other, _)| **other != zone).flat_map(|(_, runs)| runs.iter());
        let siblings = Histogram::sum(others.map(Connects::histogram));
        let own: Vec<Histogram> = own.iter().map(Connects::histogram).collect();
        let is_enough = |it: &Histogram| it.count() >= SAMPLES_MIN;
        if !is_enough(&siblings) || !own.iter().all(is_enough) {
            continue;
        }
        let siblings_us = siblings.median_us().unwrap_or(0);
        let is_slow = |it: &&Histogram| {
            let own_us = it.median_us().unwrap_or(0);
            own_us >= siblings_us * TIMES && own_us >= siblings_us + SLOWER_US
        };
        let runs = own.iter().filter(is_slow).count();
        all += 1;
        slow += usize::from(runs == own.len());
        well += usize::from(runs == 0);
        medians.push((Histogram::sum(own).median_us().unwrap_or(0), siblings_us));
    }
    medians.sort_unstable();
    match medians.get(medians.len() / 2) {
        Some((own_us, siblings_us)) if slow * 2 > all => {
            Pace::Slow(Slow::Connects { own_us: *own_us, siblings_us: *siblings_us, accounts: (slow, all) })
        }
        Some(_) if well * 2 <= all => Pace::Between,
        Some(_) => Pace::Well,
        None => Pace::Between,
    }
}

/// By the segments that had to be sent again, of all accounts that are in this zone.
fn loses(accounts: &[Runs<'_>], zone: &AzId) -> Pace {
    let here = || accounts.iter().filter(|zones| zones.contains_key(zone));
    let sum = |runs: &mut dyn Iterator<Item = &Connects>| {
        runs.fold((0, 0), |(again, all), it| (again + u64::from(it.1), all + u64::from(it.0)))
    };
    let siblings = sum(&mut here().flat_map(|zones| {
        zones.iter().filter(|(other, _)| **other != zone).flat_map(|(_, runs)| runs.iter())
    }));
    let runs: Vec<(u64, u64)> = (0..RUNS_KEPT)
        .map(|number| sum(&mut here().filter_map(|zones| zones.get(zone)?.get(number))))
        .collect();
    if siblings.1 == 0 || runs.iter().any(|(_, all)| *all == 0) {
        return Pace::Well;
    }
    let usual = siblings.0.max(siblings.1.div_ceil(USUAL_LOSS));
    let is_lossy = |(again, all): &&(u64, u64)| {
        *again >= AGAIN_MIN && again * 100 >= all * LOSS_PERCENT && again * siblings.1 >= TIMES * usual * all
    };
    // Several accounts say so, where there are several.
    let saying = here().filter(|zones| zones[zone].iter().any(|it| it.1 > 0)).count();
    match runs.iter().filter(is_lossy).count() {
        RUNS_KEPT if saying >= here().count().min(2) => {
            let own = runs.iter().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
            Pace::Slow(Slow::Loses { own, siblings })
        }
        0 => Pace::Well,
        _ => Pace::Between,
    }
}

/// What is said of a zone, in the one message of it: how slow it is, or that it is over.
fn message(zone: &AzId, since_ms: u64, slow: Option<Slow>, now_ms: u64, channel: &str) -> Outgoing {
    let incident_id = format!("gray/{since_ms}/{}", stable_id(&[zone.as_str()]));
    let (sequence, body) = match slow {
        Some(slow) => (1, slow_zone(zone, slow, channel)),
        None => (2, over(zone, since_ms, now_ms, channel)),
    };
    Outgoing {
        id: format!("{incident_id}/{sequence}/slack/{channel}"),
        incident_id,
        at_ms: now_ms,
        sequence,
        body,
    }
}

fn slow_zone(zone: &AzId, slow: Slow, channel: &str) -> OutgoingBody {
    let heading = match slow {
        Slow::Connects { .. } => "is slow, although nothing fails in it",
        Slow::Loses { .. } => "loses packets, although nothing fails in it",
    };
    let figures = match slow {
        Slow::Connects { own_us, siblings_us, accounts: (slow, all) } => format!(
            "In five runs in a row connecting took {} from there in the middle, and {} from the other zones of the \
             same accounts to the same targets. {slow} of {} say so.",
            milliseconds(own_us),
            milliseconds(siblings_us),
            text::count(all, "account"),
        ),
        Slow::Loses { own, siblings } => format!(
            "In five runs in a row {} segments were sent again in {} connects from there, and {} in {} from the other \
             zones of the same accounts.",
            own.0, own.1, siblings.0, siblings.1
        ),
    };
    SlackMessage::headed(Words::of(":snail: ").name(zone).text(format!(" {heading}")))
        .section(
            Words::of(figures)
                .text(" Nobody is paged. AWS Health may know of it; the runbook says what to do."),
        )
        .body(channel, SlackKind::Opened)
}

fn over(zone: &AzId, since_ms: u64, now_ms: u64, channel: &str) -> OutgoingBody {
    let lasted = text::duration(now_ms.saturating_sub(since_ms));
    let text = format!("It is as fast as the others again. It had been told for {lasted}.");
    SlackMessage::headed(Words::of(":white_check_mark: ").name(zone).text(" is slow no longer"))
        .section(Words::of(&text))
        .thread(Some(Words::of(text)))
        .body(channel, SlackKind::Resolved)
}

/// `1.2 ms`, `310 ms`.
fn milliseconds(us: u64) -> String {
    if us < 10_000 { format!("{}.{} ms", us / 1000, us % 1000 / 100) } else { format!("{} ms", us / 1000) }
}
