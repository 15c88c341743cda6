//! A probe whose checks are spread over several inputs, each with runs of its own.

use std::collections::BTreeSet;

use phonehome_alerting::{Heartbeat, Outcome, PartView, PathResult, ProbeView, Severity, Suspect, Symptom};
use phonehome_wire::CheckId;

use crate::support::{EGRESS, Fleet, ISOLATION, LEDGER, MINUTE_MS, PAYMENTS};

const ZONES: &[&str] = &["use1-az1", "use1-az2"];
const ACCOUNTS: &[&str] = &["shop-prod", "search-prod", "orders-prod"];

fn id(check: &str) -> CheckId {
    CheckId(check.to_owned())
}

/// Everybody has run for a while.
fn fleet() -> Fleet {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    fleet.advance(10 * MINUTE_MS);
    fleet
}

/// The check of payments is in a part by itself, and the parts ran at these moments.
fn spread(view: &mut ProbeView, first_ms: u64, second_ms: u64) {
    let heard = |at_ms: u64| {
        let newest = view.heartbeat.clone().unwrap();
        Some(Heartbeat { last_started_at_ms: at_ms, last_received_at_ms: at_ms, ..newest })
    };
    let part = |checks: &[&str], at_ms: u64| PartView {
        checks: checks.iter().map(|check| id(check)).collect(),
        expected_since_ms: view.expected_since_ms,
        heartbeat: heard(at_ms),
    };
    let parts = vec![part(&[EGRESS, LEDGER, ISOLATION], first_ms), part(&[PAYMENTS], second_ms)];
    (view.heartbeat, view.parts) = (heard(first_ms.min(second_ms)), parts);
}

fn symptoms(fleet: &Fleet) -> BTreeSet<Symptom> {
    let members = fleet.world.open.iter().flat_map(|incident| &incident.members);
    members.map(|member| member.symptom.clone()).collect()
}

#[test]
fn what_fails_is_told_although_another_part_was_silent_for_longer_than_results_count() {
    let mut fleet = fleet();
    fleet.hush("shop-prod", &ZONES[..1]).advance(60 * MINUTE_MS);
    let now_ms = fleet.world.now_ms;
    for view in fleet.probes("shop-prod", &ZONES[..1]) {
        spread(view, now_ms, now_ms - 60 * MINUTE_MS);
        for check in [LEDGER, PAYMENTS] {
            let results = (0..5).rev().map(|run| PathResult(now_ms - run * MINUTE_MS, Outcome::Silence));
            view.paths.get_mut(&id(check)).unwrap().results = results.collect();
        }
    }
    fleet.decide();
    // Of payments nothing is known: it was said by the part that is silent.
    assert_eq!(symptoms(&fleet), [Symptom::Down { check: id(LEDGER) }, Symptom::Silent].into());
}

#[test]
fn a_pass_counts_from_the_run_of_its_own_part() {
    let mut fleet = fleet();
    fleet.hush("shop-prod", ZONES).advance(30_000);
    let failed_ms = fleet.world.now_ms;
    for view in fleet.probes("shop-prod", &ZONES[..1]) {
        view.heartbeat.as_mut().unwrap().last_started_at_ms = failed_ms;
        for check in [EGRESS, PAYMENTS, LEDGER] {
            let path = view.paths.get_mut(&id(check)).unwrap();
            path.results.push(PathResult(failed_ms, Outcome::Silence));
        }
    }
    assert_eq!(fleet.says(), [""; 0], "the other zone may fail, too");
    fleet.advance(30_000);
    let now_ms = fleet.world.now_ms;
    fleet.probes("shop-prod", &ZONES[1..]).for_each(|view| spread(view, now_ms, failed_ms - 30_000));
    assert_eq!(fleet.says(), ["opened"]);
    assert!(matches!(&fleet.only().suspect, Suspect::AvailabilityZone { account: Some(_), .. }));
}

#[test]
fn an_account_of_which_a_part_is_silent_in_every_zone_is_not_lost() {
    for (first_ago_ms, severity) in [(0, Severity::Note), (10 * MINUTE_MS, Severity::Page)] {
        let mut fleet = fleet();
        fleet.hush("shop-prod", ZONES).advance(10 * MINUTE_MS);
        let now_ms = fleet.world.now_ms;
        let views = fleet.probes("shop-prod", ZONES);
        views.for_each(|view| spread(view, now_ms - first_ago_ms, now_ms - 10 * MINUTE_MS));
        fleet.decide();
        assert_eq!((symptoms(&fleet), fleet.only().severity), ([Symptom::Silent].into(), severity));
        assert_eq!(fleet.world.open[0].members.len(), 2, "each zone once");
    }
}
