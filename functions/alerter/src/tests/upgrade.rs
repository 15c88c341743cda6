//! What the alerter leaves in the table, and how it goes on from what the release before left.

use phonehome_releases::{Clock, RECORDED_AT_MS, Release, Scenario, Stored, as_old_readers_see};
use phonehome_samples::{restore, stored_in};

use super::*;

impl Alerter<MemoryTable, MemoryQueue> {
    fn stored_in(&self, partitions: &[&str]) -> Vec<Stored> {
        stored_in(&self.table, partitions)
    }

    /// Turns the paths of these checks down in these zones.
    async fn lose(&self, now_ms: u64, zones: &[&str], prefix: &str) {
        for zone in zones {
            let key = Keys::paths(&probe(zone).part(0));
            let mut paths: Paths = self.table.get(&key).await.unwrap().unwrap().read().unwrap();
            for (id, state) in &mut paths {
                if id.0.starts_with(prefix) {
                    *state = path(PathStatus::Down, now_ms);
                }
            }
            self.overwrite(Write::put, key, &paths).await;
        }
    }
}

const ALL: [&str; 6] =
    [Keys::INCIDENTS, Keys::RESOLVED, "alerter", Keys::OUTBOX, Keys::HEARTBEATS, Keys::PATHS];

#[tokio::test]
async fn what_is_stored_of_an_incident_is_read_by_the_release_before() {
    let alerter = alerter().await;
    alerter.heard(START_MS, PathStatus::Down).await;
    alerter.run(START_MS + 1000).await.unwrap();
    let with_the_fleet: Vec<&str> = ALL.into_iter().chain(["fleet", Keys::STACKS]).collect();
    Scenario::new("incident-open", START_MS).table(alerter.stored_in(&with_the_fleet));
    alerter.heard(START_MS + MINUTE_MS, PathStatus::Up).await;
    alerter.run(START_MS + MINUTE_MS + 1000).await.unwrap();
    let told = [Keys::INCIDENTS, Keys::RESOLVED, Keys::OUTBOX];
    Scenario::new("incident-resolved", START_MS).table(alerter.stored_in(&told));
}

/// What the first release can read as a cause.
const KINDS: [&str; 8] =
    ["collector", "account", "availability_zone", "target", "isolation", "path", "probe", "prober"];

/// Of an incident that has another cause now than it had, and so another name: under the recorded one, when the first
/// release can read its cause.
fn as_recorded(mut docs: Vec<Stored>, name: &str) -> Vec<Stored> {
    let recorded: Vec<Stored> = Release::before().table(name).into_iter().collect();
    let mut renamed: Vec<&Stored> =
        recorded.iter().filter(|(_, sort, _)| docs.iter().all(|(_, known, _)| known != sort)).collect();
    for (_, sort, body) in &mut docs {
        if recorded.iter().any(|(_, known, _)| known == sort) {
            continue;
        }
        let kind = body["suspect"]["kind"].as_str().unwrap();
        assert!(KINDS.contains(&kind), "{name}: {kind}");
        let Some((_, known, old)) = renamed.pop() else { continue };
        sort.clone_from(known);
        for field in ["id", "suspect", "suspects"] {
            body[field] = old[field].clone();
        }
    }
    docs
}

#[tokio::test]
async fn what_is_stored_of_every_kind_of_cause_is_read_by_the_release_before() {
    let incidents = [Keys::INCIDENTS];
    for (name, zones, prefix) in [
        ("isolation-breached", &ZONES[..], "isolation/"),
        ("egress-lost", &ZONES[..], "egress/"),
        ("zone-lost", &ZONES[..1], ""),
        ("single-path", &ZONES[..1], "egress/"),
    ] {
        let alerter = alerter().await;
        alerter.heard(START_MS, PathStatus::Up).await;
        alerter.lose(START_MS, zones, prefix).await;
        alerter.run(START_MS + 1000).await.unwrap();
        assert!(!alerter.stored_in(&incidents).is_empty(), "{name}");
        let mut docs = alerter.stored_in(&incidents);
        if name == "egress-lost" {
            // It pages since 0.1.0, which knows this severity of others.
            docs.iter_mut().for_each(|(_, _, body)| body["severity"] = "note".into());
        }
        Scenario::new(name, START_MS).table(as_recorded(docs, name));
    }
    let silent = alerter().await;
    silent.heard(START_MS, PathStatus::Up).await;
    silent.run(START_MS + 4 * MINUTE_MS).await.unwrap();
    Scenario::new("silent", START_MS).table(silent.stored_in(&incidents));
}

#[tokio::test]
async fn what_is_stored_of_phonehomes_own_trouble_is_read_by_the_release_before() {
    let alerter = alerter().await;
    alerter.heard(START_MS, PathStatus::Up).await;
    alerter.table.put_raw(Keys::stack(&"111122223333/us-east-1".parse().unwrap()), "nonsense");
    alerter.run(START_MS + 1000).await.unwrap();
    Scenario::new("own-trouble", START_MS).table(alerter.stored_in(&["alerter", Keys::OUTBOX]));
}

/// An alerter over the table that a release left in a scenario.
async fn over(release: &Release, scenario: &str) -> Alerter<MemoryTable, MemoryQueue> {
    let alerter = Alerter { table: MemoryTable::default(), ..alerter().await };
    restore(&alerter.table, release.table(scenario));
    alerter
}

/// The incident's message is edited once: the first release says something else of the cause.
const EDITED: [&str; 1] = ["2/slack/#net-prod"];

/// What is sent beyond that, without the incident's id.
fn news<'o>(outbox: &'o [String], before: &[String]) -> Vec<&'o str> {
    let news = outbox.iter().filter(|it| !before.contains(it));
    news.map(|it| it.split_once('/').map_or(it.as_str(), |(_, rest)| rest)).collect()
}

#[tokio::test]
async fn an_incident_that_an_older_release_opened_goes_on_without_a_second_page_and_ends_once() {
    for release in Release::all() {
        let alerter = over(&release, "incident-open").await;
        let paged = alerter.pages().await;
        let before = alerter.outbox().await;
        assert_eq!(paged, 1, "{}", release.version);
        for second in 2..5 {
            alerter.run(RECORDED_AT_MS + second * 1000).await.unwrap();
        }
        let outbox = alerter.outbox().await;
        let news = news(&outbox, &before);
        assert_eq!(
            news, EDITED,
            "{}: nothing is told again, and what it is known as now once",
            release.version
        );
        assert_eq!(all::<Incident>(&alerter.table, Keys::INCIDENTS).await.unwrap().len(), 1);
        alerter.heard(RECORDED_AT_MS + MINUTE_MS, PathStatus::Up).await;
        alerter.run(RECORDED_AT_MS + MINUTE_MS + 1000).await.unwrap();
        assert!(all::<Incident>(&alerter.table, Keys::INCIDENTS).await.unwrap().is_empty());
        assert_eq!(all::<Incident>(&alerter.table, Keys::RESOLVED).await.unwrap().len(), 1);
        assert_eq!(alerter.pages().await, paged + 1, "{}: its end is told to whom it paged", release.version);
    }
}

#[tokio::test]
async fn fields_that_a_newer_release_added_to_an_incident_survive_its_changes_and_its_end() {
    let alerter = alerter().await;
    alerter.heard(START_MS, PathStatus::Up).await;
    alerter.lose(START_MS, &ZONES[..1], "egress/").await;
    alerter.run(START_MS + 1000).await.unwrap();
    let (doc, _) = all::<Incident>(&alerter.table, Keys::INCIDENTS).await.unwrap().remove(0);
    let mut body: Value = doc.read().unwrap();
    (body["added"], body["members"][0]["added"]) = (1.into(), 2.into());
    alerter.table.put_raw(doc.key.clone(), &body.to_string());
    let stored = |partition| alerter.stored_in(&[partition]).remove(0).2;
    // Another zone is lost as well.
    alerter.lose(START_MS + MINUTE_MS, &ZONES[1..2], "egress/").await;
    alerter.run(START_MS + MINUTE_MS + 1000).await.unwrap();
    assert!(alerter.table.get(&doc.key).await.unwrap().unwrap().version > doc.version + 1, "it was written");
    assert_eq!(stored(Keys::INCIDENTS)["added"], 1);
    alerter.heard(START_MS + 2 * MINUTE_MS, PathStatus::Up).await;
    alerter.run(START_MS + 2 * MINUTE_MS + 1000).await.unwrap();
    assert_eq!(stored(Keys::RESOLVED)["added"], 1);
}

/// The table after the release before has read every document and written it again: what it does not know is
/// gone.
fn rolled_back(table: &MemoryTable, scenario: &str) {
    let recorded = Release::before().table(scenario);
    let clock = Clock::new(START_MS);
    let mut written = 0;
    for doc in table.all() {
        let known = |(partition, sort, _): &&Stored| {
            *partition == doc.key.partition && *sort == clock.steady_text(&doc.key.sort)
        };
        let Some((_, _, old)) = recorded.iter().find(known) else { continue };
        let body = as_old_readers_see(old, &doc.read().unwrap());
        table.put_raw(doc.key, &body.to_string());
        written += 1;
    }
    assert!(written > 5, "{written} documents of {scenario}");
}

#[tokio::test]
async fn after_a_roll_back_and_forth_nobody_is_paged_again_and_the_end_is_told() {
    let alerter = alerter().await;
    alerter.heard(START_MS, PathStatus::Down).await;
    alerter.run(START_MS + 1000).await.unwrap();
    let before = alerter.outbox().await;
    rolled_back(&alerter.table.unrestricted(), "incident-open");
    for second in 2..5 {
        alerter.run(START_MS + second * 1000).await.unwrap();
    }
    assert_eq!(news(&alerter.outbox().await, &before), EDITED);
    alerter.heard(START_MS + MINUTE_MS, PathStatus::Up).await;
    alerter.run(START_MS + MINUTE_MS + 1000).await.unwrap();
    assert_eq!(alerter.pages().await, 2, "the page, and its end");
}
