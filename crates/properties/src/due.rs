//! Which accounts are looked at next.

use std::collections::BTreeMap;

use phonehome_wire::AccountId;

use crate::kept::Kept;
use crate::obstacle::UNKEPT_MAX;
use crate::subject::Subject;

/// How often an account is looked at, in milliseconds: once a day.
const EVERY_MS: u64 = 24 * 60 * 60_000;

/// How often one that people have to put right, in milliseconds.
const OBSTACLE_MS: u64 = 60 * 60_000;

/// How soon again where AWS took every call and showed something else, in milliseconds: its answers may be old.
const UNKEPT_MS: u64 = 10 * 60_000;

/// How many accounts are looked at in a round, each with some six calls one after the other. 1,000 accounts take 100
/// minutes a day, and Organizations and Account Management are asked ten times a second at most, of which they allow 5
/// (`ListParents`) and 10 (`GetAlternateContact`) for each kind of call.
pub const LOOKS_A_ROUND: usize = 10;

/// Whom to look at now, and when to ask again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due<'a> {
    /// The accounts, the most urgent first: those that phonehome made and nobody has looked at, those of which something
    /// else is declared than at their last look, those whose look is the oldest.
    pub now: Vec<&'a Subject>,
    /// When there is something to do next, in milliseconds since the Unix epoch. `None`: never, as far as is known.
    pub again_at_ms: Option<u64>,
}

/// What is remembered of when accounts may be looked at; milliseconds since the Unix epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotBefore {
    /// Those that could not be looked at to the end.
    pub accounts: BTreeMap<AccountId, u64>,
    /// All but those that phonehome made and nobody has looked at: a round of them was just done.
    pub others_ms: u64,
}

/// Decides. `kept` are the accounts' documents.
#[must_use]
pub fn due<'a>(
    subjects: &'a [Subject],
    kept: &BTreeMap<AccountId, Kept>,
    not_before: &NotBefore,
    now_ms: u64,
) -> Due<'a> {
    let mut all: Vec<(u64, &Subject)> = subjects
        .iter()
        .filter_map(|subject| {
            let at_ms = at_ms(subject, kept.get(&subject.account))?;
            let own_ms = not_before.accounts.get(&subject.account).copied().unwrap_or_default();
            let others_ms = if is_new(subject, kept) { 0 } else { not_before.others_ms };
            Some((at_ms.max(own_ms).max(others_ms), subject))
        })
        .collect();
    all.sort_by_key(|(at_ms, subject)| (*at_ms > now_ms, !is_new(subject, kept), *at_ms, &subject.account));
    let now = all.iter().filter(|(at_ms, _)| *at_ms <= now_ms).take(LOOKS_A_ROUND);
    let now: Vec<&Subject> = now.map(|(_, subject)| *subject).collect();
    let again_at_ms = all[now.len()..].iter().map(|(at_ms, _)| (*at_ms).max(now_ms)).min();
    Due { now, again_at_ms }
}

/// Whether phonehome made an account and nobody has looked at it.
pub(crate) fn is_new(subject: &Subject, kept: &BTreeMap<AccountId, Kept>) -> bool {
    subject.vended && !kept.contains_key(&subject.account)
}

/// `None`: nothing is declared, and nothing was.
fn at_ms(subject: &Subject, kept: Option<&Kept>) -> Option<u64> {
    let nothing = phonehome_fleet::Properties { support_plan: None, ..subject.properties.clone() }.is_empty();
    let Some(kept) = kept else { return (!nothing).then_some(0) };
    if nothing && kept.given.is_empty() {
        return None;
    }
    if kept.declared != subject.digest() || kept.looked_at_ms == 0 {
        return Some(0);
    }
    let after_ms = match (kept.unkept, kept.obstacles.is_empty()) {
        (1..UNKEPT_MAX, _) => UNKEPT_MS,
        (_, true) => EVERY_MS,
        (_, false) => OBSTACLE_MS,
    };
    Some(kept.looked_at_ms + after_ms)
}
