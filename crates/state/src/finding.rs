//! What the provisioner found, as the alerter joins it to incidents.

use phonehome_alerting::{Finding, RepairState, StackPart};
use phonehome_network::{Address, Part, Resource, Tier};
use phonehome_wire::{AzId, StackId};

use crate::notified::{Drift, Line, Repair};

/// The differences of a message about changes by hand.
#[must_use]
pub fn findings(stack: &StackId, account_name: &str, drift: &Drift) -> Vec<Finding> {
    let finding = |line: &Line| Finding {
        stack: stack.clone(),
        account_name: account_name.to_owned(),
        part: part(&line.address),
        what: what(line),
        repair: match line.repair {
            Repair::Repaired => RepairState::Repaired,
            Repair::Pending => RepairState::UnderWay,
            Repair::Withheld => RepairState::Withheld,
        },
        seen_ms: drift.seen_ms,
        by: line.by.iter().map(|it| format!("{} by {} at {}", it.event_name, it.who, it.when)).collect(),
        told_as: drift.incident_id.clone(),
        told_in: drift.joins.clone(),
    };
    drift.lines.iter().map(finding).collect()
}

/// What a path that depends on this address calls it.
fn part(address: &Address) -> StackPart {
    let zone = |az_id: &String| az_id.parse::<AzId>().ok();
    let of_zone = |az_id: &String, part: fn(AzId) -> StackPart| zone(az_id).map_or(StackPart::Other, part);
    match (&address.resource, address.part) {
        (_, Part::Tags) => StackPart::Other,
        (Resource::Vpc, Part::DnsSupport | Part::DnsHostNames) => StackPart::Resolver,
        (Resource::Vpc, _) => StackPart::Vpc,
        (Resource::InternetGateway | Resource::PublicRouteTable, _)
        | (Resource::Subnet { tier: Tier::Public, .. }, _) => StackPart::InternetGateway,
        (Resource::Subnet { tier: Tier::Private, az_id }, _) => {
            of_zone(az_id, |zone| StackPart::Subnet { zone })
        }
        (Resource::ElasticIp { az_id } | Resource::NatGateway { az_id }, _) => {
            of_zone(az_id, |zone| StackPart::NatGateway { zone: Some(zone) })
        }
        (Resource::RegionalNatGateway, _) => StackPart::NatGateway { zone: None },
        (Resource::PrivateRouteTable { az_id }, Part::Route(_)) => {
            of_zone(az_id, |zone| StackPart::PeerRoute { zone })
        }
        (Resource::PrivateRouteTable { az_id }, _) => of_zone(az_id, |zone| StackPart::DefaultRoute { zone }),
        (Resource::ProbeSecurityGroup, _) => StackPart::Outbound,
        (Resource::InboundSecurityGroup, _) => StackPart::Inbound,
        (Resource::DefaultNetworkAcl, _) => StackPart::NetworkAcl,
        (Resource::Peering { peer }, _) => StackPart::Peering { peer: peer.clone() },
        (Resource::Probe { az_id }, _) => StackPart::Probe { zone: zone(az_id) },
        (Resource::Function { .. } | Resource::Schedule { .. }, _) => StackPart::Probe { zone: None },
        (
            Resource::MainRouteTable
            | Resource::DefaultSecurityGroup
            | Resource::Endpoint { .. }
            | Resource::FlowLog
            | Resource::DefaultVpc { .. }
            | Resource::Unknown(_),
            _,
        ) => StackPart::Other,
    }
}

/// `route 0.0.0.0/0 → nat-1 in rtb-1: not there`, or `nat-gateway/use1-az1 (nat-1): not there`.
fn what(line: &Line) -> String {
    let id = |kinds: &[&str]| {
        let is_one = |id: &&String| id.split_once('-').is_some_and(|(kind, _)| kinds.contains(&kind));
        line.ids.iter().find(is_one).map(String::as_str)
    };
    let destination = match line.address.part {
        Part::DefaultRoute => Some("0.0.0.0/0".to_owned()),
        Part::Route(destination) => Some(destination.to_string()),
        _ => None,
    };
    match destination {
        Some(destination) => {
            let target = id(&["nat", "igw", "pcx"]).map(|id| format!(" → {id}")).unwrap_or_default();
            let table = id(&["rtb"]).map_or_else(|| line.address.to_string(), str::to_owned);
            format!("route {destination}{target} in {table}: {}", line.reason)
        }
        None => format!("{}: {}", line.address, line.reason),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn line(address: Address, reason: &str, ids: &[&str]) -> Line {
        Line {
            address,
            reason: reason.to_owned(),
            repair: Repair::Repaired,
            ids: ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<String>>(),
            is_known: false,
            by: vec![],
        }
    }

    #[test]
    fn a_route_is_told_with_where_it_leads_and_its_table() {
        let table = Address::private_route_table("use1-az1");
        let route = line(Address::default_route(&table), "not there", &["nat-0a1b", "rtb-0c2d", "vpc-0e3f"]);
        assert_eq!(what(&route), "route 0.0.0.0/0 → nat-0a1b in rtb-0c2d: not there");
        let peer = line(Address::route(&table, &"10.16.0.0/18".parse().unwrap()), "leads elsewhere", &[]);
        assert_eq!(
            what(&peer),
            "route 10.16.0.0/18 in route-table/private/use1-az1/route/10.16.0.0/18: leads elsewhere"
        );
        let nat = line(Address::nat_gateway("use1-az1"), "not there", &["nat-0a1b"]);
        assert_eq!(what(&nat), "nat-gateway/use1-az1: not there");
    }

    #[test]
    fn each_address_is_the_part_that_paths_depend_on() {
        let zone: AzId = "use1-az1".parse().unwrap();
        let table = Address::private_route_table("use1-az1");
        let cases = [
            (Address::default_route(&table), StackPart::DefaultRoute { zone: zone.clone() }),
            (
                Address::route(&table, &"10.16.0.0/18".parse().unwrap()),
                StackPart::PeerRoute { zone: zone.clone() },
            ),
            (Address::tags(&table), StackPart::Other),
            (Address::nat_gateway("use1-az1"), StackPart::NatGateway { zone: Some(zone.clone()) }),
            (Address::elastic_ip("use1-az1"), StackPart::NatGateway { zone: Some(zone.clone()) }),
            (Address::regional_nat_gateway(), StackPart::NatGateway { zone: None }),
            (Address::association(Tier::Private, "use1-az1"), StackPart::Subnet { zone: zone.clone() }),
            (Address::association(Tier::Public, "use1-az1"), StackPart::InternetGateway),
            (Address::internet_gateway_attachment(), StackPart::InternetGateway),
            (Address::dns_support(), StackPart::Resolver),
            (Address::peering("shop-prod"), StackPart::Peering { peer: "shop-prod".to_owned() }),
            (Address::undeclared_inbound_rules(&Address::inbound_security_group()), StackPart::Inbound),
            (Address::outbound_rules(&Address::probe_security_group()), StackPart::Outbound),
            (Address::probe_destination("use1-az1"), StackPart::Probe { zone: Some(zone) }),
            (Address::flow_log(), StackPart::Other),
            (Address::nat_gateway("no zone at all"), StackPart::Other),
        ];
        for (address, expected) in cases {
            assert_eq!(part(&address), expected, "{address}");
        }
    }
}
