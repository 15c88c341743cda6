//! Reports into path states.

use phonehome_alerting::{
    Asked, CLOCK_TOLERANCE_MS, Folded, Heartbeat, Hysteresis, PathStatus, Paths, Received, Transition, fold,
};
use phonehome_wire::{CheckId, CheckResult, Class, Report, Stage, Verdict, WIRE_VERSION};

use crate::support::{MINUTE_MS, START_MS};

const HYSTERESIS: Hysteresis = Hysteresis { down_after: 3, up_after: 2 };

pub(crate) fn report(started_at_ms: u64, results: &[(&str, Verdict)]) -> Report {
    let result = |(id, verdict): &(&str, Verdict)| CheckResult {
        latency_ms: started_at_ms % 97,
        ..CheckResult::new(CheckId((*id).to_owned()), verdict.clone())
    };
    Report {
        version: WIRE_VERSION,
        account: "111111111111".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        availability_zone: "use1-az1".parse().unwrap(),
        part: 0,
        run_id: format!("run-{started_at_ms}"),
        generation: 1,
        started_at_ms,
        duration_ms: 5,
        clock_ahead_ms: 0,
        stalled_ms: 0,
        rerun: false,
        results: results.iter().map(result).collect(),
    }
}

/// A bus that kept the reports of an hour hands them on in any order, all at once: it was silent once.
#[test]
fn reports_that_come_late_all_at_once_do_not_make_a_probe_flap() {
    let mut stored = Stored::default();
    stored.take(&report(START_MS, &[]), START_MS + 900);
    for minute in (0..60).map(|number| 1 + number * 7 % 60) {
        stored.take(&report(START_MS + minute * MINUTE_MS, &[]), START_MS + 61 * MINUTE_MS + minute);
    }
    let (heartbeat, _) = stored.0.unwrap();
    assert_eq!(heartbeat.last_started_at_ms, START_MS + 60 * MINUTE_MS);
    let turns = serde_json::to_value(heartbeat.turns).unwrap();
    assert_eq!((&turns["failed"], &turns["down"]), (&1.into(), &1.into()));
}

/// What is stored of one probe.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Stored(pub(crate) Option<(Heartbeat, Paths)>);

impl Stored {
    pub(crate) fn take(&mut self, report: &Report, received_at_ms: u64) -> Folded {
        let (newest, before) =
            self.0.clone().map_or_else(Default::default, |(newest, paths)| (Some(newest), paths));
        let (received, asked) = (Received::at_once(received_at_ms), what_it_answers(report));
        let folded = fold(newest.as_ref(), before.clone(), report, &asked, received, &HYSTERESIS);
        if let Folded::Fresh { heartbeat, paths, paths_changed, .. } = folded.clone() {
            assert_eq!(paths_changed, paths != before, "what is another one is written, and nothing else");
            self.0 = Some((heartbeat, paths));
        }
        folded
    }

    fn status(&self) -> PathStatus {
        self.0.as_ref().unwrap().1[&CheckId("c".to_owned())].status
    }

    /// Runs check `c` once a minute.
    fn run(&mut self, script: &str) -> Vec<Transition> {
        let begin =
            self.0.as_ref().map_or(START_MS, |(heartbeat, _)| heartbeat.last_started_at_ms + MINUTE_MS);
        let mut all = vec![];
        for (minute, letter) in (0u64..).zip(script.chars()) {
            let at_ms = begin + minute * MINUTE_MS;
            match self.take(&report(at_ms, &[("c", verdict(letter))]), at_ms + 900) {
                Folded::Fresh { transitions, .. } => all.extend(transitions),
                Folded::Stale => panic!("not stale"),
            }
        }
        all
    }
}

pub(crate) fn verdict(letter: char) -> Verdict {
    match letter {
        'o' => Verdict::Ok,
        'd' => Verdict::DenyProven,
        'f' => Verdict::Fail { stage: Stage::Connect, class: Class::Other, error: "timed out".to_owned() },
        'x' => {
            Verdict::Fail { stage: Stage::Open, class: Class::Open, error: "reached 10.0.0.1:443".to_owned() }
        }
        'i' => Verdict::Inconclusive { reason: "the control failed".to_owned() },
        's' => Verdict::ProbeError { reason: "no sockets".to_owned() },
        other => panic!("no verdict {other}"),
    }
}

#[test]
fn both_directions_have_their_own_threshold_and_inconclusive_results_count_for_neither() {
    use PathStatus::{Down, Unknown, Up};
    let table = [
        ("o", Up),
        ("d", Unknown),
        ("dd", Up),
        ("did", Up),
        ("dfd", Unknown),
        ("dfdd", Up),
        ("ddff", Up),
        ("ddfff", Down),
        ("ddfffd", Down),
        ("ddfffdd", Up),
        ("dff", Unknown),
        ("dfff", Down),
        ("x", Down),
        ("ddx", Down),
        ("ddxi", Down),
        ("ddxd", Down),
        ("ddxdd", Up),
        ("f", Unknown),
        ("ff", Unknown),
        ("fff", Down),
        ("ffo", Up),
        ("off", Up),
        ("offo", Up),
        ("offoff", Up),
        ("offf", Down),
        ("offfo", Down),
        ("offfof", Down),
        ("offfofo", Down),
        ("offfoo", Up),
        ("i", Unknown),
        ("iiiiii", Unknown),
        ("osssss", Up),
        ("offiif", Down),
        ("offif", Down),
        ("offii", Up),
        ("offfoiiso", Up),
        ("offfiiiiii", Down),
        ("ofiof", Up),
    ];
    for (script, expected) in table {
        let mut stored = Stored::default();
        stored.run(script);
        assert_eq!(stored.status(), expected, "{script}");
    }
}

#[test]
fn an_inconclusive_path_is_never_green_and_says_since_when() {
    let mut stored = Stored::default();
    stored.run("oii");
    let path = &stored.0.as_ref().unwrap().1[&CheckId("c".to_owned())];
    assert_eq!((path.status, path.is_green()), (PathStatus::Up, false));
    assert_eq!(path.inconclusive(), Some((START_MS + MINUTE_MS, "the control failed")));
}

#[test]
fn a_transition_is_dated_by_the_first_result_that_led_to_it() {
    let mut stored = Stored::default();
    assert_eq!(stored.run("o").len(), 1);
    let down = stored.run("fiff");
    assert_eq!(down.len(), 1);
    assert_eq!((down[0].from, down[0].to), (PathStatus::Up, PathStatus::Down));
    assert_eq!(down[0].since_ms, START_MS + MINUTE_MS);
}

#[test]
fn in_the_steady_state_only_the_heartbeat_changes_whatever_the_errors_say() {
    for letter in ['o', 'd', 'f', 'i', 's'] {
        let mut stored = Stored::default();
        stored.run(&letter.to_string().repeat(5));
        for minute in 5..8 {
            let at_ms = START_MS + minute * MINUTE_MS;
            let verdict = match verdict(letter) {
                Verdict::Fail { stage, class, .. } => {
                    Verdict::Fail { stage, class, error: format!("after {minute} ms") }
                }
                other => other,
            };
            match stored.take(&report(at_ms, &[("c", verdict)]), at_ms) {
                Folded::Fresh { heartbeat, paths_changed, transitions, .. } => {
                    assert!(!paths_changed && transitions.is_empty(), "{letter}");
                    assert_eq!(heartbeat.last_started_at_ms, at_ms);
                }
                Folded::Stale => panic!("not stale"),
            }
        }
    }
}

#[test]
fn a_check_that_vanished_from_the_input_is_forgotten() {
    let mut stored = Stored::default();
    stored.run("offf");
    let later = START_MS + 10 * MINUTE_MS;
    stored.take(&report(later, &[("other", Verdict::Ok)]), later);
    let ids: Vec<String> = stored.0.unwrap().1.into_keys().map(|id| id.0).collect();
    assert_eq!(ids, ["other"]);
}

/// Else it would be read as a path that is there for as long as nothing else changes.
#[test]
fn that_a_path_is_forgotten_and_nothing_else_changes_is_a_change_of_the_paths() {
    let mut stored = Stored::default();
    let both = [("c", Verdict::Ok), ("other", Verdict::Ok)];
    stored.take(&report(START_MS, &both), START_MS);
    for (minute, is_other) in [(1, true), (2, false)] {
        let at_ms = START_MS + minute * MINUTE_MS;
        match stored.take(&report(at_ms, &both[1..]), at_ms) {
            Folded::Fresh { paths, paths_changed, .. } => {
                assert_eq!((paths.len(), paths_changed), (1, is_other), "minute {minute}");
            }
            Folded::Stale => panic!("not stale"),
        }
    }
}

#[test]
fn of_two_results_for_one_check_the_first_counts_once() {
    let mut stored = Stored::default();
    let twice = report(START_MS, &[("c", verdict('f')), ("c", verdict('f')), ("c", verdict('f'))]);
    stored.take(&twice, START_MS);
    assert_eq!(stored.status(), PathStatus::Unknown);
}

#[test]
fn a_duplicate_and_a_late_report_change_nothing() {
    let mut stored = Stored::default();
    stored.run("ooff");
    let before = stored.clone();
    for minute in 0..4 {
        let at_ms = START_MS + minute * MINUTE_MS;
        let late = report(at_ms, &[("c", verdict('f'))]);
        assert_eq!(stored.take(&late, START_MS + 9 * MINUTE_MS), Folded::Stale);
    }
    assert_eq!(stored, before);
}

#[test]
fn a_probe_with_a_wrong_clock_is_heard_and_heard_again_when_its_clock_is_right() {
    let mut stored = Stored::default();
    let day = 24 * 60 * MINUTE_MS;
    let ahead = |minute: u64| report(START_MS + day + minute * MINUTE_MS, &[("c", verdict('o'))]);
    assert_ne!(stored.take(&ahead(0), START_MS), Folded::Stale);
    assert_ne!(stored.take(&ahead(1), START_MS + MINUTE_MS), Folded::Stale);
    assert_eq!(stored.take(&ahead(0), START_MS + 2 * MINUTE_MS), Folded::Stale, "a late duplicate");
    let heartbeat = &stored.0.as_ref().unwrap().0;
    assert_eq!((heartbeat.last_started_at_ms, heartbeat.clock_ahead_ms), (START_MS + MINUTE_MS, day));
    let right = START_MS + 3 * MINUTE_MS;
    assert_ne!(stored.take(&report(right, &[("c", verdict('o'))]), right + 900), Folded::Stale);
    assert_eq!(stored.0.unwrap().0.clock_ahead_ms, 0);
}

#[test]
fn a_clock_that_is_a_little_ahead_is_no_news() {
    let mut stored = Stored::default();
    let slightly = report(START_MS + CLOCK_TOLERANCE_MS, &[]);
    stored.take(&slightly, START_MS);
    let heartbeat = stored.0.unwrap().0;
    assert_eq!((heartbeat.last_started_at_ms, heartbeat.clock_ahead_ms), (START_MS, 0));
}

#[test]
fn stored_states_survive_fields_that_are_added_later_and_fields_not_yet_written() {
    let mut stored = Stored::default();
    stored.run("offf");
    let (heartbeat, paths) = stored.0.unwrap();
    let mut later = serde_json::to_value(&paths).unwrap();
    later["c"]["added_later"] = serde_json::json!(1);
    assert_eq!(serde_json::from_value::<Paths>(later).unwrap(), paths);
    let mut earlier = serde_json::to_value(&heartbeat).unwrap();
    earlier.as_object_mut().unwrap().remove("clock_ahead_ms");
    assert_eq!(serde_json::from_value::<Heartbeat>(earlier).unwrap(), heartbeat);
}

/// A run that was asked just what its report has results for.
fn what_it_answers(report: &Report) -> Asked {
    let ids = || report.results.iter().map(|result| result.id.clone());
    Asked {
        checks: ids().map(|id| (id, String::new())).collect(),
        declared: ids().collect(),
        presumed_to_have_worked: false,
    }
}

#[test]
fn a_breach_that_comes_late_counts_unless_isolations_were_tested_since() {
    let breach = || [("c", verdict('x')), ("other", Verdict::Ok)];
    for (tested_ms, expected) in [(START_MS, PathStatus::Down), (START_MS + 2 * MINUTE_MS, PathStatus::Up)] {
        let mut stored = Stored::default();
        stored.run("ddi");
        let (heartbeat, _) = stored.0.as_mut().unwrap();
        heartbeat.isolations_at_ms = tested_ms;
        let newest = heartbeat.clone();
        let late_ms = START_MS + MINUTE_MS + 1;
        let mut late = report(late_ms, &breach());
        late.run_id = "late".to_owned();
        let folded = stored.take(&late, START_MS + 10 * MINUTE_MS);
        assert_eq!(matches!(folded, Folded::Stale), expected == PathStatus::Up, "{folded:?}");
        assert_eq!(stored.status(), expected);
        assert_eq!(stored.0.as_ref().unwrap().0, newest, "no run begins earlier because of it");
        assert_eq!(stored.0.as_ref().unwrap().1.len(), 1, "nothing else of it counts");
    }
}

#[test]
fn since_when_a_probe_is_heard_begins_anew_after_a_gap() {
    let mut stored = Stored::default();
    let mut since = vec![];
    for minute in [0, 1, 4, 8, 9] {
        let at_ms = START_MS + minute * MINUTE_MS;
        let _ = stored.take(&report(at_ms, &[("c", verdict('o'))]), at_ms + 900);
        since.push((stored.0.as_ref().unwrap().0.heard_since_ms - START_MS) / MINUTE_MS);
    }
    assert_eq!(since, [0, 0, 0, 8, 8]);
}
