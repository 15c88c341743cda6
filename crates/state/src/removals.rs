//! How much the functions take away: each thing that was accepted once, and in an hour no more than
//! the fleet file allows.

use std::collections::BTreeSet;

use phonehome_alerting::Outgoing;
use phonehome_cloud::table::{Doc, Expect, Table, TableError, Write, on_conflict};
use phonehome_network::Ask;
use phonehome_wire::StackId;
use serde::{Deserialize, Serialize};

use crate::{Keys, Outboxed};

/// The window of the limit.
const HOUR_MS: u64 = 60 * 60_000;
/// How often a reservation is tried against others that reserve at the same moment. Of those that
/// collide one always gets through: more than there are ever provisioners at once.
const TRIES: u32 = 60;
/// After how many seconds what was used is forgotten: when every permission that it was used of has
/// ended.
const KEEP_S: u64 = (crate::published::PERMISSION_MS / 1000) + 24 * 60 * 60;

/// How much was taken away in one hour, in all accounts together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hour {
    /// How much was reserved.
    pub reserved: u32,
    /// Whether it was told that there is no more.
    #[serde(default)]
    #[serde(rename = "told")]
    pub notified: bool,
}

/// What was used up of the permission of one version in one account and Region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Of which version.
    pub number: u64,
    /// What.
    pub asks: BTreeSet<Ask>,
    /// Since the Unix epoch, in which hour there was a reservation last.
    #[serde(default)]
    pub hour: u64,
    /// What is reserved in that hour: trying it again in the same hour counts once.
    #[serde(default)]
    pub counted: BTreeSet<Ask>,
}

/// What one observation of a stack is about to take away, cut off or replace.
#[derive(Debug, Clone, Copy)]
pub struct Reservation<'a> {
    /// Of which account and Region.
    pub stack: &'a StackId,
    /// Of which version's permission.
    pub number: u64,
    /// How much is allowed in an hour.
    pub per_hour: u32,
    /// Milliseconds since the Unix epoch.
    pub now_ms: u64,
}

/// What of it may be done in this hour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reserved {
    /// This.
    pub granted: BTreeSet<Ask>,
    /// And this only later.
    pub over: BTreeSet<Ask>,
}

/// What of a version's permission is used up in an account and Region.
///
/// # Errors
/// [`TableError`]
pub async fn used<T: Table>(table: &T, stack: &StackId, number: u64) -> Result<BTreeSet<Ask>, TableError> {
    let doc = table.get(&Keys::used(stack)).await?;
    let used = doc.as_ref().map(Doc::read::<Used>).transpose()?;
    Ok(used.filter(|it| it.number == number).map(|it| it.asks).unwrap_or_default())
}

/// Reserves as much of `asks` as the hour allows, in their order, and notes it as used, before any call
/// is made: whoever dies then has used it up. Where that is not all, `notified` makes the message that says
/// so; it is stored once an hour.
///
/// # Errors
/// [`TableError`]; a conflict means that others reserved at every try.
pub async fn reserve<T: Table>(
    table: &T,
    reservation: &Reservation<'_>,
    asks: &[Ask],
    notified: impl Fn() -> Outgoing,
) -> Result<Reserved, TableError> {
    on_conflict(TRIES, async || try_reserve(table, reservation, asks, &notified).await).await
}

async fn try_reserve<T: Table>(
    table: &T,
    reservation: &Reservation<'_>,
    asks: &[Ask],
    notified: &impl Fn() -> Outgoing,
) -> Result<Reserved, TableError> {
    let Reservation { stack, number, per_hour, now_ms } = *reservation;
    let hour = now_ms / HOUR_MS;
    let (used_key, hour_key) = (Keys::used(stack), Keys::removals(hour));
    let (used_doc, hour_doc) = (table.get(&used_key).await?, table.get(&hour_key).await?);
    let mut used = used_doc.as_ref().map(Doc::read::<Used>).transpose()?.unwrap_or_default();
    let mut sum = hour_doc.as_ref().map(Doc::read::<Hour>).transpose()?.unwrap_or_default();
    // Its version is over: nothing is permitted any more.
    if used.number > number {
        return Ok(Reserved::default());
    }
    if used.number < number {
        used = Used { number, asks: BTreeSet::new(), ..used };
    }
    if used.hour != hour {
        (used.hour, used.counted) = (hour, BTreeSet::new());
    }
    let mut reserved = Reserved::default();
    for ask in asks {
        let is_counted = used.counted.contains(ask);
        if !is_counted && sum.reserved >= per_hour {
            reserved.over.insert(ask.clone());
            continue;
        }
        sum.reserved += u32::from(!is_counted);
        used.counted.insert(ask.clone());
        used.asks.insert(ask.clone());
        reserved.granted.insert(ask.clone());
    }
    let mut writes = Vec::new();
    if !reserved.granted.is_empty() {
        let write = Write::over(used_doc.as_ref(), used_key, &used);
        writes.push(write.expiring(now_ms / 1000 + KEEP_S));
    }
    let is_news = !reserved.over.is_empty() && !sum.notified;
    if is_news {
        let outgoing = notified();
        let key = Keys::outbox(outgoing.at_ms, &outgoing.id);
        writes.push(Write::put(key, Expect::Absent, &Outboxed::new(outgoing)));
        sum.notified = true;
    }
    if !writes.is_empty() {
        let write = Write::over(hour_doc.as_ref(), hour_key, &sum);
        writes.push(write.expiring((hour + 2) * HOUR_MS / 1000));
    }
    table.write(writes).await?;
    Ok(reserved)
}

/// Gives back what was noted as used and was not done: it may be tried again. What counts in the hour
/// goes on counting.
///
/// # Errors
/// [`TableError`]
pub async fn unreserve<T: Table>(
    table: &T,
    stack: &StackId,
    not_done: &BTreeSet<Ask>,
) -> Result<(), TableError> {
    if not_done.is_empty() {
        return Ok(());
    }
    let key = Keys::used(stack);
    let Some(doc) = table.get(&key).await? else { return Ok(()) };
    let mut used: Used = doc.read()?;
    used.asks.retain(|ask| !not_done.contains(ask));
    let write = Write::over(Some(&doc), key, &used);
    let expires_s = used.hour * HOUR_MS / 1000 + KEEP_S;
    match table.write(vec![write.expiring(expires_s)]).await {
        // Somebody else took the stack over: rather one removal too few than one too many.
        Err(TableError::Conflict { .. }) => Ok(()),
        other => other,
    }
}

/// When the next hour begins, in milliseconds since the Unix epoch.
pub fn next_hour_ms(now_ms: u64) -> u64 {
    (now_ms / HOUR_MS + 1) * HOUR_MS
}

/// Which hour a moment is in, since the Unix epoch.
pub fn hour_of(now_ms: u64) -> u64 {
    now_ms / HOUR_MS
}

#[cfg(test)]
mod tests;
