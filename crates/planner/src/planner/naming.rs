//! What a plan's ids stand for.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_network::{Address, Part, Tagged as _};
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
        Names::of(self.spec, addresses, self.known_as(), self.kept_checks())
    }

    /// What others know the stack's resources by.
    pub(super) fn known_as(&self) -> BTreeMap<String, Vec<String>> {
        let ips = self.seen.elastic_ips.iter().filter(|it| it.address().is_some());
        let ips = ips.map(|it| (it.allocation_id.clone(), vec![it.public_ip.clone()]));
        let nats =
            self.seen.nat_gateways.iter().filter(|it| it.address().is_some() && it.subnet_id.is_none());
        let nats = nats.map(|it| (it.id.clone(), it.public_ips.iter().map(ToString::to_string).collect()));
        let vpcs = self.seen.vpcs.iter().filter(|it| it.address().is_some());
        let vpcs = vpcs.map(|it| (it.id.clone(), it.cidrs.iter().map(ToString::to_string).collect()));
        ips.chain(nats).chain(vpcs).collect()
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
