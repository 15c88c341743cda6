//! Who is told, and who is paged.

use phonehome_alerting::{Matcher, OutgoingBody, Route, Silence};
use phonehome_wire::CheckId;

use crate::support::{EGRESS, Fleet, ISOLATION, MINUTE_MS, PAYMENTS, check};

const ZONES: &[&str] = &["use1-az1", "use1-az2"];
const ACCOUNTS: &[&str] = &["shop-prod", "search-prod", "orders-prod"];

/// shop-stage reaches what vault-prod owns: where shop-stage is told, where vault-prod is, and who pages.
fn breached(source_pages: bool, target_pages: bool) -> Vec<String> {
    let mut fleet = Fleet::of(&["shop-stage", "search-stage"], ZONES);
    for probe in &mut fleet.world.probes {
        probe.route =
            Route { slack_channel: "#net-stage".into(), page: source_pages, page_channel: None }.into();
    }
    let route = Route { slack_channel: "#net-prod".into(), page: target_pages, page_channel: None };
    fleet.world.routes.insert("vault-prod".into(), route);
    fleet.fail("shop-stage", ZONES, &[ISOLATION]).decide();
    let told = fleet.sent.iter().map(|outgoing| match &outgoing.body {
        OutgoingBody::Page { .. } => "page".to_owned(),
        OutgoingBody::Slack { channel, .. } => channel.clone(),
    });
    told.collect()
}

#[test]
fn a_broken_isolation_is_told_at_both_ends_and_pages_when_either_does() {
    assert_eq!(breached(false, true), ["page", "#net-prod", "#net-stage"]);
    assert_eq!(breached(true, false), ["page", "#net-prod", "#net-stage"]);
    assert_eq!(breached(false, false), ["#net-prod", "#net-stage"]);
}

#[test]
fn what_merely_fails_is_not_told_to_its_targets_owner() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    let route = Route { slack_channel: "#payments".into(), page: true, page_channel: None };
    fleet.world.routes.insert("payments-prod".into(), route);
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]).decide();
    assert!(!fleet.only().channels.contains("#payments"), "{:?}", fleet.only().channels);
}

/// The same check of another place: a way out has more than one.
const SECOND_EGRESS: &str = "egress/second";

fn with_two_ways_to_see(mut fleet: Fleet) -> Fleet {
    for probe in &mut fleet.world.probes {
        let mut second = check(EGRESS);
        second.id = CheckId(SECOND_EGRESS.to_owned());
        second.target.endpoint = "www.example.net:443".into();
        probe.checks.push(second);
    }
    for account in ACCOUNTS {
        fleet.recover(account, ZONES, &[SECOND_EGRESS]);
    }
    fleet
}

fn pages(fleet: &Fleet) -> usize {
    fleet.sent.iter().filter(|outgoing| outgoing.body.is_page()).count()
}

#[test]
fn an_account_that_loses_its_way_out_is_one_page_although_its_connections_work() {
    let mut fleet = with_two_ways_to_see(Fleet::of(ACCOUNTS, ZONES));
    fleet.fail("shop-prod", ZONES, &[EGRESS, SECOND_EGRESS]).decide();
    assert_eq!(pages(&fleet), 1, "{:#?}", fleet.suspects());
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    fleet.fail("shop-prod", ZONES, &[EGRESS]).decide();
    assert_eq!(pages(&fleet), 1, "with a single check, which others pass");
}

#[test]
fn a_way_out_that_one_zone_still_has_or_that_one_check_still_sees_never_pages() {
    let mut fleet = with_two_ways_to_see(Fleet::of(ACCOUNTS, ZONES));
    fleet.fail("shop-prod", &["use1-az1"], &[EGRESS, SECOND_EGRESS]).decide();
    fleet.fail("search-prod", ZONES, &[EGRESS]).decide();
    assert_eq!(pages(&fleet), 0, "{:#?}", fleet.suspects());
}

#[test]
fn a_way_out_that_never_worked_or_of_an_environment_without_paging_never_pages() {
    for never in [true, false] {
        let mut fleet = with_two_ways_to_see(Fleet::of(ACCOUNTS, ZONES));
        fleet.fail("shop-prod", ZONES, &[EGRESS, SECOND_EGRESS]);
        for probe in fleet.probes("shop-prod", ZONES) {
            probe.route.page = never;
            let egress = probe.paths.iter_mut().filter(|(id, _)| id.0.starts_with("egress/"));
            egress.for_each(|(_, path)| path.ever_up = !never);
        }
        fleet.decide();
        assert_eq!(pages(&fleet), 0, "{never}: {:#?}", fleet.suspects());
    }
}

#[test]
fn a_silence_of_one_check_does_not_mute_the_loss_of_the_way_out() {
    let mut fleet = with_two_ways_to_see(Fleet::of(ACCOUNTS, ZONES));
    let matcher = Matcher { check: Some(CheckId(EGRESS.to_owned())), ..Matcher::default() };
    let expires_at_ms = fleet.world.now_ms + MINUTE_MS;
    let silence = Silence { matcher, expires_at_ms, reason: "moves".into(), by: "me".into(), set_at_ms: 0 };
    fleet.world.silences.push(silence);
    fleet.fail("shop-prod", ZONES, &[EGRESS, SECOND_EGRESS]).decide();
    assert_eq!(pages(&fleet), 1, "{:#?}", fleet.suspects());
}
