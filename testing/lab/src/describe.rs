//! From what EC2 says of a network, and what is wished beside it, to a Linux network. Pure.

mod filter;
mod internet;
mod nat;
mod router;
mod site;
mod subnet;

use anyhow::{Context as _, Result};
use phonehome_network::Inventory;
use phonehome_wire::StackId;

use crate::network::{End, Link, Network};
use crate::wishes::Wishes;

use site::INTERNET;

pub use site::Inventories;
pub(crate) use site::Sites;

/// Describes the network.
///
/// # Errors
/// When a wish does not fit the inventories: its subnet is not there, or its address is another one's.
pub fn describe(inventories: &Inventories, wishes: &Wishes) -> Result<Network> {
    describe_with_sites(inventories, wishes).map(|(network, _)| network)
}

pub(crate) fn describe_with_sites(inventories: &Inventories, wishes: &Wishes) -> Result<(Network, Sites)> {
    let own =
        |(stack, inventory): (&StackId, &Inventory)| (stack.clone(), inventory.own(stack.account.as_str()));
    let inventories: Inventories = inventories.iter().map(own).collect();
    let world = site::World::of(&inventories, wishes)?;
    let mut network = Network::default();
    for vpc in &world.vpcs {
        network.namespaces.insert(vpc.namespace.clone(), router::describe(&world, vpc));
        for subnet in &vpc.subnets {
            network.namespaces.insert(subnet.namespace.clone(), subnet::describe(&world, vpc, subnet));
            network.links.insert(link((&vpc.namespace, &subnet.device), (&subnet.namespace, site::UPLINK)));
        }
        for gateway in &vpc.nats {
            network.namespaces.insert(gateway.namespace.clone(), nat::describe(vpc, gateway));
            network.links.insert(link((&vpc.namespace, &gateway.device), (&gateway.namespace, site::UPLINK)));
        }
        if vpc.is_online {
            network.links.insert(link((&vpc.namespace, INTERNET), (INTERNET, &vpc.device)));
        }
    }
    for peering in &world.peerings {
        let [requester, accepter] = peering.ends.map(|end| &world.vpcs[end].namespace);
        network.links.insert(link((requester, &peering.device), (accepter, &peering.device)));
    }
    network.namespaces.insert(INTERNET.to_owned(), internet::describe(&world));
    let sites = world.sites().context("where the probes and hosts are")?;
    Ok((network, sites))
}

fn link(near: (&str, &str), far: (&str, &str)) -> Link {
    let end = |(namespace, device): (&str, &str)| End {
        namespace: namespace.to_owned(),
        device: device.to_owned(),
    };
    Link { near: end(near), far: end(far) }
}

#[cfg(test)]
mod tests;
