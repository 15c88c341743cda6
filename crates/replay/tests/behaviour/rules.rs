//! What is told, and what is told by other rules.

use crate::support::{CALM, FROM_MS, MINUTE_MS, Night, fleet, played, replayed};
use phonehome_replay::{Entry, render};

/// One zone loses the connection for six minutes: it is told once enough of its results failed.
fn one_zone() -> Night {
    Night { fails: 20..26, zones: &[1], ..CALM }
}

/// Minutes after the beginning.
fn minute(at_ms: u64) -> u64 {
    (at_ms - FROM_MS) / MINUTE_MS
}

#[test]
fn a_calm_night_tells_nothing() {
    let replayed = replayed(&CALM.file());
    assert!(replayed.told.timeline.is_empty(), "{:?}", replayed.told.timeline);
    assert_eq!((replayed.notes.reports, replayed.notes.probes), (120, 3));
    assert_eq!((replayed.notes.bad_lines, replayed.notes.gaps, replayed.told.untested), (0, 0, 0));
}

#[test]
fn a_connection_that_all_zones_lose_is_one_incident_one_message_and_one_page_and_ends() {
    let replayed = replayed(&Night { fails: 20..30, ..CALM }.file());
    let told = &replayed.told;
    assert_eq!((told.incidents.len(), told.pages, told.messages), (1, 1, 1), "{:?}", told.timeline);
    let incident = &told.incidents[0];
    assert!((20..=22).contains(&minute(incident.opened_at_ms)), "{incident:?}");
    assert!((30..=32).contains(&minute(incident.resolved_at_ms.unwrap())), "{incident:?}");
    let pages = told.timeline.iter().filter_map(|it| match it {
        Entry::Page { resolved, incident, .. } => Some((*resolved, incident.clone())),
        _ => None,
    });
    assert_eq!(pages.collect::<Vec<_>>(), [(false, incident.id.clone()), (true, incident.id.clone())]);
    insta::assert_snapshot!(render(&replayed, ""));
}

/// The example says `down_after: 2`. A path that is alone with its trouble is told when as many more results failed
/// than passed: runs come each minute from minute 20 on, so that the second is in minute 21 and the fourth in minute
/// 23, two minutes later; and eight never come.
#[test]
fn with_a_higher_threshold_it_is_told_so_many_runs_later_or_not_at_all() {
    let file = one_zone().file();
    let told_in = |threshold: u32| {
        let rules = with_down_after(threshold);
        let replayed = played(file.as_bytes(), Some(&rules)).unwrap();
        assert_eq!(replayed.told.incidents.len(), 1);
        (minute(replayed.told.incidents[0].opened_at_ms), replayed)
    };
    let (by_the_file, same) = told_in(2);
    assert_eq!(by_the_file, 21);
    assert!(same.difference.unwrap().is_nothing());
    let (_, later) = told_in(4);
    let difference = later.difference.as_ref().unwrap();
    assert_eq!((difference.gone.len(), difference.new.len(), difference.changed.len()), (0, 0, 1));
    assert_eq!(difference.changed[0].told_later_ms, 2 * MINUTE_MS as i64);
    insta::assert_snapshot!(render(&later, "other.yaml"));
    let (_, never) = told_in(8);
    let difference = never.difference.unwrap();
    assert_eq!((difference.gone.len(), difference.new.len(), difference.changed.len()), (1, 0, 0));
    assert!(never.with_rules.unwrap().incidents.is_empty());
}

fn with_down_after(threshold: u32) -> String {
    fleet().replacen("down_after: 2", &format!("down_after: {threshold}"), 1)
}

#[test]
fn a_route_that_pages_nobody_is_a_page_less_and_nothing_else() {
    let file = Night { fails: 20..30, ..CALM }.file();
    let quiet = fleet().replace("page: true", "page: false");
    let replayed = played(file.as_bytes(), Some(&quiet)).unwrap();
    let difference = replayed.difference.unwrap();
    assert_eq!((difference.pages_before, difference.pages_after), (1, 0));
    assert_eq!((difference.gone.len(), difference.new.len(), difference.changed.len()), (0, 0, 1));
    assert_eq!(difference.changed[0].told_later_ms, 0);
}

#[test]
fn a_window_over_the_whole_night_holds_everything_back() {
    let file = Night { fails: 20..30, ..CALM }.file();
    let window = "maintenance:\n  - { time_zone: UTC, from: \"01:00\", to: \"05:00\", match: { environment: prod }, reason: \
                  patches }\n";
    let replayed = played(file.as_bytes(), Some(&format!("{}{window}", fleet()))).unwrap();
    let (told, others) = (replayed.told, replayed.with_rules.unwrap());
    assert_eq!((told.pages, told.messages), (1, 1));
    assert_eq!((others.pages, others.messages), (0, 0), "{:?}", others.timeline);
}

#[test]
fn checks_that_nobody_ran_and_results_that_nobody_asks_for_are_said() {
    let file = CALM.file();
    let more = fleet().replacen("ports: [443]", "ports: [443, 8443]", 1);
    let replayed = played(file.as_bytes(), Some(&more)).unwrap();
    let others = replayed.with_rules.as_ref().unwrap();
    assert_eq!((replayed.told.untested, others.untested), (0, 3), "one in each zone");
    assert!(render(&replayed, "other.yaml").contains("3 checks of these rules nobody ran then"));
    let moved = fleet().replacen("ports: [443]", "ports: [8443]", 1);
    let replayed = played(file.as_bytes(), Some(&moved)).unwrap();
    assert_eq!(replayed.with_rules.unwrap().undeclared_results, 120, "one in each report");
}
