//! Ways of breaking the fleet: what happens in an account, past phonehome, and what is wrong beside EC2.

use std::time::Duration;

use ipnet::Ipv4Net;
use phonehome_lab::{Answer, Certificate, Effect, Impairment, Resolver, Segment};
use phonehome_network::{
    AclAssociation, AclEntry, Address, Inventory, NatState, NetworkAcl, Peering, PeeringState, PeeringVpc,
    Resource, Route, RouteTable, RouteTarget, Rule, RulePeer, SecurityGroup, Subnet, Tagged as _, Tags, Tier,
};
use phonehome_wire::AzId;

use crate::world::{Target, World, at, stack};

/// The port of payments' application.
pub(crate) const APPLICATION: u16 = 443;
/// The port of payments' database.
pub(crate) const DATABASE: u16 = 5432;
/// How much longer a slow way takes, there and back.
pub(crate) const DELAY: Effect = Effect::Delay(Duration::from_millis(300));
/// A way on which nothing passes.
pub(crate) const DEAD: Effect = Effect::Loss(100);
/// A peering that somebody made by hand.
const BY_HAND: &str = "pcx-0b4a4d00000000000";

fn az(zone: u8) -> String {
    format!("use1-az{zone}")
}

fn private(zone: u8) -> Resource {
    Resource::PrivateRouteTable { az_id: az(zone) }
}

fn table(inventory: &mut Inventory, zone: u8) -> &mut RouteTable {
    at(&mut inventory.route_tables, &private(zone)).expect("each zone has one")
}

fn subnet(inventory: &mut Inventory, zone: u8) -> Subnet {
    let resource = Resource::Subnet { tier: Tier::Private, az_id: az(zone) };
    at(&mut inventory.subnets, &resource).expect("each zone has one").clone()
}

fn group<'i>(inventory: &'i mut Inventory, resource: &Resource) -> &'i mut SecurityGroup {
    at(&mut inventory.security_groups, resource).expect("each account has one")
}

/// The one private subnet of a zone.
pub(crate) fn subnet_id(world: &World, account: &str, zone: u8) -> String {
    subnet(&mut world.inventory(account), zone).id
}

/// Somebody deletes NAT gateways of shop-prod's; their elastic IPs stay.
pub(crate) fn delete_nat_gateways(world: &World, zones: &[u8]) {
    world.edit("shop-prod", |it| {
        for zone in zones {
            let resource = Resource::NatGateway { az_id: az(*zone) };
            // Those that were deleted before are shown for a while.
            let mut nats = it.nat_gateways.iter_mut().filter(|nat| nat.state == NatState::Available);
            let is_meant = |address: Address| address.resource == resource;
            let nat = nats.find(|nat| nat.address().is_some_and(is_meant)).expect("each zone has one");
            nat.state = NatState::Gone;
            let freed = nat.allocation_ids.clone();
            let freed = it.elastic_ips.iter_mut().filter(|ip| freed.contains(&ip.allocation_id));
            freed.for_each(|ip| ip.association_id = None);
        }
    });
}

/// Somebody deletes the default route of a zone's private subnet in shop-prod.
pub(crate) fn delete_default_route(world: &World, zone: u8) {
    world.edit("shop-prod", |it| table(it, zone).routes.retain(|route| route.destination.prefix_len() > 0));
}

/// Somebody leads the way from shop-prod's zone to payments' first zone to nowhere.
pub(crate) fn swallow(world: &World, zone: u8) {
    // Half of the subnet: the half that the hosts are in.
    let whole = subnet(&mut world.inventory("payments-prod"), 1).cidr;
    let destination =
        whole.subnets(whole.prefix_len() + 1).ok().and_then(|mut it| it.next()).unwrap_or(whole);
    let target = RouteTarget::Other("eni-gone".to_owned());
    world.edit("shop-prod", |it| table(it, zone).routes.push(Route { destination, target }));
}

/// Somebody deletes the routes from payments' zone back to shop.
pub(crate) fn delete_return_route(world: &World, zone: u8) {
    let is_peering = |route: &Route| matches!(route.target, RouteTarget::Peering(_));
    world.edit("payments-prod", |it| table(it, zone).routes.retain(|route| !is_peering(route)));
}

/// Somebody detaches shop-prod's internet gateway.
pub(crate) fn detach_internet_gateway(world: &World) {
    world.edit("shop-prod", |it| it.internet_gateways.iter_mut().for_each(|gateway| gateway.vpc_id = None));
}

/// Somebody removes what lets shop into payments.
pub(crate) fn close_payments(world: &World) {
    world.edit("payments-prod", |it| group(it, &Resource::InboundSecurityGroup).ingress.clear());
}

/// Somebody removes what lets shop-prod's probes out.
pub(crate) fn close_probes(world: &World) {
    world.edit("shop-prod", |it| group(it, &Resource::ProbeSecurityGroup).egress.clear());
}

/// Somebody deletes the peering of shop-prod and payments.
pub(crate) fn delete_peering(world: &World) {
    for account in ["shop-prod", "payments-prod"] {
        world.edit(account, |it| {
            it.peerings.iter_mut().for_each(|peering| peering.state = PeeringState::Gone)
        });
    }
}

/// Nothing leaves shop-prod, and nothing comes in: no gateway, no route, no peering.
pub(crate) fn cut_off(world: &World) {
    delete_nat_gateways(world, &[1, 2]);
    delete_peering(world);
    detach_internet_gateway(world);
    world.edit("shop-prod", |it| it.route_tables.iter_mut().for_each(|table| table.routes.clear()));
}

/// An entry that comes before the one which lets everything through.
fn deny(egress: bool, from: u16, to: u16) -> AclEntry {
    AclEntry {
        number: 1,
        egress,
        allow: false,
        protocol: "6".to_owned(),
        ports: Some((from.into(), to.into())),
        cidr: Some(Ipv4Net::default()),
    }
}

/// Somebody closes a port in payments' network ACL.
pub(crate) fn deny_port(world: &World, port: u16) {
    world.edit("payments-prod", |it| {
        let acl = at(&mut it.network_acls, &Resource::DefaultNetworkAcl);
        acl.expect("each VPC has one").entries.push(deny(false, port, port));
    });
}

/// Somebody gives payments' first private subnet an ACL of its own, which drops what goes out, or comes in, to the
/// ports that connections begin from.
pub(crate) fn deny_ephemeral_ports(world: &World, egress: bool) {
    world.edit("payments-prod", |it| {
        let subnet_id = subnet(it, 1).id;
        it.network_acls.iter_mut().for_each(|acl| acl.associations.retain(|it| it.subnet_id != subnet_id));
        let default =
            at(&mut it.network_acls, &Resource::DefaultNetworkAcl).expect("each VPC has one").clone();
        let association = AclAssociation { id: "aclassoc-own".to_owned(), subnet_id };
        let (id, tags, is_default) = ("acl-own".to_owned(), Tags::default(), false);
        let mut acl = NetworkAcl { id, tags, is_default, associations: vec![association], ..default };
        acl.entries.push(deny(egress, 1_024, u16::MAX));
        it.network_acls.push(acl);
    });
}

/// Somebody peers shop-stage with payments by hand, and lets it in to the database.
pub(crate) fn breach(world: &World) {
    let side = |account: &str| {
        let vpc = world.inventory(account).vpcs.into_iter().next().expect("each account has one");
        let phonehome_wire::StackId { account, region } = stack(account);
        PeeringVpc {
            account: account.to_string(),
            region: region.to_string(),
            vpc_id: vpc.id,
            cidrs: vpc.cidrs,
        }
    };
    let [requester, accepter] = ["shop-stage", "payments-prod"].map(side);
    let peering = Peering {
        id: BY_HAND.to_owned(),
        tags: Tags::default(),
        state: PeeringState::Active,
        requester: requester.clone(),
        accepter: accepter.clone(),
    };
    for (account, other) in [("shop-stage", &accepter), ("payments-prod", &requester)] {
        world.edit(account, |it| {
            it.peerings.push(peering.clone());
            let target = RouteTarget::Peering(BY_HAND.to_owned());
            let routes = other.cidrs.iter().map(|cidr| Route { destination: *cidr, target: target.clone() });
            let routes: Vec<Route> = routes.collect();
            [1, 2].into_iter().for_each(|zone| table(it, zone).routes.extend(routes.clone()));
        });
    }
    let ports = Some((DATABASE.into(), DATABASE.into()));
    let rules = requester.cidrs.iter().map(|cidr| Rule {
        protocol: "tcp".to_owned(),
        ports,
        peer: RulePeer::Cidr(*cidr),
    });
    world.edit("payments-prod", |it| group(it, &Resource::InboundSecurityGroup).ingress.extend(rules));
}

/// What a host answers on its port; nothing: it refuses.
pub(crate) fn answer(world: &mut World, target: Target, port: u16, answer: Option<Answer>) {
    let ports = &mut world.host(target).ports;
    match answer {
        Some(answer) => ports.insert(port, answer),
        None => ports.remove(&port),
    };
}

/// The certificate that payments' application presents in its first zone.
pub(crate) fn present(world: &mut World, certificate: Certificate) {
    answer(world, Target::Application(1), APPLICATION, Some(Answer::Https(certificate)));
}

/// A host is gone; its name still leads to its address.
pub(crate) fn kill(world: &mut World, target: Target) {
    let address = world.host(target).address;
    world.wishes.hosts.retain(|it| it.address != address);
}

/// How the resolver of shop-prod's VPC behaves.
pub(crate) fn resolver(world: &mut World, resolver: Resolver) {
    let vpc = world.inventory("shop-prod").vpcs.into_iter().next().expect("each account has one");
    world.wishes.resolvers.insert(vpc.id, resolver);
}

/// The first zone is dead, in one account or everywhere.
pub(crate) fn dead_zone(world: &mut World, account: Option<&str>) {
    let az_id: AzId = az(1).parse().expect("its shape is that of AZ IDs");
    let segment = Segment::Zone { az_id, stack: account.map(stack) };
    world.wishes.impairments.push(Impairment { segment, effect: DEAD });
}

/// Something is wrong with shop-prod's NAT gateway in the first zone.
pub(crate) fn impair_nat_gateway(world: &mut World, effect: Effect) {
    let mut inventory = world.inventory("shop-prod");
    let nat =
        at(&mut inventory.nat_gateways, &Resource::NatGateway { az_id: az(1) }).expect("each zone has one");
    let segment = Segment::NatGateway(nat.id.clone());
    world.wishes.impairments.push(Impairment { segment, effect });
}

/// Something is wrong with the peering of shop-prod and payments.
pub(crate) fn impair_peering(world: &mut World, effect: Effect) {
    let mut peerings = world.inventory("shop-prod").peerings.into_iter();
    let peering = peerings.find(|it| it.state == PeeringState::Active).expect("they are peered");
    world.wishes.impairments.push(Impairment { segment: Segment::Peering(peering.id), effect });
}
