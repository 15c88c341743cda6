//! What a plan's ids stand for.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_network::{Address, Part};
use phonehome_wire::ProbeInput;

use super::Planner;
use super::schedules::kept_checks;
use crate::names::Names;
use crate::{Action, Ref};

impl Planner<'_> {
    /// What everything that was seen or found is called.
    pub(super) fn names(&self) -> Names {
        let tagged = self.seen.tagged().filter_map(|it| Some((it.id().to_owned(), it.address()?)));
        // What has lost its tags, or never had any, and becomes the stack's.
        let found = self.plan.steps.iter().filter_map(|step| match &step.action {
            Action::Tag { resource: Ref::Id(id), .. } => Some((id.clone(), step.address.part(Part::Whole))),
            _ => None,
        });
        let addresses: BTreeMap<String, Address> = tagged.chain(found).collect();
        Names::of(self.spec, addresses, self.kept_checks())
    }

    /// Of each schedule that gets another input, the checks that stay as they are.
    fn kept_checks(&self) -> BTreeMap<String, BTreeSet<String>> {
        let updates = self.plan.steps.iter().filter_map(|step| match &step.action {
            Action::UpdateSchedule { name, input, .. } => Some((name.clone(), input)),
            _ => None,
        });
        let old = |name: &str| -> Option<&ProbeInput> {
            self.seen.schedules.iter().find(|schedule| schedule.name == name)?.input.as_ref()
        };
        updates.filter_map(|(name, new)| Some((name.clone(), kept_checks(old(&name)?, new)))).collect()
    }
}
