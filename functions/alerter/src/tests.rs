//! What the alerter stores, and that a decision and its messages are stored together.

use phonehome_alerting::{
    Incident, OutgoingBody, PathState, PathStatus, Paths, ProbeKey, Refusals, Refused, SlackKind,
};
use phonehome_aws::Metrics;
use phonehome_cloud::table::{Expect, MemoryTable, Table, TableError, Write};
use phonehome_cloud::{MemoryQueue, SystemClock};
use phonehome_fleet::Fleet;
use phonehome_samples::{
    FLEET, REGION, SHOP_PROD, ZONES, events, heartbeat, probe, published, stack_id, table,
};
use phonehome_state::{Keys, Outboxed, all, written_by};
use phonehome_wire::{CheckId, Class, Stage, Verdict};
use serde_json::Value;

mod cause;
mod gray;
mod histories;
mod memory;
mod metrics;
mod parts;
mod remembered;
mod reruns;
mod storing;
mod unreadable;
mod upgrade;
mod versions;
mod windows;

use crate::again::Again;
use crate::ask::Ask;
use crate::handler::Alerter;
use phonehome_watching::{Gathered, Known, Pace, Storing, gather};

const MINUTE_MS: u64 = 60_000;
const START_MS: u64 = 1_778_833_634_000;

fn fleet() -> Fleet {
    phonehome_fleet::parse(FLEET).unwrap()
}

async fn alerter() -> Alerter<MemoryTable, MemoryQueue> {
    over_table(table(START_MS).await.writing_only(written_by("alerter")))
}

/// An alerter that remembers nothing, over a table.
fn over_table<T>(table: T) -> Alerter<T, MemoryQueue> {
    Alerter {
        table,
        metrics: Metrics::void("alerter"),
        again: Again::new(MemoryQueue::default()),
        ask: Ask { queue: MemoryQueue::default() },
        pace: Pace::default(),
        known: Known::default(),
        clock: SystemClock,
    }
}

impl Alerter<MemoryTable, MemoryQueue> {
    /// Stores that every probe was just heard of, with its connections up or down.
    async fn heard(&self, now_ms: u64, connections: PathStatus) {
        let member = fleet().member("shop-prod").unwrap();
        let checks = fleet().checks_for(&member, REGION);
        for zone in ZONES {
            let key = probe(zone);
            let heartbeat = heartbeat(&key.part(0), now_ms);
            let state = |id: &CheckId| {
                if id.0.starts_with("connection/") {
                    path(connections, now_ms)
                } else {
                    path(PathStatus::Up, now_ms)
                }
            };
            let paths: Paths = checks.iter().map(|check| (check.id.clone(), state(&check.id))).collect();
            self.overwrite(Write::put, Keys::heartbeat(&key.part(0)), &heartbeat).await;
            self.overwrite(Write::put, Keys::paths(&key.part(0)), &paths).await;
        }
    }

    async fn overwrite<V>(
        &self,
        put: impl Fn(phonehome_cloud::table::Key, Expect, &V) -> Write,
        key: phonehome_cloud::table::Key,
        value: &V,
    ) {
        let expect = Expect::unchanged(self.table.get(&key).await.unwrap().as_ref());
        self.table.unrestricted().write(vec![put(key, expect, value)]).await.unwrap();
    }

    async fn outbox(&self) -> Vec<String> {
        let messages = all::<Outboxed>(&self.table, Keys::OUTBOX).await.unwrap();
        messages.into_iter().map(|(_, message)| message.outgoing.id).collect()
    }
}

fn path(status: PathStatus, at_ms: u64) -> PathState {
    let last = match status {
        PathStatus::Down => {
            Verdict::Fail { stage: Stage::Connect, class: Class::Other, error: "connection refused".into() }
        }
        _ => Verdict::Ok,
    };
    let failure = (status == PathStatus::Down)
        .then(|| phonehome_alerting::Failure { stage: Stage::Connect, error: "connection refused".into() });
    PathState {
        status,
        since_ms: at_ms,
        streak: 0,
        streak_since_ms: 0,
        last,
        last_since_ms: at_ms,
        results: vec![],
        failure,
        ever_up: true,
        turns: phonehome_alerting::Turns::default(),
        addresses: vec![],
        target: None,
    }
}

#[tokio::test]
async fn a_healthy_fleet_leads_to_no_incident_and_no_message() {
    let alerter = alerter().await;
    alerter.heard(START_MS, PathStatus::Up).await;
    alerter.run(START_MS + MINUTE_MS).await.unwrap();
    assert!(alerter.outbox().await.is_empty());
}

#[tokio::test]
async fn a_lost_connection_is_one_incident_one_message_and_one_page_however_often_it_runs() {
    let alerter = alerter().await;
    alerter.heard(START_MS, PathStatus::Down).await;
    for run in 1..4 {
        alerter.run(START_MS + run * 1000).await.unwrap();
    }
    assert_eq!(all::<Incident>(&alerter.table, Keys::INCIDENTS).await.unwrap().len(), 1);
    let messages = alerter.outbox().await;
    assert_eq!(messages.iter().filter(|id| id.contains("/slack")).count(), 1, "{messages:?}");
    assert_eq!(messages.iter().filter(|id| id.ends_with("/page")).count(), 1, "{messages:?}");
    let bodies = all::<Outboxed>(&alerter.table, Keys::OUTBOX).await.unwrap();
    let bodies: Vec<String> = bodies.iter().map(|(_, it)| format!("{:?}", it.outgoing.body)).collect();
    assert!(bodies.iter().any(|body| body.contains("team-shop")), "whom to ask: {bodies:?}");
}

#[tokio::test]
async fn what_is_over_moves_to_the_resolved_incidents() {
    let alerter = alerter().await;
    alerter.heard(START_MS, PathStatus::Down).await;
    alerter.run(START_MS + 1000).await.unwrap();
    alerter.heard(START_MS + MINUTE_MS, PathStatus::Up).await;
    alerter.run(START_MS + MINUTE_MS + 1000).await.unwrap();
    assert!(all::<Incident>(&alerter.table, Keys::INCIDENTS).await.unwrap().is_empty());
    let resolved = all::<Incident>(&alerter.table, Keys::RESOLVED).await.unwrap();
    assert_eq!(resolved.len(), 1);
    let kept_until_s = (START_MS + MINUTE_MS + 1000) / 1000 + 90 * 86_400;
    assert_eq!(alerter.table.expires_at_s(&resolved[0].0.key), Some(kept_until_s));
}

#[tokio::test]
async fn silence_of_all_probes_is_noticed_by_stored_times_alone() {
    let alerter = alerter().await;
    alerter.heard(START_MS, PathStatus::Up).await;
    alerter.run(START_MS + MINUTE_MS + 14_000).await.unwrap();
    assert!(alerter.outbox().await.is_empty());
    alerter.run(START_MS + 4 * MINUTE_MS).await.unwrap();
    assert!(alerter.outbox().await.iter().any(|id| id.ends_with("/page")));
}

impl Alerter<MemoryTable, MemoryQueue> {
    /// The texts of the messages about phonehome itself that are on their way.
    async fn notices(&self) -> Vec<String> {
        let messages = all::<Outboxed>(&self.table, Keys::OUTBOX).await.unwrap();
        let notices = messages.into_iter().filter(|(_, it)| it.outgoing.incident_id.starts_with("notice/"));
        notices.map(|(_, it)| format!("{:?}", it.outgoing.body)).collect()
    }

    async fn pages(&self) -> usize {
        self.outbox().await.iter().filter(|id| id.ends_with("/page")).count()
    }
}

#[tokio::test]
async fn trouble_of_phonehome_itself_goes_to_the_platform_route_of_the_fleet_file() {
    let alerter = alerter().await;
    let route = "platform_route: { slack_channel: \"#platform\", page: true }\n";
    let fleet = published(&format!("{FLEET}{route}"));
    alerter.table.put_raw(Keys::fleet(), &serde_json::to_string(&fleet).unwrap());
    alerter.heard(START_MS, PathStatus::Up).await;
    alerter.table.put_raw(Keys::silence("000001"), "nonsense");
    alerter.run(START_MS + 1000).await.unwrap();
    assert_eq!(alerter.outbox().await, [format!("notice/{}/slack/#platform", START_MS + 1000)]);
    let world = gather(&alerter.table, &alerter.known, START_MS, &alerter.pace).await.unwrap().world;
    let route =
        phonehome_alerting::Route { slack_channel: "#platform".into(), page: true, page_channel: None };
    assert_eq!(world.policy.platform_route, Some(route));
}

#[tokio::test]
async fn what_is_stored_of_probes_that_are_not_expected_is_not_even_read() {
    let alerter = alerter().await;
    for number in 0..350 {
        let ghost =
            ProbeKey { availability_zone: format!("ghost1-az{number}").parse().unwrap(), ..probe(ZONES[0]) };
        alerter.table.put_raw(Keys::heartbeat(&ghost.part(0)), &"x".repeat(100_000));
        alerter.table.put_raw(Keys::paths(&ghost.part(0)), &"x".repeat(100_000));
    }
    alerter.heard(START_MS, PathStatus::Down).await;
    alerter.run(START_MS + 1000).await.unwrap();
    assert_eq!(alerter.pages().await, 1);
    assert!(alerter.notices().await.is_empty());
}

#[tokio::test]
async fn an_account_whose_reports_are_refused_for_a_while_is_reported_once_with_its_id_and_the_reasons() {
    let alerter = alerter().await;
    let mut refusals = None;
    for minute in 0..40 {
        let now_ms = START_MS + minute * MINUTE_MS;
        let problem = "us-east-9/<!channel>, generation 7";
        refusals =
            Some(Refusals::with(refusals, &SHOP_PROD.parse().unwrap(), Refused::NoStack, problem, now_ms));
        alerter
            .overwrite(Write::put, Keys::refusals(&SHOP_PROD.parse().unwrap()), refusals.as_ref().unwrap())
            .await;
        alerter.heard(now_ms, PathStatus::Up).await;
        alerter.run(now_ms).await.unwrap();
        assert_eq!(alerter.notices().await.len(), usize::from(minute >= 15), "minute {minute}");
    }
    let notice = &alerter.notices().await[0];
    assert!(notice.contains(SHOP_PROD) && notice.contains("of a Region without a stack"), "{notice}");
    assert!(!notice.contains("<!channel>"), "{notice}");
}

/// A table on which another run stores its decision first, once.
struct Contended {
    table: MemoryTable,
    refusals: std::sync::Mutex<u32>,
}

impl Table for Contended {
    async fn get(
        &self,
        key: &phonehome_cloud::table::Key,
    ) -> Result<Option<phonehome_cloud::table::Doc>, TableError> {
        self.table.get(key).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<phonehome_cloud::table::Doc>, TableError> {
        self.table.query(partition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        let refused = std::mem::take(&mut *self.refusals.lock().unwrap()) > 0;
        if refused { Err(TableError::Conflict { keys: vec![] }) } else { self.table.write(writes).await }
    }
}

#[tokio::test]
async fn a_decision_that_meets_another_run_is_taken_again() {
    let plain = alerter().await;
    plain.heard(START_MS, PathStatus::Down).await;
    let refusals = std::sync::Mutex::new(1);
    let contended = over_table(Contended { table: plain.table.clone(), refusals });
    contended.run(START_MS + 1000).await.unwrap();
    assert_eq!(plain.outbox().await.len(), 2);
}

#[tokio::test]
async fn of_two_runs_the_one_that_decides_later_says_it_later_whenever_it_began() {
    let alerter = alerter().await;
    for minute in 0..4 {
        alerter.heard(START_MS + minute * MINUTE_MS, PathStatus::Down).await;
    }
    let now_ms = START_MS + 3 * MINUTE_MS;
    alerter.run(now_ms).await.unwrap();
    alerter.heard(now_ms, PathStatus::Up).await;
    // It began half a second before the other, met its decision and decides anew.
    alerter.run(now_ms - 500).await.unwrap();
    let sent = all::<Outboxed>(&alerter.table, Keys::OUTBOX).await.unwrap();
    let kinds = sent.iter().filter_map(|(_, it)| match &it.outgoing.body {
        OutgoingBody::Slack { kind, .. } => Some(*kind),
        OutgoingBody::Page { .. } => None,
    });
    let kinds: Vec<_> = kinds.collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&SlackKind::Opened), Some(&SlackKind::Resolved)));
}

#[tokio::test]
async fn a_decision_from_the_far_future_stops_no_time() {
    let alerter = alerter().await;
    let future = phonehome_state::Revision { decided_at_ms: START_MS * 2 };
    alerter.overwrite(Write::put, Keys::revision(), &future).await;
    let gathered = gather(&alerter.table, &alerter.known, START_MS, &alerter.pace).await.unwrap();
    assert_eq!(gathered.world.now_ms, START_MS);
}

#[tokio::test]
async fn two_runs_that_look_at_the_same_moment_open_one_incident() {
    let alerter = alerter().await;
    alerter.heard(START_MS, PathStatus::Down).await;
    let first = gather(&alerter.table, &alerter.known, START_MS + 1000, &alerter.pace).await.unwrap();
    let second = gather(&alerter.table, &alerter.known, START_MS + 1001, &alerter.pace).await.unwrap();
    let store = async |gathered: Gathered, now_ms| {
        let decision = phonehome_alerting::decide(&gathered.world);
        let mut storing = Storing { table: &alerter.table, revision: gathered.revision, now_ms };
        storing.decision(&decision, &gathered.stored).await
    };
    store(first, START_MS + 1000).await.unwrap();
    let refused = store(second, START_MS + 1001).await.unwrap_err();
    assert!(matches!(refused, TableError::Conflict { .. }), "{refused}");
    assert_eq!(all::<Incident>(&alerter.table, Keys::INCIDENTS).await.unwrap().len(), 1);
    assert_eq!(alerter.outbox().await.len(), 2);
}

#[test]
fn every_sample_event_can_wake_the_alerter() {
    for (name, event) in events("alerter") {
        if event.get("Records").is_some() {
            let event: aws_lambda_events::sqs::SqsEvent = serde_json::from_value(event).unwrap();
            let wakes = event.records[0].body.as_ref().is_some_and(|body| body.contains("transitions"));
            assert!(wakes, "{name}");
        }
    }
}
