//! One account in a fake AWS, and what is stored and reported of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use phonehome_alerting::OutgoingBody;
use phonehome_closing::{Holder, Retained};
use phonehome_cloud::CloudError;
use phonehome_cloud::table::{MemoryTable, Table as _};
use phonehome_fakecloud::{FakeCloud, FakeStack, Fault, SharedCloud};
use phonehome_fleet::{Fleet, Member};
use phonehome_network::{Inventory, SecurityGroup, Tagged as _, Tags};
use phonehome_planner::{ProbeSpec, StackSpec};
use phonehome_provision::{COOLDOWN_MS, Job, Members, Provision, Reconciled, StackProgress};
use phonehome_state::{Keys, Outboxed, StackStatus, all};
use phonehome_wire::{Region, StackId};

pub(crate) const ACCOUNT: &str = "444455556666";
pub(crate) const REGION: &str = "us-east-1";
const CLOSED_REGION: &str = "ap-south-1";
const FLEET: &str = include_str!("../../../fleet/tests/fixtures/small.yaml");
/// More observations than anything here needs.
const OBSERVATIONS_MAX: usize = 20;

/// What can be other than usual.
#[derive(Clone, Default)]
pub(crate) struct Conditions {
    /// AWS answers every call that changes something with an error of its own.
    pub(crate) refuses: Arc<AtomicBool>,
    /// Whoever observes has no code for probes: a person at a terminal.
    pub(crate) no_probes: Arc<AtomicBool>,
    /// The account has a further Region that cannot be opened.
    pub(crate) closed_region: Arc<AtomicBool>,
    /// How many more Regions are opened before somebody makes a security group there.
    pub(crate) opened_until_change: Arc<AtomicUsize>,
    /// Somebody deleted the stack of the starter pack.
    pub(crate) no_pack_stack: Arc<AtomicBool>,
}

/// Member accounts in a [`SharedCloud`].
pub(crate) struct Accounts {
    cloud: SharedCloud,
    conditions: Conditions,
}

impl Members for Accounts {
    type Stack = FakeStack;

    fn probe(&self, _stack: &StackId, _authorities: Option<&str>) -> Result<Option<ProbeSpec>, String> {
        let probe = ProbeSpec {
            checks: vec![],
            generation: 0,
            code_sha256: "hash".into(),
            authorities: None,
            no_code: None,
            architecture: "arm64".into(),
            role_arn: "role".into(),
            schedule_role_arn: "schedule-role".into(),
            bus_arn: "bus".into(),
            log_group: "/phonehome/probe".into(),
            memory_mb: 128,
            timeout_s: 30,
        };
        Ok((!self.conditions.no_probes.load(Ordering::Relaxed)).then_some(probe))
    }

    async fn open(&self, spec: &StackSpec, _known_vpc: Option<&str>) -> Result<FakeStack, CloudError> {
        if spec.region.as_str() == CLOSED_REGION {
            let said = "with an explicit deny in a service control policy";
            return Err(CloudError::service("ec2:DescribeVpcs", ACCOUNT, "UnauthorizedOperation", said));
        }
        let left = &self.conditions.opened_until_change;
        if left.load(Ordering::Relaxed) > 0 && left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.cloud
                .with(|cloud| cloud.stack(ACCOUNT, REGION).edit(|seen| seen.security_groups.push(web())));
        }
        let stack = FakeStack::open(&self.cloud, spec.clone());
        if !self.conditions.refuses.load(Ordering::Relaxed) {
            return Ok(stack);
        }
        // The calls before these observe.
        let calls = spec.kinds().len() + 1..=usize::MAX;
        Ok(stack.with_faults(vec![Fault::Refuse { calls, code: "InternalError".to_owned() }]))
    }

    /// A bucket, wherever it is asked and the stack is there.
    async fn retained(&self, _stack: &StackId) -> Result<Option<Vec<Retained>>, CloudError> {
        let holder = Holder::Stack("pack".into());
        let bucket = Retained { id: "state".into(), what: "bucket".into(), holder };
        Ok((!self.conditions.no_pack_stack.load(Ordering::Relaxed)).then(|| vec![bucket]))
    }

    async fn regions(&self, stack: &StackId) -> Result<Vec<Region>, CloudError> {
        let closed =
            self.conditions.closed_region.load(Ordering::Relaxed).then(|| CLOSED_REGION.parse().unwrap());
        Ok([stack.region.clone()].into_iter().chain(closed).collect())
    }
}

/// A security group that somebody made.
pub(crate) fn web() -> SecurityGroup {
    let (id, name, vpc_id) =
        ("sg-0123456789abcdef0".to_owned(), "web".to_owned(), "vpc-of-somebody".to_owned());
    SecurityGroup { id, tags: Tags::new(), name, vpc_id, ingress: vec![], egress: vec![] }
}

/// A message for Slack: the incident it is about, its text, and what its thread says of it.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) incident_id: String,
    pub(crate) text: String,
    pub(crate) thread: Option<String>,
}

pub(crate) struct World {
    pub(crate) cloud: SharedCloud,
    pub(crate) conditions: Conditions,
    pub(crate) provision: Provision<MemoryTable, Accounts, SharedCloud>,
    /// The account in the Region.
    pub(crate) stack: StackId,
    fleet: Fleet,
    member: Member,
}

impl World {
    pub(crate) fn new() -> Self {
        let (cloud, conditions) = (SharedCloud::new(FakeCloud::new()), Conditions::default());
        let fleet = phonehome_fleet::parse(FLEET).unwrap();
        let member = fleet.member("shop-dev").unwrap();
        let provision = Provision {
            table: MemoryTable::default(),
            members: Accounts { cloud: cloud.clone(), conditions: conditions.clone() },
            cooldown_ms: COOLDOWN_MS,
            clock: cloud.clone(),
        };
        let stack = format!("{ACCOUNT}/{REGION}").parse().unwrap();
        Self { cloud, conditions, provision, stack, fleet, member }
    }

    /// One whose stack is as declared.
    pub(crate) async fn converged() -> Self {
        let world = Self::new();
        world.converge().await;
        world
    }

    /// The fleet file with this change, and no other, comes in force.
    pub(crate) fn publish(&mut self, part: &str, other: &str) {
        assert!(FLEET.contains(part));
        self.fleet = phonehome_fleet::parse(&FLEET.replacen(part, other, 1)).unwrap();
        self.member = self.fleet.member("shop-dev").unwrap();
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.cloud.with(|cloud| cloud.now_ms())
    }

    pub(crate) fn advance(&self, ms: u64) {
        self.cloud.with(|cloud| cloud.advance(ms));
    }

    pub(crate) fn job(&self) -> Job<'_> {
        let Self { fleet, member, stack: StackId { account, region }, .. } = self;
        Job { fleet, member, account, region, authorities: None, limits: None, published: None }
    }

    pub(crate) async fn reconcile(&self) -> Reconciled {
        self.provision.reconcile(&self.job()).await.unwrap()
    }

    /// Reconciles until nothing is left to do; lets a changed stack alone in between.
    pub(crate) async fn converge(&self) {
        for _ in 0..OBSERVATIONS_MAX {
            self.advance(COOLDOWN_MS);
            if self.reconcile().await.progress == StackProgress::Converged {
                return;
            }
        }
        panic!("not as declared after {OBSERVATIONS_MAX} observations: {:?}", self.status().await);
    }

    pub(crate) async fn status(&self) -> Option<StackStatus> {
        let doc = self.provision.table.get(&Keys::stack(&self.stack)).await.unwrap()?;
        Some(doc.read().unwrap())
    }

    /// The messages about incidents whose id begins so, the first first.
    pub(crate) async fn messages_of(&self, prefix: &str) -> Vec<Message> {
        let outbox = all::<Outboxed>(&self.provision.table, Keys::OUTBOX).await.unwrap();
        let mut outgoing: Vec<_> = outbox.into_iter().map(|(_, it)| it.outgoing).collect();
        outgoing.retain(|it| it.incident_id.starts_with(prefix));
        outgoing.sort_by_key(|it| it.at_ms);
        let message = |body| match body {
            OutgoingBody::Slack { blocks, thread_text, .. } => {
                Some((blocks.to_string(), thread_text.map(|it| it.as_str().to_owned())))
            }
            _ => None,
        };
        outgoing
            .into_iter()
            .filter_map(|it| {
                let (text, thread) = message(it.body)?;
                Some(Message { incident_id: it.incident_id, text, thread })
            })
            .collect()
    }

    /// How many calls have changed something in the account.
    pub(crate) fn changes(&self) -> usize {
        let calls = self.cloud.with(|cloud| cloud.stack(ACCOUNT, REGION).calls());
        calls.iter().filter(|call| call.had_effect()).count()
    }

    /// Somebody changes something in the account.
    pub(crate) fn edit(&self, change: impl FnOnce(&mut Inventory)) {
        self.cloud.with(|cloud| cloud.stack(ACCOUNT, REGION).edit(change));
    }

    /// Somebody deletes the default route of a private route table; returns the table's id.
    pub(crate) fn delete_route(&self) -> String {
        let mut id = String::new();
        self.edit(|seen| {
            let is_private =
                |address: phonehome_network::Address| address.to_string() == "route-table/private/use1-az1";
            let table = seen.route_tables.iter_mut().find(|it| it.address().is_some_and(is_private)).unwrap();
            assert!(!table.routes.is_empty());
            table.routes.clear();
            id.clone_from(&table.id);
        });
        id
    }
}
