//! A probe whose checks are spread over several inputs.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_alerting::{
    Incident, Outgoing, OutgoingBody, PartView, PathStatus, Paths, SlackKind, Suspect, Symptom,
};
use phonehome_cloud::MemoryQueue;
use phonehome_cloud::table::{MemoryTable, Write};
use phonehome_fleet::{Fleet, Parts};
use phonehome_samples::{FLEET, REGION, ZONES, heartbeat, probe, published, stack, stack_id};
use phonehome_state::{Keys, Outboxed, all};
use phonehome_wire::{Check, CheckId};

use super::{MINUTE_MS, START_MS, alerter, path};
use crate::handler::Alerter;
use phonehome_watching::{Known, gather};

/// When the alerter looks: parts that were not heard of since [`START_MS`] are silent by then.
const NOW_MS: u64 = START_MS + 10 * MINUTE_MS;

/// The example with so many further checks of the shop's own.
fn text(checks: usize) -> String {
    let line = |number| {
        format!("  - {{ name: c{number}, from: shop, type: tcp, host: h{number}.example.com, port: 443 }}\n")
    };
    let checks: String = (0..checks).map(line).collect();
    FLEET.replace("\nprobing:", &format!("\nchecks:\n{checks}\nprobing:"))
}

fn fleet() -> Fleet {
    phonehome_fleet::parse(&text(500)).unwrap()
}

fn checks() -> Vec<Check> {
    fleet().checks_for(&fleet().member("shop-prod").unwrap(), REGION)
}

/// An alerter of a hub in which shop-prod has three parts, ready since then.
async fn with_parts() -> Alerter<MemoryTable, MemoryQueue> {
    let alerter = alerter().await;
    alerter.declare(500).await;
    let mut stack = stack(START_MS);
    stack.parts_since_ms = [(1, START_MS), (2, START_MS)].into();
    alerter.overwrite(Write::put, Keys::stack(&stack_id()), &stack).await;
    alerter
}

impl Alerter<MemoryTable, MemoryQueue> {
    async fn declare(&self, checks: usize) {
        self.overwrite(Write::put, Keys::fleet(), &published(&text(checks))).await;
    }

    /// Stores that a part of a zone's probe was heard of then, with these paths.
    async fn heard_part(&self, zone: &str, part: u32, at_ms: u64, paths: &Paths) {
        let key = probe(zone).part(part);
        let heartbeat = heartbeat(&key, at_ms);
        self.overwrite(Write::put, Keys::heartbeat(&key), &heartbeat).await;
        self.overwrite(Write::put, Keys::paths(&key), paths).await;
    }

    /// Stores that each part of each probe was just heard of, with all of its paths up; but these.
    async fn heard_but(&self, silent: &[(&str, u32)]) {
        let (checks, at_ms) = (checks(), NOW_MS - 1_000);
        let parts = Parts::of(&checks);
        for zone in ZONES {
            for part in (0..3).filter(|part| !silent.contains(&(zone, *part))) {
                let of_part = parts.checks_of(&checks, part);
                let paths = of_part.map(|check| (check.id.clone(), path(PathStatus::Up, at_ms))).collect();
                self.heard_part(zone, part, at_ms, &paths).await;
            }
        }
    }

    async fn incidents(&self) -> Vec<Incident> {
        self.incidents_at(NOW_MS).await
    }

    async fn incidents_at(&self, now_ms: u64) -> Vec<Incident> {
        self.run(now_ms).await.unwrap();
        all::<Incident>(&self.table, Keys::INCIDENTS).await.unwrap().into_iter().map(|(_, it)| it).collect()
    }

    /// What was told so far, in its order: an opened incident is a message, an updated one an edit of it.
    async fn told(&self) -> Vec<SlackKind> {
        let outbox = all::<Outboxed>(&self.table, Keys::OUTBOX).await.unwrap();
        let mut told: Vec<_> = outbox.into_iter().map(|(_, it)| it.outgoing).collect();
        told.sort_by_key(|it| it.sequence);
        let kind = |it: Outgoing| match it.body {
            OutgoingBody::Slack { kind, .. } => kind,
            OutgoingBody::Page { .. } => panic!("nobody is paged for a silent probe: {it:?}"),
        };
        told.into_iter().map(kind).collect()
    }

    /// By check, the status of the first zone's paths, as a decision sees them.
    async fn statuses(&self) -> BTreeMap<CheckId, PathStatus> {
        let world = gather(&self.table, &Known::default(), NOW_MS, &self.pace).await.unwrap().world;
        let view = world.probes.into_iter().find(|view| view.key == probe(ZONES[0])).unwrap();
        view.paths.into_iter().map(|(id, path)| (id, path.status)).collect()
    }
}

#[tokio::test]
async fn the_paths_of_all_parts_are_those_of_one_probe() {
    let alerter = with_parts().await;
    alerter.heard_but(&[]).await;
    let declared: BTreeSet<CheckId> = checks().into_iter().map(|check| check.id).collect();
    assert_eq!(Parts::of(&checks()).count(), 3);
    assert_eq!(alerter.statuses().await.into_keys().collect::<BTreeSet<_>>(), declared);
    assert!(alerter.incidents().await.is_empty());
}

#[tokio::test]
async fn a_silent_part_is_a_silent_probe_and_a_second_one_is_no_second_message() {
    for silent in [&[(ZONES[0], 1)][..], &[(ZONES[0], 0)], &[(ZONES[0], 1), (ZONES[0], 2)]] {
        let alerter = with_parts().await;
        alerter.heard_but(silent).await;
        let incidents = alerter.incidents().await;
        assert_eq!(incidents.len(), 1, "{silent:?}: {incidents:?}");
        assert_eq!(incidents[0].suspect, Suspect::Probe { probe: probe(ZONES[0]) });
        assert_eq!(alerter.told().await, [SlackKind::Opened], "{silent:?}");
        // All of it falls silent. The message said what the other parts saw; it is edited, once.
        for part in 0..3 {
            alerter.heard_part(ZONES[0], part, START_MS, &Paths::new()).await;
        }
        for edits in 1..3 {
            let incidents = alerter.incidents_at(NOW_MS + edits * 10_000).await;
            let members: Vec<&Symptom> =
                incidents.iter().flat_map(|it| &it.members).map(|it| &it.symptom).collect();
            assert_eq!(members, [&Symptom::Silent], "{silent:?}");
            assert_eq!(alerter.told().await, [SlackKind::Opened, SlackKind::Updated], "{silent:?}");
        }
    }
}

#[tokio::test]
async fn each_path_was_tested_in_the_newest_run_of_its_own_part() {
    let alerter = with_parts().await;
    alerter.heard_but(&[]).await;
    let parts = Parts::of(&checks());
    for part in 0..3 {
        let of_part = parts.checks_of(&checks(), part).map(|check| check.id.clone()).collect::<Vec<_>>();
        let up = of_part.into_iter().map(|id| (id, path(PathStatus::Up, START_MS))).collect();
        alerter.heard_part(ZONES[0], part, NOW_MS - 10_000 * u64::from(part), &up).await;
    }
    let world = gather(&alerter.table, &Known::default(), NOW_MS, &alerter.pace).await.unwrap().world;
    let view = world.probes.into_iter().find(|view| view.key == probe(ZONES[0])).unwrap();
    for check in checks() {
        let said: Vec<u64> =
            view.parts.iter().filter(|part| part.checks.contains(&check.id)).map(started).collect();
        assert_eq!(said, [NOW_MS - 10_000 * u64::from(parts.part_of(&check))], "{}", check.id.0);
    }
    assert_eq!(view.heartbeat.unwrap().part, 2, "its report is as old as that of its oldest part");
}

fn started(part: &PartView) -> u64 {
    part.heartbeat.as_ref().unwrap().last_started_at_ms
}

#[tokio::test]
async fn a_part_that_is_not_ready_yet_or_no_longer_needed_is_not_waited_for() {
    let alerter = with_parts().await;
    alerter.heard_but(&[(ZONES[0], 2), (ZONES[1], 2)]).await;
    let mut status = stack(START_MS);
    status.parts_since_ms = [(1, START_MS)].into();
    alerter.overwrite(Write::put, Keys::stack(&stack_id()), &status).await;
    assert!(alerter.incidents().await.is_empty(), "it was published, and the account is not ready with it");
    status.parts_since_ms = [(1, START_MS), (2, NOW_MS - MINUTE_MS)].into();
    alerter.overwrite(Write::put, Keys::stack(&stack_id()), &status).await;
    assert!(alerter.incidents().await.is_empty(), "it is ready for a minute");

    let alerter = with_parts().await;
    alerter.heard_but(&[(ZONES[0], 1), (ZONES[0], 2)]).await;
    alerter.declare(1).await;
    assert!(alerter.incidents().await.is_empty(), "all checks that are declared now are in part 0");
}

#[tokio::test]
async fn what_is_down_in_a_part_that_is_heard_of_is_told_while_another_is_silent() {
    let alerter = with_parts().await;
    alerter.heard_but(&[(ZONES[0], 1)]).await;
    let (checks, at_ms) = (checks(), NOW_MS - 1_000);
    let parts = Parts::of(&checks);
    let of_part = |part: u32, status| -> Paths {
        parts.checks_of(&checks, part).map(|check| (check.id.clone(), path(status, at_ms))).collect()
    };
    let down = of_part(0, PathStatus::Up).into_keys().next().unwrap();
    let mut paths = of_part(0, PathStatus::Up);
    paths.insert(down.clone(), path(PathStatus::Down, at_ms));
    alerter.heard_part(ZONES[0], 0, at_ms, &paths).await;
    // What the silent part said last is no longer known.
    alerter.heard_part(ZONES[0], 1, START_MS, &of_part(1, PathStatus::Down)).await;
    let incidents = alerter.incidents().await;
    let members = incidents.iter().flat_map(|incident| &incident.members);
    let symptoms: BTreeSet<&Symptom> = members.map(|member| &member.symptom).collect();
    assert_eq!(symptoms, [&Symptom::Down { check: down }, &Symptom::Silent].into());
}

#[tokio::test]
async fn what_is_left_of_a_part_that_was_needed_before_says_nothing_when_it_is_needed_again() {
    let alerter = with_parts().await;
    alerter.heard_but(&[(ZONES[0], 1)]).await;
    let (checks, long_ago_ms) = (checks(), START_MS - 60 * MINUTE_MS);
    let of_part = Parts::of(&checks).checks_of(&checks, 1);
    let down = of_part.map(|check| (check.id.clone(), path(PathStatus::Down, long_ago_ms))).collect();
    alerter.heard_part(ZONES[0], 1, long_ago_ms, &down).await;
    for since_ms in [None, Some(NOW_MS - 1_000)] {
        let mut status = stack(START_MS);
        status.parts_since_ms = [(2, START_MS)].into_iter().chain(since_ms.map(|it| (1, it))).collect();
        alerter.overwrite(Write::put, Keys::stack(&stack_id()), &status).await;
        assert!(alerter.incidents().await.is_empty(), "{since_ms:?}");
    }
}

#[tokio::test]
async fn what_two_parts_know_is_what_the_part_says_that_it_is_in_now() {
    let alerter = with_parts().await;
    alerter.heard_but(&[]).await;
    let (checks, at_ms) = (checks(), NOW_MS - 1_000);
    let parts = Parts::of(&checks);
    let in_part = |part: u32| parts.checks_of(&checks, part).next().unwrap().id.clone();
    let (first, second) = (in_part(0), in_part(1));
    // Part 0 had a check before that is in part 1 now, and part 1 does not know yet one that is in part 0.
    let down: Paths = [&first, &second].map(|id| (id.clone(), path(PathStatus::Down, at_ms))).into();
    alerter.heard_part(ZONES[0], 0, at_ms, &down).await;
    let statuses = alerter.statuses().await;
    assert_eq!((statuses[&first], statuses[&second]), (PathStatus::Down, PathStatus::Up));
    alerter.heard_part(ZONES[0], 1, at_ms, &Paths::new()).await;
    assert_eq!(alerter.statuses().await[&second], PathStatus::Down, "until its own part says something");
}
