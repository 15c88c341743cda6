//! `phonehome status`.

mod bearing;
mod declared;
mod lines;
mod observability;
mod packs;
mod parts;
mod settings;
mod versions;

use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_wire::{AzId, CheckId};
use std::collections::BTreeMap;
use std::fmt::Write as _;

use phonehome_alerting::{Heartbeat, Incident, PathState, PathStatus, Paths, Severity};
use phonehome_aws::DynamoTable;
use phonehome_aws::{Session, sdk};
use phonehome_cloud::table::{Doc, Table};
use phonehome_properties::PROPERTIES;
use phonehome_settings::{SETTINGS, SettingsRecord};
use phonehome_stacks::{OBSERVABILITY, ObservabilityRecord, PACKS, PackRecord};
use phonehome_state::{Desired, Keys, Phase, StackStatus, desired, newest_probes, readable};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::closings;
use crate::output::Format;
use crate::output::time;
use crate::output::{Failure, json as to_json};
use crate::probes;
use crate::silence::{ActiveSilence, active};
use bearing::Otherwise;
use parts::keys;

/// Everything shown.
#[derive(Debug, Serialize)]
struct Shown {
    stacks: Vec<StackStatus>,
    heartbeats: BTreeMap<String, Heartbeat>,
    paths: BTreeMap<String, Paths>,
    incidents: Vec<Incident>,
    /// What accounts bear otherwise than declared.
    properties: Vec<Otherwise>,
    packs: Vec<PackRecord>,
    /// What is known of accounts at observability vendors. No key is in it.
    observability: Vec<ObservabilityRecord>,
    /// Which settings each account has in each Region, as far as they are declared.
    settings: Vec<SettingsRecord>,
    silences: Vec<ActiveSilence>,
    /// What is stored and cannot be read, so that it is not shown.
    unreadable: Vec<String>,
    /// Which account each line is; or why that could not be found out.
    who_is_who: Value,
    /// Which version of the fleet file each account is to have; or why that is not known.
    #[serde(skip)]
    desired: Result<Desired, String>,
    #[serde(skip)]
    notes: Vec<String>,
}

/// Shows the whole fleet, or one account with every path.
pub(crate) async fn run(account: Option<&str>, table_name: &str, format: Format) -> Result<String, Failure> {
    let session = sdk::connect().await.map_err(Failure::other)?;
    let table = DynamoTable::new(&session, table_name);
    let mut shown = load(&table).await?;
    if let Some(wanted) = account {
        shown.stacks.retain(|stack| stack.account == wanted || stack.account_name == wanted);
        if shown.stacks.is_empty() {
            return Err(Failure::input(format!(
                "no stack of an account {wanted:?}; `phonehome status` lists all"
            )));
        }
        let ids: Vec<String> = shown.stacks.iter().map(|stack| format!("{}/", stack.account)).collect();
        let of_these = |key: &String| ids.iter().any(|id| key.starts_with(id));
        shown.packs.retain(|pack| of_these(&pack.stack().to_string()));
        shown.observability.retain(|it| of_these(&it.stack().to_string()));
        shown.settings.retain(|it| of_these(&it.stack().to_string()));
        shown.heartbeats.retain(|key, _| of_these(key));
        shown.paths.retain(|key, _| of_these(key));
        shown.incidents.retain(|incident| {
            incident.members.iter().any(|member| of_these(&format!("{}/", member.probe.account)))
        });
        shown.properties.retain(|it| shown.stacks.iter().any(|stack| stack.account == it.account));
    }
    if account.is_none() {
        (shown.who_is_who, shown.notes) = who_is_who(&session, &table, &shown.desired).await;
    }
    match format {
        Format::Json => to_json(&shown),
        Format::Text => Ok(render(&shown, account.is_some(), SystemClock.now_ms())),
    }
}

/// Who may not ask the organization, or has published nothing yet, sees all the rest.
async fn who_is_who(
    session: &Session,
    table: &DynamoTable,
    desired: &Result<Desired, String>,
) -> (Value, Vec<String>) {
    let (mut notes, observed) = match desired {
        Ok(desired) => {
            let observed = lines::observe(session, table, desired).await;
            let observed = observed.map_err(|failure| failure.text.trim_end().to_owned());
            let mut notes = versions::lines(desired, SystemClock.now_ms());
            notes.extend(closings::lines(table).await.unwrap_or_else(|failure| vec![failure.text]));
            notes.push(probes::line(desired.in_force(), newest_probes(table).await));
            (notes, observed)
        }
        Err(error) => (vec![], Err(error.clone())),
    };
    match observed {
        Ok((json, told)) => {
            notes.extend(told);
            (json, notes)
        }
        Err(problem) => {
            notes.push(format!("which account each line is could not be found out: {problem}"));
            (json!({"error": problem}), notes)
        }
    }
}

async fn load(table: &impl Table) -> Result<Shown, Failure> {
    let mut unreadable = Vec::new();
    let stacks = read(table, Keys::STACKS, &mut unreadable).await?;
    let heartbeats = read(table, Keys::HEARTBEATS, &mut unreadable).await?;
    let paths = read(table, Keys::PATHS, &mut unreadable).await?;
    let incidents = read(table, Keys::INCIDENTS, &mut unreadable).await?;
    let properties = read(table, PROPERTIES, &mut unreadable).await?;
    let packs = read(table, PACKS, &mut unreadable).await?;
    let observability = read(table, OBSERVABILITY, &mut unreadable).await?;
    let settings = read(table, SETTINGS, &mut unreadable).await?;
    let stacks: Vec<StackStatus> = stacks.into_iter().map(|(_, stack)| stack).collect();
    let incidents: Vec<Incident> = incidents.into_iter().map(|(_, incident)| incident).collect();
    let mut paths = paths.into_iter().map(|(doc, paths)| (doc.key.sort, paths)).collect();
    // What is declared that cannot be known, `desired` says: then all are shown.
    let _ = declared::retain(table, &stacks, &incidents, &mut paths).await;
    Ok(Shown {
        properties: properties.iter().filter_map(|(_, kept)| Otherwise::of(kept)).collect(),
        silences: active(table, SystemClock.now_ms()).await?,
        unreadable,
        stacks,
        heartbeats: heartbeats.into_iter().map(|(doc, heartbeat)| (doc.key.sort, heartbeat)).collect(),
        paths,
        incidents,
        // What their stacks have is long, and `phonehome plan` compares with it.
        packs: packs.into_iter().map(|(_, pack)| PackRecord { deployed: None, ..pack }).collect(),
        observability: observability.into_iter().map(|(_, observed)| observed).collect(),
        settings: settings.into_iter().map(|(_, settings)| settings).collect(),
        who_is_who: Value::Null,
        desired: desired(table).await.map_err(|error| error.to_string()),
        notes: vec![],
    })
}

async fn read<T: DeserializeOwned>(
    table: &impl Table,
    partition: &str,
    unreadable: &mut Vec<String>,
) -> Result<Vec<(Doc, T)>, Failure> {
    let read = readable(table, partition).await.map_err(Failure::other)?;
    let names = read.unreadable.iter().map(|it| format!("{partition} | {}: {}", it.doc.key.sort, it.problem));
    unreadable.extend(names);
    Ok(read.found)
}

fn render(shown: &Shown, every_path: bool, now_ms: u64) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{:<14}{:<24}{:<12}{:<19}{:<9}{:<22}PATHS",
        "ACCOUNT", "NAME", "REGION", "CIDR", "STACK", "PROBES"
    );
    for stack in &shown.stacks {
        let _ = writeln!(
            text,
            "{:<14}{:<24}{:<12}{:<19}{:<9}{:<22}{}",
            stack.account,
            stack.account_name,
            stack.region,
            stack.cidr.to_string(),
            phase(stack.phase),
            probes(shown, stack, now_ms),
            paths(shown, stack),
        );
        let notes = notes(stack).into_iter().chain(packs::note(&shown.packs, stack, every_path));
        let notes = notes.chain(observability::note(&shown.observability, stack, every_path));
        let notes = notes.chain(settings::notes(&shown.settings, stack, every_path));
        for line in version_of(stack, &shown.desired, every_path).into_iter().chain(notes) {
            let _ = writeln!(text, "{:<14}{line}", "");
        }
        if every_path {
            path_lines(&mut text, shown, stack);
        }
    }
    let standing = packs::standing_of(&shown.packs, &shown.stacks, &shown.desired);
    for note in shown.notes.iter().chain(&bearing::lines(&shown.properties)).chain(&standing) {
        let _ = writeln!(text, "{note}");
    }
    incident_lines(&mut text, &shown.incidents);
    for active in &shown.silences {
        let _ = writeln!(text, "{}", active.line());
    }
    for item in &shown.unreadable {
        let _ = writeln!(text, "UNREADABLE {item}");
    }
    text
}

/// Which version of the fleet file a stack has, where that is another than it is to have, or with `always`.
fn version_of(stack: &StackStatus, desired: &Result<Desired, String>, always: bool) -> Option<String> {
    let to_have = desired.as_ref().ok().map(|desired| desired.of(&stack.account).number);
    match (stack.version, to_have) {
        (0, _) => None,
        (has, Some(other)) if has != other => {
            Some(format!("has version {has} and is to have version {other}"))
        }
        (has, _) => always.then(|| format!("has version {has}")),
    }
}

/// What else there is to say of a stack: how far it is while it is not ready, and what needs
/// permission.
fn notes(stack: &StackStatus) -> Vec<String> {
    let mut notes = Vec::new();
    if stack.phase != Phase::Ready {
        notes.push(stack.message.clone());
    }
    if stack.phase == Phase::Waiting {
        let ready =
            |is_ready, what| if is_ready { format!("{what} ready") } else { format!("{what} not ready") };
        notes.push(format!(
            "{}, {}",
            ready(stack.network_ready, "network"),
            ready(stack.egress_ready, "egress")
        ));
    }
    if stack.phase == Phase::Ready && !stack.connections_ready {
        notes.push("a declared connection waits for the account at its other end".to_owned());
    }
    notes.extend(stack.withheld.iter().map(|change| format!("not done: {change}")));
    let waiting = stack.until_in_force.iter();
    notes.extend(waiting.map(|change| format!("not done before its version is in force: {change}")));
    notes
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Claimed => "claimed",
        Phase::Waiting => "waiting",
        Phase::Ready => "ready",
        Phase::Failed => "FAILED",
        Phase::Gone => "gone",
    }
}

/// What is known of a zone's paths. A check that has moved may be in two parts for a minute.
fn paths_of<'s>(shown: &'s Shown, stack: &StackStatus, zone: &AzId) -> BTreeMap<&'s CheckId, &'s PathState> {
    keys(stack, zone).filter_map(|key| shown.paths.get(&key)).flatten().collect()
}

/// How many probes were heard of, with all parts of their checks, and how long ago the longest silent one was.
fn probes(shown: &Shown, stack: &StackStatus, now_ms: u64) -> String {
    let silent_s = |key| {
        let heartbeat: &Heartbeat = shown.heartbeats.get(&key)?;
        Some(now_ms.saturating_sub(heartbeat.last_started_at_ms) / 1000)
    };
    let zones = stack.availability_zones.iter();
    let heard = zones.filter_map(|zone| keys(stack, zone).map(silent_s).collect::<Option<Vec<u64>>>());
    let heard: Vec<u64> = heard.filter_map(|parts| parts.into_iter().max()).collect();
    let count = format!("{}/{}", heard.len(), stack.availability_zones.len());
    heard.iter().max().map_or(count.clone(), |oldest| format!("{count}, {oldest} s ago"))
}

fn paths(shown: &Shown, stack: &StackStatus) -> String {
    let zones = stack.availability_zones.iter();
    let states: Vec<&PathState> = zones.flat_map(|zone| paths_of(shown, stack, zone).into_values()).collect();
    let down = states.iter().filter(|path| path.status == PathStatus::Down).count();
    let green = states.iter().filter(|path| path.is_green()).count();
    match (states.len() - green - down, down) {
        (0, 0) => format!("{green} ok"),
        (0, down) => format!("{green} ok, {down} DOWN"),
        (inconclusive, 0) => format!("{green} ok, {inconclusive} inconclusive"),
        (inconclusive, down) => format!("{green} ok, {down} DOWN, {inconclusive} inconclusive"),
    }
}

fn path_lines(text: &mut String, shown: &Shown, stack: &StackStatus) {
    for zone in &stack.availability_zones {
        for (check, path) in paths_of(shown, stack, zone) {
            let words = match (path.status, &path.failure) {
                (PathStatus::Down, Some(failure)) => {
                    format!("DOWN at {}: {}", failure.stage.as_str(), failure.error)
                }
                (PathStatus::Down, None) => "DOWN".to_owned(),
                _ if path.is_green() => "ok".to_owned(),
                _ => path
                    .inconclusive()
                    .map_or("unknown".to_owned(), |(_, reason)| format!("inconclusive: {reason}")),
            };
            let _ = writeln!(text, "  {zone}  {check}: {words}, since {}", time(path.since_ms));
        }
    }
}

fn incident_lines(text: &mut String, incidents: &[Incident]) {
    if incidents.is_empty() {
        text.push_str("No open incidents.\n");
    }
    for incident in incidents {
        let severity = if incident.severity == Severity::Page { "PAGE" } else { "note" };
        let silenced = if incident.silenced { ", silenced" } else { "" };
        let newest = incident.timeline.last().map(|entry| entry.text.as_str()).unwrap_or_default();
        let _ = writeln!(
            text,
            "INCIDENT {} ({severity}{silenced}) since {}: {newest}",
            incident.id,
            time(incident.since_ms)
        );
    }
}

#[cfg(test)]
mod tests;
