//! What there is.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_observability::{
    IngestKey, IngestKeyId, Link, Problem, Setup, Turn, VendorAccount, VendorAccountId, Versions, Wanted,
};
use phonehome_wire::{AccountId, Region};

use super::{Fault, NAME};

/// What a list shows after a while.
pub(crate) struct Listed<T> {
    pub(crate) it: T,
    pub(crate) since_ms: u64,
}

pub(crate) type Change = Box<dyn FnOnce(&mut State) + Send>;

pub(crate) struct State {
    pub(crate) now_ms: u64,
    pub(crate) behind_ms: u64,
    pub(crate) accounts: Vec<Listed<VendorAccount>>,
    pub(crate) keys: Vec<Listed<IngestKey>>,
    pub(crate) of_account: BTreeMap<IngestKeyId, VendorAccountId>,
    pub(crate) links: Vec<Link>,
    pub(crate) secrets: BTreeMap<Region, Option<Versions>>,
    pub(crate) values: BTreeMap<String, IngestKeyId>,
    pub(crate) stored: Setup,
    pub(crate) version: u64,
    pub(crate) bound: BTreeMap<VendorAccountId, AccountId>,
    pub(crate) told: Vec<Problem>,
    standing: Vec<Problem>,
    pub(crate) calls: usize,
    pub(crate) faults: BTreeMap<usize, Fault>,
    pub(crate) has_died: bool,
    late: Vec<(u64, Change)>,
    /// What somebody made by hand: no business of phonehome's.
    pub(crate) theirs: BTreeSet<String>,
    pub(crate) made: u32,
}

impl State {
    pub(crate) fn new(wanted: &Wanted) -> Self {
        let secrets = wanted.secrets.keys().map(|it| (it.clone(), Some(Versions::default())));
        Self {
            now_ms: 1_790_000_000_000,
            behind_ms: 0,
            accounts: vec![],
            keys: vec![],
            of_account: BTreeMap::new(),
            links: vec![],
            secrets: secrets.collect(),
            values: BTreeMap::new(),
            stored: Setup::default(),
            version: 0,
            bound: BTreeMap::new(),
            told: vec![],
            standing: vec![],
            calls: 0,
            faults: BTreeMap::new(),
            has_died: false,
            late: vec![],
            theirs: BTreeSet::new(),
            made: 0,
        }
    }

    pub(crate) fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        let now_ms = self.now_ms;
        let (due, late) = std::mem::take(&mut self.late).into_iter().partition(|(at_ms, _)| *at_ms <= now_ms);
        self.late = late;
        let due: Vec<(u64, Change)> = due;
        due.into_iter().for_each(|(_, change)| change(self));
        self.check();
    }

    pub(crate) fn later(&mut self, after_ms: u64, change: Change) {
        self.late.push((self.now_ms + after_ms, change));
    }

    /// Holds after each change: one account of the name that is phonehome's, and what is handed out is accepted.
    pub(crate) fn check(&self) {
        let of_name = self.accounts.iter().filter(|it| it.it.name == NAME);
        let ours = of_name.filter(|it| !self.theirs.contains(&it.it.id.to_string())).count();
        assert!(ours <= 1, "{ours} accounts for one line");
        for (region, key) in self.handed_out() {
            let is_there = self.keys.iter().any(|it| it.it.id == key);
            assert!(
                is_there || self.theirs.contains(key.as_ref()),
                "{key} of {region} was handed out and is gone"
            );
        }
    }

    pub(crate) fn handed_out(&self) -> BTreeMap<Region, IngestKeyId> {
        let current = |versions: &Option<Versions>| versions.as_ref()?.current.clone();
        let key = |(region, versions): (&Region, &Option<Versions>)| {
            Some((region.clone(), self.values.get(&current(versions)?)?.clone()))
        };
        self.secrets.iter().filter_map(key).collect()
    }

    /// The record is written with what is told, unless somebody else wrote.
    pub(crate) fn end(&mut self, turned: Turn, version: u64) {
        if version != self.version {
            return;
        }
        self.version += 1;
        self.stored = turned.setup;
        if let Some(problems) = turned.problems {
            let new = problems.iter().filter(|it| !self.standing.contains(it)).cloned();
            self.told.extend(new.collect::<Vec<_>>());
            self.standing = problems;
        }
    }

    /// An account that somebody makes by hand.
    pub(crate) fn make_account(&mut self, name: &str, is_canceled: bool) -> VendorAccountId {
        self.made += 1;
        let id = VendorAccountId::new(1000 + self.made);
        self.theirs.insert(id.to_string());
        let data_center = Some(phonehome_observability::DataCenter::Eu);
        let it = VendorAccount { id, name: name.to_owned(), data_center, is_canceled };
        self.accounts.push(Listed { it, since_ms: 0 });
        id
    }

    /// A key that somebody makes by hand.
    pub(crate) fn make_key(&mut self, account: VendorAccountId, name: &str) -> IngestKeyId {
        self.made += 1;
        let id: IngestKeyId = format!("KEY{}", self.made).parse().unwrap();
        self.of_account.insert(id.clone(), account);
        self.keys.push(Listed { it: IngestKey { id: id.clone(), name: name.to_owned() }, since_ms: 0 });
        id
    }

    /// Somebody deletes a key by hand.
    pub(crate) fn delete_key(&mut self, key: &IngestKeyId) {
        self.theirs.insert(key.to_string());
        self.keys.retain(|it| it.it.id != *key);
    }
}
