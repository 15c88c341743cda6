//! When something is told: as soon as nobody is still to report who could say otherwise.

use std::collections::BTreeMap;

use phonehome_alerting::{Outcome, PathResult, Severity, Suspect, decide};
use phonehome_wire::CheckId;

use crate::support::{EGRESS, Fleet, LEDGER, MINUTE_MS, PAYMENTS, account_id};

const ZONES: &[&str] = &["use1-az1", "use1-az2"];
const ACCOUNTS: &[&str] = &["shop-prod", "search-prod", "orders-prod"];
const CONNECTS: &[&str] = &[EGRESS, PAYMENTS, LEDGER];

/// All that is tried fails in one run of these probes, the newest.
fn fails_once(fleet: &mut Fleet, account: &str, zones: &[&str], checks: &[&str]) {
    let now_ms = fleet.world.now_ms;
    for probe in fleet.probes(account, zones) {
        for check in checks {
            let path = probe.paths.get_mut(&CheckId((*check).to_owned())).unwrap();
            path.results.push(PathResult(now_ms, Outcome::Silence));
        }
    }
}

/// Nothing gets out of the account's first zone, as one run says; the second zone has not run since.
fn first_zone_lost() -> Fleet {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    // Everybody has run for a while.
    fleet.advance(10 * MINUTE_MS);
    fleet.hush("shop-prod", &ZONES[1..]).advance(20_000);
    fails_once(&mut fleet, "shop-prod", &ZONES[..1], CONNECTS);
    let decision = fleet.decide();
    assert!(decision.is_empty(), "{:?}", fleet.suspects());
    let until_ms = fleet.world.now_ms + MINUTE_MS + MINUTE_MS / 4;
    let waits_ms = decision.waits_until_ms.expect("it waits for the other zone");
    assert!(waits_ms.abs_diff(until_ms) <= 1000, "{waits_ms} instead of {until_ms}");
    fleet
}

#[test]
fn a_lost_account_is_told_when_its_other_zone_has_failed_too_and_then_once() {
    let mut fleet = first_zone_lost();
    let since_ms = fleet.world.now_ms;
    fleet.advance(30_000).unhush("shop-prod", ZONES);
    fails_once(&mut fleet, "shop-prod", &ZONES[1..], CONNECTS);
    assert_eq!(fleet.says(), ["page", "opened"]);
    assert_eq!(fleet.only().since_ms, since_ms, "since the first run that failed, not since all was well");
    let account = Suspect::Account { account: account_id(0), region: "us-east-1".parse().unwrap() };
    assert_eq!(fleet.only().suspect, account);
}

#[test]
fn a_lost_zone_is_told_when_the_other_one_has_passed() {
    let mut fleet = first_zone_lost();
    fleet.advance(30_000).unhush("shop-prod", ZONES);
    assert_eq!(fleet.says(), ["opened"]);
    assert!(matches!(&fleet.only().suspect, Suspect::AvailabilityZone { account: Some(_), .. }));
    assert_eq!(fleet.only().severity, Severity::Note);
}

/// The other zone does not wait for its turn: what it is asked for and says by a rerun is enough, where it is newer than
/// its newest run. What the zone itself says again refutes chance.
#[test]
fn a_zone_that_could_say_that_more_is_lost_is_asked_at_once_and_need_not_wait_for_its_turn() {
    for (later_ms, says) in [(8_000, &["opened"][..]), (0, &[])] {
        let mut fleet = first_zone_lost();
        let failed_ms = fleet.world.now_ms;
        let asked: Vec<_> = decide(&fleet.world)
            .doubts
            .into_iter()
            .filter(|it| it.probe.availability_zone == ZONES[1])
            .collect();
        let [asked] = &asked[..] else { panic!("{asked:?}") };
        assert_eq!(asked.checks.len(), CONNECTS.len());
        fleet.advance(16_000);
        fails_again(&mut fleet, failed_ms + 9_000);
        for probe in fleet.probes("shop-prod", &ZONES[1..]) {
            let heartbeat = probe.heartbeat.as_mut().unwrap();
            let at_ms = if later_ms > 0 { failed_ms + later_ms } else { heartbeat.last_started_at_ms };
            let passed: BTreeMap<_, _> = asked.checks.iter().map(|check| (check, at_ms)).collect();
            heartbeat.passed_again = serde_json::from_value(serde_json::to_value(passed).unwrap()).unwrap();
        }
        assert_eq!(fleet.says(), says, "{later_ms}");
        if !says.is_empty() {
            assert!(matches!(&fleet.only().suspect, Suspect::AvailabilityZone { account: Some(_), .. }));
        }
    }
}

/// All that failed in the account's first zone failed once more.
fn fails_again(fleet: &mut Fleet, at_ms: u64) {
    for probe in fleet.probes("shop-prod", &ZONES[..1]) {
        for check in CONNECTS {
            let path = probe.paths.get_mut(&CheckId((*check).to_owned())).unwrap();
            path.results.push(PathResult(at_ms, Outcome::Silence));
        }
    }
}

#[test]
fn it_is_told_when_a_report_that_it_waits_for_is_missing() {
    let mut fleet = first_zone_lost();
    // It was due 40 seconds after the failure, and may be 15 late.
    assert!(fleet.advance(54_000).decide().is_empty());
    assert_eq!(fleet.advance(2_000).says(), ["opened"]);
    assert_eq!(fleet.only().severity, Severity::Note, "one report may be late");
    // The other zone is silent: nothing is known to work any more.
    assert_eq!(fleet.advance(MINUTE_MS).says(), ["page", "updated"]);
}

#[test]
fn one_failure_of_one_path_is_nothing_and_three_in_a_row_are_told() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    fleet.advance(10 * MINUTE_MS);
    let mut said = vec![];
    for _ in 0..3 {
        fleet.advance(MINUTE_MS);
        fails_once(&mut fleet, "shop-prod", &ZONES[..1], &[PAYMENTS]);
        said.push(fleet.says().len());
    }
    assert_eq!(said, [0, 0, 1]);
}

#[test]
fn a_zone_that_is_lost_everywhere_is_one_note_whoever_reports_of_it_first() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    fleet.advance(10 * MINUTE_MS);
    for account in ACCOUNTS {
        fleet.hush(account, ZONES);
    }
    let mut said = vec![];
    for (account, zone) in ACCOUNTS.iter().flat_map(|account| ZONES.iter().map(move |zone| (account, zone))) {
        fleet.advance(9_000).unhush(account, &[*zone]).hush(account, &[*zone]);
        if *zone == ZONES[0] {
            fails_once(&mut fleet, account, &[*zone], CONNECTS);
        }
        said.extend(fleet.says());
    }
    fleet.advance(MINUTE_MS / 3);
    said.extend(fleet.says());
    // Whatever comes later is a part of it.
    said.retain(|it| *it != "updated");
    assert_eq!(said, ["opened"], "{:?}", fleet.suspects());
    assert!(matches!(&fleet.only().suspect, Suspect::AvailabilityZone { account: None, .. }));
}

/// By itself it may be one report that was lost; all of an account cannot be.
#[test]
fn a_silent_probe_waits_until_it_is_overdue_and_a_silent_account_does_not() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    fleet.world.policy.overdue_after_ms = 10 * MINUTE_MS;
    fleet.hush("shop-prod", &ZONES[..1]);
    // Its report may be a quarter of an interval late, as any.
    assert!(fleet.advance(10 * MINUTE_MS + MINUTE_MS / 4).decide().is_empty());
    assert_eq!(fleet.advance(1000).says(), ["opened"]);
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    fleet.world.policy.overdue_after_ms = 10 * MINUTE_MS;
    fleet.hush("shop-prod", ZONES);
    assert!(fleet.advance(MINUTE_MS).decide().is_empty());
    assert_eq!(fleet.advance(2 * MINUTE_MS).says(), ["page", "opened"]);
}

/// What goes on failing in the same way is not written again, so its results are those of long ago.
#[test]
fn an_outage_that_lasts_for_years_is_the_same_incident_and_then_over() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    fleet.advance(10 * MINUTE_MS);
    for _ in 0..5 {
        fleet.advance(MINUTE_MS);
        fails_once(&mut fleet, "shop-prod", &ZONES[..1], &[PAYMENTS]);
        fleet.decide();
    }
    let id = fleet.only().id.clone();
    let since_ms = fleet.only().since_ms;
    assert_eq!(fleet.world.now_ms - since_ms, 4 * MINUTE_MS);
    for days in [1, 30, 1000] {
        assert!(fleet.advance(days * 24 * 60 * MINUTE_MS).decide().is_empty(), "{days} days later");
        assert_eq!((&fleet.only().id, fleet.only().since_ms), (&id, since_ms));
    }
    fleet.recover("shop-prod", &ZONES[..1], &[PAYMENTS]);
    assert_eq!(fleet.says(), ["resolved"]);
}
