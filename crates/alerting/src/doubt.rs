//! Which checks a few more results would help to judge.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::{Check, CheckId, Expect};
use serde::{Deserialize, Serialize};

use crate::evaluation::Evaluation;
use crate::incident::Incidents;
use crate::passed_again::CHECKS_MAX;
use crate::{Heartbeat, IncidentMember, MemberKey, ProbeKey, ProbePart, ProbeView, Symptom};

/// Checks of one part of a probe of which one more result matters: they may fail by themselves, and have too few results to
/// be told; or they could say whether what fails elsewhere is something wider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// Which probe.
    pub probe: ProbeKey,
    /// Which part of its checks.
    pub part: u32,
    /// Which of these: at least one, 20 at most, those that matter most first.
    pub checks: Vec<CheckId>,
}

impl Doubt {
    /// The part that is to run.
    #[must_use]
    pub fn probe_part(&self) -> ProbePart {
        self.probe.part(self.part)
    }
}

/// What one more result is wanted of: of probes that report, checks that have worked, about which somebody would hear, and
/// which no open incident is about.
pub(crate) fn doubts(evaluation: &Evaluation<'_>, incidents: &Incidents) -> Vec<Doubt> {
    let open = incidents.values().filter(|incident| incident.is_open());
    let told: BTreeSet<MemberKey> =
        open.flat_map(|it| &it.members).filter(|it| it.state.is_open()).map(IncidentMember::key).collect();
    let mut doubts: Vec<Doubt> = Vec::new();
    let mut known: BTreeMap<(&ProbeKey, u32), usize> = BTreeMap::new();
    for key in evaluation.wanted.iter().filter(|key| !told.contains(key)) {
        let Some((check, heartbeat)) = asked(evaluation, key) else { continue };
        let place = (&key.probe, heartbeat.part);
        let number = *known.entry(place).or_insert(doubts.len());
        match doubts.get_mut(number) {
            Some(doubt) if doubt.checks.len() < CHECKS_MAX => doubt.checks.push(check.id.clone()),
            Some(_) => {}
            None => doubts.push(Doubt {
                probe: key.probe.clone(),
                part: heartbeat.part,
                checks: vec![check.id.clone()],
            }),
        }
    }
    doubts
}

/// The check and the runs that test it, where one more of them would matter.
fn asked<'w>(evaluation: &Evaluation<'w>, key: &MemberKey) -> Option<(&'w Check, &'w Heartbeat)> {
    let Symptom::Down { check } = &key.symptom else { return None };
    let view: &'w ProbeView = evaluation.probes.get(&key.probe)?.view;
    let world = evaluation.world;
    let is_heard = !view.is_check_unheard(&world.policy, world.heard_until_ms(), check);
    let fails = view.paths.get(check).is_some_and(|path| !path.results.is_empty());
    let may_be_told = || {
        let has_worked = evaluation.has_worked(&key.probe, check);
        has_worked && evaluation.flaps(key).is_none() && !is_silenced(evaluation, key)
    };
    // Of what passes no more is known than that, wherever nothing is wrong.
    let matters = is_heard && if fails { may_be_told() } else { view.passing_by_id(check).is_some() };
    // That an isolation does not hold is a fact; that nothing proves it, no run a moment later changes.
    let check = evaluation.check(key).filter(|check| matters && check.expect == Expect::Connect)?;
    Some((check, view.heartbeat_of(&check.id)?))
}

/// Whether nobody would hear of it.
fn is_silenced(evaluation: &Evaluation<'_>, key: &MemberKey) -> bool {
    let world = evaluation.world;
    let mut active = world.silences.iter().filter(|silence| silence.expires_at_ms > world.now_ms).peekable();
    active.peek().is_some()
        && evaluation.member(key).is_some_and(|member| active.any(|it| it.matcher.matches(&member)))
}
