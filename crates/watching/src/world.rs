//! Gathers everything a decision depends on. What is stored and cannot be read is named, and nothing is
//! decided of it; when the table cannot be asked, the run fails: a partial answer would resolve incidents.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join;
use phonehome_alerting::{
    Change, Incident, Notices, Owner, Policy, ProbeView, Reader, Route, Symptom, Trouble, UnreadableIncident,
    Unseen, World,
};
use phonehome_cloud::table::{Doc, Expect, Key, Table};
use phonehome_fleet::{Fleet, Member};
use phonehome_state::{InForce, InUse, Keys, Revision, StackStatus, StateError, Unread};
use phonehome_wire::{CheckId, StackId};

use crate::expected::{all_probes, route};
use crate::known::Known;
use crate::partitions::Partitions;
use crate::probes::Probes;
use crate::windows::windows;

/// The world, and the stored versions of the open incidents in it.
#[derive(Debug)]
pub struct Gathered {
    /// What is decided of.
    pub world: World,
    /// The open incidents as they are stored, by their ids.
    pub stored: BTreeMap<String, Doc>,
    /// The revision at which it was gathered.
    pub revision: Expect,
    /// What somebody should look into.
    pub troubles: Vec<Trouble>,
    /// When each stack was last observed; milliseconds since the Unix epoch.
    pub(crate) observed_ms: BTreeMap<StackId, u64>,
    /// What has been notified of that.
    pub(crate) notified: Notices,
    pub(crate) notified_doc: Option<Doc>,
    /// The same of the ledger, where it was looked through: nothing is decided of it.
    pub(crate) of_ledger: Option<Vec<Trouble>>,
    /// Where trouble of phonehome itself is told; empty when nowhere.
    pub(crate) channel: String,
}

impl Gathered {
    /// How many items cannot be read; where the ledger was not looked through, those that were told of it.
    #[must_use]
    pub fn unreadable(&self) -> usize {
        let unreadable = |it: &&Trouble| matches!(it, Trouble::Unreadable { .. });
        let of_ledger = self.of_ledger.as_ref().map_or(self.notified.of_ledger.len(), Vec::len);
        self.troubles.iter().filter(unreadable).count() + of_ledger
    }
}

/// How far another run's clock may be ahead of this one's to be gone by, in milliseconds: Lambda's are
/// within milliseconds, and a decision from the far future must not stop time.
const AHEAD_MS: u64 = 60_000;

/// How often probes run. One that is not asked for is as on AWS: each minute, and silent as the fleet file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How far apart two runs are, in seconds.
    pub interval_s: u32,
    /// How long a probe may be silent, in seconds; 0 for what the fleet file says.
    pub overdue_after_s: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { interval_s: 60, overdue_after_s: 0 }
    }
}

/// Reads the whole state; of paths and the fleet file, what is not known from an earlier run.
///
/// # Errors
/// [`StateError`]: nothing can be decided then.
pub async fn gather(
    table: &impl Table,
    known: &Known,
    now_ms: u64,
    pace: &Pace,
) -> Result<Gathered, StateError> {
    // The revision first, and what was told: whatever another run stores from here on is met as a conflict.
    let (last, notified_doc) = try_join(table.get(&Keys::revision()), table.get(&Keys::notices())).await?;
    let revision = Expect::unchanged(last.as_ref());
    let now_ms = decides_at(last.as_ref(), now_ms);
    let notified: Notices = notified_doc.as_ref().and_then(|doc| doc.read().ok()).unwrap_or_default();
    let looks_through = notified.is_look_due(now_ms);
    let in_use = known.fleet.in_use(table).await?;
    let fleet = &in_use.base.fleet;
    let Partitions { incidents, stacks, bound, silences, refusals, crashes, ledger } =
        Partitions::read(table, looks_through).await?;
    let unreadable = |it: &Unread| UnreadableIncident::of(&it.doc.key.sort, &it.doc.body);
    let mut unseen = Unseen {
        incidents: incidents.unread.iter().map(unreadable).collect(),
        stacks: stacks.unread.iter().filter_map(Unread::stack).collect(),
    };
    let are_all_bound = bound.unread.is_empty();
    let of_ledger = ledger.map(|unread| unread.iter().map(trouble).collect());
    let mut unread = vec![];
    let incidents = incidents.noting(&mut unread);
    let stacks = stacks.noting(&mut unread);
    let bindings = phonehome_state::known(bound.noting(&mut unread), &stacks);
    let expecting = in_use.expecting(&bindings, &stacks);
    if !are_all_bound {
        // Which line of the file such a stack is may be in what cannot be read.
        let nobodys = stacks.iter().filter(|stack| expecting.member(stack).is_none());
        unseen.stacks.extend(nobodys.map(StackStatus::stack));
    }
    let told = told(incidents.iter().map(|(_, incident)| incident));
    let declared = in_use.rolling.is_none().then(|| known.declared(&in_use.base));
    let mut watched = all_probes(fleet, &expecting, declared.as_ref(), &stacks, &told);
    let observed_ms = stacks.iter().map(|stack| (stack.stack(), stack.updated_at_ms)).collect();
    drop((expecting, stacks, bindings));
    let policy = policy(fleet, pace);
    let (overdue_after_ms, missing_after_ms) = (policy.overdue_after_ms, policy.missing_after_ms());
    let mut probes = Probes { table, known, now_ms, overdue_after_ms, missing_after_ms, unread: &mut unread };
    let open: Vec<&Incident> = incidents.iter().map(|(_, incident)| incident).collect();
    probes.read(&mut watched, &open).await?;
    let mut probes: Vec<ProbeView> = watched.into_iter().map(|it| it.view).collect();
    probes.shrink_to_fit();
    let crashes = crashes.noting(&mut unread);
    let crashes: BTreeMap<_, _> = crashes.iter().map(|it| (&it.account, it)).collect();
    for view in &mut probes {
        view.crash = crashes.get(&view.key.account).and_then(|it| it.of(&view.key)).cloned().map(Box::new);
    }
    let mut stored = BTreeMap::new();
    let mut open = Vec::new();
    for (doc, incident) in incidents {
        stored.insert(incident.id.clone(), doc);
        open.push(incident);
    }
    let (owners, routes) = (owners(&in_use), routes(&in_use));
    let silences = silences.noting(&mut unread);
    let refusals = refusals.noting(&mut unread);
    let lasting = refusals.into_iter().filter(|it| it.lasts(now_ms)).map(Trouble::Refused);
    let troubles = unread.iter().map(trouble).chain(lasting).collect();
    let channel = fleet.platform_channel().to_owned();
    let (changes, reader, findings) = (changes(&in_use), reader(fleet), vec![]);
    let world =
        World { now_ms, probes, owners, routes, open, silences, policy, unseen, reader, changes, findings };
    Ok(Gathered {
        world,
        stored,
        revision,
        troubles,
        observed_ms,
        notified,
        notified_doc,
        of_ledger,
        channel,
    })
}

fn reader(fleet: &Fleet) -> Reader {
    let organization = &fleet.organization;
    Reader { time_zone: organization.time_zone.clone(), runbook: organization.runbook.clone() }
}

/// That the fleet file in force was published, and the one that is rolled out.
fn changes(in_use: &InUse) -> Vec<Change> {
    let rolled_out = in_use.rolling.as_ref().map(|rolling| &*rolling.target);
    std::iter::once(&*in_use.base).chain(rolled_out).map(published).collect()
}

fn published(in_force: &InForce) -> Change {
    let what = match in_force.number {
        0 => "the fleet file published".to_owned(),
        number => format!("fleet file version {number} published"),
    };
    Change { at_ms: in_force.published_at_ms, stack: None, what, by: in_force.published_by.clone() }
}

/// Which checks these incidents say to fail, by stack.
fn told<'i>(incidents: impl Iterator<Item = &'i Incident>) -> BTreeSet<(StackId, &'i CheckId)> {
    let members = incidents.flat_map(|incident| &incident.members).filter(|member| member.state.is_open());
    let down = members.filter_map(|member| match &member.symptom {
        Symptom::Down { check } => Some((member.probe.stack(), check)),
        Symptom::Silent | Symptom::Inconclusive => None,
    });
    down.collect()
}

fn policy(fleet: &Fleet, pace: &Pace) -> Policy {
    let overdue_after_s = match pace.overdue_after_s {
        0 => fleet.probing.overdue_after_seconds,
        given => given,
    };
    let platform_route = fleet.platform_route.as_ref();
    Policy {
        interval_ms: u64::from(pace.interval_s) * 1000,
        down_after: fleet.probing.down_after,
        up_after: fleet.probing.up_after,
        overdue_after_ms: u64::from(overdue_after_s) * 1000,
        platform_route: platform_route.map(|it| Route {
            slack_channel: it.slack_channel.clone(),
            page: it.page,
            page_channel: None,
        }),
        windows: windows(fleet),
        ..Policy::default()
    }
}

/// When a run decides: after the decision that it goes on from. Messages are sorted by this, and one of a
/// run that began earlier and decides later, because another was faster, must not come before the other's.
fn decides_at(last: Option<&Doc>, now_ms: u64) -> u64 {
    let last_ms = last.and_then(|doc| doc.read::<Revision>().ok()).map_or(0, |last| last.decided_at_ms);
    let is_believed = last_ms < now_ms.saturating_add(AHEAD_MS);
    if is_believed { now_ms.max(last_ms + 1) } else { now_ms }
}

fn trouble(unread: &Unread) -> Trouble {
    let Key { partition, sort } = unread.doc.key.clone();
    Trouble::Unreadable { partition, sort, problem: unread.problem.clone() }
}

/// What every fleet file in use declares, and its members. What two of them say of one name the one in force, which is
/// the last one, says.
fn members(in_use: &InUse) -> impl Iterator<Item = (&Fleet, Member)> {
    let target = in_use.rolling.as_ref().map(|rolling| &rolling.target.fleet);
    let fleets = target.into_iter().chain([&in_use.base.fleet]);
    fleets.flat_map(|fleet| fleet.members().into_iter().map(move |member| (fleet, member)))
}

/// Whom to ask about each account of the fleet.
fn owners(in_use: &InUse) -> BTreeMap<String, Owner> {
    members(in_use)
        .map(|(_, member)| (member.account_name, Owner { team: member.owner, channel: member.owner_channel }))
        .collect()
}

/// Who hears of an account's trouble, by its name.
fn routes(in_use: &InUse) -> BTreeMap<String, Route> {
    let route = |(own, member): (&Fleet, Member)| {
        let route = route(&in_use.base.fleet, own, &member);
        (member.account_name, route)
    };
    members(in_use).map(route).collect()
}
