//! The way into member accounts of an EC2 in memory.

use phonehome_cloud::CloudError;
use phonehome_fakecloud::{FakeStack, SharedCloud};
use phonehome_planner::{ProbeSpec, StackSpec};
use phonehome_provision::{Members, PROBE_MEMORY_MB};
use phonehome_wire::{Region, StackId};

/// All accounts of the cloud.
#[derive(Debug)]
pub(crate) struct Accounts(pub(crate) SharedCloud);

impl Members for Accounts {
    type Stack = FakeStack;

    fn probe(&self, _: &StackId, authorities: Option<&str>) -> Result<Option<ProbeSpec>, String> {
        Ok(Some(ProbeSpec {
            checks: vec![],
            generation: 0,
            code_sha256: "the one that the lab runs".to_owned(),
            authorities: authorities.map(str::to_owned),
            no_code: None,
            architecture: "x86_64".to_owned(),
            role_arn: "probe".to_owned(),
            schedule_role_arn: "schedule".to_owned(),
            bus_arn: "bus".to_owned(),
            log_group: "/phonehome/probe".to_owned(),
            memory_mb: PROBE_MEMORY_MB,
            timeout_s: 30,
        }))
    }

    async fn open(&self, spec: &StackSpec, _known_vpc: Option<&str>) -> Result<FakeStack, CloudError> {
        Ok(FakeStack::open(&self.0, spec.clone()))
    }

    async fn regions(&self, stack: &StackId) -> Result<Vec<Region>, CloudError> {
        Ok(vec![stack.region.clone()])
    }
}
