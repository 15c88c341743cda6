//! An address's text, and back.

use std::fmt;

use super::{Address, Part, Resource};
use crate::Tier;

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In one piece, so that a width is that of the whole.
        let mut text = self.resource.to_string();
        if let Some(id) = &self.id {
            text.push('/');
            text.push_str(id);
        }
        if self.part != Part::Whole {
            text.push('/');
            text.push_str(&self.part.to_string());
        }
        f.pad(&text)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vpc => f.write_str("vpc"),
            Self::InternetGateway => f.write_str("internet-gateway"),
            Self::Subnet { tier, az_id } => write!(f, "subnet/{tier}/{az_id}"),
            Self::ElasticIp { az_id } => write!(f, "elastic-ip/{az_id}"),
            Self::NatGateway { az_id } => write!(f, "nat-gateway/{az_id}"),
            Self::RegionalNatGateway => f.write_str("nat-gateway/regional"),
            Self::PublicRouteTable => f.write_str("route-table/public"),
            Self::PrivateRouteTable { az_id } => write!(f, "route-table/private/{az_id}"),
            Self::MainRouteTable => f.write_str("route-table/main"),
            Self::DefaultSecurityGroup => f.write_str("security-group/default"),
            Self::ProbeSecurityGroup => f.write_str("security-group/probe"),
            Self::InboundSecurityGroup => f.write_str("security-group/inbound"),
            Self::DefaultNetworkAcl => f.write_str("network-acl/default"),
            Self::Endpoint { service } => write!(f, "endpoint/{service}"),
            Self::FlowLog => f.write_str("flow-log"),
            Self::Peering { peer } => write!(f, "peering/{peer}"),
            Self::Probe { az_id } => write!(f, "probe/{az_id}"),
            Self::Function { name } => write!(f, "function/{name}"),
            Self::Schedule { name } => write!(f, "schedule/{name}"),
            Self::DefaultVpc { vpc_id } => write!(f, "default-vpc/{vpc_id}"),
            Self::Unknown(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Attachment => f.write_str("attachment"),
            Self::DnsSupport => f.write_str("dns-support"),
            Self::DnsHostNames => f.write_str("dns-host-names"),
            Self::Association => f.write_str("route-table"),
            Self::PublicIpOnLaunch => f.write_str("public-ip-on-launch"),
            Self::DefaultRoute => f.write_str("default-route"),
            Self::Route(destination) => write!(f, "route/{destination}"),
            Self::AclEntry(number) => write!(f, "{number}"),
            Self::InboundRules => f.write_str("inbound-rules"),
            Self::RulesBeyondQuota => f.write_str("inbound-rules/beyond-quota"),
            // Stored in permissions under this name.
            Self::UndeclaredInboundRules => f.write_str("surplus-inbound-rules"),
            Self::FormerlyDeclaredRules => f.write_str("surplus-inbound-rules/undeclared"),
            Self::OutboundRules => f.write_str("outbound-rules"),
            Self::Destination => f.write_str("destination"),
            Self::Schedule => f.write_str("schedule"),
            Self::PartSchedule(part) => write!(f, "schedule/{part}"),
            Self::Tags => f.write_str("tags"),
        }
    }
}

impl From<&str> for Address {
    fn from(text: &str) -> Self {
        let known = resource(text).and_then(|(resource, rest)| {
            let (id, part) = id_and_part(&resource, rest)?;
            Some(Self { resource, id, part })
        });
        // What would be written otherwise than it was read is not known after all.
        let exact = known.filter(|address| address.to_string() == text);
        exact.unwrap_or_else(|| Self::of(Resource::Unknown(text.to_owned())))
    }
}

/// The resource that a text begins with, and what follows.
fn resource(text: &str) -> Option<(Resource, &str)> {
    let (kind, rest) = text.split_once('/').unwrap_or((text, ""));
    let (name, after) = rest.split_once('/').unwrap_or((rest, ""));
    let owned = name.to_owned();
    Some(match (kind, name) {
        ("vpc", _) => (Resource::Vpc, rest),
        ("internet-gateway", _) => (Resource::InternetGateway, rest),
        ("flow-log", _) => (Resource::FlowLog, rest),
        ("subnet", "public") => zone(after, |az_id| Resource::Subnet { tier: Tier::Public, az_id }),
        ("subnet", "private") => zone(after, |az_id| Resource::Subnet { tier: Tier::Private, az_id }),
        ("route-table", "public") => (Resource::PublicRouteTable, after),
        ("route-table", "main") => (Resource::MainRouteTable, after),
        ("route-table", "private") => zone(after, |az_id| Resource::PrivateRouteTable { az_id }),
        ("elastic-ip", _) => (Resource::ElasticIp { az_id: owned }, after),
        ("nat-gateway", "regional") => (Resource::RegionalNatGateway, after),
        ("nat-gateway", _) => (Resource::NatGateway { az_id: owned }, after),
        ("security-group", "default") => (Resource::DefaultSecurityGroup, after),
        ("security-group", "probe") => (Resource::ProbeSecurityGroup, after),
        ("security-group", "inbound") => (Resource::InboundSecurityGroup, after),
        ("network-acl", "default") => (Resource::DefaultNetworkAcl, after),
        ("endpoint", _) => (Resource::Endpoint { service: owned }, after),
        ("peering", _) => (Resource::Peering { peer: owned }, after),
        ("probe", _) => (Resource::Probe { az_id: owned }, after),
        ("function", _) => (Resource::Function { name: owned }, after),
        ("schedule", _) => (Resource::Schedule { name: owned }, after),
        ("default-vpc", _) => (Resource::DefaultVpc { vpc_id: owned }, after),
        _ => return None,
    })
}

fn zone(text: &str, of: impl FnOnce(String) -> Resource) -> (Resource, &str) {
    let (az_id, rest) = text.split_once('/').unwrap_or((text, ""));
    (of(az_id.to_owned()), rest)
}

/// What follows the resource: an id, a part, both or nothing.
fn id_and_part(resource: &Resource, rest: &str) -> Option<(Option<String>, Part)> {
    if let Some(part) = part(resource, rest) {
        return Some((None, part));
    }
    let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
    Some((Some(id.to_owned()), part(resource, rest)?))
}

fn part(resource: &Resource, text: &str) -> Option<Part> {
    use Part::{
        Association, Attachment, DefaultRoute, Destination, DnsHostNames, DnsSupport, FormerlyDeclaredRules,
        InboundRules, OutboundRules, PublicIpOnLaunch, RulesBeyondQuota, Schedule, Tags,
        UndeclaredInboundRules, Whole,
    };
    let fixed = [
        Whole,
        Attachment,
        DnsSupport,
        DnsHostNames,
        Association,
        PublicIpOnLaunch,
        DefaultRoute,
        InboundRules,
        RulesBeyondQuota,
        UndeclaredInboundRules,
        FormerlyDeclaredRules,
        OutboundRules,
        Destination,
        Schedule,
        Tags,
    ];
    let number = || match resource {
        Resource::DefaultNetworkAcl => text.parse().ok().map(Part::AclEntry),
        _ => None,
    };
    let route = || text.strip_prefix("route/").and_then(|it| it.parse().ok()).map(Part::Route);
    let schedule = || match resource {
        Resource::Probe { .. } => {
            let number = text.strip_prefix("schedule/")?.parse().ok()?;
            (number > 0).then_some(Part::PartSchedule(number))
        }
        _ => None,
    };
    let numbered = || route().or_else(number).or_else(schedule);
    fixed.into_iter().find(|part| part.to_string() == text).or_else(numbered)
}
