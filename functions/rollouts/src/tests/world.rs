//! A hub's table in which a version is rolled out: two accounts, each with a probe.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use phonehome_alerting::{
    Given, IncidentState, Inputs, MemberState, OutgoingBody, PathState, PathStatus, Paths, ProbeKey,
    SlackKind, Suspect, Turns,
};
use phonehome_cloud::table::{Expect, Key, MemoryTable, Table as _, Write};
use phonehome_cloud::{MemoryQueue, WallClock};
use phonehome_fleet::{Binding, Line};
use phonehome_rollout::{Pace, RollOut, Wave};
use phonehome_samples::{FLEET, REGION, heartbeat, published, stack};
use phonehome_state::{
    Keys, Outboxed, Phase, PublishedFleet, StackStatus, Way, all, base, publish, publish_by, roll_out,
    written_by,
};
use phonehome_wire::{AccountId, CheckId, Class, StackId, Stage, Verdict};
use serde_json::{Value, json};

use crate::RollOuts;

const MINUTE_MS: u64 = 60_000;
pub(crate) const SHOP_DEV: &str = "444455556601";
pub(crate) const SHOP_PROD: &str = "444455556602";
const ZONE: &str = "use1-az1";
const CHECK: &str = "egress/checkip.amazonaws.com/443";

/// A clock that the test moves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock(Arc<AtomicU64>);

impl WallClock for Clock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub(crate) struct World {
    pub(crate) function: RollOuts<MemoryTable, MemoryQueue, Clock>,
}

fn id(account: &str) -> AccountId {
    account.parse().unwrap()
}

fn stack_of(account: &str) -> StackId {
    format!("{account}/{REGION}").parse().unwrap()
}

impl World {
    /// Version 1 is in force in shop/dev and shop/prod.
    pub(crate) async fn new() -> Self {
        let table = MemoryTable::default();
        publish(&table, &base(&table).await.unwrap(), published(FLEET)).await.unwrap();
        let table = table.writing_only(written_by("rollouts"));
        let function = RollOuts { table, queue: MemoryQueue::default(), clock: Clock::default() };
        let world = Self { function };
        for (account, environment) in [(SHOP_DEV, "dev"), (SHOP_PROD, "prod")] {
            world.bind(account, environment).await;
            world.has_converged(account, 1).await;
            world.probe(account, PathStatus::Up).await;
        }
        world
    }

    async fn bind(&self, account: &str, environment: &str) {
        let line = Line::new("shop", environment);
        let account_name = format!("shop-{environment}");
        let binding = Binding { line: line.clone(), account: id(account), account_name, bound_at_ms: 0 };
        self.put(Keys::binding(&line), &json!(binding)).await;
    }

    /// The next version, in two waves: shop/dev, then everybody else.
    pub(crate) async fn rolls_out(&self) {
        self.rolls_out_baking(3).await;
    }

    /// The same, with waves that have to be green for so many minutes.
    pub(crate) async fn rolls_out_baking(&self, minutes: u64) {
        let first = Wave::new("staging".into(), [Line::new("shop", "dev")].into());
        let waves = vec![first, Wave::new("everyone".into(), [].into())];
        let pace = Pace { bake_ms: minutes * MINUTE_MS, converge_ms: 10 * MINUTE_MS, at_once: 5 };
        self.published(Way::InWaves { waves, pace, mends: false }).await;
    }

    pub(crate) async fn published(&self, way: Way) -> u64 {
        let table = self.function.table.unrestricted();
        let over = base(&table).await.unwrap();
        let text = format!("{FLEET}# {}\n", over.next());
        let published = PublishedFleet {
            text,
            published_by: "ada".into(),
            published_at_ms: self.now_ms(),
            ..PublishedFleet::default()
        };
        publish_by(&table, &over, published, &way, true).await.unwrap().number
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.function.clock.now_ms()
    }

    pub(crate) fn passes(&self, minutes: u64) {
        self.function.clock.0.fetch_add(minutes * MINUTE_MS, Ordering::Relaxed);
    }

    /// Stores something, whoever may write it.
    pub(crate) async fn put(&self, key: Key, value: &Value) {
        let expect = Expect::unchanged(self.function.table.get(&key).await.unwrap().as_ref());
        self.function.table.unrestricted().write(vec![Write::put(key, expect, value)]).await.unwrap();
    }

    async fn stack(&self, account: &str, phase: Phase, version: u64, more: impl FnOnce(&mut StackStatus)) {
        let environment = if account == SHOP_DEV { "dev" } else { "prod" };
        let mut status = StackStatus {
            account: id(account),
            account_name: format!("shop-{environment}"),
            environment: environment.into(),
            phase,
            version,
            updated_at_ms: self.now_ms(),
            ready_since_ms: [(ZONE.parse().unwrap(), 0)].into(),
            ..stack(0)
        };
        more(&mut status);
        self.put(Keys::stack(&stack_of(account)), &json!(status)).await;
    }

    /// The provisioner brought it to a version.
    pub(crate) async fn has_converged(&self, account: &str, version: u64) {
        self.stack(account, Phase::Ready, version, |_| ()).await;
    }

    /// The same, and something in it waits until that version is in force.
    pub(crate) async fn waits_for_force(&self, account: &str, version: u64) {
        let waiting = vec!["elastic-ip/use1-az1: delete".to_owned()];
        self.stack(account, Phase::Ready, version, |it| it.until_in_force = waiting).await;
    }

    /// The same, and something in it may be taken away in another hour only.
    pub(crate) async fn waits_for_hour(&self, account: &str, version: u64, next_hour_ms: u64) {
        self.stack(account, Phase::Ready, version, |it| it.next_hour_ms = next_hour_ms).await;
    }

    /// The same, with code that its probes have since a moment.
    pub(crate) async fn has_converged_with_code(&self, account: &str, version: u64, since_ms: u64) {
        self.has_converged(account, version).await;
        let key = Keys::stack(&stack_of(account));
        let mut status: Value = self.function.table.get(&key).await.unwrap().unwrap().read().unwrap();
        status["probe_code"] = json!({"code_sha256": "new", "since_ms": since_ms});
        self.put(key, &status).await;
    }

    pub(crate) async fn has_failed(&self, account: &str, message: &str) {
        self.stack(account, Phase::Failed, 1, |it| it.message = message.to_owned()).await;
    }

    /// The account is closed: its binding goes, and its stack says so.
    pub(crate) async fn is_closed(&self, account: &str) {
        self.stack(account, Phase::Gone, 1, |_| ()).await;
    }

    /// The account has a stack that is ready, with a probe of which nothing was ever heard, in another Region, too.
    pub(crate) async fn is_elsewhere(&self, account: &str, region: &str) {
        let key = Keys::stack(&format!("{account}/{region}").parse().unwrap());
        let stored = self.function.table.get(&Keys::stack(&stack_of(account))).await.unwrap().unwrap();
        let mut status: Value = stored.read().unwrap();
        status["region"] = json!(region);
        self.put(key, &status).await;
    }

    /// The provisioner noted another input for the probe of an account, which that one does not have yet.
    pub(crate) async fn is_asked_something_else(&self, account: &str) {
        let checks = [(CheckId(CHECK.into()), "checkip.amazonaws.com:443".to_owned())].into();
        let given = Given { availability_zone: ZONE.parse().unwrap(), part: 0, generation: 2, checks };
        let zones = [(0, [ZONE.parse().unwrap()].into())].into();
        let inputs = Inputs::default().with(2, &[given], &zones).unwrap();
        self.put(Keys::inputs(&stack_of(account)), &json!(inputs)).await;
    }

    /// An incident that concerns an account.
    pub(crate) async fn incident_opens(&self, account: &str) {
        let probe = json!({"account": account, "region": REGION, "availability_zone": ZONE});
        let member = json!({"probe": probe, "symptom": "silent", "state": MemberState::Failing,
            "account_name": "a", "since_ms": 0});
        let incident = json!({"id": "incident-1", "suspect": Suspect::Collector, "severity": "note",
            "state": IncidentState::Open, "since_ms": 0, "opened_at_ms": 0, "updated_at_ms": 0, "revision": 1,
            "members": [member]});
        self.put(Keys::incident("incident-1"), &incident).await;
    }

    /// It is over.
    pub(crate) async fn incident_is_over(&self) {
        let doc = self.function.table.get(&Keys::incident("incident-1")).await.unwrap();
        let delete = Write::delete(Keys::incident("incident-1"), Expect::unchanged(doc.as_ref()));
        self.function.table.unrestricted().write(vec![delete]).await.unwrap();
    }

    /// The probe of an account reports now, with its one path as it is.
    pub(crate) async fn probe(&self, account: &str, status: PathStatus) {
        let probe = ProbeKey {
            account: id(account),
            region: REGION.parse().unwrap(),
            availability_zone: ZONE.parse().unwrap(),
        };
        let check = CheckId(CHECK.into());
        let checks = [(check.clone(), "checkip.amazonaws.com:443".to_owned())].into();
        let given = Given { availability_zone: ZONE.parse().unwrap(), part: 0, generation: 1, checks };
        let zones = [(0, [ZONE.parse().unwrap()].into())].into();
        let inputs = Inputs::default().with(1, &[given], &zones).unwrap();
        self.put(Keys::inputs(&stack_of(account)), &json!(inputs)).await;
        let heartbeat = heartbeat(&probe.part(0), self.now_ms());
        self.put(Keys::heartbeat(&probe.part(0)), &json!(heartbeat)).await;
        let paths: Paths = [(check, path(status, self.now_ms()))].into();
        self.put(Keys::paths(&probe.part(0)), &json!(paths)).await;
    }

    /// A minute in which the function runs and everything works.
    pub(crate) async fn minute(&self) {
        self.passes(1);
        for account in [SHOP_DEV, SHOP_PROD] {
            self.probe(account, PathStatus::Up).await;
        }
        self.function.handle().await.unwrap();
        let versions = self.roll_out().await.versions;
        for account in [SHOP_DEV, SHOP_PROD] {
            self.has_converged(account, versions.of(&id(account))).await;
        }
    }

    pub(crate) async fn minutes(&self, minutes: u64) {
        for _ in 0..minutes {
            self.minute().await;
        }
    }

    pub(crate) async fn roll_out(&self) -> RollOut {
        roll_out(&self.function.table).await.unwrap().unwrap().1
    }

    /// The version that an account is to have.
    pub(crate) async fn version_of(&self, account: &str) -> u64 {
        self.roll_out().await.versions.of(&id(account))
    }

    /// The accounts that are to have the new version.
    pub(crate) async fn turned(&self) -> Vec<String> {
        self.roll_out().await.versions.turned.iter().map(ToString::to_string).collect()
    }

    /// The accounts that the provisioner was asked to look at.
    pub(crate) fn asked(&self) -> Vec<String> {
        let asked = |body: &String| {
            let body: Value = serde_json::from_str(body).unwrap();
            body["reconcile"]["account"].as_str().unwrap().to_owned()
        };
        self.function.queue.sent().iter().map(|message| asked(&message.body)).collect()
    }

    /// All that the newest message shows, as Slack gets it.
    pub(crate) async fn shown(&self) -> String {
        let mut messages: Vec<_> = all::<Outboxed>(&self.function.table, Keys::OUTBOX).await.unwrap();
        messages.sort_by_key(|(_, it)| (it.outgoing.at_ms, it.outgoing.sequence));
        json!(messages.pop().unwrap().1.outgoing.body).to_string()
    }

    /// Every message: of which incident, whether posted or edited, its first line and its thread's.
    pub(crate) async fn told(&self) -> Vec<(String, SlackKind, String, Option<String>)> {
        let mut messages: Vec<_> = all::<Outboxed>(&self.function.table, Keys::OUTBOX).await.unwrap();
        messages.sort_by_key(|(_, it)| (it.outgoing.incident_id.clone(), it.outgoing.sequence));
        let shown = messages.into_iter().map(|(_, it)| match it.outgoing.body {
            OutgoingBody::Slack { kind, text, thread_text, .. } => {
                (it.outgoing.incident_id, kind, text.to_string(), thread_text.map(|it| it.to_string()))
            }
            OutgoingBody::Page { .. } => panic!("nobody is paged for a roll-out"),
        });
        shown.collect()
    }
}

fn path(status: PathStatus, at_ms: u64) -> PathState {
    let last = match status {
        PathStatus::Down => Verdict::Fail { stage: Stage::Connect, class: Class::Other, error: "no".into() },
        PathStatus::Up | PathStatus::Unknown => Verdict::Ok,
    };
    PathState {
        status,
        since_ms: at_ms,
        streak: 0,
        streak_since_ms: 0,
        last,
        last_since_ms: at_ms,
        results: vec![],
        failure: None,
        ever_up: true,
        addresses: vec![],
        turns: Turns::default(),
        target: None,
    }
}
