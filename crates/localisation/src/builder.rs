//! Collects what depends on what.

use std::collections::BTreeMap;

use crate::component::Component;
use crate::names::{Collected, Name};
use crate::outcome::{Needed, Stage, Stages};
use crate::topology::{ComponentNo, Lists, NO_SEGMENT, PathId, ProbeId, SEGMENTS_MAX, Topology};

/// A list of components that many paths share: what comes before a probe's packets leave its subnet, or what is
/// around a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment(u32);

/// Collects probes, their paths, and what each path depends on.
#[derive(Debug, Default)]
pub struct Builder {
    names: Collected,
    components: BTreeMap<Component, ComponentNo>,
    segments: Vec<Vec<(ComponentNo, Stages)>>,
    merged: BTreeMap<Vec<u32>, u32>,
    paths: Vec<[u32; SEGMENTS_MAX]>,
    /// How many paths each of these stands for.
    weights: Vec<u32>,
    reports: Vec<u32>,
}

impl Builder {
    /// The name that reads so.
    pub fn name(&mut self, text: &str) -> Name {
        self.names.name(text)
    }

    /// A list of components, and at which stage each is needed; one that is needed at several stages is named with
    /// each. It is of use for any number of paths.
    pub fn segment(&mut self, parts: &[(Component, Stage)]) -> Segment {
        let mut stages: BTreeMap<ComponentNo, Stages> = BTreeMap::new();
        for (component, stage) in parts {
            let next = number(self.components.len());
            let component = *self.components.entry(*component).or_insert(next);
            let known = stages.entry(component).or_default();
            *known = known.with(*stage);
        }
        self.segments.push(stages.into_iter().collect());
        Segment(number(self.segments.len() - 1))
    }

    /// A probe, and what its report depends on.
    ///
    /// # Panics
    /// With more than four segments.
    pub fn probe(&mut self, segments: &[Segment]) -> ProbeId {
        self.probes_alike(1, segments)
    }

    /// So many probes as one, between which nothing that is looked at makes a difference: what they depend on, when they
    /// reported, and that all they said is passes.
    ///
    /// # Panics
    /// With more than four segments.
    pub fn probes_alike(&mut self, count: u32, segments: &[Segment]) -> ProbeId {
        let report = self.add(count, segments);
        self.reports.push(report);
        ProbeId(number(self.reports.len() - 1))
    }

    /// A path of the probe that was told last: what it tests by a check, of one address where the check tests several,
    /// and what that depends on.
    ///
    /// # Panics
    /// Before there is a probe, and with more than four segments.
    pub fn path(&mut self, segments: &[Segment]) -> PathId {
        self.paths_alike(1, segments)
    }

    /// So many paths as one, all of which passed at the same times, of the probe or the probes that were told last: each
    /// of their results counts as often.
    ///
    /// # Panics
    /// Before there is a probe, and with more than four segments.
    pub fn paths_alike(&mut self, count: u32, segments: &[Segment]) -> PathId {
        assert!(!self.reports.is_empty(), "a path belongs to a probe, and there is none yet");
        PathId(self.add(count, segments))
    }

    fn add(&mut self, weight: u32, segments: &[Segment]) -> u32 {
        let count = segments.len();
        assert!(count <= SEGMENTS_MAX, "a path has {count} segments, the most is {SEGMENTS_MAX}");
        let mut list: Vec<u32> = segments.iter().map(|segment| segment.0).collect();
        if self.overlap(&list) {
            list = vec![self.merge(list)];
        }
        let mut parts = [NO_SEGMENT; SEGMENTS_MAX];
        parts[..list.len()].copy_from_slice(&list);
        self.paths.push(parts);
        self.weights.push(weight);
        number(self.paths.len() - 1)
    }

    /// Whether a component is in two of the segments: the account that is its own target, for instance.
    fn overlap(&self, list: &[u32]) -> bool {
        let components =
            |segment: &u32| self.segments[*segment as usize].iter().map(|(component, _)| *component);
        list.iter().enumerate().any(|(at, segment)| {
            let mut others = list[..at].iter().flat_map(components);
            others.any(|other| components(segment).any(|component| component == other))
        })
    }

    /// One segment instead of several.
    fn merge(&mut self, mut list: Vec<u32>) -> u32 {
        list.sort_unstable();
        if let Some(known) = self.merged.get(&list) {
            return *known;
        }
        let mut stages: BTreeMap<ComponentNo, Stages> = BTreeMap::new();
        for (component, further) in list.iter().flat_map(|segment| &self.segments[*segment as usize]) {
            let known = stages.entry(*component).or_default();
            *known = known.joined(*further);
        }
        self.segments.push(stages.into_iter().collect());
        let segment = number(self.segments.len() - 1);
        self.merged.insert(list, segment);
        segment
    }

    /// What was collected. Components get numbers in an order that does not depend on who was met first.
    #[must_use]
    pub fn build(self) -> Topology {
        let Self { names, components, mut segments, paths, weights, reports, .. } = self;
        let names = names.finish();
        let mut sorted: Vec<(Component, ComponentNo)> = components.into_iter().collect();
        sorted.sort_by(|(a, _), (b, _)| a.compare(*b, &names));
        let mut numbers = vec![0; sorted.len()];
        for (new, (_, old)) in sorted.iter().enumerate() {
            numbers[*old as usize] = number(new);
        }
        for (component, _) in segments.iter_mut().flatten() {
            *component = numbers[*component as usize];
        }
        let pairs = segments.iter().enumerate().flat_map(|(segment, list)| {
            list.iter().map(move |(component, stages)| (*component, Needed::new(number(segment), *stages)))
        });
        let within = lists(sorted.len(), pairs);
        let of_segments = paths.iter().enumerate().flat_map(|(path, parts)| {
            let used = parts.iter().copied().take_while(|segment| *segment != NO_SEGMENT);
            used.map(move |segment| (segment, number(path)))
        });
        let paths_of_segments = lists(segments.len(), of_segments.clone());
        let mut counts = vec![0; segments.len()];
        for (segment, path) in of_segments {
            counts[segment as usize] += weights[path as usize];
        }
        let pairs = segments.iter().enumerate().flat_map(|(segment, list)| {
            list.iter().map(move |(component, stages)| (number(segment), Needed::new(*component, *stages)))
        });
        let segments = lists(segments.len(), pairs);
        Topology {
            names,
            components: sorted.into_iter().map(|(component, _)| component).collect(),
            paths: paths.into(),
            heavier: weights
                .into_iter()
                .zip(0..)
                .filter(|(weight, _)| *weight != 1)
                .map(|(weight, path)| (path, weight))
                .collect(),
            reports: reports.into(),
            segments,
            within,
            paths_of_segments,
            counts: counts.into(),
        }
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("fewer than four billion of anything")
}

/// The lists, each with its members in the order of `pairs`, by counting: (which list, what is in it).
fn lists<T: Copy + Default>(count: usize, pairs: impl Iterator<Item = (u32, T)> + Clone) -> Lists<T> {
    let mut ends = vec![0_u32; count + 1];
    for (list, _) in pairs.clone() {
        ends[list as usize + 1] += 1;
    }
    for list in 1..=count {
        ends[list] += ends[list - 1];
    }
    let mut all = vec![T::default(); ends[count] as usize];
    // Where the next member of each list goes; in the end that is where the list ends.
    let mut next = ends;
    for (list, member) in pairs {
        let at = &mut next[list as usize];
        all[*at as usize] = member;
        *at += 1;
    }
    next.truncate(count);
    Lists { all: all.into(), ends: next.into() }
}
