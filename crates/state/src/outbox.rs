//! Messages on their way out.

use phonehome_alerting::Outgoing;
use serde::{Deserialize, Serialize};

/// How long a claimed message is left to whoever claimed it, in milliseconds: longer than the notifier may
/// run, also by a clock that is ahead, so that two invocations never deliver the same one. The model
/// `tests/tests/models/outbox.rs` holds it.
pub const CLAIM_MS: u64 = 60_000;

/// The notifier's time limit, in milliseconds: `Timeout` in `infra/hub.yaml`.
pub const NOTIFIER_LIMIT_MS: u64 = 30_000;

/// How long one invocation begins calls of Slack, of that time.
pub const SLACK_LIMIT_MS: u64 = 15_000;

/// How long Slack may still be taking a post of which no answer came, in milliseconds: three times as long as a
/// call is waited for. Slack names no bound.
pub const SETTLES_MS: u64 = 30_000;

/// The longest pause between two attempts, in milliseconds, unless Slack asks for a longer one.
const PAUSE_MS_MAX: u64 = 15 * 60_000;

/// A message on its way out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outboxed {
    /// The message.
    pub outgoing: Outgoing,
    /// How often its delivery was tried.
    #[serde(default)]
    pub attempts: u32,
    /// How many of these were refused for certain. Of the others nobody knows whether they were delivered.
    #[serde(default)]
    pub rejected: u32,
    /// Not to be tried before this moment; milliseconds since the Unix epoch.
    #[serde(default)]
    pub not_before_ms: u64,
    /// Why the last attempt failed, for people.
    #[serde(default)]
    pub last_error: String,
    /// What Slack asked to be left alone when it did not take this message. They hold for every
    /// message there is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Hold>,
    /// Slack refuses its content for good: it is kept, and not tried again.
    #[serde(default)]
    pub given_up: bool,
}

/// A limit of Slack's: nothing it covers is called before it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// What it covers.
    #[serde(flatten)]
    pub on: Held,
    /// Its end; milliseconds since the Unix epoch.
    pub until_ms: u64,
}

/// What a limit of Slack's covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "on", content = "name", rename_all = "snake_case")]
pub enum Held {
    /// A channel, as the fleet file names it.
    Channel(String),
    /// A method of the Web API, `chat.update`.
    Method(String),
    /// Everything.
    Workspace,
}

impl Outboxed {
    /// A message that was just decided, due at once.
    pub fn new(outgoing: Outgoing) -> Self {
        Self {
            outgoing,
            attempts: 0,
            rejected: 0,
            not_before_ms: 0,
            last_error: String::new(),
            holds: vec![],
            given_up: false,
        }
    }

    /// Whether nobody has claimed it and its pause is over.
    pub fn is_due(&self, now_ms: u64) -> bool {
        self.not_before_ms <= now_ms
    }

    /// As one invocation claims it before it is sent: nobody else touches it for [`CLAIM_MS`].
    #[must_use]
    pub fn claimed(self, now_ms: u64) -> Self {
        Self { attempts: self.attempts + 1, not_before_ms: now_ms + CLAIM_MS, ..self }
    }

    /// As it goes back after it could not be delivered: with the reason, and a pause that lasts as long as
    /// Slack asks, or doubles with each attempt up to 15 minutes.
    #[must_use]
    pub fn requeue(self, now_ms: u64, last_error: String, holds: Vec<Hold>) -> Self {
        let asked = holds.iter().map(|hold| hold.until_ms).max();
        let doubled = now_ms + (1000 << self.attempts.min(20)).min(PAUSE_MS_MAX);
        Self { not_before_ms: asked.unwrap_or(doubled), last_error, holds, ..self }
    }

    /// The same, where it was refused for certain.
    #[must_use]
    pub fn rejected(self) -> Self {
        Self { rejected: self.rejected + 1, ..self }
    }

    /// Whether it may have been delivered although it is still here: whoever claimed it has it now, died, or
    /// got no answer.
    pub fn is_in_doubt(&self) -> bool {
        self.attempts > self.rejected
    }

    /// The same, of a claimed message: whether that was so before this claim.
    pub fn was_in_doubt(&self) -> bool {
        self.attempts > self.rejected + 1
    }

    /// As it goes back while it may still be on its way.
    #[must_use]
    pub fn settling(self, now_ms: u64) -> Self {
        Self { not_before_ms: self.not_before_ms.max(now_ms + SETTLES_MS), ..self }
    }

    /// As it goes back when it was claimed and not tried: due at once, as before.
    #[must_use]
    pub fn released(self) -> Self {
        Self { attempts: self.attempts.saturating_sub(1), not_before_ms: 0, ..self }
    }
}

#[cfg(test)]
mod tests {
    use phonehome_alerting::OutgoingBody;

    use super::*;

    fn message() -> Outboxed {
        let body = OutgoingBody::Page {
            subject: "s".into(),
            text: "t".into(),
            resolved: false,
            title: None,
            accounts: vec![],
            of: None,
            merged_into: None,
        };
        Outboxed::new(Outgoing {
            id: "i/1/page".into(),
            incident_id: "i".into(),
            at_ms: 1_000,
            sequence: 0,
            body,
        })
    }

    #[test]
    fn a_claim_lasts_until_its_holder_is_surely_over() {
        let claimed = message().claimed(50_000);
        assert_eq!((claimed.attempts, claimed.is_due(50_000 + CLAIM_MS - 1)), (1, false));
        assert!(claimed.is_due(50_000 + CLAIM_MS));
        // Of two clocks one may be 5 s ahead, the other as much behind.
        const { assert!(CLAIM_MS > NOTIFIER_LIMIT_MS + 10_000) };
    }

    #[test]
    fn pauses_double_up_to_a_quarter_of_an_hour() {
        let paused = |attempts: u32, holds: &[u64]| {
            let hold = |until_ms: &u64| Hold { on: Held::Workspace, until_ms: *until_ms };
            let holds: Vec<Hold> = holds.iter().map(hold).collect();
            let back = Outboxed { attempts, ..message() }.requeue(7_000, "no".into(), holds.clone());
            assert_eq!((back.attempts, back.last_error.as_str(), &back.holds), (attempts, "no", &holds));
            back.not_before_ms - 7_000
        };
        let pauses = [1, 2, 3, 9, 10, 60].map(|attempts| paused(attempts, &[]));
        assert_eq!(pauses, [2_000, 4_000, 8_000, 512_000, 900_000, 900_000]);
        assert_eq!(paused(1, &[37_000, 2_007_000]), 2_000_000, "as long as Slack asks");
    }

    #[test]
    fn what_was_refused_for_certain_is_in_no_doubt_and_what_got_no_answer_is() {
        let back = |claimed: Outboxed| claimed.requeue(0, "no".into(), vec![]);
        let refused = back(message().claimed(0)).rejected();
        assert_eq!((refused.is_in_doubt(), refused.clone().claimed(0).was_in_doubt()), (false, false));
        let unheard = back(refused.claimed(0));
        assert_eq!((unheard.is_in_doubt(), unheard.clone().claimed(0).was_in_doubt()), (true, true));
        assert!(unheard.clone().claimed(0).released().is_in_doubt(), "not tried, it is as before");
        assert!(back(unheard.claimed(0)).rejected().is_in_doubt(), "a later refusal says nothing of it");
        assert_eq!(back(message().claimed(0)).settling(0).not_before_ms, SETTLES_MS);
    }

    #[test]
    fn what_was_not_tried_is_due_as_before() {
        let released = message().claimed(50_000).released();
        assert_eq!((released.attempts, released.is_due(50_000)), (0, true));
        assert_eq!(message().released().attempts, 0);
    }
}
