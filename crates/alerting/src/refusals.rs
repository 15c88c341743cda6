//! Reports that do not count, by the account that sent them.

use std::collections::BTreeMap;

use phonehome_wire::AccountId;
use serde::{Deserialize, Serialize};

/// An account whose reports were refused for as long as this is notified of: 15 minutes, in milliseconds.
/// It is longer than any roll-out of an input takes.
pub const LASTS_AFTER_MS: u64 = 15 * 60 * 1000;
/// After as long without a refusal it is over, and the next one begins anew: 10 minutes, in milliseconds.
pub const OVER_AFTER_MS: u64 = 10 * 60 * 1000;
/// How many refused reports of an account are kept as dead letters each time it begins: enough to see
/// what they are, and too few to fill a queue.
pub const LETTERS_KEPT: u64 = 3;
/// The longest problem that is stored, in characters.
const PROBLEM_CHARS_MAX: usize = 300;

/// Why a report does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refused {
    /// It is not a report, or one of a newer version.
    Unreadable,
    /// It names another account than the one that sent it.
    Forged,
    /// The account has no stack in that Region.
    NoStack,
    /// Its stack's document cannot be read, so nothing is known of what it was asked.
    UnreadableStack,
    /// The stack has no probe in that Availability Zone.
    UnknownZone,
    /// It is of none of the last two inputs of that probe.
    OtherInput,
}

impl Refused {
    /// The word it is stored and told by.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "not a report",
            Self::Forged => "in another account's name",
            Self::NoStack => "of a Region without a stack",
            Self::UnreadableStack => "of a stack whose document cannot be read",
            Self::UnknownZone => "of a zone without a probe",
            Self::OtherInput => "of an input that is not in force",
        }
    }

    /// Whether a report like this is worth an observation of the report itself. One of an earlier input is
    /// usual after a publish, and one whose stack cannot be read is as good as any.
    #[must_use]
    pub fn is_strange(self) -> bool {
        !matches!(self, Self::OtherInput | Self::UnreadableStack)
    }
}

/// The refused reports of one account since it last began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusals {
    /// Who sent them: from the event's envelope.
    pub account: AccountId,
    /// When the first one came; milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// When the newest one came; milliseconds since the Unix epoch.
    pub last_ms: u64,
    /// How many there were.
    pub count: u64,
    /// How many for each reason ([`Refused::word`]).
    #[serde(default)]
    pub reasons: BTreeMap<String, u64>,
    /// What was wrong with the newest one, for people; at most 300 characters.
    #[serde(default)]
    pub problem: String,
}

impl Refusals {
    /// With one more.
    #[must_use]
    pub fn with(
        before: Option<Self>,
        account: &AccountId,
        refused: Refused,
        problem: &str,
        now_ms: u64,
    ) -> Self {
        let going_on = before.filter(|before| !before.is_over(now_ms));
        let mut refusals = going_on.unwrap_or_else(|| Self {
            account: account.clone(),
            since_ms: now_ms,
            last_ms: now_ms,
            count: 0,
            reasons: BTreeMap::new(),
            problem: String::new(),
        });
        refusals.last_ms = refusals.last_ms.max(now_ms);
        refusals.count += 1;
        *refusals.reasons.entry(refused.word().to_owned()).or_default() += 1;
        refusals.problem = crate::words::clip(problem, PROBLEM_CHARS_MAX);
        refusals
    }

    /// Whether the newest one is to be kept as a dead letter.
    #[must_use]
    pub fn is_letter(&self) -> bool {
        self.count <= LETTERS_KEPT
    }

    /// Whether it has gone on for so long that somebody should know.
    #[must_use]
    pub fn lasts(&self, now_ms: u64) -> bool {
        !self.is_over(now_ms) && self.last_ms.saturating_sub(self.since_ms) >= LASTS_AFTER_MS
    }

    fn is_over(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.last_ms) > OVER_AFTER_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: u64 = 60_000;

    #[test]
    fn what_goes_on_for_a_quarter_of_an_hour_lasts_and_what_stops_begins_anew() {
        let sender: AccountId = "111122223333".parse().unwrap();
        let add = |before, minute| {
            Refusals::with(before, &sender, Refused::NoStack, "no stack", minute * MINUTE_MS)
        };
        let mut refusals = add(None, 0);
        for minute in 1..15 {
            refusals = add(Some(refusals), minute);
            assert!(!refusals.lasts(minute * MINUTE_MS), "minute {minute}");
        }
        refusals = add(Some(refusals), 15);
        assert!(refusals.lasts(15 * MINUTE_MS) && refusals.lasts(25 * MINUTE_MS));
        assert!(!refusals.lasts(26 * MINUTE_MS));
        assert_eq!((refusals.count, refusals.is_letter()), (16, false));
        let anew = add(Some(refusals), 26);
        assert_eq!((anew.count, anew.since_ms, anew.is_letter()), (1, 26 * MINUTE_MS, true));
    }
}
