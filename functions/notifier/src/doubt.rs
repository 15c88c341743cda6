//! What may have been posted before: an earlier invocation announced it, and died or got no answer.

use phonehome_slack::{Mark, Part};

use crate::outbox::Pending;

/// Posts that may have been made.
pub(crate) struct Doubt {
    /// By these they are found.
    pub(crate) marks: Vec<Mark>,
    /// When the first of them was decided; milliseconds since the Unix epoch.
    pub(crate) since_ms: u64,
    /// How often the one that was tried most was tried, this time too.
    pub(crate) attempts: u32,
}

impl Doubt {
    /// What of these messages may have been posted; nothing when it is certain of each that it was not.
    pub(crate) fn of(group: &[Pending], part: Part) -> Option<Self> {
        let doubted: Vec<&Pending> = group.iter().filter(|it| it.message.was_in_doubt()).collect();
        let since_ms = doubted.iter().map(|it| it.message.outgoing.at_ms).min()?;
        let attempts = doubted.iter().map(|it| it.message.attempts).max()?;
        let marks = doubted.into_iter().map(|pending| mark(part, pending)).collect();
        Some(Self { marks, since_ms, attempts })
    }
}

/// What a post for this message bears.
pub(crate) fn mark(part: Part, pending: &Pending) -> Mark {
    Mark { part, outbox_id: pending.message.outgoing.id.clone() }
}
