//! What is known of the stacks in which a cause may be: what was found there that is not as declared, and what was done
//! in them lately.

use std::collections::BTreeMap;

use phonehome_alerting::{Change, Finding};
use phonehome_cloud::table::{Doc, Key, Table, TableError};
use phonehome_state::{ApiCall, ChangeLog, Keys, Notified, findings};
use phonehome_wire::StackId;
use serde::de::DeserializeOwned;

/// How many stacks are looked at in a run, in the order of their ids: an incident suspects ten of them at most.
const STACKS_MAX: usize = 40;

/// What is known of some stacks.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Found {
    /// What differs in them.
    pub(crate) findings: Vec<Finding>,
    /// What was done in them lately.
    pub(crate) changes: Vec<Change>,
}

impl Found {
    pub(crate) fn is_empty(&self) -> bool {
        self.findings.is_empty() && self.changes.is_empty()
    }
}

/// Looks at what is stored of these stacks, of which the names of the accounts are known. What cannot be read explains
/// nothing, and keeps nothing from being told.
///
/// # Errors
/// [`TableError`]
pub(crate) async fn found(
    table: &impl Table,
    stacks: &BTreeMap<StackId, String>,
) -> Result<Found, TableError> {
    let looked_at = || stacks.iter().take(STACKS_MAX);
    let keys: Vec<Key> =
        looked_at().flat_map(|(stack, _)| [Keys::stack_notices(stack), Keys::change_log(stack)]).collect();
    let docs: BTreeMap<Key, Doc> =
        table.get_many(&keys).await?.into_iter().map(|doc| (doc.key.clone(), doc)).collect();
    let mut found = Found::default();
    for (stack, name) in looked_at() {
        let notified: Notified = read(docs.get(&Keys::stack_notices(stack)));
        found.findings.extend(notified.drifts.iter().flat_map(|drift| findings(stack, name, drift)));
        let log: ChangeLog = read(docs.get(&Keys::change_log(stack)));
        found.changes.extend(log.api_calls.iter().filter_map(change));
    }
    Ok(found)
}

fn read<D: DeserializeOwned + Default>(doc: Option<&Doc>) -> D {
    let read = doc.map(Doc::read).transpose();
    read.unwrap_or_else(|error| {
        tracing::warn!(%error, "what is known of a stack cannot be read, and is not told");
        None
    })
    .unwrap_or_default()
}

fn change(call: &ApiCall) -> Option<Change> {
    Some(Change {
        at_ms: call.done_ms()?,
        stack: Some(call.stack()),
        what: call.event_name.clone(),
        by: call.who.clone(),
    })
}
