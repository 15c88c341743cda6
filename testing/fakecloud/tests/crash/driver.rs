//! Two linked accounts, and the loop that brings them to what is declared.

use phonehome_executor::{Executor, NoFence, StackApi as _};
use phonehome_fakecloud::{FakeCloud, FakeStack, Fault, Options, SharedCloud, sample};
use phonehome_network::{FunctionState, Rule, RulePeer};
use phonehome_planner::{Limits, PlanError, StackSpec, plan};

use crate::shape::shape;

/// The looks after which the loop gives up.
const OBSERVATIONS_MAX: usize = 60;

/// A requester (the account under test) and an accepter, with everything a stack can have.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) cloud: FakeCloud,
    pub(crate) ours: StackSpec,
    pub(crate) theirs: StackSpec,
    /// Looks again after a plan that was refused, instead of ending there.
    pub(crate) patient: bool,
}

/// How a pair came to be as declared.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// API calls of our executors, describe calls too.
    pub(crate) calls: usize,
    /// Those that looked.
    pub(crate) describes: usize,
    pub(crate) observations: usize,
    pub(crate) restarts: usize,
    /// Operation and address of each call that changed something, sorted.
    pub(crate) effects: Vec<String>,
    pub(crate) ours: Vec<String>,
    pub(crate) theirs: Vec<String>,
    pub(crate) took_ms: u64,
    /// Calls that AWS refused because there were too many.
    pub(crate) throttled: usize,
}

/// Why the loop did not come to its end.
#[derive(Debug)]
#[allow(dead_code, reason = "read by Debug, when a test fails")]
pub(crate) enum Stuck {
    /// There are two of something, or something in the wrong place.
    Plan(PlanError),
    /// A call can never succeed.
    Failed(String),
    NeverConverged(String),
}

impl Pair {
    /// Our account is empty but for its default VPC; theirs has its stack, without the link.
    pub(crate) async fn fresh(options: Options) -> Self {
        let block = |text: &str| text.parse().unwrap();
        let ours = sample::full("111111111111", "shop-prod", block("10.0.0.0/18")).unwrap();
        let theirs = sample::full("222222222222", "ledger-prod", block("10.0.64.0/18")).unwrap();
        let mut cloud = FakeCloud::new();
        cloud.stack(&ours.account, &ours.region).with_default_vpc();
        cloud.stack(&theirs.account, &theirs.region).with_default_vpc();
        let shared = SharedCloud::new(cloud);
        let (api, mut executor) = (FakeStack::open(&shared, theirs.clone()), Executor::new());
        for _ in 0..2 {
            let plan = plan(&theirs, &api.observe(&theirs.kinds()).await.unwrap(), &Limits::SWEEP).unwrap();
            executor.apply(&api, &plan, &NoFence).await;
        }
        let mut cloud = shared.with(|cloud| cloud.clone());
        *cloud.options_mut() = options;
        let mut pair = Self { cloud, ours, theirs, patient: false };
        pair.ours.links = vec![sample::link(&pair.theirs, vpc_of(&mut pair.cloud, &pair.theirs), true)];
        pair
    }

    /// As declared, and then changed by somebody else in many places at once.
    pub(crate) async fn drifted() -> Self {
        let fresh = Self::fresh(Options::default()).await;
        let shared = SharedCloud::new(fresh.cloud.clone());
        fresh.converge(&shared, vec![], 15_000).await.expect("settled");
        let mut pair = Self { cloud: shared.with(|cloud| cloud.clone()), ..fresh };
        let (account, region) = (pair.ours.account.clone(), pair.ours.region.clone());
        pair.cloud.stack(&account, &region).edit(|world| {
            let ours = world.vpcs.iter().position(|vpc| !vpc.is_default).unwrap();
            let vpc_id = world.vpcs[ours].id.clone();
            world.vpcs[ours].dns_host_names = Some(false);
            world.vpcs[ours].dns_support = Some(false);
            world.vpcs[ours].tags.remove("phonehome:environment");
            world.flow_logs.clear();
            world.endpoints.remove(0);
            world.endpoints[0].route_table_ids.pop();
            let mut tables = world.route_tables.iter_mut().filter(|it| it.vpc_id == vpc_id && !it.main);
            tables.next().unwrap().routes.clear();
            drop(tables.next().unwrap().associations.pop());
            drop(tables.next().unwrap().routes.pop());
            world.network_acls.iter_mut().for_each(|acl| acl.entries.retain(|it| it.number != 20));
            for group in world.security_groups.iter_mut().filter(|it| it.vpc_id == vpc_id) {
                let protocol = "tcp".to_owned();
                let peer = RulePeer::Cidr("192.0.2.0/24".parse().unwrap());
                group.ingress.push(Rule { protocol, ports: Some((22, 22)), peer });
            }
            world.subnets.iter_mut().for_each(|it| it.public_ip_on_launch = true);
            world.functions[0].memory_mb = 1;
            world.functions[1].destination = None;
            world.functions[2].code_sha256 = "old".into();
            world.functions[2].state = FunctionState::Active;
            world.schedules[0].enabled = false;
            world.schedules.pop();
        });
        pair
    }

    /// Looks, plans, applies until both accounts are as declared. The faults happen to our first
    /// executor; when it dies another one takes over. `pause_ms` pass between two observations.
    pub(crate) async fn converge(
        &self,
        cloud: &SharedCloud,
        faults: Vec<Fault>,
        pause_ms: u64,
    ) -> Result<Outcome, Stuck> {
        self.converge_with(cloud, vec![faults], pause_ms).await
    }

    /// The same with faults for each executor of ours in turn.
    pub(crate) async fn converge_with(
        &self,
        cloud: &SharedCloud,
        faults: Vec<Vec<Fault>>,
        pause_ms: u64,
    ) -> Result<Outcome, Stuck> {
        let mut faults = faults.into_iter();
        let mut open =
            || FakeStack::open(cloud, self.ours.clone()).with_faults(faults.next().unwrap_or_default());
        let before = cloud.with(|cloud| cloud.stack(&self.ours.account, &self.ours.region).calls().len());
        let (from_ms, mut last) = (cloud.with(|cloud| cloud.now_ms()), String::new());
        let (mut handles, mut executor) = (vec![open()], new_executor(cloud));
        for observations in 1..=OBSERVATIONS_MAX {
            let Some(handle) = handles.last().cloned() else { break };
            let ours = match observe(&handle, &self.ours, &mut executor).await {
                Err(Stuck::Plan(refused)) if self.patient => Observed::Working(refused.to_string()),
                other => other?,
            };
            if handle.is_dead() {
                handles.push(open());
                executor = new_executor(cloud);
            }
            let theirs = self.their_look(cloud).await?;
            if let (Observed::Converged, Observed::Converged) = (&ours, &theirs) {
                let took_ms = cloud.with(|cloud| cloud.now_ms()) - from_ms;
                return Ok(self.outcome(cloud, &handles, observations, before, took_ms));
            }
            last = format!("{ours:?} {theirs:?}");
            cloud.with(|cloud| cloud.advance(pause_ms));
        }
        Err(Stuck::NeverConverged(last))
    }

    async fn their_look(&self, cloud: &SharedCloud) -> Result<Observed, Stuck> {
        let mut spec = self.theirs.clone();
        let vpc = cloud.with(|cloud| vpc_of(cloud, &self.ours));
        spec.links = vec![sample::link(&self.ours, vpc, false)];
        observe(&FakeStack::open(cloud, spec.clone()), &spec, &mut new_executor(cloud)).await
    }

    fn outcome(
        &self,
        cloud: &SharedCloud,
        handles: &[FakeStack],
        observations: usize,
        before: usize,
        took_ms: u64,
    ) -> Outcome {
        let log: Vec<_> = handles.iter().flat_map(FakeStack::log).collect();
        let describes = log.iter().filter(|it| is_observation(it.operation, &it.subject)).count();
        let is_throttle = |code: &str| code == "RequestLimitExceeded" || code.starts_with("T");
        let throttled = log.iter().filter(|it| it.code.as_deref().is_some_and(is_throttle)).count();
        cloud.with(|cloud| {
            let mut ours = cloud.stack(&self.ours.account, &self.ours.region);
            let effects = ours.calls().into_iter().skip(before).filter(|it| it.had_effect());
            let mut effects: Vec<String> =
                effects.map(|it| format!("{} {}", it.operation, it.address)).collect();
            effects.sort();
            Outcome {
                calls: handles.iter().map(FakeStack::calls).sum(),
                describes,
                observations,
                restarts: handles.len() - 1,
                effects,
                ours: shape(&ours.truth()),
                theirs: shape(&cloud.stack(&self.theirs.account, &self.theirs.region).truth()),
                took_ms,
                throttled,
            }
        })
    }
}

/// A describe call of an observation has a kind in the plural as its subject, that of a plan an address.
fn is_observation(operation: &str, subject: &str) -> bool {
    let describes = operation.starts_with("ec2:Describe") || operation.contains(":Get");
    describes && !subject.contains('/')
}

fn new_executor(cloud: &SharedCloud) -> Executor<SharedCloud> {
    Executor::new().with_clock(cloud.clone())
}

/// What an observation found.
#[derive(Debug)]
pub(crate) enum Observed {
    Converged,
    #[allow(dead_code, reason = "read by Debug, when the loop never ends")]
    Working(String),
}

/// One observation, and what follows from it.
pub(crate) async fn observe(
    handle: &FakeStack,
    spec: &StackSpec,
    executor: &mut Executor<SharedCloud>,
) -> Result<Observed, Stuck> {
    let seen = match handle.observe(&spec.kinds()).await {
        Ok(seen) => seen,
        Err(error) => return Ok(Observed::Working(error.to_string())),
    };
    let plan = plan(spec, &seen, &Limits::SWEEP).map_err(Stuck::Plan)?;
    if plan.is_converged() && plan.withheld.is_empty() {
        return Ok(Observed::Converged);
    }
    let applied = executor.apply(handle, &plan, &NoFence).await;
    match applied.failure() {
        Some((address, error)) if !handle.is_dead() => Err(Stuck::Failed(format!("{address}: {error}"))),
        _ => Ok(Observed::Working(format!("{:?} {:?} {:?}", plan.waits, plan.withheld, applied.waiting()))),
    }
}

fn vpc_of(cloud: &mut FakeCloud, spec: &StackSpec) -> Option<String> {
    let vpcs = cloud.stack(&spec.account, &spec.region).truth().vpcs;
    vpcs.into_iter().find(|vpc| !vpc.is_default).map(|vpc| vpc.id)
}
