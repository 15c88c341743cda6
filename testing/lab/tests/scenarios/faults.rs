//! The table of what can be broken.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use phonehome_network::{
    AclAssociation, AclEntry, NatState, NetworkAcl, PeeringState, Route, RouteTable, RouteTarget, RulePeer,
    SecurityGroup,
};
use phonehome_wire::{Class, StackId, Stage};

use phonehome_lab::sample::{
    APPLICATION, DATABASE, Fleet, addresses, application, host_address, inbound, stack, zone,
};
use phonehome_lab::{Answer, Certificate, Effect, Impairment, Resolver, Segment};

use crate::scenario::{Expected, Scenario};

const SILENT: Expected = Expected::Fail(Stage::Connect, Class::ConnectTimeout);
const REFUSED: Expected = Expected::Fail(Stage::Connect, Class::Refused);
const UNRESOLVED: Expected = Expected::Fail(Stage::Resolve, Class::ResolverTimeout);
const NO_SUCH_NAME: Expected = Expected::Fail(Stage::Resolve, Class::Nxdomain);
const OPEN: Expected = Expected::Fail(Stage::Open, Class::Open);
const HOLE: Expected = Expected::Fail(Stage::Tls, Class::MtuBlackHole);
const EXPIRED: Expected = Expected::Fail(Stage::Tls, Class::CertExpired);
const OTHER_NAME: Expected = Expected::Fail(Stage::Tls, Class::CertName);
const UNTRUSTED: Expected = Expected::Fail(Stage::Tls, Class::CertUntrusted);
const SELF_SIGNED: Expected = Expected::Fail(Stage::Tls, Class::CertSelfSigned);
const UNANSWERED: Expected = Expected::Fail(Stage::Response, Class::HttpTimeout);
/// The request itself was not all taken.
const UNTAKEN: Expected = Expected::Fail(Stage::Request, Class::HttpTimeout);
const LATE: Expected = Expected::Delayed(300);
const OTHER_ADDRESS: Expected = Expected::Fail(Stage::Response, Class::PublicAddress);

macro_rules! scenarios {
    ($($name:literal: $break_it:expr => [$($expected:expr),* $(,)?];)*) => {
        /// Every scenario.
        pub(crate) const SCENARIOS: &[Scenario] = &[$(
            Scenario { name: $name, break_it: $break_it, expected: &[$($expected),*] },
        )*];
    };
}

scenarios! {
    "nothing-broken": |_| () => [];
    "one-nat-gateway-gone": |fleet| nats(fleet, &[0], NatState::Gone) => [(1, 1, "egress", SILENT)];
    "one-nat-gateway-failed": |fleet| nats(fleet, &[1], NatState::Failed) => [(1, 2, "egress", SILENT)];
    "all-nat-gateways-gone": |fleet| nats(fleet, &[0, 1], NatState::Gone) => [(1, 0, "egress", SILENT)];
    "nat-gateway-with-another-address":
        |fleet| fleet.account(1).nat_gateways[0].public_ips = vec![Ipv4Addr::new(198, 18, 1, 99).into()] =>
        [(1, 1, "egress", OTHER_ADDRESS)];
    "private-default-route-deleted":
        |fleet| table(fleet, 1, "private-1").routes.retain(|it| it.destination.prefix_len() > 0) =>
        [(1, 1, "egress", SILENT)];
    "public-default-route-deleted": |fleet| table(fleet, 1, "public").routes.clear() => [(1, 0, "egress", SILENT)];
    // It swallows the way of account 1's first zone to one of two hosts, and what its host answers to a probe there.
    "more-specific-route": |fleet| {
        let destination = "10.2.8.0/24".parse().expect("it is a network");
        let target = RouteTarget::Other("eni-gone".to_owned());
        table(fleet, 1, "private-1").routes.push(Route { destination, target });
    } => [(1, 1, "connection", SILENT), (1, 1, "tls", SILENT), (2, 1, "connection", SILENT), (2, 1, "tls", SILENT)];
    "internet-gateway-detached":
        |fleet| fleet.account(1).internet_gateways[0].vpc_id = None => [(1, 0, "egress", SILENT)];
    "security-group-rule-removed":
        |fleet| group(fleet, 2).ingress.clear() => [(1, 0, "connection", SILENT), (1, 0, "tls", SILENT)];
    "security-group-by-reference": |fleet| by_reference(fleet, "sg-1-probe") => [];
    "security-group-by-reference-to-another":
        |fleet| by_reference(fleet, "sg-1-inbound") => [(1, 0, "connection", SILENT), (1, 0, "tls", SILENT)];
    "probe-security-group-lets-nothing-out": |fleet| {
        let groups = &mut fleet.account(1).security_groups;
        groups.iter_mut().filter(|it| it.name == "probe").for_each(|it| it.egress.clear());
    } => [(1, 0, "egress", SILENT), (1, 0, "connection", SILENT), (1, 0, "tls", SILENT)];
    "acl-closes-the-port": |fleet| {
        let entry = deny(false, APPLICATION, APPLICATION);
        fleet.account(2).network_acls[0].entries.push(entry);
    } => [(1, 0, "connection", SILENT), (1, 0, "tls", SILENT)];
    // One host's answers; what begins there gets its own.
    "acl-closes-the-answers-ports": |fleet| acl_of_one_subnet(fleet, deny(true, 1_024, u16::MAX)) =>
        [(1, 0, "connection", SILENT), (1, 0, "tls", SILENT)];
    "acl-closes-the-ports-answers-come-to": |fleet| acl_of_one_subnet(fleet, deny(false, 1_024, u16::MAX)) =>
        [(2, 1, "egress", SILENT), (2, 1, "connection", SILENT), (2, 1, "tls", SILENT)];
    "peering-deleted": |fleet| (1..=2).for_each(|it| fleet.account(it).peerings[0].state = PeeringState::Gone) => [
        (1, 0, "connection", SILENT), (1, 0, "tls", SILENT), (2, 0, "connection", SILENT), (2, 0, "tls", SILENT),
    ];
    // Nothing comes back from one host of account 2, and nothing from both of account 1's to that subnet's probe.
    "return-route-missing":
        |fleet| table(fleet, 2, "private-1").routes.retain(|it| it.destination.prefix_len() == 0) => [
        (1, 0, "connection", SILENT), (1, 0, "tls", SILENT), (2, 1, "connection", SILENT), (2, 1, "tls", SILENT),
    ];
    "target-refuses": |fleet| answer(fleet, 1, None) => [(1, 0, "connection", REFUSED), (1, 0, "tls", REFUSED)];
    "target-silent":
        |fleet| answer(fleet, 1, Some(Answer::Silence)) => [(1, 0, "connection", SILENT), (1, 0, "tls", SILENT)];
    "one-of-two-addresses-dead":
        |fleet| fleet.wishes.hosts.retain(|it| it.address != host_address(2, 1)) =>
        [(1, 0, "connection", SILENT), (1, 0, "tls", SILENT)];
    "resolver-dead": |fleet| resolver(fleet, Resolver::Dead) => [
        (1, 0, "egress", UNRESOLVED), (1, 0, "connection", UNRESOLVED), (1, 0, "tls", UNRESOLVED),
        (1, 0, "isolation", Expected::Inconclusive),
    ];
    "vpc-without-a-resolver": |fleet| fleet.account(1).vpcs[0].dns_support = Some(false) => [
        (1, 0, "egress", UNRESOLVED), (1, 0, "connection", UNRESOLVED), (1, 0, "tls", UNRESOLVED),
        (1, 0, "isolation", Expected::Inconclusive),
    ];
    "resolver-slow": |fleet| resolver(fleet, Resolver::Slow(Duration::from_millis(700))) => [];
    "resolver-too-slow": |fleet| resolver(fleet, Resolver::Slow(Duration::from_secs(5))) => [
        (1, 0, "egress", UNRESOLVED), (1, 0, "connection", UNRESOLVED), (1, 0, "tls", UNRESOLVED),
        (1, 0, "isolation", Expected::Inconclusive),
    ];
    "name-does-not-exist": |fleet| drop(fleet.wishes.names.remove(&application(2))) => [
        (1, 0, "connection", NO_SUCH_NAME), (1, 0, "tls", NO_SUCH_NAME), (1, 0, "isolation", Expected::Inconclusive),
    ];
    "isolation-breached": |fleet| {
        open_database(fleet);
        (1..=2).for_each(|zone| ports(fleet, zone).extend([(DATABASE, Answer::Tcp)]));
    } => [(1, 0, "isolation", OPEN)];
    // The probe cannot tell a dead host from a closed one: that is why a denial needs a proof.
    "isolation-of-a-dead-target": |fleet| {
        open_database(fleet);
        fleet.wishes.hosts.retain(|it| (1..=2).all(|zone| it.address != host_address(2, zone)));
    } => [(1, 0, "connection", SILENT), (1, 0, "tls", SILENT)];
    "isolation-open-with-nothing-listening": open_database => [(1, 0, "isolation", OPEN)];
    "two-faults-at-once": |fleet| {
        nats(fleet, &[0], NatState::Gone);
        group(fleet, 2).ingress.clear();
    } => [(1, 1, "egress", SILENT), (1, 0, "connection", SILENT), (1, 0, "tls", SILENT)];
    // Certificates do not get out of that subnet, nor into it.
    "mtu-hole": |fleet| fleet.wishes.mtus.extend([("subnet-2-private-1".to_owned(), 1_200)]) =>
        [(1, 0, "tls", HOLE), (2, 1, "tls", HOLE)];
    "mtu-hole-on-a-slow-link": |fleet| {
        fleet.wishes.mtus.extend([("subnet-2-private-1".to_owned(), 1_200)]);
        impair(fleet, Segment::Subnet("subnet-2-private-1".to_owned()), DELAY);
    } => [(1, 0, "tls", HOLE), (2, 1, "tls", HOLE), (2, 1, "connection", LATE), (2, 1, "egress", LATE)];
    "certificate-expired":
        |fleet| answer(fleet, 1, Some(Answer::Https(Certificate::Expired))) => [(1, 0, "tls", EXPIRED)];
    "certificate-for-another-name":
        |fleet| answer(fleet, 1, Some(Answer::Https(Certificate::OtherName))) => [(1, 0, "tls", OTHER_NAME)];
    "certificate-of-an-authority-in-no-file":
        |fleet| answer(fleet, 1, Some(Answer::Https(Certificate::OtherAuthority))) => [(1, 0, "tls", UNTRUSTED)];
    "certificate-signed-by-itself":
        |fleet| answer(fleet, 1, Some(Answer::Https(Certificate::SelfSigned))) => [(1, 0, "tls", SELF_SIGNED)];
    // Account 2's have it, and trust what account 1's do not.
    "authorities-missing-beside-the-probes-code":
        |fleet| fleet.wishes.without_authorities.extend([stack(1)]) => [(1, 0, "tls", UNTRUSTED)];
    // One connection and one answer over it, within two seconds: how far they come is chance.
    "nat-gateway-loses-30-percent":
        |fleet| impair(fleet, Segment::NatGateway("nat-1-1".to_owned()), Effect::Loss(30)) =>
        [(1, 1, "egress", Expected::OneOf(&[Expected::Ok, SILENT, UNANSWERED, UNTAKEN]))];
    "peering-dead": |fleet| impair(fleet, Segment::Peering("pcx-1-2".to_owned()), Effect::Loss(100)) => [
        (1, 0, "connection", SILENT), (1, 0, "tls", SILENT), (2, 0, "connection", SILENT), (2, 0, "tls", SILENT),
    ];
    "one-of-two-addresses-does-not-get-through": |fleet| {
        let (subnet_id, address) = ("subnet-2-private-1".to_owned(), host_address(2, 1));
        impair(fleet, Segment::Address { subnet_id, address }, Effect::Loss(100));
    } => [(1, 0, "connection", SILENT), (1, 0, "tls", SILENT)];
    "peering-slow": |fleet| impair(fleet, Segment::Peering("pcx-1-2".to_owned()), DELAY) =>
        [(1, 0, "connection", LATE), (1, 0, "tls", LATE), (2, 0, "connection", LATE), (2, 0, "tls", LATE)];
    "nat-gateway-slow": |fleet| impair(fleet, Segment::NatGateway("nat-1-1".to_owned()), DELAY) =>
        [(1, 1, "egress", LATE)];
    // Its probe does not even reach the resolver; whoever aims at all addresses of a name misses the host in it.
    "one-zone-dead-in-one-account": |fleet| dead_zone(fleet, Some(stack(1))) => [
        (1, 1, "egress", UNRESOLVED), (1, 1, "connection", UNRESOLVED), (1, 1, "tls", UNRESOLVED),
        (1, 1, "isolation", Expected::Inconclusive), (2, 0, "connection", SILENT), (2, 0, "tls", SILENT),
    ];
    "one-zone-dead-everywhere": |fleet| dead_zone(fleet, None) => [
        (1, 1, "egress", UNRESOLVED), (1, 1, "connection", UNRESOLVED), (1, 1, "tls", UNRESOLVED),
        (1, 1, "isolation", Expected::Inconclusive), (1, 2, "connection", SILENT), (1, 2, "tls", SILENT),
        (2, 1, "egress", UNRESOLVED), (2, 1, "connection", UNRESOLVED), (2, 1, "tls", UNRESOLVED),
        (2, 1, "isolation", Expected::Inconclusive), (2, 2, "connection", SILENT), (2, 2, "tls", SILENT),
    ];
    // Their reports arrive all the same: they go no way that is in this account.
    "no-way-out-of-the-account": |fleet| {
        fleet.account(1).internet_gateways.clear();
        fleet.account(1).nat_gateways.clear();
        (1..=2).for_each(|it| fleet.account(it).peerings.clear());
        fleet.account(1).route_tables.iter_mut().for_each(|it| it.routes.clear());
    } => [
        (1, 0, "egress", SILENT), (1, 0, "connection", SILENT), (1, 0, "tls", SILENT),
        (2, 0, "connection", SILENT), (2, 0, "tls", SILENT),
    ];
}

const DELAY: Effect = Effect::Delay(Duration::from_millis(300));

fn impair(fleet: &mut Fleet, segment: Segment, effect: Effect) {
    fleet.wishes.impairments.push(Impairment { segment, effect });
}

/// The first zone, in one account or in all.
fn dead_zone(fleet: &mut Fleet, stack: Option<StackId>) {
    impair(fleet, Segment::Zone { az_id: zone(1), stack }, Effect::Loss(100));
}

/// NAT gateways of account 1.
fn nats(fleet: &mut Fleet, indices: &[usize], state: NatState) {
    indices.iter().for_each(|index| fleet.account(1).nat_gateways[*index].state = state);
}

fn table<'a>(fleet: &'a mut Fleet, account: u8, name: &str) -> &'a mut RouteTable {
    let id = format!("rtb-{account}-{name}");
    fleet.account(account).route_tables.iter_mut().find(|it| it.id == id).expect("the sample has it")
}

/// The group of an account's application.
fn group(fleet: &mut Fleet, account: u8) -> &mut SecurityGroup {
    let groups = &mut fleet.account(account).security_groups;
    groups.iter_mut().find(|it| it.name == "inbound").expect("the sample has it")
}

fn by_reference(fleet: &mut Fleet, group_id: &str) {
    group(fleet, 2).ingress = vec![inbound(APPLICATION, RulePeer::Group(group_id.to_owned()))];
}

fn open_database(fleet: &mut Fleet) {
    group(fleet, 2).ingress.push(inbound(DATABASE, addresses(1)));
}

/// What a host of account 2's application answers.
fn ports(fleet: &mut Fleet, zone: u8) -> &mut BTreeMap<u16, Answer> {
    let address = host_address(2, zone);
    let host = fleet.wishes.hosts.iter_mut().find(|it| it.address == address);
    &mut host.expect("the sample has it").ports
}

/// Changes what a host of account 2's application answers on its port.
fn answer(fleet: &mut Fleet, zone: u8, answer: Option<Answer>) {
    let ports = ports(fleet, zone);
    match answer {
        Some(answer) => ports.insert(APPLICATION, answer),
        None => ports.remove(&APPLICATION),
    };
}

/// Of account 1's VPC.
fn resolver(fleet: &mut Fleet, resolver: Resolver) {
    fleet.wishes.resolvers.insert("vpc-1".to_owned(), resolver);
}

/// An entry that comes before the one which lets everything through.
fn deny(egress: bool, from: u16, to: u16) -> AclEntry {
    AclEntry {
        number: 50,
        egress,
        allow: false,
        protocol: "6".to_owned(),
        ports: Some((from.into(), to.into())),
        cidr: Some(ipnet::Ipv4Net::default()),
    }
}

/// Gives one private subnet of account 2 an ACL of its own.
fn acl_of_one_subnet(fleet: &mut Fleet, entry: AclEntry) {
    let acls = &mut fleet.account(2).network_acls;
    let mut acl = NetworkAcl { id: "acl-2-own".to_owned(), is_default: false, ..acls[0].clone() };
    acl.entries.push(entry);
    let (id, subnet_id) = ("aclassoc-2-own".to_owned(), "subnet-2-private-1".to_owned());
    acl.associations = vec![AclAssociation { id, subnet_id }];
    acls.push(acl);
}
