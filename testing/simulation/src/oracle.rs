//! Whether what was told is what was so.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use phonehome_alerting::{Incident, IncidentState, MemberKey, Resolution};
use phonehome_bench_localisation::{Network, ZONES};
use phonehome_cloud::PageState;
use phonehome_state::{Keys, Outboxed, all};

use crate::hub::Hub;
use crate::plan::Episode;
use crate::seen::is_broken;
use crate::stage::{Stage, Walk, pages};

/// What was so in an episode.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    /// What failed in a run because something is broken, and which probes did not get through for it.
    pub(crate) broken: BTreeSet<MemberKey>,
    /// What was wrong by chance in a run.
    pub(crate) noisy: BTreeSet<MemberKey>,
}

/// What was told of an episode.
#[derive(Debug)]
pub struct Told {
    /// What it was about.
    pub about: String,
    /// The kind of what was broken.
    pub kind: &'static str,
    /// What is wrong with what was told; nothing when all is right.
    pub problems: Vec<String>,
    /// How many incidents there were.
    pub incidents: usize,
    /// How many pages.
    pub pages: usize,
    /// Whether there had to be one.
    pub is_page: bool,
    /// Whether it had to be told.
    pub is_cause: bool,
}

/// Whether somebody has to get up for the network as it is: a paged account that nothing is heard of or nothing gets
/// out of, one of whose connections or whose whole way out is lost from every zone that reports, and an isolation
/// that does not hold, at either end.
fn is_worth_a_page(stage: &Stage, network: &Network, hears: bool) -> bool {
    (0..stage.accounts()).any(|account| {
        let reporting: Vec<u32> =
            (0..ZONES).filter(|zone| hears && network.reports(account, *zone)).collect();
        let checks = &stage.checks[account as usize];
        let fails = |walk: &Walk, zone: u32| is_broken(stage, network, account, zone, walk);
        let lost = |walk: &Walk| reporting.iter().all(|zone| fails(walk, *zone));
        let mut outside = checks.iter().map(|(_, walk)| walk).filter(|it| matches!(it, Walk::Outside(_)));
        let is_breached = |walk: &Walk| {
            let Walk::Closed { connection } = walk else { return false };
            let far = stage.fleet.connections[*connection as usize].to;
            (pages(account) || pages(far)) && reporting.iter().any(|zone| fails(walk, *zone))
        };
        let is_connection = |walk: &Walk| matches!(walk, Walk::Target { .. } | Walk::Witness { .. });
        let breached = checks.iter().any(|(_, walk)| is_breached(walk));
        let loses = || checks.iter().any(|(_, walk)| is_connection(walk) && lost(walk));
        breached || (pages(account) && (reporting.is_empty() || outside.all(lost) || loses()))
    })
}

/// Judges what was told in an episode.
pub(crate) async fn judge(stage: &Stage, hub: &Hub, episode: &Episode, truth: &Truth) -> Result<Told> {
    let mut problems = Vec::new();
    let table = &hub.table.table;
    for (_, open) in all::<Incident>(table, Keys::INCIDENTS).await? {
        problems.push(format!("still open: {}", about(&open)));
    }
    for (_, left) in all::<Outboxed>(table, Keys::OUTBOX).await? {
        problems.push(format!("not delivered: {} ({})", left.outgoing.id, left.last_error));
    }
    problems.extend(hub.left().into_iter().map(|it| format!("left in a queue: {it}")));
    let over = all::<Incident>(table, Keys::RESOLVED).await?.into_iter().map(|(_, it)| it);
    let incidents: Vec<Incident> =
        over.filter(|it| (episode.from_ms..episode.until_ms).contains(&it.opened_at_ms)).collect();
    let trouble = &episode.trouble;
    let mut network = Network::of(&stage.fleet);
    if let Some(fault) = trouble.fault() {
        fault.apply(&stage.fleet, &mut network);
    }
    let is_cause = trouble.is_beyond_threshold() && !truth.broken.is_empty();
    let is_page = is_worth_a_page(stage, &network, trouble.fault().is_some());
    let list = || incidents.iter().map(about).collect::<Vec<_>>().join("; ");
    for incident in &incidents {
        let keys: Vec<MemberKey> =
            incident.members.iter().map(phonehome_alerting::IncidentMember::key).collect();
        // What failed by chance while the rest was broken may be taken for a part of it; nothing tells them apart.
        if !keys.iter().any(|it| truth.broken.contains(it)) {
            problems.push(format!("never broken: {}", about(incident)));
        }
        let never = |it: &&MemberKey| !truth.broken.contains(it) && !truth.noisy.contains(it);
        let never = || keys.iter().filter(never);
        if let Some(MemberKey { probe, symptom }) = never().next() {
            let (count, about) = (never().count(), about(incident));
            problems.push(format!("{count} never failed, {symptom:?} of {probe} one of them: {about}"));
        }
    }
    match incidents.len() {
        0 if is_cause => problems.push("not told".to_owned()),
        0 | 1 => {}
        // Of what was over before everybody had run, runs contradict each other: each zone then has its own story.
        _ if !trouble.is_beyond_threshold() => {}
        count => problems.push(format!("told {count} times: {}", list())),
    }
    let ids: BTreeSet<&String> = incidents.iter().map(|it| &it.id).collect();
    problems.extend(posts(hub, &incidents));
    let (paged, wrong) = paged(hub, &ids);
    problems.extend(wrong);
    match paged {
        0 if is_cause && is_page => problems.push(format!("nobody was paged: {}", list())),
        0 => {}
        1 if is_page => {}
        _ if is_page && !trouble.is_beyond_threshold() => {}
        count => problems.push(format!("{count} pages, and {} right: {}", usize::from(is_page), list())),
    }
    let about = episode.about();
    let kind = trouble.kind();
    Ok(Told { about, kind, problems, incidents: incidents.len(), pages: paged, is_page, is_cause })
}

/// An incident for people.
fn about(incident: &Incident) -> String {
    let (id, suspect, members) = (&incident.id, incident.headline(), incident.members.len());
    let is_merged =
        matches!(&incident.state, IncidentState::Resolved { resolution: Resolution::Merged { .. }, .. });
    let merged = if is_merged { ", merged" } else { "" };
    let detail = incident.members.first().map_or("", |it| it.detail.as_str());
    format!("{id} {suspect:?} ({members} members{merged}, revision {}: {detail})", incident.revision)
}

/// Each incident stands once in each of its channels.
fn posts(hub: &Hub, incidents: &[Incident]) -> Vec<String> {
    let posted = hub.slack.messages();
    let mut problems = Vec::new();
    for incident in incidents {
        for channel in &incident.channels {
            let of_it = |id: &str| id.split('/').next() == Some(incident.id.as_str());
            let is_it = |it: &&crate::Posted| {
                it.channel == *channel && it.mark.as_ref().is_some_and(|mark| of_it(&mark.outbox_id))
            };
            let there: Vec<&crate::Posted> = posted.iter().filter(is_it).collect();
            match there.as_slice() {
                [one] if is_end(&one.text) => {}
                [one] => problems.push(format!("{channel} does not say that it is over: {}", one.text)),
                others => problems.push(format!("{} times in {channel}: {}", others.len(), about(incident))),
            }
        }
    }
    problems
}

/// How messages begin that say that it is over.
const ENDED: [&str; 2] = [":white_check_mark:", ":heavy_check_mark:"];

fn is_end(text: &str) -> bool {
    ENDED.iter().any(|mark| text.starts_with(mark))
}

/// How many pages there were for these incidents; each begins once and ends once.
fn paged(hub: &Hub, ids: &BTreeSet<&String>) -> (usize, Vec<String>) {
    let mut states: BTreeMap<String, Vec<PageState>> = BTreeMap::new();
    for page in hub.on_call.pages().into_iter().filter(|it| ids.contains(&it.key)) {
        states.entry(page.key).or_default().push(page.state);
    }
    // After an answer that got lost, or a death, the same is said again: nobody knows whether it was heard, and a paging
    // service takes what has the same key and the same state for one.
    states.values_mut().for_each(Vec::dedup);
    let wrong = states.iter().filter(|(_, states)| **states != [PageState::Alarm, PageState::Ok]);
    let problems = wrong.map(|(key, states)| format!("on-call was told {states:?} of {key}")).collect();
    (states.len(), problems)
}
