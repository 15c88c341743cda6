//! What came of a run.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fleet::Line;
use phonehome_vending::{IN_PROGRESS_MAX, INTERVAL_MS, Order, OrderState, Wanted};

use crate::organization::{FakeOrganizations, MAKING_MS};

/// What came of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Score {
    /// Lines for which two accounts or more were made.
    pub duplicates: usize,
    /// Accounts that were made and are no order's.
    pub orphans: usize,
    /// Lines whose account is there and known.
    pub made: usize,
    /// Lines that are stopped.
    pub stopped: usize,
    /// Lines of neither kind.
    pub open: usize,
    /// How long it took; milliseconds.
    pub took_ms: u64,
    /// How long it takes at the least, by Organizations' limits and by how long these accounts were in the making;
    /// milliseconds.
    pub least_ms: u64,
    /// How often each operation was called, and how often that was refused as too much.
    pub calls: BTreeMap<&'static str, (u64, u64)>,
}

impl Score {
    pub(crate) fn of(
        organization: &FakeOrganizations,
        wanted: &[Wanted],
        orders: &BTreeMap<Line, Order>,
        took_ms: u64,
    ) -> Self {
        let accounts = organization.accounts();
        let made_for_lines = accounts.iter().filter(|it| it.made_for.is_some());
        let lines: BTreeSet<_> = made_for_lines.clone().filter_map(|it| it.made_for.as_ref()).collect();
        let known: BTreeSet<_> = orders.values().filter_map(Order::account).collect();
        let orphans = made_for_lines.clone().filter(|it| !known.contains(&it.id)).count();
        let state = |is: fn(&OrderState) -> bool| {
            wanted.iter().filter(|it| orders.get(&it.line).is_some_and(|order| is(&order.state))).count()
        };
        let made = state(|state| matches!(state, OrderState::Made { .. }));
        let stopped = state(|state| matches!(state, OrderState::Stopped { .. }));
        let organization = organization.now();
        Self {
            duplicates: made_for_lines.count() - lines.len(),
            orphans,
            made,
            stopped,
            open: wanted.len() - made - stopped,
            took_ms,
            least_ms: least_ms(wanted.len() as u64, organization.making_ms),
            calls: organization.calls.clone(),
        }
    }
}

/// By the bucket of `CreateAccount` (three at once, then one every ten seconds, the last of which takes the least time
/// that there is), or by how many may be in the making at a time; whichever is more.
fn least_ms(accounts: u64, making_ms: u64) -> u64 {
    let by_bucket = accounts.saturating_sub(3) * INTERVAL_MS + u64::from(MAKING_MS.0);
    by_bucket.max(making_ms / IN_PROGRESS_MAX as u64)
}
