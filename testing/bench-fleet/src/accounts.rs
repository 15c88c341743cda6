//! The way into member accounts of an EC2 in memory, on which each call takes its time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use phonehome_cloud::CloudError;
use phonehome_fakecloud::{FakeStack, SharedCloud};
use phonehome_planner::{ProbeSpec, StackSpec};
use phonehome_provision::{Members, PROBE_MEMORY_MB};
use phonehome_wire::{AccountId, Region, StackId};

use crate::hub::LATENCY;

/// All accounts of the cloud.
#[derive(Debug, Clone)]
pub(crate) struct Accounts {
    cloud: SharedCloud,
    /// Every way into an account that was opened, by the account's id.
    opened: Arc<Mutex<BTreeMap<AccountId, Vec<FakeStack>>>>,
}

/// The calls that it takes to come in.
const ASSUMING: usize = 1;

/// The calls in one account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Calls {
    /// Of STS, EC2, Lambda and Scheduler: to assume the role, for each change, and to look. A look that reads everything
    /// is counted as one for each kind of thing; one that reads less, by the calls that the real adapter makes.
    pub(crate) made: usize,
    /// How many of them were refused because there were too many.
    pub(crate) throttled: usize,
}

impl Accounts {
    pub(crate) fn new(cloud: &SharedCloud) -> Self {
        Self { cloud: cloud.clone(), opened: Arc::default() }
    }

    fn opened(&self) -> MutexGuard<'_, BTreeMap<AccountId, Vec<FakeStack>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The calls in each account since the last time.
    pub(crate) fn take_calls(&self) -> BTreeMap<AccountId, Calls> {
        let of = |stacks: Vec<FakeStack>| Calls {
            made: stacks.iter().map(|stack| ASSUMING + stack.calls()).sum(),
            throttled: stacks
                .iter()
                .flat_map(FakeStack::log)
                .filter(|call| is_throttled(call.code.as_deref()))
                .count(),
        };
        std::mem::take(&mut *self.opened())
            .into_iter()
            .map(|(account, stacks)| (account, of(stacks)))
            .collect()
    }
}

fn is_throttled(code: Option<&str>) -> bool {
    code.is_some_and(|code| {
        ["RequestLimitExceeded", "TooManyRequestsException", "ThrottlingException"].contains(&code)
    })
}

impl Members for Accounts {
    type Stack = FakeStack;

    fn probe(&self, _: &StackId, authorities: Option<&str>) -> Result<Option<ProbeSpec>, String> {
        Ok(Some(ProbeSpec {
            checks: vec![],
            generation: 0,
            code_sha256: "mJ4Jd1GnzkCgkXh3yJv3h1cGk3nBvK0fTq2S8wUe1aA=".to_owned(),
            authorities: authorities.map(str::to_owned),
            no_code: None,
            architecture: "arm64".to_owned(),
            role_arn: "probe".to_owned(),
            schedule_role_arn: "schedule".to_owned(),
            bus_arn: "bus".to_owned(),
            log_group: "/phonehome/probe".to_owned(),
            memory_mb: PROBE_MEMORY_MB,
            timeout_s: 30,
        }))
    }

    /// Assuming the role is a call, too.
    async fn open(&self, spec: &StackSpec, _known_vpc: Option<&str>) -> Result<FakeStack, CloudError> {
        tokio::time::sleep(LATENCY).await;
        let stack = FakeStack::open(&self.cloud, spec.clone()).with_latency(LATENCY);
        self.opened().entry(spec.account.clone()).or_default().push(stack.clone());
        Ok(stack)
    }

    async fn regions(&self, stack: &StackId) -> Result<Vec<Region>, CloudError> {
        Ok(vec![stack.region.clone()])
    }
}
