//! What a part of a probe proves, by what is stored of it.

use phonehome_alerting::{Given, Heartbeat, PathState, PathStatus, Paths, ProbeKey, ProbePart};
use phonehome_cloud::table::{Doc, Key};
use phonehome_rollout::{Account, Failing, PathId, Unproven};
use phonehome_state::{StackStatus, Unread};
use phonehome_wire::Verdict;

/// A part of a probe of which something is expected.
pub(crate) struct Tested {
    pub(crate) part: ProbePart,
    /// What it was given to test.
    pub(crate) given: Given,
    /// Since when it has the code that it is to have; milliseconds since the Unix epoch, 0 where that is not known.
    pub(crate) code_since_ms: u64,
}

/// What one part of a probe proves, of which this is stored: noted of its account. A probe that was not heard of for
/// `overdue_ms` proves nothing.
pub(crate) fn judge(
    Tested { part, given, code_since_ms }: &Tested,
    (heartbeat, paths): (Option<&Heartbeat>, Option<&Paths>),
    (overdue_ms, now_ms): (u64, u64),
    account: &mut Account,
) {
    let unproven = match heartbeat {
        Some(heard) if heard.last_started_at_ms + overdue_ms < now_ms => Some(Unproven::Silent),
        None => Some(Unproven::Silent),
        Some(heard) if heard.generation < given.generation => Some(Unproven::Untested),
        // Another code may have run it: of that nothing is believed here, whatever it was asked.
        Some(heard) if heard.last_started_at_ms < *code_since_ms => Some(Unproven::Untested),
        Some(_) => None,
    };
    account.unproven.extend(unproven.map(|why| (path_of_probe(part), why)));
    account.heard_at_ms.extend(heartbeat.map(|heard| (path_of_probe(part), heard.last_started_at_ms)));
    let ProbeKey { region, availability_zone, .. } = &part.probe;
    for check in given.checks.keys() {
        let path = PathId::new(region, availability_zone, check);
        let Some(state) = paths.and_then(|paths| paths.get(check)) else {
            account.unproven.insert(path, Unproven::Untested);
            continue;
        };
        if state.status == PathStatus::Down {
            let failing = Failing { since_ms: state.since_ms, worked_once: state.ever_up };
            account.failing.insert(path, failing);
        } else if !passes(state) {
            account.unproven.insert(path, Unproven::Inconclusive);
        }
    }
}

pub(crate) fn read(doc: Doc) -> Option<(Key, Paths)> {
    Unread::or(doc).ok().map(|(doc, paths)| (doc.key, paths))
}

/// It is up, and so says the newest result.
fn passes(state: &PathState) -> bool {
    state.is_green() && matches!(state.last, Verdict::Ok | Verdict::DenyProven)
}

pub(crate) fn path_of_probe(part: &ProbePart) -> PathId {
    PathId::of_probe(&part.probe.region, &part.probe.availability_zone, part.part)
}

/// The probes that are to report.
pub(crate) fn probes_of(status: &StackStatus) -> Vec<ProbeKey> {
    let zones = status.ready_since_ms.keys().cloned();
    let of_zone = |availability_zone| ProbeKey {
        account: status.account.clone(),
        region: status.region.clone(),
        availability_zone,
    };
    zones.map(of_zone).collect()
}
