//! Rules of security groups, as AWS writes them and as the planner compares them.
//!
//! AWS puts all peers of one protocol and range of ports into one permission; here each peer is a
//! rule.

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, PrefixListId, UserIdGroupPair};
use phonehome_network::{Rule, RulePeer};

use super::fields::cidr;
use phonehome_cloud::CloudError;

/// All protocols, and so all ports.
const ALL: &str = "-1";

/// The rules of the group `own_id` in `own_account`. A group of another account is written as AWS's
/// console does, `123456789012/sg-…`: AWS finds its rule only with the account.
pub(super) fn rules(
    own_id: &str,
    own_account: &str,
    permissions: &[IpPermission],
) -> Result<Vec<Rule>, CloudError> {
    let mut rules = Vec::new();
    for permission in permissions {
        let protocol = permission.ip_protocol().unwrap_or(ALL);
        let ports = permission.from_port().zip(permission.to_port()).filter(|_| protocol != ALL);
        let mut add = |peer| rules.push(Rule { protocol: protocol.to_owned(), ports, peer });
        for range in permission.ip_ranges() {
            add(RulePeer::Cidr(cidr("ec2:DescribeSecurityGroups", own_id, range.cidr_ip())?));
        }
        for range in permission.ipv6_ranges() {
            add(RulePeer::Ipv6(range.cidr_ipv6().unwrap_or_default().to_owned()));
        }
        for list in permission.prefix_list_ids() {
            add(RulePeer::PrefixList(list.prefix_list_id().unwrap_or_default().to_owned()));
        }
        for pair in permission.user_id_group_pairs() {
            add(group(own_id, own_account, pair));
        }
    }
    Ok(rules)
}

fn group(own_id: &str, own_account: &str, pair: &UserIdGroupPair) -> RulePeer {
    let id = pair.group_id().unwrap_or_default();
    match pair.user_id() {
        _ if id == own_id => RulePeer::Itself,
        Some(account) if account != own_account => RulePeer::Group(format!("{account}/{id}")),
        _ => RulePeer::Group(id.to_owned()),
    }
}

/// The rules of the group `own_id`, as calls take them.
pub(super) fn permissions(own_id: &str, rules: &[Rule]) -> Vec<IpPermission> {
    rules.iter().map(|rule| permission(own_id, rule)).collect()
}

fn permission(own_id: &str, rule: &Rule) -> IpPermission {
    let (from, to) = rule.ports.unzip();
    let permission = IpPermission::builder().ip_protocol(&rule.protocol).set_from_port(from).set_to_port(to);
    let group = |id: &str| match id.split_once('/') {
        Some((account, id)) => UserIdGroupPair::builder().user_id(account).group_id(id).build(),
        None => UserIdGroupPair::builder().group_id(id).build(),
    };
    let permission = match &rule.peer {
        RulePeer::Cidr(cidr) => permission.ip_ranges(IpRange::builder().cidr_ip(cidr.to_string()).build()),
        RulePeer::Ipv6(cidr) => permission.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(cidr).build()),
        RulePeer::PrefixList(id) => {
            permission.prefix_list_ids(PrefixListId::builder().prefix_list_id(id).build())
        }
        RulePeer::Itself => permission.user_id_group_pairs(group(own_id)),
        RulePeer::Group(id) => permission.user_id_group_pairs(group(id)),
    };
    permission.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(account: &str, id: &str) -> UserIdGroupPair {
        UserIdGroupPair::builder().user_id(account).group_id(id).build()
    }

    fn rule(protocol: &str, ports: Option<(i32, i32)>, peer: RulePeer) -> Rule {
        Rule { protocol: protocol.to_owned(), ports, peer }
    }

    #[test]
    fn every_peer_of_a_permission_is_a_rule_and_the_group_knows_itself() {
        let permission = IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(443)
            .to_port(444)
            .ip_ranges(IpRange::builder().cidr_ip("10.0.0.0/8").description("office").build())
            .ip_ranges(IpRange::builder().cidr_ip("192.0.2.0/24").build())
            .ipv6_ranges(Ipv6Range::builder().cidr_ipv6("::/0").build())
            .prefix_list_ids(PrefixListId::builder().prefix_list_id("pl-1").build())
            .user_id_group_pairs(pair("111111111111", "sg-own"))
            .user_id_group_pairs(pair("111111111111", "sg-neighbour"))
            .user_id_group_pairs(pair("222222222222", "sg-abroad"))
            .build();
        let peers = [
            RulePeer::Cidr("10.0.0.0/8".parse().unwrap()),
            RulePeer::Cidr("192.0.2.0/24".parse().unwrap()),
            RulePeer::Ipv6("::/0".into()),
            RulePeer::PrefixList("pl-1".into()),
            RulePeer::Itself,
            RulePeer::Group("sg-neighbour".into()),
            RulePeer::Group("222222222222/sg-abroad".into()),
        ];
        let seen = rules("sg-own", "111111111111", &[permission]).unwrap();
        assert_eq!(seen, peers.map(|peer| rule("tcp", Some((443, 444)), peer)));
    }

    #[test]
    fn all_traffic_has_no_ports_whatever_the_answer_says() {
        let any = IpRange::builder().cidr_ip("0.0.0.0/0").build();
        let permission = IpPermission::builder().ip_protocol("-1").from_port(-1).to_port(-1).ip_ranges(any);
        let seen = rules("sg-own", "111111111111", &[permission.build()]).unwrap();
        assert_eq!(seen, [rule("-1", None, RulePeer::Cidr("0.0.0.0/0".parse().unwrap()))]);
    }

    #[test]
    fn what_was_seen_is_named_in_a_call_just_as_it_was_seen() {
        let all = [
            rule("tcp", Some((0, 65535)), RulePeer::Cidr("10.0.0.0/8".parse().unwrap())),
            rule("-1", None, RulePeer::Itself),
            rule("icmp", Some((-1, -1)), RulePeer::Ipv6("2001:db8::/32".into())),
            rule("udp", Some((53, 53)), RulePeer::Group("sg-neighbour".into())),
            rule("50", None, RulePeer::Group("222222222222/sg-abroad".into())),
            rule("6", Some((1, 2)), RulePeer::PrefixList("pl-1".into())),
        ];
        let call = permissions("sg-own", &all);
        assert_eq!(call[1].user_id_group_pairs()[0].group_id(), Some("sg-own"));
        assert_eq!(call[4].user_id_group_pairs()[0].user_id(), Some("222222222222"));
        assert_eq!(rules("sg-own", "111111111111", &call).unwrap(), all);
    }

    #[test]
    fn a_rule_whose_addresses_cannot_be_read_fails_the_observation_and_names_the_group() {
        let odd = IpRange::builder().cidr_ip("10.0.0.0").build();
        let permission = IpPermission::builder().ip_protocol("tcp").ip_ranges(odd).build();
        let error = rules("sg-own", "111111111111", &[permission]).unwrap_err();
        assert_eq!(error.operation, "ec2:DescribeSecurityGroups");
        assert!(error.to_string().contains("sg-own") && error.to_string().contains("10.0.0.0"), "{error}");
    }
}
