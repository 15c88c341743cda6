//! One report, from what is stored of its probe to what is stored then.

use std::cell::Cell;
use std::sync::Arc;

use phonehome_alerting::{
    Asked, Crash, Crashes, Folded, Hysteresis, ProbePart, Received, Refusals, Refused, Transition, denied,
    fold, isolations_at, judge_denials, judge_omissions,
};
use phonehome_cloud::WallClock;
use phonehome_cloud::table::{ATTEMPTS, Table, TableError, Write, on_conflict};
use phonehome_fleet::{Fleet, Parts};
use phonehome_state::{Keys, StackStatus, StateError};
use phonehome_wire::{AccountId, AzId, Check, Region, Report};

use crate::moved::{Lives, Moved};
use crate::stored::{Freshness, InForce, Isolated, Memory, Read, Stored};
use crate::witnesses::Witnessing;
use crate::{Counted, Counting};

/// For how long what is stored of a probe is kept after its last report: 90 days, in milliseconds. What
/// is no longer declared goes then; what is, and was silent for as long, has an open incident.
const KEPT_MS: u64 = 90 * 24 * 3600 * 1000;
/// Paths that do not change are written all the same when they would be kept for less: 60 days.
const PATHS_RENEWED_MS: u64 = 60 * 24 * 3600 * 1000;
/// For how long the refusals of an account are kept after the last one: 1 day, in seconds.
const REFUSALS_KEPT_S: u64 = 24 * 3600;

/// What a run was asked, as far as that is known.
enum Asking {
    Of(Asked),
    Refused(Refused),
}

/// A report as the hub sees it.
struct Judged {
    /// With what its denials prove.
    report: Report,
    /// When all isolations of the probe were tested last; milliseconds since the Unix epoch.
    isolations_at_ms: u64,
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrived {
    /// It is stored, or changes nothing. Where it says something new of what is broken, with the paths that turned.
    Folded(Option<Vec<Transition>>),
    /// It does not count.
    Refused(Refused),
}

fn hysteresis(fleet: &Fleet) -> Hysteresis {
    Hysteresis { down_after: fleet.probing.down_after, up_after: fleet.probing.up_after }
}

/// What a run was asked whose input nobody noted.
fn asked_by_the_file(report: &Report, stack: &Read<Arc<StackStatus>>, declared: &[Check]) -> Asking {
    match &stack.value {
        None if stack.unread => Asking::Refused(Refused::UnreadableStack),
        None => Asking::Refused(Refused::NoStack),
        Some(stack) if !stack.availability_zones.contains(&report.availability_zone) => {
            Asking::Refused(Refused::UnknownZone)
        }
        Some(_) => {
            let parts = Parts::of(declared);
            if report.part >= parts.count() {
                return Asking::Refused(Refused::OtherInput);
            }
            let checks: Vec<Check> = parts.checks_of(declared, report.part).cloned().collect();
            Asking::Of(Asked::of(&checks))
        }
    }
}

/// Who folds reports.
#[allow(missing_debug_implementations, reason = "it is made for an invocation, of what others own")]
pub struct Collecting<'c, T, C> {
    /// Where state is kept.
    pub table: &'c T,
    /// What was read before.
    pub memory: &'c Memory,
    /// What time it is.
    pub clock: &'c C,
    /// Who counts.
    pub counting: Counting<'c>,
}

impl<T: Table, C: WallClock> Collecting<'_, T, C> {
    /// A fleet that cannot be read fails the whole batch, which comes again: folding with other
    /// thresholds than the declared ones could page.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn fleet(&self) -> Result<Arc<InForce>, StateError> {
        self.memory.fleet(self.table, self.clock.now_ms()).await
    }

    /// Judges a report and folds it into what is stored of its probe.
    ///
    /// # Errors
    /// [`TableError`]: nothing was stored.
    pub async fn report(
        &self,
        report: &Report,
        received: Received,
        in_force: &InForce,
    ) -> Result<Arrived, TableError> {
        let isolated = &in_force.isolated;
        let freshness = Cell::new(Freshness::Lately);
        on_conflict(ATTEMPTS, async || {
            let (freshness, now_ms) = (freshness.replace(Freshness::Now), self.clock.now_ms());
            let stored = self.memory.stored(self.table, self.counting, report, freshness, now_ms).await?;
            let stack = stored.stack.value.as_deref();
            let declared = stack.map(|stack| in_force.declared(stack)).unwrap_or_default();
            match Self::asked(report, &stored, &declared) {
                Asking::Of(asked) => {
                    let moved = Moved::of(report, stored.inputs.value.as_deref(), &declared);
                    let asked = moved.left(asked);
                    let known_ms = stored.heartbeat.value.as_ref().map_or(0, |it| it.isolations_at_ms);
                    let judged =
                        self.judged(report, received, isolated, (&declared, &asked), known_ms).await?;
                    self.fold_once(judged, received, stored, (&asked, &moved), &hysteresis(in_force.fleet()))
                        .await
                        .map(Arrived::Folded)
                }
                Asking::Refused(refused) => Ok(Arrived::Refused(refused)),
            }
        })
        .await
    }

    /// What the run was asked: what the provisioner noted; and where it has not yet, because the account
    /// was deployed by an earlier version, what the fleet file declares.
    fn asked(report: &Report, stored: &Stored, declared: &[Check]) -> Asking {
        let asking = match &stored.inputs.value {
            Some(inputs) => inputs.asked(report).map_or_else(Asking::Refused, Asking::Of),
            None => asked_by_the_file(report, &stored.stack, declared),
        };
        match asking {
            Asking::Of(asked) => Asking::Of(Asked { presumed_to_have_worked: stored.paths.unread, ..asked }),
            refused @ Asking::Refused(_) => refused,
        }
    }

    /// The report with what its denials prove in their place. `known_ms`: when the probe had tested isolations
    /// before.
    async fn judged(
        &self,
        report: &Report,
        received: Received,
        isolated: &Isolated,
        (declared, asked): (&[Check], &Asked),
        known_ms: u64,
    ) -> Result<Judged, TableError> {
        let now_ms = self.clock.now_ms();
        let asking = Witnessing { table: self.table, memory: self.memory, now_ms };
        let witnesses =
            asking.witnesses(isolated, &denied(report, declared), &ProbePart::of(report).probe).await?;
        let mut judged = report.clone();
        let run_ms = report.started_at_ms.min(received.at_ms);
        judge_denials(&mut judged, declared, &witnesses, run_ms);
        // A rerun has some of the checks, and is no turn of the isolations.
        if !report.rerun {
            judge_omissions(&mut judged, declared, |id| asked.checks.contains_key(id), known_ms, run_ms);
        }
        for result in &mut judged.results {
            // Addresses are kept for those who need a witness, and for nobody else: they may change each minute.
            if !asked.checks.get(&result.id).is_some_and(|endpoint| isolated.contains_key(endpoint)) {
                result.addresses.clear();
            }
        }
        let isolations_at_ms =
            if report.rerun { known_ms } else { isolations_at(report, declared, known_ms, run_ms) };
        Ok(Judged { report: judged, isolations_at_ms })
    }

    async fn fold_once(
        &self,
        Judged { report, isolations_at_ms }: Judged,
        received: Received,
        stored: Stored,
        (asked, moved): (&Asked, &Moved),
        hysteresis: &Hysteresis,
    ) -> Result<Option<Vec<Transition>>, TableError> {
        let Stored { inputs, stack, heartbeat: newest, paths: mut before } = stored;
        let lives = Lives { inputs: inputs.value.as_deref(), stack: stack.value.as_deref() };
        let now_ms = self.clock.now_ms();
        let is_anew = lives.is_earlier(&ProbePart::of(&report), newest.value.as_ref(), before.version());
        let known = before.value.take().filter(|_| !is_anew).unwrap_or_default();
        let moving = moved.among(&known);
        match fold(newest.value.as_ref(), known, &report, asked, received, hysteresis) {
            Folded::Stale => {
                (self.counting)(Counted::Duplicate);
                Ok(None)
            }
            Folded::Fresh { mut heartbeat, paths, paths_changed, is_news, transitions, dropped } => {
                if dropped > 0 {
                    (self.counting)(Counted::Dropped(dropped as u64));
                }
                let expire_at_ms = newest.value.as_ref().map_or(0, |newest| newest.paths_expire_at_ms);
                // A heartbeat that names other paths than were read, or none, is of an earlier release, or somebody
                // is writing: whoever writes both under their conditions finds out.
                let is_pair = before.version() == newest.value.as_ref().map_or(0, |it| it.paths_version);
                let lasting = expire_at_ms >= now_ms + PATHS_RENEWED_MS;
                let renew = paths_changed || is_anew || before.unread || !is_pair || !lasting;
                heartbeat.isolations_at_ms = isolations_at_ms;
                heartbeat.paths_version =
                    if renew { before.expect().next_version() } else { before.version() };
                heartbeat.paths_expire_at_ms = if renew { now_ms + KEPT_MS } else { expire_at_ms };
                let expire_at_s = (now_ms + KEPT_MS) / 1000;
                let put = Write::put(Keys::heartbeat(&heartbeat.probe_part()), newest.expect(), &heartbeat);
                let mut writes = vec![put.expiring(expire_at_s)];
                if renew {
                    let put = Write::over(before.doc.as_ref(), Keys::paths(&heartbeat.probe_part()), &paths);
                    writes.push(put.expiring(expire_at_s));
                }
                let written = writes.get(1).and_then(Write::written);
                let handed = lives.hand_over(self.table, self.counting, &heartbeat.key, moving, expire_at_s);
                writes.extend(handed.await?);
                writes.extend(newest.copy(now_ms).into_iter().chain(before.copy(now_ms)));
                self.table.write(writes).await?;
                if let Some(paths) = written {
                    self.memory.keep(&paths, now_ms);
                }
                Ok((is_news || !transitions.is_empty()).then_some(transitions))
            }
        }
    }

    /// Notes that a report does not count, by its account.
    ///
    /// # Errors
    /// [`TableError`]
    pub async fn note_refusal(
        &self,
        account: &AccountId,
        refused: Refused,
        problem: &str,
        received: Received,
    ) -> Result<Refusals, TableError> {
        let key = Keys::refusals(account);
        on_conflict(ATTEMPTS, async || {
            let now_ms = self.clock.now_ms();
            let before = Read::<Refusals>::of(self.table.get(&key).await?, self.counting);
            let copy = before.copy(now_ms);
            let refusals = Refusals::with(before.value, account, refused, problem, received.at_ms);
            let put = Write::over(before.doc.as_ref(), key.clone(), &refusals);
            let put = put.expiring(now_ms / 1000 + REFUSALS_KEPT_S);
            self.table.write([put].into_iter().chain(copy).collect()).await?;
            Ok(refusals)
        })
        .await
    }

    /// Notes that a probe crashed, once for each invocation: when it falls silent, that is why.
    ///
    /// # Errors
    /// [`TableError`]
    pub async fn note_crash(
        &self,
        account: &AccountId,
        (region, zone): &(Region, AzId),
        crash: Crash,
    ) -> Result<(), TableError> {
        let key = Keys::crashes(account);
        on_conflict(ATTEMPTS, async || {
            let now_ms = self.clock.now_ms();
            let before = Read::<Crashes>::of(self.table.get(&key).await?, self.counting);
            let copy = before.copy(now_ms);
            let crashes = Crashes::with(before.value, account, (region, zone), crash.clone());
            let Some(crashes) = crashes else { return Ok(()) };
            let put = Write::over(before.doc.as_ref(), key.clone(), &crashes);
            let put = put.expiring((now_ms + KEPT_MS) / 1000);
            self.table.write([put].into_iter().chain(copy).collect()).await
        })
        .await
    }
}
