//! What the probes of a stack have in common, with the code of the account's version.

use phonehome_cloud::table::Table;
use phonehome_planner::ProbeSpec;
use phonehome_state::NoProbeCode;

use crate::provision::{Job, Provision};
use crate::{CannotPlan, Members, Packages};

impl<T: Table, M: Members, C> Provision<T, M, C> {
    /// The stack's probes, without checks; `None`: none are made from here.
    ///
    /// Code that is not in the table, or is damaged there, keeps nothing else from being done: the spec says so, and
    /// probes without it stay as they are.
    ///
    /// # Errors
    /// [`CannotPlan`]
    pub(crate) async fn probe(&self, job: &Job<'_>) -> Result<Option<ProbeSpec>, CannotPlan> {
        let probe = self.members.probe(&job.stack(), job.authorities).map_err(CannotPlan::ProbeCode)?;
        match (probe, self.members.packages()) {
            (Some(probe), Some(packages)) => self.with_code(job, probe, packages).await.map(Some),
            (probe, _) => Ok(probe),
        }
    }

    async fn with_code(
        &self,
        job: &Job<'_>,
        probe: ProbeSpec,
        packages: &Packages,
    ) -> Result<ProbeSpec, CannotPlan> {
        let Some(wanted) = job.published.and_then(|published| published.probes) else { return Ok(probe) };
        let architecture = wanted.architecture.clone();
        match packages.get(&self.table, wanted).await {
            Ok(package) => {
                let code = packages.code(&package, job.authorities).map_err(CannotPlan::ProbeCode)?;
                Ok(ProbeSpec { code_sha256: code.sha256(), architecture, ..probe })
            }
            Err(NoProbeCode::Table(error)) => Err(error.into()),
            Err(problem) => {
                tracing::error!(%problem, "the probes of this stack stay as they are");
                // With authorities beside it nobody knows its hash.
                let code_sha256 = match job.authorities {
                    None => wanted.code_sha256.clone(),
                    Some(_) => String::new(),
                };
                Ok(ProbeSpec { code_sha256, architecture, no_code: Some(problem.to_string()), ..probe })
            }
        }
    }
}
