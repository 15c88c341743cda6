//! A stack's lease, and how long a changed stack is left alone.
//!
//! Two executors work on one stack, with clocks that may be off to either side. Either may die at any moment.
//! The table answers late. A call takes up to [`CALL_MS`], and its answer may be lost; what it made may stay
//! invisible for [`VISIBLE_MS`]. Whoever sees no resource makes one. There must never be two.
//!
//! Time goes in steps of 5 s. Nothing is counted from a beginning: the state has only how long ago things
//! happened, and forgets what is too long ago to matter. So there is an end to the states although there is
//! none to the time.

use phonehome_provision::{CALL_MS, CLOCK_MS, COOLDOWN_MS, LEASE_MS, VISIBLE_MS, WORK_MS};
use stateright::{Model, Property};

use super::{holds, is_caught};

const STEP_MS: u64 = 5_000;
/// How late the table's answer to the lease's write may come, in steps.
const TABLE: u8 = 3;

const fn in_steps(ms: u64) -> u8 {
    assert!(ms.is_multiple_of(STEP_MS));
    (ms / STEP_MS) as u8
}

const CALL: u8 = in_steps(CALL_MS);
const CLOCK: i8 = in_steps(CLOCK_MS) as i8;
const VISIBLE: u8 = in_steps(VISIBLE_MS);
const WORK: u8 = in_steps(WORK_MS);

/// The rules. A mutant changes one.
#[derive(Debug, Clone, Copy)]
struct Rules {
    lease: u8,
    converge: u8,
    /// Calls are started only within the time to work.
    fence: bool,
    /// That time counts from the moment that the lease counts from, not from the table's answer.
    from_the_lease: bool,
    /// Whoever reads an older version writes nothing.
    conditional: bool,
}

const OURS: Rules = Rules {
    lease: in_steps(LEASE_MS),
    converge: in_steps(COOLDOWN_MS),
    fence: true,
    from_the_lease: true,
    conditional: true,
};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct StackModel {
    /// How far each executor's clock is ahead.
    clocks: [i8; 2],
    executors: [Executor; 2],
    /// Whose write the document holds, if that one still knows.
    holder: Option<usize>,
    /// How long the lease lasts, by the true time.
    left: i8,
    /// How long ago each resource was made.
    made: Vec<u8>,
    /// How long ago the calls were started that nobody waits for any more.
    orphans: Vec<u8>,
    /// Whether an executor died.
    died: bool,
}

/// What an executor is about; `age` is for how long it has had its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Executor {
    Idle,
    /// It has read a document that was free, and its write is under way.
    Leasing {
        age: u8,
        stale: bool,
    },
    /// It has the stack, and may look.
    Leased {
        age: u8,
    },
    /// It saw no resource, and is going to make one.
    Missing {
        age: u8,
    },
    /// Its call is under way.
    Calling {
        age: u8,
        call: u8,
        done: bool,
    },
    /// It is going to give the stack back, which it may have changed.
    Ending {
        changed: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Passes,
    Leases(usize),
    Written(usize),
    Sees(usize),
    SeesNothing(usize),
    Starts(usize),
    Stops(usize),
    TakesEffect(usize),
    Answered(usize),
    TimesOut(usize),
    GivesBack(usize),
    Dies(usize),
    OrphanTakesEffect(usize),
    OrphanIsLost(usize),
}

impl Model for Rules {
    type State = StackModel;
    type Action = Step;

    fn init_states(&self) -> Vec<StackModel> {
        let all = [-CLOCK, 0, CLOCK];
        let pairs = all.into_iter().flat_map(|one| all.map(|other| [one, other]));
        let start = |clocks| StackModel {
            clocks,
            executors: [Executor::Idle; 2],
            holder: None,
            left: -CLOCK,
            made: vec![],
            orphans: vec![],
            died: false,
        };
        pairs.map(start).collect()
    }

    fn actions(&self, state: &StackModel, steps: &mut Vec<Step>) {
        if state.time_may_pass() {
            steps.push(Step::Passes);
        }
        for (who, executor) in state.executors.iter().enumerate() {
            match *executor {
                // By its own clock, which may be ahead.
                Executor::Idle if state.left <= state.clocks[who] => steps.push(Step::Leases(who)),
                Executor::Idle => {}
                Executor::Leasing { .. } => steps.push(Step::Written(who)),
                Executor::Leased { .. } => {
                    if !state.made.is_empty() {
                        steps.push(Step::Sees(who));
                    }
                    if state.made.iter().all(|age| *age < VISIBLE) {
                        steps.push(Step::SeesNothing(who));
                    }
                }
                // Just before the end of a step is the step.
                Executor::Missing { age } if !self.fence || age <= WORK => steps.push(Step::Starts(who)),
                Executor::Missing { .. } => steps.push(Step::Stops(who)),
                Executor::Calling { done: false, call, .. } => {
                    steps.push(Step::TakesEffect(who));
                    if call == CALL {
                        steps.push(Step::TimesOut(who));
                    }
                }
                // Or the answer is lost: the executor goes on in the same way.
                Executor::Calling { done: true, .. } => steps.push(Step::Answered(who)),
                Executor::Ending { .. } => steps.push(Step::GivesBack(who)),
            }
            if *executor != Executor::Idle && !state.died {
                steps.push(Step::Dies(who));
            }
        }
        for number in 0..state.orphans.len() {
            steps.extend([Step::OrphanTakesEffect(number), Step::OrphanIsLost(number)]);
        }
    }

    fn next_state(&self, before: &StackModel, step: Step) -> Option<StackModel> {
        let mut state = before.clone();
        match step {
            Step::Passes => state.pass(),
            Step::Leases(who) => state.executors[who] = Executor::Leasing { age: 0, stale: false },
            Step::Written(who) => state.written(self, who),
            Step::Sees(who) => state.executors[who] = Executor::Ending { changed: false },
            Step::SeesNothing(who) => {
                let Executor::Leased { age } = state.executors[who] else { return None };
                state.executors[who] = Executor::Missing { age };
            }
            Step::Starts(who) => {
                let Executor::Missing { age } = state.executors[who] else { return None };
                state.executors[who] = Executor::Calling { age, call: 0, done: false };
            }
            Step::TakesEffect(who) => {
                let Executor::Calling { age, call, .. } = state.executors[who] else { return None };
                state.executors[who] = Executor::Calling { age, call, done: true };
                state.made.push(0);
            }
            Step::Stops(who) | Step::Answered(who) | Step::TimesOut(who) => {
                state.executors[who] = Executor::Ending { changed: true };
            }
            Step::GivesBack(who) => state.given_back(self, who),
            Step::Dies(who) => {
                if let Executor::Calling { call, done: false, .. } = state.executors[who] {
                    state.orphans.push(call);
                }
                state.executors[who] = Executor::Idle;
                state.holder = state.holder.filter(|holder| *holder != who);
                state.died = true;
            }
            Step::OrphanTakesEffect(number) => {
                state.orphans.remove(number);
                state.made.push(0);
            }
            Step::OrphanIsLost(number) => {
                state.orphans.remove(number);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NEVER_TWO, |_, state: &StackModel| state.made.len() < 2),
            Property::sometimes("what a dead executor left is made by the other", |_, state: &StackModel| {
                state.died && state.made.len() == 1 && state.orphans.is_empty() && state.holder.is_some()
            }),
            Property::sometimes("what was made long ago is seen", |_, state: &StackModel| {
                state.made == [VISIBLE] && state.executors.contains(&Executor::Ending { changed: false })
            }),
        ]
    }

    fn within_boundary(&self, state: &StackModel) -> bool {
        state.made.len() < 3
    }
}

const NEVER_TWO: &str = "no resource is made twice";

impl StackModel {
    /// What must happen by now happens before time goes on.
    fn time_may_pass(&self) -> bool {
        let waits = |executor: &Executor| match executor {
            Executor::Leasing { age, .. } => *age < TABLE,
            Executor::Calling { call, .. } => *call < CALL,
            _ => true,
        };
        self.executors.iter().all(waits) && self.orphans.iter().all(|age| *age < CALL)
    }

    fn pass(&mut self) {
        for executor in &mut self.executors {
            match executor {
                Executor::Leasing { age, .. } | Executor::Leased { age } | Executor::Missing { age } => {
                    *age = (*age + 1).min(WORK + 1);
                }
                Executor::Calling { age, call, .. } => {
                    *age = (*age + 1).min(WORK + 1);
                    *call += 1;
                }
                Executor::Idle | Executor::Ending { .. } => {}
            }
        }
        self.left = (self.left - 1).max(-CLOCK);
        self.made.iter_mut().for_each(|age| *age = (*age + 1).min(VISIBLE));
        self.orphans.iter_mut().for_each(|age| *age += 1);
    }

    /// The write of a lease arrives. It counts from the moment it was made up.
    fn written(&mut self, rules: &Rules, who: usize) {
        let Executor::Leasing { age, stale } = self.executors[who] else { return };
        if stale && rules.conditional {
            self.executors[who] = Executor::Idle;
            return;
        }
        self.write(who, rules.lease as i8 + self.clocks[who] - age as i8);
        self.holder = Some(who);
        let age = if rules.from_the_lease { age } else { 0 };
        self.executors[who] = Executor::Leased { age };
    }

    fn given_back(&mut self, rules: &Rules, who: usize) {
        let Executor::Ending { changed } = self.executors[who] else { return };
        self.executors[who] = Executor::Idle;
        if self.holder == Some(who) || !rules.conditional {
            let converged = rules.converge as i8 + self.clocks[who];
            self.write(who, if changed { converged } else { -CLOCK });
        }
        self.holder = self.holder.filter(|holder| *holder != who);
    }

    /// Whoever has read the document before has an older version now.
    fn write(&mut self, who: usize, left: i8) {
        self.left = left.max(-CLOCK);
        if let Executor::Leasing { stale, .. } = &mut self.executors[1 - who] {
            *stale = true;
        }
    }
}

#[test]
fn two_executors_with_clocks_that_differ_make_nothing_twice() {
    holds("lease and settle", OURS);
}

#[test]
fn a_lease_or_a_rest_that_is_a_step_too_short_is_caught() {
    is_caught("a lease of 95 s", Rules { lease: OURS.lease - 1, ..OURS }, NEVER_TWO);
    is_caught("a rest of 35 s", Rules { converge: OURS.converge - 1, ..OURS }, NEVER_TWO);
}

#[test]
fn an_executor_without_its_fence_is_caught() {
    is_caught("no fence", Rules { fence: false, ..OURS }, NEVER_TWO);
    is_caught("a late start", Rules { from_the_lease: false, ..OURS }, NEVER_TWO);
    is_caught("unconditional writes", Rules { conditional: false, ..OURS }, NEVER_TWO);
}
