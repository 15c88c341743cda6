//! What failed in an account before its turn.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Account, PathId};

/// How many failing paths of an account are known by their names; of more their number decides.
pub const KNOWN_KEPT: usize = 100;

/// How many bytes the names take that are known of all accounts together, at most; of an account whose names would be
/// more their number decides. A roll-out is one item of DynamoDB, which takes 400 KB: half of that holds the names of
/// several thousand paths.
pub const NAMES_BYTES_MAX: usize = 200 * 1024;

/// What a name takes beside itself in JSON: its quotes and a comma.
const NAME_BYTES: usize = 3;

/// What failed in an account before its turn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// The paths that are known to fail, or accepted by an operator; at most [`KNOWN_KEPT`].
    pub known: BTreeSet<PathId>,
    /// How many there were, where not all of them are known.
    #[serde(default)]
    pub more_than_known: Option<usize>,
    /// How many paths were not proven when an operator accepted that, where not all of them are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_unproven: Option<usize>,
    /// What began to fail while the account had a version whose place this one took: not known, but there is as much
    /// time to mend it as an account has to converge.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub to_mend: BTreeSet<PathId>,
}

impl Before {
    /// What fails in an account now.
    pub(crate) fn of(account: &Account) -> Self {
        Self::default().failing(account)
    }

    /// What fails in an account now that had a version whose place another one takes: known is only what was known
    /// before that one came.
    pub(crate) fn superseded(&self, account: &Account) -> Self {
        if self.more_than_known.is_some() {
            return self.clone();
        }
        let (known, to_mend) = account.failing.keys().cloned().partition(|path| self.known.contains(path));
        Self { known, to_mend, ..Self::default() }
    }

    /// The same, and whatever fails or is not proven in the account now as well.
    pub(crate) fn accepting(self, account: &Account) -> Self {
        let mut after = self.failing(account);
        let unproven = account.unproven.keys().filter(|path| !after.known.contains(*path));
        let unproven: Vec<PathId> = unproven.cloned().collect();
        match after.known.len() + unproven.len() <= KNOWN_KEPT {
            true => after.known.extend(unproven),
            false => after.more_unproven = after.more_unproven.max(Some(account.unproven.len())),
        }
        after
    }

    fn failing(mut self, account: &Account) -> Self {
        self.known.extend(account.failing.keys().cloned());
        if self.known.len() > KNOWN_KEPT {
            self.more_than_known = self.more_than_known.max(Some(account.failing.len()));
            self.known = self.known.into_iter().take(KNOWN_KEPT).collect();
        }
        self
    }

    /// How many bytes its names take.
    pub(crate) fn bytes(&self) -> usize {
        self.known.iter().chain(&self.to_mend).map(|path| path.bytes() + NAME_BYTES).sum()
    }

    /// The same in so many bytes: by numbers alone where its names take more.
    pub(crate) fn within(self, bytes: usize, account: &Account) -> Self {
        if self.bytes() <= bytes {
            return self;
        }
        let known_of = |is_open: &dyn Fn(&PathId) -> bool| self.known.iter().filter(|it| is_open(it)).count();
        let failing = known_of(&|path| account.failing.contains_key(path));
        let unproven = known_of(&|path| account.unproven.contains_key(path));
        Self {
            more_than_known: self.more_than_known.max(Some(failing)),
            more_unproven: self.more_unproven.max((unproven > 0).then_some(unproven)),
            ..Self::default()
        }
    }

    /// Those of these failing paths that are not known. Where not all that failed are known by name, none is unless
    /// there are more of them than there were.
    pub(crate) fn unknown<'p>(&self, failing: Vec<&'p PathId>) -> Vec<&'p PathId> {
        self.beyond(self.more_than_known, failing)
    }

    /// The same of paths that are not proven.
    pub(crate) fn unknown_unproven<'p>(&self, unproven: Vec<&'p PathId>) -> Vec<&'p PathId> {
        self.beyond(self.more_unproven, unproven)
    }

    fn beyond<'p>(&self, number: Option<usize>, paths: Vec<&'p PathId>) -> Vec<&'p PathId> {
        if number.is_some_and(|number| paths.len() <= number) {
            return vec![];
        }
        paths.into_iter().filter(|path| !self.known.contains(*path)).collect()
    }
}
