//! A hub in memory, over an AWS in memory.

mod members;
mod secrets;
mod settings;

use phonehome_cloud::SystemClock;
use phonehome_wire::StackId;
use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard};

use phonehome_aws::Metrics;
use phonehome_cloud::table::{MemoryTable, Table, Write};
use phonehome_cloud::{Account, FixedOrganization, MemoryQueue, Message};
use phonehome_fakecloud::{FakeCloud, Options, SharedCloud};
use phonehome_network::Inventory;
use phonehome_planner::Plan;
use phonehome_provision::{COOLDOWN_MS, Job, Provision};
use phonehome_samples::events;
use phonehome_state::{
    Accepted, AcceptedStack, Claim, Keys, Outboxed, PublishedFleet, all, base, publish, readable, written_by,
};
use phonehome_state::{Phase, StackStatus};
use serde_json::{Value, json};

use crate::handler::Provisioner;

pub(super) use members::{Conditions, FakeMembers, Look, denied, error, no_role};
pub(super) use secrets::FakeSecrets;

/// Owns the organization.
pub(super) const MANAGEMENT: &str = "111111111111";
pub(super) const SHOP_DEV: &str = "444455556666";
pub(super) const SHOP_PROD: &str = "555566667777";
pub(super) const PAYMENTS_DEV: &str = "777788889999";
/// In the fleet file, and closed.
pub(super) const LEDGER_PROD: &str = "888899990000";
/// In the organization, and not in the fleet file.
pub(super) const FOREIGN: &str = "666677778888";
pub(super) const REGION: &str = "us-east-1";
pub(super) const EUROPE: &str = "eu-west-1";
/// The fleet file that is in force at first.
pub(super) const FLEET: &str = include_str!("fleet.yaml");
/// More deliveries than anything here needs: whoever wakes whom, it comes to an end.
const DELIVERIES_MAX: usize = 60;

async fn edit_status(table: &MemoryTable, stack: &StackId, change: impl Fn(&mut StackStatus)) {
    let key = Keys::stack(stack);
    let doc = table.get(&key).await.unwrap().expect("a stack");
    let mut status: StackStatus = doc.read().unwrap();
    change(&mut status);
    table.write(vec![Write::over(Some(&doc), key, &status)]).await.unwrap();
}

pub(super) struct World {
    pub(super) provisioner: Provisioner<MemoryTable, MemoryQueue, FixedOrganization, FakeMembers>,
    /// What the provisioner sees, and may write only in part.
    pub(super) table: MemoryTable,
    pub(super) cloud: SharedCloud,
    /// How much of the queue was delivered.
    pub(super) delivered: usize,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(super) async fn with(options: Options) -> Self {
        let table = MemoryTable::default();
        let cloud = SharedCloud::new(FakeCloud::with_options(options));
        let account = |id: &str, name: &str, active| Account {
            id: id.parse().unwrap(),
            name: name.into(),
            active,
            created_at_ms: None,
        };
        let organization = FixedOrganization {
            accounts: vec![
                account(SHOP_DEV, "shop-dev", true),
                account(SHOP_PROD, "shop-prod", true),
                account(LEDGER_PROD, "ledger-prod", false),
                account(FOREIGN, "somebody-elses", true),
                account("222222222222", "hub", true),
            ],
            ..FixedOrganization::default()
        };
        let (looks, last) = (Arc::default(), Arc::default());
        let members =
            FakeMembers { cloud: cloud.clone(), conditions: Arc::default(), packages: None, looks, last };
        let provisioner = Provisioner {
            provision: Provision {
                table: table.writing_only(written_by("provisioner")),
                members,
                cooldown_ms: COOLDOWN_MS,
                clock: SystemClock,
            },
            queue: MemoryQueue::default(),
            dead_letters: MemoryQueue::default(),
            organization,
            metrics: Metrics::void("provisioner"),
            requeue_delay_s: 20,
            management_account: MANAGEMENT.parse().unwrap(),
        };
        let world = Self { provisioner, table, cloud, delivered: 0 };
        world.publish(FLEET).await;
        world
    }

    pub(super) fn table(&self) -> &MemoryTable {
        &self.table
    }

    pub(super) fn conditions(&self) -> MutexGuard<'_, Conditions> {
        self.provisioner.provision.members.conditions.lock().unwrap()
    }

    pub(super) fn settings(&self) -> settings::Settings {
        self.conditions().settings.clone()
    }

    /// Puts another fleet file in force, without permission for anything.
    pub(super) async fn publish(&self, text: &str) {
        self.publish_accepting(text, vec![]).await;
    }

    /// Puts another fleet file in force with what was accepted.
    pub(super) async fn publish_accepting(&self, text: &str, stacks: Vec<AcceptedStack>) {
        self.publish_with(text, Accepted { until_ms: u64::MAX, stacks, ..Accepted::default() }).await;
    }

    /// The same with everything that was accepted.
    pub(super) async fn publish_with(&self, text: &str, accepted: Accepted) {
        let (text, published_by) = (text.to_owned(), "test".into());
        let published = PublishedFleet { text, published_by, accepted, ..PublishedFleet::default() };
        let base = base(self.table()).await.unwrap();
        publish(self.table(), &base, published).await.unwrap();
    }

    /// What `phonehome publish` shows of these accounts, and stores when it is accepted.
    pub(super) async fn shown(&self, text: &str, accounts: &[&str]) -> Vec<AcceptedStack> {
        self.planned(text, accounts).await.into_iter().map(|(_, stack)| stack).collect()
    }

    /// The plans of these accounts with what each asks for.
    pub(super) async fn planned(&self, text: &str, accounts: &[&str]) -> Vec<(Plan, AcceptedStack)> {
        let fleet = phonehome_fleet::parse(text).unwrap();
        let mut stacks = Vec::new();
        for account in accounts {
            let account = self.provisioner.organization.accounts.iter().find(|it| it.id == *account).unwrap();
            let member = fleet.member(&account.name).unwrap();
            let (account, region, published) = (&account.id, &REGION.parse().unwrap(), None);
            let job = Job {
                fleet: &fleet,
                member: &member,
                account,
                region,
                authorities: None,
                limits: None,
                published,
            };
            let claim = self.provisioner.provision.expected_claim(&job, &[]).await.unwrap();
            let plan = self.provisioner.provision.preview(&job, &claim).await.unwrap();
            let permission = plan.asks().into_iter().collect();
            let stack = AcceptedStack { account: account.clone(), region: region.clone(), permission };
            stacks.push((plan, stack));
        }
        stacks
    }

    /// The organization gets this account, or it becomes other than it was.
    pub(super) fn account(&mut self, id: &str, name: &str, active: bool, created_at_ms: Option<u64>) {
        let accounts = &mut self.provisioner.organization.accounts;
        accounts.retain(|account| account.id != id);
        accounts.push(Account { id: id.parse().unwrap(), name: name.into(), active, created_at_ms });
    }

    /// Delivers one batch; returns how many of its records come again.
    pub(super) async fn batch(&self, bodies: &[Value]) -> usize {
        let records: Vec<Value> = bodies
            .iter()
            .enumerate()
            .map(|(n, body)| json!({"messageId": n.to_string(), "body": body.to_string()}))
            .collect();
        let response = self.provisioner.handle(&json!({"Records": records})).await.unwrap();
        response.batch_item_failures.len()
    }

    pub(super) async fn send(&self, body: Value) {
        assert_eq!(self.batch(&[body]).await, 0, "the record comes again");
    }

    pub(super) async fn reconcile(&self, account: &str) {
        self.send(json!({"reconcile": {"account": account}})).await;
    }

    /// Lets time pass: changed stacks have converged, no lease is held any more, nothing is on its way, and
    /// the last observation is long over.
    pub(super) async fn wait(&self) {
        self.cloud.with(|cloud| cloud.advance(200_000));
        for (_, status) in readable::<StackStatus>(self.table(), Keys::STACKS).await.unwrap().found {
            let change = |status: &mut StackStatus| {
                status.leased_until_ms = 0;
                status.updated_at_ms = status.updated_at_ms.saturating_sub(200_000);
                if let Some(outdated) = &mut status.outdated {
                    outdated.since_ms = outdated.since_ms.saturating_sub(200_000);
                }
            };
            edit_status(self.table(), &status.stack(), change).await;
        }
    }

    /// Another executor takes the stack, for good.
    pub(super) async fn table_leased(&self, account: &str) {
        let stack = format!("{account}/{REGION}").parse().unwrap();
        edit_status(self.table(), &stack, |status| status.leased_until_ms = u64::MAX).await;
    }

    /// Delivers everything that is in the queue, and what comes of it.
    pub(super) async fn drain(&mut self) {
        for _ in 0..DELIVERIES_MAX {
            let Some(message) = self.provisioner.queue.sent().into_iter().nth(self.delivered) else { return };
            self.delivered += 1;
            self.wait().await;
            self.send(serde_json::from_str(&message.body).unwrap()).await;
        }
        panic!("{DELIVERIES_MAX} deliveries, and it does not end: {:?}", self.queued().last());
    }

    /// Observes an account until nothing is left to do.
    pub(super) async fn converge(&mut self, account: &str) {
        self.wait().await;
        self.reconcile(account).await;
        self.drain().await;
    }

    pub(super) async fn status_in(&self, account: &str, region: &str) -> Option<StackStatus> {
        let doc =
            self.table().get(&Keys::stack(&format!("{account}/{region}").parse().unwrap())).await.unwrap()?;
        Some(doc.read().unwrap())
    }

    pub(super) async fn status(&self, account: &str) -> StackStatus {
        self.status_in(account, REGION).await.expect("a status")
    }

    pub(super) async fn assert_ready(&self, account: &str) {
        let status = self.status(account).await;
        assert_eq!(status.phase, Phase::Ready, "{}", status.message);
        assert_eq!(self.letters(), Vec::<String>::new());
    }

    pub(super) async fn claims(&self) -> Vec<Claim> {
        let claims = all::<Claim>(self.table(), Keys::LEDGER).await.unwrap();
        claims.into_iter().map(|(_, claim)| claim).collect()
    }

    pub(super) fn messages(&self) -> Vec<Message> {
        self.provisioner.queue.sent()
    }

    pub(super) fn queued(&self) -> Vec<Value> {
        let bodies = self.messages().into_iter().map(|message| message.body);
        bodies.map(|body| serde_json::from_str(&body).unwrap()).collect()
    }

    /// Why records were refused.
    pub(super) fn letters(&self) -> Vec<String> {
        let letters = self.provisioner.dead_letters.sent();
        letters.into_iter().map(|letter| letter.attributes[0].1.clone()).collect()
    }

    /// The messages for Slack, each as its JSON.
    pub(super) async fn notified(&self) -> Vec<String> {
        let outbox = all::<Outboxed>(self.table(), Keys::OUTBOX).await.unwrap();
        outbox.into_iter().map(|(_, it)| serde_json::to_string(&it.outgoing.body).unwrap()).collect()
    }

    /// The messages for Slack about incidents whose id begins so, each as its JSON, the first first.
    pub(super) async fn notified_of(&self, prefix: &str) -> Vec<String> {
        let outbox = all::<Outboxed>(self.table(), Keys::OUTBOX).await.unwrap().into_iter();
        outbox
            .filter(|(_, it)| it.outgoing.incident_id.starts_with(prefix))
            .map(|(_, it)| serde_json::to_string(&it.outgoing.body).unwrap())
            .collect()
    }

    /// Which incidents with an id that begins so the messages for Slack are about, the first first.
    pub(super) async fn incident_ids_of(&self, prefix: &str) -> Vec<String> {
        let outbox = all::<Outboxed>(self.table(), Keys::OUTBOX).await.unwrap();
        let ids = outbox.into_iter().map(|(_, it)| it.outgoing.incident_id);
        ids.filter(|id| id.starts_with(prefix)).collect()
    }

    pub(super) fn truth_in(&self, account: &str, region: &str) -> Inventory {
        self.cloud.with(|cloud| cloud.stack(account, region).truth())
    }

    pub(super) fn truth(&self, account: &str) -> Inventory {
        self.truth_in(account, REGION)
    }

    /// Somebody changes something in the account.
    pub(super) fn edit(&self, account: &str, change: impl FnOnce(&mut Inventory)) {
        self.cloud.with(|cloud| cloud.stack(account, REGION).edit(change));
    }

    /// How many calls have changed something in an account and Region.
    pub(super) fn changes(&self, account: &str, region: &str) -> usize {
        let calls = self.cloud.with(|cloud| cloud.stack(account, region).calls());
        calls.iter().filter(|call| call.had_effect()).count()
    }
}

/// Every sample of the folder, by file name: the bodies of its records.
pub(super) fn samples() -> BTreeMap<String, Vec<String>> {
    let bodies = |event| {
        let event: aws_lambda_events::sqs::SqsEvent = serde_json::from_value(event).unwrap();
        event.records.into_iter().filter_map(|record| record.body).collect()
    };
    events("provisioner").into_iter().map(|(name, event)| (name, bodies(event))).collect()
}

/// The one record of a sample.
pub(super) fn sample(name: &str) -> Value {
    serde_json::from_str(&samples()[&format!("{name}.json")][0]).unwrap()
}
