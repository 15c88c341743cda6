//! A VPC's router: its route tables, ACLs, internet gateway and peerings, and its resolver's address. It never
//! says anything itself: what AWS does not pass on it drops in silence.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use phonehome_network::{NetworkAcl, RouteTable, RouteTarget};

use super::filter::{Direction, of_acl};
use super::internet::ADDRESS;
use super::site::{INTERNET, NatSite, VpcSite, World, number};
use crate::network::{Hook, Hop, MAIN, Namespace, Route, Ruleset};

pub(crate) fn describe(world: &World<'_>, vpc: &VpcSite<'_>) -> Namespace {
    let mut router = Namespace { forwards: true, ..Namespace::default() };
    for subnet in &vpc.subnets {
        router.addresses.insert((subnet.device.clone(), subnet.gateway().into()));
        router.addresses.insert((subnet.device.clone(), vpc.address.into()));
        router.rules.insert(subnet.device.clone(), kernel_table(vpc, table_of(vpc, &subnet.subnet.id)));
        if let Some(mtu) = world.wishes.mtus.get(&subnet.subnet.id) {
            router.mtus.insert(subnet.device.clone(), *mtu);
        }
    }
    for nat in &vpc.nats {
        router.addresses.insert((nat.device.clone(), vpc.address.into()));
        router.rules.insert(nat.device.clone(), kernel_table(vpc, table_of_nat(vpc, nat)));
    }
    for (device, _) in peers(world, vpc) {
        router.addresses.insert((device.to_owned(), vpc.address.into()));
    }
    if vpc.is_online {
        router.addresses.insert((INTERNET.to_owned(), vpc.address.into()));
    }
    router.addresses.insert(("lo".to_owned(), vpc.resolver().into()));
    // What comes from the internet or a peer can go nowhere but into the VPC.
    router.routes.extend(local_routes(vpc, MAIN, &[]));
    for table in vpc.inventory.route_tables.iter().filter(|it| it.vpc_id == vpc.vpc.id) {
        router.routes.extend(routes(world, vpc, table));
    }
    // Of a subnet whose route table no inventory has.
    router.routes.extend(local_routes(vpc, kernel_table(vpc, None), &[]));
    router.ruleset = ruleset(vpc);
    router
}

/// The kernel's number of a route table: above those it has itself.
fn kernel_table(vpc: &VpcSite<'_>, table: Option<&RouteTable>) -> u32 {
    let id = table.map_or("none", |it| it.id.as_str());
    number(&format!("{}/{id}", vpc.namespace)) | 0x1000
}

/// The one it is associated with, or else the VPC's main one.
fn table_of<'a>(vpc: &VpcSite<'a>, subnet_id: &str) -> Option<&'a RouteTable> {
    let tables = || vpc.inventory.route_tables.iter().filter(|it| it.vpc_id == vpc.vpc.id);
    let own = tables().find(|it| it.associations.iter().any(|it| it.subnet_id == subnet_id));
    own.or_else(|| tables().find(|it| it.main))
}

fn table_of_nat<'a>(vpc: &VpcSite<'a>, nat: &NatSite<'a>) -> Option<&'a RouteTable> {
    match &nat.nat.subnet_id {
        Some(subnet_id) => table_of(vpc, subnet_id),
        None => vpc.inventory.route_tables.iter().find(|it| Some(&it.id) == nat.nat.route_table_id.as_ref()),
    }
}

/// The peerings of a VPC: their interfaces, and who is at the other end.
fn peers<'a>(world: &'a World<'_>, vpc: &VpcSite<'_>) -> Vec<(&'a str, &'a VpcSite<'a>)> {
    let is_own = |end: usize| world.vpcs[end].namespace == vpc.namespace;
    let other = |[one, two]: [usize; 2]| match (is_own(one), is_own(two)) {
        (true, false) => Some(&world.vpcs[two]),
        (false, true) => Some(&world.vpcs[one]),
        _ => None,
    };
    world.peerings.iter().filter_map(|it| Some((it.device.as_str(), other(it.ends)?))).collect()
}

fn routes(world: &World<'_>, vpc: &VpcSite<'_>, table: &RouteTable) -> Vec<Route> {
    let is_local = |destination: &Ipv4Net| vpc.vpc.cidrs.contains(destination);
    let explicit = table.routes.iter().filter(|it| !is_local(&it.destination));
    let number = kernel_table(vpc, Some(table));
    let destinations: Vec<Ipv4Net> = explicit.clone().map(|it| it.destination).collect();
    let mut routes = local_routes(vpc, number, &destinations);
    routes.extend(explicit.map(|it| Route {
        table: number,
        destination: it.destination.trunc(),
        // AWS calls a route "blackhole" whose target is not there: it still matches.
        hop: hop(world, vpc, &it.target).unwrap_or(Hop::Blackhole),
    }));
    routes
}

fn hop(world: &World<'_>, vpc: &VpcSite<'_>, target: &RouteTarget) -> Option<Hop> {
    let (gateway, device) = match target {
        RouteTarget::InternetGateway(id) => {
            let attached = vpc.inventory.internet_gateways.iter().find(|it| it.id == *id)?;
            (attached.vpc_id.as_ref() == Some(&vpc.vpc.id)).then(|| (ADDRESS, INTERNET.to_owned()))?
        }
        RouteTarget::NatGateway(id) => {
            let nat = vpc.nats.iter().find(|it| it.nat.id == *id)?;
            (nat.private, nat.device.clone())
        }
        RouteTarget::Peering(id) => {
            let device = &world.peerings.iter().find(|it| it.peering.id == *id)?.device;
            let peers = peers(world, vpc);
            let (device, peer) = peers.into_iter().find(|(it, _)| it == device)?;
            (peer.address, device.to_owned())
        }
        RouteTarget::Other(_) => return None,
    };
    Some(Hop::Via { gateway, device, source: None })
}

/// The VPC's local route, which is one to each subnet here, and into silence for what is in none; less what a
/// route within the VPC leads elsewhere.
fn local_routes(vpc: &VpcSite<'_>, table: u32, explicit: &[Ipv4Net]) -> Vec<Route> {
    let is_taken = |net: &Ipv4Net| {
        let is_within = |it: &&Ipv4Net| vpc.vpc.cidrs.iter().any(|cidr| cidr.contains(*it));
        explicit.iter().filter(is_within).any(|it| it.contains(net))
    };
    let subnets = vpc.subnets.iter().map(|it| (it.subnet.cidr, &it.device));
    let nats = vpc.nats.iter().map(|it| (Ipv4Net::from(it.private), &it.device));
    let local = subnets.chain(nats).filter(|(net, _)| !is_taken(net));
    let local = local.map(|(net, device)| (net, Hop::Link(device.clone())));
    let silent =
        vpc.vpc.cidrs.iter().copied().chain([Ipv4Net::default()]).map(|net| (net, Hop::LastBlackhole));
    local.chain(silent).map(|(destination, hop)| Route { table, destination, hop }).collect()
}

fn ruleset(vpc: &VpcSite<'_>) -> Ruleset {
    let mut ruleset = Ruleset::default();
    let mut acls: BTreeMap<&str, &NetworkAcl> = BTreeMap::new();
    let mut forward = vec![];
    let mut jumps = vec![];
    for subnet in &vpc.subnets {
        let devices: Vec<String> = vpc.devices(subnet).map(|it| format!("\"{it}\"")).collect();
        let set = format!("{{ {} }}", devices.join(", "));
        // An ACL is at a subnet's border; what stays inside it does not meet.
        forward.push(format!("iifname {set} oifname {set} accept"));
        let Some(acl) = acl_of(vpc, &subnet.subnet.id) else { continue };
        acls.insert(&acl.id, acl);
        let [ingress, egress] = chains(acl);
        jumps.push(format!("iifname {set} jump {egress}"));
        jumps.push(format!("oifname {set} jump {ingress}"));
    }
    for acl in acls.values() {
        let [ingress, egress] = chains(acl);
        ruleset.chain(&ingress, None, of_acl(acl, Direction::Ingress));
        ruleset.chain(&egress, None, of_acl(acl, Direction::Egress));
    }
    forward.extend(jumps);
    let translations: Vec<_> = vpc.translations().collect();
    let private: Vec<String> = translations.iter().map(|(private, _)| private.to_string()).collect();
    // The internet gateway passes on nothing that has no public address.
    forward.push(match private.is_empty() {
        true => format!("oifname \"{INTERNET}\" drop"),
        false => format!("oifname \"{INTERNET}\" ip saddr != {{ {} }} drop", private.join(", ")),
    });
    ruleset.chain("forward", Some(Hook::Forward), forward);
    let inbound = translations
        .iter()
        .map(|(private, public)| format!("iifname \"{INTERNET}\" ip daddr {public} dnat to {private}"));
    let outbound = translations
        .iter()
        .map(|(private, public)| format!("oifname \"{INTERNET}\" ip saddr {private} snat to {public}"));
    ruleset.chain("destinations", Some(Hook::Destinations), inbound.collect());
    ruleset.chain("sources", Some(Hook::Sources), outbound.collect());
    let resolver = vpc.resolver();
    let subnets: Vec<String> = vpc.subnets.iter().map(|it| format!("\"{}\"", it.device)).collect();
    let asked = format!(
        "iifname {{ {} }} ip daddr {resolver} meta l4proto {{ tcp, udp }} th dport 53 accept",
        subnets.join(", ")
    );
    let asked = if subnets.is_empty() { vec![] } else { vec![asked] };
    ruleset.chain("input", Some(Hook::Input), asked);
    let answered = format!("ip saddr {resolver} meta l4proto {{ tcp, udp }} th sport 53 accept");
    ruleset.chain("output", Some(Hook::Output), vec![answered]);
    ruleset
}

/// The ACL it is associated with, or else the VPC's default one.
fn acl_of<'a>(vpc: &VpcSite<'a>, subnet_id: &str) -> Option<&'a NetworkAcl> {
    let acls = || vpc.inventory.network_acls.iter().filter(|it| it.vpc_id == vpc.vpc.id);
    let own = acls().find(|it| it.associations.iter().any(|it| it.subnet_id == subnet_id));
    own.or_else(|| acls().find(|it| it.is_default))
}

/// The chains of its inbound and its outbound entries.
fn chains(acl: &NetworkAcl) -> [String; 2] {
    let number = number(&acl.id);
    [format!("acl_{number:08x}_in"), format!("acl_{number:08x}_out")]
}
