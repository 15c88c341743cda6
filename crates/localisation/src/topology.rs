//! Which path depends on what.

use crate::component::Component;
use crate::names::{Name, Names, Texts};
use crate::outcome::{Needed, Stages};

/// A path, by the order in which the [`crate::Builder`] was told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PathId(pub(crate) u32);

impl PathId {
    /// Its number: paths are counted from 0.
    #[must_use]
    pub fn number(self) -> usize {
        self.0 as usize
    }
}

/// A probe, by the order in which the [`crate::Builder`] was told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProbeId(pub(crate) u32);

impl ProbeId {
    /// Its number: probes are counted from 0.
    #[must_use]
    pub fn number(self) -> usize {
        self.0 as usize
    }
}

/// Where a component is in [`Topology::components`]: in the order of [`Component::compare`].
pub(crate) type ComponentNo = u32;

/// How many segments a path has at most.
pub(crate) const SEGMENTS_MAX: usize = 4;

/// Where a path has no further segment.
pub(crate) const NO_SEGMENT: u32 = u32::MAX;

/// Lists of numbers, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Lists<T> {
    pub(crate) all: Box<[T]>,
    /// Where each list ends; it begins where the one before it ends.
    pub(crate) ends: Box<[u32]>,
}

impl<T> Lists<T> {
    pub(crate) fn get(&self, number: u32) -> &[T] {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.all[start..self.ends[number] as usize]
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.all) + size_of_val(&*self.ends)
    }
}

/// All paths, and what each depends on at which stage.
///
/// What is shared is kept once: a path is a handful of segments, a segment a list of components.
#[derive(Debug)]
pub struct Topology {
    pub(crate) names: Names,
    pub(crate) components: Box<[Component]>,
    /// The segments of each path.
    pub(crate) paths: Box<[[u32; SEGMENTS_MAX]]>,
    /// The paths that stand for more than one, and for how many, in their order.
    pub(crate) heavier: Box<[(u32, u32)]>,
    /// The path that is the report of a probe, for each probe; the probe's other paths follow it.
    pub(crate) reports: Box<[u32]>,
    /// The components of each segment.
    pub(crate) segments: Lists<Needed>,
    /// The segments in which each component is.
    pub(crate) within: Lists<Needed>,
    /// The paths of each segment.
    pub(crate) paths_of_segments: Lists<u32>,
    /// How many paths each segment has.
    pub(crate) counts: Box<[u32]>,
}

impl Topology {
    /// How many paths there are, with the reports of the probes; those that are told as one are one.
    #[must_use]
    pub fn paths(&self) -> usize {
        self.paths.len()
    }

    /// The text of a name.
    #[must_use]
    pub fn text(&self, name: Name) -> &str {
        self.names.text(name)
    }

    /// The probe that a path starts from.
    #[must_use]
    pub fn probe_of(&self, path: PathId) -> ProbeId {
        let probes = self.reports.partition_point(|report| *report <= path.0);
        ProbeId(u32::try_from(probes - 1).unwrap_or(u32::MAX))
    }

    /// Which of its probe's paths one is: they are counted from 1, and 0 is the report itself.
    #[must_use]
    pub fn number_at_probe(&self, path: PathId) -> usize {
        path.number() - self.report_of(self.probe_of(path)).number()
    }

    /// The path that is a probe's report.
    #[must_use]
    pub fn report_of(&self, probe: ProbeId) -> PathId {
        PathId(self.reports[probe.number()])
    }

    /// Whether a path depends on a component, at whatever stage.
    #[must_use]
    pub fn depends(&self, path: PathId, component: Component) -> bool {
        self.components_of(path.0).any(|(number, _)| self.components[number as usize] == component)
    }

    /// How many paths depend on a component.
    #[must_use]
    pub fn dependents(&self, component: Component) -> usize {
        self.number(component).map_or(0, |number| self.count(number))
    }

    /// The number of a component, where there is such a one.
    pub(crate) fn number(&self, component: Component) -> Option<ComponentNo> {
        let found = self.components.binary_search_by(|other| other.compare(component, &self.names));
        u32::try_from(found.ok()?).ok()
    }

    /// How many bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.names.bytes()
            + size_of_val(&*self.components)
            + size_of_val(&*self.paths)
            + size_of_val(&*self.reports)
            + self.segments.bytes()
            + self.within.bytes()
            + self.paths_of_segments.bytes()
            + size_of_val(&*self.heavier)
            + size_of_val(&*self.counts)
    }

    /// What a path depends on, and when it does. No component comes twice.
    pub(crate) fn components_of(&self, path: u32) -> impl Iterator<Item = (ComponentNo, Stages)> + '_ {
        let segments = self.paths[path as usize].into_iter();
        segments
            .take_while(|segment| *segment != NO_SEGMENT)
            .flat_map(|segment| self.segments.get(segment).iter().map(|needed| needed.get()))
    }

    /// The paths that depend on a component, and when they do. No path comes twice.
    pub(crate) fn paths_of(&self, component: ComponentNo) -> impl Iterator<Item = (u32, Stages)> + '_ {
        self.within.get(component).iter().flat_map(|needed| {
            let (segment, stages) = needed.get();
            self.paths_of_segments.get(segment).iter().map(move |path| (*path, stages))
        })
    }

    /// The number of the first path, as of something that may be broken by itself.
    pub(crate) fn first_path(&self) -> u32 {
        u32::try_from(self.components.len()).unwrap_or(u32::MAX)
    }

    /// The paths that depend on what has this number, and when they do.
    pub(crate) fn paths_on(&self, number: u32) -> impl Iterator<Item = (u32, Stages)> + '_ {
        let first_path = self.first_path();
        let components = (number < first_path).then(|| self.paths_of(number));
        let itself = (number >= first_path).then(|| (number - first_path, Stages::ALONE));
        components.into_iter().flatten().chain(itself)
    }

    /// How many paths depend on a component.
    pub(crate) fn count(&self, component: ComponentNo) -> usize {
        let segments = self.within.get(component).iter().map(|needed| needed.get().0);
        segments.map(|segment| self.counts[segment as usize] as usize).sum()
    }

    /// How many paths one stands for.
    pub(crate) fn weight(&self, path: u32) -> i64 {
        let heavier = self.heavier.binary_search_by_key(&path, |(heavier, _)| *heavier);
        heavier.map_or(1, |at| i64::from(self.heavier[at].1))
    }
}
