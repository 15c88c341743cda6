//! A NAT gateway: it sends on what it gets under its own private address, which the internet gateway translates
//! again. Both ways lead over the router, by the route table of the subnet that it is in.

use ipnet::Ipv4Net;

use super::site::{NatSite, UPLINK, VpcSite};
use crate::network::{Hook, Hop, MAIN, Namespace, Route};

pub(crate) fn describe(vpc: &VpcSite<'_>, nat: &NatSite<'_>) -> Namespace {
    let mut namespace = Namespace { forwards: true, ..Namespace::default() };
    namespace.addresses.insert((UPLINK.to_owned(), nat.private.into()));
    let hop = Hop::Via { gateway: vpc.address, device: UPLINK.to_owned(), source: None };
    namespace.routes.insert(Route { table: MAIN, destination: Ipv4Net::default(), hop });
    let private = nat.private;
    let translate = format!("oifname \"{UPLINK}\" ip saddr != {private} snat to {private}");
    namespace.ruleset.chain("sources", Some(Hook::Sources), vec![translate]);
    // Nothing is for itself: what belongs to no connection from inside ends here, in silence.
    namespace.ruleset.chain("input", Some(Hook::Input), vec![]);
    namespace.ruleset.chain("output", Some(Hook::Output), vec![]);
    namespace
}
