//! Who has not reported since something broke, and could say whether it is something else.

use std::collections::{BTreeMap, BTreeSet};

use crate::evidence::Evidence;
use crate::outcome::{Outcome, Says};
use crate::rules::SHARED_BY;
use crate::topology::{PathId, ProbeId};

/// How many probes are named for each thing that may be broken.
const PROBES_MAX: usize = 8;

/// Those paths of a probe that depend on something, while the probe has not reported.
#[derive(Debug, Default)]
struct OfProbe {
    /// How many have had a result all the same.
    heard: usize,
    /// Of the others those that would clear it if they passed, and [`SHARED_BY`] at most.
    paths: Vec<PathId>,
    is_any: bool,
}

impl Evidence<'_> {
    /// Whether somebody is still to report who depends on a candidate, which may be broken since `since_ticks`; and which
    /// paths these could run to say so, of a few probes a few each. `None` where nobody is. A probe has said as much as is
    /// needed by the results of three paths. That a report comes is no result of a path that anybody could ask for.
    pub(crate) fn awaited(&self, candidate: usize, since_ticks: u32) -> Option<BTreeSet<PathId>> {
        let (state, topology) = (self.state, &self.state.topology);
        let mut probes: BTreeMap<ProbeId, OfProbe> = BTreeMap::new();
        for (path, stages) in
            self.paths_of(candidate).filter(|(path, _)| state.is_pending(*path, since_ticks))
        {
            let probe = topology.probe_of(PathId(path));
            let clears =
                stages.say(Outcome::Pass) == Says::Clears && PathId(path) != topology.report_of(probe);
            let of_probe = probes.entry(probe).or_default();
            if state.newest_ticks(path) >= since_ticks {
                of_probe.heard += 1;
                continue;
            }
            of_probe.is_any = true;
            if clears && of_probe.paths.len() < SHARED_BY {
                of_probe.paths.push(PathId(path));
            }
        }
        probes.retain(|_, it| it.is_any && it.heard < SHARED_BY);
        let asked = probes.values().filter(|it| !it.paths.is_empty()).take(PROBES_MAX);
        (!probes.is_empty()).then(|| asked.flat_map(|it| it.paths.iter().copied()).collect())
    }
}
