//! The roll-out that is under way, and what of it is written together with the versions of the fleet file.

use phonehome_cloud::table::{ATTEMPTS, Doc, Expect, MayConflict, Table, TableError, Write, on_conflict};
use phonehome_rollout::{
    Begin, NotNow, Pace, RollOut, Superseded, Wave, begin, in_force_at_once, superseded, supersedes,
    take_over,
};

use crate::published::{Base, NotPublished, PublishedFleet, base};
use crate::{Keys, fits};

/// How a version reaches the accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// It is in force in all of them at once; what its file declares has no waves.
    AtOnce,
    /// The same in spite of the waves that it declares.
    Emergency {
        /// Why, in the words of who publishes it.
        reason: String,
    },
    /// In waves.
    InWaves {
        /// One after the other.
        waves: Vec<Wave>,
        /// How long is waited, and for how many at once.
        pace: Pace,
        /// Whether it mends what open incidents are about.
        mends: bool,
    },
}

/// Why something was not done with the roll-out.
#[derive(Debug, thiserror::Error)]
pub enum NotChanged {
    /// Nothing was ever rolled out.
    #[error(
        "nothing is rolled out: `phonehome publish` begins a roll-out where the fleet file has a `rollout`"
    )]
    None,
    /// It cannot be done as it is.
    #[error(transparent)]
    NotNow(#[from] NotNow),
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl MayConflict for NotChanged {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Table(error) if error.is_conflict())
    }
}

/// The newest roll-out, as it is stored; `None` when there was none.
///
/// # Errors
/// [`TableError`], also when it is unreadable.
pub async fn roll_out(table: &impl Table) -> Result<Option<(Doc, RollOut)>, TableError> {
    let doc = table.get(&Keys::rollout()).await?;
    doc.map(|doc| doc.read().map(|roll_out| (doc, roll_out))).transpose()
}

/// Does with the roll-out what an operator wants, unless it cannot be done as it is.
///
/// # Errors
/// [`NotChanged`]; nothing is stored then.
pub async fn change_roll_out(
    table: &impl Table,
    change: impl Fn(&RollOut) -> Result<RollOut, NotNow>,
) -> Result<RollOut, NotChanged> {
    on_conflict(ATTEMPTS, async || {
        let (doc, before) = roll_out(table).await?.ok_or(NotChanged::None)?;
        let after = change(&before)?;
        table.write(vec![Write::over(Some(&doc), Keys::rollout(), &after)]).await?;
        Ok(after)
    })
    .await
}

/// Publishes a version, over the base that it was planned against, as that base's next number: puts it in force, or
/// begins to roll it out. Where another one is being rolled out it takes its place if it `supersedes`.
///
/// # Errors
/// [`NotPublished`]; nothing is stored then.
pub async fn publish_by<T: Table>(
    table: &T,
    over: &Base,
    published: PublishedFleet,
    way: &Way,
    supersedes: bool,
) -> Result<PublishedFleet, NotPublished> {
    let published = PublishedFleet { number: over.next(), over: over.over(), ..published };
    fits(&published)?;
    for _ in 0..ATTEMPTS {
        let before = roll_out(table).await?;
        // After it: what comes into force from here on changes the roll-out as well, or takes the number. Another
        // version must be looked at by a person.
        let now = base(table).await?;
        if now.next() != over.next() || now.current() != over.current() {
            return Err(NotPublished::overtaken(&now));
        }
        let under_way = before.as_ref().map(|(_, it)| it).filter(|it| !it.is_over());
        if let Some(under_way) = under_way.filter(|_| !supersedes) {
            return Err(NotPublished::UnderWay { version: under_way.versions.target });
        }
        let writes = writes(over, &published, way, before.as_ref());
        match table.write(writes).await {
            Ok(()) => return Ok(published),
            // The roll-out goes on meanwhile, and is looked at again.
            Err(TableError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(NotPublished::overtaken(&base(table).await?))
}

/// Puts a version in force in all accounts at once, over the base that it was planned against: as that base's next
/// number.
///
/// # Errors
/// [`NotPublished`]; nothing is stored then.
pub async fn publish<T: Table>(
    table: &T,
    base: &Base,
    published: PublishedFleet,
) -> Result<PublishedFleet, NotPublished> {
    publish_by(table, base, published, &Way::AtOnce, false).await
}

/// Everything that is written for a version, in one transaction.
fn writes(over: &Base, published: &PublishedFleet, way: &Way, before: Option<&(Doc, RollOut)>) -> Vec<Write> {
    let mut writes = Vec::new();
    let kept = over.kept();
    if let Some(kept) = &kept {
        writes.push(Write::put(Keys::version(kept.number), Expect::Absent, kept));
    }
    writes.push(Write::put(Keys::version(published.number), Expect::Absent, published));
    let in_force = match way {
        Way::AtOnce | Way::Emergency { .. } => Some(published),
        // What is in force gets the number by which it is told from the one that is rolled out.
        Way::InWaves { .. } => kept.as_ref(),
    };
    writes.extend(in_force.map(|it| Write::put(Keys::fleet(), over.expect(), it)));
    let (doc, roll_out) = before.map(|(doc, roll_out)| (doc, roll_out)).unzip();
    let after = after(over, published, way, roll_out);
    writes.extend(after.map(|it| Write::put(Keys::rollout(), Expect::unchanged(doc), &it)));
    writes
}

/// The roll-out from now on; `None` where nothing is to be stored of it.
fn after(over: &Base, published: &PublishedFleet, way: &Way, before: Option<&RollOut>) -> Option<RollOut> {
    let at_ms = published.published_at_ms;
    let begun = |waves: Vec<Wave>, pace: Pace, mends: bool, supersedes: Option<Superseded>| Begin {
        base: over.number(),
        target: published.number,
        by: published.published_by.clone(),
        at_ms,
        mends,
        pace,
        waves,
        supersedes,
    };
    let taken = before.and_then(supersedes);
    match way {
        Way::AtOnce => before.filter(|it| !it.is_over()).map(|it| superseded(it, at_ms)),
        Way::Emergency { reason } => {
            let none = Pace { bake_ms: 0, converge_ms: 0, at_once: 0 };
            Some(in_force_at_once(begun(vec![], none, false, taken), reason.clone()))
        }
        Way::InWaves { waves, pace, mends } => {
            let begun = begin(begun(waves.clone(), *pace, *mends, taken));
            Some(match before {
                Some(before) => take_over(begun, before),
                None => begun,
            })
        }
    }
}

#[cfg(test)]
mod tests;
