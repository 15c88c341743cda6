//! Causes over time: each is told once, and what is learnt later only makes it wider.

use std::collections::BTreeSet;

use crate::explanation::{Cause, Explanation, Gate, Suspect};
use crate::state::State;
use crate::topology::PathId;

/// A cause that was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Which it is: they are counted from 0.
    pub id: u32,
    /// What may be to blame: of the widest cause so far, the likeliest first.
    pub suspects: Vec<Suspect>,
    /// Since when, in seconds: the earliest moment of any cause that it was.
    pub since_s: u32,
    /// When it was told.
    pub opened_s: u32,
    /// The paths that failed for it and have not passed again.
    pub paths: BTreeSet<PathId>,
    /// How many paths depend on what is to blame.
    width: usize,
}

/// The incidents that are open.
#[derive(Debug, Clone, Default)]
pub struct Incidents {
    /// The oldest first.
    pub open: Vec<Incident>,
    opened: u32,
}

impl Incidents {
    /// Takes in what is now known, and returns the incidents that are new.
    ///
    /// A cause whose gate is open goes on as the incident with which it has a failing path or a suspect in common, and
    /// as a new one where there is none; if there are several, the oldest takes in the others. An incident ends when
    /// nothing explains it any more and all its paths pass.
    pub fn follow(&mut self, state: &State, explanation: &Explanation, now_s: u32) -> Vec<Incident> {
        let mut opened = Vec::new();
        let mut continued = BTreeSet::new();
        for cause in &explanation.causes {
            let paths: BTreeSet<PathId> = cause.paths.iter().copied().collect();
            let is_same = |incident: &Incident| {
                !incident.paths.is_disjoint(&paths)
                    || incident.suspects.iter().any(|suspect| cause.suspects.contains(suspect))
            };
            let Some(first) = self.open.iter().position(is_same) else {
                if cause.gate == Gate::Open {
                    let incident = self.open(state, cause, paths, now_s);
                    continued.insert(incident.id);
                    opened.push(incident);
                }
                continue;
            };
            if cause.gate == Gate::Open {
                let same = self.open.iter().filter(|it| is_same(it)).map(|it| it.id).collect();
                self.widen(state, first, cause, &same);
            }
            continued.insert(self.open[first].id);
        }
        for incident in &mut self.open {
            incident.paths.retain(|path| !state.is_settled(*path));
        }
        self.open.retain(|incident| continued.contains(&incident.id) || !incident.paths.is_empty());
        opened
    }

    fn open(&mut self, state: &State, cause: &Cause, paths: BTreeSet<PathId>, now_s: u32) -> Incident {
        let incident = Incident {
            id: self.opened,
            suspects: cause.suspects.clone(),
            since_s: cause.since_s,
            opened_s: now_s,
            paths,
            width: width(state, &cause.suspects),
        };
        self.opened += 1;
        self.open.push(incident.clone());
        incident
    }

    fn widen(&mut self, state: &State, first: usize, cause: &Cause, same: &BTreeSet<u32>) {
        let (others, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.open)
            .into_iter()
            .enumerate()
            .partition(|(at, it)| *at != first && same.contains(&it.id));
        self.open = kept.into_iter().map(|(_, incident)| incident).collect();
        // The oldest comes first, so taking away later ones did not move it.
        let incident = &mut self.open[first];
        incident.paths.extend(&cause.paths);
        incident.since_s = incident.since_s.min(cause.since_s);
        for (_, other) in others {
            incident.paths.extend(other.paths);
            incident.since_s = incident.since_s.min(other.since_s);
        }
        let width = width(state, &cause.suspects);
        // What was tied and no longer is was refuted.
        let is_clearer = cause.suspects.iter().all(|suspect| incident.suspects.contains(suspect));
        if width > incident.width || is_clearer {
            incident.width = width;
            incident.suspects.clone_from(&cause.suspects);
        }
    }
}

fn width(state: &State, suspects: &[Suspect]) -> usize {
    let of = |suspect: &Suspect| match suspect {
        Suspect::Component(component) => state.topology().dependents(*component),
        Suspect::Path(_) => 1,
    };
    suspects.first().map_or(0, of)
}
