//! Time is the probes' and the queue's: a backlog neither makes a dead probe look alive nor accuses a living one.

use std::collections::{BTreeSet, VecDeque};

use phonehome_alerting::{
    Asked, BEHIND_LASTS_MS, Folded, Hysteresis, MemberState, ProbeKey, Received, Suspect, Symptom, fold,
};
use phonehome_wire::{CheckResult, Report, Verdict, WIRE_VERSION};
use proptest::prelude::*;

use crate::support::{Fleet, ISOLATION, MINUTE_MS, START_MS};

const ACCOUNTS: [&str; 4] = ["shop-prod", "search-prod", "orders-prod", "stock-prod"];
const ZONES: [&str; 2] = ["use1-az1", "use1-az2"];
const PROBES: usize = ACCOUNTS.len() * ZONES.len();
/// How often the collector and the alerter look, in milliseconds.
const STEP_MS: u64 = 5_000;
/// How long a report takes from the beginning of its run to the queue, in milliseconds.
const WAY_MS: u64 = 2_000;
/// How late a report may be, in milliseconds.
const GRACE_MS: u64 = 15_000;
const HYSTERESIS: Hysteresis = Hysteresis { down_after: 3, up_after: 2 };

/// How many reports the collector folds: in every second step, where it is a number.
#[derive(Debug, Clone, Copy)]
enum Pace {
    Stands,
    Folds(usize),
    Keeps,
}

/// A fleet whose reports go through a queue.
struct Queued {
    fleet: Fleet,
    queue: VecDeque<(u64, usize, Report)>,
    /// When the newest run of each probe began that there was.
    ran_ms: [u64; PROBES],
    dead: BTreeSet<usize>,
    /// When anything was folded last.
    folded_ms: u64,
    /// Who was accused at the decision before.
    accused: BTreeSet<usize>,
}

impl Queued {
    fn new() -> Self {
        let mut fleet = Fleet::of(&ACCOUNTS, &ZONES);
        for account in ACCOUNTS {
            fleet.hush(account, &ZONES);
        }
        let mut queued = Self {
            fleet,
            queue: VecDeque::new(),
            ran_ms: [0; PROBES],
            dead: BTreeSet::new(),
            accused: BTreeSet::new(),
            folded_ms: START_MS,
        };
        queued.minutes(3, Pace::Keeps);
        queued
    }

    /// Minutes pass; every step somebody runs, is folded, and decided of.
    fn minutes(&mut self, minutes: u64, pace: Pace) {
        for _ in 0..minutes * MINUTE_MS / STEP_MS {
            self.step(pace);
            self.fleet.decide();
            self.holds();
        }
    }

    fn step(&mut self, pace: Pace) {
        let from_ms = self.fleet.world.now_ms;
        self.fleet.advance(STEP_MS);
        let now_ms = self.fleet.world.now_ms;
        for number in (0..PROBES).filter(|number| !self.dead.contains(number)) {
            // Each has its second of the minute.
            let second_ms = START_MS + 7_000 * number as u64;
            let due_ms = second_ms + (now_ms - START_MS) / MINUTE_MS * MINUTE_MS;
            let began_ms = if due_ms + WAY_MS > now_ms { due_ms - MINUTE_MS } else { due_ms };
            if began_ms + WAY_MS > from_ms {
                self.ran_ms[number] = began_ms;
                let probe = &self.fleet.world.probes[number];
                let results = probe.checks.iter().map(|check| {
                    let is_isolation = check.id.0 == ISOLATION;
                    let verdict = if is_isolation { Verdict::DenyProven } else { Verdict::Ok };
                    CheckResult::new(check.id.clone(), verdict)
                });
                let report = report(&probe.key, began_ms, results.collect());
                self.queue.push_back((began_ms + WAY_MS, number, report));
            }
        }
        let count = match pace {
            Pace::Stands => 0,
            Pace::Folds(_) if now_ms / STEP_MS % 2 == 1 => 0,
            Pace::Folds(count) => count.min(self.queue.len()),
            Pace::Keeps => self.queue.len(),
        };
        for (sent_ms, number, report) in self.queue.drain(..count).collect::<Vec<_>>() {
            self.folded_ms = now_ms;
            let probe = &mut self.fleet.world.probes[number];
            let received = Received::of(Some(sent_ms), now_ms);
            let asked = Asked::of(&probe.checks);
            let newest = probe.heartbeat.as_ref();
            if let Folded::Fresh { heartbeat, paths, .. } =
                fold(newest, probe.paths.clone(), &report, &asked, received, &HYSTERESIS)
            {
                probe.heartbeat = Some(heartbeat);
                probe.paths = paths;
            }
        }
    }

    /// Who is called silent, by number, and by which suspect.
    fn accused(&self) -> Vec<(usize, &Suspect, u64)> {
        let open = self.fleet.world.open.iter();
        let members = open.flat_map(|it| it.members_in(MemberState::Failing).map(move |member| (it, member)));
        let silent = members.filter(|(_, member)| member.symptom == Symptom::Silent);
        let number = |key: &ProbeKey| self.fleet.world.probes.iter().position(|probe| probe.key == *key);
        silent.filter_map(|(it, m)| Some((number(&m.probe)?, &it.suspect, m.since_ms))).collect()
    }

    /// Nobody becomes accused who lives, but of phonehome itself, and while nothing at all is read: at the beginning of
    /// a stall a part of the fleet is missed before the rest, and so it has another name.
    fn holds(&mut self) {
        let is_stalled = self.fleet.world.now_ms - self.folded_ms > GRACE_MS;
        for (number, suspect, since_ms) in self.accused() {
            let is_new = !self.accused.contains(&number) && !self.dead.contains(&number);
            let is_wrong = is_new && *suspect != Suspect::Collector && !is_stalled;
            assert!(!is_wrong, "probe {number} lives: {suspect:?}");
            assert!(since_ms <= self.ran_ms[number], "silent since its last run, not since that was folded");
        }
        self.accused = self.accused().iter().map(|(number, ..)| *number).collect();
    }
}

fn report(key: &ProbeKey, began_ms: u64, results: Vec<CheckResult>) -> Report {
    Report {
        version: WIRE_VERSION,
        account: key.account.clone(),
        region: key.region.clone(),
        availability_zone: key.availability_zone.clone(),
        run_id: format!("{key}-{began_ms}"),
        part: 0,
        generation: 1,
        started_at_ms: began_ms,
        duration_ms: 100,
        clock_ahead_ms: 0,
        stalled_ms: 0,
        rerun: false,
        results,
    }
}

#[test]
fn a_backlog_of_an_hour_does_not_make_a_probe_look_alive_that_died_in_it() {
    let mut queued = Queued::new();
    queued.minutes(10, Pace::Stands);
    // It is phonehome itself, once.
    assert_eq!(queued.fleet.suspects(), [Suspect::Collector]);
    queued.dead.insert(0);
    queued.minutes(50, Pace::Stands);
    queued.fleet.sent.clear();
    // All of it comes at once, the last report of the dead probe among it.
    queued.minutes(1, Pace::Keeps);
    let last_ms = queued.ran_ms[0];
    assert_eq!(queued.fleet.world.probes[0].heartbeat.as_ref().unwrap().last_started_at_ms, last_ms);
    assert!(queued.fleet.world.now_ms - last_ms > 50 * MINUTE_MS);
    let is_silent = |queued: &Queued| queued.accused().iter().any(|(number, ..)| *number == 0);
    assert!(is_silent(&queued), "not for a moment is it well");
    queued.minutes(BEHIND_LASTS_MS / MINUTE_MS + 1, Pace::Keeps);
    assert_eq!(queued.accused().len(), 1);
    assert!(is_silent(&queued));
    let (_, suspect, since_ms) = queued.accused()[0];
    assert!(matches!(suspect, Suspect::Probe { .. }), "{suspect:?}");
    assert_eq!(since_ms, last_ms);
}

#[test]
fn while_the_collector_is_behind_every_deadline_is_longer_by_as_much() {
    let mut queued = Queued::new();
    // 8 reports come in a minute, and 6 are folded.
    queued.minutes(40, Pace::Folds(1));
    let behind_ms = queued.fleet.world.now_ms - queued.queue[0].0;
    assert!(behind_ms > 8 * MINUTE_MS);
    assert!(queued.fleet.sent.is_empty(), "{:?}", queued.fleet.suspects());
    queued.dead.insert(3);
    queued.minutes(4, Pace::Folds(1));
    assert!(queued.fleet.sent.is_empty(), "what it sent is not read yet: {:?}", queued.fleet.suspects());
    queued.minutes(30, Pace::Folds(3));
    assert_eq!(queued.accused().len(), 1, "{:?}", queued.fleet.suspects());
}

#[test]
fn who_fell_silent_before_the_collector_fell_behind_stays_told_and_is_not_resolved_by_it() {
    let mut queued = Queued::new();
    queued.dead.insert(0);
    queued.minutes(6, Pace::Keeps);
    assert_eq!(queued.accused().len(), 1);
    queued.fleet.sent.clear();
    queued.minutes(60, Pace::Folds(1));
    assert!(queued.fleet.sent.is_empty(), "{:?}", queued.fleet.suspects());
    assert_eq!(queued.accused().len(), 1);
}

/// A member account can write any time into its reports, and no time into the queue.
#[test]
fn what_a_probe_says_of_its_time_makes_nobody_elses_deadline_longer() {
    let mut queued = Queued::new();
    queued.dead.extend([0, 2]);
    for _ in 0..6 {
        // One that claims to have run an hour ago, each minute.
        let key = queued.fleet.world.probes[2].key.clone();
        let now_ms = queued.fleet.world.now_ms;
        queued.queue.push_back((now_ms, 2, report(&key, now_ms - 60 * MINUTE_MS, vec![])));
        queued.minutes(1, Pace::Keeps);
    }
    assert!(queued.accused().iter().any(|(number, ..)| *number == 0), "{:?}", queued.fleet.suspects());
}

/// What the property below found once in 200 cases.
#[test]
fn whose_report_is_just_as_late_as_it_may_be_is_not_accused_beside_who_died() {
    let mut queued = Queued::new();
    queued.minutes(1, Pace::Stands);
    queued.dead.insert(1);
    queued.minutes(11, Pace::Folds(2));
    queued.minutes(1, Pace::Stands);
}

/// And once more: everything is read one by one, and too slowly.
#[test]
fn who_lives_is_not_told_with_who_died_while_reports_are_read_one_by_one() {
    let mut queued = Queued::new();
    queued.dead.insert(4);
    queued.minutes(2, Pace::Folds(1));
    queued.dead.insert(2);
    queued.minutes(6, Pace::Folds(1));
}

fn pace() -> impl Strategy<Value = Pace> {
    prop_oneof![
        2 => Just(Pace::Stands),
        2 => (1usize..4).prop_map(Pace::Folds),
        2 => Just(Pace::Keeps),
    ]
}

/// Minutes at a pace, and who dies first.
fn episode() -> impl Strategy<Value = (u64, Pace, Option<usize>)> {
    (1u64..12, pace(), prop::option::weighted(0.3, 0..PROBES))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn however_late_the_collector_is_only_who_died_is_told_and_everybody_who_did(
        episodes in prop::collection::vec(episode(), 1..7),
    ) {
        let mut queued = Queued::new();
        for (minutes, pace, dies) in episodes {
            queued.dead.extend(dies);
            queued.minutes(minutes, pace);
        }
        // Then it catches up, and stays so.
        while !queued.queue.is_empty() {
            queued.minutes(1, Pace::Folds(4));
        }
        queued.minutes((BEHIND_LASTS_MS + 5 * MINUTE_MS) / MINUTE_MS, Pace::Keeps);
        let told: BTreeSet<usize> = queued.accused().iter().map(|(number, ..)| *number).collect();
        prop_assert_eq!(told, queued.dead);
    }
}
