//! The partitions that a look reads as a whole, side by side: none of them depends on another.

use futures_util::future::{try_join3, try_join5};
use phonehome_alerting::{Crashes, Incident, Refusals, Silence};
use phonehome_cloud::table::{Doc, Table, TableError};
use phonehome_fleet::Binding;
use phonehome_state::{Claim, Keys, Readable, Seen, StackStatus, Unread, readable};
use serde::de::DeserializeOwned;

/// What is stored in them.
pub(crate) struct Partitions {
    /// The open incidents, with their documents.
    pub(crate) incidents: Found<(Doc, Incident)>,
    /// In the order of their keys.
    pub(crate) stacks: Found<StackStatus>,
    pub(crate) bound: Found<Binding>,
    pub(crate) silences: Found<Silence>,
    pub(crate) refusals: Found<Refusals>,
    pub(crate) crashes: Found<Crashes>,
    /// What cannot be read of the ledger, where it was looked through.
    pub(crate) ledger: Option<Vec<Unread>>,
}

/// What could be read of a partition, and what could not.
pub(crate) struct Found<D> {
    pub(crate) values: Vec<D>,
    pub(crate) unread: Vec<Unread>,
}

impl Partitions {
    /// Reads them. `looks_through`: whether the ledger is looked through as well.
    pub(crate) async fn read(table: &impl Table, looks_through: bool) -> Result<Self, TableError> {
        let small = try_join3(
            found(table, Keys::SILENCES),
            found(table, Keys::REFUSALS),
            found(table, Keys::CRASHES),
        );
        let (incidents, mut stacks, bound, (silences, refusals, crashes), ledger) = try_join5(
            readable::<Incident>(table, Keys::INCIDENTS),
            found::<StackStatus>(table, Keys::STACKS),
            found(table, Keys::BINDINGS),
            small,
            unreadable_of_ledger(table, looks_through),
        )
        .await?;
        let Readable { found: values, unreadable: unread } = incidents;
        in_order(&mut stacks.values);
        Ok(Self { incidents: Found { values, unread }, stacks, bound, silences, refusals, crashes, ledger })
    }
}

impl<D> Found<D> {
    /// What could be read; what could not is noted.
    pub(crate) fn noting(self, unread: &mut Vec<Unread>) -> Vec<D> {
        unread.extend(self.unread);
        self.values
    }
}

/// As their keys are in the table, and nearly always are already: to sort takes as much memory again.
fn in_order(stacks: &mut Vec<StackStatus>) {
    stacks.shrink_to_fit();
    let key = |stack: &StackStatus| (stack.account.clone(), stack.region.clone());
    if !stacks.is_sorted_by_key(key) {
        stacks.sort_by_key(key);
    }
}

/// What is stored in a partition, without the documents: a page at a time.
async fn found<D: DeserializeOwned + Send>(
    table: &impl Table,
    partition: &str,
) -> Result<Found<D>, TableError> {
    let mut found = Found { values: vec![], unread: vec![] };
    let each = |docs: Vec<Doc>| {
        docs.into_iter().for_each(|doc| match Unread::or(doc) {
            Ok((_, value)) => found.values.push(value),
            Err(problem) => found.unread.push(problem),
        });
    };
    table.query_pages(partition, each).await?;
    Ok(found)
}

/// What cannot be read of the ledger, of which nothing is decided here; `None` where it is not looked through.
async fn unreadable_of_ledger(
    table: &impl Table,
    looks_through: bool,
) -> Result<Option<Vec<Unread>>, TableError> {
    if !looks_through {
        return Ok(None);
    }
    let (blocks, holders, seen) = try_join3(
        unreadable::<Claim>(table, Keys::LEDGER),
        unreadable::<Claim>(table, Keys::HOLDERS),
        unreadable::<Seen>(table, Keys::SEEN),
    )
    .await?;
    Ok(Some([blocks, holders, seen].concat()))
}

async fn unreadable<D: DeserializeOwned>(
    table: &impl Table,
    partition: &str,
) -> Result<Vec<Unread>, TableError> {
    let mut unread = vec![];
    let each = |docs: Vec<Doc>| unread.extend(docs.into_iter().filter_map(|doc| Unread::or::<D>(doc).err()));
    table.query_pages(partition, each).await?;
    Ok(unread)
}
