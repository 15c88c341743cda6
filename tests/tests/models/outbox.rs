//! The outbox: what the alerter decided, on its way to on-call and to Slack.
//!
//! The alerter writes a page and a Slack message in one transaction. Two invocations of the notifier, with
//! clocks that are off, may run at the same moment: each reads what is due, claims it, sends it, and removes
//! it or puts it back. An invocation may die anywhere, and does at its time limit. Who takes a message may do
//! so without that the notifier hears of it. Nothing may get lost, and what is sent twice must have that
//! reason.
//!
//! As in `lease.rs`, only what is left of a time is kept, here in steps of 10 s. When a message is due
//! is decided by the code's own [`Outboxed`].

use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words};
use phonehome_provision::CLOCK_MS;
use phonehome_state::{NOTIFIER_LIMIT_MS, Outboxed};
use stateright::{Model, Property};

use super::{holds, is_caught};

const STEP_MS: u64 = 10_000;
/// How far one clock may be ahead of another: one is ahead, the other behind.
const CLOCK: i8 = (2 * CLOCK_MS / STEP_MS) as i8;
const LIMIT: u8 = (NOTIFIER_LIMIT_MS / STEP_MS) as u8;
/// Some time of day.
const NOON_MS: u64 = 1_793_880_000_000;

const PAGE: usize = 0;
const SLACK: usize = 1;

/// The rules. A mutant changes one.
#[derive(Debug, Clone, Copy)]
struct Rules {
    claims: bool,
    /// How much shorter a claim is, in steps.
    shorter: u8,
    /// What is sent is removed afterwards, not before.
    sends_first: bool,
    pages_first: bool,
    /// What there is to send: a page, or a page and a Slack message.
    messages: usize,
    /// How often something goes wrong in one history.
    faults: u8,
}

const OURS: Rules =
    Rules { claims: true, shorter: 0, sends_first: true, pages_first: true, messages: 2, faults: 1 };

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    clocks: [i8; 2],
    /// `None` until the alerter has written them.
    messages: Option<Vec<Message>>,
    runs: [Run; 2],
    faults: u8,
    /// Slack was asked while a page that was due had not been tried.
    slack_came_first: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Message {
    stored: bool,
    attempts: u32,
    /// How long until it is due, by the true time.
    left: i8,
    /// How often it was taken by whom it is for.
    taken: u8,
    /// How often it may be taken once more without anybody's fault.
    excused: u8,
}

/// An invocation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Run {
    No,
    /// It has so many messages before it, and still knows the newest version of these.
    Yes {
        age: u8,
        next: Vec<usize>,
        knows: [bool; 2],
        phase: Phase,
    },
}

/// What it does with the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    Read,
    Claimed,
    Sent,
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Passes,
    AlerterWrites,
    Begins(usize),
    Claims(usize),
    IsTaken(usize),
    IsTakenAndTheAnswerLost(usize),
    IsRefused(usize),
    Removes(usize),
    PutsBack(usize),
    /// It has no time left for it.
    Releases(usize),
    Dies(usize),
}

impl Model for Rules {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        // Which of the two is ahead makes no difference.
        let pairs = [[0, 0], [CLOCK, 0]];
        let start = |clocks| World {
            clocks,
            messages: None,
            runs: [Run::No, Run::No],
            faults: 0,
            slack_came_first: false,
        };
        pairs.map(start).to_vec()
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        let in_time = |run: &Run| !matches!(run, Run::Yes { age, .. } if *age >= LIMIT);
        if world.runs.iter().all(in_time) {
            steps.push(Step::Passes);
        }
        if world.messages.is_none() {
            steps.push(Step::AlerterWrites);
        }
        let trouble = world.faults < self.faults;
        for (who, run) in world.runs.iter().enumerate() {
            let Run::Yes { age, phase, .. } = run else {
                steps.push(Step::Begins(who));
                continue;
            };
            match phase {
                Phase::Read => steps.push(Step::Claims(who)),
                Phase::Claimed => {
                    steps.push(Step::IsTaken(who));
                    if world.first(who) == Some(SLACK) {
                        steps.push(Step::Releases(who));
                    }
                    if trouble {
                        steps.extend([Step::IsTakenAndTheAnswerLost(who), Step::IsRefused(who)]);
                    }
                }
                Phase::Sent => steps.push(Step::Removes(who)),
                Phase::Refused => steps.push(Step::PutsBack(who)),
            }
            // At its time limit it dies, whatever went wrong before.
            if trouble || *age >= LIMIT {
                steps.push(Step::Dies(who));
            }
        }
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let mut world = before.clone();
        match step {
            Step::Passes => world.pass(),
            Step::AlerterWrites => {
                let message = Message { stored: true, attempts: 0, left: 0, taken: 0, excused: 0 };
                world.messages = Some(vec![message; self.messages]);
            }
            Step::Begins(who) => world.begin(self, who),
            Step::Claims(who) => world.claim(self, who),
            Step::IsTaken(who) => world.sent(self, who, Phase::Sent),
            Step::IsTakenAndTheAnswerLost(who) => {
                world.faults += 1;
                world.excuse(who);
                world.sent(self, who, Phase::Refused);
            }
            Step::IsRefused(who) => {
                world.faults += 1;
                world.tried(who);
                world.set(who, Phase::Refused);
            }
            Step::Removes(who) => {
                world.write(who, |message| Message { stored: false, ..message });
                world.goes_on(who);
            }
            Step::PutsBack(who) => {
                let clock = world.clocks[who];
                world.write(who, |message| message.requeue(clock));
                world.goes_on(who);
            }
            Step::Releases(who) => {
                world.tried(who);
                world.write(who, |message| Message {
                    left: 0,
                    attempts: message.attempts.saturating_sub(1),
                    ..message
                });
                world.runs[who] = Run::No;
            }
            Step::Dies(who) => {
                if matches!(world.runs[who], Run::Yes { phase: Phase::Sent, .. }) {
                    world.excuse(who);
                }
                world.faults = self.faults.min(world.faults + 1);
                world.runs[who] = Run::No;
            }
        }
        (world != *before).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        fn all(world: &World, holds: fn(&Message) -> bool) -> bool {
            world.messages.iter().flatten().all(holds)
        }
        vec![
            Property::always(NOTHING_LOST, |_, world| all(world, |it| it.stored || it.taken > 0)),
            Property::always(NO_DUPLICATES, |_, world| all(world, |it| it.taken <= 1 + it.excused)),
            Property::always(PAGES_FIRST, |_, world: &World| !world.slack_came_first),
            Property::sometimes("everything is delivered once", |_, world: &World| {
                world.messages.is_some() && all(world, |it| !it.stored && it.taken == 1)
            }),
            Property::sometimes(
                "what was lost with a dead notifier is sent by the next",
                |_, world: &World| world.messages.is_some() && all(world, |it| !it.stored && it.attempts > 1),
            ),
        ]
    }

    fn within_boundary(&self, world: &World) -> bool {
        world
            .messages
            .iter()
            .flatten()
            .all(|message| message.attempts <= 1 + u32::from(self.faults) && message.taken < 4)
    }
}

const NOTHING_LOST: &str = "nothing is lost";
const NO_DUPLICATES: &str = "what is sent twice was sent by who died or whose answer was lost";
const PAGES_FIRST: &str = "pages go first";

impl Message {
    fn as_stored(&self) -> Outboxed {
        let body = SlackMessage::new(Words::of("news")).body("#net", SlackKind::Updated);
        let outgoing =
            Outgoing { id: String::new(), incident_id: String::new(), at_ms: NOON_MS, sequence: 0, body };
        Outboxed { attempts: self.attempts, ..Outboxed::new(outgoing) }
    }

    fn is_due(&self, clock: i8) -> bool {
        let at = |steps: i8| NOON_MS.saturating_add_signed(i64::from(steps) * STEP_MS as i64);
        let stored = Outboxed { not_before_ms: at(self.left), ..self.as_stored() };
        self.stored && stored.is_due(at(clock))
    }

    /// As it is stored by who believes that it is noon.
    fn as_written(self, stored: &Outboxed, clock: i8) -> Self {
        let steps = stored.not_before_ms.saturating_sub(NOON_MS).div_ceil(STEP_MS);
        let left = i8::try_from(steps).unwrap_or(i8::MAX - CLOCK) + clock;
        Self { attempts: stored.attempts, left, ..self }
    }

    fn claimed(self, clock: i8) -> Self {
        self.as_written(&self.as_stored().claimed(NOON_MS), clock)
    }

    fn requeue(self, clock: i8) -> Self {
        self.as_written(&self.as_stored().requeue(NOON_MS, "no answer".into(), vec![]), clock)
    }
}

impl World {
    fn pass(&mut self) {
        for message in self.messages.iter_mut().flatten() {
            message.left = (message.left - 1).max(0);
        }
        for run in &mut self.runs {
            if let Run::Yes { age, .. } = run {
                *age += 1;
            }
        }
    }

    fn begin(&mut self, rules: &Rules, who: usize) {
        let Some(messages) = &self.messages else { return };
        let order = if rules.pages_first { [PAGE, SLACK] } else { [SLACK, PAGE] };
        let next: Vec<usize> = order
            .into_iter()
            .filter(|it| messages.get(*it).is_some_and(|it| it.is_due(self.clocks[who])))
            .collect();
        if !next.is_empty() {
            self.runs[who] = Run::Yes { age: 0, next, knows: [true; 2], phase: Phase::Read };
        }
    }

    /// Claims the first message, or leaves it to who was faster.
    fn claim(&mut self, rules: &Rules, who: usize) {
        if !rules.claims {
            return self.set(who, Phase::Claimed);
        }
        let (clock, shorter) = (self.clocks[who], rules.shorter as i8);
        let claimed = |message: Message| {
            let claimed = message.claimed(clock);
            Message { left: claimed.left - shorter, ..claimed }
        };
        if self.write(who, claimed) {
            if !rules.sends_first {
                self.write(who, |message| Message { stored: false, ..message });
            }
            self.set(who, Phase::Claimed);
        } else {
            self.goes_on(who);
        }
    }

    fn sent(&mut self, rules: &Rules, who: usize, phase: Phase) {
        self.tried(who);
        let Some(first) = self.first(who) else { return };
        for (number, message) in self.messages.iter_mut().flatten().enumerate() {
            message.taken += u8::from(number == first);
        }
        if rules.sends_first { self.set(who, phase) } else { self.goes_on(who) }
    }

    /// Whether it is Slack's turn although there is a page.
    fn tried(&mut self, who: usize) {
        if let Run::Yes { next, .. } = &self.runs[who] {
            self.slack_came_first |= next.first() == Some(&SLACK) && next.contains(&PAGE);
        }
    }

    fn excuse(&mut self, who: usize) {
        let Some(first) = self.first(who) else { return };
        for (number, message) in self.messages.iter_mut().flatten().enumerate() {
            message.excused += u8::from(number == first);
        }
    }

    fn first(&self, who: usize) -> Option<usize> {
        match &self.runs[who] {
            Run::Yes { next, .. } => next.first().copied(),
            Run::No => None,
        }
    }

    fn set(&mut self, who: usize, becomes: Phase) {
        if let Run::Yes { phase, .. } = &mut self.runs[who] {
            *phase = becomes;
        }
    }

    fn goes_on(&mut self, who: usize) {
        let Run::Yes { next, phase, .. } = &mut self.runs[who] else { return };
        next.remove(0);
        *phase = Phase::Read;
        if next.is_empty() {
            self.runs[who] = Run::No;
        }
    }

    /// A write under the condition that the version is the one that was read. Returns whether it holds.
    fn write(&mut self, who: usize, change: impl Fn(Message) -> Message) -> bool {
        let Some(first) = self.first(who) else { return false };
        let Run::Yes { knows, .. } = &self.runs[who] else { return false };
        if !knows[first] {
            return false;
        }
        for (number, message) in self.messages.iter_mut().flatten().enumerate() {
            if number == first {
                *message = change(*message);
            }
        }
        if let Run::Yes { knows, .. } = &mut self.runs[1 - who] {
            knows[first] = false;
        }
        true
    }
}

#[test]
fn nothing_that_was_decided_gets_lost_and_only_what_went_wrong_is_sent_twice() {
    holds("outbox, a page", Rules { messages: 1, faults: 2, ..OURS });
    holds("outbox, a page and a Slack message", OURS);
}

#[test]
fn a_notifier_that_does_not_claim_or_not_long_enough_is_caught() {
    is_caught("no claim", Rules { claims: false, ..OURS }, NO_DUPLICATES);
    let as_long_as_a_run = (phonehome_state::CLAIM_MS - NOTIFIER_LIMIT_MS) / STEP_MS;
    is_caught("a claim of 30 s", Rules { shorter: as_long_as_a_run as u8, ..OURS }, NO_DUPLICATES);
}

#[test]
fn a_notifier_that_removes_before_it_sends_or_begins_with_slack_is_caught() {
    is_caught("remove before send", Rules { sends_first: false, ..OURS }, NOTHING_LOST);
    is_caught("Slack before pages", Rules { pages_first: false, ..OURS }, PAGES_FIRST);
}
