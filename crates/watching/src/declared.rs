//! What a version declares of the probes of every line, made once for as long as that version is in force by itself.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use phonehome_alerting::{Aim, Aims, Checks, Declared};
use phonehome_fleet::{Fleet, Member, Parts};
use phonehome_state::InForce;
use phonehome_wire::{Check, Region};

use crate::digest::digest;

/// What a version declares: what the checks of each line aim at. The checks themselves are made when they are asked for.
pub(crate) struct DeclaredFleet {
    pub(crate) in_force: Arc<InForce>,
    aims: Aims,
    members: Vec<Member>,
    /// Where a member is among these, by its account's name.
    numbers: HashMap<Box<str>, usize>,
    /// Of each member, for each Region in the file's order.
    lines: Vec<Line>,
}

/// What is declared of a member in a Region.
#[derive(Debug, Clone)]
struct Line {
    aims: Range<u32>,
    parts: Parts,
    digest: u64,
}

/// The checks of the probes of one stack, how they are spread, and what tells their names from any others.
pub(crate) struct DeclaredChecks {
    pub(crate) checks: Checks,
    pub(crate) parts: Parts,
    /// By [`digest()`].
    pub(crate) digest: u64,
}

/// The checks of one line.
#[derive(Debug)]
struct OfLine {
    fleet: Arc<DeclaredFleet>,
    line: usize,
}

impl DeclaredFleet {
    pub(crate) fn of(in_force: &Arc<InForce>) -> Self {
        let fleet = &in_force.fleet;
        let members = fleet.members();
        let mut lines = Vec::with_capacity(members.len() * fleet.regions.len());
        let aims = Aims::collect(|note| {
            for member in &members {
                lines.extend(fleet.regions.iter().map(|region| {
                    let checks = fleet.checks_for(member, &region.name);
                    let (parts, digest) = (Parts::of(&checks), declared(checks.iter().map(Aim::of)));
                    Line { aims: note(&checks), parts, digest }
                }));
            }
        });
        let numbers =
            members.iter().enumerate().map(|(number, it)| (it.account_name.as_str().into(), number));
        Self { in_force: Arc::clone(in_force), aims, numbers: numbers.collect(), members, lines }
    }

    /// What is declared of a member of this version in a Region.
    pub(crate) fn checks(self: &Arc<Self>, member: &Member, region: &Region) -> DeclaredChecks {
        let regions = &self.fleet().regions;
        let number = self.numbers.get(member.account_name.as_str());
        let place = number.zip(regions.iter().position(|it| it.name == *region));
        let Some((number, region)) = place else { return DeclaredChecks::of(vec![]) };
        let line = number * regions.len() + region;
        let Line { parts, digest, .. } = self.lines[line];
        let checks = Checks::declared(Arc::new(OfLine { fleet: Arc::clone(self), line }));
        DeclaredChecks { checks, parts, digest }
    }

    fn fleet(&self) -> &Fleet {
        &self.in_force.fleet
    }
}

impl fmt::Debug for DeclaredFleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeclaredFleet").field("version", &self.in_force.number).finish_non_exhaustive()
    }
}

impl DeclaredChecks {
    /// Of checks that are there.
    pub(crate) fn of(checks: Vec<Check>) -> Self {
        let (parts, digest) = (Parts::of(&checks), declared(checks.iter().map(Aim::of)));
        Self { checks: checks.into(), parts, digest }
    }
}

impl Declared for OfLine {
    fn count(&self) -> usize {
        self.fleet.lines[self.line].aims.len()
    }

    fn aims(&self) -> Box<dyn Iterator<Item = Aim<'_>> + '_> {
        Box::new(self.fleet.aims.of(self.fleet.lines[self.line].aims.clone()))
    }

    fn checks(&self) -> Vec<Check> {
        let fleet = self.fleet.fleet();
        let member = &self.fleet.members[self.line / fleet.regions.len()];
        fleet.checks_for(member, &fleet.regions[self.line % fleet.regions.len()].name)
    }
}

/// What tells the names of these checks, in their order, from any others, within this process.
fn declared<'c>(aims: impl Iterator<Item = Aim<'c>>) -> u64 {
    digest(&aims.map(|aim| aim.id).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use phonehome_state::Accepted;

    use super::*;

    const REGION: &str = "us-east-1";

    fn in_force() -> InForce {
        InForce {
            fleet: phonehome_fleet::parse(include_str!("../../../fleet.example.yaml")).unwrap(),
            number: 1,
            published_at_ms: 1,
            published_by: String::new(),
            accepted: Accepted::default(),
            authorities: None,
            probes: None,
            unreadable: None,
        }
    }

    #[test]
    fn what_is_declared_of_each_line_is_what_the_file_declares() {
        let in_force = Arc::new(in_force());
        let declared = Arc::new(DeclaredFleet::of(&in_force));
        let region: Region = REGION.parse().unwrap();
        let members = in_force.fleet.members();
        assert!(members.len() > 1);
        for member in &members {
            let checks = in_force.fleet.checks_for(member, &region);
            let found = declared.checks(member, &region);
            assert!(!checks.is_empty());
            assert_eq!(found.checks.len(), checks.len());
            assert!(found.checks.aims().eq(checks.iter().map(Aim::of)), "before they are made");
            assert_eq!(*found.checks, checks);
            assert!(found.checks.aims().eq(checks.iter().map(Aim::of)), "once they are made");
            let made = DeclaredChecks::of(checks);
            assert_eq!((found.parts, found.digest), (made.parts, made.digest));
        }
    }

    #[test]
    fn of_what_is_in_no_line_or_region_nothing_is_declared() {
        let in_force = Arc::new(in_force());
        let declared = Arc::new(DeclaredFleet::of(&in_force));
        let mut member = in_force.fleet.members().swap_remove(0);
        let other: Region = "eu-west-3".parse().unwrap();
        assert!(declared.checks(&member, &other).checks.is_empty());
        member.account_name = "nobody".into();
        assert!(declared.checks(&member, &REGION.parse().unwrap()).checks.is_empty());
    }
}
