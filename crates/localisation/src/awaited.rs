//! Who has not reported since something broke, and could say whether it is something else.

use std::collections::{BTreeMap, BTreeSet};

use crate::explanation::{Explanation, Gate};
use crate::outcome::{Outcome, Says};
use crate::rules::SHARED_BY;
use crate::state::State;
use crate::topology::{PathId, ProbeId};

/// How many probes are to run at once for each thing that may be broken.
const PROBES_MAX: usize = 8;

/// Those paths of a probe that depend on something, while the probe has not reported.
#[derive(Debug, Default)]
struct OfProbe {
    /// How many have had a result all the same.
    heard: usize,
    /// Whether any has not.
    is_any: bool,
    /// Of these those that would clear it if they passed, and [`SHARED_BY`] at most.
    paths: Vec<PathId>,
}

impl State {
    /// The paths of which one more result matters, those that matter most first: whose probes could refute what something
    /// that is broken may be a part of, and those in doubt. Of no probe that may not run now.
    #[must_use]
    pub fn wanted(
        &self,
        explanation: &Explanation,
        now_ticks: u32,
        may_run: impl Fn(ProbeId) -> bool,
    ) -> Vec<PathId> {
        let mut awaited: BTreeSet<PathId> = BTreeSet::new();
        // What is told waits for nobody.
        for cause in explanation.causes.iter().filter(|cause| cause.gate != Gate::Open) {
            for suspect in &cause.unrefuted {
                let number = self.topology.number_of(*suspect);
                let probes = number.map(|number| self.awaited(number, cause.since_ticks)).unwrap_or_default();
                let asked = probes.into_iter().filter(|(probe, paths)| !paths.is_empty() && may_run(*probe));
                awaited.extend(asked.take(PROBES_MAX).flat_map(|(_, paths)| paths));
            }
        }
        let doubtful = self.doubtful(explanation, now_ticks).into_iter().map(|it| it.path);
        let doubtful =
            doubtful.filter(|path| !awaited.contains(path) && may_run(self.topology.probe_of(*path)));
        awaited.iter().copied().chain(doubtful.collect::<Vec<_>>()).collect()
    }

    /// The probes that are still to report and depend on what may be broken since `since_ticks`, each with the paths that it
    /// could run to say whether it is. A probe has said as much as is needed by the results of three paths. That a report
    /// comes is no result of a path that anybody could ask for.
    pub(crate) fn awaited(&self, number: u32, since_ticks: u32) -> BTreeMap<ProbeId, Vec<PathId>> {
        let mut probes: BTreeMap<ProbeId, OfProbe> = BTreeMap::new();
        let pending = self.topology.paths_on(number).filter(|(path, _)| self.is_pending(*path, since_ticks));
        for (path, stages) in pending {
            let probe = self.topology.probe_of(PathId(path));
            let of_probe = probes.entry(probe).or_default();
            if self.newest_ticks(path) >= since_ticks {
                of_probe.heard += 1;
                continue;
            }
            of_probe.is_any = true;
            let is_report = PathId(path) == self.topology.report_of(probe);
            let clears = stages.say(Outcome::Pass) == Says::Clears && !is_report;
            if clears && of_probe.paths.len() < SHARED_BY {
                of_probe.paths.push(PathId(path));
            }
        }
        probes.retain(|_, it| it.is_any && it.heard < SHARED_BY);
        probes.into_iter().map(|(probe, it)| (probe, it.paths)).collect()
    }
}
