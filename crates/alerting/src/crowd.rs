//! The probes with which nothing is wrong, told together where nothing tells them apart: of tens of thousands a few
//! hundred kinds are left.

use std::collections::BTreeMap;

use phonehome_localisation::{Component, Name, PathId, ProbeId, Segment, Stage, State};
use phonehome_wire::{AzId, Expect, Purpose, StackId};

use crate::concern::Concern;
use crate::dependencies::Collecting;
use crate::ticks::Ticks;
use crate::{Aim, Checks, Heartbeat, ProbeView};

/// More passes than the inference looks at are as many as it does.
const PASSES_MAX: usize = 100;

/// What a path depends on beside where it comes from, as far as it may be accused: the way, and the target.
type Further = [Option<Segment>; 2];

/// What is said of paths of a kind: what they depend on that may be accused, when they passed last, and how often in a
/// row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PathKind {
    /// Where it comes from, and what else.
    segments: (Segment, Further),
    newest_ticks: u32,
    passes: usize,
}

/// Probes between which nothing makes a difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct ProbeKind {
    region: Name,
    zone: Name,
    expected_ticks: u32,
    /// When its newest run began, and how often in a row it was heard of.
    reported: (u32, usize),
    /// The kinds of its paths, in order, each with how many there are.
    paths: Vec<(PathKind, u32)>,
}

/// The kinds of probes with how many there are of each.
#[derive(Debug, Default)]
pub(crate) struct Crowd<'w> {
    kinds: BTreeMap<ProbeKind, u32>,
    told: Vec<Told>,
    /// What was found for the checks of the last probe: the next one is of the same stack mostly.
    last: Option<Last<'w>>,
    /// The paths of the last probe, whose memory the next one takes.
    paths: Vec<(PathKind, u32)>,
}

/// What the paths of a probe depend on.
#[derive(Debug)]
struct Last<'w> {
    checks: Checks,
    stack: StackId,
    /// The zone of its NAT gateway, where that is another one than its own.
    nat_elsewhere: Option<AzId>,
    /// What each check aims at that is no isolation, with its number: of an isolation nothing is shared with anybody
    /// else's.
    aims: Vec<(usize, Aim<'w>, Further)>,
}

/// Where in the topology a kind is.
#[derive(Debug)]
struct Told {
    probe: ProbeId,
    expected_ticks: u32,
    reported: (u32, usize),
    paths: Vec<(PathId, PathKind)>,
}

impl<'w> Crowd<'w> {
    /// Takes in a probe that is not looked at by itself.
    pub(crate) fn add(
        &mut self,
        collecting: &mut Collecting<'w>,
        concern: &Concern<'_>,
        ticks: Ticks,
        view: &'w ProbeView,
    ) {
        let Some(heartbeat) = &view.heartbeat else { return };
        let region = collecting.region(&view.key.region);
        let zone = collecting.zone(&view.key.availability_zone);
        let source = collecting.segment([
            (Component::Fleet, Stage::Way),
            (Component::Region(region), Stage::Way),
            (Component::Zone(zone), Stage::Way),
            (Component::Zone(zone), Stage::Resolve),
        ]);
        self.look_at(collecting, concern, view);
        let mut paths = std::mem::take(&mut self.paths);
        paths.clear();
        for (number, aim, further) in self.last.iter().flat_map(|last| &last.aims) {
            let (newest_ticks, passes) = passed(view, heartbeat, (*number, *aim), ticks);
            let kind = PathKind { segments: (source, *further), newest_ticks, passes };
            // There are a handful.
            match paths.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, count)) => *count += 1,
                None => paths.push((kind, 1)),
            }
        }
        paths.sort_unstable();
        let (reported_ticks, reports) = ticks.reports(heartbeat);
        let kind = ProbeKind {
            region,
            zone,
            expected_ticks: ticks.at(view.expected_since_ms),
            reported: (reported_ticks, reports.min(PASSES_MAX)),
            paths,
        };
        match self.kinds.get_mut(&kind) {
            Some(count) => (*count, self.paths) = (*count + 1, kind.paths),
            None => drop(self.kinds.insert(kind, 1)),
        }
    }

    /// Finds what the paths of a probe aim at, and what they depend on beside where they come from: it is in `last` then.
    fn look_at(&mut self, collecting: &mut Collecting<'w>, concern: &Concern<'_>, view: &'w ProbeView) {
        let elsewhere = view.nat_zone.as_ref().filter(|zone| **zone != view.key.availability_zone);
        let is_it = |last: &Last<'_>| {
            last.checks.is_same(&view.checks)
                && view.key.is_of(&last.stack)
                && last.nat_elsewhere.as_ref() == elsewhere
        };
        if self.last.as_ref().is_some_and(is_it) {
            return;
        }
        let mut aims = self.last.take().map(|last| last.aims).unwrap_or_default();
        aims.clear();
        let shared = view.checks.aims().enumerate().filter(|(_, aim)| aim.expect != Expect::Deny);
        aims.extend(shared.map(|(number, aim)| (number, aim, further(collecting, concern, view, aim))));
        let (checks, stack, nat_elsewhere) = (view.checks.clone(), view.key.stack(), elsewhere.cloned());
        self.last = Some(Last { checks, stack, nat_elsewhere, aims });
    }

    /// Tells of all kinds, behind everybody else.
    pub(crate) fn tell(&mut self, collecting: &mut Collecting<'_>) {
        for (kind, count) in std::mem::take(&mut self.kinds) {
            let ProbeKind { region, zone, expected_ticks, reported, paths } = kind;
            let report = collecting.segment([
                (Component::Collector, Stage::Report),
                (Component::Region(region), Stage::Run),
                (Component::Zone(zone), Stage::Run),
            ]);
            let probe = collecting.builder.probes_alike(count, &[report]);
            let path = |(kind, of_each): (PathKind, u32)| {
                let (source, further) = &kind.segments;
                let segments: Vec<Segment> =
                    [Some(*source)].iter().chain(further).copied().flatten().collect();
                (collecting.builder.paths_alike(count.saturating_mul(of_each), &segments), kind)
            };
            let paths = paths.into_iter().map(path).collect();
            self.told.push(Told { probe, expected_ticks, reported, paths });
        }
    }

    /// Notes what was seen of them.
    pub(crate) fn observe(&self, state: &mut State) {
        for Told { probe, expected_ticks, reported, paths } in &self.told {
            state.expect(*probe, *expected_ticks);
            state.reports(*probe, reported.0, reported.1);
            for (path, PathKind { newest_ticks, passes, .. }) in paths.iter().filter(|(_, it)| it.passes > 0)
            {
                state.settle(*path, *newest_ticks, *passes);
            }
        }
    }
}

/// When a path passed last, in ticks, and how often in a row; never and 0 where it did not.
fn passed(
    view: &ProbeView,
    heartbeat: &Heartbeat,
    (number, aim): (usize, Aim<'_>),
    ticks: Ticks,
) -> (u32, usize) {
    view.passing(number).map_or((0, 0), |known| {
        let (newest_ticks, count) = ticks.passes(aim, known, heartbeat);
        (newest_ticks, count.min(PASSES_MAX))
    })
}

/// What a path depends on.
fn further<'w>(
    collecting: &mut Collecting<'w>,
    concern: &Concern<'_>,
    view: &'w ProbeView,
    aim: Aim<'w>,
) -> Further {
    let target = concern.is_target(aim).then(|| {
        let (host, endpoint) = collecting.target(aim);
        collecting.segment([
            (Component::Target(host), Stage::Target),
            (Component::Service { target: host, port: endpoint }, Stage::Target),
        ])
    });
    let way = match aim.purpose {
        _ if aim.is_lookup => None,
        Purpose::Egress => {
            let elsewhere = view.nat_zone.as_ref().filter(|zone| **zone != view.key.availability_zone);
            elsewhere.map(|zone| {
                let zone = collecting.zone(zone);
                collecting.segment([(Component::Zone(zone), Stage::Way)])
            })
        }
        _ => aim.account.filter(|owner| concern.is_account(owner)).map(|owner| {
            let there = collecting.owner(owner, &view.key.stack());
            collecting.segment([
                (Component::Account(there), Stage::Way),
                (Component::SecurityGroup(there), Stage::Way),
            ])
        }),
    };
    [way, target]
}

#[cfg(test)]
mod tests;
