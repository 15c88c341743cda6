//! Security groups and network ACLs as rules of nft's.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use phonehome_network::{NetworkAcl, RulePeer, SecurityGroup};

use crate::wishes::{Answer, Host};

/// Towards what a group or an ACL guards, or away from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    /// Which address of a packet is the other side's.
    fn peer(self) -> &'static str {
        match self {
            Self::Ingress => "saddr",
            Self::Egress => "daddr",
        }
    }
}

/// What a group's rules match, one text for each that can match anything. `members`: the addresses of those that
/// carry a group. What a prefix list holds no inventory says: it matches nothing.
pub(crate) fn of_group(
    group: &SecurityGroup,
    direction: Direction,
    members: impl Fn(&str) -> BTreeSet<Ipv4Addr>,
) -> impl Iterator<Item = String> {
    let rules = match direction {
        Direction::Ingress => &group.ingress,
        Direction::Egress => &group.egress,
    };
    let addresses = move |peer: &RulePeer| match peer {
        RulePeer::Cidr(cidr) => network(*cidr, direction),
        RulePeer::Itself => one_of(&members(&group.id), direction),
        RulePeer::Group(id) => one_of(&members(id), direction),
        RulePeer::Ipv6(_) | RulePeer::PrefixList(_) => None,
    };
    rules.iter().filter_map(move |rule| {
        let (addresses, protocol) = (addresses(&rule.peer)?, protocol(&rule.protocol, rule.ports));
        Some(words(&[&addresses, &protocol]))
    })
}

/// An ACL's entries in one direction, as rules of a chain that is jumped to: the first that matches decides.
pub(crate) fn of_acl(acl: &NetworkAcl, direction: Direction) -> Vec<String> {
    let is_egress = direction == Direction::Egress;
    let mut entries: Vec<_> = acl.entries.iter().filter(|it| it.egress == is_egress).collect();
    entries.sort_by_key(|it| it.number);
    let rule = |it: &&phonehome_network::AclEntry| {
        let verdict = if it.allow { "return" } else { "drop" };
        let (addresses, protocol) = (network(it.cidr?, direction)?, protocol(&it.protocol, it.ports));
        Some(words(&[&addresses, &protocol, verdict]))
    };
    entries.iter().filter_map(rule).chain(["drop".to_owned()]).collect()
}

/// What is dropped before it reaches a host that says nothing.
pub(crate) fn silence(host: &Host) -> impl Iterator<Item = String> {
    let silent = host.ports.iter().filter(|(_, answer)| **answer == Answer::Silence);
    silent.map(|(port, _)| format!("ip daddr {} tcp dport {port} drop", host.address))
}

fn network(cidr: Ipv4Net, direction: Direction) -> Option<String> {
    // nft does not take a network of everything where it could match anything else.
    Some(if cidr.prefix_len() == 0 {
        String::new()
    } else {
        format!("ip {} {}", direction.peer(), cidr.trunc())
    })
}

fn one_of(members: &BTreeSet<Ipv4Addr>, direction: Direction) -> Option<String> {
    let members: Vec<String> = members.iter().map(ToString::to_string).collect();
    (!members.is_empty()).then(|| format!("ip {} {{ {} }}", direction.peer(), members.join(", ")))
}

/// Protocols are named or numbered; for ICMP the ports are type and code, -1 for all.
fn protocol(protocol: &str, ports: Option<(i32, i32)>) -> String {
    match (protocol, ports) {
        ("-1", _) => String::new(),
        ("tcp" | "6", Some((from, to))) if from == to => format!("tcp dport {from}"),
        ("tcp" | "6", Some((from, to))) => format!("tcp dport {from}-{to}"),
        ("udp" | "17", Some((from, to))) => format!("udp dport {from}-{to}"),
        ("icmp" | "1", Some((kind, code))) if kind >= 0 && code >= 0 => {
            format!("icmp type {kind} icmp code {code}")
        }
        ("icmp" | "1", Some((kind, _))) if kind >= 0 => format!("icmp type {kind}"),
        (protocol, _) => format!("meta l4proto {protocol}"),
    }
}

/// What is not empty, with blanks between.
pub(crate) fn words(words: &[&str]) -> String {
    words.iter().filter(|word| !word.is_empty()).copied().collect::<Vec<_>>().join(" ")
}
