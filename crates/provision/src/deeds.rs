//! Who did what in an account, as CloudTrail's events said.

use phonehome_aws::table::{Doc, Expect, Table, TableError, Write};
use phonehome_aws::trail::Deed;
use phonehome_state::Keys;
use serde::{Deserialize, Serialize};

/// How many are kept for an account and Region: more than a person does between two looks.
const KEPT_MAX: usize = 50;
/// For how long a deed can explain what is found, in seconds: two sweeps, and the time CloudTrail's
/// event may take.
const KEPT_S: u64 = 75 * 60;
const ATTEMPTS_MAX: usize = 10;

/// What was done in an account and Region lately, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deeds {
    /// The deeds.
    pub deeds: Vec<Deed>,
    /// When the look begins that is queued because of them, in milliseconds since the Unix epoch. One
    /// look sees what all of them did.
    #[serde(default)]
    pub look_due_ms: u64,
}

/// Whether a look that begins later than now is queued already because of somebody's deeds.
///
/// # Errors
/// [`TableError`]
pub async fn is_look_queued(
    table: &impl Table,
    account: &str,
    region: &str,
    now_ms: u64,
) -> Result<bool, TableError> {
    let doc = table.get(&Keys::deeds(account, region)).await?;
    let deeds = doc.as_ref().map(Doc::read::<Deeds>).transpose()?.unwrap_or_default();
    Ok(deeds.look_due_ms > now_ms)
}

/// Notes that a look is queued. Call it when it is: a look too many does no harm, and one that was noted
/// and never queued would.
///
/// # Errors
/// [`TableError`]
pub async fn note_queued_look(
    table: &impl Table,
    account: &str,
    region: &str,
    due_ms: u64,
    now_ms: u64,
) -> Result<(), TableError> {
    let change = |deeds: &mut Deeds| {
        let is_news = deeds.look_due_ms < due_ms;
        deeds.look_due_ms = deeds.look_due_ms.max(due_ms);
        is_news
    };
    update(table, account, region, now_ms, change).await
}

/// Notes a deed, once. phonehome's own are none.
///
/// # Errors
/// [`TableError`]
pub async fn record_deed(table: &impl Table, deed: &Deed, now_ms: u64) -> Result<(), TableError> {
    let change = |deeds: &mut Deeds| {
        let is_news = !deeds.deeds.contains(deed);
        if is_news {
            deeds.deeds.push(deed.clone());
            let surplus = deeds.deeds.len().saturating_sub(KEPT_MAX);
            deeds.deeds.drain(..surplus);
        }
        is_news
    };
    update(table, &deed.account, &deed.region, now_ms, change).await
}

/// Changes the document, unless `change` says that there is nothing to change.
async fn update(
    table: &impl Table,
    account: &str,
    region: &str,
    now_ms: u64,
    change: impl Fn(&mut Deeds) -> bool + Send + Sync,
) -> Result<(), TableError> {
    let key = Keys::deeds(account, region);
    let mut refused = TableError::Conflict { keys: vec![key.clone()] };
    for _ in 0..ATTEMPTS_MAX {
        let doc = table.get(&key).await?;
        let mut deeds = doc.as_ref().map(Doc::read::<Deeds>).transpose()?.unwrap_or_default();
        if !change(&mut deeds) {
            return Ok(());
        }
        let write = Write::put(key.clone(), Expect::unchanged(doc.as_ref()), &deeds);
        match table.write(vec![write.expiring(now_ms / 1000 + KEPT_S)]).await {
            Ok(()) => return Ok(()),
            Err(conflict @ TableError::Conflict { .. }) => refused = conflict,
            Err(error) => return Err(error),
        }
    }
    Err(refused)
}
