//! The outbox: what waits in it, and how a message is claimed, put back and removed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use phonehome_alerting::OutgoingBody;
use phonehome_cloud::table::{Doc, Expect, Key, Table, TableError, Write};
use phonehome_state::{Hold, Keys, Outboxed, readable};

/// How often a message is tried whose content Slack refuses, plain text too: for about an hour.
pub(crate) const ATTEMPTS_MAX: u32 = 12;
/// How long such a message is kept for people: 90 days, in seconds.
const GIVEN_UP_KEPT_S: u64 = 90 * 24 * 3600;
/// DynamoDB's limit of one transaction.
const TAKEN_MAX: usize = 100;

/// How the id of a page ends, and so its sort key; see [`phonehome_alerting::Outgoing::id`].
const PAGE_ID_END: &str = "/page";
/// How long it is remembered that somebody was paged for an item that cannot be read: a day, in seconds.
const STAND_IN_KEPT_S: u64 = 24 * 3600;

/// A message of the outbox, as stored.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) doc: Doc,
    pub(crate) message: Outboxed,
}

/// One incident's messages to one channel, oldest first; never empty.
pub(crate) type Group = Vec<Pending>;

/// What is in the outbox.
pub(crate) struct Outbox {
    /// The messages of each page, in their order, due or not; the page that waits longest first.
    pub(crate) pages: Vec<Group>,
    /// The groups that are due, by channel; the one that waits longest first.
    pub(crate) channels: BTreeMap<String, Vec<Group>>,
    /// Slack's limits that have not ended.
    pub(crate) holds: Vec<Hold>,
    /// How many messages have been refused at least once.
    pub(crate) undelivered: u64,
    /// How long the oldest message waits that is not given up, in milliseconds; 0 when nothing waits.
    pub(crate) age_ms: u64,
    /// How many items cannot be read. They stay where they are.
    pub(crate) unreadable: u64,
    /// Those of them that are pages, as their ids say.
    pub(crate) unreadable_pages: Vec<Key>,
}

/// Looks at the whole outbox.
///
/// A group of which one message is not due yet waits as a whole: its messages must not overtake each
/// other.
pub(crate) async fn look(table: &impl Table, now_ms: u64) -> Result<Outbox, TableError> {
    let items = readable::<Outboxed>(table, Keys::OUTBOX).await?;
    let mut outbox = Outbox {
        pages: vec![],
        channels: BTreeMap::new(),
        holds: vec![],
        undelivered: 0,
        age_ms: 0,
        unreadable: items.unreadable.len() as u64,
        unreadable_pages: vec![],
    };
    let unreadable = items.unreadable.into_iter().map(|item| item.doc.key);
    outbox.unreadable_pages = unreadable.filter(|key| key.sort.ends_with(PAGE_ID_END)).collect();
    let mut groups: Vec<(String, Group)> = vec![];
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    for (doc, message) in items.found {
        outbox.undelivered += u64::from(!message.last_error.is_empty());
        if !message.given_up {
            outbox.age_ms = outbox.age_ms.max(now_ms.saturating_sub(message.outgoing.at_ms));
        }
        outbox.holds.extend(message.holds.iter().filter(|hold| hold.until_ms > now_ms).cloned());
        let pending = Pending { doc, message };
        match &pending.message.outgoing.body {
            OutgoingBody::Page { .. } => {
                let key = pending.message.outgoing.page_key();
                match outbox.pages.iter_mut().find(|group| group[0].message.outgoing.page_key() == key) {
                    Some(group) => group.push(pending),
                    None => outbox.pages.push(vec![pending]),
                }
            }
            // Kept for people, and in nobody's way.
            OutgoingBody::Slack { .. } if pending.message.given_up => {}
            OutgoingBody::Slack { channel, .. } => {
                let channel = channel.clone();
                let key = (channel.clone(), pending.message.outgoing.incident_id.clone());
                let place = *places.entry(key).or_insert(groups.len());
                match groups.get_mut(place) {
                    Some((_, group)) => group.push(pending),
                    None => groups.push((channel, vec![pending])),
                }
            }
        }
    }
    let is_due = |pending: &Pending| pending.message.is_due(now_ms);
    for group in &mut outbox.pages {
        group.sort_by_key(|it| (it.message.outgoing.sequence, it.message.outgoing.at_ms));
    }
    let is_waiting = |(channel, group): &(String, Group)| {
        let first = group.first().filter(|first| !is_due(first))?;
        Some((channel.clone(), first.message.outgoing.incident_id.clone()))
    };
    let waiting: BTreeSet<(String, String)> = groups.iter().filter_map(is_waiting).collect();
    // What joins another incident's thread comes after that incident's own message, and waits with it: whoever has that
    // one now has not posted it yet.
    groups.sort_by_key(|(_, group)| group.iter().any(|pending| joins(pending).is_some()));
    for (channel, group) in groups {
        let joined = group.last().and_then(joins).map(|incident| (channel.clone(), incident.to_owned()));
        let is_free = joined.is_none_or(|joined| !waiting.contains(&joined));
        if is_free && group.first().is_some_and(is_due) {
            outbox.channels.entry(channel).or_default().push(group);
        }
    }
    Ok(outbox)
}

/// The incident in whose thread a message stands.
fn joins(pending: &Pending) -> Option<&str> {
    match &pending.message.outgoing.body {
        OutgoingBody::Slack { joins, .. } => joins.as_deref(),
        OutgoingBody::Page { .. } => None,
    }
}

/// Notes that somebody is about to be paged for a page that cannot be read; `false` when that was done
/// already.
pub(crate) async fn claim_stand_in(table: &impl Table, page: &Key, now_ms: u64) -> Result<bool, TableError> {
    let note = Write::put(stand_in(page), Expect::Absent, &now_ms);
    match table.write(vec![note.expiring(now_ms / 1000 + STAND_IN_KEPT_S)]).await {
        Ok(()) => Ok(true),
        Err(TableError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Nobody could be paged: the next run tries it again.
pub(crate) async fn forget_stand_in(table: &impl Table, page: &Key) -> Result<(), TableError> {
    write(table, vec![Write::delete(stand_in(page), Expect::Absent.after_write())]).await
}

fn stand_in(page: &Key) -> Key {
    Keys::slack(&page.sort, "unreadable")
}

/// Takes messages for this invocation, the oldest [`TAKEN_MAX`] of them or none; `None` when another
/// invocation has them.
pub(crate) async fn take(
    table: &impl Table,
    pending: Vec<Pending>,
    now_ms: u64,
) -> Result<Option<Vec<Pending>>, TableError> {
    let mut taken = Vec::new();
    let mut writes = Vec::new();
    for Pending { mut doc, message } in pending.into_iter().take(TAKEN_MAX) {
        let message = message.claimed(now_ms);
        let write = Write::over(Some(&doc), doc.key.clone(), &message);
        doc = write.written().unwrap_or(doc);
        writes.push(write);
        taken.push(Pending { doc, message });
    }
    match table.write(writes).await {
        Ok(()) => Ok(Some(taken)),
        Err(TableError::Conflict { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Why messages go back into the outbox.
pub(crate) struct Refused<'r> {
    /// For people.
    pub(crate) reason: String,
    /// What Slack asked to be left alone.
    pub(crate) holds: &'r [Hold],
    /// Whether trying again is of little use.
    pub(crate) for_good: bool,
    /// Whether it is certain that nobody got them.
    pub(crate) is_certain: bool,
}

/// Puts back messages that could not be delivered, with the reason, and a pause that doubles or
/// lasts as long as Slack asks.
pub(crate) async fn requeue(
    table: &impl Table,
    group: &[Pending],
    now_ms: u64,
    refused: &Refused<'_>,
) -> Result<(), TableError> {
    let back = |pending: &Pending| {
        let (message, holds) = (pending.message.clone(), refused.holds.to_vec());
        let mut message = message.requeue(now_ms, refused.reason.clone(), holds);
        if refused.is_certain {
            message = message.rejected();
        } else if !message.outgoing.body.is_page() {
            message = message.settling(now_ms);
        }
        message.given_up = refused.for_good && message.attempts >= ATTEMPTS_MAX;
        if !message.given_up {
            return put(pending, &message);
        }
        let id = &message.outgoing.id;
        tracing::error!(id, reason = refused.reason, "given up: kept in the outbox, not tried again");
        put(pending, &message).expiring(now_ms / 1000 + GIVEN_UP_KEPT_S)
    };
    write(table, group.iter().map(back).collect()).await
}

/// Puts back messages that were taken and not tried, due as before.
pub(crate) async fn release(table: &impl Table, group: &[Pending]) -> Result<(), TableError> {
    let back = |pending: &Pending| put(pending, &pending.message.clone().released());
    write(table, group.iter().map(back).collect()).await
}

/// Removes a message that was delivered.
pub(crate) async fn remove(table: &impl Table, pending: &Pending) -> Result<(), TableError> {
    write(table, vec![Write::delete(pending.doc.key.clone(), Expect::unchanged(Some(&pending.doc)))]).await
}

fn put(pending: &Pending, message: &Outboxed) -> Write {
    Write::over(Some(&pending.doc), pending.doc.key.clone(), message)
}

/// Whoever wrote first, after a claim had run out, has the messages now.
async fn write(table: &impl Table, writes: Vec<Write>) -> Result<(), TableError> {
    if writes.is_empty() {
        return Ok(());
    }
    match table.write(writes).await {
        Err(error @ TableError::Conflict { .. }) => {
            tracing::warn!(%error, "another invocation has it");
            Ok(())
        }
        other => other,
    }
}
