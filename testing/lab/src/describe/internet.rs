//! The internet: some hosts, and the way from one VPC's public addresses to another's.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::filter::silence;
use super::site::World;
use crate::network::{Hook, Hop, MAIN, Namespace, Route};
use crate::wishes::Place;

/// Its own address on the links to routers.
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 255, 1);

pub(crate) fn describe(world: &World<'_>) -> Namespace {
    let mut internet = Namespace { forwards: true, ..Namespace::default() };
    let hosts = || world.wishes.hosts.iter().filter(|it| it.place == Place::Internet);
    internet.addresses.extend(hosts().map(|it| ("lo".to_owned(), it.net())));
    let mut route = |destination: Ipv4Net, hop| {
        internet.routes.insert(Route { table: MAIN, destination, hop });
    };
    route(Ipv4Net::default(), Hop::LastBlackhole);
    for vpc in world.vpcs.iter().filter(|it| it.is_online) {
        for (_, public) in vpc.translations() {
            let hop = Hop::Via { gateway: vpc.address, device: vpc.device.clone(), source: None };
            route(public.into(), hop);
        }
    }
    for vpc in world.vpcs.iter().filter(|it| it.is_online) {
        internet.addresses.insert((vpc.device.clone(), ADDRESS.into()));
    }
    let input = hosts().flat_map(silence).chain(["accept".to_owned()]).collect();
    internet.ruleset.chain("input", Some(Hook::Input), input);
    internet
}
