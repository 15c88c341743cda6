//! A subnet: its probes and hosts, each behind its security groups.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use phonehome_network::SecurityGroup;

use super::filter::{Direction, of_group, silence, words};
use super::site::{Guest, SubnetSite, UPLINK, VpcSite, World};
use crate::network::{Hook, Hop, MAIN, Namespace, Route};

pub(crate) fn describe(world: &World<'_>, vpc: &VpcSite<'_>, subnet: &SubnetSite<'_>) -> Namespace {
    // Each by itself, not as part of the subnet's network: on AWS too, the way even to a neighbour is the router's,
    // and an address that nobody has is silent.
    let addresses = subnet.guests.iter().map(|it| (UPLINK.to_owned(), it.address.into())).collect();
    let mut namespace = Namespace { addresses, ..Namespace::default() };
    if world.wishes.mtus.contains_key(&subnet.subnet.id) {
        namespace.unbundled.insert(UPLINK.to_owned());
    }
    // The probe's address, where there is one, is that of what begins here. Without an address there is no route.
    if let Some(first) = subnet.guests.first() {
        let source = Some(first.address);
        let hop = Hop::Via { gateway: subnet.gateway(), device: UPLINK.to_owned(), source };
        namespace.routes.insert(Route { table: MAIN, destination: Ipv4Net::default(), hop });
    }
    let hosts = world.wishes.hosts.iter();
    let here = hosts.filter(|it| it.subnet() == Some((vpc.stack, subnet.subnet.id.as_str())));
    let mut input = vec!["iifname \"lo\" accept".to_owned()];
    input.extend(here.flat_map(silence));
    input.push("ct state established,related accept".to_owned());
    let mut output = vec![
        "oifname \"lo\" accept".to_owned(),
        // Neither security groups nor ACLs keep anybody from AWS's resolver.
        format!("ip daddr {} meta l4proto {{ tcp, udp }} th dport 53 accept", vpc.resolver()),
        "ct state established,related accept".to_owned(),
    ];
    for guest in &subnet.guests {
        for group in groups(vpc, guest) {
            input.extend(rules(world, vpc, guest, group, Direction::Ingress));
            output.extend(rules(world, vpc, guest, group, Direction::Egress));
        }
    }
    namespace.ruleset.chain("input", Some(Hook::Input), input);
    namespace.ruleset.chain("output", Some(Hook::Output), output);
    namespace
}

/// The groups of a guest that there are: the VPC's default one where it names none.
fn groups<'a>(vpc: &VpcSite<'a>, guest: &Guest) -> Vec<&'a SecurityGroup> {
    let all = vpc.inventory.security_groups.iter().filter(|it| it.vpc_id == vpc.vpc.id);
    match guest.groups.is_empty() {
        true => all.filter(|it| it.name == "default").collect(),
        false => all.filter(|it| guest.groups.contains(&it.id)).collect(),
    }
}

fn rules(
    world: &World<'_>,
    vpc: &VpcSite<'_>,
    guest: &Guest,
    group: &SecurityGroup,
    direction: Direction,
) -> Vec<String> {
    let members = |id: &str| members(world, vpc, id);
    let own = match direction {
        Direction::Ingress => format!("ip daddr {}", guest.address),
        Direction::Egress => format!("ip saddr {}", guest.address),
    };
    of_group(group, direction, members).map(|rule| words(&[&own, &rule, "accept"])).collect()
}

/// The private addresses of all that carry a group, in the VPC and in those it is peered with.
fn members(world: &World<'_>, vpc: &VpcSite<'_>, group_id: &str) -> BTreeSet<Ipv4Addr> {
    let is_peer = |other: &VpcSite<'_>| {
        let has = |end: usize, it: &VpcSite<'_>| world.vpcs[end].namespace == it.namespace;
        let mut ends = world.peerings.iter().map(|it| it.ends);
        ends.any(|[one, two]| (has(one, vpc) && has(two, other)) || (has(two, vpc) && has(one, other)))
    };
    let seen = world.vpcs.iter().filter(|it| it.namespace == vpc.namespace || is_peer(it));
    let carry = |it: &&VpcSite<'_>| it.inventory.security_groups.iter().any(|group| group.id == group_id);
    let in_subnets = seen.filter(carry).flat_map(|it| it.subnets.iter().map(move |subnet| (it, subnet)));
    let guests = in_subnets.flat_map(|(it, subnet)| subnet.guests.iter().map(move |guest| (it, guest)));
    let members = guests.filter(|(it, guest)| groups(it, guest).iter().any(|group| group.id == group_id));
    members.map(|(_, guest)| guest.address).collect()
}
