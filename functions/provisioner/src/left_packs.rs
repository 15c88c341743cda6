//! Starter packs in Regions in which their accounts have no network any more, because the Region, or its pool, left the
//! fleet file: no account's turn comes by there, so a sweep ends them.

use std::collections::BTreeMap;

use phonehome_cloud::table::{Doc, Table};
use phonehome_cloud::{Organization, Queue, WallClock};
use phonehome_provision::{Job, Members};
use phonehome_runtime::Refusal;
use phonehome_stacks::{PACKS, PackPhase, PackRecord};
use phonehome_state::{Desired, bindings};
use phonehome_wire::StackId;

use crate::handler::{Provisioner, table_error};

impl<T: Table, Q: Queue, O: Organization, M: Members, C: WallClock + Clone> Provisioner<T, Q, O, M, C> {
    /// Tells of each that it is declared no longer. Those of accounts that are no line are told with the accounts.
    pub(crate) async fn end_left_packs(&self, desired: &Desired) -> Result<(), Refusal> {
        let packs = self.standing_packs().await?;
        let bindings = bindings(&self.provision.table).await.map_err(table_error)?;
        let mut lines = BTreeMap::new();
        for StackId { account, region } in &packs {
            let version = desired.of(account);
            let fleet = version.fleet;
            let lines = lines.entry(version.number).or_insert_with(|| fleet.bound_members(&bindings));
            let Some(member) = lines.get(account) else { continue };
            if fleet.pool_for(&member.environment, region).is_some() {
                continue;
            }
            let (authorities, limits, published) = (version.authorities, None, None);
            let job = Job { fleet, member, account, region, authorities, limits, published };
            self.provision.reconcile_pack(&job).await.map_err(table_error)?;
        }
        Ok(())
    }

    /// The packs that were declared when they were last looked at. One that cannot be read `phonehome status` shows.
    async fn standing_packs(&self) -> Result<Vec<StackId>, Refusal> {
        let mut standing = Vec::new();
        let take = |docs: Vec<Doc>| {
            let records = docs.iter().filter_map(|doc| doc.read::<PackRecord>().ok());
            let records = records.filter(|record| record.phase != PackPhase::Undeclared);
            standing.extend(records.map(|record| record.stack()));
        };
        self.provision.table.query_pages(PACKS, take).await.map_err(table_error)?;
        Ok(standing)
    }
}
