//! Causes over time: each is told once, and what is learnt later only makes it wider.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::component::Component;
use crate::explanation::{Cause, Explanation, Gate};
use crate::state::State;
use crate::suspect::Suspect;
use crate::topology::PathId;

/// A cause that was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Which it is: they are counted from 0.
    pub id: u32,
    /// What may be to blame: of the widest cause so far, the likeliest first.
    pub suspects: Vec<Suspect>,
    /// Since when, in ticks: the earliest moment of any cause that it was.
    pub since_ticks: u32,
    /// When it was told.
    pub opened_ticks: u32,
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
    /// How many there were so far.
    count: u32,
}

impl Incidents {
    /// Takes in what is now known, and returns the incidents that are new.
    ///
    /// An incident goes on as the widest cause on which all its paths depend, when that is wider than itself; or else
    /// as the cause that has a suspect in common with it, or the one with most of its failing paths. What failed does not go
    /// on as phonehome's own silence, which explains missing reports alone. Of several that go
    /// on as one cause the oldest takes in the others. A cause that none goes on as, and that is not a part of one that
    /// is open, is a new incident once its gate is open. An incident ends when nothing explains it any more and all its
    /// paths pass.
    pub fn follow(&mut self, state: &State, explanation: &Explanation, now_ticks: u32) -> Vec<Incident> {
        let successors: Vec<Option<usize>> =
            self.open.iter().map(|incident| successor(state, incident, &explanation.causes)).collect();
        let before = std::mem::take(&mut self.open);
        let mut opened = Vec::new();
        let mut unclaimed = Vec::new();
        for (number, cause) in explanation.causes.iter().enumerate() {
            let mut claimants = before.iter().zip(&successors).filter(|(_, next)| **next == Some(number));
            let Some((oldest, _)) = claimants.next() else {
                unclaimed.push(cause);
                continue;
            };
            let mut incident = oldest.clone();
            for (other, _) in claimants {
                incident.paths.extend(&other.paths);
                incident.since_ticks = incident.since_ticks.min(other.since_ticks);
            }
            if cause.gate == Gate::Open {
                incident.widen(state, cause);
            }
            self.open.push(incident);
        }
        let unexplained = before.iter().zip(&successors).filter(|(_, next)| next.is_none());
        self.open.extend(unexplained.map(|(incident, _)| {
            let mut incident = incident.clone();
            incident.paths.retain(|path| !state.is_settled(*path));
            incident
        }));
        self.open.retain(|incident| !incident.paths.is_empty());
        for cause in unclaimed.into_iter().filter(|cause| cause.gate == Gate::Open) {
            let is_part = |it: &Incident| cause.paths.iter().all(|path| it.paths.contains(path));
            if !self.open.iter().any(is_part) {
                opened.push(self.opened(state, cause, now_ticks));
            }
        }
        self.open.extend(opened.iter().cloned());
        self.open.sort_unstable_by_key(|incident| incident.id);
        opened
    }

    fn opened(&mut self, state: &State, cause: &Cause, now_ticks: u32) -> Incident {
        self.count += 1;
        Incident {
            id: self.count - 1,
            suspects: cause.suspects.clone(),
            since_ticks: cause.since_ticks,
            opened_ticks: now_ticks,
            paths: cause.paths.iter().copied().collect(),
            width: width(state, &cause.suspects),
        }
    }
}

impl Incident {
    fn widen(&mut self, state: &State, cause: &Cause) {
        let told = |path: &PathId| cause.paths.contains(path) || cause.shared.contains(path);
        let explains_all = self.paths.iter().all(told);
        self.paths.extend(&cause.paths);
        self.since_ticks = self.since_ticks.min(cause.since_ticks);
        let width = width(state, &cause.suspects);
        // What was tied and no longer is was refuted.
        let is_clearer = cause.suspects.iter().all(|suspect| self.suspects.contains(suspect));
        // A narrower one that explains all there was says that it was never the wider one.
        if width > self.width || is_clearer || explains_all {
            self.width = width;
            self.suspects.clone_from(&cause.suspects);
        }
    }
}

fn successor(state: &State, incident: &Incident, causes: &[Cause]) -> Option<usize> {
    let includes = |cause: &Cause| match cause.suspects.first() {
        Some(Suspect::Component(component)) => {
            incident.paths.iter().all(|path| state.topology().depends(*path, *component))
        }
        _ => false,
    };
    let wider = causes.iter().enumerate().filter(|(_, it)| it.gate == Gate::Open);
    let wider = wider.map(|(number, cause)| (width(state, &cause.suspects), Reverse(number)));
    let wider =
        wider.filter(|(width, Reverse(number))| *width > incident.width && includes(&causes[*number]));
    if let Some((_, Reverse(widest))) = wider.max() {
        return Some(widest);
    }
    let is_suspected = |cause: &Cause| cause.suspects.iter().any(|it| incident.suspects.contains(it));
    if let Some(same) = causes.iter().position(is_suspected) {
        return Some(same);
    }
    // What phonehome itself does not hear explains reports that are missing, and nothing that failed.
    let is_report = |path: &PathId| state.topology().report_of(state.topology().probe_of(*path)) == *path;
    let fails = !incident.paths.iter().all(is_report);
    let may_go_on =
        |cause: &Cause| !(fails && cause.suspects.contains(&Suspect::Component(Component::Collector)));
    let shared = |cause: &Cause| match may_go_on(cause) {
        true => cause.paths.iter().filter(|path| incident.paths.contains(path)).count(),
        false => 0,
    };
    let (most, Reverse(number)) = causes.iter().map(shared).zip((0..).map(Reverse)).max()?;
    (most > 0).then_some(number)
}

fn width(state: &State, suspects: &[Suspect]) -> usize {
    let of = |suspect: &Suspect| match suspect {
        Suspect::Component(component) => state.topology().dependents(*component),
        Suspect::Path(_) => 1,
    };
    suspects.first().map_or(0, of)
}
