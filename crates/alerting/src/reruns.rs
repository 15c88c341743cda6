//! Which probes are asked to run again, so that results are there within seconds and not minutes: bounded, whatever fails.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::{AccountId, AzId, CheckId, Region};
use serde::{Deserialize, Serialize};

use crate::{Doubt, Heartbeat, ProbePart, ProbeView, World};

/// For how long an answer is waited for, in milliseconds: 20 s. A run in which nobody answers takes 7, its report waits 5
/// for others, and what asks for it and carries it takes one to three.
const ANSWERED_WITHIN_MS: u64 = 20_000;
/// An ask that is older than this is not carried out any more, in milliseconds: 30 s. By then the schedule has run.
pub const ASKED_LASTS_MS: u64 = 30_000;
/// For how long an ask counts, in milliseconds.
const MINUTE_MS: u64 = 60_000;
/// How many asks there are in a minute, in the whole fleet: a third of what 130 accounts with three zones run anyway,
/// and work for one provisioner.
const FLEET_A_MINUTE: usize = 120;
/// How many asks of one part of a probe there are in a minute.
const PART_A_MINUTE: usize = 6;
/// How many reruns of an account are waited for at once: a fresh account runs ten functions at once, and has schedules.
const ACCOUNT_AT_ONCE: usize = 3;
/// After so many asks in a row without an answer an account is left alone: its role does not allow it, say.
const UNANSWERED_MAX: u32 = 3;
/// For how long, in milliseconds: an hour.
const LEFT_ALONE_MS: u64 = 60 * MINUTE_MS;
/// Where so many accounts do not answer it is not the accounts: nobody is asked then.
const ACCOUNTS_LEFT_MAX: usize = 200;

/// That a part of a probe is to run some of its checks again: what the alerter asks of the provisioner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rerun {
    /// The account of the probe.
    pub account: AccountId,
    /// Its Region.
    pub region: Region,
    /// Its zone.
    pub availability_zone: AzId,
    /// Which part of its checks.
    #[serde(default)]
    pub part: u32,
    /// Which of these.
    pub checks: BTreeSet<CheckId>,
    /// When it was asked for; milliseconds since the Unix epoch.
    pub asked_ms: u64,
}

impl Rerun {
    /// Whether it comes too late to matter.
    #[must_use]
    pub fn is_over(&self, now_ms: u64) -> bool {
        now_ms >= self.asked_ms.saturating_add(ASKED_LASTS_MS)
    }
}

/// What was asked for within the last minute, and who does not answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reruns {
    /// The oldest first; 120 at most.
    pub asked: Vec<Asked>,
    /// The accounts that have not answered lately; 200 at most.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unanswered: BTreeMap<AccountId, Unanswered>,
}

/// One ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// When; milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Of which account.
    pub account: AccountId,
    /// Of which of its probes and parts, as its sort key has it.
    pub part: String,
}

/// That an account does not answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unanswered {
    /// How many asks in a row.
    pub asks: u32,
    /// When the last of these was; milliseconds since the Unix epoch.
    pub last_ms: u64,
}

/// When the newest report of a rerun came of each part, by its sort key; milliseconds since the Unix epoch.
type Answers = BTreeMap<String, u64>;

impl Reruns {
    /// The same after a decision, and who is asked now. An ask that gets lost is made again after 20 s, if it still
    /// matters; until then nobody is asked twice for the same.
    #[must_use]
    pub fn after(&self, doubts: &[Doubt], world: &World) -> (Self, Vec<Rerun>) {
        let (mut next, now_ms) = (self.clone(), world.now_ms);
        let answers = next.answers(doubts, world);
        next.forget(&answers, now_ms);
        let mut reruns = Vec::new();
        for doubt in doubts {
            let part = doubt.probe_part();
            if !next.may_ask(&part, &answers, now_ms) {
                continue;
            }
            let ProbePart { probe, part: number } = part.clone();
            next.asked.push(Asked { at_ms: now_ms, account: probe.account.clone(), part: part.to_string() });
            reruns.push(Rerun {
                account: probe.account,
                region: probe.region,
                availability_zone: probe.availability_zone,
                part: number,
                checks: doubt.checks.iter().cloned().collect(),
                asked_ms: now_ms,
            });
        }
        (next, reruns)
    }

    /// When each of the parts that were asked, or may be, answered last.
    fn answers(&self, doubts: &[Doubt], world: &World) -> Answers {
        let in_doubt = doubts.iter().map(|it| &it.probe.account);
        let accounts: BTreeSet<&AccountId> =
            self.asked.iter().map(|it| &it.account).chain(in_doubt).collect();
        let matters = |view: &&ProbeView| accounts.contains(&view.key.account);
        let heartbeats = world.probes.iter().filter(matters).flat_map(ProbeView::heartbeats);
        let answer = |it: &Heartbeat| (it.probe_part().to_string(), it.rerun_received_ms);
        heartbeats.map(answer).collect()
    }

    /// What was asked for more than a minute ago counts no more, but for whether it was answered.
    fn forget(&mut self, answers: &Answers, now_ms: u64) {
        let is_old = |it: &Asked| now_ms >= it.at_ms.saturating_add(MINUTE_MS);
        let (old, asked) = std::mem::take(&mut self.asked).into_iter().partition(is_old);
        self.asked = asked;
        let old: Vec<Asked> = old;
        for ask in &old {
            if is_answered(ask, answers) {
                self.unanswered.remove(&ask.account);
            } else {
                let known = self.unanswered.entry(ask.account.clone()).or_default();
                *known =
                    Unanswered { asks: known.asks.saturating_add(1), last_ms: ask.at_ms.max(known.last_ms) };
            }
        }
        self.unanswered.retain(|_, it| now_ms < it.last_ms.saturating_add(LEFT_ALONE_MS));
        while self.unanswered.len() > ACCOUNTS_LEFT_MAX {
            self.unanswered.pop_last();
        }
    }

    fn may_ask(&self, part: &ProbePart, answers: &Answers, now_ms: u64) -> bool {
        let (name, account) = (part.to_string(), &part.probe.account);
        let is_left_alone = self.unanswered.get(account).is_some_and(|it| it.asks >= UNANSWERED_MAX);
        let waits =
            |it: &&Asked| now_ms < it.at_ms.saturating_add(ANSWERED_WITHIN_MS) && !is_answered(it, answers);
        let of_part = || self.asked.iter().filter(|it| it.part == name);
        let of_account = self.asked.iter().filter(|it| it.account == *account).filter(waits);
        !is_left_alone
            && self.unanswered.len() < ACCOUNTS_LEFT_MAX
            && self.asked.len() < FLEET_A_MINUTE
            && of_part().count() < PART_A_MINUTE
            && !of_part().any(|it| waits(&it))
            && of_account.count() < ACCOUNT_AT_ONCE
    }
}

fn is_answered(ask: &Asked, answers: &Answers) -> bool {
    answers.get(&ask.part).is_some_and(|at_ms| *at_ms >= ask.at_ms)
}

#[cfg(test)]
mod tests;
