//! What a network is described as.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use phonehome_network::{
    AclEntry, NatState, PeeringState, Route as Ec2Route, RouteTarget, Rule, RulePeer, SecurityGroup, Tags,
};

use super::{Inventories, describe};
use crate::network::{Hop, Namespace, Network, Route};
use crate::sample::{Fleet, host_address, public_address, stack, zone};
use crate::wishes::{Effect, Host, Impairment, Place, Segment};

fn network(fleet: &Fleet) -> Network {
    describe(&fleet.inventories, &fleet.wishes).unwrap()
}

/// A namespace of the sample's, by the id of what it is for.
fn namespace<'a>(network: &'a Network, id: &str) -> &'a Namespace {
    let mut found = network.namespaces.iter().filter(|(name, _)| name.ends_with(&format!(".{id}")));
    let (_, namespace) = found.next().unwrap_or_else(|| panic!("no namespace for {id}"));
    namespace
}

/// Where a subnet's packets for an address go: what the kernel finds, by the longest prefix.
fn way(network: &Network, vpc: &str, subnet: &str, to: Ipv4Addr) -> Hop {
    let router = namespace(network, vpc);
    let link = network.links.iter().find(|it| it.far.namespace.ends_with(&format!(".{subnet}"))).unwrap();
    let table = router.rules[&link.near.device];
    let routes = router.routes.iter().filter(|it| it.table == table && it.destination.contains(&to));
    // Where two are as long, the one that is not the last resort.
    let best = routes.max_by_key(|it| (it.destination.prefix_len(), it.hop != Hop::LastBlackhole));
    best.expect("each table has a default").hop.clone()
}

fn device(hop: Hop) -> Option<char> {
    let route = Route { table: 0, destination: Ipv4Net::default(), hop };
    route.device().and_then(|device| device.chars().next())
}

const FAR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 80);

#[test]
fn a_small_network_is_described_as_it_was() {
    let mut fleet = Fleet::new(1, 1);
    fleet.wishes.mtus.insert("subnet-1-private-1".to_owned(), 1_200);
    let network = network(&fleet);
    let mut text = String::new();
    for link in &network.links {
        let [near, far] = [&link.near, &link.far].map(|it| format!("{} {}", it.namespace, it.device));
        text.push_str(&format!("{near} -- {far}\n"));
    }
    for (name, namespace) in &network.namespaces {
        text.push_str(&format!("\n{name} forwards={} mtus={:?}\n", namespace.forwards, namespace.mtus));
        for (device, net) in &namespace.addresses {
            text.push_str(&format!("  {device} {net}\n"));
        }
        for (device, table) in &namespace.rules {
            text.push_str(&format!("  iif {device} lookup {table}\n"));
        }
        namespace.routes.iter().for_each(|it| text.push_str(&format!("  {}\n", it.ip())));
        text.push_str(&namespace.ruleset.nft());
    }
    insta::assert_snapshot!(text);
}

#[test]
fn every_routing_table_ends_in_silence() {
    let network = network(&Fleet::new(2, 2));
    for (name, namespace) in network.namespaces.iter().filter(|(_, it)| it.forwards && !it.rules.is_empty()) {
        let tables: BTreeSet<u32> = namespace.routes.iter().map(|it| it.table).collect();
        assert!(namespace.rules.values().all(|table| tables.contains(table)), "{name}");
        for table in tables {
            let last = Route { table, destination: Ipv4Net::default(), hop: Hop::LastBlackhole };
            assert!(namespace.routes.contains(&last), "{name}, table {table}");
        }
    }
}

#[test]
fn no_router_says_anything_but_what_its_resolver_answers() {
    let network = network(&Fleet::new(1, 1));
    let chains = &namespace(&network, "vpc-1").ruleset.chains;
    let output = chains.iter().find(|it| it.name == "output").unwrap();
    assert_eq!(output.rules, ["ip saddr 10.1.0.2 meta l4proto { tcp, udp } th sport 53 accept"]);
    assert!(
        namespace(&network, "nat-1-1")
            .ruleset
            .chains
            .iter()
            .any(|it| it.name == "output" && it.rules.is_empty())
    );
}

#[test]
fn a_subnet_without_a_table_of_its_own_has_the_main_one() {
    let mut fleet = Fleet::new(1, 1);
    assert_eq!(device(way(&network(&fleet), "vpc-1", "subnet-1-private-1", FAR)), Some('n'));
    for table in &mut fleet.account(1).route_tables {
        table.associations.clear();
    }
    assert_eq!(way(&network(&fleet), "vpc-1", "subnet-1-private-1", FAR), Hop::LastBlackhole);
    let table = fleet.account(1).route_tables.iter_mut().find(|it| it.main).unwrap();
    let target = RouteTarget::InternetGateway("igw-1".to_owned());
    table.routes.push(Ec2Route { destination: Ipv4Net::default(), target });
    assert_eq!(device(way(&network(&fleet), "vpc-1", "subnet-1-private-1", FAR)), Some('i'));
    fleet.account(1).route_tables.clear();
    assert_eq!(way(&network(&fleet), "vpc-1", "subnet-1-private-1", FAR), Hop::LastBlackhole);
}

#[test]
fn a_route_whose_target_does_not_work_still_takes_what_it_is_the_most_specific_for() {
    let there = host_address(2, 1);
    let to_peer = |fleet: &Fleet| way(&network(fleet), "vpc-1", "subnet-1-private-1", there);
    let out = |fleet: &Fleet| way(&network(fleet), "vpc-1", "subnet-1-private-1", FAR);
    let fleet = Fleet::new(2, 1);
    assert_eq!((device(to_peer(&fleet)), device(out(&fleet))), (Some('p'), Some('n')));
    for state in [PeeringState::PendingAcceptance, PeeringState::Gone, PeeringState::Provisioning] {
        let mut fleet = fleet.clone();
        // One side may know later than the other.
        fleet.account(2).peerings[0].state = state;
        assert_eq!(to_peer(&fleet), Hop::Blackhole, "{state:?}");
    }
    for state in [NatState::Pending, NatState::Failed, NatState::Deleting, NatState::Gone] {
        let mut fleet = fleet.clone();
        fleet.account(1).nat_gateways[0].state = state;
        assert_eq!(out(&fleet), Hop::Blackhole, "{state:?}");
    }
    let mut alone: Inventories = fleet.inventories.clone();
    alone.remove(&stack(2));
    let mut wishes = fleet.wishes.clone();
    wishes.hosts.retain(|it| it.subnet().is_none_or(|(whose, _)| *whose == stack(1)));
    let network = describe(&alone, &wishes).unwrap();
    assert_eq!(
        way(&network, "vpc-1", "subnet-1-private-1", there),
        Hop::Blackhole,
        "a peer nobody has looked at"
    );
}

#[test]
fn within_a_vpc_only_a_more_specific_route_leads_elsewhere() {
    let mut fleet = Fleet::new(1, 2);
    let there = host_address(1, 2);
    let way = |fleet: &Fleet, to| way(&network(fleet), "vpc-1", "subnet-1-private-1", to);
    assert_eq!(device(way(&fleet, there)), Some('s'));
    assert_eq!(way(&fleet, Ipv4Addr::new(10, 1, 200, 1)), Hop::LastBlackhole, "in no subnet");
    let mut add = |destination: &str| {
        let target = RouteTarget::Other("eni-firewall".to_owned());
        let tables = &mut fleet.account(1).route_tables;
        let table = tables.iter_mut().find(|it| it.id == "rtb-1-private-1").unwrap();
        table.routes.push(Ec2Route { destination: destination.parse().unwrap(), target });
        fleet.clone()
    };
    assert_eq!(device(way(&add("10.0.0.0/8"), there)), Some('s'), "the local route is more specific");
    assert_eq!(way(&add("10.1.40.0/21"), there), Hop::Blackhole);
    assert_eq!(device(way(&add("10.1.48.0/21"), host_address(1, 1))), Some('s'), "another subnet's");
}

#[test]
fn acl_entries_are_judged_by_number_whatever_their_order() {
    let mut fleet = Fleet::new(1, 1);
    let entry = |number, allow, protocol: &str, ports| AclEntry {
        number,
        egress: false,
        allow,
        protocol: protocol.to_owned(),
        ports,
        cidr: Some("10.0.0.0/8".parse().unwrap()),
    };
    let ipv6 = AclEntry { cidr: None, ..entry(1, true, "-1", None) };
    let acl = &mut fleet.account(1).network_acls[0];
    acl.entries = vec![entry(300, true, "17", None), entry(20, false, "6", Some((22, 23))), ipv6];
    let network = network(&fleet);
    let chains = &namespace(&network, "vpc-1").ruleset.chains;
    let rules = |suffix: &str| &chains.iter().find(|it| it.name.ends_with(suffix)).unwrap().rules;
    let expected =
        ["ip saddr 10.0.0.0/8 tcp dport 22-23 drop", "ip saddr 10.0.0.0/8 meta l4proto 17 return", "drop"];
    assert_eq!(*rules("_in"), expected);
    assert_eq!(*rules("_out"), ["drop"], "what has no entry is not let through");
}

/// What a subnet lets in for its second guest, the application, without what it lets in for all.
fn let_in(fleet: &Fleet, subnet: &str) -> Vec<String> {
    let network = network(fleet);
    let input = namespace(&network, subnet).ruleset.chains.iter().find(|it| it.name == "input").unwrap();
    input.rules.iter().filter(|rule| rule.starts_with("ip daddr")).cloned().collect()
}

#[test]
fn a_rule_that_names_a_group_lets_in_whoever_carries_it_here_or_across_a_peering() {
    let mut fleet = Fleet::new(3, 1);
    let mut with = |peer: RulePeer| {
        let groups = &mut fleet.account(2).security_groups;
        let group: &mut SecurityGroup = groups.iter_mut().find(|it| it.name == "inbound").unwrap();
        group.ingress = vec![Rule { protocol: "tcp".to_owned(), ports: Some((443, 443)), peer }];
        let_in(&fleet, "subnet-2-private-1")
    };
    let expected = |from: &str| vec![format!("ip daddr 10.2.8.100 ip saddr {from} tcp dport 443 accept")];
    assert_eq!(with(RulePeer::Group("sg-1-probe".to_owned())), expected("{ 10.1.8.4 }"));
    assert_eq!(with(RulePeer::Group("sg-2-probe".to_owned())), expected("{ 10.2.8.4 }"));
    assert_eq!(with(RulePeer::Itself), expected("{ 10.2.8.100 }"));
    assert_eq!(with(RulePeer::Cidr("10.9.0.0/16".parse().unwrap())), expected("10.9.0.0/16"));
    let nothing: Vec<String> = vec![];
    // Accounts 2 and 3 are each peered with 1, not with each other.
    assert_eq!(with(RulePeer::Group("sg-3-probe".to_owned())), nothing);
    assert_eq!(with(RulePeer::PrefixList("pl-1".to_owned())), nothing);
    assert_eq!(with(RulePeer::Ipv6("::/0".to_owned())), nothing);
}

#[test]
fn a_regional_nat_gateway_sends_by_its_own_table() {
    let mut fleet = Fleet::new(1, 1);
    let nat = &mut fleet.account(1).nat_gateways[0];
    (nat.subnet_id, nat.route_table_id) = (None, Some("rtb-1-public".to_owned()));
    let network = network(&fleet);
    assert_eq!(device(way(&network, "vpc-1", "subnet-1-private-1", FAR)), Some('n'));
    assert_eq!(device(way(&network, "vpc-1", "nat-1-1", FAR)), Some('i'));
}

#[test]
fn what_is_shared_by_another_account_is_there_once() {
    let mut fleet = Fleet::new(2, 1);
    let shared = fleet.account(1).vpcs[0].clone();
    let before = network(&fleet).namespaces.len();
    fleet.account(2).vpcs.push(shared);
    assert_eq!(network(&fleet).namespaces.len(), before);
}

#[test]
fn a_wish_that_does_not_fit_is_refused_with_what_is_wrong() {
    let fleet = Fleet::new(1, 1);
    let place = |subnet_id: &str| Place::Subnet {
        stack: stack(1),
        subnet_id: subnet_id.to_owned(),
        groups: BTreeSet::new(),
        public: None,
    };
    let private = || place("subnet-1-private-1");
    for (place, address, said) in [
        (place("subnet-9"), host_address(1, 1), "has no subnet subnet-9"),
        (private(), Ipv4Addr::new(10, 1, 0, 9), "10.1.0.9: not an address of subnet-1-private-1"),
        (private(), host_address(1, 1), "two have the address 10.1.8.100"),
        (place("subnet-1-public-1"), Ipv4Addr::new(10, 1, 7, 253), "two have the address 10.1.7.253"),
        (Place::Internet, public_address(1, 1), "two have the public address 198.18.1.1"),
    ] {
        let mut fleet = fleet.clone();
        fleet.wishes.hosts.push(Host { place, address, ports: [].into() });
        let error = format!("{:#}", describe(&fleet.inventories, &fleet.wishes).unwrap_err());
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn an_impairment_of_what_nobody_has_is_refused_and_of_what_does_not_work_it_is_nothing() {
    let subnet_id = || "subnet-1-private-1".to_owned();
    let no = |id: &str| format!("{id}-9");
    let with = |fleet: &Fleet, segment, effect| {
        let mut wishes = fleet.wishes.clone();
        wishes.impairments.push(Impairment { segment, effect });
        describe(&fleet.inventories, &wishes)
    };
    let mut fleet = Fleet::new(2, 1);
    for (segment, said) in [
        (Segment::Subnet(no("subnet")), "no inventory has the subnet subnet-9"),
        (Segment::NatGateway(no("nat")), "no inventory has the NAT gateway nat-9"),
        (Segment::Peering(no("pcx")), "no inventory has the peering pcx-9"),
        (Segment::InternetGateway(no("igw")), "no inventory has the internet gateway igw-9"),
        (
            Segment::Zone { az_id: zone(2), stack: Some(stack(1)) },
            "111111111111/us-east-1 has no subnet in use1-az2",
        ),
        (Segment::Zone { az_id: zone(2), stack: None }, "nobody has a subnet in use1-az2"),
        (
            Segment::Address { subnet_id: subnet_id(), address: FAR },
            "neither a probe nor a host of subnet-1-private-1 has the address 192.0.2.80",
        ),
        (Segment::Internet(host_address(1, 1)), "no host on the internet has the address 10.1.8.100"),
    ] {
        let error = format!("{:#}", with(&fleet, segment, Effect::Loss(30)).unwrap_err());
        assert!(error.contains(said), "{error}");
    }
    let error = with(&fleet, Segment::Subnet(subnet_id()), Effect::Loss(101)).unwrap_err().to_string();
    assert!(error.contains("101 % of the packets cannot be lost"), "{error}");
    let nothing = network(&fleet);
    for effect in [Effect::Loss(0), Effect::Delay(Duration::ZERO)] {
        assert_eq!(with(&fleet, Segment::Subnet(subnet_id()), effect).unwrap(), nothing, "{effect:?}");
    }
    fleet.account(1).nat_gateways[0].state = NatState::Gone;
    let nothing = network(&fleet);
    assert_eq!(with(&fleet, Segment::NatGateway("nat-1-1".to_owned()), Effect::Loss(30)).unwrap(), nothing);
}

#[test]
fn the_order_in_which_ec2_tells_does_not_matter() {
    let fleet = Fleet::new(3, 2);
    let mut turned = fleet.clone();
    for account in 1..=3 {
        let inventory = turned.account(account);
        inventory.subnets.reverse();
        inventory.route_tables.reverse();
        inventory.security_groups.reverse();
        inventory.functions.reverse();
        inventory.peerings.reverse();
        inventory.tagged().for_each(|it| assert_eq!(*it.tags(), Tags::default()));
    }
    let [one, other] = [&fleet, &turned].map(network);
    assert_eq!(one.links, other.links);
    for (name, namespace) in &one.namespaces {
        assert_eq!(namespace.routes, other.namespaces[name].routes, "{name}");
        assert_eq!(namespace.addresses, other.namespaces[name].addresses, "{name}");
    }
}
