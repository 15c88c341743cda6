//! What of isolations can be tested while some accounts have one file and some the other. One that an account had
//! before stays: whatever is wrong with it is not over because its turn has come.

use std::collections::BTreeSet;

use phonehome_wire::CheckId;

use super::declared::Declared;
use super::ways::End;
use crate::checks::{expand, is_control, is_witness, isolation_environments, isolation_id};
use crate::members::Member;
use crate::model::{Fleet, Isolation};

/// What has to be known of isolations that only the file declares which is rolled out.
pub(super) struct News<'f> {
    base: &'f Declared<'f>,
    target: &'f Declared<'f>,
    /// By source and id, what is tested already.
    known: BTreeSet<(End, String)>,
    /// The endpoints that somebody will reach once all have the target, and those that somebody is to reach now.
    reached: BTreeSet<String>,
    reached_now: BTreeSet<String>,
}

impl<'f> News<'f> {
    /// Of each file what it declares, and what of it is agreed on.
    pub(super) fn of(
        (base, base_now): (&'f Declared<'f>, &Fleet),
        (target, target_now): (&'f Declared<'f>, &Fleet),
    ) -> Self {
        let known = base.fleet.isolations.iter().flat_map(|it| {
            let end =
                |source: &str| Some((base.end(&it.from, source)?.clone(), isolation_id(it, source, "")));
            sources(base.fleet, it).into_iter().filter_map(end).collect::<Vec<_>>()
        });
        let mut reached_now = reached(base_now, base.members());
        reached_now.extend(reached(target_now, target.members()));
        let all = target.fleet.members().into_iter();
        Self { base, target, known: known.collect(), reached: reached(target.fleet, all), reached_now }
    }

    /// The isolations of the file that is rolled out, as far as they can be told.
    pub(super) fn isolations(&self) -> Vec<Isolation> {
        let isolations = self.target.fleet.isolations.iter();
        let kept = isolations.filter_map(|it| {
            let all = sources(self.target.fleet, it);
            let count = all.len();
            let some: Vec<String> =
                all.into_iter().filter(|source| self.can_be_told(it, source)).map(str::to_owned).collect();
            match some.len() {
                0 => None,
                length if length == count => Some(it.clone()),
                _ => Some(Isolation { environments: some, ..it.clone() }),
            }
        });
        kept.collect()
    }

    fn can_be_told(&self, isolation: &Isolation, source: &str) -> bool {
        let to_environment = isolation.to_environment.as_deref().unwrap_or(source);
        let from = self.target.end(&isolation.from, source);
        let Some((from, to)) = from.zip(self.target.end(&isolation.to, to_environment)) else { return true };
        if self.known.contains(&(from.clone(), isolation_id(isolation, source, ""))) {
            return true;
        }
        let way = (from.clone(), to.clone(), isolation.port);
        let is_let_in =
            self.base.has(to) && self.base.ways.contains(&way) && !self.target.ways.contains(&way);
        let endpoints = self.target.fleet.regions.iter().map(|region| {
            format!("{}:{}", expand(&isolation.host, to_environment, &region.name), isolation.port)
        });
        let mut endpoints = endpoints.filter(|it| self.reached.contains(it));
        !is_let_in && endpoints.all(|it| self.reached_now.contains(&it))
    }
}

fn sources<'f>(fleet: &'f Fleet, isolation: &'f Isolation) -> Vec<&'f str> {
    let ends = fleet.domain(&isolation.from).zip(fleet.domain(&isolation.to));
    ends.map(|(from, to)| isolation_environments(isolation, from, to)).unwrap_or_default()
}

/// The endpoints that these members are to reach, each minute.
fn reached(fleet: &Fleet, members: impl Iterator<Item = Member>) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    for member in members {
        let checks = fleet.regions.iter().flat_map(|region| fleet.checks_for(&member, &region.name));
        reached.extend(checks.filter(is_witness).map(|check| check.target.endpoint));
    }
    reached
}

/// Gives each isolation whose control is left out another one in its place. `declared`: the file with all its
/// connections; `mixed`: with those that are left.
pub(super) fn with_controls(declared: &Fleet, mixed: &mut Fleet) {
    if declared.connections == mixed.connections {
        return;
    }
    let isolations = mixed.isolations.iter().flat_map(|it| with_control(it, mixed)).collect();
    mixed.isolations = isolations;
}

/// An isolation as it is, or for each control the environments that have it.
fn with_control(isolation: &Isolation, mixed: &Fleet) -> Vec<Isolation> {
    let mut by_control: Vec<(String, Vec<String>)> = Vec::new();
    for source in sources(mixed, isolation) {
        let control = control(isolation, source, mixed).unwrap_or_else(|| isolation.control.clone());
        match by_control.iter_mut().find(|(known, _)| *known == control) {
            Some((_, sources)) => sources.push(source.to_owned()),
            None => by_control.push((control, vec![source.to_owned()])),
        }
    }
    if by_control.iter().all(|(control, _)| *control == isolation.control) {
        return vec![isolation.clone()];
    }
    let each = by_control.into_iter();
    each.map(|(control, environments)| Isolation { control, environments, ..isolation.clone() }).collect()
}

/// The control of an isolation in one environment of its source: its own, or else the first check there that connects
/// in the same runs.
fn control(isolation: &Isolation, source: &str, mixed: &Fleet) -> Option<String> {
    let member = mixed.member_in(&isolation.from, source)?;
    let region = mixed.regions.iter().find(|region| mixed.pool_for(source, &region.name).is_some())?;
    let checks = mixed.checks_for(&member, &region.name);
    let own = CheckId(isolation.control.clone());
    if checks.iter().any(|check| check.id == own) {
        return Some(own.0);
    }
    let every_minutes = isolation.every_minutes.unwrap_or(mixed.probing.isolations_every_minutes);
    let mut controls = checks.into_iter().filter(is_control);
    controls.find(|check| every_minutes.is_multiple_of(check.every_minutes.max(1))).map(|it| it.id.0)
}
