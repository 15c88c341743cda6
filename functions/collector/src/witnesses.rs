//! Who else reached what a probe did not.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_alerting::{Heartbeat, PathState, PathStatus, Paths, ProbeKey, Witness, Witnesses};
use phonehome_cloud::Queue;
use phonehome_cloud::table::{Doc, Key, Table, TableError};
use phonehome_fleet::{Binding, Fleet, Line, Source};
use phonehome_state::Keys;
use phonehome_wire::{AccountId, AzId, CheckId, Verdict};
use serde::de::DeserializeOwned;

use crate::handler::Collector;

/// How many accounts are asked about one endpoint: enough that one which is down does not decide, and few
/// enough that the reads cost less than the report. Of each its probe in the zone of the denial is asked.
const SOURCES_MAX: usize = 2;

/// One probe that may have reached an endpoint.
struct Candidate {
    endpoint: String,
    check: CheckId,
    probe: ProbeKey,
}

impl<T: Table, Q: Queue> Collector<T, Q> {
    /// Who reached each of these endpoints lately, of those that may. An item that cannot be read is no
    /// witness.
    ///
    /// # Errors
    /// [`TableError`]
    pub(crate) async fn witnesses(
        &self,
        fleet: &Fleet,
        endpoints: &BTreeSet<&str>,
        zone: &AzId,
    ) -> Result<Witnesses, TableError> {
        if endpoints.is_empty() {
            return Ok(Witnesses::new());
        }
        let mut sources = fleet.sources_of(endpoints);
        sources.values_mut().for_each(|sources| sources.truncate(SOURCES_MAX));
        let mut witnesses: Witnesses = sources.keys().map(|endpoint| (endpoint.clone(), vec![])).collect();
        let accounts = self.accounts(&sources).await?;
        let candidates = candidates(&sources, &accounts, zone);
        let docs = self.docs(candidates.iter().flat_map(keys).collect()).await?;
        for candidate in candidates {
            if let Some(witness) = witness(&candidate, &docs) {
                witnesses.entry(candidate.endpoint).or_default().push(witness);
            }
        }
        Ok(witnesses)
    }

    /// The account that each line of the fleet file is, as far as it is known.
    async fn accounts(
        &self,
        sources: &BTreeMap<String, Vec<Source>>,
    ) -> Result<BTreeMap<Line, AccountId>, TableError> {
        let lines: BTreeSet<Line> = sources.values().flatten().map(|source| source.member.line()).collect();
        let docs = self.docs(lines.iter().map(Keys::binding).collect()).await?;
        let account = |line: Line| {
            let binding: Binding = read(&docs, &Keys::binding(&line))?;
            Some((line, binding.account))
        };
        Ok(lines.into_iter().filter_map(account).collect())
    }

    async fn docs(&self, keys: BTreeSet<Key>) -> Result<BTreeMap<Key, Doc>, TableError> {
        let keys: Vec<Key> = keys.into_iter().collect();
        let docs = self.table.get_many(&keys).await?;
        Ok(docs.into_iter().map(|doc| (doc.key.clone(), doc)).collect())
    }
}

fn candidates(
    sources: &BTreeMap<String, Vec<Source>>,
    accounts: &BTreeMap<Line, AccountId>,
    zone: &AzId,
) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for (endpoint, sources) in sources {
        for Source { member, region, check } in sources {
            let Some(account) = accounts.get(&member.line()) else { continue };
            let zones = &region.availability_zones;
            let Some(zone) = zones.iter().find(|it| *it == zone).or(zones.first()) else { continue };
            candidates.push(Candidate {
                endpoint: endpoint.clone(),
                check: check.clone(),
                probe: ProbeKey {
                    account: account.clone(),
                    region: region.name.clone(),
                    availability_zone: zone.clone(),
                },
            });
        }
    }
    candidates
}

fn keys(candidate: &Candidate) -> [Key; 2] {
    [Keys::heartbeat(&candidate.probe), Keys::paths(&candidate.probe)]
}

/// Its newest run, when the path was up in it.
fn witness(candidate: &Candidate, docs: &BTreeMap<Key, Doc>) -> Option<Witness> {
    let [heartbeat, paths] = keys(candidate);
    let heartbeat: Heartbeat = read(docs, &heartbeat)?;
    let mut paths: Paths = read(docs, &paths)?;
    let path = paths.remove(&candidate.check)?;
    let PathState { status: PathStatus::Up, last: Verdict::Ok, addresses, .. } = path else { return None };
    Some(Witness { addresses, at_ms: heartbeat.last_started_at_ms })
}

fn read<D: DeserializeOwned>(docs: &BTreeMap<Key, Doc>, key: &Key) -> Option<D> {
    docs.get(key)?.read().ok()
}
