//! Which stacks are suspected by which incident, and which accounts are observed again because of that.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::{AccountId, StackId};
use serde::{Deserialize, Serialize};

use crate::{Decision, Finding, Incident, MemberState, Suspect};

/// How many accounts are observed at once because they are suspected.
pub const ASKED_AT_ONCE: usize = 10;
/// How long an answer is waited for, in milliseconds: longer than an observation takes that another one is before.
const ANSWERED_WITHIN_MS: u64 = 2 * 60_000;
/// How long a stack that was observed is not asked about again for something else, in milliseconds.
const APART_MS: u64 = 10_000;
/// How often a stack is asked about while it is suspected; a sweep sees it after that.
const ASKS_MAX: u32 = 3;
/// For how long what is found belongs to an incident that is over, in milliseconds.
const LATELY_MS: u64 = 15 * 60_000;
/// How many stacks are remembered. What is to blame in more of them is in none of them alone.
const STACKS_MAX: usize = 200;

/// The stacks in which causes may be, while they are suspected and for a while after that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Suspected {
    /// By their ids.
    pub stacks: BTreeMap<StackId, SuspectedStack>,
}

/// One of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SuspectedStack {
    /// When it was last asked to be observed; milliseconds since the Unix epoch, 0 where it was not yet.
    pub asked_ms: u64,
    /// How often, since it is suspected of this.
    pub asks: u32,
    /// Whether it was suspected when it was last decided.
    pub is_suspected: bool,
    /// The incidents that suspect it, by their ids.
    pub incidents: BTreeMap<String, Suspicion>,
}

/// That an incident suspects a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Suspicion {
    /// Of what.
    pub suspects: Vec<Suspect>,
    /// The names of the accounts that own what is not reached.
    pub owners: BTreeSet<String>,
    /// The Slack channels that have a message of it.
    pub channels: BTreeSet<String>,
    /// Since when it is over, or suspects something else; milliseconds since the Unix epoch.
    pub ended_ms: Option<u64>,
}

impl SuspectedStack {
    /// Whether it was observed since it was asked; `observed_ms`: when it was last.
    fn is_answered(&self, observed_ms: Option<&u64>) -> bool {
        observed_ms.is_some_and(|at_ms| *at_ms > self.asked_ms)
    }

    fn is_waited_for(&self, observed_ms: Option<&u64>, now_ms: u64) -> bool {
        self.asks > 0 && now_ms < self.asked_ms + ANSWERED_WITHIN_MS && !self.is_answered(observed_ms)
    }
}

impl Suspected {
    /// The same after a decision, and the accounts that are to be observed now. `open`: the incidents that were open
    /// before it; `observed_ms`: when each stack was last observed, in milliseconds since the Unix epoch.
    ///
    /// An account is asked once for each incident that suspects it, and again where no answer comes: of an ask that got
    /// lost, or of an observation that failed, nobody hears. An answer that is waited for serves all of them; one that came
    /// before says nothing of what broke since.
    #[must_use]
    pub fn after(
        &self,
        decision: &Decision,
        open: &[Incident],
        observed_ms: &BTreeMap<StackId, u64>,
        now_ms: u64,
    ) -> (Self, BTreeSet<AccountId>) {
        let mut next = self.clone();
        for (stack, ids) in decision.suspected.iter().take(STACKS_MAX) {
            let known = next.stacks.entry(stack.clone()).or_default();
            // What comes and goes untold is news once in two minutes; an incident is always.
            let is_again = !known.is_suspected && now_ms >= known.asked_ms + ANSWERED_WITHIN_MS;
            let mut incidents = ids.iter().filter_map(|id| incident(decision, open, id));
            let is_news = is_again || incidents.any(|it| !known.incidents.contains_key(&it.id));
            if is_news && !known.is_waited_for(observed_ms.get(stack), now_ms) {
                known.asks = 0;
            }
            for incident in ids.iter().filter_map(|id| incident(decision, open, id)) {
                known.incidents.insert(incident.id.clone(), Suspicion::of(incident));
            }
        }
        for (stack, known) in &mut next.stacks {
            let suspecting = decision.suspected.get(stack);
            known.is_suspected = suspecting.is_some();
            for (id, suspicion) in &mut known.incidents {
                if suspecting.is_none_or(|ids| !ids.contains(id)) {
                    suspicion.ended_ms.get_or_insert(now_ms);
                }
            }
            known.incidents.retain(|_, it| it.ended_ms.is_none_or(|at_ms| now_ms < at_ms + LATELY_MS));
        }
        let is_needed = |stack: &StackId, known: &SuspectedStack| {
            decision.suspected.contains_key(stack)
                || !known.incidents.is_empty()
                || now_ms < known.asked_ms + ANSWERED_WITHIN_MS
        };
        next.stacks.retain(|stack, known| is_needed(stack, known));
        let accounts = next.ask(decision, observed_ms, now_ms);
        (next, accounts)
    }

    fn ask(
        &mut self,
        decision: &Decision,
        observed_ms: &BTreeMap<StackId, u64>,
        now_ms: u64,
    ) -> BTreeSet<AccountId> {
        let mut asked: BTreeSet<AccountId> = self
            .stacks
            .iter()
            .filter(|(stack, known)| known.is_waited_for(observed_ms.get(stack), now_ms))
            .map(|(stack, _)| stack.account.clone())
            .collect();
        let mut accounts = BTreeSet::new();
        for (stack, known) in &mut self.stacks {
            let observed_ms = observed_ms.get(stack);
            let is_lost = !known.is_answered(observed_ms) && !known.is_waited_for(observed_ms, now_ms);
            let is_due = match known.asks {
                0 => now_ms >= known.asked_ms + APART_MS,
                asks => asks < ASKS_MAX && is_lost,
            };
            if !is_due || !decision.suspected.contains_key(stack) {
                continue;
            }
            // All of an account's stacks are observed with it.
            let is_new = !asked.contains(&stack.account);
            if is_new && asked.len() >= ASKED_AT_ONCE {
                continue;
            }
            (known.asked_ms, known.asks) = (now_ms, known.asks + 1);
            if is_new {
                asked.insert(stack.account.clone());
                accounts.insert(stack.account.clone());
            }
        }
        accounts
    }

    /// The incident that is told in a channel and which one of these findings explains: an open one, or the one that
    /// ended last. Not one that was over when all was still as declared, at `declared_ms`, in milliseconds since the Unix
    /// epoch: what was changed after that was not its cause.
    #[must_use]
    pub fn explained_by(
        &self,
        findings: &[Finding],
        channel: &str,
        declared_ms: Option<u64>,
        now_ms: u64,
    ) -> Option<&str> {
        let stack = self.stacks.get(&findings.first()?.stack)?;
        let is_it = |suspicion: &&Suspicion| {
            let is_late = suspicion.ended_ms.is_some_and(|at_ms| {
                now_ms >= at_ms + LATELY_MS || declared_ms.is_some_and(|declared_ms| at_ms < declared_ms)
            });
            !is_late && suspicion.channels.contains(channel) && suspicion.is_explained_by(findings)
        };
        let told = stack.incidents.iter().filter(|(_, it)| is_it(it));
        told.max_by_key(|(id, it)| (it.ended_ms.unwrap_or(u64::MAX), *id)).map(|(id, _)| id.as_str())
    }
}

impl Suspicion {
    fn of(incident: &Incident) -> Self {
        let owners = incident.members_in(MemberState::Failing);
        Self {
            suspects: incident.causes().cloned().collect(),
            owners: owners.filter_map(|member| member.target.as_ref()?.account.clone()).collect(),
            channels: incident.channels.clone(),
            ended_ms: None,
        }
    }

    fn is_explained_by(&self, findings: &[Finding]) -> bool {
        let owners: BTreeSet<&str> = self.owners.iter().map(String::as_str).collect();
        findings.iter().any(|finding| self.suspects.iter().any(|suspect| finding.explains(suspect, &owners)))
    }
}

fn incident<'d>(decision: &'d Decision, open: &'d [Incident], id: &str) -> Option<&'d Incident> {
    decision.incidents.iter().chain(open).find(|incident| incident.id == id)
}

#[cfg(test)]
mod tests;
