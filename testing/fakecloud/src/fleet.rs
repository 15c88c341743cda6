//! Many accounts at once, in virtual time: how long a rollout takes, and what holds it up.
//!
//! Run it on a runtime whose time is paused, else it takes as long as on AWS.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::try_join_all;
use ipnet::Ipv4Net;
use phonehome_executor::{Clock as _, Executor, NoFence, StackApi as _};
use phonehome_fleet::addresses::LayoutError;
use phonehome_planner::{Limits, StackSpec, plan};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::{FakeCloud, FakeStack, Options, SharedCloud, sample};

/// The looks after which an account counts as stuck.
const OBSERVATIONS_MAX: u32 = 200;

/// What is rolled out, and under which conditions.
#[derive(Debug, Clone, Copy)]
pub struct Rollout {
    /// How many accounts, at most 1024: each takes a /18 of 10.0.0.0/8.
    pub accounts: usize,
    /// How many of them are worked on at once. One that waits for its next observation does not count.
    pub concurrency: usize,
    /// How long one API call takes.
    pub latency: Duration,
    /// How long a NAT gateway is pending.
    pub nat_pending: Duration,
    /// How long after an observation that found something to do, or to wait for, the next one comes.
    pub pause: Duration,
    /// DescribeAccount calls at once, of all accounts together.
    pub organizations_burst: u64,
    /// DescribeAccount calls a second after that.
    pub organizations_per_second: u64,
    /// What each account gets: its id, its name and its block in, its spec out.
    pub spec: fn(&str, &str, Ipv4Net) -> Result<StackSpec, LayoutError>,
}

impl Default for Rollout {
    /// 130 accounts with plain stacks, 20 at once; calls of 60 ms, NAT gateways pending for 100 s, and a
    /// look every 36 s, as the provisioner has it; 30 DescribeAccount calls at once and 20 a second after
    /// that.
    fn default() -> Self {
        Self {
            accounts: 130,
            concurrency: 20,
            latency: Duration::from_millis(60),
            nat_pending: Duration::from_secs(100),
            pause: Duration::from_secs(36),
            organizations_burst: 30,
            organizations_per_second: 20,
            spec: sample::plain,
        }
    }
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledOut {
    /// From the beginning until the last account was converged.
    pub wall: Duration,
    /// Each account, in the order of their numbers.
    pub accounts: Vec<AccountRun>,
}

/// How it went in one account. Times are from the beginning of the rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRun {
    /// The account's id.
    pub account: String,
    /// When its first observation began.
    pub started: Duration,
    /// When the last call that changed something was answered.
    pub changed: Duration,
    /// When an observation found nothing to do and nothing to wait for.
    pub converged: Duration,
    /// How many observations that took.
    pub observations: u32,
    /// API calls of EC2, Lambda and Scheduler, describe calls too.
    pub calls: usize,
    /// How many of them AWS refused because there were too many.
    pub throttled: usize,
    /// The most calls that were under way at once.
    pub in_flight_max: usize,
}

/// Brings all accounts from nothing to what is declared, with AWS's limits for each account.
///
/// # Errors
/// What kept an account from being converged.
pub async fn roll_out(rollout: Rollout) -> Result<RolledOut, String> {
    let nat_pending_ms = u64::try_from(rollout.nat_pending.as_millis()).unwrap_or(u64::MAX);
    let options = Options { nat_pending_ms, ..Options::default() };
    let cloud = SharedCloud::by_tokio_time(FakeCloud::with_options(options)).with_limits(1);
    let hub = Hub {
        slots: Semaphore::new(rollout.concurrency),
        organizations: Mutex::new(0),
        rollout,
        cloud: cloud.clone(),
    };
    let hub = Arc::new(hub);
    let accounts = try_join_all((0..rollout.accounts).map(|number| account(hub.clone(), number))).await?;
    Ok(RolledOut { wall: Duration::from_millis(cloud.now_ms()), accounts })
}

struct Hub {
    rollout: Rollout,
    cloud: SharedCloud,
    slots: Semaphore,
    /// When the bucket of DescribeAccount is full again, in milliseconds.
    organizations: Mutex<u64>,
}

impl Hub {
    fn now(&self) -> Duration {
        Duration::from_millis(self.cloud.now_ms())
    }

    /// DescribeAccount, when the bucket has a token for it.
    async fn describe_account(&self) {
        let Rollout { organizations_per_second, organizations_burst, latency, .. } = self.rollout;
        let token_ms = 1_000 / organizations_per_second.max(1);
        let now_ms = self.cloud.now_ms();
        let wait_ms = {
            let mut full_at = self.organizations.lock().unwrap_or_else(PoisonError::into_inner);
            *full_at = (*full_at).max(now_ms) + token_ms;
            full_at.saturating_sub(now_ms + organizations_burst * token_ms)
        };
        sleep(Duration::from_millis(wait_ms) + latency).await;
    }
}

async fn account(hub: Arc<Hub>, number: usize) -> Result<AccountRun, String> {
    let account = format!("{:012}", 100_000_000_000 + number);
    let block = format!("10.{}.{}.0/18", number / 4, number % 4 * 64);
    let block = block.parse().map_err(|error| format!("account number {number}: {block}: {error}"))?;
    let spec = (hub.rollout.spec)(&account, &format!("account-{number}"), block);
    let spec = spec.map_err(|error| format!("account number {number}: {error}"))?;
    let api = FakeStack::open(&hub.cloud, spec.clone()).with_latency(hub.rollout.latency);
    let mut executor = Executor::new().with_clock(hub.cloud.clone());
    let (mut started, mut last) = (None, String::new());
    for observations in 1..=OBSERVATIONS_MAX {
        let converged = {
            let slot = hub.slots.acquire().await;
            let _slot = slot.map_err(|error| error.to_string())?;
            hub.describe_account().await;
            started.get_or_insert(hub.now());
            observe(&api, &spec, &mut executor).await
        };
        match converged {
            Ok(None) => return Ok(run(&hub, &api, account, started.unwrap_or_default(), observations)),
            Ok(Some(why)) | Err(why) => last = why,
        }
        sleep(hub.rollout.pause).await;
    }
    Err(format!("account {account} is not settled after {OBSERVATIONS_MAX} looks: {last}"))
}

/// `None` when there is nothing to do or to wait for.
async fn observe(
    api: &FakeStack,
    spec: &StackSpec,
    executor: &mut Executor<SharedCloud>,
) -> Result<Option<String>, String> {
    let seen = api.observe(&spec.kinds()).await.map_err(|error| error.to_string())?;
    let plan = plan(spec, &seen, &Limits::SWEEP).map_err(|error| error.to_string())?;
    if plan.is_converged() {
        return Ok(None);
    }
    let applied = executor.apply(api, &plan, &NoFence).await;
    Ok(Some(format!("{:?} {:?} {:?}", plan.waits, applied.waiting(), applied.failure())))
}

fn run(hub: &Hub, api: &FakeStack, account: String, started: Duration, observations: u32) -> AccountRun {
    let log = api.log();
    let changes =
        log.iter().filter(|it| !it.operation.starts_with("ec2:Describe") && !it.operation.contains(":Get"));
    let throttled = |code: &str| {
        ["RequestLimitExceeded", "TooManyRequestsException", "ThrottlingException"].contains(&code)
    };
    AccountRun {
        account,
        started,
        changed: Duration::from_millis(changes.map(|it| it.ended_ms).max().unwrap_or_default()),
        converged: hub.now(),
        observations,
        calls: api.calls(),
        throttled: log.iter().filter(|it| it.code.as_deref().is_some_and(throttled)).count(),
        in_flight_max: api.in_flight_max(),
    }
}
