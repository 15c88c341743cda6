//! What is posted to Slack, once: an incident's message, and a line in its thread.
//!
//! Slack takes a post without a key by which it would tell a second one. So a message of the outbox is claimed
//! before anything is posted for it, and the claim of an invocation that was never heard of again makes the next
//! one look before it posts. Two invocations, with clocks that are off, may run at the same moment, die
//! anywhere, and get no answer to what was done; a post of which nobody hears may land a while later.
//!
//! As in `outbox.rs`, time goes in steps of 10 s, and what a claim and a refusal make of a message is decided
//! by the code's own [`Outboxed`].

use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words};
use phonehome_provision::CLOCK_MS;
use phonehome_state::{NOTIFIER_LIMIT_MS, Outboxed, SLACK_LIMIT_MS};
use stateright::{Model, Property};

use super::{holds, is_caught};

const STEP_MS: u64 = 10_000;
const CLOCK: i8 = (2 * CLOCK_MS / STEP_MS) as i8;
const LIMIT: u8 = (NOTIFIER_LIMIT_MS / STEP_MS) as u8;
/// No post is begun later in a run.
const BEGINS: u8 = SLACK_LIMIT_MS.div_ceil(STEP_MS) as u8;
/// How much later a post may land of which nobody hears: as long as a call is waited for.
const LANDS: u8 = 1;
const NOON_MS: u64 = 1_793_880_000_000;

const MESSAGE: usize = 0;
const LINE: usize = 1;

/// The rules. A mutant changes one.
#[derive(Debug, Clone, Copy)]
struct Rules {
    /// The history can be read.
    sees: bool,
    /// What is in doubt is looked for.
    looks: bool,
    /// A line is, too.
    looks_for_lines: bool,
    /// What got no answer may have been done.
    doubts: bool,
    /// What got no answer is left alone until it has landed.
    settles: bool,
    /// Where the message is is written down before the line is posted.
    remembers: bool,
    /// How often something goes wrong in one history.
    faults: u8,
}

const OURS: Rules = Rules {
    sees: true,
    looks: true,
    looks_for_lines: true,
    doubts: true,
    settles: true,
    remembers: true,
    faults: 3,
};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    clocks: [i8; 2],
    message: Waiting,
    /// Whether it is written down where the message is in Slack.
    place: bool,
    /// How often each stands in Slack.
    shown: [u8; 2],
    /// What lands later, and how long it has been on its way.
    flying: Vec<(usize, u8)>,
    runs: [Run; 2],
    faults: u8,
    /// Something was found that an earlier invocation had posted.
    found: bool,
}

/// The message of the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Waiting {
    stored: bool,
    attempts: u32,
    rejected: u32,
    /// How long until it is due, by the true time.
    left: i8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Run {
    No,
    /// `knows` the newest version of the message; it was in `doubt` when it was claimed.
    Yes {
        age: u8,
        knows: bool,
        doubt: bool,
        phase: Phase,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    Read,
    /// It is the turn of a part: it is looked for where it is in doubt.
    Looking(usize),
    Posting(usize),
    /// Where the message is is written down.
    Placing,
    Removing,
    /// It goes back; whether it is certain that it was not posted.
    Back(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Passes,
    Lands(usize),
    Begins(usize),
    /// The next thing is done.
    Does(usize),
    /// It is done, and its answer gets lost.
    DoesUnheard(usize),
    /// A post is sent, its answer does not come, and it lands later.
    PostsLate(usize),
    IsRefused(usize),
    /// No time is left for a post.
    Releases(usize),
    Dies(usize),
    /// It dies while a post is on its way.
    DiesPosting(usize),
}

impl Model for Rules {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        let message = Waiting { stored: true, attempts: 0, rejected: 0, left: 0 };
        let start = |clocks| World {
            clocks,
            message,
            place: false,
            shown: [0; 2],
            flying: vec![],
            runs: [Run::No; 2],
            faults: 0,
            found: false,
        };
        [[0, 0], [CLOCK, 0]].map(start).to_vec()
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        let in_time = |run: &Run| !matches!(run, Run::Yes { age, .. } if *age >= LIMIT);
        if world.runs.iter().all(in_time) && world.flying.iter().all(|(_, age)| *age < LANDS) {
            steps.push(Step::Passes);
        }
        steps.extend((0..world.flying.len()).map(Step::Lands));
        let trouble = world.faults < self.faults;
        for (who, run) in world.runs.iter().enumerate() {
            let Run::Yes { age, phase, .. } = run else {
                steps.push(Step::Begins(who));
                continue;
            };
            if trouble {
                steps.push(Step::Dies(who));
            }
            if let Phase::Posting(_) = phase {
                if *age > BEGINS {
                    steps.push(Step::Releases(who));
                    continue;
                }
                if trouble {
                    let unheard = [Step::PostsLate(who), Step::IsRefused(who), Step::DiesPosting(who)];
                    steps.extend(unheard);
                }
            }
            steps.push(Step::Does(who));
            if trouble && matches!(phase, Phase::Posting(_) | Phase::Placing) {
                steps.push(Step::DoesUnheard(who));
            }
        }
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let mut world = before.clone();
        let is_trouble = !matches!(
            step,
            Step::Passes | Step::Lands(_) | Step::Begins(_) | Step::Does(_) | Step::Releases(_)
        );
        world.faults += u8::from(is_trouble);
        match step {
            Step::Passes => world.pass(),
            Step::Lands(number) => {
                let (part, _) = world.flying.remove(number);
                world.shown[part] += 1;
            }
            Step::Begins(who) => {
                let is_due = world.message.is_due(world.clocks[who]);
                if is_due {
                    world.runs[who] = Run::Yes { age: 0, knows: true, doubt: false, phase: Phase::Read };
                }
            }
            Step::Does(who) => world.does(self, who),
            Step::DoesUnheard(who) => {
                world.does(self, who);
                world.set(who, Phase::Back(!self.doubts));
            }
            Step::PostsLate(who) => {
                world.sends(who);
                world.set(who, Phase::Back(!self.doubts));
            }
            Step::IsRefused(who) => world.set(who, Phase::Back(true)),
            Step::Releases(who) => {
                world.write(who, |stored| Some(stored.released()));
                world.runs[who] = Run::No;
            }
            Step::Dies(who) => world.runs[who] = Run::No,
            Step::DiesPosting(who) => {
                world.sends(who);
                world.runs[who] = Run::No;
            }
        }
        (world != *before).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NOTHING_LOST, |_, world: &World| {
                let all = [MESSAGE, LINE].map(|part| world.shown[part] > 0);
                world.message.stored || all == [true; 2]
            }),
            Property::always(ONCE, |rules: &Self, world: &World| {
                !rules.sees || world.shown.iter().all(|times| *times <= 1)
            }),
            Property::always(ONE_FOR_EACH_FAULT, |_, world: &World| {
                world.shown.iter().sum::<u8>() <= 2 + world.faults
            }),
            Property::sometimes("everything is delivered", |_, world: &World| !world.message.stored),
            Property::sometimes(
                "what an earlier invocation posted is found",
                |rules: &Self, world: &World| world.found || !rules.sees,
            ),
        ]
    }
}

const NOTHING_LOST: &str = "nothing is lost";
const ONCE: &str = "each stands in Slack once";
const ONE_FOR_EACH_FAULT: &str = "what goes wrong once costs at most one duplicate";

impl Waiting {
    fn as_stored(&self) -> Outboxed {
        let body = SlackMessage::new(Words::of("x")).body("#net", SlackKind::Updated);
        let outgoing =
            Outgoing { id: String::new(), incident_id: String::new(), at_ms: NOON_MS, sequence: 0, body };
        let (attempts, rejected) = (self.attempts, self.rejected);
        Outboxed { attempts, rejected, ..Outboxed::new(outgoing) }
    }

    fn is_due(&self, clock: i8) -> bool {
        let at = |steps: i8| NOON_MS.saturating_add_signed(i64::from(steps) * STEP_MS as i64);
        let stored = Outboxed { not_before_ms: at(self.left), ..self.as_stored() };
        self.stored && stored.is_due(at(clock))
    }
}

impl World {
    fn pass(&mut self) {
        self.message.left = (self.message.left - 1).max(0);
        for (_, age) in &mut self.flying {
            *age += 1;
        }
        for run in &mut self.runs {
            if let Run::Yes { age, .. } = run {
                *age += 1;
            }
        }
    }

    /// The next thing of an invocation.
    fn does(&mut self, rules: &Rules, who: usize) {
        let Run::Yes { doubt, phase, .. } = self.runs[who] else { return };
        match phase {
            Phase::Read => {
                let was_in_doubt = self.message.as_stored().claimed(NOON_MS).was_in_doubt();
                let claimed = self.write(who, |stored| Some(stored.claimed(NOON_MS)));
                if !claimed {
                    self.runs[who] = Run::No;
                } else if let Run::Yes { doubt, phase, .. } = &mut self.runs[who] {
                    (*doubt, *phase) = (was_in_doubt, Phase::Looking(MESSAGE));
                }
            }
            Phase::Looking(MESSAGE) if self.place => self.set(who, Phase::Looking(LINE)),
            Phase::Looking(part) => {
                let looks = doubt && rules.looks && rules.sees && (part == MESSAGE || rules.looks_for_lines);
                let is_found = looks && self.shown[part] > 0;
                self.found |= is_found;
                let then = match part {
                    MESSAGE => Phase::Placing,
                    _ => Phase::Removing,
                };
                self.set(who, if is_found { then } else { Phase::Posting(part) });
            }
            Phase::Posting(part) => {
                self.shown[part] += 1;
                let remembers = part == MESSAGE && rules.remembers;
                let next = if part == LINE { Phase::Removing } else { Phase::Looking(LINE) };
                self.set(who, if remembers { Phase::Placing } else { next });
            }
            Phase::Placing => {
                self.place = true;
                self.set(who, Phase::Looking(LINE));
            }
            Phase::Removing => {
                self.write(who, |_| None);
                self.runs[who] = Run::No;
            }
            Phase::Back(is_certain) => {
                self.write(who, |stored| Some(back(stored, is_certain, rules.settles)));
                self.runs[who] = Run::No;
            }
        }
    }

    /// The post of an invocation is on its way.
    fn sends(&mut self, who: usize) {
        if let Run::Yes { phase: Phase::Posting(part), .. } = self.runs[who] {
            self.flying.push((part, 0));
            self.flying.sort_unstable();
        }
    }

    fn set(&mut self, who: usize, becomes: Phase) {
        if let Run::Yes { phase, .. } = &mut self.runs[who] {
            *phase = becomes;
        }
    }

    /// A write under the condition that the version is the one that was read, by who believes that it is noon.
    /// Returns whether it holds.
    fn write(&mut self, who: usize, change: impl Fn(Outboxed) -> Option<Outboxed>) -> bool {
        if !matches!(self.runs[who], Run::Yes { knows: true, .. }) {
            return false;
        }
        let old = self.message;
        self.message = match change(old.as_stored()) {
            Some(stored) => {
                let steps = stored.not_before_ms.saturating_sub(NOON_MS).div_ceil(STEP_MS);
                let left = i8::try_from(steps).unwrap_or(i8::MAX - CLOCK) + self.clocks[who];
                Waiting { attempts: stored.attempts, rejected: stored.rejected, left, ..old }
            }
            None => Waiting { stored: false, ..old },
        };
        if let Run::Yes { knows, .. } = &mut self.runs[1 - who] {
            *knows = false;
        }
        true
    }
}

/// As it goes back when it is noon.
fn back(stored: Outboxed, is_certain: bool, settles: bool) -> Outboxed {
    let back = stored.requeue(NOON_MS, "no answer".into(), vec![]);
    match (is_certain, settles) {
        (true, _) => back.rejected(),
        (false, true) => back.settling(NOON_MS),
        (false, false) => back,
    }
}

#[test]
fn whatever_dies_and_whatever_answer_is_lost_a_message_and_its_line_stand_in_slack_once() {
    holds("Slack", OURS);
}

#[test]
fn where_the_history_cannot_be_read_whatever_goes_wrong_costs_at_most_one_duplicate() {
    holds("Slack without history", Rules { sees: false, ..OURS });
}

#[test]
fn a_notifier_that_does_not_look_or_not_for_everything_is_caught() {
    is_caught("no look", Rules { looks: false, ..OURS }, ONCE);
    is_caught("no look for lines", Rules { looks_for_lines: false, ..OURS }, ONCE);
    is_caught("no answer taken for a refusal", Rules { doubts: false, ..OURS }, ONCE);
    is_caught("no place written down", Rules { remembers: false, ..OURS }, ONCE);
}

#[test]
fn a_notifier_that_looks_before_a_post_has_landed_is_caught() {
    is_caught("no time to settle", Rules { settles: false, ..OURS }, ONCE);
}
