//! Who else reached what a probe did not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use phonehome_alerting::{
    Heartbeat, ProbeKey, ProbePart, WITNESS_ACCOUNTS_MAX, WITNESS_ZONES_MAX, Witness, Witnesses,
};
use phonehome_cloud::table::{Key, Table, TableError};
use phonehome_fleet::{Binding, Line, Source};
use phonehome_state::Keys;
use phonehome_wire::{AccountId, CheckId, Region};

use crate::reached::Reached;
use crate::reading;
use crate::stored::{Isolated, Memory};

/// Of how many lines of the fleet file it is looked up which account they are, for one endpoint.
const LINES_MAX: usize = 8;

/// One probe that may have reached an endpoint.
struct Candidate {
    endpoint: String,
    check: CheckId,
    probe: ProbePart,
}

/// Where it is looked up.
pub(crate) struct Witnessing<'m, T> {
    pub(crate) table: &'m T,
    pub(crate) memory: &'m Memory,
    /// Milliseconds since the Unix epoch.
    pub(crate) now_ms: u64,
}

impl<T: Table> Witnessing<'_, T> {
    /// Who reached each of these endpoints lately, of those that may; not the account whose denial it is. An item
    /// that cannot be read is no witness. An endpoint that nobody may connect to is not in the answer.
    ///
    /// # Errors
    /// [`TableError`]
    pub(crate) async fn witnesses(
        &self,
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
        let accounts = self.accounts(&sources).await?;
        let candidates = candidates(&sources, &accounts, denied_by);
        let heard = self.heard(&candidates).await?;
        for candidate in candidates {
            let probe = heard.get(&candidate.probe);
            if let Some(witness) = probe.and_then(|(newest, paths)| witness(&candidate, newest, paths)) {
                witnesses.entry(candidate.endpoint).or_default().push(witness);
            }
        }
        Ok(witnesses)
    }

    /// The account that each line of the fleet file is, as far as it is known; maybe as of some minutes ago: that
    /// an account was another line then makes what it reached no less alive.
    async fn accounts(&self, sources: &Isolated) -> Result<BTreeMap<Line, AccountId>, TableError> {
        let lines: BTreeSet<Line> = sources.values().flatten().map(|source| source.member.line()).collect();
        let (mut known, mut missing) = (Vec::new(), Vec::new());
        for key in lines.iter().map(Keys::binding) {
            match self.memory.lately(&key, self.now_ms) {
                Some(doc) => known.push(doc),
                None => missing.push(key),
            }
        }
        known.extend(self.memory.read(self.table, missing, self.now_ms).await?);
        let account = |line: Line| {
            let doc = known.iter().find(|doc| doc.key == Keys::binding(&line))?;
            Some((line, doc.read::<Binding>().ok()?.account))
        };
        Ok(lines.into_iter().filter_map(account).collect())
    }

    /// What is stored of these probes. First the heartbeats, of a moment ago at worst: an older run is a weaker
    /// witness. Then the paths, so that no run is said to have reached what only an earlier one did.
    async fn heard(
        &self,
        candidates: &[Candidate],
    ) -> Result<BTreeMap<ProbePart, (Heartbeat, Arc<Reached>)>, TableError> {
        let probes: BTreeSet<&ProbePart> = candidates.iter().map(|candidate| &candidate.probe).collect();
        if probes.is_empty() {
            return Ok(BTreeMap::new());
        }
        let keys: Vec<Key> = probes.iter().map(|probe| Keys::heartbeat(probe)).collect();
        let heartbeats = self.table.get_many_eventually(&keys).await?;
        let heartbeats = heartbeats.into_iter().filter_map(|doc| Some(reading::heartbeat(doc).ok()?.1));
        let (mut known, mut missing, mut newest) = (Vec::new(), Vec::new(), BTreeMap::new());
        for heartbeat in heartbeats {
            match self.memory.paths(&heartbeat.probe_part(), Some(&heartbeat), self.now_ms) {
                Some(doc) => known.push(doc),
                None => missing.push(Keys::paths(&heartbeat.probe_part())),
            }
            newest.insert(Keys::paths(&heartbeat.probe_part()), heartbeat);
        }
        known.extend(self.memory.read(self.table, missing, self.now_ms).await?);
        let mut heard = BTreeMap::new();
        for doc in known {
            let Some(heartbeat) = newest.remove(&doc.key) else { continue };
            if doc.version < heartbeat.paths_version {
                continue;
            }
            if let Ok((_, reached)) = self.memory.reached.value_by(doc, reading::reached) {
                heard.insert(heartbeat.probe_part(), (heartbeat, reached));
            }
        }
        Ok(heard)
    }
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
        for (Source { region, check, part, .. }, account) in others.take(WITNESS_ACCOUNTS_MAX) {
            let zones = &region.availability_zones;
            let same = zones.iter().filter(|zone| **zone == denied_by.availability_zone);
            let other = zones.iter().filter(|zone| **zone != denied_by.availability_zone);
            candidates.extend(same.chain(other).take(WITNESS_ZONES_MAX).map(|zone| {
                Candidate {
                    endpoint: endpoint.clone(),
                    check: check.clone(),
                    probe: ProbeKey {
                        account: account.clone(),
                        region: region.name.clone(),
                        availability_zone: zone.clone(),
                    }
                    .part(*part),
                }
            }));
        }
    }
    candidates
}

/// Its newest run, when the path was up in it.
fn witness(candidate: &Candidate, newest: &Heartbeat, reached: &Reached) -> Option<Witness> {
    let addresses = reached.0.get(&candidate.check)?.clone();
    Some(Witness { addresses, at_ms: newest.last_started_at_ms })
}
