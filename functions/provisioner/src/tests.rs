//! What the provisioner does with each sample event, and with accounts in every condition.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use phonehome_aws::executor::{Ids, StackApi};
use phonehome_aws::table::{Expect, MemoryTable, Table, Write};
use phonehome_aws::{Account, AwsError, FixedOrganization, MemoryQueue, Metrics};
use phonehome_network::{Action, Address, Inventory, Phase, ProbeSpec, StackSpec, StackStatus};
use phonehome_state::{Keys, Outboxed, PublishedFleet, all};
use serde_json::{Value, json};

use crate::event::{Request, read};
use crate::handler::Provisioner;
use crate::members::Members;

const SHOP_DEV: &str = "444455556666";

/// A member account whose calls all succeed and leave nothing to see, or all fail with one code.
#[derive(Clone, Default)]
struct FakeMembers {
    refusal: Option<&'static str>,
    performed: Arc<Mutex<Vec<Address>>>,
}

struct FakeStack(FakeMembers);

fn error(operation: &'static str, code: &str) -> AwsError {
    AwsError { operation, subject: "test".into(), code: code.into(), message: "as told".into() }
}

impl Members for FakeMembers {
    type Stack = FakeStack;

    fn probe(&self, _account: &str, _region: &str) -> ProbeSpec {
        ProbeSpec {
            checks: vec![],
            generation: 0,
            code_sha256: "hash".into(),
            architecture: "arm64".into(),
            role_arn: "role".into(),
            schedule_role_arn: "schedule-role".into(),
            bus_arn: "bus".into(),
            log_group: "/phonehome/probe".into(),
            memory_mb: 128,
            timeout_s: 30,
        }
    }

    async fn open(&self, _spec: &StackSpec) -> Result<FakeStack, AwsError> {
        match self.refusal {
            Some(code) => Err(error("sts:AssumeRole", code)),
            None => Ok(FakeStack(self.clone())),
        }
    }
}

impl StackApi for FakeStack {
    async fn observe(&self) -> Result<Inventory, AwsError> {
        Ok(Inventory::default())
    }

    async fn perform(
        &self,
        address: &Address,
        _action: &Action,
        _ids: &Ids,
    ) -> Result<Option<String>, AwsError> {
        self.0.performed.lock().unwrap().push(address.clone());
        Ok(Some(format!("id-of-{address}")))
    }
}

struct World {
    provisioner: Provisioner<MemoryTable, MemoryQueue, FixedOrganization, FakeMembers>,
}

impl World {
    async fn new(members: FakeMembers) -> Self {
        let table = MemoryTable::default();
        let text = include_str!("../../../fleet.example.yaml").to_owned();
        let fleet = PublishedFleet { text, published_at_ms: 0, published_by: "test".into() };
        table.write(vec![Write::put(Keys::fleet(), Expect::Absent, &fleet)]).await.unwrap();
        let account = |id: &str, name: &str, active| Account { id: id.into(), name: name.into(), active };
        let organization = FixedOrganization {
            accounts: vec![
                account(SHOP_DEV, "shop-dev", true),
                account("555566667777", "shop-prod", false),
                account("666677778888", "somebody-elses", true),
                account("222222222222", "hub", true),
            ],
        };
        let provisioner = Provisioner {
            table,
            queue: MemoryQueue::default(),
            dead_letters: MemoryQueue::default(),
            organization,
            members,
            metrics: Metrics::void("provisioner"),
            requeue_delay_s: 20,
        };
        Self { provisioner }
    }

    async fn send(&self, body: Value) {
        let event = json!({"Records": [{"messageId": "m", "body": body.to_string()}]});
        let response = self.provisioner.handle(&event).await.unwrap();
        assert!(response.batch_item_failures.is_empty());
    }

    async fn reconcile(&self, account: &str) {
        self.send(json!({"reconcile": {"account": account}})).await;
    }

    async fn status(&self) -> Option<StackStatus> {
        let doc = self.provisioner.table.get(&Keys::stack(SHOP_DEV, "us-east-1")).await.unwrap()?;
        Some(doc.read().unwrap())
    }

    fn queued(&self) -> Vec<Value> {
        let bodies = self.provisioner.queue.sent().into_iter().map(|message| message.body);
        bodies.map(|body| serde_json::from_str(&body).unwrap()).collect()
    }
}

/// Every sample of the folder, by file name: the bodies of its records.
fn samples() -> BTreeMap<String, Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/provisioner");
    let mut samples = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let event: aws_lambda_events::sqs::SqsEvent =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let bodies = event.records.into_iter().filter_map(|record| record.body).collect();
        samples.insert(path.file_name().unwrap().to_string_lossy().into_owned(), bodies);
    }
    samples
}

#[test]
fn every_sample_event_is_routed_and_only_the_bad_ones_are_refused() {
    let samples = samples();
    assert!(samples.len() >= 18, "{samples:?}");
    for (name, bodies) in samples {
        assert!(!bodies.is_empty(), "{name} has no record");
        for body in bodies {
            assert_eq!(read(&body).is_err(), name.starts_with("bad-"), "{name}: {:?}", read(&body));
        }
    }
}

#[test]
fn every_kind_of_account_event_leads_to_the_account_it_names() {
    let samples = samples();
    for name in [
        "create-account-result",
        "close-account-result",
        "control-tower-create-managed-account",
        "control-tower-update-managed-account",
        "account-joined-organization",
        "account-departed-organization",
        "move-account",
        "reconcile",
    ] {
        match read(&samples[&format!("{name}.json")][0]) {
            Ok(Request::Account(request)) => assert_eq!(request.account, SHOP_DEV, "{name}"),
            other => panic!("{name} gave {other:?}"),
        }
    }
    for name in ["create-account-result-failed", "control-tower-create-managed-account-failed"] {
        let request = read(&samples[&format!("{name}.json")][0]);
        assert!(matches!(request, Ok(Request::CreationFailed { .. })), "{name} gave {request:?}");
    }
    assert_eq!(read(&samples["sweep.json"][0]), Ok(Request::Sweep));
}

#[test]
fn a_refusal_says_what_was_wrong() {
    let samples = samples();
    for (name, part) in [
        ("bad-no-account-id", "there is no account id"),
        ("bad-unknown-event-name", "DeleteOrganization"),
        ("bad-other-source", "aws.ec2"),
        ("bad-not-json", "not JSON"),
        ("bad-reconcile-without-account", "not an account id"),
    ] {
        let reason = read(&samples[&format!("{name}.json")][0]).unwrap_err();
        assert!(reason.contains(part), "{name}: {reason}");
    }
}

#[tokio::test]
async fn a_bad_event_is_kept_with_its_reason_and_counted() {
    let world = World::new(FakeMembers::default()).await;
    world.send(json!({"hello": "world"})).await;
    let letters = world.provisioner.dead_letters.sent();
    assert_eq!(letters.len(), 1);
    assert!(letters[0].attributes[0].1.contains("neither an account event nor a request"));
    assert_eq!(world.provisioner.metrics.counts()["Refused"], 1);
}

#[tokio::test]
async fn a_new_account_gets_a_block_and_every_step_and_is_looked_at_again() {
    let members = FakeMembers::default();
    let world = World::new(members.clone()).await;
    world.reconcile(SHOP_DEV).await;
    let status = world.status().await.unwrap();
    assert_eq!((status.phase, status.pool.as_str()), (Phase::Waiting, "nonprod"));
    assert!(status.leased_until_ms > phonehome_runtime::now_ms(), "what was made is left to settle");
    assert_eq!(status.cidr.to_string(), "10.0.0.0/18");
    assert_eq!(members.performed.lock().unwrap().len(), 40);
    assert_eq!(world.queued()[0]["reconcile"]["attempt"], 1);
}

#[tokio::test]
async fn an_account_without_its_role_yet_is_put_back_and_not_failed() {
    let world = World::new(FakeMembers { refusal: Some("AccessDenied"), ..FakeMembers::default() }).await;
    world.reconcile(SHOP_DEV).await;
    let status = world.status().await.unwrap();
    assert_eq!(status.phase, Phase::Waiting);
    assert!(status.message.contains("not ready"), "{}", status.message);
    assert_eq!(world.queued()[0]["reconcile"]["account"], SHOP_DEV);
    assert!(world.provisioner.dead_letters.sent().is_empty());
}

#[tokio::test]
async fn an_account_that_stays_unready_ends_in_the_dead_letter_queue_with_the_reason() {
    let world = World::new(FakeMembers { refusal: Some("AccessDenied"), ..FakeMembers::default() }).await;
    world.send(json!({"reconcile": {"account": SHOP_DEV, "attempt": 99, "since_ms": 1}})).await;
    assert!(world.queued().is_empty());
    let letters = world.provisioner.dead_letters.sent();
    assert!(letters[0].attributes[0].1.contains("not ready after 45 minutes"), "{letters:?}");
}

#[tokio::test]
async fn the_delay_grows_with_each_attempt_and_stays_below_the_queues_limit() {
    let world = World::new(FakeMembers { refusal: Some("OptInRequired"), ..FakeMembers::default() }).await;
    let since_ms = phonehome_runtime::now_ms();
    for attempt in [0, 3, 50] {
        world
            .send(json!({"reconcile": {"account": SHOP_DEV, "attempt": attempt, "since_ms": since_ms}}))
            .await;
    }
    let delays: Vec<u32> = world.provisioner.queue.sent().iter().map(|message| message.delay_s).collect();
    assert!((20..40).contains(&delays[0]), "{delays:?}");
    assert!((80..100).contains(&delays[1]), "{delays:?}");
    assert!((120..140).contains(&delays[2]), "{delays:?}");
}

#[tokio::test]
async fn closed_foreign_and_unknown_accounts_are_skipped_and_fail_nothing() {
    let world = World::new(FakeMembers::default()).await;
    for account in ["555566667777", "666677778888", "222222222222", "999999999999"] {
        world.reconcile(account).await;
    }
    assert_eq!(world.provisioner.metrics.counts()["Skipped"], 4);
    assert!(world.queued().is_empty() && world.provisioner.dead_letters.sent().is_empty());
    assert!(all::<StackStatus>(&world.provisioner.table, Keys::STACKS).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_stack_that_another_invocation_works_on_is_left_alone() {
    let members = FakeMembers::default();
    let world = World::new(members.clone()).await;
    world.reconcile(SHOP_DEV).await;
    let key = Keys::stack(SHOP_DEV, "us-east-1");
    let doc = world.provisioner.table.get(&key).await.unwrap().unwrap();
    let leased = StackStatus { leased_until_ms: u64::MAX, ..doc.read().unwrap() };
    world
        .provisioner
        .table
        .write(vec![Write::put(key, Expect::Version(doc.version), &leased)])
        .await
        .unwrap();
    let before = members.performed.lock().unwrap().len();
    world.reconcile(SHOP_DEV).await;
    assert_eq!(members.performed.lock().unwrap().len(), before);
    assert_eq!(world.queued().len(), 2, "it is looked at again later");
}

#[tokio::test]
async fn an_account_that_is_closed_keeps_its_block_and_its_probes_are_no_longer_expected() {
    let mut world = World::new(FakeMembers::default()).await;
    world.reconcile(SHOP_DEV).await;
    world.provisioner.organization.accounts[0].active = false;
    world.send(json!({"sweep": {}})).await;
    assert_eq!(world.queued().last().unwrap()["reconcile"]["account"], SHOP_DEV);
    world.reconcile(SHOP_DEV).await;
    let status = world.status().await.unwrap();
    assert!(status.phase == Phase::Gone && status.ready_since_ms.is_empty());
    assert_eq!(status.cidr.to_string(), "10.0.0.0/18");
}

#[tokio::test]
async fn a_sweep_queues_every_active_account_of_the_fleet_and_no_other() {
    let world = World::new(FakeMembers::default()).await;
    world.send(json!({"sweep": {}})).await;
    let queued: Vec<Value> =
        world.queued().into_iter().map(|body| body["reconcile"]["account"].clone()).collect();
    assert_eq!(queued, [json!(SHOP_DEV)]);
}

#[tokio::test]
async fn an_account_that_could_not_be_made_is_told_in_slack_once() {
    let world = World::new(FakeMembers::default()).await;
    let sample: Value = serde_json::from_str(&samples()["create-account-result-failed.json"][0]).unwrap();
    world.send(sample).await;
    let outbox = all::<Outboxed>(&world.provisioner.table, Keys::OUTBOX).await.unwrap();
    assert_eq!(outbox.len(), 1);
    assert!(outbox[0].1.outgoing.id.contains("car-5f1c0d10f2fb11ed8f0c0a41b5dcf48f"));
}
