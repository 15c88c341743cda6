//! The controls of AWS Security Hub that a VPC stack can meet, asked of a full stack in the fake EC2 in
//! the way AWS Config's rules ask. docs/security-controls.md lists them.

use phonehome_fakecloud::{FakeCloud, sample};
use phonehome_network::{AclEntry, Inventory, Rule, RulePeer, SecurityGroup, Tagged};
use phonehome_planner::{Limits, plan, plan_default_vpc_removal};

/// Ports that Security Hub calls high-risk (EC2.19), from its list.
const HIGH_RISK_PORTS: [i32; 20] = [
    20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 8080, 9200,
];

/// Two linked full stacks; what the account of the target has in the end, without its default VPC.
fn account() -> Inventory {
    let block = |text: &str| text.parse().unwrap();
    let mut cloud = FakeCloud::new();
    let mut source = sample::full("111111111111", "shop-prod", block("10.0.0.0/18")).unwrap();
    let mut target = sample::full("222222222222", "ledger-prod", block("10.0.64.0/18")).unwrap();
    cloud.stack(&target.account, &target.region).with_default_vpc();
    for _ in 0..6 {
        source.links = vec![sample::link(&target, vpc_of(&mut cloud, &target), true)];
        target.links = vec![sample::link(&source, vpc_of(&mut cloud, &source), false)];
        for spec in [&source, &target] {
            let mut stack = cloud.stack(&spec.account, &spec.region);
            let plan = plan(spec, &stack.inventory(&spec.kinds()), &Limits::SWEEP).unwrap();
            stack.apply(spec, &plan).unwrap();
        }
    }
    let mut stack = cloud.stack(&target.account, &target.region);
    let seen = stack.truth();
    assert!(plan(&target, &seen, &Limits::SWEEP).unwrap().is_converged());
    let removal = plan_default_vpc_removal(&target, &seen, &Limits::DECOMMISSION).unwrap();
    stack.apply(&target, &removal).unwrap();
    stack.truth()
}

fn vpc_of(cloud: &mut FakeCloud, spec: &phonehome_planner::StackSpec) -> Option<String> {
    let truth = cloud.stack(&spec.account, &spec.region).truth();
    truth.vpcs.into_iter().find(|vpc| vpc.address().is_some()).map(|vpc| vpc.id)
}

fn is_everywhere(peer: &RulePeer) -> bool {
    match peer {
        RulePeer::Cidr(cidr) => cidr.prefix_len() == 0,
        RulePeer::Ipv6(cidr) => cidr == "::/0",
        _ => false,
    }
}

fn opens(rule: &Rule, port: i32) -> bool {
    let tcp = ["-1", "tcp", "6"].contains(&rule.protocol.as_str());
    let covers = rule.ports.is_none_or(|(first, last)| (first..=last).contains(&port));
    tcp && covers && is_everywhere(&rule.peer)
}

fn groups_that_open(account: &Inventory, port: i32) -> Vec<&SecurityGroup> {
    let groups = account.security_groups.iter();
    groups.filter(|group| group.ingress.iter().any(|rule| opens(rule, port))).collect()
}

/// Whether an inbound TCP connection from the internet (`192.0.2.0/24` stands for it) gets past an ACL:
/// the first entry that matches decides.
fn lets_in_from_the_internet(entries: &[AclEntry], port: i32) -> bool {
    let mut inbound: Vec<&AclEntry> = entries.iter().filter(|entry| !entry.egress).collect();
    inbound.sort_by_key(|entry| entry.number);
    let internet: ipnet::Ipv4Net = "192.0.2.0/24".parse().unwrap();
    let matches = |entry: &&&AclEntry| {
        entry.cidr.is_some_and(|cidr| cidr.contains(&internet))
            && ["-1", "6"].contains(&entry.protocol.as_str())
            && entry.ports.is_none_or(|(first, last)| (first..=last).contains(&port))
    };
    inbound.iter().find(matches).is_some_and(|entry| entry.allow)
}

fn untagged<T: Tagged>(items: &[T]) -> Vec<&str> {
    items.iter().filter(|item| item.tags().is_empty()).map(Tagged::id).collect()
}

#[test]
fn ec2_2_the_default_security_group_lets_nothing_in_or_out() {
    let account = account();
    let default: Vec<_> = account.security_groups.iter().filter(|group| group.name == "default").collect();
    assert_eq!(default.len(), 1);
    assert!(default[0].ingress.is_empty() && default[0].egress.is_empty());
}

#[test]
fn ec2_6_every_vpc_has_a_flow_log() {
    let account = account();
    for vpc in &account.vpcs {
        assert!(account.flow_logs.iter().any(|log| log.resource_id == vpc.id), "{}", vpc.id);
    }
    assert_eq!(account.vpcs.len(), 1, "the default VPC has none, and is gone");
}

#[test]
fn ec2_12_every_elastic_ip_is_used() {
    let account = account();
    assert_eq!(account.elastic_ips.len(), 3);
    assert!(account.elastic_ips.iter().all(|ip| ip.association_id.is_some()));
}

#[test]
fn ec2_13_14_18_19_and_54_no_security_group_opens_a_port_to_everywhere() {
    let account = account();
    for port in HIGH_RISK_PORTS.into_iter().chain([80, 443]) {
        assert_eq!(groups_that_open(&account, port), Vec::<&SecurityGroup>::new(), "port {port}");
    }
    let inbound = account.security_groups.iter().find(|group| group.name == "phonehome-inbound").unwrap();
    assert!(!inbound.ingress.is_empty(), "there are rules to judge");
}

#[test]
fn ec2_15_no_subnet_gives_public_addresses() {
    let account = account();
    assert_eq!(account.subnets.len(), 6);
    assert!(account.subnets.iter().all(|subnet| !subnet.public_ip_on_launch));
}

#[test]
fn ec2_16_no_network_acl_is_unused() {
    let account = account();
    let used = account.network_acls.iter().all(|acl| acl.is_default || !acl.associations.is_empty());
    assert!(used && account.network_acls.len() == 1);
}

#[test]
fn ec2_21_the_network_acl_lets_the_internet_at_neither_ssh_nor_rdp() {
    let account = account();
    for acl in &account.network_acls {
        assert!(!lets_in_from_the_internet(&acl.entries, 22), "{acl:?}");
        assert!(!lets_in_from_the_internet(&acl.entries, 3389), "{acl:?}");
        assert!(lets_in_from_the_internet(&acl.entries, 443), "what is not closed stays open: {acl:?}");
    }
}

#[test]
fn ec2_37_39_40_41_42_43_44_46_48_and_49_every_resource_is_tagged() {
    let account = account();
    assert_eq!(untagged(&account.elastic_ips), [""; 0], "EC2.37");
    assert_eq!(untagged(&account.internet_gateways), [""; 0], "EC2.39");
    assert_eq!(untagged(&account.nat_gateways), [""; 0], "EC2.40");
    assert_eq!(untagged(&account.network_acls), [""; 0], "EC2.41");
    assert_eq!(untagged(&account.route_tables), [""; 0], "EC2.42");
    assert_eq!(untagged(&account.security_groups), [""; 0], "EC2.43");
    assert_eq!(untagged(&account.subnets), [""; 0], "EC2.44");
    assert_eq!(untagged(&account.vpcs), [""; 0], "EC2.46");
    assert_eq!(untagged(&account.flow_logs), [""; 0], "EC2.48");
    assert_eq!(untagged(&account.peerings), [""; 0], "EC2.49");
    assert!(!account.peerings.is_empty() && !account.nat_gateways.is_empty());
}
