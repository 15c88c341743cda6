//! What people do to a stack behind phonehome's back.

use phonehome_network::{
    Inventory, NatState, RouteTarget, Rule, RulePeer, TAG_ADDRESS, TAG_MANAGED_BY, Tags,
};
use proptest::prelude::*;

use super::unmanaged::open_entry;

/// What is done. The number picks one of what is there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Damage {
    DeleteRoute(usize),
    RedirectRoute(usize),
    Dissociate(usize),
    DeleteNat(usize),
    FailNat(usize),
    OpenDefaultGroup,
    DeleteEntries(usize),
    ChangeEntry(usize),
    AddEntry,
    PublicIps(usize),
    DnsOff,
    Untag(usize, bool),
    DetachEndpoint(usize),
    DisableSchedule(usize),
    Misconfigure(usize),
}

pub(crate) fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let n = 0..24usize;
    let one = prop_oneof![
        n.clone().prop_map(Damage::DeleteRoute),
        n.clone().prop_map(Damage::RedirectRoute),
        n.clone().prop_map(Damage::Dissociate),
        n.clone().prop_map(Damage::DeleteNat),
        n.clone().prop_map(Damage::FailNat),
        Just(Damage::OpenDefaultGroup),
        n.clone().prop_map(Damage::DeleteEntries),
        n.clone().prop_map(Damage::ChangeEntry),
        Just(Damage::AddEntry),
        n.clone().prop_map(Damage::PublicIps),
        Just(Damage::DnsOff),
        (n.clone(), any::<bool>()).prop_map(|(n, half)| Damage::Untag(n, half)),
        n.clone().prop_map(Damage::DetachEndpoint),
        n.clone().prop_map(Damage::DisableSchedule),
        n.prop_map(Damage::Misconfigure),
    ];
    prop::collection::vec(one, 0..10)
}

fn at<T>(list: &mut [T], pick: usize) -> Option<&mut T> {
    let count = list.len();
    list.get_mut(pick.checked_rem(count)?)
}

/// Does it. A NAT gateway that goes, or fails, gives its elastic IP free.
pub(crate) fn damage(world: &mut Inventory, damage: Damage) {
    match damage {
        Damage::DeleteRoute(n) => at(&mut world.route_tables, n).into_iter().for_each(|it| it.routes.clear()),
        Damage::RedirectRoute(n) => {
            let routes = at(&mut world.route_tables, n).into_iter().flat_map(|it| &mut it.routes);
            routes.for_each(|route| route.target = RouteTarget::Other("eni-somewhere".into()));
        }
        Damage::Dissociate(n) => {
            at(&mut world.route_tables, n).into_iter().for_each(|it| drop(it.associations.pop()));
        }
        Damage::DeleteNat(n) => end_nat(world, n, NatState::Gone),
        Damage::FailNat(n) => end_nat(world, n, NatState::Failed),
        Damage::OpenDefaultGroup => {
            let peer = RulePeer::Cidr("0.0.0.0/0".parse().unwrap());
            let rule = Rule { protocol: "tcp".into(), ports: Some((22, 22)), peer };
            let defaults = world.security_groups.iter_mut().filter(|it| it.name == "default");
            defaults.filter(|it| it.ingress.is_empty()).for_each(|it| it.ingress.push(rule.clone()));
        }
        Damage::DeleteEntries(n) => at(&mut world.network_acls, 0)
            .into_iter()
            .for_each(|acl| acl.entries.retain(|it| it.number >= 100 || it.number as usize % 5 != n % 5)),
        Damage::ChangeEntry(n) => {
            let acl = at(&mut world.network_acls, 0);
            let entry =
                acl.and_then(|acl| at(&mut acl.entries, n)).filter(|it| (10..100).contains(&it.number));
            entry.into_iter().for_each(|it| it.allow = !it.allow);
        }
        Damage::AddEntry => at(&mut world.network_acls, 0)
            .filter(|acl| acl.entries.iter().all(|it| it.number != 5))
            .into_iter()
            .for_each(|acl| acl.entries.push(open_entry(5))),
        Damage::PublicIps(n) => {
            at(&mut world.subnets, n).into_iter().for_each(|it| it.public_ip_on_launch = true);
        }
        Damage::DnsOff => world.vpcs.iter_mut().for_each(|vpc| vpc.dns_host_names = Some(false)),
        Damage::Untag(n, half) => {
            let mut all = tags(world);
            let count = all.len();
            all.get_mut(n % count.max(1)).into_iter().for_each(|tags| untag(tags, half));
        }
        Damage::DetachEndpoint(n) => {
            at(&mut world.endpoints, n).into_iter().for_each(|it| drop(it.route_table_ids.pop()));
        }
        Damage::DisableSchedule(n) => {
            at(&mut world.schedules, n).into_iter().for_each(|it| it.enabled = false);
        }
        Damage::Misconfigure(n) => at(&mut world.functions, n).into_iter().for_each(|it| it.memory_mb = 128),
    }
}

fn end_nat(world: &mut Inventory, pick: usize, state: NatState) {
    let Some(nat) = at(&mut world.nat_gateways, pick) else { return };
    nat.state = state;
    let (id, freed) = (nat.id.clone(), nat.allocation_ids.clone());
    let table_id = nat.route_table_id.clone();
    world.route_tables.retain(|table| Some(&table.id) != table_id.as_ref());
    let ips = world.elastic_ips.iter_mut().filter(|ip| freed.contains(&ip.allocation_id));
    ips.for_each(|ip| ip.association_id = None);
    world.network_interfaces.retain(|it| !it.description.ends_with(&id));
}

/// The tags of subnets and the internet gateway: they are known again by where they are, whatever else
/// was done.
fn tags(world: &mut Inventory) -> Vec<&mut Tags> {
    let subnets = world.subnets.iter_mut().map(|it| &mut it.tags);
    subnets.chain(world.internet_gateways.iter_mut().map(|it| &mut it.tags)).collect()
}

fn untag(tags: &mut Tags, half: bool) {
    tags.remove(TAG_ADDRESS);
    if !half {
        tags.remove(TAG_MANAGED_BY);
    }
}
