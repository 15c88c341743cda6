//! Roll-outs: two invocations that decide at the same moment, and an operator.
//!
//! They decide with the code's own [`decide`]. Each reads the roll-out and then what is seen of two accounts, one in
//! each wave, while these converge, a path of the first one fails and is mended, and an operator aborts, resumes or
//! takes back; each stores under the condition of the roll-out that it has read, and at the end puts the version in
//! force in the same transaction. Whoever dies before it stores is as one that never read. No account of the second
//! wave may have the version before the first wave was done, nobody's turn may come while it has halted, and the version
//! is in force only when all have it.

use std::collections::BTreeMap;

use phonehome_fleet::Line;
use phonehome_rollout::{
    Account, Begin, Failing, Observed, Pace, PathId, Phase, Progress, RollOut, Stack, Wave, abort, begin,
    decide, resume, roll_back,
};
use phonehome_wire::{AccountId, CheckId, Region};
use stateright::{Model, Property};

use super::{holds, is_caught};

/// All of it happens within a moment: what time does is in the tests of `crates/rollout`.
const NOW_MS: u64 = 1_793_880_000_000;
const BASE: u64 = 1;
const TARGET: u64 = 2;

/// The rules. A mutant changes one.
#[derive(Debug, Clone, Copy)]
struct Rules {
    /// A decision is stored only over the roll-out that it was taken of.
    condition: bool,
    /// The version is put in force in the same transaction.
    one_transaction: bool,
    /// How often an operator does something.
    commands: usize,
    /// How often an invocation dies.
    deaths: u8,
}

const OURS: Rules = Rules { condition: true, one_transaction: true, commands: 2, deaths: 0 };

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    /// The roll-out as it is stored. Its text stands for its version: of two that are the same the same is decided.
    stored: String,
    in_force: u64,
    /// The version that each account has converged to.
    versions: [u64; 2],
    fails: bool,
    runs: [Option<Run>; 2],
    commands: usize,
    deaths: u8,
    /// Somebody's turn came while it had halted.
    turned_in_halt: bool,
}

/// What an invocation has read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Run {
    stored: String,
    versions: [u64; 2],
    fails: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Converges(usize),
    PathFails,
    PathMended,
    Reads(usize),
    Stores(usize),
    /// It dies; having stored the roll-out and nothing else, where that is possible.
    Dies(usize),
    Aborts,
    Resumes,
    TakesBack,
}

impl Model for Rules {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let wave = |name: &str| Wave::new(name.to_owned(), [Line::new("shop", name)].into());
        let roll_out = begin(Begin {
            base: BASE,
            target: TARGET,
            by: "ada".to_owned(),
            at_ms: NOW_MS,
            mends: false,
            pace: Pace { bake_ms: 0, converge_ms: 60_000, at_once: 2 },
            waves: vec![wave("dev"), wave("prod")],
            supersedes: None,
        });
        let stored = json(&roll_out);
        vec![State {
            stored,
            in_force: BASE,
            versions: [BASE; 2],
            fails: false,
            runs: [None, None],
            commands: 0,
            deaths: 0,
            turned_in_halt: false,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        let roll_out = state.roll_out();
        for number in 0..2 {
            if state.versions[number] != roll_out.versions.of(&account(number)) {
                steps.push(Step::Converges(number));
            }
            match state.runs[number] {
                None => steps.push(Step::Reads(number)),
                Some(_) => {
                    steps.push(Step::Stores(number));
                    steps.extend((state.deaths < self.deaths).then_some(Step::Dies(number)));
                }
            }
        }
        steps.push(if state.fails { Step::PathMended } else { Step::PathFails });
        if state.commands < self.commands {
            steps.extend([Step::Aborts, Step::Resumes, Step::TakesBack]);
        }
    }

    fn next_state(&self, before: &State, step: Step) -> Option<State> {
        let mut state = before.clone();
        let by = || "ada".to_owned();
        match step {
            Step::Converges(number) => {
                state.versions[number] = state.roll_out().versions.of(&account(number))
            }
            Step::PathFails => state.fails = true,
            Step::PathMended => state.fails = false,
            Step::Reads(who) => {
                let State { stored, versions, fails, .. } = state.clone();
                state.runs[who] = Some(Run { stored, versions, fails });
            }
            Step::Stores(who) => state.store(*self, who, true),
            Step::Dies(who) => {
                state.deaths += 1;
                match self.one_transaction {
                    true => state.runs[who] = None,
                    false => state.store(*self, who, false),
                }
            }
            Step::Aborts => state.command(abort(&state.roll_out(), by(), "so".to_owned(), NOW_MS).ok()?),
            Step::Resumes => state.command(resume(&state.roll_out(), by(), false, NOW_MS).ok()?),
            Step::TakesBack => state.command(roll_back(&state.roll_out(), by(), NOW_MS).ok()?),
        }
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(IN_ORDER, |_, state: &State| {
                let roll_out = state.roll_out();
                let second = roll_out.versions.turned.contains(&account(1));
                !second || roll_out.waves[0].done_at_ms.is_some()
            }),
            Property::always(NONE_IN_A_HALT, |_, state: &State| !state.turned_in_halt),
            Property::always(ALL_HAVE_IT, |_, state: &State| {
                let is_finished = state.roll_out().phase == Phase::Finished;
                (state.in_force == TARGET) == is_finished && (!is_finished || state.versions == [TARGET; 2])
            }),
            Property::sometimes("it is in force", |_, state: &State| state.in_force == TARGET),
            Property::sometimes("it halts", |_, state: &State| {
                state.commands == 0 && matches!(state.roll_out().phase, Phase::Halted { .. })
            }),
            Property::sometimes("it is taken back", |_, state: &State| {
                state.roll_out().phase == Phase::RolledBack
            }),
        ]
    }
}

const IN_ORDER: &str = "the second wave begins when the first one is done";
const NONE_IN_A_HALT: &str = "nobody's turn comes during a halt";
const ALL_HAVE_IT: &str = "it is in force when all have it, and then it is finished";

impl State {
    fn roll_out(&self) -> RollOut {
        serde_json::from_str(&self.stored).unwrap()
    }

    fn command(&mut self, roll_out: RollOut) {
        self.commands += 1;
        self.write(&roll_out);
    }

    fn write(&mut self, roll_out: &RollOut) {
        let before = self.roll_out();
        let given = roll_out.versions.turned.difference(&before.versions.turned).count();
        self.turned_in_halt |= given > 0 && before.phase != Phase::Rolling;
        self.stored = json(roll_out);
    }

    /// As `run` of the function does: everything or nothing, or, where it `ends` early, the first half.
    fn store(&mut self, rules: Rules, who: usize, whole: bool) {
        let Some(run) = self.runs[who].take() else { return };
        let before: RollOut = serde_json::from_str(&run.stored).unwrap();
        let decision = decide(&before, &observed(&run), NOW_MS);
        if decision.roll_out == before || (rules.condition && run.stored != self.stored) {
            return;
        }
        self.write(&decision.roll_out);
        if decision.completes && whole {
            self.in_force = TARGET;
        }
    }
}

fn observed(run: &Run) -> Observed {
    let region: Region = "us-east-1".parse().unwrap();
    let mut accounts = BTreeMap::new();
    for number in 0..2 {
        let stack = Stack {
            progress: Progress::Converged,
            version: run.versions[number],
            updated_at_ms: 0,
            until_in_force: false,
            next_hour_ms: 0,
            message: String::new(),
        };
        let path = PathId::new(&region, &"use1-az1".parse().unwrap(), &CheckId("a".to_owned()));
        let failing = Failing { since_ms: 0, worked_once: true };
        let seen = Account {
            wave: number,
            base_regions: [region.clone()].into(),
            target_regions: [region.clone()].into(),
            stacks: [(region.clone(), stack)].into(),
            failing: if run.fails && number == 0 { [(path, failing)].into() } else { [].into() },
            ..Account::default()
        };
        accounts.insert(account(number), seen);
    }
    Observed { accounts }
}

fn account(number: usize) -> AccountId {
    format!("11112222333{number}").parse().unwrap()
}

/// As it is stored, without what happened: that only grows, and nothing is decided from it.
fn json(roll_out: &RollOut) -> String {
    let (events, events_before) = (vec![], 0);
    serde_json::to_string(&RollOut { events, events_before, ..roll_out.clone() }).unwrap()
}

#[test]
fn two_who_decide_and_an_operator_at_the_same_moment_turn_nobody_early_nor_in_a_halt() {
    holds("roll-out", OURS);
}

#[test]
fn who_stores_over_what_it_has_not_read_is_caught() {
    is_caught("no condition", Rules { condition: false, ..OURS }, NONE_IN_A_HALT);
}

#[test]
fn two_transactions_for_the_end_are_caught() {
    is_caught("two transactions", Rules { one_transaction: false, deaths: 1, ..OURS }, ALL_HAVE_IT);
}
