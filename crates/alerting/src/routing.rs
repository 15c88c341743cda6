//! Who hears of a thing that is wrong.

use phonehome_wire::Expect;

use crate::evaluation::Evaluation;
use crate::{Incident, MemberKey, Route, Severity};

/// The routes of what is wrong: its probe's, and of an isolation that does not hold the target's too. Whoever
/// is reached must hear of it, whatever the one who reaches it is worth.
pub(crate) fn routes<'w>(evaluation: &Evaluation<'w>, key: &MemberKey) -> impl Iterator<Item = &'w Route> {
    let source = evaluation.probes.get(&key.probe).map(|probe| &*probe.view.route);
    let breach = evaluation.check(key).filter(|check| check.expect == Expect::Deny);
    let owner = breach.and_then(|check| check.target.account.as_ref());
    let target = owner.and_then(|owner| evaluation.world.routes.get(owner));
    source.into_iter().chain(target)
}

/// How loud an incident is to those who hear of it: what has been paged is no note any more, though it may have become
/// less.
pub(crate) fn loudness(incident: &Incident) -> Severity {
    if incident.paged { Severity::Page } else { incident.severity }
}
