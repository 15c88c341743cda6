//! Does what is decided, account by account: what is to be told and what is about to be given is stored before any call,
//! and what came of it after.
//!
//! It may die anywhere, and several may be at work at once: every call is one that may be made twice.

use std::collections::BTreeSet;

use phonehome_cloud::table::{Table, TableError, Write};
use phonehome_cloud::{Class, CloudError, WallClock};
use phonehome_vending::AccountFactory;

use crate::api::PropertiesApi;
use crate::decide::{Decision, Step, decide};
use crate::difference::Difference;
use crate::drift::drift;
use crate::due::{NotBefore, due, is_new};
use crate::kept::Kept;
use crate::look::{Look, look};
use crate::obstacle::{Failed, Obstacle};
use crate::stored::Stored;
use crate::subject::Subject;
use crate::told::Told;

/// How often an account is looked at within a round, at most: five units that are made, a move, a tag, and to see that all
/// is as declared.
const LOOKS_MAX: usize = 8;

/// For how long an account that could not be looked at to the end is left alone, in milliseconds.
const LATER_MS: u64 = 10 * 60_000;

/// For how long one is that somebody else works on, or where something changed at the same moment.
const SOON_MS: u64 = 5_000;

/// For how long one that has left the organization is.
const GONE_MS: u64 = 24 * 60 * 60_000;

/// Within which time an account with an obstacle was looked at again, in milliseconds: it is each hour, in a large fleet
/// within a few.
const LOOKED_AT_MS: u64 = 24 * 60 * 60_000;

/// How soon after a round in which accounts were looked at the next one is due, in milliseconds.
const ROUND_MS: u64 = 60_000;

/// For how long the table is not read where nothing is due, in milliseconds.
const IDLE_MS: u64 = 60 * 60_000;

/// Keeps the accounts' properties as declared.
#[derive(Debug)]
pub struct Keeper<A, T, C> {
    api: A,
    table: T,
    clock: C,
    factory: AccountFactory,
    memory: Memory,
}

/// What a keeper remembers from one round to the next. Whoever forgets it asks more often, and does nothing else.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    not_before: NotBefore,
    idle: Option<Idle>,
}

/// That there is nothing to do. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone)]
struct Idle {
    /// Until when the table is not read.
    until_ms: u64,
    /// When there is something to do, as far as is known.
    again_at_ms: Option<u64>,
    /// For which subjects.
    of: Vec<Subject>,
}

impl Memory {
    fn put_off(&mut self, subject: &Subject, until_ms: u64) {
        self.not_before.accounts.insert(subject.account.clone(), until_ms);
    }
}

/// What a round came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// How many accounts were looked at.
    pub looked: usize,
    /// When there is something to do next; milliseconds since the Unix epoch. `None`: nothing.
    pub again_at_ms: Option<u64>,
    /// What could not be asked, for the logs: it is tried again.
    pub troubles: Vec<CloudError>,
}

/// Why an account was not looked at to the end.
#[derive(Debug)]
enum Ended {
    /// Somebody else wrote its document: that one goes on.
    Taken,
    Gone,
    Later(CloudError),
    Table(TableError),
}

/// The writes that tell something, in the same transaction as what it is about, so that it is told once.
pub type Tell<'a> = &'a (dyn Fn(&Told, u64) -> Vec<Write> + Send + Sync);

impl<A: PropertiesApi, T: Table, C: WallClock> Keeper<A, T, C> {
    /// One of an organization in which this makes the accounts, and with them the units.
    pub fn new(api: A, table: T, clock: C, factory: AccountFactory) -> Self {
        Self { api, table, clock, factory, memory: Memory::default() }
    }

    /// The same with what one before it remembered.
    #[must_use]
    pub fn remembering(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    /// What it remembers.
    #[must_use]
    pub fn into_memory(self) -> Memory {
        self.memory
    }

    /// Looks at the accounts whose turn it is, and puts them right.
    ///
    /// # Errors
    /// [`TableError`]: of the table. What AWS does not answer is in [`Round::troubles`].
    pub async fn round(&mut self, subjects: &[Subject], tell: Tell<'_>) -> Result<Round, TableError> {
        let now_ms = self.clock.now_ms();
        if let Some(idle) = self.memory.idle.as_ref().filter(|it| now_ms < it.until_ms && it.of == subjects) {
            return Ok(Round { again_at_ms: idle.again_at_ms, ..Round::default() });
        }
        let mut stored = Stored::read(&self.table).await?;
        let readable: Vec<Subject> =
            subjects.iter().filter(|it| !stored.unreadable.contains(&it.account)).cloned().collect();
        let due_now = due(&readable, &stored.kept, &self.memory.not_before, now_ms).now;
        if due_now.iter().any(|subject| !is_new(subject, &stored.kept)) {
            self.memory.not_before.others_ms = now_ms + ROUND_MS;
        }
        let mut round = Round::default();
        for subject in &due_now {
            round.looked += 1;
            let later_ms = match self.keep(subject, &mut stored, tell).await {
                Ok(()) => continue,
                Err(Ended::Table(error)) => return Err(error),
                Err(Ended::Taken) => SOON_MS,
                Err(Ended::Gone) => GONE_MS,
                Err(Ended::Later(error)) => {
                    let is_throttled = error.class() == Class::Throttled;
                    round.troubles.push(error);
                    if is_throttled {
                        self.memory.not_before.others_ms = self.clock.now_ms() + ROUND_MS;
                        self.memory.put_off(subject, self.clock.now_ms() + ROUND_MS);
                        break;
                    }
                    LATER_MS
                }
            };
            self.memory.put_off(subject, self.clock.now_ms() + later_ms);
        }
        let now_ms = self.clock.now_ms();
        let next = due(&readable, &stored.kept, &self.memory.not_before, now_ms);
        round.again_at_ms = if next.now.is_empty() { next.again_at_ms } else { Some(now_ms) };
        let until_ms = next.again_at_ms.unwrap_or(now_ms + IDLE_MS).min(now_ms + IDLE_MS);
        let (of, again_at_ms) = (subjects.to_vec(), round.again_at_ms);
        self.memory.idle = next.now.is_empty().then_some(Idle { until_ms, again_at_ms, of });
        Ok(round)
    }

    /// Looks at an account until all is as declared, or only people or time can go on.
    async fn keep(&self, subject: &Subject, stored: &mut Stored, tell: Tell<'_>) -> Result<(), Ended> {
        let mut kept = stored.kept.get(&subject.account).cloned().unwrap_or_else(|| Kept::new(subject));
        kept.declaring(subject);
        let began_ms = self.clock.now_ms();
        let mut found = self.look(subject, &kept).await?;
        let drifted = drift(subject, &kept, &found.seen);
        kept.seeing(subject, &found.seen);
        let mut decision = self.decide(subject, &kept, &found, began_ms);
        self.before(subject, &mut kept, &decision, drifted, stored, tell).await?;
        for _ in 0..LOOKS_MAX {
            if decision.steps.is_empty() {
                break;
            }
            self.mend(subject, &decision.steps, &mut found).await?;
            let obstacles = std::mem::take(&mut found.obstacles);
            found = self.look(subject, &kept).await?;
            found.obstacles.extend(obstacles);
            kept.seeing(subject, &found.seen);
            decision = self.decide(subject, &kept, &found, began_ms);
            // What AWS did not take is not tried again in this round.
            decision.steps.retain(|step| !found.obstacles.iter().any(|it| it.is_answer_to(step.operation())));
            self.before(subject, &mut kept, &decision, vec![], stored, tell).await?;
        }
        // What differs once more is told once more.
        let still = drift(subject, &kept, &found.seen);
        kept.told.retain(|it| still.contains(it));
        self.after(subject, kept, decision, stored, tell).await
    }

    async fn look(&self, subject: &Subject, kept: &Kept) -> Result<Look, Ended> {
        match look(&self.api, subject, kept).await {
            Ok(look) => Ok(look),
            Err(Failed::Gone) => Err(Ended::Gone),
            Err(Failed::Later(error)) => Err(Ended::Later(error)),
            // A unit on the way to the declared one has gone meanwhile.
            Err(Failed::LookAgain | Failed::Obstacle(_)) => Err(Ended::Taken),
        }
    }

    /// By how often the account was moved before this look: what it shows may be older than its own move.
    fn decide(&self, subject: &Subject, kept: &Kept, found: &Look, began_ms: u64) -> Decision {
        let mut decision = decide(subject, kept, &found.seen, self.factory, began_ms);
        decision.obstacles.extend(found.obstacles.iter().cloned());
        decision
    }

    /// Stores what is about to be done, and tells what somebody changed.
    async fn before(
        &self,
        subject: &Subject,
        kept: &mut Kept,
        decision: &Decision,
        drift: Vec<Difference>,
        stored: &mut Stored,
        tell: Tell<'_>,
    ) -> Result<(), Ended> {
        let drift: Vec<Difference> = drift.into_iter().filter(|it| !kept.told.contains(it)).collect();
        if drift.is_empty() && decision.steps.is_empty() {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        for step in &decision.steps {
            // Whoever finds it on its way to its unit goes on.
            kept.is_placed |= matches!(step, Step::Move { .. } | Step::CreateUnit { .. });
            if let Step::Tag(tags) = step {
                kept.giving(tags);
            }
        }
        // The first time, or into a unit that is declared newly, is no way back.
        if drift.iter().any(|it| matches!(it, Difference::Unit { .. })) {
            kept.moving(now_ms);
        }
        let mut told = vec![];
        if !drift.is_empty() {
            let obstacles = untold(stored, kept, &decision.obstacles, now_ms);
            kept.obstacles.extend(obstacles.iter().cloned());
            kept.told.extend(drift.iter().cloned());
            let mends = !decision.steps.is_empty();
            told = tell(&Told { drift, mends, obstacles, ..Told::of(subject) }, now_ms);
        }
        self.put(stored, kept, told).await
    }

    /// Makes the calls. What AWS does not take is an obstacle in `found`, and keeps no other call from being made.
    async fn mend(&self, subject: &Subject, steps: &[Step], found: &mut Look) -> Result<(), Ended> {
        for step in steps {
            match self.call(subject, step).await.map_err(Failed::of) {
                Ok(()) | Err(Failed::LookAgain) => {}
                Err(Failed::Gone) => return Err(Ended::Gone),
                Err(Failed::Later(error)) => return Err(Ended::Later(error)),
                Err(Failed::Obstacle(obstacle)) => drop(found.obstacles.insert(obstacle)),
            }
        }
        Ok(())
    }

    async fn call(&self, subject: &Subject, step: &Step) -> Result<(), CloudError> {
        let account = &subject.account;
        match step {
            Step::CreateUnit { parent, name } => self.api.create_unit(parent, name).await,
            Step::Move { from, to } => self.api.move_account(account, from, to).await,
            Step::Tag(tags) => self.api.tag(account, tags).await,
            Step::Untag(keys) => self.api.untag(account, keys).await,
            Step::PutContact(which, contact) => self.api.put_contact(account, *which, contact).await,
        }
    }

    /// Stores what came of it, with what people have to do and were not told.
    async fn after(
        &self,
        subject: &Subject,
        mut kept: Kept,
        decision: Decision,
        stored: &mut Stored,
        tell: Tell<'_>,
    ) -> Result<(), Ended> {
        let now_ms = self.clock.now_ms();
        let obstacles = untold(stored, &kept, &decision.obstacles, now_ms);
        // What AWS denies of a closed account is nobody's to put right.
        if obstacles.iter().any(Obstacle::is_an_answer) && self.is_closed(subject).await {
            return Err(Ended::Gone);
        }
        let is_left = !decision.steps.is_empty();
        kept.unkept = match (is_left, decision.obstacles.contains(&Obstacle::Unkept)) {
            (true, _) => kept.unkept + 1,
            (false, true) => kept.unkept,
            (false, false) => 0,
        };
        kept.obstacles = decision.obstacles;
        kept.looked_at_ms = now_ms;
        kept.declared = subject.digest();
        let told = Told { obstacles, ..Told::of(subject) };
        let told = if told.is_empty() { vec![] } else { tell(&told, now_ms) };
        self.put(stored, &kept, told).await
    }

    /// Whether it is certain that an account is closed.
    async fn is_closed(&self, subject: &Subject) -> bool {
        self.api.is_active(&subject.account).await.is_ok_and(|active| !active)
    }

    async fn put(&self, stored: &mut Stored, kept: &Kept, told: Vec<Write>) -> Result<(), Ended> {
        match stored.put(&self.table, kept, told, self.clock.now_ms()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Ended::Taken),
            Err(error) => Err(Ended::Table(error)),
        }
    }
}

/// Which of an account's obstacles nobody was told of, neither of it nor of another account with the same cause.
fn untold(stored: &Stored, kept: &Kept, obstacles: &BTreeSet<Obstacle>, now_ms: u64) -> Vec<Obstacle> {
    // One that nobody looks at any more says nothing.
    let is_looked_at = |other: &&Kept| other.looked_at_ms + LOOKED_AT_MS > now_ms;
    let of_others =
        || stored.kept.values().filter(is_looked_at).filter(|other| other.account != kept.account);
    let is_told = |it: &&Obstacle| {
        kept.obstacles.iter().any(|before| before.is_the_same(it))
            || of_others().flat_map(|other| &other.obstacles).any(|other| other.is_the_same_cause(it))
    };
    obstacles.iter().filter(|it| !is_told(it)).cloned().collect()
}
