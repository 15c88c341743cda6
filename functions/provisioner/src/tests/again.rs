//! A sweep of accounts that are as declared reads less, and finds what was changed all the same.

use phonehome_alerting::{Heartbeat, ProbeKey};
use phonehome_cloud::table::{Expect, Table as _, Write};
use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_network::{Function, FunctionState, Inventory};
use phonehome_state::Keys;
use serde_json::{Value, json};

use super::links::CONNECTIONS;
use super::world::{FLEET, Look, REGION, SHOP_DEV, World};

/// By how much a report is later than what was read before it, in milliseconds.
const LATER_MS: u64 = 1_000;

impl World {
    /// A world whose accounts wait for nobody, and one that is as declared and was read whole.
    async fn steady() -> Self {
        let mut world = Self::new().await;
        world.publish(&FLEET.replace(CONNECTIONS, "")).await;
        for _ in 0..2 {
            world.converge(SHOP_DEV).await;
        }
        world.assert_ready(SHOP_DEV).await;
        world.report(LATER_MS).await;
        world.take_looks();
        world
    }

    fn take_looks(&self) -> Vec<Look> {
        std::mem::take(&mut *self.provisioner.provision.members.looks.lock().unwrap())
    }

    /// Each probe has reported of a run that began so much later than now.
    async fn report(&self, later_ms: u64) {
        self.report_at(SystemClock.now_ms() + later_ms).await;
    }

    async fn report_at(&self, at_ms: u64) {
        for zone in self.status(SHOP_DEV).await.availability_zones {
            let (account, region) = (SHOP_DEV.parse().unwrap(), REGION.parse().unwrap());
            let probe = ProbeKey { account, region, availability_zone: zone };
            let heartbeat: Heartbeat = serde_json::from_value(json!({
                "key": probe, "run_id": "run", "last_started_at_ms": at_ms, "last_received_at_ms": at_ms,
            }))
            .unwrap();
            let key = Keys::heartbeat(&probe.part(0));
            let doc = self.table().get(&key).await.unwrap();
            self.table().write(vec![Write::over(doc.as_ref(), key, &heartbeat)]).await.unwrap();
        }
    }

    /// With the attributes that a sweep gives its messages.
    async fn send_by_sweep(&self, body: &Value) {
        let by = json!({"by": {"stringValue": "sweep", "dataType": "String"}});
        let record = json!({"messageId": "1", "body": body.to_string(), "messageAttributes": by});
        let response = self.provisioner.handle(&json!({"Records": [record]})).await.unwrap();
        assert!(response.batch_item_failures.is_empty(), "the record comes again");
    }

    /// As a sweep asks.
    async fn look_of_a_sweep(&self) -> Vec<Look> {
        self.wait().await;
        self.send_by_sweep(&json!({"reconcile": {"account": SHOP_DEV}})).await;
        self.take_looks()
    }

    /// The operations of the look that was last, each with how often it was called.
    fn called(&self, operation: &str) -> usize {
        let last = self.provisioner.provision.members.last.lock().unwrap().clone().unwrap();
        last.log().iter().filter(|call| call.operation == operation).count()
    }

    fn calls(&self) -> usize {
        self.provisioner.provision.members.last.lock().unwrap().as_ref().unwrap().calls()
    }
}

#[tokio::test]
async fn a_sweep_reads_less_of_what_was_as_declared_and_whoever_has_a_reason_to_look_reads_all() {
    let world = World::steady().await;
    let changes = world.changes(SHOP_DEV, REGION);
    assert_eq!(world.look_of_a_sweep().await, [Look::Spared]);
    // With the one that assumes the role, fifteen.
    assert_eq!(world.calls(), 14);
    world.reconcile(SHOP_DEV).await;
    assert_eq!(world.take_looks(), [Look::Whole], "somebody asks");
    assert_eq!(world.look_of_a_sweep().await, [Look::Spared]);
    world.assert_ready(SHOP_DEV).await;
    assert_eq!(world.changes(SHOP_DEV, REGION), changes);
}

#[tokio::test]
async fn a_sweeps_messages_say_so_beside_what_they_ask_and_no_other_message_does() {
    let world = World::new().await;
    world.send(json!({"sweep": {}})).await;
    let swept = world.messages().len();
    world.reconcile(SHOP_DEV).await;
    let messages = world.messages();
    assert!(swept > 0 && messages.len() > swept, "{messages:?}");
    for (number, message) in messages.into_iter().enumerate() {
        let by: Vec<_> =
            message.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected: &[_] = if number < swept { &[("by", "sweep")] } else { &[] };
        assert_eq!(by, expected, "{}", message.body);
    }
}

#[tokio::test]
async fn every_sixteenth_look_reads_all_and_asks_anew_whether_lists_are_of_use() {
    let world = World::steady().await;
    world.cloud.with(|cloud| cloud.set_template(SHOP_DEV, 1));
    let (mut lists, mut whole) = (vec![], vec![]);
    for _ in 0..40 {
        let looks = world.look_of_a_sweep().await;
        let generation = world.status(SHOP_DEV).await.generation;
        assert_eq!(looks, [if generation % 16 == 0 { Look::Whole } else { Look::Spared }], "{generation}");
        match looks[0] {
            Look::Whole => whole.push(generation),
            Look::Spared if world.called("lambda:ListFunctions") > 0 => lists.push(generation % 16),
            Look::Spared => assert_eq!(world.called("scheduler:ListSchedules"), 0),
        }
        // Older roles are looked at as before: with each function and schedule, and no word about it.
        assert!(world.calls() <= 22, "{}", world.calls());
    }
    assert_eq!(whole.len(), 2, "{whole:?}");
    assert_eq!((lists.len(), &lists[1..]), (3, &[1, 1][..]), "once after each look at everything: {lists:?}");
    assert_eq!(world.letters(), Vec::<String>::new());
    let told = world.notified_of("").await;
    assert!(!told.iter().any(|it| it.contains("may no longer call")), "{told:?}");

    // The template comes: from the next look at everything on its lists are used.
    world.cloud.with(|cloud| cloud.set_template(SHOP_DEV, 2));
    while world.look_of_a_sweep().await != [Look::Whole] {}
    world.look_of_a_sweep().await;
    assert_eq!(
        (world.called("lambda:ListFunctions"), world.called("lambda:GetFunctionConfiguration")),
        (1, 0)
    );
}

type Change = fn(&mut Inventory);

/// What may be changed of a probe, and whether it is found by the next sweep while reports still come.
const CHANGES: [(&str, Change, bool); 14] = [
    ("code", |it| it.functions[0].code_sha256 = "other".into(), true),
    ("role", |it| it.functions[0].role_arn = "other".into(), true),
    ("subnet", |it| it.functions[0].subnet_ids = vec!["subnet-x".into()], true),
    ("security group", |it| it.functions[0].security_group_ids.clear(), true),
    ("environment", |it| it.functions[0].environment = vec!["LD_PRELOAD".into()], true),
    ("time limit", |it| it.functions[0].timeout_s = 3, true),
    ("memory", |it| it.functions[0].memory_mb = 3_008, true),
    ("no function", |it| drop(it.functions.remove(0)), true),
    ("expression", |it| it.schedules[0].expression = "rate(1 day)".into(), true),
    ("state", |it| it.schedules[0].enabled = false, true),
    ("target", |it| it.schedules[0].target_arn = "other".into(), true),
    ("input", |it| it.schedules[0].input = None, true),
    ("no schedule", |it| drop(it.schedules.remove(0)), true),
    ("destination, its failures or retries", |it| it.functions[0].destination = None, false),
];

#[tokio::test]
async fn every_change_of_a_probe_is_repaired_by_the_next_sweep_but_of_its_destination_while_it_reports() {
    let as_declared = World::steady().await.truth(SHOP_DEV);
    let probes = |seen: &Inventory| {
        let mut functions = seen.functions.clone();
        functions.sort_by(|a: &Function, b| a.name.cmp(&b.name));
        let mut schedules: Vec<_> = seen
            .schedules
            .iter()
            .map(|it| {
                (
                    it.name.clone(),
                    it.expression.clone(),
                    it.enabled,
                    it.target_arn.clone(),
                    it.input.clone().map(|it| it.checks),
                )
            })
            .collect();
        schedules.sort_by(|a, b| a.0.cmp(&b.0));
        (functions, schedules)
    };
    for (what, change, at_once) in CHANGES {
        let mut world = World::steady().await;
        assert_eq!(world.look_of_a_sweep().await, [Look::Spared]);
        world.edit(SHOP_DEV, change);
        let looks = world.look_of_a_sweep().await;
        let expected: &[Look] = if at_once { &[Look::Spared, Look::Whole] } else { &[Look::Spared] };
        assert_eq!(looks, expected, "{what}");
        if !at_once {
            // Its reports stop, and after five minutes it is read.
            world.report_at(SystemClock.now_ms() - 6 * 60_000).await;
            assert_eq!(world.look_of_a_sweep().await, [Look::Spared, Look::Whole], "{what}");
        }
        world.drain().await;
        world.converge(SHOP_DEV).await;
        world.assert_ready(SHOP_DEV).await;
        assert_eq!(probes(&world.truth(SHOP_DEV)), probes(&as_declared), "{what}");
    }
}

#[tokio::test]
async fn a_destination_is_read_where_no_run_was_heard_of_since_it_was_read_or_none_lately() {
    let world = World::steady().await;
    let zones = world.status(SHOP_DEV).await.availability_zones.len();
    let read = async || {
        assert_eq!(world.look_of_a_sweep().await, [Look::Spared]);
        world.called("lambda:GetFunctionEventInvokeConfig")
    };
    assert_eq!(read().await, 0);
    world.report_at(SystemClock.now_ms() - 4 * 60_000).await;
    assert_eq!(read().await, zones, "the run was before the destination was read");
    world.report(LATER_MS).await;
    assert_eq!(read().await, 0);
    world.report_at(0).await;
    assert_eq!(read().await, zones);
}

#[tokio::test]
async fn what_changes_in_the_network_is_repaired_from_all_that_was_read() {
    let world = World::steady().await;
    world.edit(SHOP_DEV, |it| it.route_tables.iter_mut().for_each(|table| table.routes.clear()));
    assert_eq!(world.look_of_a_sweep().await, [Look::Spared, Look::Whole]);
    assert!(world.status(SHOP_DEV).await.known_probes.is_none(), "it was not as declared");
    assert_eq!(world.look_of_a_sweep().await, [Look::Whole]);
    assert_eq!(world.look_of_a_sweep().await, [Look::Spared]);
}

#[tokio::test]
async fn where_what_is_known_never_suffices_it_is_tried_once_until_everything_is_looked_for() {
    let world = World::steady().await;
    let spoil = async || {
        let key = Keys::stack(&format!("{SHOP_DEV}/{REGION}").parse().unwrap());
        let doc = world.table().get(&key).await.unwrap();
        let mut status = world.status(SHOP_DEV).await;
        for known in status.known_probes.iter_mut().flat_map(|known| known.schedules.values_mut()) {
            known.digest = "another".into();
        }
        world.table().write(vec![Write::over(doc.as_ref(), key, &status)]).await.unwrap();
    };
    spoil().await;
    assert_eq!(world.look_of_a_sweep().await, [Look::Spared, Look::Whole]);
    loop {
        spoil().await;
        assert_eq!(world.look_of_a_sweep().await, [Look::Whole]);
        if world.status(SHOP_DEV).await.generation % 16 == 0 {
            break;
        }
    }
    assert_eq!(world.look_of_a_sweep().await, [Look::Spared], "it is tried again");
}

#[tokio::test]
async fn inputs_that_the_collector_does_not_know_are_read_and_noted_again() {
    let world = World::steady().await;
    let key = Keys::inputs(&format!("{SHOP_DEV}/{REGION}").parse().unwrap());
    let doc = world.table().get(&key).await.unwrap().unwrap();
    let delete = Write::delete(key.clone(), Expect::Version(doc.version));
    world.table().write(vec![delete]).await.unwrap();
    assert_eq!(world.look_of_a_sweep().await, [Look::Whole]);
    assert!(world.table().get(&key).await.unwrap().is_some());
    assert_eq!(world.look_of_a_sweep().await, [Look::Spared]);
}

#[tokio::test]
async fn another_declaration_or_limits_or_a_function_that_is_not_settled_read_all() {
    let world = World::steady().await;
    world.publish(&FLEET.replace(CONNECTIONS, "").replace("probing:", "probing:\n  # another\n")).await;
    assert_eq!(world.look_of_a_sweep().await, [Look::Spared], "the same is declared");
    world.wait().await;
    world.send_by_sweep(&json!({"reconcile": {"account": SHOP_DEV, "limits": {"deletions": 1}}})).await;
    assert_eq!(world.take_looks(), [Look::Whole]);
    // A state is in no list: a function that fails without being changed reports nothing, and that is noticed.
    world.edit(SHOP_DEV, |it| it.functions[0].state = FunctionState::Failed);
    assert_eq!(world.look_of_a_sweep().await, [Look::Spared]);
    world.reconcile(SHOP_DEV).await;
    assert_eq!(world.take_looks(), [Look::Whole]);
    assert_eq!(world.truth(SHOP_DEV).functions[0].state, FunctionState::Active);
}
