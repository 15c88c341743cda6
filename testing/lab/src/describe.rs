//! From what EC2 says of a network, and what is wished beside it, to a Linux network. Pure.

mod filter;
mod impairments;
mod internet;
mod nat;
mod router;
mod site;
mod subnet;

use anyhow::{Context as _, Result};
use phonehome_network::Inventory;
use phonehome_wire::StackId;

use crate::network::{End, Link, Namespace, Network, Wire};
use crate::wishes::Wishes;

use impairments::Impairments;
use site::INTERNET;

pub use site::Inventories;
pub(crate) use site::{ProbeSite, Sites};

/// The namespace in which all slow wires are.
const WIRES: &str = "wires";

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
    let impairments = Impairments::of(&world)?;
    let mut network = Network::default();
    let mut links = vec![];
    for vpc in &world.vpcs {
        let mut router = router::describe(&world, vpc);
        impairments.add_losses(&vpc.namespace, &mut router.ruleset);
        network.namespaces.insert(vpc.namespace.clone(), router);
        for subnet in &vpc.subnets {
            network.namespaces.insert(subnet.namespace.clone(), subnet::describe(&world, vpc, subnet));
            links.push(link((&vpc.namespace, &subnet.device), (&subnet.namespace, site::UPLINK)));
        }
        for gateway in &vpc.nats {
            network.namespaces.insert(gateway.namespace.clone(), nat::describe(vpc, gateway));
            links.push(link((&vpc.namespace, &gateway.device), (&gateway.namespace, site::UPLINK)));
        }
        if vpc.is_online {
            links.push(link((&vpc.namespace, INTERNET), (INTERNET, &vpc.device)));
        }
    }
    for peering in &world.peerings {
        let [requester, accepter] = peering.ends.map(|end| &world.vpcs[end].namespace);
        links.push(link((requester, &peering.device), (accepter, &peering.device)));
    }
    network.namespaces.insert(INTERNET.to_owned(), internet::describe(&world));
    links.into_iter().for_each(|link| lay(&mut network, link, &impairments));
    let sites = world.sites().context("where the probes and hosts are")?;
    Ok((network, sites))
}

/// Adds a link: where packets take longer over it, as two, with a slow wire between.
fn lay(network: &mut Network, link: Link, impairments: &Impairments) {
    let delays = impairments.delays(&link);
    if delays.is_empty() {
        network.links.insert(link);
        return;
    }
    for end in [&link.near, &link.far] {
        if let Some(namespace) = network.namespaces.get_mut(&end.namespace) {
            namespace.unbundled.insert(end.device.clone());
        }
    }
    // Of a router's interface to the internet only the other end has a name of its own.
    let name = if link.near.device == INTERNET { &link.far.device } else { &link.near.device };
    let devices = [format!("{name}.n"), format!("{name}.f")];
    network.namespaces.insert(WIRES.to_owned(), Namespace::default());
    let wire = |device: &String| End { namespace: WIRES.to_owned(), device: device.clone() };
    network.links.insert(Link { near: link.near, far: wire(&devices[0]) });
    network.links.insert(Link { near: wire(&devices[1]), far: link.far });
    network.wires.insert(Wire { namespace: WIRES.to_owned(), devices, delays });
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
