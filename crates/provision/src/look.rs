//! Looking at a stack: at everything, or, where nothing is suspected, without what is known from the observation before
//! and has not changed since (docs/decisions/0028-fewer-calls.md).

use futures_util::future::try_join_all;
use phonehome_alerting::{Heartbeat, Inputs, ProbeKey};
use phonehome_cloud::table::{Doc, Table, TableError};
use phonehome_cloud::{Class, CloudError, WallClock};
use phonehome_executor::StackApi;
use phonehome_network::{Inventory, Kind, KnownProbes, Lists, Tagged as _};
use phonehome_planner::{Plan, StackSpec, known_probes};
use phonehome_state::{Keys, Phase, SeenVpc, StackStatus, record_seen};

use crate::lease::Leased;
use crate::progress::{Reconciled, StackProgress};
use crate::provision::{Job, Provision};
use crate::seen::collision;
use crate::{CannotPlan, Members};

/// How old the newest report of a probe may be, so that it proves that its reports still arrive, in milliseconds: five
/// minutes. A probe runs once a minute, and is told to be silent after less.
const REPORTED_MS: u64 = 5 * 60_000;

/// What was seen, and what is to be done.
pub(crate) struct Looked {
    pub(crate) inventory: Inventory,
    pub(crate) plan: Plan,
    /// Whether everything was read. Otherwise the plan is nothing ([`Plan::is_nothing`]).
    pub(crate) is_whole: bool,
}

/// What came of a look.
pub(crate) enum Look {
    At(Box<Looked>),
    /// Nothing can be planned, and how far the stack is by that.
    Over(Box<Reconciled>),
}

/// What came of a look that read less.
enum Again {
    /// All is as declared.
    Suffices(Box<Inventory>, Box<Plan>, Lists),
    /// Something may have to be done: what that is follows from everything.
    Insufficient,
    /// AWS was asked too often already.
    Throttled(CloudError),
}

impl<T: Table, M: Members, C: WallClock + Clone> Provision<T, M, C> {
    /// What is known and need not be read again now; `None`: everything is read. Only of a stack of which nothing is
    /// suspected and that was as declared, by the same declaration, and only where the collector knows the inputs
    /// that are not read.
    ///
    /// # Errors
    /// [`TableError`]
    pub(crate) async fn spared(
        &self,
        job: &Job<'_>,
        spec: &StackSpec,
        status: &StackStatus,
    ) -> Result<Option<KnownProbes>, TableError> {
        let is_routine = job.limits.is_none() && job.published.is_some_and(|it| it.is_routine);
        let Some(known) = &status.known_probes else { return Ok(None) };
        if !is_routine || spec.looks_for_all() || known.is_futile {
            return Ok(None);
        }
        let inputs = async { self.table.get(&Keys::inputs(&spec.stack())).await };
        let heartbeats = try_join_all(spec.zones.iter().map(|zone| async {
            let (account, region) = (spec.account.clone(), spec.region.clone());
            let probe = ProbeKey { account, region, availability_zone: zone.az_id.clone() };
            let doc = self.table.get(&Keys::heartbeat(&probe.part(0))).await?;
            Ok((StackSpec::probe_name(&zone.az_id), read::<Heartbeat>(doc.as_ref())))
        }));
        let (inputs, heartbeats) = futures_util::future::try_join(inputs, heartbeats).await?;
        if !read::<Inputs>(inputs.as_ref()).is_some_and(|inputs| are_noted(&inputs, spec, known)) {
            return Ok(None);
        }
        let (mut known, now_ms) = (known.clone(), self.clock.now_ms());
        for (name, heartbeat) in heartbeats {
            if let (Some(function), Some(heartbeat)) = (known.functions.get_mut(&name), heartbeat) {
                function.still_reports = still_reports(&heartbeat, function.destination_ms, now_ms);
            }
        }
        Ok(Some(known))
    }

    /// Looks at the stack, and plans. `known`: what need not be read again.
    ///
    /// # Errors
    /// [`TableError`]
    pub(crate) async fn look(
        &self,
        job: &Job<'_>,
        spec: &StackSpec,
        stack: &M::Stack,
        known: Option<KnownProbes>,
        leased: &mut Leased<C>,
    ) -> Result<Look, TableError> {
        let is_second = known.is_some();
        if let Some(known) = known {
            match self.look_again(job, spec, stack, &known).await? {
                Again::Suffices(inventory, plan, lists) => {
                    self.note(spec, &inventory).await?;
                    let known = KnownProbes { lists, ..known };
                    leased.status.known_probes =
                        Some(known_probes(spec, &inventory, Some(&known), leased.seen_ms));
                    leased.inventory = Some((*inventory).clone());
                    return Ok(Look::At(Box::new(Looked {
                        inventory: *inventory,
                        plan: *plan,
                        is_whole: false,
                    })));
                }
                Again::Throttled(error) => return Ok(Look::Over(Box::new(leased.refused(error)))),
                Again::Insufficient => {
                    tracing::info!(account = spec.account.as_str(), "everything is read");
                    leased.seen_ms = self.clock.now_ms();
                }
            }
        }
        let before = leased.status.known_probes.take();
        let look = self.look_at_all(job, spec, stack, leased).await?;
        if let Look::At(looked) = &look {
            leased.status.known_probes = known_of_all(spec, looked, before, leased.seen_ms, is_second);
        }
        Ok(look)
    }

    async fn look_again(
        &self,
        job: &Job<'_>,
        spec: &StackSpec,
        stack: &M::Stack,
        known: &KnownProbes,
    ) -> Result<Again, TableError> {
        let (mut inventory, lists) = match stack.observe_again(&spec.kinds(), known).await {
            Ok(seen) => seen,
            Err(error) if error.class() == Class::Throttled => return Ok(Again::Throttled(error)),
            // What else goes wrong is told by the look that reads everything.
            Err(_) => return Ok(Again::Insufficient),
        };
        if self.is_blind_to_peers(spec).await? {
            inventory.unseen.insert(Kind::Peering);
        }
        let plan = match self.permitted_plan(job, spec, &inventory).await {
            Ok(plan) => plan,
            Err(CannotPlan::Table(error)) => return Err(error),
            Err(_) => return Ok(Again::Insufficient),
        };
        Ok(match plan.is_nothing() {
            true => Again::Suffices(Box::new(inventory), Box::new(plan), lists),
            false => Again::Insufficient,
        })
    }

    async fn look_at_all(
        &self,
        job: &Job<'_>,
        spec: &StackSpec,
        stack: &M::Stack,
        leased: &mut Leased<C>,
    ) -> Result<Look, TableError> {
        let mut inventory = match stack.observe(&spec.kinds()).await {
            Ok(inventory) => inventory,
            Err(error) => return Ok(Look::Over(Box::new(leased.refused(error)))),
        };
        leased.inventory = Some(inventory.clone());
        if self.is_blind_to_peers(spec).await? {
            inventory.unseen.insert(Kind::Peering);
        }
        self.note(spec, &inventory).await?;
        let plan = match self.permitted_plan(job, spec, &inventory).await {
            Ok(plan) => plan,
            // Soon after a change, a part of it may be visible before what it is in.
            Err(CannotPlan::Plan(half_seen))
                if matches!(leased.status.phase, Phase::Claimed | Phase::Waiting) =>
            {
                let progress = StackProgress::later(half_seen, Class::EventuallyConsistent);
                return Ok(Look::Over(Box::new(Reconciled::only(progress))));
            }
            Err(impossible) => return Ok(Look::Over(Box::new(Reconciled::only(impossible.progress()?)))),
        };
        if let Some(collision) = collision(spec, &inventory, &plan) {
            return Ok(Look::Over(Box::new(Reconciled::only(StackProgress::Failed(collision)))));
        }
        Ok(Look::At(Box::new(Looked { inventory, plan, is_whole: true })))
    }

    /// Notes which VPCs there are, so that the ledger gives nobody their addresses.
    pub(crate) async fn note(&self, spec: &StackSpec, inventory: &Inventory) -> Result<(), TableError> {
        let vpcs: Vec<SeenVpc> = inventory
            .own(&spec.account)
            .vpcs
            .iter()
            .map(|vpc| SeenVpc {
                account: spec.account.clone(),
                region: spec.region.clone(),
                vpc_id: vpc.id.clone(),
                cidrs: vpc.cidrs.clone(),
                ours: vpc.address().is_some(),
                is_default: vpc.is_default,
            })
            .collect();
        record_seen(&self.table, &spec.stack(), &vpcs, self.clock.now_ms()).await.map(|_| ())
    }
}

/// What is known of the probes after everything was read; `None` unless all of it was as declared. `is_second`: what was
/// known before had not sufficed.
fn known_of_all(
    spec: &StackSpec,
    looked: &Looked,
    before: Option<KnownProbes>,
    seen_ms: u64,
    is_second: bool,
) -> Option<KnownProbes> {
    if spec.probe.is_none() || !looked.plan.is_nothing() {
        return None;
    }
    // Where everything was looked for, which is asked anew: a newer template may have come.
    let before = before.filter(|_| !spec.looks_for_all()).unwrap_or_default();
    let is_futile = before.is_futile || (is_second && !spec.looks_for_all());
    let known = known_probes(spec, &looked.inventory, None, seen_ms);
    Some(KnownProbes { lists: before.lists, is_futile, ..known })
}

/// Whether the collector takes reports of the inputs that are not read: what is read is noted as ever.
fn are_noted(inputs: &Inputs, spec: &StackSpec, known: &KnownProbes) -> bool {
    known.schedules.iter().all(|(name, schedule)| {
        StackSpec::of_schedule(name).is_some_and(|(az_id, part)| {
            let zone = spec.zones.iter().find(|zone| *zone.az_id == *az_id);
            let noted = zone.and_then(|zone| inputs.generations(&zone.az_id, part));
            noted.is_some_and(|generations| generations.contains(&schedule.generation))
        })
    })
}

/// Whether a run that began after its function's destination was read has been heard of, and lately.
fn still_reports(heartbeat: &Heartbeat, destination_ms: u64, now_ms: u64) -> bool {
    heartbeat.last_started_at_ms > destination_ms
        && heartbeat.last_received_at_ms.saturating_add(REPORTED_MS) >= now_ms
}

/// What cannot be read proves nothing.
fn read<V: serde::de::DeserializeOwned>(doc: Option<&Doc>) -> Option<V> {
    doc.and_then(|doc| doc.read().ok())
}
