//! A hub's table, an organization in memory, and a time that the test moves.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use phonehome_alerting::{
    Given, Inputs, OutgoingBody, PathState, PathStatus, Paths, ProbeKey, SlackKind, Turns,
};
use phonehome_bench_vending::{FakeOrganizations, Faults, VirtualClock};
use phonehome_cloud::table::{Doc, Expect, Key, MemoryTable, Table, TableError, Write};
use phonehome_cloud::{Account, AccountPage, Cause, CloudError, MemoryQueue, Organization, WallClock as _};
use phonehome_fleet::{Binding, Line};
use phonehome_samples::{heartbeat, published, stack};
use phonehome_state::{
    Accepted, Keys, Outboxed, PermittedAccount, Phase, PublishedFleet, StackStatus, VendingNote, Way, all,
    base, publish_by, written_by,
};
use phonehome_vending::{Order, OrderState, order_key};
use phonehome_wire::{AccountId, CheckId, Verdict};
use serde_json::{Value, json};

use super::bearing::Bearing;
use crate::handler::{WORK_MS, Working};
use crate::{OpenProperties, OpenVending, Vending};

pub(crate) const FLEET: &str = include_str!("fleet.yaml");
/// How accounts are made by it.
pub(crate) const VENDING: &str =
    "vending: { email: \"aws+{domain}-{environment}@example.com\", role_name: BreakGlass }";
const REGION: &str = "us-east-1";
const ZONE: &str = "use1-az1";
const CHECK: &str = "egress/checkip.amazonaws.com/443";

/// The role in the management account.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) organizations: FakeOrganizations,
    pub(crate) bearing: Bearing,
    /// Whether it may be assumed, and how often it was.
    pub(crate) state: Arc<Mutex<(bool, usize)>>,
    /// With what it is refused that may be assumed.
    pub(crate) refusal: Arc<Mutex<Option<&'static str>>>,
}

impl OpenVending for Role {
    type Api = FakeOrganizations;

    async fn open(&self) -> Result<FakeOrganizations, CloudError> {
        let mut state = self.state.lock().unwrap();
        state.1 += 1;
        if let Some(code) = *self.refusal.lock().unwrap() {
            return Err(
                CloudError::service("sts:AssumeRole", "phonehome-vending", code, "no").with_status(503)
            );
        }
        if state.0 {
            return Ok(self.organizations.clone());
        }
        Err(CloudError::service("sts:AssumeRole", "phonehome-vending", "AccessDenied", "not authorized"))
    }
}

impl OpenProperties for Role {
    type Properties = Bearing;
    type Support = Bearing;

    async fn open_properties(&self) -> Result<(Bearing, Bearing), CloudError> {
        if self.state.lock().unwrap().0 {
            return Ok((self.bearing.clone(), self.bearing.clone()));
        }
        Err(CloudError::service("sts:AssumeRole", "phonehome-vending", "AccessDenied", "not authorized"))
    }
}

/// The organization as it is listed; it counts the lists.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listed {
    pub(crate) accounts: Arc<Mutex<Vec<Account>>>,
    pub(crate) lists: Arc<Mutex<usize>>,
    /// With what a list is refused.
    pub(crate) refusal: Arc<Mutex<Option<&'static str>>>,
}

impl Organization for Listed {
    async fn account(&self, _: &AccountId) -> Result<Option<Account>, CloudError> {
        Err(CloudError::of_cause("organizations:DescribeAccount", "any", Cause::Timeout))
    }

    async fn page(&self, _: Option<&str>) -> Result<AccountPage, CloudError> {
        *self.lists.lock().unwrap() += 1;
        if let Some(code) = *self.refusal.lock().unwrap() {
            return Err(CloudError::service("organizations:ListAccounts", "all", code, "no"));
        }
        Ok(AccountPage { accounts: self.accounts.lock().unwrap().clone(), next: None })
    }
}

/// A table at each of whose calls, before and after it, whoever calls may be stopped. It counts what is read.
#[derive(Debug, Clone)]
pub(crate) struct Stopping(MemoryTable, Arc<AtomicUsize>);

/// Lets others go on, once; whoever is dropped here has done what came before and nothing of what comes after.
fn stop() -> impl Future<Output = ()> {
    let mut stopped = false;
    poll_fn(move |_| if std::mem::replace(&mut stopped, true) { Poll::Ready(()) } else { Poll::Pending })
}

impl Table for Stopping {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        stop().await;
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.get(key).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        stop().await;
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.query(partition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        stop().await;
        let written = self.0.write(writes).await;
        stop().await;
        written
    }
}

/// Goes on at every stop but from this one on, where it dies: then there is no answer.
pub(crate) async fn until_stop<F: Future>(stop: usize, work: F) -> Option<F::Output> {
    let (mut work, mut stops) = (Box::pin(work), 0);
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending if stops >= stop => Poll::Ready(None),
        Poll::Pending => {
            stops += 1;
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

pub(crate) type Function = Vending<Stopping, MemoryQueue, Listed, Role, VirtualClock>;

pub(crate) struct World {
    pub(crate) function: Function,
    pub(crate) table: MemoryTable,
    pub(crate) organizations: FakeOrganizations,
    pub(crate) listed: Listed,
    pub(crate) role: Role,
    pub(crate) clock: VirtualClock,
    /// How often the function has read the table.
    pub(crate) reads: Arc<AtomicUsize>,
}

pub(crate) fn line(domain: &str) -> Line {
    Line::new(domain, "dev")
}

impl World {
    /// Version 1 is in force, and accounts for these domains' lines are permitted.
    pub(crate) async fn permitting(domains: &[&str]) -> Self {
        Self::with(FLEET, domains, Faults::default()).await
    }

    pub(crate) async fn with(text: &str, domains: &[&str], faults: Faults) -> Self {
        let clock = VirtualClock::default();
        let organizations = FakeOrganizations::new(clock.clone(), 1, faults);
        let table = MemoryTable::default();
        let (listed, state) = (Listed::default(), Arc::new(Mutex::new((true, 0))));
        let (bearing, refusal, reads) = (Bearing::default(), Arc::default(), Arc::<AtomicUsize>::default());
        let role = Role { organizations: organizations.clone(), bearing, state, refusal };
        let function = Vending::new(
            Stopping(table.writing_only(written_by("vendor")), reads.clone()),
            MemoryQueue::default(),
            listed.clone(),
            role.clone(),
            clock.clone(),
        );
        let world = Self { function, table, organizations, listed, role, clock, reads };
        world.publishes(text, domains).await;
        world
    }

    /// The next version, in force at once.
    pub(crate) async fn publishes(&self, text: &str, domains: &[&str]) -> u64 {
        self.published(text, domains, &Way::AtOnce).await
    }

    pub(crate) async fn published(&self, text: &str, domains: &[&str], way: &Way) -> u64 {
        self.put_in_force(text, domains, way, self.clock.now_ms()).await
    }

    /// The next version, with permissions of another time than this one's.
    pub(crate) async fn publishes_at(&self, text: &str, domains: &[&str], at_ms: u64) -> u64 {
        self.put_in_force(text, domains, &Way::AtOnce, at_ms).await
    }

    async fn put_in_force(&self, text: &str, domains: &[&str], way: &Way, at_ms: u64) -> u64 {
        let checked = phonehome_fleet::read(text).map_err(|problems| problems.render("fleet.yaml"));
        checked.expect("a file that can be used");
        let permitted = |domain: &&str| PermittedAccount { line: line(domain), at_ms };
        let accepted = Accepted { accounts: domains.iter().map(permitted).collect(), ..Accepted::default() };
        let published = PublishedFleet { accepted, published_at_ms: at_ms, ..published(text) };
        publish_by(&self.table, &base(&self.table).await.unwrap(), published, way, true).await.unwrap().number
    }

    /// A look, by an invocation of its own.
    pub(crate) async fn look(&self) -> Option<u64> {
        until_stop(usize::MAX, self.function.turn(&mut Working::default())).await.unwrap().unwrap()
    }

    /// Invocations until so much time has passed.
    pub(crate) async fn passes(&self, seconds: u64) {
        let until_ms = self.clock.now_ms() + seconds * 1000;
        let (mut working, mut began_ms) = (Working::default(), self.clock.now_ms());
        while self.clock.now_ms() < until_ms {
            let now_ms = self.clock.now_ms();
            let next = until_stop(usize::MAX, self.function.turn(&mut working)).await.unwrap().unwrap();
            let next_ms = next.map_or(u64::MAX, |at_ms| at_ms.max(now_ms + 500));
            if next_ms < began_ms + WORK_MS {
                self.clock.pass_to(next_ms.min(until_ms));
                continue;
            }
            // The next minute's invocation.
            self.clock.pass_to((began_ms + 60_000).min(until_ms));
            (working, began_ms) = (Working::default(), self.clock.now_ms());
        }
    }

    pub(crate) async fn order(&self, domain: &str) -> Option<Order> {
        self.table.get(&order_key(&line(domain))).await.unwrap().map(|doc| doc.read().unwrap())
    }

    /// The account that was made for a line.
    pub(crate) async fn made(&self, domain: &str) -> AccountId {
        self.order(domain).await.unwrap().account().unwrap().clone()
    }

    /// An order in a state, as if somebody had died after it was stored.
    pub(crate) async fn has_order(&self, domain: &str, state: OrderState) {
        let (email, name) = (format!("aws+{domain}-dev@example.com"), format!("{domain}-dev"));
        let order = Order { state, ..Order::place(line(domain), email, name, self.clock.now_ms()) };
        self.put(order_key(&line(domain)), &json!(order)).await;
    }

    pub(crate) async fn bound(&self, domain: &str) -> Option<AccountId> {
        let doc = self.table.get(&Keys::binding(&line(domain))).await.unwrap()?;
        Some(doc.read::<Binding>().unwrap().account)
    }

    pub(crate) async fn binds(&self, domain: &str, account: &str) {
        let account: AccountId = account.parse().unwrap();
        let binding = Binding {
            line: line(domain),
            account: account.clone(),
            account_name: "a".into(),
            bound_at_ms: 0,
        };
        self.put(Keys::binding(&line(domain)), &json!(binding)).await;
        self.put(Keys::bound_account(&account), &json!(binding)).await;
    }

    pub(crate) async fn note(&self, about: &str) -> Option<VendingNote> {
        self.table.get(&Keys::vending_note(about)).await.unwrap().map(|doc| doc.read().unwrap())
    }

    /// Stores something, whoever may write it.
    pub(crate) async fn put(&self, key: Key, value: &Value) {
        let expect = Expect::unchanged(self.table.get(&key).await.unwrap().as_ref());
        self.table.write(vec![Write::put(key, expect, value)]).await.unwrap();
    }

    /// The accounts that the provisioner was asked to look at.
    pub(crate) fn asked(&self) -> Vec<String> {
        let account = |body: &str| {
            let body: Value = serde_json::from_str(body).unwrap();
            body["reconcile"]["account"].as_str().unwrap().to_owned()
        };
        self.function.queue.sent().iter().map(|message| account(&message.body)).collect()
    }

    /// The provisioner made the network of a line's account.
    pub(crate) async fn has_converged(&self, domain: &str) {
        self.has_stack(domain, &self.made(domain).await, Phase::Ready).await;
    }

    /// An account has a stack as this line.
    pub(crate) async fn has_stack(&self, domain: &str, account: &AccountId, phase: Phase) {
        let now_ms = self.clock.now_ms();
        let status = StackStatus {
            account: account.clone(),
            account_name: format!("{domain}-dev"),
            domain: domain.into(),
            environment: "dev".into(),
            phase,
            cidr: "10.0.64.0/18".parse().unwrap(),
            availability_zones: vec![ZONE.parse().unwrap()],
            ready_since_ms: [(ZONE.parse().unwrap(), now_ms)].into(),
            ..stack(now_ms)
        };
        let checks = [(CheckId(CHECK.into()), "checkip.amazonaws.com:443".to_owned())].into();
        let given = Given { availability_zone: ZONE.parse().unwrap(), part: 0, generation: 1, checks };
        let zones = [(0, [ZONE.parse().unwrap()].into())].into();
        let inputs = Inputs::default().with(1, &[given], &zones).unwrap();
        self.put(Keys::inputs(&status.stack()), &json!(inputs)).await;
        self.put(Keys::stack(&status.stack()), &json!(status)).await;
    }

    /// The probe of a line's account reports that its one path is as said.
    pub(crate) async fn reports(&self, domain: &str, status: PathStatus) {
        self.account_reports(self.made(domain).await, status).await;
    }

    /// An account's probe reports that its one path is as said.
    pub(crate) async fn account_reports(&self, account: AccountId, status: PathStatus) {
        let now_ms = self.clock.now_ms();
        let (region, availability_zone) = (REGION.parse().unwrap(), ZONE.parse().unwrap());
        let part = ProbeKey { account, region, availability_zone }.part(0);
        self.put(Keys::heartbeat(&part), &json!(heartbeat(&part, now_ms))).await;
        let state = PathState {
            status,
            since_ms: now_ms,
            streak: 0,
            streak_since_ms: 0,
            last: Verdict::Ok,
            last_since_ms: now_ms,
            results: vec![],
            failure: None,
            ever_up: true,
            addresses: vec![],
            turns: Turns::default(),
            target: None,
        };
        let paths: Paths = [(CheckId(CHECK.into()), state)].into();
        self.put(Keys::paths(&part), &json!(paths)).await;
    }

    /// Every message, in the order in which it was decided: incident, channel, kind, first line.
    pub(crate) async fn told(&self) -> Vec<(String, String, SlackKind, String)> {
        let mut messages: Vec<_> = all::<Outboxed>(&self.table, Keys::OUTBOX).await.unwrap();
        messages.sort_by_key(|(_, it)| (it.outgoing.at_ms, it.outgoing.sequence));
        let shown = messages.into_iter().map(|(_, it)| match it.outgoing.body {
            OutgoingBody::Slack { channel, kind, text, .. } => {
                (it.outgoing.incident_id, channel, kind, text.to_string())
            }
            OutgoingBody::Page { .. } => panic!("nobody is paged for an account"),
        });
        shown.collect()
    }

    /// The first lines of all messages.
    pub(crate) async fn lines(&self) -> Vec<String> {
        self.told().await.into_iter().map(|it| it.3).collect()
    }

    /// All of the newest message.
    pub(crate) async fn newest(&self) -> String {
        let mut messages: Vec<_> = all::<Outboxed>(&self.table, Keys::OUTBOX).await.unwrap();
        messages.sort_by_key(|(_, it)| (it.outgoing.at_ms, it.outgoing.sequence));
        json!(messages.pop().unwrap().1.outgoing.body).to_string()
    }
}
