//! The addresses of an account.

use crate::CannotPlan;
use crate::Members;
use crate::progress::StackProgress;
use crate::provision::{Job, Provision};
use ipnet::Ipv4Net;
use phonehome_cloud::Class;
use phonehome_cloud::WallClock;
use phonehome_cloud::table::{Table, TableError};
use phonehome_executor::StackApi;
use phonehome_fleet::AddressPool;
use phonehome_network::Kind;
use phonehome_planner::StackSpec;
use phonehome_state::{Claim, Desired, Keys, LedgerError, StateError, claim, desired, peek, peek_all};
use phonehome_wire::StackId;

impl<T: Table, M: Members, C: WallClock + Clone> Provision<T, M, C> {
    /// The addresses that [`Provision::reconcile`] would claim for an account or has claimed, if those
    /// of `also` were claimed already. Writes nothing.
    ///
    /// # Errors
    /// [`CannotPlan`]
    pub async fn expected_claim(&self, job: &Job<'_>, also: &[Claim]) -> Result<Claim, CannotPlan> {
        let adoption = job.member.adopt.as_ref().filter(|adoption| adoption.region == *job.region);
        if let Some(adoption) = adoption {
            return Ok(self.expected_adoption(job, &adoption.vpc_id).await?);
        }
        let pools: Vec<&AddressPool> = job.fleet.pools_for(&job.member.environment, job.region).collect();
        let in_use = match self.holds(&job.stack()).await? {
            true => None,
            false => self.in_use().await?,
        };
        let kept = kept(in_use.as_ref(), job, &pools);
        let claim = peek(&self.table, &pools, &kept, &job.stack(), also, self.clock.now_ms()).await;
        Ok(claim.map_err(NoClaim::from)?)
    }

    /// The same for each of these jobs, as if they claimed one after the other: first those that adopt a VPC, whose
    /// addresses are what they are.
    ///
    /// # Errors
    /// [`TableError`]; for each job [`CannotPlan`].
    pub(crate) async fn expected_claims(
        &self,
        jobs: &[Job<'_>],
    ) -> Result<Vec<Result<Claim, CannotPlan>>, TableError> {
        let mut claims: Vec<Option<Result<Claim, CannotPlan>>> = Vec::new();
        for job in jobs {
            let adopts = job.member.adopt.as_ref().is_some_and(|adoption| adoption.region == *job.region);
            claims.push(if adopts { Some(self.expected_claim(job, &[]).await) } else { None });
        }
        let adopted = claims.iter().flatten().filter_map(|claim| claim.as_ref().ok()).cloned().collect();
        let in_use = self.in_use().await?;
        let others = jobs.iter().zip(&claims).filter(|(_, claim)| claim.is_none()).map(|(job, _)| {
            let pools: Vec<&AddressPool> = job.fleet.pools_for(&job.member.environment, job.region).collect();
            let kept = kept(in_use.as_ref(), job, &pools);
            (pools, kept, job.stack())
        });
        let others: Vec<_> = others.collect();
        let mut others = peek_all(&self.table, &others, adopted, self.clock.now_ms()).await?.into_iter();
        let of_others = |claim: Option<_>| {
            let other = || Some(others.next()?.map_err(|error| NoClaim::from(error).into()));
            claim.or_else(other)
        };
        Ok(claims.into_iter().filter_map(of_others).collect())
    }

    /// The addresses of the account: what it holds, or a block claimed now, or the addresses of the VPC
    /// it is to adopt.
    pub(crate) async fn claim(&self, job: &Job<'_>) -> Result<Claim, NoClaim> {
        let adoption = job.member.adopt.as_ref().filter(|adoption| adoption.region == *job.region);
        if let Some(adoption) = adoption {
            return self.claim_adopted(job, &adoption.vpc_id).await;
        }
        // By far the most frequent case, and the cheapest.
        if let Some(doc) = self.table.get(&Keys::holder(&job.stack())).await.map_err(NoClaim::Table)? {
            return doc.read().map_err(NoClaim::Table);
        }
        self.note_addresses(&job.stack(), &job.member.account_name).await.map_err(NoClaim::Table)?;
        let pools: Vec<&AddressPool> = job.fleet.pools_for(&job.member.environment, job.region).collect();
        let in_use = self.in_use().await.map_err(NoClaim::Table)?;
        let kept = kept(in_use.as_ref(), job, &pools);
        Ok(claim(&self.table, &pools, &kept, &job.stack(), self.clock.now_ms()).await?)
    }

    async fn holds(&self, stack: &StackId) -> Result<bool, TableError> {
        Ok(self.table.get(&Keys::holder(stack)).await?.is_some())
    }

    /// The versions in use; none where none can be read.
    async fn in_use(&self) -> Result<Option<Desired>, TableError> {
        match desired(&self.table).await {
            Ok(desired) => Ok(Some(desired)),
            Err(StateError::Table(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// Notes which VPCs an account has that holds no block yet, so that it is given none which collides
    /// with them, nor anybody else. Returns whether it holds one. One that cannot be entered yet is new, and has
    /// only default VPCs.
    ///
    /// # Errors
    /// [`TableError`]
    pub async fn note_addresses(&self, stack: &StackId, account_name: &str) -> Result<bool, TableError> {
        if self.holds(stack).await? {
            return Ok(true);
        }
        let spec = StackSpec::bare(stack, account_name);
        let Ok(stack) = self.members.open(&spec, None).await else { return Ok(false) };
        let Ok(inventory) = stack.observe(&[Kind::Vpc]).await else { return Ok(false) };
        self.note(&spec, &inventory).await.map(|()| false)
    }
}

/// What is for others by one of the versions in use, for an account that holds no block yet.
fn kept(in_use: Option<&Desired>, job: &Job<'_>, own: &[&AddressPool]) -> Vec<Ipv4Net> {
    in_use.map(|desired| desired.kept(own, &job.member.environment, job.region)).unwrap_or_default()
}

/// Why an account has no addresses.
#[derive(Debug)]
pub(crate) enum NoClaim {
    Table(TableError),
    StackProgress(StackProgress),
}

impl From<LedgerError> for NoClaim {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Table(error) => Self::Table(error),
            LedgerError::Contended => Self::StackProgress(StackProgress::later(error, Class::Conflict)),
            refused => Self::StackProgress(StackProgress::Failed(refused.to_string())),
        }
    }
}

impl From<NoClaim> for CannotPlan {
    fn from(none: NoClaim) -> Self {
        match none {
            NoClaim::Table(error) => Self::Table(error),
            other => Self::NoAddresses(other.to_string()),
        }
    }
}

impl std::fmt::Display for NoClaim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Table(error) => error.fmt(f),
            Self::StackProgress(
                StackProgress::Later { reason, .. }
                | StackProgress::Outdated(reason)
                | StackProgress::Failed(reason),
            ) => f.write_str(reason),
            Self::StackProgress(StackProgress::Converged) => Ok(()),
        }
    }
}
