//! The cause joined to its incident: what was found in the stacks that are suspected.

use std::collections::BTreeSet;

use crate::{Finding, Incident, IncidentState, Policy, RepairState, Resolution, Severity, Suspect, World};

/// How many findings an incident keeps: those of one change are a few.
const FINDINGS_MAX: usize = 6;

/// How long after an incident began its cause is found, in milliseconds: a sweep sees it within 30 minutes, and
/// takes its time. What differs later came later.
const FOUND_WITHIN_MS: u64 = 45 * 60_000;

/// For how long on-call is not called where the cause is found and its repair is under way; milliseconds.
const REPAIR_MS: u64 = 20_000;

impl Incident {
    /// What of these is why it is; with what was found before, which may be forgotten by now.
    pub(crate) fn join(&mut self, world: &World) {
        let owners = self.members.iter().filter_map(|member| member.target.as_ref()?.account.clone());
        let owners: BTreeSet<String> =
            if world.findings.is_empty() { BTreeSet::new() } else { owners.collect() };
        let owners: BTreeSet<&str> = owners.iter().map(String::as_str).collect();
        for finding in &world.findings {
            if !self.is_caused_by(finding, &owners, &world.policy) {
                continue;
            }
            match self.findings.iter().position(|known| known.is_same(finding)) {
                Some(at) => self.findings[at].clone_from(finding),
                None if self.findings.len() < FINDINGS_MAX => self.findings.push(finding.clone()),
                None => {}
            }
        }
    }

    /// Whether a finding explains it, and was there when it began.
    fn is_caused_by(&self, finding: &Finding, owners: &BTreeSet<&str>, policy: &Policy) -> bool {
        // What was repaired before the first run that failed did not make it fail.
        let lasted = finding.repair != RepairState::Repaired
            || finding.seen_ms.saturating_add(policy.missing_after_ms()) >= self.since_ms;
        let is_its_time = lasted && finding.seen_ms <= self.since_ms.saturating_add(FOUND_WITHIN_MS);
        is_its_time && self.causes().any(|suspect| finding.explains(suspect, owners))
    }

    /// What may be to blame for it now.
    pub(crate) fn causes(&self) -> impl Iterator<Item = &Suspect> {
        [&self.suspect].into_iter().chain(&self.alternatives)
    }

    /// Gives a repair of its cause that is under way, or was just made, a moment before on-call is called: once, and
    /// from the decision in which it is first worth a page.
    pub(crate) fn wait_for_repair(&mut self, policy: &Policy, now_ms: u64) {
        let is_mended = !self.findings.is_empty()
            && self.findings.iter().all(|finding| finding.repair != RepairState::Withheld);
        if is_mended && self.page_waits_until_ms.is_none() {
            // Where runs are closer together, so is what is waited for.
            self.page_waits_until_ms = Some(now_ms + REPAIR_MS.min(policy.interval_ms / 3));
        }
    }

    /// Whether on-call is still to be called for it: when, in milliseconds since the Unix epoch.
    pub(crate) fn page_due_ms(&self) -> Option<u64> {
        let waits = self.is_open() && !self.paged && !self.silenced && self.severity == Severity::Page;
        self.page_waits_until_ms.filter(|_| waits)
    }

    /// Whether on-call was spared a call, as its cause was repaired in time.
    #[must_use]
    pub fn page_was_avoided(&self) -> bool {
        let is_over = matches!(self.state, IncidentState::Resolved { resolution: Resolution::Recovered, .. });
        is_over && !self.paged && self.page_waits_until_ms.is_some()
    }
}
