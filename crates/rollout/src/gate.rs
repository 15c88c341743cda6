//! What must hold of accounts that have the new version, so that others may get it.

use std::collections::BTreeMap;

use phonehome_wire::AccountId;

use crate::{Account, Failing, Halt, NAMED_MAX, Observed, Pace, PathId, RollOut, Turn, Unproven, Wait};

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
    if let Some((region, stack)) = account.failed_since(&account.target_regions, turn.at_ms) {
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
/// account has to converge, for the other end of a connection may not be there yet; and so has what another version
/// broke, for this one is to mend it.
fn newly_failing<'a>(turn: &Turn, account: &'a Account, pace: Pace, now_ms: u64) -> Vec<&'a PathId> {
    let counts = |path: &PathId, it: &Failing| {
        let has_time = !it.worked_once || turn.before.to_mend.contains(path);
        !has_time || now_ms.saturating_sub(it.since_ms.max(turn.since_ms)) > pace.converge_ms
    };
    let failing = account.failing.iter();
    let failing = failing.filter(|(path, it)| turn.before.known.contains(*path) || counts(path, it));
    turn.before.unknown(failing.map(|(path, _)| path).collect())
}

/// What keeps an account from being green: what fails, and what is not proven. What was heard of a probe before the
/// account converged says nothing of what there is now.
pub(crate) fn not_green(turn: &Turn, account: &Account) -> BTreeMap<PathId, Option<Unproven>> {
    let failing = turn.before.unknown(account.failing.keys().collect());
    let heard = account.heard_at_ms.iter().filter(|(_, at_ms)| **at_ms <= turn.converged_at_ms);
    let mut unproven: BTreeMap<&PathId, Unproven> =
        heard.map(|(probe, _)| (probe, Unproven::Untested)).collect();
    unproven.extend(account.unproven.iter().map(|(path, why)| (path, *why)));
    let unknown = turn.before.unknown_unproven(unproven.keys().copied().collect());
    let unproven = unknown.into_iter().map(|path| (path.clone(), unproven.get(path).copied()));
    unproven.chain(failing.into_iter().map(|path| (path.clone(), None))).collect()
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

/// What these accounts wait for to converge, and as many more whose turn has not come.
pub(crate) fn converging(late: &[&Account], left: usize, now_ms: u64) -> Vec<Wait> {
    let named = |accounts: &[&Account]| accounts.iter().map(|it| it.name.clone()).take(NAMED_MAX).collect();
    let (held, late): (Vec<&Account>, Vec<&Account>) =
        late.iter().partition(|account| account.next_hour_ms(&account.target_regions) > now_ms);
    let next_ms = held.iter().map(|account| account.next_hour_ms(&account.target_regions)).max();
    let hour = next_ms.map(|next_ms| Wait::Hour { names: named(&held), count: held.len(), next_ms });
    let count = late.len() + left;
    let others = (count > 0).then(|| Wait::Converging { names: named(&late), count });
    others.into_iter().chain(hour).collect()
}
