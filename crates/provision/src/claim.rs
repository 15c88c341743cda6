//! The addresses of an account.

use crate::CannotPlan;
use crate::Members;
use crate::progress::StackProgress;
use crate::provision::{Job, Provision};
use phonehome_cloud::Class;
use phonehome_cloud::WallClock;
use phonehome_cloud::table::{Table, TableError};
use phonehome_executor::StackApi;
use phonehome_fleet::AddressPool;
use phonehome_network::Kind;
use phonehome_planner::StackSpec;
use phonehome_state::{Claim, Keys, LedgerError, claim, peek, peek_all};
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
        let claim = peek(&self.table, &pools, &job.stack(), also, self.clock.now_ms()).await;
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
        let others = jobs.iter().zip(&claims).filter(|(_, claim)| claim.is_none()).map(|(job, _)| {
            let pools = job.fleet.pools_for(&job.member.environment, job.region).collect();
            (pools, job.stack())
        });
        let others: Vec<(Vec<&AddressPool>, StackId)> = others.collect();
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
        self.observe_before_claiming(job).await.map_err(NoClaim::Table)?;
        let pools: Vec<&AddressPool> = job.fleet.pools_for(&job.member.environment, job.region).collect();
        Ok(claim(&self.table, &pools, &job.stack(), self.clock.now_ms()).await?)
    }

    /// Notes which VPCs an account has that holds no block yet, so that it is given none which collides
    /// with them. One that cannot be entered yet is new, and has only default VPCs.
    async fn observe_before_claiming(&self, job: &Job<'_>) -> Result<(), TableError> {
        let spec = StackSpec::bare(&job.stack(), &job.member.account_name);
        let Ok(stack) = self.members.open(&spec, None).await else { return Ok(()) };
        let Ok(inventory) = stack.observe(&[Kind::Vpc]).await else { return Ok(()) };
        self.note(&spec, &inventory).await
    }
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
            Self::StackProgress(StackProgress::Later { reason, .. } | StackProgress::Failed(reason)) => {
                f.write_str(reason)
            }
            Self::StackProgress(StackProgress::Converged) => Ok(()),
        }
    }
}
