//! Gathers what a roll-out is decided from: who has which version, what its probes prove there, and which incidents are
//! open.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_alerting::{Heartbeat, Incident, Inputs, Paths, ProbeKey};
use phonehome_cloud::table::{Doc, GET_MANY_MAX, Key, Table, TableError};
use phonehome_fleet::{Binding, Bindings, Fleet, Member};
use phonehome_rollout::{Account, Observed, Phase, Progress, RollOut, Stack, Unproven};
use phonehome_state::{
    Keys, Phase as StackPhase, PublishedFleet, StackStatus, StateError, Unread, all, known, readable,
    roll_out, version,
};
use phonehome_wire::{AccountId, Region, StackId};
use serde::de::DeserializeOwned;

use crate::judged::{Tested, judge, path_of_probe, probes_of, read};

/// A roll-out with all that is decided from.
#[derive(Debug)]
pub struct Rolling {
    /// It as it is stored.
    pub doc: Doc,
    /// It.
    pub roll_out: RollOut,
    /// What is seen. Nothing where nothing is decided of it any more.
    pub observed: Observed,
    /// What is in force, as it is stored.
    pub in_force: Doc,
    /// Whether another version was put in force than the one that this one is to take the place of.
    pub overtaken: bool,
    /// The version that is rolled out, as it was published.
    pub target: PublishedFleet,
    /// Where people are told of it; empty when nowhere.
    pub channel: String,
}

/// Gathers it; `None` where there is none, or all that there is to tell of the last one was told.
///
/// # Errors
/// [`StateError`]: nothing can be decided then. What cannot be read of a stack or a probe is taken for what proves
/// nothing; but an incident that cannot be read may concern anybody, and of who is who all must be known.
pub async fn rolling(table: &impl Table, now_ms: u64) -> Result<Option<Rolling>, StateError> {
    let Some((doc, roll_out)) = roll_out(table).await? else { return Ok(None) };
    let waits_to_be_asked = matches!(roll_out.phase, Phase::AtOnce { .. }) && roll_out.turns.is_empty();
    if roll_out.is_over() && !waits_to_be_asked && roll_out.is_told() {
        return Ok(None);
    }
    let in_force = table.get(&Keys::fleet()).await?.ok_or(StateError::NoFleet)?;
    let (base, number) = fleet(&in_force.read()?)?;
    let number_of_target = roll_out.versions.target;
    let missing = || StateError::BadFleet(format!("version {number_of_target} is rolled out and not there"));
    let target = version(table, Some(number_of_target)).await?.ok_or_else(missing)?;
    let overtaken = !roll_out.is_over() && number != roll_out.versions.base;
    let channel = base.platform_channel().to_owned();
    let observed = match overtaken || (roll_out.is_over() && !waits_to_be_asked) {
        true => Observed::default(),
        false => {
            let fleets = Fleets { base, target: fleet(&target)?.0 };
            Observing { table, fleets, roll_out: &roll_out, now_ms }.observe().await?
        }
    };
    Ok(Some(Rolling { doc, roll_out, observed, in_force, overtaken, target, channel }))
}

fn fleet(published: &PublishedFleet) -> Result<(Fleet, u64), StateError> {
    let checked = phonehome_fleet::read(&published.text)
        .map_err(|diagnostics| StateError::BadFleet(diagnostics.render("fleet.yaml")))?;
    Ok((checked.fleet, published.number))
}

struct Fleets {
    base: Fleet,
    target: Fleet,
}

struct Observing<'o, T> {
    table: &'o T,
    fleets: Fleets,
    roll_out: &'o RollOut,
    now_ms: u64,
}

impl<T: Table> Observing<'_, T> {
    async fn observe(&self) -> Result<Observed, StateError> {
        // An account that cannot be seen would not be waited for.
        let bound = all::<Binding>(self.table, Keys::BINDINGS).await?.into_iter().map(|(_, it)| it);
        let stacks = readable::<StackStatus>(self.table, Keys::STACKS).await?;
        let bindings = known(bound, stacks.found.iter().map(|(_, it)| it));
        let is_bound =
            |it: &Unread| it.stack().is_some_and(|stack| bindings.line_of(&stack.account).is_some());
        if let Some(Unread { doc, problem }) = stacks.unreadable.iter().find(|it| !is_bound(it)) {
            let (key, problem) = (doc.key.clone(), problem.clone());
            return Err(TableError::Unreadable { key, problem }.into());
        }
        let gone = gone(stacks.found.iter().map(|(_, it)| it));
        let mut accounts = self.accounts(&bindings);
        accounts.retain(|id, _| !gone.contains(id));
        let mut zones = BTreeMap::new();
        for (_, status) in stacks.found {
            let Some(account) = accounts.get_mut(&status.account) else { continue };
            // What a version does not declare says nothing of it: a Region, or all of an account, that it leaves out.
            let has_it = self.roll_out.versions.turned.contains(&status.account);
            if account.regions(has_it).contains(&status.region) {
                let code_since_ms = status.probe_code.as_ref().map_or(0, |code| code.since_ms);
                zones.insert(status.stack(), (probes_of(&status), code_since_ms));
            }
            account.stacks.insert(status.region.clone(), stack(status));
        }
        for (_, incident) in all::<Incident>(self.table, Keys::INCIDENTS).await? {
            concern(&incident, &mut accounts);
        }
        // Whoever goes back waits for no probe.
        if self.roll_out.phase != Phase::GoingBack {
            self.probes(zones, &mut accounts).await?;
        }
        Ok(Observed { accounts })
    }

    /// The accounts that are a line of one of the versions.
    fn accounts(&self, bindings: &Bindings) -> BTreeMap<AccountId, Account> {
        let Fleets { base, target } = &self.fleets;
        let mut accounts: BTreeMap<AccountId, Account> = BTreeMap::new();
        let last = self.roll_out.waves.len().saturating_sub(1);
        for (id, member) in base.bound_members(bindings) {
            let base_regions = regions(base, &member);
            let name = member.account_name;
            accounts.insert(id, Account { name, wave: last, base_regions, ..Account::default() });
        }
        for (id, member) in target.bound_members(bindings) {
            let (wave, regions) = (self.roll_out.wave_of(&member.line()), regions(target, &member));
            let account = accounts.entry(id).or_default();
            (account.name, account.wave, account.target_regions) = (member.account_name, wave, regions);
        }
        accounts
    }

    /// What the probes of these stacks prove, which have their code since a moment.
    async fn probes(
        &self,
        zones: BTreeMap<StackId, (Vec<ProbeKey>, u64)>,
        accounts: &mut BTreeMap<AccountId, Account>,
    ) -> Result<(), StateError> {
        let inputs = self.partition::<Inputs>(Keys::INPUTS).await?;
        let heartbeats = self.partition::<Heartbeat>(Keys::HEARTBEATS).await?;
        let mut given: Vec<Tested> = Vec::new();
        for (stack, (probes, code_since_ms)) in zones {
            let noted = inputs.get(&Keys::inputs(&stack)).map(Inputs::newest).unwrap_or_default();
            for probe in probes {
                let its = noted.iter().filter(|it| it.availability_zone == probe.availability_zone);
                let before = given.len();
                given.extend(its.map(|it| Tested {
                    part: probe.part(it.part),
                    given: it.clone(),
                    code_since_ms,
                }));
                if let Some(account) = accounts.get_mut(&stack.account).filter(|_| given.len() == before) {
                    account.unproven.insert(path_of_probe(&probe.part(0)), Unproven::Untested);
                }
            }
        }
        let overdue_ms = u64::from(self.fleets.base.probing.overdue_after_seconds) * 1000;
        for some in given.chunks(GET_MANY_MAX) {
            let keys: Vec<Key> = some.iter().map(|it| Keys::paths(&it.part)).collect();
            let docs = self.table.get_many(&keys).await?;
            let paths: BTreeMap<Key, Paths> = docs.into_iter().filter_map(read).collect();
            for tested in some {
                let part = &tested.part;
                let Some(account) = accounts.get_mut(&part.probe.account) else { continue };
                let heartbeat = heartbeats.get(&Keys::heartbeat(part));
                judge(tested, (heartbeat, paths.get(&Keys::paths(part))), (overdue_ms, self.now_ms), account);
            }
        }
        Ok(())
    }

    /// The documents of a partition that can be read, by their keys.
    async fn partition<D: DeserializeOwned>(&self, partition: &str) -> Result<BTreeMap<Key, D>, TableError> {
        let found = readable::<D>(self.table, partition).await?.found;
        Ok(found.into_iter().map(|(doc, value)| (doc.key, value)).collect())
    }
}

fn regions(fleet: &Fleet, member: &Member) -> BTreeSet<Region> {
    let has_pool =
        |region: &&phonehome_fleet::Region| fleet.pool_for(&member.environment, &region.name).is_some();
    fleet.regions.iter().filter(has_pool).map(|region| region.name.clone()).collect()
}

/// The accounts that are closed or have left: all their stacks say so.
fn gone<'s>(stacks: impl Iterator<Item = &'s StackStatus>) -> BTreeSet<AccountId> {
    let mut gone: BTreeMap<AccountId, bool> = BTreeMap::new();
    for stack in stacks {
        *gone.entry(stack.account.clone()).or_insert(true) &= stack.phase == StackPhase::Gone;
    }
    gone.into_iter().filter(|(_, all)| *all).map(|(id, _)| id).collect()
}

fn stack(status: StackStatus) -> Stack {
    Stack {
        progress: match status.phase {
            // What may still be taken away comes in another hour, and is proven then as well.
            StackPhase::Ready if status.next_hour_ms > 0 => Progress::Underway,
            StackPhase::Ready => Progress::Converged,
            StackPhase::Failed => Progress::Failed,
            StackPhase::Claimed | StackPhase::Waiting | StackPhase::Gone => Progress::Underway,
        },
        version: status.version,
        updated_at_ms: status.updated_at_ms,
        until_in_force: !status.until_in_force.is_empty(),
        next_hour_ms: status.next_hour_ms,
        message: status.message,
    }
}

/// Notes an open incident with every account that it concerns. One of which not everything is stored may concern
/// anybody.
fn concern(incident: &Incident, accounts: &mut BTreeMap<AccountId, Account>) {
    let open = incident.members.iter().filter(|member| member.state.is_open());
    let concerned: BTreeSet<&AccountId> = open.map(|member| &member.probe.account).collect();
    for (id, account) in accounts {
        if incident.omitted > 0 || concerned.contains(id) {
            account.incidents.insert(incident.id.clone());
        }
    }
}
