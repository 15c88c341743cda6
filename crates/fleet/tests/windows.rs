//! Maintenance windows, quiet hours, and routes by severity.

mod support;

use phonehome_fleet::{AlertSeverity, Weekday};
use proptest::prelude::*;
use support::{SMALL, fleet, only_problem, problems, with};

/// The small file with these windows, the first of which is on line 33.
fn file(windows: &str) -> String {
    with(SMALL, "alert_routes:\n", &format!("maintenance:\n{windows}alert_routes:\n"))
}

fn window(days: &str, from: &str, end: &str, of: &str) -> String {
    format!(
        "  - {{ time_zone: Europe/Berlin, {days}from: \"{from}\", {end}, match: {{ {of} }}, reason: patches }}\n"
    )
}

#[test]
fn a_window_is_read_and_written_as_it_is() {
    let text = file(&window("weekdays: [sunday], ", "02:05", "to: 04:00", "environment: prod"));
    let read = fleet(&text);
    let [window] = read.maintenance.as_slice() else { panic!("{:?}", read.maintenance) };
    assert_eq!((window.from.minute, window.to.map(|to| to.minute)), (125, Some(240)));
    assert_eq!((window.weekdays.as_slice(), Weekday::Sunday.number()), (&[Weekday::Sunday][..], 7));
    assert_eq!(fleet(&serde_json::to_string(&read).unwrap()), read);
}

#[test]
fn what_is_wrong_with_a_window_is_named_with_its_place() {
    let good = window("", "02:00", "to: \"04:00\"", "environment: prod");
    for (old, new, expected) in [
        (
            "Europe/Berlin",
            "Europe/Berln",
            "time_zone: `Europe/Berln` is not the name of a time zone (did you mean `Europe/Berlin`?)",
        ),
        (
            "Europe/Berlin",
            "europe/berlin",
            "time_zone: `europe/berlin` is not the name of a time zone (did you mean `Europe/Berlin`?)",
        ),
        (
            "Europe/Berlin",
            "+01:00",
            "time_zone: `+01:00` is not the name of a time zone (write it as the IANA database has it: Europe/Berlin, America/New_York, UTC)",
        ),
        (
            "\"02:00\"",
            "\"2:00\"",
            "from: `2:00` is no time of day (write hour and minute with two digits each, from \"00:00\" to \"23:59\")",
        ),
        (
            ", to: \"04:00\"",
            "",
            "maintenance[0]: this never ends: it has neither `to` nor `duration_minutes`",
        ),
        (
            ", to:",
            ", duration_minutes: 5, to:",
            "this has two ends: `to` and `duration_minutes` (remove one of them)",
        ),
        (
            "to: \"04:00\"",
            "duration_minutes: 4321",
            "duration_minutes: `duration_minutes` must be a whole number from 1 to 4320, not 4321",
        ),
        (
            "{ environment: prod }",
            "{}",
            "maintenance[0].match: a window that is for everything (say what it is for: an account, a domain, an environment, a zone, a check or an endpoint)",
        ),
        ("environment: prod", "environment: prd", "unknown environment `prd` (did you mean `prod`?)"),
        ("environment: prod", "account: shop-prd", "unknown account name `shop-prd` (did you mean"),
        (
            "environment: prod",
            "availability_zone: use1-az6",
            "match.availability_zone: no Region of this file has the zone `use1-az6`",
        ),
        (
            "environment: prod",
            "check: egress/example.org/443",
            "match.check: no account has a check `egress/example.org/443` that must connect (`phonehome status",
        ),
        (", reason: patches", "", "maintenance[0]: the key `reason` is missing"),
    ] {
        let found = only_problem(&file(&with(&good, old, new)));
        assert!(found.contains(expected), "{old:?} became {new:?}: {found}");
    }
    let with_id = with(&good, "environment: prod", "account: \"444444444444\"");
    assert_eq!(fleet(&file(&with_id)).maintenance.len(), 1, "not every account has its id in the file");
}

#[test]
fn a_window_that_begins_again_before_it_is_over_is_refused() {
    const TWICE: &str = "weekdays: [monday, thursday], ";
    const THRICE: &str = "weekdays: [monday, thursday, saturday], ";
    for (days, from, end, is_refused) in [
        ("", "00:00", "to: \"00:00\"", true),
        ("", "08:00", "to: \"07:59\"", false),
        ("", "08:00", "duration_minutes: 1440", true),
        ("", "08:00", "duration_minutes: 1439", false),
        (THRICE, "08:00", "duration_minutes: 4320", true),
        (TWICE, "08:00", "duration_minutes: 4320", false),
    ] {
        let text = file(&window(days, from, end, "environment: prod"));
        match is_refused {
            true => assert!(only_problem(&text).contains("begins again before it is over"), "{text}"),
            false => assert_eq!(fleet(&text).maintenance.len(), 1),
        }
    }
}

/// By day for the one, by night for the other.
#[test]
fn windows_that_together_leave_no_time_to_something_are_refused() {
    for (by_day, by_night, of) in [
        ("environment: prod", "environment: prod", Some("shop-prod")),
        ("environment: prod", "domain: shop", Some("shop-prod")),
        ("environment: prod", "account: payments-prod", Some("payments-prod")),
        // The account by its id, which the file has.
        ("environment: prod", "account: \"333333333333\"", Some("payments-prod")),
        // One of its zones is in both.
        ("environment: dev", "availability_zone: use1-az1", Some("shop-dev")),
        ("domain: shop", "check: connection/shop-to-payments/443", Some("shop-dev")),
        // Nothing is in both.
        ("environment: prod", "environment: dev", None),
        ("availability_zone: use1-az1", "availability_zone: use1-az2", None),
        ("account: shop-dev", "account: payments-dev", None),
    ] {
        let night = |to: &str| window("", "20:00", &format!("to: \"{to}\""), by_night);
        let day = window("", "08:00", "to: \"20:00\"", by_day);
        let text = file(&(day.clone() + &night("08:00")));
        match of {
            Some(of) => {
                let expected = format!(
                    "maintenance[1].to: with the window on line 33 this never ends: nothing would be told of {of} \
                     (leave a time in each week in which it is told)"
                );
                assert_eq!(only_problem(&text), expected);
                fleet(&file(&(day + &night("07:59"))));
            }
            None => assert_eq!(fleet(&text).maintenance.len(), 2),
        }
    }
}

#[test]
fn of_three_windows_that_leave_no_time_the_last_is_named_with_the_lines_of_the_others() {
    let text = window("", "00:00", "to: \"08:00\"", "environment: prod")
        + &window("", "08:00", "to: \"16:00\"", "domain: shop")
        + &window("", "16:00", "to: \"00:00\"", "account: shop-prod");
    let found = only_problem(&file(&text));
    let expected = "maintenance[2].to: with the windows on lines 33, 34 this never ends: nothing would be told of \
                    shop-prod";
    assert!(found.contains(expected), "{found}");
}

#[test]
fn maintenance_and_quiet_hours_of_different_time_zones_are_counted_together() {
    let day = window("", "08:00", "to: \"20:00\"", "environment: prod");
    let night = |from: &str, to: &str| {
        let night = window("", from, &format!("to: \"{to}\""), "environment: prod");
        let night = night.replace("Europe/Berlin", "America/New_York");
        file(&day).replace("alert_routes:", &format!("quiet_hours:\n{night}alert_routes:"))
    };
    let found = only_problem(&night("14:00", "02:00"));
    assert!(found.contains("quiet_hours[0].to: with the window on line 33 this never ends"), "{found}");
    fleet(&night("14:00", "01:59"));
}

#[test]
fn a_window_that_never_ends_is_shown_with_line_and_column() {
    let shown =
        problems(&file(&window("", "00:00", "to: \"00:00\"", "environment: prod"))).render("fleet.yaml");
    assert!(shown.contains("--> fleet.yaml:33:52 (maintenance[0].to)"), "{shown}");
}

#[test]
fn notes_and_pages_take_the_first_route_for_them() {
    let routes = "alert_routes:\n  - { severity: note, domains: [shop], slack_channel: \"#shop-notes\" }\n  \
                  - { severity: page, slack_channel: \"#oncall\", page: true }\n";
    let fleet = fleet(&with(SMALL, "alert_routes:\n", routes));
    let of = |domain| {
        let routes = [fleet.route_for("prod", domain), fleet.page_route_for("prod", domain)];
        routes.map(|route| route.slack_channel.as_str())
    };
    assert_eq!(of("shop"), ["#shop-notes", "#oncall"]);
    assert_eq!(of("payments"), ["#net-prod", "#oncall"]);
    assert_eq!(fleet.alert_routes[1].severity, Some(AlertSeverity::Page));
}

#[test]
fn routes_that_are_for_nothing_are_refused() {
    for (route, expected) in [
        (
            "severity: note, slack_channel: \"#a\", page: true",
            "alert_routes[0]: this route never pages: notes page nobody",
        ),
        (
            "environments: [dev], severity: page, slack_channel: \"#a\"",
            "alert_routes[0]: no alert ever comes to this route: what pages nobody is a note",
        ),
        (
            "severity: pages, slack_channel: \"#a\"",
            "alert_routes[0].severity: `pages` is none of `note`, `page` (did you mean `page`?)",
        ),
    ] {
        let text = with(SMALL, "alert_routes:\n", &format!("alert_routes:\n  - {{ {route} }}\n"));
        let found = only_problem(&text);
        assert!(found.contains(expected), "{found}");
    }
    let only_pages = with(
        SMALL,
        "  - { slack_channel: \"#net-dev\" }",
        "  - { severity: page, slack_channel: \"#net-dev\", page: true }",
    );
    assert!(only_problem(&only_pages).contains("no alert route takes everything"));
}

#[test]
fn a_route_for_notes_before_the_one_that_pages_takes_no_page() {
    let notes = "alert_routes:\n  - { severity: note, environments: [prod], slack_channel: \"#a\" }\n";
    assert!(fleet(&with(SMALL, "alert_routes:\n", notes)).page_route_for("prod", "shop").page);
}

proptest! {
    /// By counting minutes: a week of one zone, in which no clock changes.
    #[test]
    fn windows_are_refused_when_no_minute_of_the_week_is_left(
        windows in proptest::collection::vec((1..128u8, 0..24u16, 1..73u16), 1..4),
    ) {
        let names = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        let mut hours = [false; 7 * 24];
        let mut text = String::new();
        for (days, from, length) in &windows {
            let days: Vec<usize> = (0..7).filter(|day| days & (1 << day) != 0).collect();
            for day in &days {
                for hour in 0..usize::from(*length) {
                    hours[(day * 24 + usize::from(*from) + hour) % (7 * 24)] = true;
                }
            }
            let days: Vec<&str> = days.into_iter().map(|day| names[day]).collect();
            let days = format!("weekdays: [{}], ", days.join(", "));
            let end = format!("duration_minutes: {}", length * 60);
            text += &window(&days, &format!("{from:02}:00"), &end, "environment: prod");
        }
        let ends = hours.contains(&false);
        prop_assert_eq!(phonehome_fleet::parse(&file(&text)).is_ok(), ends, "{}", text);
    }
}
