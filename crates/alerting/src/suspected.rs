//! In which stacks the cause of something may be found.

use std::collections::BTreeSet;

use phonehome_wire::StackId;

use crate::evaluation::Evaluation;
use crate::inference::Group;
use crate::{Incident, MemberState, Suspect};

/// How many stacks are looked at for one incident, and how many of its suspects. What is to blame in more of them is in
/// none of them alone.
const STACKS_MAX: usize = 10;

/// The stacks in which the cause of an incident may be: none where it is not in any account.
pub(crate) fn of_incident(evaluation: &Evaluation<'_>, incident: &Incident) -> BTreeSet<StackId> {
    let suspects = [&incident.suspect].into_iter().chain(&incident.alternatives);
    let failing = incident.members_in(MemberState::Failing);
    let owners = failing.filter_map(|member| member.target.as_ref()?.account.as_deref());
    stacks(evaluation, suspects, &owners.collect())
}

/// The same of what is not told yet; of a single path or probe nothing is suspected before it is.
pub(crate) fn of_group(evaluation: &Evaluation<'_>, group: &Group) -> BTreeSet<StackId> {
    if matches!(group.suspect(), Suspect::Path { .. } | Suspect::Probe { .. } | Suspect::Prober { .. }) {
        return BTreeSet::new();
    }
    let checks = group.members.iter().filter_map(|key| evaluation.check(key));
    let owners = checks.filter_map(|check| check.target.account.as_deref());
    stacks(evaluation, group.suspects.iter(), &owners.collect())
}

fn stacks<'s>(
    evaluation: &Evaluation<'_>,
    suspects: impl Iterator<Item = &'s Suspect>,
    owners: &BTreeSet<&str>,
) -> BTreeSet<StackId> {
    let named = |names: &BTreeSet<&str>| -> Vec<StackId> {
        let known = names.iter().take(STACKS_MAX).filter_map(|name| evaluation.named.get(name));
        known.flatten().cloned().collect()
    };
    let one = |name: &String| named(&BTreeSet::from([name.as_str()]));
    let all = suspects.take(STACKS_MAX).flat_map(|suspect| match suspect {
        Suspect::Collector | Suspect::Fleet | Suspect::Region { .. } => vec![],
        Suspect::AvailabilityZone { account: None, .. } | Suspect::Target { account: None, .. } => vec![],
        Suspect::AvailabilityZone { account: Some(account), .. } => {
            evaluation.stacks.keys().filter(|stack| stack.account == *account).cloned().collect()
        }
        Suspect::Account { account, region }
        | Suspect::Reporting { account, region }
        | Suspect::Resolver { account, region, .. }
        | Suspect::WayOut { account, region }
        | Suspect::NatGateway { account, region, .. }
        | Suspect::InternetRoute { account, region, .. }
        | Suspect::Prober { account, region } => vec![StackId::new(account, region)],
        Suspect::Connection { account, region, .. } | Suspect::Isolation { account, region, .. } => {
            [vec![StackId::new(account, region)], named(owners)].concat()
        }
        Suspect::Path { probe, .. } => [vec![probe.stack()], named(owners)].concat(),
        Suspect::Probe { probe } => vec![probe.stack()],
        Suspect::Network { account }
        | Suspect::SecurityGroup { account }
        | Suspect::Target { account: Some(account), .. } => one(account),
        Suspect::Peering { accounts: [account, other] } => [one(account), one(other)].concat(),
        Suspect::PeerRoute { account, to, .. } => [one(account), one(to)].concat(),
    });
    let known: BTreeSet<StackId> = all.filter(|stack| evaluation.stacks.contains_key(stack)).collect();
    if known.len() > STACKS_MAX { BTreeSet::new() } else { known }
}
