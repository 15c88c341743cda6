//! What packets meet with on their way, as rules of nft's and as slow wires.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::site::{INTERNET, SubnetSite, VpcSite, World};
use crate::network::{Delay, Hook, Link, Ruleset};
use crate::wishes::{Effect, Impairment, Place, Segment};

/// Where packets go over a segment: an interface of a VPC's router.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Border {
    /// The router's namespace.
    router: String,
    device: String,
    /// Of packets from and to this address alone, which is on the far side.
    address: Option<Ipv4Addr>,
    /// Whether each packet goes over it to the far side and back again, as through a NAT gateway.
    is_crossed_twice: bool,
}

/// Every impairment, at every border that it is at.
#[derive(Debug, Default)]
pub(crate) struct Impairments(Vec<(Border, Effect)>);

impl Impairments {
    pub(crate) fn of(world: &World<'_>) -> Result<Self> {
        let mut all = vec![];
        for Impairment { segment, effect } in &world.wishes.impairments {
            if let Effect::Loss(percent) = effect {
                ensure!(
                    *percent <= 100,
                    "{segment:?}: {percent} % of the packets cannot be lost: 100 at most"
                );
            }
            all.extend(borders(world, segment)?.into_iter().map(|border| (border, *effect)));
        }
        Ok(Self(all))
    }

    /// What a router drops, before it does anything else with a packet, and after all else.
    pub(crate) fn add_losses(&self, router: &str, ruleset: &mut Ruleset) {
        let (mut arrival, mut departure) = (vec![], vec![]);
        for (border, effect) in self.0.iter().filter(|(border, _)| border.router == router) {
            let share = match effect {
                Effect::Loss(0) => continue,
                Effect::Loss(100) => String::new(),
                Effect::Loss(percent) => format!("numgen random mod 100 < {percent} "),
                Effect::Delay(_) => continue,
            };
            let rule = |interface: &str, whose: &str| {
                let address = border.address.map(|it| format!("ip {whose} {it} ")).unwrap_or_default();
                format!("{interface} \"{}\" {address}{share}drop", border.device)
            };
            departure.push(rule("oifname", "daddr"));
            // Or it would be lost on its way in and on its way out.
            if !border.is_crossed_twice {
                arrival.push(rule("iifname", "saddr"));
            }
        }
        for (name, hook, rules) in
            [("arrival", Hook::Arrival, arrival), ("departure", Hook::Departure, departure)]
        {
            if !rules.is_empty() {
                ruleset.chain(name, Some(hook), rules);
            }
        }
    }

    /// How much later packets come out of a link than they went in.
    pub(crate) fn delays(&self, link: &Link) -> Vec<Delay> {
        let is_here =
            |border: &Border| (&border.router, &border.device) == (&link.near.namespace, &link.near.device);
        let delay = |(border, effect): &(Border, Effect)| match effect {
            Effect::Delay(time) if is_here(border) => {
                let crossings = if border.is_crossed_twice { 4 } else { 2 };
                Some(Delay { address: border.address, time: *time / crossings })
            }
            _ => None,
        };
        self.0.iter().filter_map(delay).filter(|it| it.time > Duration::ZERO).collect()
    }
}

/// The borders at which packets go over a segment: none where what it names does not work.
fn borders(world: &World<'_>, segment: &Segment) -> Result<Vec<Border>> {
    let subnets = || world.vpcs.iter().flat_map(|vpc| vpc.subnets.iter().map(move |subnet| (vpc, subnet)));
    let subnet = |id: &str| {
        let found = subnets().find(|(_, it)| it.subnet.id == id);
        found.with_context(|| format!("an impairment: no inventory has the subnet {id}"))
    };
    match segment {
        Segment::Subnet(id) => subnet(id).map(|(vpc, subnet)| of_subnet(vpc, subnet).collect()),
        Segment::Zone { az_id, stack } => {
            let is_in = |vpc: &VpcSite<'_>, it: &SubnetSite<'_>| {
                it.subnet.az_id == az_id.as_str() && stack.as_ref().is_none_or(|stack| stack == vpc.stack)
            };
            let found: Vec<_> = subnets().filter(|(vpc, it)| is_in(vpc, it)).collect();
            let whose = stack.as_ref().map_or("nobody has a".to_owned(), |stack| format!("{stack} has no"));
            ensure!(!found.is_empty(), "an impairment: {whose} subnet in {az_id}");
            Ok(found.into_iter().flat_map(|(vpc, subnet)| of_subnet(vpc, subnet)).collect())
        }
        Segment::Address { subnet_id, address } => {
            let (vpc, subnet) = subnet(subnet_id)?;
            let is_there = subnet.guests.iter().any(|it| it.address == *address);
            ensure!(
                is_there,
                "an impairment: neither a probe nor a host of {subnet_id} has the address {address}"
            );
            Ok(vec![Border { address: Some(*address), ..border(vpc, &subnet.device) }])
        }
        Segment::Internet(address) => {
            let mut hosts = world.wishes.hosts.iter().filter(|it| it.place == Place::Internet);
            ensure!(
                hosts.any(|it| it.address == *address),
                "an impairment: no host on the internet has the address {address}"
            );
            let online = world.vpcs.iter().filter(|it| it.is_online);
            Ok(online.map(|vpc| Border { address: Some(*address), ..border(vpc, INTERNET) }).collect())
        }
        Segment::NatGateway(id) => of_nat_gateway(world, id),
        Segment::Peering(id) => {
            let is_known = world.vpcs.iter().any(|it| it.inventory.peerings.iter().any(|it| it.id == *id));
            ensure!(is_known, "an impairment: no inventory has the peering {id}");
            let sites = world.peerings.iter().filter(|it| it.peering.id == *id);
            Ok(sites.map(|it| border(&world.vpcs[it.ends[0]], &it.device)).collect())
        }
        Segment::InternetGateway(id) => {
            let gateways = world.vpcs.iter().flat_map(|it| &it.inventory.internet_gateways);
            let gateway = gateways.into_iter().find(|it| it.id == *id);
            let gateway = gateway
                .with_context(|| format!("an impairment: no inventory has the internet gateway {id}"))?;
            let attached = world.vpcs.iter().filter(|it| gateway.vpc_id.as_ref() == Some(&it.vpc.id));
            Ok(attached.map(|vpc| border(vpc, INTERNET)).collect())
        }
    }
}

fn border(vpc: &VpcSite<'_>, device: &str) -> Border {
    let (router, device) = (vpc.namespace.clone(), device.to_owned());
    Border { router, device, address: None, is_crossed_twice: false }
}

fn of_subnet<'a>(vpc: &'a VpcSite<'_>, subnet: &'a SubnetSite<'_>) -> impl Iterator<Item = Border> + use<'a> {
    vpc.devices(subnet).map(|device| border(vpc, device))
}

fn of_nat_gateway(world: &World<'_>, id: &str) -> Result<Vec<Border>> {
    let is_known = world.vpcs.iter().any(|it| it.inventory.nat_gateways.iter().any(|it| it.id == *id));
    ensure!(is_known, "an impairment: no inventory has the NAT gateway {id}");
    let sites = world.vpcs.iter().flat_map(|vpc| vpc.nats.iter().map(move |nat| (vpc, nat)));
    let sites = sites.filter(|(_, it)| it.nat.id == id);
    Ok(sites.map(|(vpc, nat)| Border { is_crossed_twice: true, ..border(vpc, &nat.device) }).collect())
}
