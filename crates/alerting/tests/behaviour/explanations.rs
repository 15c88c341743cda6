//! Which cause is suspected, and how loud it is.

use phonehome_alerting::{Route, Severity, Suspect};

use crate::support::{EGRESS, Fleet, ISOLATION, LEDGER, MINUTE_MS, PAYMENTS, account_id};

const ZONES: &[&str] = &["use1-az1", "use1-az2"];
const ACCOUNTS: &[&str] = &["shop-prod", "search-prod", "orders-prod"];
const CONNECTS: &[&str] = &[EGRESS, PAYMENTS, LEDGER];

/// Applies each failure, decides, and expects one incident.
fn expect(failures: &[(&str, &[&str], &[&str])], suspect: &Suspect, severity: Severity) {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    for (account, zones, checks) in failures {
        fleet.fail(account, zones, checks);
    }
    fleet.decide();
    assert_eq!((&fleet.only().suspect, fleet.only().severity), (suspect, severity));
}

fn target(endpoint: &str, account: Option<&str>) -> Suspect {
    Suspect::Target { endpoint: endpoint.to_owned(), account: account.map(str::to_owned) }
}

fn account(number: usize) -> Suspect {
    Suspect::Account { account: account_id(number), region: "us-east-1".parse().unwrap() }
}

fn zone(account: Option<usize>) -> Suspect {
    let availability_zone = "use1-az1".parse().unwrap();
    Suspect::AvailabilityZone { account: account.map(account_id), availability_zone }
}

#[test]
fn a_healthy_fleet_says_nothing() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    assert!(fleet.decide().is_empty());
    assert!(fleet.advance(60 * MINUTE_MS).decide().is_empty());
}

#[test]
fn one_path_that_others_disprove_is_only_a_path() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    fleet.fail("shop-prod", &["use1-az1"], &[PAYMENTS]).decide();
    assert!(matches!(fleet.only().suspect, Suspect::Path { .. }));
    assert_eq!(fleet.only().severity, Severity::Note);
}

/// Others reach it, so it is what lies between the two.
#[test]
fn a_connection_lost_from_every_zone_is_a_page_and_what_lies_between_is_to_blame() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]).decide();
    let back = Suspect::PeerRoute {
        account: "payments-prod".to_owned(),
        availability_zone: None,
        to: "shop-prod".to_owned(),
    };
    let peering = Suspect::Peering { accounts: ["payments-prod".to_owned(), "shop-prod".to_owned()] };
    let incident = fleet.only();
    assert_eq!((&incident.suspect, &incident.alternatives[0]), (&back, &peering));
    assert!(
        matches!(incident.alternatives[1..], [Suspect::Connection { .. }]),
        "{:?}",
        incident.alternatives
    );
    assert_eq!(incident.severity, Severity::Page);
}

/// They have a target in common, and others reach it in the same minute.
#[test]
fn two_paths_that_others_disprove_are_two_notes() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    fleet.fail("shop-prod", &["use1-az1"], &[PAYMENTS]).fail("search-prod", &["use1-az2"], &[PAYMENTS]);
    assert_eq!(fleet.says(), ["opened", "opened"]);
    assert!(fleet.world.open.iter().all(|incident| incident.severity == Severity::Note));
}

#[test]
fn a_target_that_nobody_reaches_is_one_page() {
    let all: Vec<(&str, &[&str], &[&str])> =
        ACCOUNTS.iter().map(|account| (*account, ZONES, &[PAYMENTS][..])).collect();
    expect(&all, &target("payments.internal:443", Some("payments-prod")), Severity::Page);
}

/// Whatever there is on a lone path may be it, and the target is not told from the way to it.
#[test]
fn a_lone_path_is_told_as_itself_with_all_that_it_may_be() {
    let mut fleet = Fleet::of(&["shop-prod"], &["use1-az1"]);
    fleet.fail("shop-prod", &["use1-az1"], &[PAYMENTS]).decide();
    assert!(matches!(fleet.only().suspect, Suspect::Path { .. }));
    let payments = target("payments.internal:443", Some("payments-prod"));
    let group = Suspect::SecurityGroup { account: "payments-prod".to_owned() };
    for suspect in [payments, group] {
        assert!(fleet.only().alternatives.contains(&suspect), "{suspect:?}");
    }
}

#[test]
fn everything_down_in_one_zone_is_the_zone_and_never_a_page() {
    expect(&[("shop-prod", &["use1-az1"], CONNECTS)], &zone(Some(0)), Severity::Note);
}

#[test]
fn everything_down_in_one_zone_of_several_accounts_is_one_incident_about_the_zone() {
    expect(
        &ACCOUNTS.iter().map(|account| (*account, &["use1-az1"][..], CONNECTS)).collect::<Vec<_>>(),
        &zone(None),
        Severity::Note,
    );
}

#[test]
fn everything_down_in_every_zone_is_the_account_and_a_page() {
    expect(&[("search-prod", ZONES, CONNECTS)], &account(1), Severity::Page);
}

/// Nothing else of the account is tried, so it may be its own network; what lies between is as likely.
#[test]
fn two_endpoints_of_one_owner_are_one_incident_that_accuses_more_than_the_source() {
    let mut fleet = Fleet::of(&["shop-prod"], ZONES);
    for probe in &mut fleet.world.probes {
        probe.checks.retain(|check| check.id.0 == PAYMENTS || check.id.0 == LEDGER);
        for check in &mut probe.checks {
            check.target.account = Some("payments-prod".to_owned());
        }
    }
    fleet.fail("shop-prod", ZONES, &[PAYMENTS, LEDGER]).decide();
    let incident = fleet.only();
    let all: Vec<&Suspect> = [&incident.suspect].into_iter().chain(&incident.alternatives).collect();
    assert!(all.iter().any(|suspect| matches!(suspect, Suspect::Peering { .. })), "{all:?}");
    assert!(all.iter().any(|suspect| matches!(suspect, Suspect::SecurityGroup { .. })), "{all:?}");
}

#[test]
fn egress_alone_is_the_account_when_it_is_all_there_is_and_others_get_out() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    for probe in &mut fleet.world.probes {
        probe.checks.retain(|check| check.id.0 == EGRESS);
    }
    fleet.fail("shop-prod", ZONES, &[EGRESS]).decide();
    assert_eq!((&fleet.only().suspect, fleet.only().severity), (&account(0), Severity::Page));
}

#[test]
fn egress_that_fails_everywhere_is_one_incident_about_the_far_end() {
    let all: Vec<(&str, &[&str], &[&str])> =
        ACCOUNTS.iter().map(|account| (*account, ZONES, &[EGRESS][..])).collect();
    expect(&all, &target("checkip.example.com:443", None), Severity::Note);
}

#[test]
fn a_broken_isolation_is_one_page_from_all_zones() {
    let isolation = Suspect::Isolation {
        account: account_id(0),
        region: "us-east-1".parse().unwrap(),
        endpoint: "vault.internal:443".to_owned(),
    };
    expect(&[("shop-prod", ZONES, &[ISOLATION])], &isolation, Severity::Page);
}

#[test]
fn nothing_pages_where_the_route_does_not() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    for probe in &mut fleet.world.probes {
        probe.route.page = false;
    }
    fleet.fail("shop-prod", ZONES, CONNECTS).fail("shop-prod", ZONES, &[ISOLATION]);
    assert_eq!(fleet.says(), ["opened", "opened"]);
}

#[test]
fn one_silent_probe_is_a_note_and_all_of_an_account_are_one_page() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    fleet.hush("shop-prod", &["use1-az2"]).advance(4 * MINUTE_MS);
    assert_eq!(fleet.says(), ["opened"]);
    assert!(matches!(fleet.only().suspect, Suspect::Probe { .. }));
    fleet.hush("shop-prod", ZONES).advance(4 * MINUTE_MS);
    assert_eq!(fleet.says(), ["page", "updated"]);
    assert!(matches!(fleet.only().suspect, Suspect::Reporting { .. }));
}

#[test]
fn a_probe_that_never_reported_is_overdue_counted_from_its_deployment() {
    let mut fleet = Fleet::of(&["shop-prod"], ZONES);
    let now_ms = fleet.world.now_ms;
    fleet.hush("shop-prod", ZONES);
    for probe in &mut fleet.world.probes {
        probe.heartbeat = None;
        probe.paths.clear();
        probe.expected_since_ms = now_ms;
    }
    // Two runs of both, and more than 15 seconds.
    assert!(fleet.advance(2 * MINUTE_MS + 15_000).decide().is_empty());
    assert_eq!(fleet.advance(1_000).says(), ["opened"]);
}

#[test]
fn when_most_accounts_fall_silent_it_is_phonehome_itself_from_the_first_one_on() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    // Heartbeats are spread: search-prod is due twenty seconds after shop-prod.
    fleet.hush("shop-prod", ZONES).advance(20_000).hush("search-prod", ZONES);
    fleet.advance(2 * MINUTE_MS + 50_000);
    assert_eq!(fleet.says(), ["page", "opened"]);
    assert_eq!(fleet.only().suspect, Suspect::Collector);
    assert!(fleet.advance(MINUTE_MS).decide().is_empty());
    // One comes back, the other does not: the same incident, nothing new.
    fleet.unhush("shop-prod", ZONES);
    assert_eq!(fleet.says(), ["updated"]);
    assert_eq!(fleet.only().suspect, account(1));
    fleet.unhush("search-prod", ZONES);
    assert_eq!(fleet.says(), ["page-resolve", "resolved"]);
}

/// A part of it is silent as everybody is, and that is phonehome's; that the zone is lost nobody has taken back.
#[test]
fn a_lost_zone_stays_told_when_phonehome_hears_nothing_any_more() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    for account in ACCOUNTS {
        fleet.fail(account, &ZONES[..1], &[EGRESS, PAYMENTS, LEDGER]);
    }
    fleet.advance(MINUTE_MS).decide();
    let zone = fleet.only().clone();
    assert!(matches!(zone.suspect, Suspect::AvailabilityZone { account: None, .. }), "{:?}", zone.suspect);
    for account in ACCOUNTS {
        fleet.hush(account, ZONES);
    }
    for _ in 0..20 {
        fleet.advance(MINUTE_MS).decide();
    }
    assert_eq!(fleet.suspects(), [zone.suspect.clone(), Suspect::Collector]);
    for account in ACCOUNTS {
        fleet.unhush(account, ZONES);
    }
    fleet.advance(MINUTE_MS).decide();
    assert_eq!(fleet.only().id, zone.id, "the same goes on, and no second one");
}

#[test]
fn probes_that_report_but_cannot_tell_are_a_note_after_a_while() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    let now_ms = fleet.world.now_ms;
    for probe in fleet.probes("shop-prod", ZONES) {
        for path in probe.paths.values_mut() {
            path.last = phonehome_wire::Verdict::ProbeError { reason: "no sockets".to_owned() };
            path.last_since_ms = now_ms;
        }
    }
    assert!(fleet.advance(15 * MINUTE_MS).decide().is_empty());
    assert_eq!(fleet.advance(1).says(), ["opened"]);
    assert!(matches!(fleet.only().suspect, Suspect::Prober { .. }));
}

#[test]
fn an_isolation_that_cannot_be_told_because_its_control_is_down_is_no_second_incident() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    let now_ms = fleet.world.now_ms;
    fleet.fail("shop-prod", ZONES, &[EGRESS]);
    for probe in fleet.probes("shop-prod", ZONES) {
        let path = probe.paths.get_mut(&phonehome_wire::CheckId(ISOLATION.to_owned())).unwrap();
        path.last = phonehome_wire::Verdict::Inconclusive { reason: "control failed".to_owned() };
        path.last_since_ms = now_ms;
    }
    fleet.advance(60 * MINUTE_MS).decide();
    assert!(matches!(fleet.only().suspect, Suspect::WayOut { .. }));
}

/// From now on nothing can be said of the account's isolation.
fn doubt_isolation(fleet: &mut Fleet, account: &str) {
    let now_ms = fleet.world.now_ms;
    for probe in fleet.probes(account, ZONES) {
        let path = probe.paths.get_mut(&phonehome_wire::CheckId(ISOLATION.to_owned())).unwrap();
        path.last = phonehome_wire::Verdict::Inconclusive { reason: "not proven".to_owned() };
        path.last_since_ms = now_ms;
    }
}

#[test]
fn an_isolation_has_as_long_as_any_to_be_proven_again_once_its_control_passes() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    fleet.fail("shop-prod", ZONES, &[EGRESS]);
    doubt_isolation(&mut fleet, "shop-prod");
    fleet.advance(60 * MINUTE_MS).decide();
    fleet.recover("shop-prod", ZONES, &[EGRESS]);
    assert_eq!(fleet.says(), ["page-resolve", "resolved"]);
    assert!(fleet.advance(15 * MINUTE_MS).decide().is_empty());
    assert_eq!(fleet.advance(1).says(), ["opened"]);
    assert!(matches!(fleet.only().suspect, Suspect::Prober { .. }));
}

/// Those who may reach what must not be reached are silent, which is an incident already.
#[test]
fn an_isolation_without_a_witness_that_is_heard_is_no_second_incident() {
    let mut fleet = Fleet::of(&["shop-prod", "search-prod"], ZONES);
    for probe in fleet.probes("search-prod", ZONES) {
        let isolation = probe.checks.iter_mut().find(|check| check.id.0 == ISOLATION).unwrap();
        isolation.expect = phonehome_wire::Expect::Connect;
    }
    doubt_isolation(&mut fleet, "shop-prod");
    fleet.hush("search-prod", ZONES).advance(60 * MINUTE_MS).decide();
    assert_eq!(fleet.suspects(), [account(1)]);
    fleet.unhush("search-prod", ZONES);
    let now_ms = fleet.world.now_ms;
    let heard_again = |fleet: &mut Fleet| {
        for probe in fleet.probes("search-prod", ZONES) {
            probe.heartbeat.as_mut().unwrap().heard_since_ms = now_ms;
        }
    };
    heard_again(&mut fleet);
    assert!(!fleet.says().contains(&"opened"), "{:?}", fleet.suspects());
    heard_again(fleet.advance(15 * MINUTE_MS));
    assert!(fleet.decide().is_empty());
    heard_again(fleet.advance(1));
    assert_eq!(fleet.says(), ["opened"]);
}

/// After a backlog the newest run is of long ago.
#[test]
fn how_late_a_report_comes_makes_no_path_inconclusive_for_longer() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    doubt_isolation(&mut fleet, "shop-prod");
    let now_ms = fleet.world.now_ms;
    fleet.advance(60 * MINUTE_MS);
    for probe in fleet.probes("shop-prod", ZONES) {
        probe.heartbeat.as_mut().unwrap().last_started_at_ms = now_ms;
    }
    fleet.decide();
    // What has not run for an hour is silent; nothing more is known of it.
    assert_eq!(fleet.suspects(), [account(0)]);
}

#[test]
fn a_zone_whose_probes_fall_silent_in_several_accounts_is_one_note() {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    for account in ACCOUNTS {
        fleet.hush(account, &["use1-az1"]);
    }
    fleet.advance(4 * MINUTE_MS).decide();
    assert_eq!((&fleet.only().suspect, fleet.only().severity), (&zone(None), Severity::Note));
}

#[test]
fn an_account_lost_in_one_of_its_regions_is_a_page() {
    let mut fleet = Fleet::of(&["shop-prod"], ZONES);
    let mut elsewhere = fleet.world.probes[0].clone();
    elsewhere.key.region = "eu-west-1".parse().unwrap();
    elsewhere.key.availability_zone = "euw1-az1".parse().unwrap();
    fleet.world.probes.push(elsewhere);
    fleet.fail("shop-prod", ZONES, CONNECTS).advance(0);
    assert_eq!(fleet.says(), ["page", "opened"]);
    assert_eq!(fleet.only().suspect, account(0));
}

#[test]
fn trouble_of_phonehome_itself_goes_to_the_platform_route_when_there_is_one() {
    for (page, said) in [(false, vec!["slack/#platform"]), (true, vec!["page", "slack/#platform"])] {
        let mut fleet = Fleet::of(ACCOUNTS, ZONES);
        fleet.world.policy.platform_route =
            Some(Route { slack_channel: "#platform".to_owned(), page, page_channel: None });
        for account in ACCOUNTS {
            fleet.hush(account, ZONES);
        }
        fleet.advance(4 * MINUTE_MS);
        let ids: Vec<String> = fleet.decide().outbox.into_iter().map(|message| message.id).collect();
        let id = &fleet.only().id;
        assert_eq!(ids, said.iter().map(|it| format!("{id}/1/{it}")).collect::<Vec<_>>());
    }
}
