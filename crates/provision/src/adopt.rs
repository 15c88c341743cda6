//! Adopting a VPC: its addresses are the account's.

use ipnet::Ipv4Net;
use phonehome_cloud::WallClock;
use phonehome_cloud::table::{Doc, Table, TableError};
use phonehome_executor::StackApi as _;
use phonehome_network::Kind;
use phonehome_planner::StackSpec;
use phonehome_state::StackStatus;
use phonehome_state::{Claim, Keys, claim_existing, peek_existing};

use crate::Members;
use crate::claim::NoClaim;
use crate::progress::{StackProgress, judge};
use crate::provision::{Job, Provision};

impl<T: Table, M: Members, C: WallClock + Clone> Provision<T, M, C> {
    /// Records the addresses of the VPC that the account is to adopt, once.
    pub(crate) async fn claim_adopted(&self, job: &Job<'_>, vpc_id: &str) -> Result<Claim, NoClaim> {
        let holder = self.table.get(&Keys::holder(&job.stack())).await.map_err(NoClaim::Table)?;
        if let Some(doc) = holder {
            return self.held(job, doc.read().map_err(NoClaim::Table)?, vpc_id).await;
        }
        let cidr = self.cidr_of(job, vpc_id).await.map_err(NoClaim::StackProgress)?;
        Ok(claim_existing(&self.table, &job.stack(), cidr, self.clock.now_ms()).await?)
    }

    /// What [`Provision::claim_adopted`] would answer. Writes nothing.
    pub(crate) async fn expected_adoption(&self, job: &Job<'_>, vpc_id: &str) -> Result<Claim, NoClaim> {
        let holder = self.table.get(&Keys::holder(&job.stack())).await.map_err(NoClaim::Table)?;
        if let Some(doc) = holder {
            return self.held(job, doc.read().map_err(NoClaim::Table)?, vpc_id).await;
        }
        let cidr = self.cidr_of(job, vpc_id).await.map_err(NoClaim::StackProgress)?;
        Ok(peek_existing(&self.table, &job.stack(), cidr, self.clock.now_ms()).await?)
    }

    /// What the account holds already, if that can be the addresses of the VPC that it is to adopt: not a
    /// block of a pool, for then it has a VPC of phonehome's already.
    async fn held(&self, job: &Job<'_>, held: Claim, vpc_id: &str) -> Result<Claim, NoClaim> {
        let known = self.known(job).await.map_err(NoClaim::Table)?;
        if held.is_adopted() || known.is_some_and(|status| status.vpc_id.as_deref() == Some(vpc_id)) {
            return Ok(held);
        }
        Err(NoClaim::StackProgress(StackProgress::Failed(format!(
            "{vpc_id} is to be adopted (`adopt` in the fleet file), but the account already holds {held}, from \
             the pool {}: take `adopt` out of the file again, or release the account's stack first",
            held.pool
        ))))
    }

    async fn cidr_of(&self, job: &Job<'_>, vpc_id: &str) -> Result<Ipv4Net, StackProgress> {
        let spec = StackSpec::bare(&job.stack(), &job.member.account_name);
        let stack = self.members.open(&spec, None).await.map_err(|error| judge(&error))?;
        let inventory = stack.observe(&[Kind::Vpc]).await.map_err(|error| judge(&error))?.own(job.account);
        let vpc = inventory.vpcs.iter().find(|vpc| vpc.id == vpc_id);
        vpc.and_then(|vpc| vpc.cidrs.first().copied()).ok_or_else(|| {
            let there: Vec<&str> = inventory.vpcs.iter().map(|vpc| vpc.id.as_str()).collect();
            StackProgress::Failed(format!(
                "{vpc_id} is to be adopted (`adopt` in the fleet file) but is not in account {} in {}; there \
                 are: {}",
                job.account,
                job.region,
                if there.is_empty() { "none".to_owned() } else { there.join(", ") }
            ))
        })
    }

    /// The stack's status, if there is one.
    ///
    /// # Errors
    /// [`TableError`]
    pub(crate) async fn known(&self, job: &Job<'_>) -> Result<Option<StackStatus>, TableError> {
        let doc = self.table.get(&Keys::stack(&job.stack())).await?;
        doc.as_ref().map(Doc::read).transpose()
    }
}
