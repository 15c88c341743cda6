//! An account's set-up at an observability vendor: looked at once a day, and brought as far as it can be brought.

use std::collections::BTreeSet;

use phonehome_cloud::table::{NotKept, Table, TableError};
use phonehome_cloud::{Class, WallClock};
use phonehome_observability::{Setup, VendorAccountId, Wanted, WantedLink};
use phonehome_stacks::{ObservabilityRecord, PackRecord, observability_key, pack_key};
use phonehome_starter_pack::{
    METRIC_STREAM, OBSERVABILITY_KEY, OBSERVING_ROLE, Observed, Pack, VendorAccount,
};
use serde_json::Value;

use crate::Members;
use crate::keeping::writes;
use crate::keeping_setup::KeepingSetup;
use crate::new_relic::VENDOR;
use crate::pack_told::{WRONG, about, observability, observability_left};
use crate::progress::StackProgress;
use crate::provision::{Job, Provision};

/// What of a pack's template the stack was last seen with.
fn deployed(record: &PackRecord) -> BTreeSet<String> {
    let body = record.deployed.as_ref().filter(|it| !it.is_gone).map(|it| it.body.as_str());
    let template: Value = body.and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
    let resources = template["Resources"].as_object().into_iter().flatten();
    resources.map(|(name, _)| name.clone()).collect()
}

fn wanted(job: &Job<'_>, observed: Observed, record: &PackRecord) -> Wanted {
    let there = deployed(record);
    let Observed { data_center, secret, role_arn } = observed;
    let has = |name: &str| there.contains(name);
    Wanted {
        name: job.member.account_name.clone(),
        data_center,
        chosen: job.fleet.observability_account_of(job.member).map(VendorAccountId::new),
        secrets: has(OBSERVABILITY_KEY).then(|| (job.region.clone(), secret)).into_iter().collect(),
        link: has(OBSERVING_ROLE).then_some(WantedLink { role_arn, is_streamed: has(METRIC_STREAM) }),
    }
}

impl<T: Table, M: Members, C: WallClock + Clone> Provision<T, M, C> {
    /// The pack as it can be made now: with what names the account at the vendor once that is known and a key of it is in the
    /// secret. Until then the rest of the pack waits for nothing.
    pub(crate) async fn as_far_as_observed(&self, job: &Job<'_>, pack: Pack) -> Result<Pack, TableError> {
        if pack.observed(job.account).is_none() {
            return Ok(pack);
        }
        let stored = self.table.get(&observability_key(job.account)).await?;
        let record = stored.map(|doc| doc.read::<ObservabilityRecord>()).transpose()?;
        let ready = record.and_then(|record| record.setup.ready_in(job.region));
        Ok(pack.naming(ready.map_or(VendorAccount::Awaited, VendorAccount::Known)))
    }

    /// Brings the account's set-up at the vendor as far as it can be brought now, where the job's Region is the home Region:
    /// once a day, and sooner where something is being made. Whatever becomes of it holds up nothing. What is told is told
    /// once, in the same transaction as what is known.
    ///
    /// # Errors
    /// [`TableError`] when the state could not be read or written.
    pub async fn observe(&self, job: &Job<'_>) -> Result<Option<StackProgress>, TableError> {
        let pack = Pack::of(job.fleet, job.member, job.region);
        let Some(observed) = pack.and_then(|pack| pack.observed(job.account)) else { return Ok(None) };
        let Some(of_pack) = self.table.get(&pack_key(&job.stack())).await? else { return Ok(None) };
        let wanted = wanted(job, observed, &of_pack.read::<PackRecord>()?);
        let now_ms = self.clock.now_ms();
        let doc = self.table.get(&observability_key(job.account)).await?;
        let mut record = match &doc {
            Some(doc) => doc.read::<ObservabilityRecord>()?,
            None => ObservabilityRecord::new(&job.stack()),
        };
        let before = record.setup.clone();
        if !before.is_due(&wanted, now_ms) {
            return Ok(None);
        }
        record.region = job.region.clone();
        let mut keeping = KeepingSetup::new(&self.table, doc, record);
        match self.turn_of(job, &wanted, &mut keeping, before.clone(), now_ms).await {
            Ok(after) => Ok((after.ready_in(job.region) != before.ready_in(job.region)).then(|| {
                let reason = "the role is made by which it is observed";
                StackProgress::later(format!("starter pack: {reason}"), Class::EventuallyConsistent)
            })),
            // Whoever wrote does what there is to do.
            Err(NotKept::Taken) => Ok(None),
            Err(NotKept::Table(error)) => Err(error),
        }
    }

    /// Nothing is wanted any more of a set-up that is not declared any more, and what was told of it is over. It is looked at
    /// again as soon as it is declared again.
    ///
    /// # Errors
    /// [`TableError`] when the state could not be read or written.
    pub async fn end_observability(&self, job: &Job<'_>) -> Result<(), TableError> {
        let key = observability_key(job.account);
        let Some(doc) = self.table.get(&key).await? else { return Ok(()) };
        let mut record = doc.read::<ObservabilityRecord>()?;
        let outgoing = observability_left(job, &mut record, self.clock.now_ms());
        record.setup.wanted = None;
        match self.table.write(writes(Some(&doc), key, &record, outgoing)).await {
            // Whoever wrote is told of it by the next sweep.
            Ok(()) | Err(TableError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn turn_of(
        &self,
        job: &Job<'_>,
        wanted: &Wanted,
        keeping: &mut KeepingSetup<'_, T>,
        setup: Setup,
        now_ms: u64,
    ) -> Result<Setup, NotKept> {
        let turned =
            self.members.take_observability_turn(&job.stack(), wanted, keeping, setup, now_ms).await?;
        keeping.record.setup = turned.setup.clone();
        let subject = observability();
        let told = &mut keeping.record.told;
        let outgoing = match turned.problems.as_deref() {
            Some([]) => subject.is_well(job, told, now_ms),
            Some(problems) => {
                let lines: Vec<String> = problems.iter().map(|it| it.told(&VENDOR).to_string()).collect();
                subject.is_told(job, told, WRONG, about(&lines.join("\n")), now_ms)
            }
            // It was not looked at to the end: what was told may still be so.
            None => None,
        };
        let key = observability_key(job.account);
        self.table.write(writes(keeping.doc(), key, &keeping.record, outgoing)).await?;
        Ok(turned.setup)
    }
}
