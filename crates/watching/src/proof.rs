//! What the probes of one account prove.

use std::collections::BTreeMap;

use phonehome_alerting::{Given, Heartbeat, Inputs, Paths, ProbeKey};
use phonehome_cloud::table::{Doc, GET_MANY_MAX, Key, Table, TableError};
use phonehome_rollout::{Account, PathId, Unproven};
use phonehome_state::{Keys, StackStatus, Unread};

use crate::judged::{Tested, judge, path_of_probe, probes_of, read};

/// What is not proven of one account's network, as a roll-out sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// The paths that are not green: they fail, or nothing of late says that they work.
    pub open: Vec<PathId>,
}

impl Proof {
    /// Whether every path of every probe is green.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.open.is_empty()
    }
}

/// What the probes of these stacks, all of one account, prove of their newest input. A probe that was not heard of for
/// `overdue_ms` proves nothing, nor does what cannot be read. Reads three documents for each part of a probe.
///
/// # Errors
/// [`TableError`]
pub async fn proof(
    table: &impl Table,
    stacks: &[StackStatus],
    (overdue_ms, now_ms): (u64, u64),
) -> Result<Proof, TableError> {
    let mut account = Account::default();
    for stack in stacks {
        let noted = table.get(&Keys::inputs(&stack.stack())).await?;
        let noted = noted.and_then(|doc| Unread::or::<Inputs>(doc).ok());
        let noted = noted.map(|(_, inputs)| inputs.newest()).unwrap_or_default();
        let code_since_ms = stack.probe_code.as_ref().map_or(0, |code| code.since_ms);
        for probe in probes_of(stack) {
            let tested = tested(&probe, &noted, code_since_ms);
            if tested.is_empty() {
                account.unproven.insert(path_of_probe(&probe.part(0)), Unproven::Untested);
            }
            for some in tested.chunks(GET_MANY_MAX / 2) {
                judge_all(table, some, (overdue_ms, now_ms), &mut account).await?;
            }
        }
    }
    Ok(Proof { open: account.failing.into_keys().chain(account.unproven.into_keys()).collect() })
}

fn tested(probe: &ProbeKey, noted: &[Given], code_since_ms: u64) -> Vec<Tested> {
    let its = noted.iter().filter(|it| it.availability_zone == probe.availability_zone);
    its.map(|it| Tested { part: probe.part(it.part), given: it.clone(), code_since_ms }).collect()
}

async fn judge_all(
    table: &impl Table,
    tested: &[Tested],
    times: (u64, u64),
    account: &mut Account,
) -> Result<(), TableError> {
    let keys = |it: &Tested| [Keys::heartbeat(&it.part), Keys::paths(&it.part)];
    let keys: Vec<Key> = tested.iter().flat_map(keys).collect();
    let docs = table.get_many(&keys).await?;
    let docs: BTreeMap<Key, Doc> = docs.into_iter().map(|doc| (doc.key.clone(), doc)).collect();
    for it in tested {
        let heartbeat = docs.get(&Keys::heartbeat(&it.part)).cloned();
        let heartbeat = heartbeat.and_then(|doc| Unread::or::<Heartbeat>(doc).ok()).map(|(_, heard)| heard);
        let paths: Option<Paths> = docs.get(&Keys::paths(&it.part)).cloned().and_then(read).map(|(_, it)| it);
        judge(it, (heartbeat.as_ref(), paths.as_ref()), times, account);
    }
    Ok(())
}
