//! What is suspected is observed again, and what is found there is told as the cause.

use phonehome_alerting::Suspected;
use phonehome_state::{ApiCall, ChangeLog, Drift, Line, Notified, Repair};
use serde_json::json;

use super::*;

const REPAIR_MS: u64 = 20_000;

impl Alerter<MemoryTable, MemoryQueue> {
    /// Stores that every probe was just heard of, with its way out up or down.
    async fn egress(&self, now_ms: u64, status: PathStatus) {
        self.heard(now_ms, PathStatus::Up).await;
        for zone in ZONES {
            let key = Keys::paths(&probe(zone).part(0));
            let mut paths: Paths = self.table.get(&key).await.unwrap().unwrap().read().unwrap();
            for (_, state) in paths.iter_mut().filter(|(id, _)| id.0.starts_with("egress/")) {
                *state = path(status, now_ms);
            }
            self.overwrite(Write::put, key, &paths).await;
        }
    }

    /// The provisioner has found the default route of each zone deleted, and this became of it.
    async fn drifted(&self, now_ms: u64, repair: Repair, joins: Option<&str>) {
        let line = |zone: &&str| Line {
            address: format!("route-table/private/{zone}/default-route").as_str().into(),
            reason: "not there".to_owned(),
            repair,
            ids: [format!("rtb-{zone}"), "nat-0a1b".to_owned()].into(),
            is_known: false,
            by: vec![],
        };
        let drift = Drift {
            incident_id: "drift/1".to_owned(),
            seen_ms: now_ms,
            lines: ZONES.iter().map(line).collect(),
            more: 0,
            joins: joins.map(str::to_owned),
        };
        let notified = Notified { drifts: vec![drift], ..Notified::default() };
        self.overwrite(Write::put, Keys::stack_notices(&stack_id()), &notified).await;
    }

    fn asked(&self) -> Vec<String> {
        self.ask.queue.sent().into_iter().map(|message| message.body).collect()
    }

    /// The newest message in Slack, and the subjects of the pages.
    async fn told_of_it(&self) -> (String, Vec<String>) {
        let (mut newest, mut pages) = (String::new(), vec![]);
        for (_, it) in all::<Outboxed>(&self.table, Keys::OUTBOX).await.unwrap() {
            match it.outgoing.body {
                OutgoingBody::Slack { blocks, .. } => newest = blocks.to_string(),
                OutgoingBody::Page { subject, .. } => pages.push(subject),
            }
        }
        (newest, pages)
    }
}

#[tokio::test]
async fn a_suspected_account_is_asked_to_be_observed_once_and_again_when_nothing_comes_of_it() {
    let alerter = alerter().await;
    alerter.egress(START_MS, PathStatus::Down).await;
    for look in 1..6 {
        alerter.run(START_MS + look * 10_000).await.unwrap();
    }
    assert_eq!(alerter.asked(), [json!({ "reconcile": { "account": SHOP_PROD } }).to_string()]);
    for minute in 2..40 {
        alerter.egress(START_MS + minute * MINUTE_MS, PathStatus::Down).await;
        alerter.run(START_MS + minute * MINUTE_MS + 1000).await.unwrap();
    }
    assert_eq!(alerter.asked().len(), 3, "the incident goes on, and a sweep sees it");
    alerter.egress(START_MS + 40 * MINUTE_MS, PathStatus::Up).await;
    alerter.run(START_MS + 40 * MINUTE_MS + 1000).await.unwrap();
    assert!(
        all::<Incident>(&alerter.table, Keys::INCIDENTS).await.unwrap().is_empty(),
        "it ends all the same"
    );
}

#[tokio::test]
async fn a_healthy_fleet_is_not_asked_and_nothing_is_noted_of_it() {
    let alerter = alerter().await;
    alerter.egress(START_MS, PathStatus::Up).await;
    alerter.run(START_MS + 1000).await.unwrap();
    assert!(alerter.asked().is_empty());
    assert_eq!(alerter.table.get(&Keys::suspected()).await.unwrap(), None);
}

#[tokio::test]
async fn who_looks_for_an_incident_finds_it_under_its_stack_and_for_a_while_after_its_end() {
    let alerter = alerter().await;
    alerter.egress(START_MS, PathStatus::Down).await;
    alerter.run(START_MS + 1000).await.unwrap();
    let suspected = async || {
        let doc = alerter.table.get(&Keys::suspected()).await.unwrap();
        doc.map(|doc| doc.read::<Suspected>().unwrap()).unwrap_or_default()
    };
    let id = all::<Incident>(&alerter.table, Keys::INCIDENTS).await.unwrap()[0].1.id.clone();
    let known = suspected().await.stacks[&stack_id()].incidents[&id].clone();
    assert!(known.ended_ms.is_none() && !known.channels.is_empty(), "{known:?}");
    alerter.egress(START_MS + MINUTE_MS, PathStatus::Up).await;
    alerter.run(START_MS + MINUTE_MS + 1000).await.unwrap();
    let ended_ms = suspected().await.stacks[&stack_id()].incidents[&id].ended_ms;
    assert_eq!(ended_ms, Some(START_MS + MINUTE_MS + 1000));
    alerter.egress(START_MS + 20 * MINUTE_MS, PathStatus::Up).await;
    alerter.run(START_MS + 20 * MINUTE_MS + 1000).await.unwrap();
    assert_eq!(suspected().await, Suspected::default());
}

#[tokio::test]
async fn what_was_found_before_it_opened_stands_in_its_first_message_and_the_page_waits_for_the_repair() {
    let alerter = alerter().await;
    alerter.egress(START_MS, PathStatus::Down).await;
    alerter.drifted(START_MS + 500, Repair::Pending, None).await;
    let log = ChangeLog {
        api_calls: vec![ApiCall {
            account: SHOP_PROD.parse().unwrap(),
            region: REGION.parse().unwrap(),
            event_name: "DeleteRoute".into(),
            who: "alice@example.com".into(),
            role: None,
            session: None,
            when: "2026-05-15T08:27:00Z".into(),
            resource_ids: [].into(),
        }],
        ..ChangeLog::default()
    };
    alerter.overwrite(Write::put, Keys::change_log(&stack_id()), &log).await;
    let waits_until_ms = alerter.run(START_MS + 1000).await.unwrap();
    let (message, pages) = alerter.told_of_it().await;
    for part in
        ["route 0.0.0.0/0 → nat-0a1b in rtb-", "told in a message of its own", "the repair is under way"]
    {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(message.contains("DeleteRoute in ") && message.contains("by alice@example.com"), "{message}");
    assert_eq!((pages, waits_until_ms), (vec![], Some(START_MS + 1000 + REPAIR_MS)));
    alerter.run(START_MS + 1000 + REPAIR_MS).await.unwrap();
    let (_, pages) = alerter.told_of_it().await;
    assert!(pages.len() == 1 && pages[0].contains(": default route\""), "{pages:?}");
}

#[tokio::test]
async fn a_page_that_a_repair_made_needless_is_counted_and_never_sent() {
    let alerter = alerter().await;
    alerter.egress(START_MS, PathStatus::Down).await;
    alerter.drifted(START_MS + 500, Repair::Repaired, None).await;
    alerter.run(START_MS + 1000).await.unwrap();
    alerter.egress(START_MS + 15_000, PathStatus::Up).await;
    alerter.run(START_MS + 16_000).await.unwrap();
    let (message, pages) = alerter.told_of_it().await;
    assert!(message.contains("Nobody was called") && pages.is_empty(), "{message} {pages:?}");
    assert_eq!(alerter.metrics.counts()["PagesAvoided"], 1);
}

#[tokio::test]
async fn what_cannot_be_read_of_a_stack_keeps_no_page_back() {
    let alerter = alerter().await;
    alerter.egress(START_MS, PathStatus::Down).await;
    for key in [Keys::stack_notices(&stack_id()), Keys::change_log(&stack_id()), Keys::suspected()] {
        alerter.table.put_raw(key, "nonsense");
    }
    alerter.run(START_MS + 1000).await.unwrap();
    assert_eq!(alerter.told_of_it().await.1.len(), 1);
    assert!(alerter.asked().is_empty(), "it is not known who was asked");
}
