//! What must hold of accounts that have the new version, so that others may get it.

use std::collections::BTreeMap;

use phonehome_wire::AccountId;

use crate::roll_out::{KNOWN_KEPT, NAMED_MAX};
use crate::{Account, Before, Halt, Observed, Pace, PathId, RollOut, Turn, Unproven};

impl Before {
    /// What fails in an account now.
    pub(crate) fn of(account: &Account) -> Self {
        Self::default().with(account.failing.keys())
    }

    /// The same, and these paths as well.
    pub(crate) fn with<'p>(self, paths: impl Iterator<Item = &'p PathId>) -> Self {
        let mut known = self.known;
        known.extend(paths.cloned());
        let count = known.len();
        let more_than_known = (count > KNOWN_KEPT).then_some(count).max(self.more_than_known);
        Self { known: known.into_iter().take(KNOWN_KEPT).collect(), more_than_known }
    }

    /// Those of these paths that are not known. Where not all that failed are known by name, none is unless there are
    /// more of them than there were.
    fn unknown<'p>(&self, paths: Vec<&'p PathId>) -> Vec<&'p PathId> {
        if self.more_than_known.is_some_and(|count| paths.len() <= count) {
            return vec![];
        }
        paths.into_iter().filter(|path| !self.known.contains(*path)).collect()
    }
}

/// Why nobody else may get the version: in accounts that have it a stack failed, one does not converge, or paths fail
/// that did not before.
pub(crate) fn halts(roll_out: &RollOut, observed: &Observed, now_ms: u64) -> Vec<Halt> {
    let turned = turned(roll_out, observed);
    turned
        .filter_map(|(id, turn, account)| halt(roll_out, id, turn, account, now_ms))
        .take(NAMED_MAX)
        .collect()
}

fn halt(roll_out: &RollOut, id: &AccountId, turn: &Turn, account: &Account, now_ms: u64) -> Option<Halt> {
    let (id, name) = (id.clone(), account.name.clone());
    if let Some((region, stack)) = account.failed_since(turn.at_ms) {
        let (region, message) = (region.clone(), stack.clipped());
        return Some(Halt::Failed { account: id, name, region, message });
    }
    let failing = newly_failing(turn, account, roll_out.pace, now_ms);
    if !failing.is_empty() {
        let (count, paths) = (failing.len(), failing.into_iter().take(NAMED_MAX).cloned().collect());
        return Some(Halt::NewlyFailing { account: id, name, paths, count });
    }
    let is_late = !turn.converged && now_ms - turn.since_ms.min(now_ms) > roll_out.pace.converge_ms;
    let message = account.message(&account.target_regions, roll_out.versions.target);
    is_late.then_some(Halt::NotConverged { account: id, name, message })
}

/// The paths that fail and did not before the account's turn. One that never worked is new: it has as long as an
/// account has to converge, for the other end of a connection may not be there yet.
fn newly_failing<'a>(turn: &Turn, account: &'a Account, pace: Pace, now_ms: u64) -> Vec<&'a PathId> {
    let counts = |since_ms: u64, worked_once: bool| {
        worked_once || now_ms.saturating_sub(since_ms.max(turn.since_ms)) > pace.converge_ms
    };
    let failing = account.failing.iter();
    let failing =
        failing.filter(|(path, it)| turn.before.known.contains(*path) || counts(it.since_ms, it.worked_once));
    turn.before.unknown(failing.map(|(path, _)| path).collect())
}

/// What keeps an account from being green: what fails, and what is not proven.
pub(crate) fn not_green(turn: &Turn, account: &Account) -> BTreeMap<PathId, Option<Unproven>> {
    let failing = turn.before.unknown(account.failing.keys().collect());
    let failing = failing.into_iter().map(|path| (path.clone(), None));
    let unproven = account.unproven.iter().filter(|(path, _)| !turn.before.known.contains(*path));
    failing.chain(unproven.map(|(path, why)| (path.clone(), Some(*why)))).collect()
}

/// Each account of a wave, or of those before it, that was not green for long enough.
pub(crate) fn not_proven(roll_out: &RollOut, observed: &Observed, wave: usize) -> Vec<Halt> {
    let of_wave = turned(roll_out, observed).filter(|(_, turn, _)| turn.wave == wave);
    let halt = |(id, turn, account): (&AccountId, &Turn, &Account)| {
        let open = not_green(turn, account);
        let (count, paths) = (open.len(), open.into_iter().take(NAMED_MAX).collect());
        Halt::NotProven { account: id.clone(), name: account.name.clone(), paths, count }
    };
    let mut halts: Vec<Halt> = of_wave.map(halt).collect();
    // Those that are not green now, if there are any; otherwise all were only at times.
    let is_open = |halt: &Halt| matches!(halt, Halt::NotProven { count, .. } if *count > 0);
    if halts.iter().any(is_open) {
        halts.retain(is_open);
    }
    halts.truncate(NAMED_MAX);
    halts
}

/// The accounts that are to have the new version and are there.
pub(crate) fn turned<'r>(
    roll_out: &'r RollOut,
    observed: &'r Observed,
) -> impl Iterator<Item = (&'r AccountId, &'r Turn, &'r Account)> {
    let turned = roll_out.versions.turned.iter();
    turned.filter_map(|id| Some((id, roll_out.turns.get(id)?, observed.accounts.get(id)?)))
}
