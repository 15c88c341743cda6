//! What is declared no longer and what no turn of its account comes by: a pack or settings in a Region in which the account
//! has no network any more, because the Region, or its pool, left the fleet file, and a set-up at an observability vendor. A
//! sweep ends what was told of it. What is of accounts that are no line is told with the accounts.

use std::collections::BTreeMap;

use phonehome_cloud::table::{Doc, Table};
use phonehome_cloud::{Organization, Queue, WallClock};
use phonehome_fleet::{Bindings, Member};
use phonehome_provision::{Job, Members};
use phonehome_runtime::Refusal;
use phonehome_settings::{SETTINGS, SettingsRecord};
use phonehome_stacks::{OBSERVABILITY, ObservabilityRecord, PACKS, PackPhase, PackRecord};
use phonehome_starter_pack::Pack;
use phonehome_state::{Desired, bindings};
use phonehome_wire::{AccountId, StackId};
use serde::de::DeserializeOwned;

use crate::handler::{Provisioner, table_error};

/// The lines of each version in use.
struct Lines<'a> {
    desired: &'a Desired,
    bindings: Bindings,
    of_versions: BTreeMap<u64, BTreeMap<AccountId, Member>>,
}

impl Lines<'_> {
    /// What is declared of a stack's account; `None` where it is no line.
    fn job<'a>(&'a mut self, StackId { account, region }: &'a StackId) -> Option<Job<'a>> {
        let version = self.desired.of(account);
        let (fleet, bindings) = (version.fleet, &self.bindings);
        let lines = self.of_versions.entry(version.number).or_insert_with(|| fleet.bound_members(bindings));
        let (authorities, limits, published) = (version.authorities, None, None);
        let member = lines.get(account)?;
        Some(Job { fleet, member, account, region, authorities, limits, published })
    }
}

fn has_network(job: &Job<'_>) -> bool {
    job.fleet.pool_for(&job.member.environment, job.region).is_some()
}

fn is_observed(job: &Job<'_>) -> bool {
    let packs = job.fleet.regions_of(job.member).filter_map(|it| Pack::of(job.fleet, job.member, it));
    packs.into_iter().any(|pack| pack.observed(job.account).is_some())
}

impl<T: Table, Q: Queue, O: Organization, M: Members, C: WallClock + Clone> Provisioner<T, Q, O, M, C> {
    /// Tells of each that it is declared no longer.
    pub(crate) async fn end_left(&self, desired: &Desired) -> Result<(), Refusal> {
        let packs = self
            .standing(PACKS, |it: &PackRecord| (it.phase != PackPhase::Undeclared).then(|| it.stack()))
            .await?;
        let settings = self
            .standing(SETTINGS, |it: &SettingsRecord| (!it.wanted.is_empty()).then(|| it.stack()))
            .await?;
        let observed = self
            .standing(OBSERVABILITY, |it: &ObservabilityRecord| it.setup.wanted.as_ref().map(|_| it.stack()))
            .await?;
        let bindings = bindings(&self.provision.table).await.map_err(table_error)?;
        let mut lines = Lines { desired, bindings, of_versions: BTreeMap::new() };
        for stack in &packs {
            if let Some(job) = lines.job(stack).filter(|job| !has_network(job)) {
                self.provision.reconcile_pack(&job).await.map_err(table_error)?;
            }
        }
        for stack in &settings {
            if let Some(job) = lines.job(stack).filter(|job| !has_network(job)) {
                self.provision.reconcile_settings(&job).await.map_err(table_error)?;
            }
        }
        for stack in &observed {
            if let Some(job) = lines.job(stack).filter(|job| !is_observed(job)) {
                self.provision.end_observability(&job).await.map_err(table_error)?;
            }
        }
        Ok(())
    }

    /// The stacks of a partition's records that may have something to end. A record that cannot be read `phonehome status`
    /// shows.
    async fn standing<R: DeserializeOwned>(
        &self,
        partition: &str,
        stack: impl Fn(&R) -> Option<StackId> + Send + Sync,
    ) -> Result<Vec<StackId>, Refusal> {
        let mut standing = Vec::new();
        let take = |docs: Vec<Doc>| {
            standing.extend(docs.iter().filter_map(|doc| stack(&doc.read::<R>().ok()?)));
        };
        self.provision.table.query_pages(partition, take).await.map_err(table_error)?;
        Ok(standing)
    }
}
