//! Who is behind a difference.

use phonehome_network::Address;
use phonehome_network::Part;
use phonehome_network::Resource;

use phonehome_state::{ApiCall, Drift, Line};

use super::line::API_CALLS_MAX;

/// How far CloudTrail's clock, which writes whole seconds, may be from ours; milliseconds.
const CLOCK_MS: u64 = 2000;

/// How well an API call explains a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    No,
    /// It is of the difference's kind, and took something away of which no id is known.
    Kind,
    /// It names what differs.
    Named,
}

/// Gives each API call that no message names yet to the difference it has made: the earliest without a name
/// that was seen after it; or else to one it shares with somebody else's API call.
pub(super) fn assign(drifts: &mut [Drift], api_calls: &[ApiCall]) {
    let mut api_calls: Vec<&ApiCall> =
        api_calls.iter().filter(|api_call| !is_assigned(api_call, drifts)).collect();
    api_calls.sort_by(|a, b| a.when.cmp(&b.when));
    for api_call in api_calls {
        let fits = |drift: &Drift, line: &Line| match fit(api_call, line) {
            _ if api_call.done_ms().is_some_and(|at_ms| at_ms > drift.seen_ms + CLOCK_MS) => Fit::No,
            fit => fit,
        };
        let nameless = |drift: &&mut Drift| {
            drift.lines.iter().any(|line| line.by.is_empty() && fits(drift, line) > Fit::No)
        };
        if let Some(drift) = drifts.iter_mut().find(nameless) {
            let drift_fits: Vec<bool> =
                drift.lines.iter().map(|line| line.by.is_empty() && fits(drift, line) > Fit::No).collect();
            let lines = drift.lines.iter_mut().zip(drift_fits).filter(|(_, fits)| *fits);
            lines.for_each(|(line, _)| line.by.push(api_call.clone()));
            continue;
        }
        let shared = drifts.iter_mut().rev().find_map(|drift| {
            let at = drift.lines.iter().position(|line| fits(drift, line) == Fit::Named)?;
            Some(&mut drift.lines[at])
        });
        if let Some(line) = shared.filter(|line| line.by.len() < API_CALLS_MAX) {
            line.by.push(api_call.clone());
        }
    }
}

/// Whether somebody is known to have made a difference, and no message says so.
pub(super) fn is_named_by_news(line: &Line, api_calls: &[ApiCall], drifts: &[Drift]) -> bool {
    api_calls.iter().any(|api_call| fit(api_call, line) == Fit::Named && !is_assigned(api_call, drifts))
}

fn is_assigned(api_call: &ApiCall, drifts: &[Drift]) -> bool {
    drifts.iter().flat_map(|drift| &drift.lines).any(|line| line.by.contains(api_call))
}

/// Whether an API call is what made this difference: it is of its kind, and names what differs. Of something
/// whose id is not known, and that was taken away, the kind has to do.
pub(super) fn fit(api_call: &ApiCall, line: &Line) -> Fit {
    if !is_of_kind(&api_call.event_name, &line.address) {
        return Fit::No;
    }
    if api_call.resource_ids.iter().any(|id| line.ids.contains(id)) {
        return Fit::Named;
    }
    // Whoever deletes a part of something else names that, and it is still there.
    let is_of_a_part =
        ["DeleteRoute", "DeleteTags", "DeleteNetworkAclEntry"].contains(&api_call.event_name.as_str());
    let is_removal = ["Delete", "Release", "Disassociate", "Detach"]
        .iter()
        .any(|verb| api_call.event_name.starts_with(verb));
    if is_removal && !is_of_a_part && !line.is_known { Fit::Kind } else { Fit::No }
}

/// Whether a call can make something at this address differ.
fn is_of_kind(event_name: &str, address: &Address) -> bool {
    let Address { resource, part, .. } = address;
    match event_name {
        "DeleteRoute" | "ReplaceRoute" | "CreateRoute" => {
            matches!(part, Part::DefaultRoute | Part::Route(_))
        }
        "DisassociateRouteTable" | "ReplaceRouteTableAssociation" | "AssociateRouteTable" => {
            *part == Part::Association
        }
        "DeleteNatGateway" => resource.is_nat_gateway() || *part == Part::DefaultRoute,
        "DeleteSubnet" => matches!(resource, Resource::Subnet { .. }),
        "DeleteRouteTable" => resource.is_route_table(),
        "DetachInternetGateway" | "DeleteInternetGateway" => *resource == Resource::InternetGateway,
        "ReleaseAddress" => matches!(resource, Resource::ElasticIp { .. }),
        "DeleteVpcEndpoints" | "ModifyVpcEndpoint" => matches!(resource, Resource::Endpoint { .. }),
        "DeleteFlowLogs" => *resource == Resource::FlowLog,
        "DeleteVpcPeeringConnection" => matches!(resource, Resource::Peering { .. }),
        "DeleteTags" | "CreateTags" => *part == Part::Tags,
        "ModifyVpcAttribute" => matches!(part, Part::DnsSupport | Part::DnsHostNames),
        "ModifySubnetAttribute" => *part == Part::PublicIpOnLaunch,
        name if name.contains("NetworkAcl") => *resource == Resource::DefaultNetworkAcl,
        name if name.contains("SecurityGroup") => resource.is_security_group(),
        _ => false,
    }
}
