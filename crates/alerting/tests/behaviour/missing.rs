//! A report that is missing accuses nobody by itself: it may be late, or lost with whoever collects it.

use phonehome_alerting::{Behind, Severity, Suspect, WhySilent};
use phonehome_wire::{CheckId, Verdict};

use crate::support::{EGRESS, Fleet, ISOLATION, MINUTE_MS, PAYMENTS, START_MS};

const ACCOUNTS: &[&str] = &["shop-prod", "search-prod", "orders-prod"];
const ZONES: &[&str] = &["use1-az1", "use1-az2", "use1-az3"];

/// All have reported each minute for an hour.
fn fleet() -> Fleet {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    fleet.advance(60 * MINUTE_MS);
    heard_since_the_beginning(&mut fleet);
    fleet
}

fn heard_since_the_beginning(fleet: &mut Fleet) {
    for heartbeat in fleet.world.probes.iter_mut().filter_map(|it| it.heartbeat.as_mut()) {
        heartbeat.heard_since_ms = START_MS;
    }
}

#[test]
fn one_report_of_each_zone_that_is_missing_is_no_silent_account_and_a_second_one_of_any_is() {
    let mut fleet = fleet();
    fleet.hush("shop-prod", ZONES).advance(MINUTE_MS + 20_000);
    assert!(fleet.decide().is_empty(), "{:?}", fleet.suspects());
    fleet.unhush("shop-prod", &ZONES[1..]).advance(40_000);
    assert!(fleet.decide().is_empty(), "{:?}", fleet.suspects());
    let mut fleet = self::fleet();
    fleet.hush("shop-prod", ZONES).advance(2 * MINUTE_MS + 20_000);
    assert_eq!(fleet.says(), ["page", "opened"]);
    let suspects = &fleet.only().suspects;
    assert!(suspects.iter().all(|it| matches!(it, Suspect::Account { .. } | Suspect::Reporting { .. })));
}

/// Of a probe only the newest report is stored, and since when it is heard: the third zone has reported all the time.
#[test]
fn a_silent_probe_and_a_report_that_its_neighbour_misses_are_no_silent_account() {
    let mut fleet = fleet();
    fleet.hush("shop-prod", &ZONES[..1]).advance(3 * MINUTE_MS);
    fleet.hush("shop-prod", &ZONES[1..2]).advance(MINUTE_MS + 20_000);
    heard_since_the_beginning(&mut fleet);
    assert_eq!(fleet.says(), ["opened"]);
    assert!(matches!(&fleet.only().suspect, Suspect::Probe { .. }), "{:?}", fleet.suspects());
    let members: Vec<_> = fleet.only().members.iter().map(|it| it.probe.availability_zone.as_str()).collect();
    assert_eq!(members, [ZONES[0]]);
    assert_eq!(fleet.only().members[0].why_silent, Some(WhySilent::Late));
}

fn hush_all(fleet: &mut Fleet, accounts: &[&str]) {
    for account in accounts {
        fleet.hush(account, ZONES);
    }
}

#[test]
fn while_nobody_else_is_read_no_probe_is_overdue_and_once_others_are_it_is() {
    let mut fleet = fleet();
    fleet.hush("shop-prod", &ZONES[..1]).advance(2 * MINUTE_MS + 30_000);
    // What collects stands still; nobody else's report is missing yet.
    hush_all(&mut fleet, ACCOUNTS);
    assert!(fleet.advance(50_000).decide().is_empty(), "{:?}", fleet.suspects());
    let mut fleet = self::fleet();
    fleet.hush("shop-prod", &ZONES[..1]).advance(2 * MINUTE_MS + 30_000);
    hush_all(&mut fleet, &ACCOUNTS[1..]);
    assert_eq!(fleet.advance(50_000).says(), ["opened"], "its neighbours are heard");
    let mut fleet = self::fleet();
    fleet.hush("shop-prod", &ZONES[..1]).advance(2 * MINUTE_MS + 30_000);
    hush_all(&mut fleet, ACCOUNTS);
    fleet.advance(30_000).unhush("orders-prod", ZONES);
    assert!(fleet.advance(10_000).decide().is_empty(), "it is not overdue yet");
    assert_eq!(fleet.advance(6_000).says(), ["opened"]);
    assert!(matches!(&fleet.only().suspect, Suspect::Probe { .. }), "{:?}", fleet.suspects());
}

/// Where there is no other one, nobody else can be read.
#[test]
fn the_only_probe_there_is_is_overdue_as_any() {
    let mut fleet = Fleet::of(&ACCOUNTS[..1], &ZONES[..1]);
    fleet.hush("shop-prod", ZONES);
    assert!(fleet.advance(3 * MINUTE_MS + 15_000).decide().is_empty(), "{:?}", fleet.suspects());
    assert_eq!(fleet.advance(1_000).says().last(), Some(&"opened"));
}

/// That a zone's report is missing says nothing of what it would have told.
#[test]
fn what_is_lost_in_one_zone_is_no_page_for_reports_that_others_miss_and_is_one_when_they_are_silent() {
    let everything: &[&str] = &[EGRESS, PAYMENTS, crate::support::LEDGER];
    for lost in [&[EGRESS][..], &[PAYMENTS], everything] {
        let mut fleet = fleet();
        fleet.fail("shop-prod", &ZONES[..1], lost);
        fleet.advance(MINUTE_MS).decide();
        assert_eq!(fleet.only().severity, Severity::Note, "{lost:?}");
        fleet.hush("shop-prod", &ZONES[1..]).advance(MINUTE_MS + 20_000);
        heard_since_the_beginning(&mut fleet);
        fleet.decide();
        assert_eq!(fleet.only().severity, Severity::Note, "{lost:?}: one report of each is missing");
        fleet.advance(3 * MINUTE_MS);
        fleet.decide();
        let is_page = fleet.world.open.iter().any(|it| it.severity == Severity::Page);
        assert!(is_page, "{lost:?}: they are silent, {:?}", fleet.suspects());
    }
}

/// Nothing is known of an isolation for so many minutes, and the collector has been behind by so many.
fn doubtful(minutes: u64, behind_minutes: u64) -> Fleet {
    let mut fleet = fleet();
    let now_ms = fleet.world.now_ms;
    for probe in fleet.probes("shop-prod", ZONES) {
        let path = probe.paths.get_mut(&CheckId(ISOLATION.to_owned())).unwrap();
        path.last = Verdict::Inconclusive { reason: "not proven".to_owned() };
        path.last_since_ms = now_ms;
    }
    fleet.advance(minutes * MINUTE_MS);
    is_behind(&mut fleet, behind_minutes);
    fleet
}

fn is_behind(fleet: &mut Fleet, minutes: u64) {
    let (waited_ms, at_ms) = (minutes * MINUTE_MS, fleet.world.now_ms);
    for heartbeat in fleet.world.probes.iter_mut().filter_map(|it| it.heartbeat.as_mut()) {
        heartbeat.behind = (minutes > 0).then_some(Behind { waited_ms, at_ms });
    }
}

/// Runs of different probes are read minutes apart then: what one could have proven beside the other it could not.
#[test]
fn how_far_the_collector_is_behind_a_probe_that_cannot_tell_has_longer() {
    let mut fleet = doubtful(40, 30);
    assert!(fleet.decide().is_empty(), "{:?}", fleet.suspects());
    is_behind(&mut fleet, 0);
    assert_eq!(fleet.says(), ["opened"]);
    let mut fleet = doubtful(46, 30);
    assert_eq!(fleet.says(), ["opened"], "it could not tell before that either");
}

#[test]
fn a_probe_that_is_told_to_be_unable_to_tell_stays_so_while_the_collector_is_behind_and_is_over_when_it_can()
{
    let mut fleet = doubtful(16, 0);
    assert_eq!(fleet.says(), ["opened"]);
    is_behind(&mut fleet, 30);
    assert!(fleet.decide().is_empty(), "{:?}", fleet.suspects());
    for probe in fleet.probes("shop-prod", ZONES) {
        probe.paths.get_mut(&CheckId(ISOLATION.to_owned())).unwrap().last = Verdict::DenyProven;
    }
    assert_eq!(fleet.says(), ["resolved"]);
}
