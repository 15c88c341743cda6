//! Which accounts a sweep has to queue, and which of them still wait from the sweep before.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_cloud::table::{Table, TableError};
use phonehome_fleet::Binding;
use phonehome_state::{Keys, Phase, StackStatus, Sweep, Unread, readable};
use phonehome_wire::AccountId;

/// For how long an account that was not observed is taken to wait in the queue: 2 hours. Then it is queued again,
/// whatever became of its message.
const WAITS_MS: u64 = 2 * 60 * 60_000;

/// The accounts that are looked after, as they are stored.
pub(crate) struct Waiting {
    /// All of them.
    accounts: BTreeSet<AccountId>,
    /// When each was last observed, of those of which that is known; milliseconds since the Unix epoch.
    observed_at_ms: BTreeMap<AccountId, u64>,
}

impl Waiting {
    /// Every account that is a line of the fleet file, or was one; and every one that has a stack: one of a closed
    /// account has to be noted as such.
    ///
    /// # Errors
    /// [`TableError`]
    pub(crate) async fn read(table: &impl Table) -> Result<Self, TableError> {
        let bound = readable::<Binding>(table, Keys::BINDINGS).await?;
        let mut accounts: BTreeSet<AccountId> = bound.found.into_iter().map(|(_, it)| it.account).collect();
        let stacks = readable::<StackStatus>(table, Keys::STACKS).await?;
        let unreadable: BTreeSet<AccountId> =
            stacks.unreadable.iter().filter_map(Unread::stack).map(|stack| stack.account).collect();
        let mut observed_at_ms: BTreeMap<AccountId, u64> = BTreeMap::new();
        for (_, stack) in stacks.found {
            if stack.phase != Phase::Gone {
                accounts.insert(stack.account.clone());
            }
            let newest = observed_at_ms.entry(stack.account).or_default();
            *newest = stack.updated_at_ms.max(*newest);
        }
        observed_at_ms.retain(|account, _| !unreadable.contains(account));
        accounts.extend(unreadable);
        Ok(Self { accounts, observed_at_ms })
    }

    /// Those after this one, in the order of their ids.
    pub(crate) fn after(&self, after: Option<&AccountId>) -> Vec<AccountId> {
        let is_left = |account: &&AccountId| after.is_none_or(|after| *account > after);
        self.accounts.iter().filter(is_left).cloned().collect()
    }

    /// How many of them may still wait from the sweep before.
    pub(crate) fn late(&self, sweep: &Sweep, now_ms: u64) -> u64 {
        self.accounts.iter().filter(|account| self.is_late(account, sweep, now_ms)).count() as u64
    }

    /// Whether the sweep before has queued it, and it was not observed since: where its message still waits,
    /// another one would only make the queue longer.
    pub(crate) fn is_late(&self, account: &AccountId, sweep: &Sweep, now_ms: u64) -> bool {
        let Some(before_ms) = sweep.before_began_at_ms else { return false };
        let observed = self.observed_at_ms.get(account);
        observed.is_some_and(|at_ms| *at_ms < before_ms && now_ms < at_ms.saturating_add(WAITS_MS))
    }
}
