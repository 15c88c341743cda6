//! What is tested from which account, gathered in one pass over the file.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::Check;

use super::index::{Index, has_way_out};
use crate::checks::{
    Origin, connection, egress, is_control, is_witness, isolation, team_check, team_check_environments,
};
use crate::draft::Draft;
use crate::limits::{CHECK_BYTES_MAX, TESTS_MAX};
use crate::parts::{PartLoad, parts_needed};
use crate::place::Place;

/// What is tested from each account, by domain and environment.
#[derive(Default)]
pub(super) struct Tests<'a> {
    accounts: BTreeMap<(&'a str, &'a str), Account<'a>>,
    /// The checks of the way out, of every account that has one.
    egress: Account<'a>,
    /// What somebody must reach, and whether that is tested each minute.
    reached: BTreeMap<String, bool>,
    /// The first check of each declaration that makes too large ones: where, its id and its bytes.
    pub(super) large: Vec<(&'a Place, String, usize)>,
}

/// What is tested from one account.
#[derive(Default)]
struct Account<'a> {
    /// The checks that connect, by id, with every how many minutes they do.
    controls: BTreeMap<String, u32>,
    /// What must be reached, and where that is declared.
    endpoints: BTreeMap<String, Declared<'a>>,
    /// The ids of the checks that only look up a name.
    lookups: BTreeSet<String>,
    /// What each of these, and each isolation, takes of the probes' inputs.
    loads: Vec<PartLoad>,
    /// How many checks name each control.
    controlled: BTreeMap<String, usize>,
}

/// What must be reached, and where that is said.
#[derive(Clone, Copy)]
pub(super) struct Declared<'a> {
    /// `connection` or `check`.
    pub(super) what: &'static str,
    pub(super) place: &'a Place,
}

/// What the probes of an account are given to test.
pub(super) struct Load {
    pub(super) checks: usize,
    /// Whether they fit into as many inputs as there can be, as far as that does not depend on the names of Regions.
    pub(super) fits: bool,
    /// The control that most checks name, and how many do.
    pub(super) control: Option<(String, usize)>,
}

impl<'a> Tests<'a> {
    /// All of them; or where the file passes [`TESTS_MAX`].
    pub(super) fn of(draft: &'a Draft, index: &Index<'a>) -> Result<Self, &'a Place> {
        // The Region changes nothing here: it is the same for all.
        let origin = |environment| Origin { environment, region: "", probing: &draft.probing };
        let mut tests = Self::default();
        let mut left = TESTS_MAX;
        let mut count = |place, tests: usize| match left.checked_sub(tests) {
            Some(rest) => {
                left = rest;
                Ok(())
            }
            None => Err(place),
        };
        for ((place, it), ways) in draft.connections.found.iter().zip(&index.ways) {
            let Some(ways) = ways else { continue };
            count(place, it.ports.len() * ways.sources.len())?;
            for environment in &ways.sources {
                for port in &it.ports {
                    let check = connection(it, *port, ways.to, origin(environment));
                    let declared = Declared { what: "connection", place };
                    tests.add((&ways.from.name, environment), check, declared);
                }
            }
        }
        for (place, it) in &draft.checks.found {
            let Some(from) = index.domains.get(it.from.as_str()) else { continue };
            let environments = team_check_environments(it, from);
            count(place, environments.len())?;
            for environment in environments {
                let declared = Declared { what: "check", place };
                tests.add((&from.name, environment), team_check(it, origin(environment)), declared);
            }
        }
        for (place, it) in &draft.isolations.found {
            let Some(ways) = index.of_isolation(it) else { continue };
            count(place, ways.sources.len())?;
            for environment in &ways.sources {
                let check = isolation(it, ways.to, origin(environment));
                let load = tests.weigh(place, &check);
                let account = tests.accounts.entry((&ways.from.name, environment)).or_default();
                account.loads.push(load);
                *account.controlled.entry(it.control.clone()).or_default() += 1;
            }
        }
        for target in &draft.probing.egress {
            let check = egress(target, origin(""));
            tests.reach(&check);
            tests.egress.loads.push(PartLoad::sized(&check, bytes(&check)));
            tests.egress.controls.insert(check.id.0, check.every_minutes);
        }
        Ok(tests)
    }

    /// Adds a check that must succeed.
    fn add(&mut self, account: (&'a str, &'a str), check: Check, declared: Declared<'a>) {
        let load = self.weigh(declared.place, &check);
        self.reach(&check);
        let account = self.accounts.entry(account).or_default();
        account.loads.push(load);
        if is_control(&check) {
            account.endpoints.entry(check.target.endpoint).or_insert(declared);
            account.controls.insert(check.id.0, check.every_minutes);
        } else {
            account.lookups.insert(check.id.0);
        }
    }

    fn reach(&mut self, check: &Check) {
        if is_control(check) {
            let endpoint = check.target.endpoint.clone();
            *self.reached.entry(endpoint).or_default() |= is_witness(check);
        }
    }

    /// What a check takes of an input; notes it when that is too much.
    fn weigh(&mut self, place: &'a Place, check: &Check) -> PartLoad {
        let known = self.large.last().is_some_and(|(last, ..)| std::ptr::eq(*last, place));
        let bytes = bytes(check);
        if bytes > CHECK_BYTES_MAX && !known {
            self.large.push((place, check.id.0.clone(), bytes));
        }
        PartLoad::sized(check, bytes)
    }

    /// Where it is declared that an account must reach an endpoint.
    pub(super) fn declared(&self, domain: &str, environment: &str, endpoint: &str) -> Option<Declared<'a>> {
        self.accounts.get(&(domain, environment))?.endpoints.get(endpoint).copied()
    }

    /// Whether it is declared that anybody must reach an endpoint, and then whether that is tested each minute.
    pub(super) fn is_reached(&self, endpoint: &str) -> Option<bool> {
        self.reached.get(endpoint).copied()
    }

    /// Every how many minutes an account tests the check with this id, of those that must connect.
    pub(super) fn control(&self, index: &Index, domain: &str, environment: &str, id: &str) -> Option<u32> {
        let account = self.accounts.get(&(domain, environment));
        let minutes = account.and_then(|account| account.controls.get(id));
        let egress = || self.egress.controls.get(id).filter(|_| has_way_out(index, environment));
        minutes.or_else(egress).copied()
    }

    /// Whether any account has the check with this id, of those that must succeed.
    pub(super) fn has(&self, id: &str) -> bool {
        let mut accounts = self.accounts.values().chain([&self.egress]);
        accounts.any(|account| account.controls.contains_key(id) || account.lookups.contains(id))
    }

    /// Whether the check of an account with this id only looks up a name.
    pub(super) fn is_lookup(&self, domain: &str, environment: &str, id: &str) -> bool {
        self.accounts.get(&(domain, environment)).is_some_and(|account| account.lookups.contains(id))
    }

    /// The checks of an account that must connect, by id.
    pub(super) fn controls(&self, index: &Index, domain: &str, environment: &str) -> BTreeSet<String> {
        let account = self.accounts.get(&(domain, environment));
        let own = account.into_iter().flat_map(|account| account.controls.keys());
        let egress = self.egress.controls.keys().filter(|_| has_way_out(index, environment));
        own.chain(egress).cloned().collect()
    }

    /// What the probes of an account are given to test.
    pub(super) fn load(&self, index: &Index, domain: &str, environment: &str) -> Load {
        let own = self.accounts.get(&(domain, environment));
        let egress = Some(&self.egress).filter(|_| has_way_out(index, environment));
        let all = || own.into_iter().chain(egress);
        let loads: Vec<PartLoad> = all().flat_map(|account| &account.loads).copied().collect();
        let controlled = all().flat_map(|account| &account.controlled);
        let control = controlled.max_by_key(|(_, checks)| **checks).map(|(id, checks)| (id.clone(), *checks));
        Load { checks: loads.len(), fits: parts_needed(&loads).is_some(), control }
    }
}

/// How long a check is as JSON.
fn bytes(check: &Check) -> usize {
    serde_json::to_string(check).map_or(0, |json| json.len())
}
