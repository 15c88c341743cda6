//! What look-ups that were answered, or not, hold or end.

use std::collections::BTreeSet;

use phonehome_cloud::table::{Doc, Table, TableError};

use crate::pace::Pace;
use crate::refusal::Hold;
use crate::stored::{change_pace, pace_key};
use crate::unseen::{LookUp, Unseen};

impl Pace {
    /// After a look-up gave no answer. What was told before it and lasts is told on: people do one thing after the other.
    #[must_use]
    pub fn unseen(&self, unseen: &Unseen, now_ms: u64) -> Self {
        let stays = match self.held.as_ref().filter(|held| now_ms < held.until_ms) {
            None => false,
            Some(held) => match &held.hold {
                // Written again only once half of its time is over.
                Hold::Unseen(it) if it.is_the_same(unseen) => now_ms < held.halfway_ms(),
                Hold::Unseen(it) => it.needs_people() || !unseen.needs_people(),
                other => other.needs_people() && !unseen.needs_people(),
            },
        };
        if stays { self.clone() } else { self.refused(Hold::Unseen(unseen.clone()), now_ms) }
    }

    /// After these look-ups were answered.
    #[must_use]
    pub fn seen(&self, answered: &BTreeSet<LookUp>) -> Self {
        let is_over = |hold: &Hold| matches!(hold, Hold::Unseen(it) if answered.contains(&it.look_up));
        let held = self.held.clone().filter(|held| !is_over(&held.hold));
        Self { held, ..self.clone() }
    }

    /// After look-ups of which some were answered, and one was not.
    #[must_use]
    pub fn looked(&self, answered: &BTreeSet<LookUp>, unseen: Option<&Unseen>, now_ms: u64) -> Self {
        let Some(unseen) = unseen else { return self.seen(answered) };
        let others: BTreeSet<LookUp> = answered.iter().copied().filter(|it| *it != unseen.look_up).collect();
        self.seen(&others).unseen(unseen, now_ms)
    }
}

/// Stores what came of look-ups, where that changes anything.
///
/// # Errors
/// [`TableError`]
pub async fn looked(
    table: &impl Table,
    answered: &BTreeSet<LookUp>,
    unseen: Option<&Unseen>,
    now_ms: u64,
) -> Result<(), TableError> {
    let doc = table.get(&pace_key()).await?;
    let pace: Pace = doc.as_ref().map(Doc::read).transpose()?.unwrap_or_default();
    if pace.looked(answered, unseen, now_ms) == pace {
        return Ok(());
    }
    change_pace(table, |pace| pace.looked(answered, unseen, now_ms)).await
}
