//! What runs again because the hub asks for it: when, and what its results count for.

use phonehome_alerting::{Folded, Matcher, PathResult, PathState, PathStatus, Silence, Transition, decide};
use phonehome_localisation::Outcome;
use phonehome_wire::{CheckId, Report};
use serde_json::json;

use crate::folding::{Stored, report, verdict};
use crate::support::{EGRESS, Fleet, ISOLATION, LEDGER, MINUTE_MS, PAYMENTS, START_MS};

const ZONES: &[&str] = &["use1-az1", "use1-az2", "use1-az3"];

fn rerun(at_ms: u64, results: &[(&str, char)]) -> Report {
    let results: Vec<_> = results.iter().map(|(id, letter)| (*id, verdict(*letter))).collect();
    let report = report(at_ms, &results);
    Report { rerun: true, run_id: format!("{}-rerun", report.run_id), ..report }
}

/// A probe of which two paths worked for a while, and `c` has just failed.
fn doubtful() -> Stored {
    let mut stored = Stored::default();
    for (minute, letter) in (0..4).zip("ooof".chars()) {
        let at_ms = START_MS + minute * MINUTE_MS;
        stored.take(&report(at_ms, &[("c", verdict(letter)), ("d", verdict('o'))]), at_ms + 900);
    }
    stored
}

/// When it failed.
const FAILED_MS: u64 = START_MS + 3 * MINUTE_MS;

fn state(stored: &Stored, id: &str) -> PathState {
    stored.0.as_ref().unwrap().1[&CheckId(id.to_owned())].clone()
}

fn transitions(folded: Folded) -> Vec<Transition> {
    let Folded::Fresh { transitions, .. } = folded else { panic!("it is stale") };
    transitions
}

#[test]
fn each_rerun_is_a_result_of_its_own_and_a_path_is_down_within_seconds() {
    let mut stored = doubtful();
    assert_eq!(transitions(stored.take(&rerun(FAILED_MS + 12_000, &[("c", 'f')]), FAILED_MS + 20_000)), []);
    let turned = transitions(stored.take(&rerun(FAILED_MS + 25_000, &[("c", 'f')]), FAILED_MS + 33_000));
    assert_eq!((turned.len(), turned[0].to, turned[0].since_ms), (1, PathStatus::Down, FAILED_MS));
    let at: Vec<u64> = state(&stored, "c").results.iter().map(|PathResult(at_ms, _)| *at_ms).collect();
    assert_eq!(at, [FAILED_MS, FAILED_MS + 12_000, FAILED_MS + 25_000]);
}

#[test]
fn a_rerun_is_no_heartbeat_and_says_nothing_of_what_it_does_not_contain_nor_of_what_is_not_known() {
    let mut stored = doubtful();
    let (before, other) = (stored.0.clone().unwrap().0, state(&stored, "d"));
    let results = [("c", 'o'), ("d", 'o'), ("new", 'f')];
    stored.take(&rerun(FAILED_MS + 50_000, &results), FAILED_MS + 58_000);
    let (after, paths) = stored.0.clone().unwrap();
    assert_eq!(after.rerun_received_ms, FAILED_MS + 58_000);
    let without = phonehome_alerting::Heartbeat { rerun_received_ms: 0, passed_again: None, ..after };
    assert_eq!(
        without, before,
        "when it ran, was heard of, and how it connected stays as its schedule has it"
    );
    assert_eq!(state(&stored, "d"), other);
    assert_eq!(paths.len(), 2, "no path is new by it");
}

#[test]
fn a_probe_that_never_reported_is_not_there_because_of_a_rerun() {
    let mut stored = Stored::default();
    assert_eq!(stored.take(&rerun(START_MS, &[("c", 'f')]), START_MS + 900), Folded::Stale);
}

/// The same as if each had come once, and those that come too late not at all.
#[test]
fn reruns_that_come_twice_late_or_once_a_path_works_again_change_nothing() {
    let (first, second) =
        (rerun(FAILED_MS + 12_000, &[("c", 'f')]), rerun(FAILED_MS + 25_000, &[("c", 'o')]));
    let mut stored = doubtful();
    stored.take(&first, FAILED_MS + 20_000);
    let once = state(&stored, "c");
    stored.take(&first, FAILED_MS + 21_000);
    assert_eq!(state(&stored, "c"), once, "twice");
    stored.take(&second, FAILED_MS + 33_000);
    let both = state(&stored, "c");
    stored.take(&first, FAILED_MS + 34_000);
    assert_eq!(state(&stored, "c"), both, "late");
    stored.take(&report(FAILED_MS + MINUTE_MS, &[("c", verdict('o'))]), FAILED_MS + MINUTE_MS + 900);
    assert_eq!(state(&stored, "c").results, [], "two passes in a row, one of them of a rerun, end it");
    stored.take(&first, FAILED_MS + 62_000);
    assert_eq!(state(&stored, "c").results, [], "what works is not made to fail by what was before");
}

/// When a rerun says so of a path with which nothing is wrong, that is all that is stored.
#[test]
fn what_works_and_passes_in_a_rerun_is_noted_with_the_heartbeat_until_the_schedule_says_it() {
    let mut stored = Stored::default();
    stored.take(&report(FAILED_MS, &[("d", verdict('o'))]), FAILED_MS + 900);
    let again = |at_ms: u64| rerun(at_ms, &[("d", 'o'), ("new", 'o')]);
    let Folded::Fresh { paths_changed, is_news, transitions, .. } =
        stored.take(&again(FAILED_MS + 10_000), FAILED_MS + 12_000)
    else {
        panic!("it is stale")
    };
    assert_eq!((paths_changed, is_news, transitions), (false, true, vec![]), "the alerter is woken");
    let passed = |stored: &Stored| serde_json::to_value(&stored.0.as_ref().unwrap().0.passed_again).unwrap();
    assert_eq!(passed(&stored), json!({"d": FAILED_MS + 10_000}));
    for (at_ms, why) in [(FAILED_MS + 10_000, "twice"), (FAILED_MS + 5_000, "late"), (FAILED_MS, "before it")]
    {
        let Folded::Fresh { is_news, .. } = stored.take(&again(at_ms), FAILED_MS + 13_000) else {
            panic!("it is stale")
        };
        assert_eq!((is_news, passed(&stored)), (false, json!({"d": FAILED_MS + 10_000})), "{why}");
    }
    // A run that began before it says nothing of it; one that began later does.
    let run = |at_ms: u64| report(at_ms, &[("d", verdict('o'))]);
    stored.take(&run(FAILED_MS + 9_000), FAILED_MS + 14_000);
    assert_eq!(passed(&stored), json!({"d": FAILED_MS + 10_000}));
    stored.take(&run(FAILED_MS + MINUTE_MS), FAILED_MS + MINUTE_MS + 900);
    assert_eq!(passed(&stored), json!(null));
}

#[test]
fn what_works_and_fails_in_a_rerun_after_its_newest_run_is_in_doubt_as_if_a_run_had_said_so() {
    let mut stored = doubtful();
    stored.take(&rerun(FAILED_MS + 10_000, &[("d", 'f')]), FAILED_MS + 18_000);
    assert_eq!(state(&stored, "d").results, [PathResult(FAILED_MS + 10_000, Outcome::Silence)]);
    let again = rerun(FAILED_MS + 20_000, &[("d", 'o')]);
    let further = rerun(FAILED_MS + 30_000, &[("d", 'o')]);
    for report in [&again, &further] {
        stored.take(report, FAILED_MS + 32_000);
    }
    assert_eq!(state(&stored, "d").results, [], "two passes in a row end it");
    for (at_ms, letter) in [(10_000, 'f'), (30_000, 'f'), (25_000, 'f')] {
        stored.take(&rerun(FAILED_MS + at_ms, &[("d", letter)]), FAILED_MS + 40_000);
        assert_eq!(
            state(&stored, "d").results,
            [],
            "{at_ms}: nothing that was before they passed counts any more"
        );
    }
}

/// A probe that is not asked may say it as well.
#[test]
fn of_a_path_that_never_worked_cannot_be_told_or_is_no_connection_a_rerun_notes_no_pass() {
    for script in ["s", "i", "dd"] {
        let mut stored = Stored::default();
        for (minute, letter) in (0..).zip(script.chars()) {
            let at_ms = START_MS + minute * MINUTE_MS;
            stored.take(&report(at_ms, &[("c", verdict(letter))]), at_ms + 900);
        }
        let before = state(&stored, "c");
        let letter = if script == "dd" { 'd' } else { 'o' };
        stored.take(&rerun(START_MS + 2 * MINUTE_MS, &[("c", letter)]), START_MS + 2 * MINUTE_MS + 900);
        assert_eq!(stored.0.as_ref().unwrap().0.passed_again, None, "{script}");
        assert_eq!(state(&stored, "c"), before, "{script}");
    }
}

#[test]
fn a_scheduled_run_that_a_rerun_overtook_counts_for_everything_else() {
    let mut stored = doubtful();
    stored.take(&rerun(FAILED_MS + 62_000, &[("c", 'f')]), FAILED_MS + 66_000);
    let known = state(&stored, "c");
    let late = report(FAILED_MS + MINUTE_MS, &[("c", verdict('o')), ("d", verdict('f'))]);
    let Folded::Fresh { heartbeat, dropped, .. } = stored.take(&late, FAILED_MS + 68_000) else {
        panic!("a rerun shuts nobody out")
    };
    assert_eq!((heartbeat.last_started_at_ms, dropped), (FAILED_MS + MINUTE_MS, 0));
    assert_eq!(state(&stored, "c"), known);
    assert_eq!(state(&stored, "d").results, [PathResult(FAILED_MS + MINUTE_MS, Outcome::Silence)]);
}

/// A fleet in which one path has failed once: of three probes of an account, that have reported.
fn lone(check: &str) -> Fleet {
    let mut fleet = Fleet::of(&["shop-prod", "search-prod"], ZONES);
    fleet.world.policy.down_after = 4;
    fleet.advance(5 * MINUTE_MS);
    failed_once(&mut fleet, &ZONES[..1], check);
    fleet
}

fn failed_once(fleet: &mut Fleet, zones: &[&str], check: &str) {
    let now_ms = fleet.world.now_ms;
    for probe in fleet.probes("shop-prod", zones) {
        let state = probe.paths.get_mut(&CheckId(check.to_owned())).unwrap();
        state.results = vec![PathResult(now_ms, Outcome::Silence)];
        state.last = verdict('f');
    }
}

/// Which checks of which zones are in doubt.
fn doubts(fleet: &Fleet) -> Vec<(String, Vec<String>)> {
    let doubts = decide(&fleet.world).doubts.into_iter();
    let of = |it: phonehome_alerting::Doubt| {
        (it.probe.availability_zone.to_string(), it.checks.into_iter().map(|id| id.0).collect())
    };
    doubts.map(of).collect()
}

#[test]
fn a_path_that_newly_fails_by_itself_is_in_doubt_until_enough_results_agree() {
    let fleet = lone(PAYMENTS);
    assert_eq!(doubts(&fleet), [("use1-az1".to_owned(), vec![PAYMENTS.to_owned()])]);
    for (script, is_doubtful) in [
        ("f", true),
        ("ff", true),
        ("fff", true),
        ("ffff", false),
        ("fp", false),
        ("ffp", true),
        ("fpf", true),
    ] {
        let mut fleet = lone(PAYMENTS);
        let (from_ms, first) = (fleet.world.now_ms, CheckId(PAYMENTS.to_owned()));
        let result = |(number, letter): (u64, char)| {
            let outcome = if letter == 'f' { Outcome::Silence } else { Outcome::Pass };
            PathResult(from_ms - 40_000 + number * 10_000, outcome)
        };
        let results: Vec<PathResult> = (0..).zip(script.chars()).map(result).collect();
        fleet.probes("shop-prod", &ZONES[..1]).next().unwrap().paths.get_mut(&first).unwrap().results =
            results;
        assert_eq!(!doubts(&fleet).is_empty(), is_doubtful, "{script}");
    }
}

#[test]
fn what_fails_with_others_is_not_in_doubt() {
    let mut fleet = lone(PAYMENTS);
    fleet.world.policy.down_after = 2;
    failed_once(&mut fleet, ZONES, PAYMENTS);
    assert_eq!(doubts(&fleet), []);
}

#[test]
fn what_is_told_never_worked_or_is_silenced_is_not_in_doubt_nor_an_isolation_or_a_silent_probe() {
    let mut told = lone(PAYMENTS);
    told.fail("shop-prod", &ZONES[..1], &[PAYMENTS]).advance(5 * MINUTE_MS);
    told.decide();
    assert_eq!(told.world.open.len(), 1);
    failed_once(&mut told, &ZONES[..1], PAYMENTS);
    assert_eq!(doubts(&told), [], "told");

    let mut new = lone(LEDGER);
    for probe in new.probes("shop-prod", ZONES) {
        let state = probe.paths.get_mut(&CheckId(LEDGER.to_owned())).unwrap();
        (state.ever_up, state.status) = (false, PathStatus::Unknown);
    }
    assert_eq!(doubts(&new), [], "never worked");

    let mut silenced = lone(EGRESS);
    let matcher = Matcher { account: Some("shop-prod".into()), ..Matcher::default() };
    let now_ms = silenced.world.now_ms;
    let silence = |expires_at_ms| Silence {
        matcher: matcher.clone(),
        expires_at_ms,
        reason: "work".into(),
        by: "somebody".into(),
        set_at_ms: 0,
    };
    silenced.world.silences = vec![silence(now_ms)];
    assert_eq!(doubts(&silenced).len(), 1, "a silence that is over silences nothing");
    silenced.world.silences = vec![silence(now_ms + MINUTE_MS)];
    assert_eq!(doubts(&silenced), [], "silenced");

    assert_eq!(doubts(&lone(ISOLATION)), [], "an isolation");

    let mut silent = lone(PAYMENTS);
    silent.hush("shop-prod", &ZONES[..1]).advance(90_000);
    assert_eq!(doubts(&silent), [], "silent");
}
