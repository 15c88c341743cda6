//! Gathers everything a decision depends on, or fails: a partial view would resolve incidents.

use std::collections::BTreeMap;

use phonehome_alerting::{
    Heartbeat, Incident, Owner, Paths, Policy, ProbeKey, ProbeView, Route, Silence, World,
};
use phonehome_aws::table::{Doc, Expect, Table};
use phonehome_fleet::Fleet;
use phonehome_network::StackStatus;
use phonehome_state::{Keys, StateError, all};

/// The world, and the stored versions of the open incidents in it.
pub(crate) struct Gathered {
    pub(crate) world: World,
    pub(crate) stored: BTreeMap<String, Doc>,
    /// The turn in which it was gathered.
    pub(crate) turn: Expect,
}

/// Reads the whole state. `overdue_after_s` of 0 stands for what the fleet file says.
pub(crate) async fn gather(
    table: &impl Table,
    now_ms: u64,
    overdue_after_s: u32,
) -> Result<Gathered, StateError> {
    // The turn first: whatever another run stores from here on is met as a conflict.
    let turn = Expect::unchanged(table.get(&Keys::turn()).await?.as_ref());
    let fleet = phonehome_state::fleet(table).await?;
    let incidents = all::<Incident>(table, Keys::INCIDENTS).await?;
    let heartbeats = by_key(all::<Heartbeat>(table, Keys::HEARTBEATS).await?);
    let paths = by_key(all::<Paths>(table, Keys::PATHS).await?);
    let silences = all::<Silence>(table, Keys::SILENCES).await?;
    let stacks = all::<StackStatus>(table, Keys::STACKS).await?;
    let probes = stacks.iter().flat_map(|(_, stack)| probes_of(&fleet, stack, &heartbeats, &paths)).collect();
    let overdue_after_s =
        if overdue_after_s == 0 { fleet.probing.overdue_after_seconds } else { overdue_after_s };
    let policy = Policy { overdue_after_ms: u64::from(overdue_after_s) * 1000, ..Policy::default() };
    let mut stored = BTreeMap::new();
    let mut open = Vec::new();
    for (doc, incident) in incidents {
        stored.insert(incident.id.clone(), doc);
        open.push(incident);
    }
    let owners = owners(&fleet);
    let silences = silences.into_iter().map(|(_, silence)| silence).collect();
    Ok(Gathered { world: World { now_ms, probes, owners, open, silences, policy }, stored, turn })
}

fn by_key<V>(docs: Vec<(Doc, V)>) -> BTreeMap<String, V> {
    docs.into_iter().map(|(doc, value)| (doc.key.sort, value)).collect()
}

/// Whom to ask about each account of the fleet.
fn owners(fleet: &Fleet) -> BTreeMap<String, Owner> {
    let members = fleet.members().into_iter();
    members
        .map(|member| (member.account_name, Owner { team: member.owner, channel: member.owner_channel }))
        .collect()
}

/// The probes of a stack that is, or was, ready: only then are reports due.
fn probes_of(
    fleet: &Fleet,
    stack: &StackStatus,
    heartbeats: &BTreeMap<String, Heartbeat>,
    paths: &BTreeMap<String, Paths>,
) -> Vec<ProbeView> {
    let member = fleet.member_for(&stack.account, &stack.account_name);
    let Some(member) = member else { return vec![] };
    let checks = fleet.checks_for(&member, &stack.region);
    let route = fleet.route_for(&member.environment, &member.domain);
    let paging = fleet.environment(&member.environment).is_some_and(|environment| environment.paging);
    let route = Route { slack_channel: route.slack_channel.clone(), page: route.page && paging };
    stack
        .ready_since_ms
        .iter()
        .map(|(availability_zone, &expected_since_ms)| {
            let key = ProbeKey {
                account: stack.account.clone(),
                region: stack.region.clone(),
                availability_zone: availability_zone.clone(),
            };
            ProbeView {
                heartbeat: heartbeats.get(&Keys::heartbeat(&key).sort).cloned(),
                paths: paths.get(&Keys::paths(&key).sort).cloned().unwrap_or_default(),
                account_name: member.account_name.clone(),
                domain: member.domain.clone(),
                environment: member.environment.clone(),
                expected_since_ms,
                checks: checks.clone(),
                route: route.clone(),
                key,
            }
        })
        .collect()
}
