//! Who did what in an account, as CloudTrail's events said.

use crate::trail::Deed;
use phonehome_cloud::table::{Doc, Expect, Table, TableError, Write};
use phonehome_state::{Keys, set_aside};
use serde::{Deserialize, Serialize};

/// How many are kept for an account and Region: more than a person does between two looks.
const KEPT_MAX: usize = 50;
/// For how long a deed can explain what is found, in seconds: two sweeps, and the time CloudTrail's
/// event may take.
const KEPT_S: u64 = 75 * 60;
const ATTEMPTS_MAX: usize = 10;
/// How many deeds of an account and Region are noted within [`WINDOW_MS`]: twice what is kept. Of what is
/// beyond only that there was more is noted, so that whoever floods the queue costs reads and no writes.
pub(crate) const NOTED_MAX: u32 = 100;
/// 15 minutes, in milliseconds: the longest delay of a message, and so of the look that is queued for
/// what was not noted.
pub(crate) const WINDOW_MS: u64 = 15 * 60 * 1000;
/// How much of a deed's texts is kept, in characters, and how many ids.
const TEXT_MAX: usize = 300;
const IDS_MAX: usize = 50;

/// What was done in an account and Region lately, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deeds {
    /// The deeds.
    pub deeds: Vec<Deed>,
    /// When the look begins that is queued because of them, in milliseconds since the Unix epoch. One
    /// look sees what all of them did.
    #[serde(default)]
    pub look_due_ms: u64,
    /// When the window began in which deeds are counted; milliseconds since the Unix epoch.
    #[serde(default)]
    pub window_since_ms: u64,
    /// How many were noted since.
    #[serde(default)]
    pub in_window: u32,
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
    Ok(read(doc.as_ref()).0.look_due_ms > now_ms)
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
    update(table, account, region, now_ms, change).await.map(|_| ())
}

/// What is kept of a deed: it comes from a member account, which may write much into it.
fn bounded(deed: &Deed) -> Deed {
    let clip = |text: &String| text.chars().take(TEXT_MAX).collect::<String>();
    Deed {
        account: deed.account.clone(),
        region: deed.region.clone(),
        event_name: clip(&deed.event_name),
        who: clip(&deed.who),
        role: deed.role.as_ref().map(clip),
        session: deed.session.as_ref().map(clip),
        when: clip(&deed.when),
        resource_ids: deed.resource_ids.iter().take(IDS_MAX).map(clip).collect(),
    }
}

/// Notes a deed, once; phonehome's own are none. Answers whether it is noted: of one account not more
/// than 100 are within 15 minutes.
///
/// # Errors
/// [`TableError`]
pub async fn record_deed(table: &impl Table, deed: &Deed, now_ms: u64) -> Result<bool, TableError> {
    let deed = &bounded(deed);
    let change = |deeds: &mut Deeds| {
        if now_ms.saturating_sub(deeds.window_since_ms) >= WINDOW_MS {
            (deeds.window_since_ms, deeds.in_window) = (now_ms, 0);
        }
        let is_news = !deeds.deeds.contains(deed) && deeds.in_window < NOTED_MAX;
        if is_news {
            deeds.in_window += 1;
            deeds.deeds.push(deed.clone());
            let surplus = deeds.deeds.len().saturating_sub(KEPT_MAX);
            deeds.deeds.drain(..surplus);
        }
        is_news
    };
    let deeds = update(table, &deed.account, &deed.region, now_ms, change).await?;
    Ok(deeds.deeds.contains(deed) || deeds.in_window < NOTED_MAX)
}

/// The document, and it as it is stored where it cannot be read: what cannot be read explains nothing.
fn read(doc: Option<&Doc>) -> (Deeds, Option<&Doc>) {
    match doc.map(|doc| (doc, doc.read::<Deeds>())) {
        None => (Deeds::default(), None),
        Some((_, Ok(deeds))) => (deeds, None),
        Some((doc, Err(_))) => (Deeds::default(), Some(doc)),
    }
}

/// Changes the document, unless `change` says that there is nothing to change; answers it.
async fn update(
    table: &impl Table,
    account: &str,
    region: &str,
    now_ms: u64,
    change: impl Fn(&mut Deeds) -> bool + Send + Sync,
) -> Result<Deeds, TableError> {
    let key = Keys::deeds(account, region);
    let mut refused = TableError::Conflict { keys: vec![key.clone()] };
    for _ in 0..ATTEMPTS_MAX {
        let doc = table.get(&key).await?;
        let (mut deeds, unread) = read(doc.as_ref());
        if !change(&mut deeds) {
            return Ok(deeds);
        }
        let write = Write::put(key.clone(), Expect::unchanged(doc.as_ref()), &deeds);
        let copy = unread.map(|doc| set_aside(doc, now_ms));
        let writes = [write.expiring(now_ms / 1000 + KEPT_S)].into_iter().chain(copy);
        match table.write(writes.collect()).await {
            Ok(()) => return Ok(deeds),
            Err(conflict @ TableError::Conflict { .. }) => refused = conflict,
            Err(error) => return Err(error),
        }
    }
    Err(refused)
}
