//! Maintenance windows and quiet hours.

mod clocks;

use phonehome_alerting::{Matcher, OutgoingBody, Route, Silence, Suspect, Window, WindowEnd, WindowKind};
use proptest::prelude::*;

use crate::support::{EGRESS, Fleet, ISOLATION, LEDGER, MINUTE_MS, PAYMENTS, START_MS};

const ZONES: &[&str] = &["use1-az1", "use1-az2"];

fn prod() -> Matcher {
    Matcher { environment: Some("prod".to_owned()), ..Matcher::default() }
}

/// Each day from 10:00 to 11:00 UTC: the tests begin at 10:15.
fn window(kind: WindowKind) -> Window {
    Window {
        kind,
        time_zone: "UTC".to_owned(),
        weekdays: [].into(),
        from_minute: 10 * 60,
        end: WindowEnd::At(11 * 60),
        matcher: prod(),
        reason: "the gateway is replaced".to_owned(),
    }
}

fn fleet(windows: &[Window]) -> Fleet {
    let mut fleet = Fleet::of(&["shop-prod"], ZONES);
    fleet.world.policy.windows = windows.to_vec();
    fleet
}

/// Everything that is said in these minutes, each with its minute.
fn says_within(fleet: &mut Fleet, minutes: u64) -> Vec<(u64, &'static str)> {
    let mut said = Vec::new();
    for _ in 0..minutes {
        fleet.advance(MINUTE_MS);
        let minute = (fleet.world.now_ms - START_MS) / MINUTE_MS;
        said.extend(fleet.says().into_iter().map(|it| (minute, it)));
    }
    said
}

#[test]
fn what_still_stands_at_the_end_of_a_maintenance_window_is_told_and_paged_once_though_nothing_else_changes() {
    let mut fleet = fleet(&[window(WindowKind::Maintenance)]);
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]).advance(0);
    assert!(fleet.says().is_empty());
    let held = &fleet.only().timeline[0].text;
    let until = "silenced by maintenance until 2026-11-05T11:00:00Z: the gateway is replaced";
    assert!(held.ends_with(until), "{held}");
    assert_eq!(says_within(&mut fleet, 120), [(45, "page"), (45, "opened")]);
    assert!(fleet.only().timeline[1].text.contains("no longer silenced"));
}

#[test]
fn what_came_and_went_within_a_window_is_not_told() {
    for kind in [WindowKind::Maintenance, WindowKind::QuietHours] {
        let mut fleet = fleet(&[window(kind)]);
        fleet.fail("shop-prod", &ZONES[..1], &[PAYMENTS]).advance(0);
        assert!(fleet.says().is_empty());
        fleet.recover("shop-prod", ZONES, &[PAYMENTS]).advance(MINUTE_MS);
        let over = fleet.decide();
        assert_eq!((over.incidents.len(), over.outbox.len()), (1, 0));
        assert_eq!(says_within(&mut fleet, 60), []);
    }
}

#[test]
fn the_end_of_what_was_told_before_is_told_within_a_window() {
    for kind in [WindowKind::Maintenance, WindowKind::QuietHours] {
        let mut fleet = fleet(&[Window { from_minute: 10 * 60 + 16, ..window(kind) }]);
        fleet.fail("shop-prod", &ZONES[..1], &[PAYMENTS]).advance(0);
        assert_eq!(fleet.says(), ["opened"]);
        fleet.fail("shop-prod", &ZONES[..1], &[LEDGER]).advance(2 * MINUTE_MS);
        assert!(fleet.says().iter().all(|it| *it == "resolved"));
        fleet.recover("shop-prod", ZONES, &[PAYMENTS, LEDGER]).advance(MINUTE_MS);
        fleet.says();
        let said: Vec<_> = fleet.sent.iter().map(|message| crate::support::kind(&message.body)).collect();
        assert_eq!(said, ["opened", "resolved"]);
    }
}

#[test]
fn quiet_hours_hold_back_notes_and_never_a_page() {
    let quiet = [window(WindowKind::QuietHours)];
    let mut fleet_with_a_note = fleet(&quiet);
    fleet_with_a_note.fail("shop-prod", &ZONES[..1], &[PAYMENTS]).advance(0);
    assert!(fleet_with_a_note.says().is_empty());
    assert_eq!(says_within(&mut fleet_with_a_note, 60), [(45, "opened")]);

    let mut fleet = fleet(&quiet);
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]).advance(0);
    assert_eq!(fleet.says(), ["page", "opened"]);
}

#[test]
fn a_note_that_becomes_worth_a_page_is_paged_in_quiet_hours() {
    let mut fleet = fleet(&[window(WindowKind::QuietHours)]);
    fleet.fail("shop-prod", &ZONES[..1], &[PAYMENTS]).advance(0);
    assert!(fleet.says().is_empty());
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]).advance(MINUTE_MS);
    assert_eq!(fleet.says(), ["page", "opened"]);
}

#[test]
fn what_was_paged_is_no_note_in_quiet_hours_when_it_becomes_less() {
    let mut fleet = fleet(&[window(WindowKind::QuietHours)]);
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]).advance(0);
    assert_eq!(fleet.says(), ["page", "opened"]);
    fleet.recover("shop-prod", &ZONES[..1], &[PAYMENTS]).advance(MINUTE_MS);
    assert_eq!(fleet.says(), ["updated"]);
}

#[test]
fn no_window_holds_back_a_breach_of_isolation() {
    for kind in [WindowKind::Maintenance, WindowKind::QuietHours] {
        let mut fleet = fleet(&[window(kind)]);
        fleet.fail("shop-prod", &ZONES[..1], &[ISOLATION]).advance(0);
        assert_eq!(fleet.says(), ["page", "opened"], "{kind}");
    }
}

#[test]
fn no_window_holds_back_trouble_of_phonehome_itself() {
    let accounts = ["shop-prod", "search-prod", "orders-prod", "stock-prod"];
    for kind in [WindowKind::Maintenance, WindowKind::QuietHours] {
        let mut fleet = Fleet::of(&accounts, ZONES);
        fleet.world.policy.windows = vec![window(kind)];
        let route = Route { slack_channel: "#platform".to_owned(), page: true, page_channel: None };
        fleet.world.policy.platform_route = Some(route);
        for account in accounts {
            fleet.hush(account, ZONES);
        }
        fleet.advance(4 * MINUTE_MS);
        assert_eq!(fleet.says(), ["page", "opened"], "{kind}");
        assert_eq!(fleet.only().suspect, Suspect::Collector);
    }
}

#[test]
fn a_window_holds_back_only_what_it_is_for() {
    let mut maintenance = window(WindowKind::Maintenance);
    for (matcher, is_held) in [
        (prod(), true),
        (Matcher { environment: Some("dev".to_owned()), ..Matcher::default() }, false),
        (Matcher { endpoint: Some("payments.internal:443".to_owned()), ..Matcher::default() }, true),
        (Matcher { availability_zone: Some("use1-az1".parse().unwrap()), ..prod() }, false),
        (Matcher::default(), false),
    ] {
        maintenance.matcher = matcher.clone();
        let mut fleet = fleet(std::slice::from_ref(&maintenance));
        fleet.fail("shop-prod", ZONES, &[PAYMENTS]).advance(0);
        assert_eq!(fleet.says().is_empty(), is_held, "{matcher:?}");
    }
}

#[test]
fn a_silence_and_a_window_together_hold_back_what_neither_does_alone() {
    let zone = |zone: &str| Matcher { availability_zone: Some(zone.parse().unwrap()), ..prod() };
    let mut fleet = fleet(&[Window { matcher: zone("use1-az1"), ..window(WindowKind::Maintenance) }]);
    fleet.world.silences.push(Silence {
        matcher: zone("use1-az2"),
        expires_at_ms: START_MS + 20 * MINUTE_MS,
        reason: "moves".into(),
        by: "ada".into(),
        set_at_ms: 0,
    });
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]).advance(0);
    assert!(fleet.says().is_empty());
    assert_eq!(says_within(&mut fleet, 60), [(20, "page"), (20, "opened")]);
}

#[test]
fn what_windows_together_would_hold_back_for_ever_they_do_not_hold_back() {
    let day = |from_minute, until| Window {
        from_minute,
        end: WindowEnd::At(until),
        ..window(WindowKind::Maintenance)
    };
    let (by_day, by_night) = (day(8 * 60, 20 * 60), day(20 * 60, 8 * 60));
    let mut for_ever = fleet(&[by_day.clone(), by_night.clone()]);
    for_ever.fail("shop-prod", ZONES, &[PAYMENTS]).advance(0);
    assert_eq!(for_ever.says(), ["page", "opened"]);

    let mut six_days = fleet(&[by_day, Window { weekdays: [1, 2, 3, 4, 5, 6].into(), ..by_night }]);
    six_days.fail("shop-prod", ZONES, &[PAYMENTS]).advance(0);
    assert!(six_days.says().is_empty());
    let held = &six_days.only().timeline[0].text;
    assert!(held.contains("until 2026-11-08T20:00:00Z"), "{held}");
}

#[test]
fn a_window_for_one_zones_reports_mutes_no_page_of_a_lost_way_out_and_one_for_all_does() {
    for (zone, pages) in [(Some("use1-az1"), 1), (None, 0)] {
        let availability_zone = zone.map(|zone| zone.parse().unwrap());
        let matcher = Matcher { availability_zone, ..prod() };
        let mut fleet = fleet(&[Window { matcher, ..window(WindowKind::Maintenance) }]);
        fleet.fail("shop-prod", ZONES, &[EGRESS]).advance(0);
        assert_eq!(fleet.says().iter().filter(|it| **it == "page").count(), pages, "{zone:?}");
    }
}

#[test]
fn a_window_of_an_unknown_time_zone_is_never() {
    let unknown = Window { time_zone: "Europe/Atlantis".to_owned(), ..window(WindowKind::Maintenance) };
    let mut fleet = fleet(&[unknown]);
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]).advance(0);
    assert_eq!(fleet.says(), ["page", "opened"]);
}

#[test]
fn what_pages_is_posted_where_the_route_for_pages_says_and_a_note_elsewhere() {
    let mut fleet = fleet(&[]);
    for probe in &mut fleet.world.probes {
        let page_channel = Some("#oncall".to_owned());
        probe.route = Route { slack_channel: "#notes".to_owned(), page: true, page_channel }.into();
    }
    let channels = |fleet: &mut Fleet| -> Vec<String> {
        let outbox = fleet.decide().outbox.into_iter();
        outbox
            .filter_map(|message| match message.body {
                OutgoingBody::Slack { channel, .. } => Some(channel),
                OutgoingBody::Page { .. } => None,
            })
            .collect()
    };
    fleet.fail("shop-prod", &ZONES[..1], &[PAYMENTS]).advance(0);
    assert_eq!(channels(&mut fleet), ["#notes"]);
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]).advance(MINUTE_MS);
    assert_eq!(channels(&mut fleet), ["#notes", "#oncall"], "whoever has the message sees its end");
    fleet.recover("shop-prod", ZONES, &[PAYMENTS]).advance(MINUTE_MS);
    assert_eq!(channels(&mut fleet), ["#notes", "#oncall"]);
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]).advance(MINUTE_MS);
    assert_eq!(channels(&mut fleet), ["#oncall"]);
}

fn any_window() -> impl Strategy<Value = Window> {
    const PLACES: [&str; 6] = [
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Pacific/Apia",
        "UTC",
    ];
    let end = prop_oneof![(0..1440u16).prop_map(WindowEnd::At), (1..4321u16).prop_map(WindowEnd::After)];
    let weekdays = proptest::collection::btree_set(1..=7i8, 0..4);
    let kind = prop_oneof![Just(WindowKind::Maintenance), Just(WindowKind::QuietHours)];
    let zone = proptest::sample::select(&PLACES[..]).prop_map(str::to_owned);
    (kind, zone, weekdays, 0..1440u16, end).prop_map(|(kind, time_zone, weekdays, from_minute, end)| Window {
        kind,
        time_zone,
        weekdays,
        from_minute,
        end,
        ..window(kind)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Through all of 2026, whose clocks change at 60 moments in these zones' rules.
    #[test]
    fn whatever_is_held_back_is_told_within_a_minute_of_the_end_and_once(
        windows in proptest::collection::vec(any_window(), 0..5),
        minute in 0..366 * 24 * 60u64,
        pages in any::<bool>(),
    ) {
        let mut fleet = fleet(&windows);
        fleet.world.now_ms = 1_767_225_600_000 + minute * MINUTE_MS;
        let now_ms = fleet.world.now_ms;
        let failing = if pages { ZONES } else { &ZONES[..1] };
        fleet.fail("shop-prod", failing, &[PAYMENTS]).advance(0);
        let said = if pages { vec!["page", "opened"] } else { vec!["opened"] };

        // The first minute that is in no window, one after the other.
        let holds = |window: &&Window| !pages || window.kind == WindowKind::Maintenance;
        let horizon_ms = now_ms + 9 * 24 * 60 * MINUTE_MS;
        let times: Vec<_> =
            windows.iter().filter(holds).flat_map(|window| window.times(now_ms..horizon_ms)).collect();
        let is_free = |ms: &u64| !times.iter().any(|time| time.contains(ms));
        let end_ms = (0..=8 * 24 * 60).map(|minute| now_ms + minute * MINUTE_MS).find(is_free);
        match end_ms {
            Some(end_ms) if end_ms > now_ms => {
                prop_assert!(fleet.says().is_empty());
                fleet.advance(end_ms - MINUTE_MS - now_ms);
                prop_assert!(fleet.says().is_empty(), "a minute before the end");
                fleet.advance(MINUTE_MS);
                prop_assert_eq!(fleet.says(), said);
            }
            // Held back by nothing, or for ever, which is nothing as well.
            Some(_) | None => prop_assert_eq!(fleet.says(), said),
        }
        fleet.advance(MINUTE_MS);
        let again: Vec<_> = fleet.says().into_iter().filter(|it| *it == "page" || *it == "opened").collect();
        prop_assert!(again.is_empty(), "{again:?}");
    }

    #[test]
    fn a_window_always_ends_within_three_days(window in any_window(), minute in 0..366 * 24 * 60u64) {
        let at_ms = 1_767_225_600_000 + minute * MINUTE_MS;
        for time in window.times(at_ms..at_ms + 1) {
            prop_assert!(time.contains(&at_ms));
            prop_assert!(time.end - time.start <= 3 * 24 * 60 * MINUTE_MS);
        }
    }
}
