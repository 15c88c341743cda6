//! Who else reached what a probe did not.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_alerting::{Heartbeat, PathState, PathStatus, Paths, ProbeKey, Witness, Witnesses};
use phonehome_cloud::table::{Doc, Key, Table, TableError};
use phonehome_fleet::{Binding, Line, Source};
use phonehome_state::Keys;
use phonehome_wire::{AccountId, CheckId, Region, Verdict};
use serde::de::DeserializeOwned;

/// By endpoint of an isolation, who may connect to it: [`phonehome_fleet::Fleet::isolated`].
pub(crate) type Isolated = BTreeMap<String, Vec<Source>>;

/// Of how many lines of the fleet file it is looked up which account they are, for one endpoint.
const LINES_MAX: usize = 8;
/// How many of these accounts are asked: one that is down does not decide.
const ACCOUNTS_MAX: usize = 2;
/// In how many zones each: that of the denial, and another one.
const ZONES_MAX: usize = 2;

/// One probe that may have reached an endpoint.
struct Candidate {
    endpoint: String,
    check: CheckId,
    probe: ProbeKey,
}

/// Who reached each of these endpoints lately, of those that may; not the account whose denial it is. An item
/// that cannot be read is no witness. An endpoint that nobody may connect to is not in the answer.
///
/// # Errors
/// [`TableError`]
pub(crate) async fn witnesses(
    table: &impl Table,
    isolated: &Isolated,
    endpoints: &BTreeSet<&str>,
    denied_by: &ProbeKey,
) -> Result<Witnesses, TableError> {
    let mut sources = Isolated::new();
    for endpoint in endpoints {
        let known = isolated.get(*endpoint).map_or(&[][..], Vec::as_slice);
        if !known.is_empty() {
            sources.insert((*endpoint).to_owned(), one_of_each_line(known, &denied_by.region));
        }
    }
    let mut witnesses: Witnesses = sources.keys().map(|endpoint| (endpoint.clone(), vec![])).collect();
    let accounts = accounts(table, &sources).await?;
    let candidates = candidates(&sources, &accounts, denied_by);
    let docs = docs(table, candidates.iter().flat_map(keys).collect()).await?;
    for candidate in candidates {
        if let Some(witness) = witness(&candidate, &docs) {
            witnesses.entry(candidate.endpoint).or_default().push(witness);
        }
    }
    Ok(witnesses)
}

/// The account that each line of the fleet file is, as far as it is known.
async fn accounts(table: &impl Table, sources: &Isolated) -> Result<BTreeMap<Line, AccountId>, TableError> {
    let lines: BTreeSet<Line> = sources.values().flatten().map(|source| source.member.line()).collect();
    let docs = docs(table, lines.iter().map(Keys::binding).collect()).await?;
    let account = |line: Line| {
        let binding: Binding = read(&docs, &Keys::binding(&line))?;
        Some((line, binding.account))
    };
    Ok(lines.into_iter().filter_map(account).collect())
}

async fn docs(table: &impl Table, keys: BTreeSet<Key>) -> Result<BTreeMap<Key, Doc>, TableError> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let keys: Vec<Key> = keys.into_iter().collect();
    let docs = table.get_many(&keys).await?;
    Ok(docs.into_iter().map(|doc| (doc.key.clone(), doc)).collect())
}

/// The first lines of the file, each once, in the Region of the denial where it is in several.
fn one_of_each_line(sources: &[Source], region: &Region) -> Vec<Source> {
    let mut lines = BTreeSet::new();
    let (here, elsewhere): (Vec<_>, Vec<_>) = sources.iter().partition(|it| it.region.name == *region);
    let each = here.into_iter().chain(elsewhere);
    each.filter(|source| lines.insert(source.member.line())).take(LINES_MAX).cloned().collect()
}

fn candidates(
    sources: &Isolated,
    accounts: &BTreeMap<Line, AccountId>,
    denied_by: &ProbeKey,
) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for (endpoint, sources) in sources {
        let known = sources.iter().filter_map(|source| Some((source, accounts.get(&source.member.line())?)));
        let others = known.filter(|(_, account)| **account != denied_by.account);
        for (Source { region, check, .. }, account) in others.take(ACCOUNTS_MAX) {
            let zones = &region.availability_zones;
            let same = zones.iter().filter(|zone| **zone == denied_by.availability_zone);
            let other = zones.iter().filter(|zone| **zone != denied_by.availability_zone);
            candidates.extend(same.chain(other).take(ZONES_MAX).map(|zone| Candidate {
                endpoint: endpoint.clone(),
                check: check.clone(),
                probe: ProbeKey {
                    account: account.clone(),
                    region: region.name.clone(),
                    availability_zone: zone.clone(),
                },
            }));
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
