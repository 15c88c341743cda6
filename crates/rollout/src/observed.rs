//! What is seen of the accounts at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use phonehome_wire::{AccountId, AzId, CheckId, Region};
use serde::{Deserialize, Serialize};

/// How much of what a stack says is kept, in characters.
const MESSAGE_MAX: usize = 300;

/// Every account that is a line of the version in force or of the one that is rolled out, and active. One that is not
/// here is not waited for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// By its id.
    pub accounts: BTreeMap<AccountId, Account>,
}

/// What is seen of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Its name, for people.
    pub name: String,
    /// The number of its wave.
    pub wave: usize,
    /// Where it has a network by the version in force; empty when it is no line of that.
    pub base_regions: BTreeSet<Region>,
    /// Where it has a network by the version that is rolled out; empty when it is no line of that.
    pub target_regions: BTreeSet<Region>,
    /// Its stacks.
    pub stacks: BTreeMap<Region, Stack>,
    /// The paths that are not as declared.
    pub failing: BTreeMap<PathId, Failing>,
    /// The paths and probes of which nothing is proven.
    pub unproven: BTreeMap<PathId, Unproven>,
    /// When the run began that was heard of last, of each part of a probe; milliseconds since the Unix epoch.
    pub heard_at_ms: BTreeMap<PathId, u64>,
    /// The ids of the open incidents that concern it.
    pub incidents: BTreeSet<String>,
}

/// A stack, as it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// How far it is.
    pub progress: Progress,
    /// The version that it last converged to; 0 when that is not known.
    pub version: u64,
    /// When it was last looked at; milliseconds since the Unix epoch.
    pub updated_at_ms: u64,
    /// Whether something in it waits until the version is in force.
    pub until_in_force: bool,
    /// When what is allowed goes on in it, where the hour had no more removals; milliseconds since the Unix epoch, 0
    /// where nothing waits for that.
    pub next_hour_ms: u64,
    /// For people: what it waits for, or what failed.
    pub message: String,
}

/// How far a stack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Something is still on its way.
    Underway,
    /// As declared.
    Converged,
    /// A step failed in a way that trying again does not mend.
    Failed,
}

/// A path that is not as declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failing {
    /// Since when; milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// Whether it ever was as declared.
    pub worked_once: bool,
}

/// Why nothing is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unproven {
    /// Its probe was not heard of for a while.
    Silent,
    /// Its probe has not yet reported of what it is to test now, or not with the code that it is to have.
    Untested,
    /// The results say nothing.
    Inconclusive,
}

/// Which path of an account: what tells it from every other, whatever becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PathId(String);

impl PathId {
    /// A check, as seen from the probe of a zone.
    #[must_use]
    pub fn new(region: &Region, zone: &AzId, check: &CheckId) -> Self {
        Self(format!("{region}/{zone}/{check}"))
    }

    /// All that a part of a zone's probe tests, where that cannot be told by its paths.
    #[must_use]
    pub fn of_probe(region: &Region, zone: &AzId, part: u32) -> Self {
        Self(format!("{region}/{zone}/part-{part}"))
    }
}

impl PathId {
    /// How many bytes it takes as text.
    pub(crate) fn bytes(&self) -> usize {
        self.0.len()
    }
}

/// `us-east-1/use1-az1/connection/shop-to-payments/443`.
impl fmt::Display for PathId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Stack {
    /// What it says, as far as it is kept.
    pub(crate) fn clipped(&self) -> String {
        self.message.chars().take(MESSAGE_MAX).collect()
    }
}

impl Account {
    /// Whether every stack that it has by a version is as that declares.
    pub(crate) fn has_converged(&self, regions: &BTreeSet<Region>, version: u64) -> bool {
        regions.iter().all(|region| {
            self.stacks
                .get(region)
                .is_some_and(|it| it.progress == Progress::Converged && it.version == version)
        })
    }

    /// Whether somebody has looked at it since a moment.
    pub(crate) fn was_looked_at_since(&self, at_ms: u64) -> bool {
        self.stacks.values().any(|stack| stack.updated_at_ms > at_ms)
    }

    /// Where it has a network by the version that it is to have: the one that is rolled out, once its turn has come.
    #[must_use]
    pub fn regions(&self, has_turned: bool) -> &BTreeSet<Region> {
        if has_turned { &self.target_regions } else { &self.base_regions }
    }

    /// Whether something in it waits until the version is in force.
    pub(crate) fn waits_for_force(&self) -> bool {
        self.stacks.values().any(|stack| stack.until_in_force)
    }

    /// When removals go on in these Regions that wait for another hour; milliseconds since the Unix epoch, 0 where none
    /// does.
    pub(crate) fn next_hour_ms(&self, regions: &BTreeSet<Region>) -> u64 {
        self.stacks_in(regions).map(|stack| stack.next_hour_ms).max().unwrap_or_default()
    }

    /// Whether the hour has come for which removals waited in these Regions, and nobody has looked there since.
    pub(crate) fn has_its_hour(&self, regions: &BTreeSet<Region>, now_ms: u64) -> bool {
        let mut hours = self.stacks_in(regions).filter(|stack| stack.next_hour_ms > 0);
        hours.any(|stack| (stack.updated_at_ms..=now_ms).contains(&stack.next_hour_ms))
    }

    /// What a version does not declare says nothing of it.
    fn stacks_in(&self, regions: &BTreeSet<Region>) -> impl Iterator<Item = &Stack> {
        regions.iter().filter_map(|region| self.stacks.get(region))
    }

    /// The first stack in one of these Regions that failed since a moment.
    pub(crate) fn failed_since(&self, regions: &BTreeSet<Region>, at_ms: u64) -> Option<(&Region, &Stack)> {
        let failed = |(region, it): &(&Region, &Stack)| {
            regions.contains(*region) && it.progress == Progress::Failed && it.updated_at_ms > at_ms
        };
        self.stacks.iter().find(failed)
    }

    /// When the newest of its stacks in these Regions was last looked at; milliseconds since the Unix epoch.
    pub(crate) fn looked_at_ms(&self, regions: &BTreeSet<Region>) -> u64 {
        let stacks = regions.iter().filter_map(|region| self.stacks.get(region));
        stacks.map(|stack| stack.updated_at_ms).max().unwrap_or_default()
    }

    /// For people: what its first stack waits for that is not as it is to be.
    pub(crate) fn message(&self, regions: &BTreeSet<Region>, version: u64) -> String {
        let waits = |region: &&Region| {
            let stack = self.stacks.get(*region);
            stack.is_none_or(|it| it.progress != Progress::Converged || it.version != version)
        };
        let stack = regions.iter().find(waits).and_then(|region| self.stacks.get(region));
        stack.map_or_else(|| "nothing is known of its network yet".to_owned(), |it| it.clipped())
    }
}
