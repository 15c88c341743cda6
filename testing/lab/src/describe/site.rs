//! What there is, and which names and addresses it has in the lab.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, ensure};
use ipnet::Ipv4Net;
use phonehome_network::{
    InternetGateway, Inventory, NatGateway, NatState, Peering, PeeringState, PeeringVpc, Subnet, Vpc,
};
use phonehome_wire::{AzId, StackId};

use crate::counters::Part;
use crate::network::End;
use crate::wishes::{Place, Wishes};

/// What EC2 says, by account and Region.
pub type Inventories = BTreeMap<StackId, Inventory>;

/// Where the lab has to be present in a network beside making it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sites {
    /// The probes.
    pub(crate) probes: BTreeMap<(StackId, AzId), ProbeSite>,
    /// The VPCs' resolvers.
    pub(crate) resolvers: Vec<ResolverSite>,
    /// The namespace of each of [`Wishes::hosts`], in their order.
    pub(crate) hosts: Vec<String>,
    /// What is counted, and the interface at a router by which it is.
    pub(crate) parts: Vec<(Part, End)>,
}

/// The internet's namespace, and the interface to it at each router.
pub(crate) const INTERNET: &str = "internet";
/// The interface by which a subnet or a NAT gateway is connected to its router.
pub(crate) const UPLINK: &str = "up";
/// The first address of a subnet that AWS leaves to its users.
const FIRST_FREE: u32 = 4;

/// All VPCs, and what is between them.
pub(crate) struct World<'a> {
    pub(crate) vpcs: Vec<VpcSite<'a>>,
    /// Those that work, and of which both sides are known.
    pub(crate) peerings: Vec<PeeringSite<'a>>,
    pub(crate) wishes: &'a Wishes,
}

/// A VPC.
pub(crate) struct VpcSite<'a> {
    pub(crate) stack: &'a StackId,
    pub(crate) inventory: &'a Inventory,
    pub(crate) vpc: &'a Vpc,
    /// Its router's.
    pub(crate) namespace: String,
    /// The router's own address on links to other routers and to NAT gateways.
    pub(crate) address: Ipv4Addr,
    /// Its interface in the internet's namespace.
    pub(crate) device: String,
    pub(crate) subnets: Vec<SubnetSite<'a>>,
    /// Those that work.
    pub(crate) nats: Vec<NatSite<'a>>,
    /// Whether an internet gateway is attached.
    pub(crate) is_online: bool,
}

/// A subnet.
pub(crate) struct SubnetSite<'a> {
    pub(crate) subnet: &'a Subnet,
    pub(crate) namespace: String,
    /// Its interface at the router.
    pub(crate) device: String,
    /// The probes first.
    pub(crate) guests: Vec<Guest>,
}

/// What has an address in a subnet.
pub(crate) struct Guest {
    pub(crate) address: Ipv4Addr,
    pub(crate) public: Option<Ipv4Addr>,
    pub(crate) groups: BTreeSet<String>,
}

/// A NAT gateway.
pub(crate) struct NatSite<'a> {
    pub(crate) nat: &'a NatGateway,
    pub(crate) namespace: String,
    /// Its interface at the router.
    pub(crate) device: String,
    /// Where EC2 does not say it: near the end of its subnet.
    pub(crate) private: Ipv4Addr,
    pub(crate) public: Option<Ipv4Addr>,
}

/// A peering.
pub(crate) struct PeeringSite<'a> {
    pub(crate) peering: &'a Peering,
    /// Its interface at both routers.
    pub(crate) device: String,
    /// The indices of its VPCs: the requester's first.
    pub(crate) ends: [usize; 2],
}

/// Where a probe runs.
#[derive(Debug, Clone)]
pub(crate) struct ProbeSite {
    pub(crate) namespace: String,
    /// The VPC's resolver.
    pub(crate) resolver: Ipv4Addr,
    pub(crate) function: String,
    /// Whether there are certificate authorities beside its code.
    pub(crate) has_authorities: bool,
}

/// Where a VPC's resolver listens.
#[derive(Debug, Clone)]
pub(crate) struct ResolverSite {
    pub(crate) namespace: String,
    pub(crate) vpc_id: String,
    pub(crate) address: Ipv4Addr,
    /// Whether the VPC has one at all.
    pub(crate) is_on: bool,
}

/// A name of `kind` that follows from an id alone, so that it stays when others come and go; it fits where an
/// interface's name has to.
pub(crate) fn device(kind: char, stack: &StackId, id: &str) -> String {
    format!("{kind}-{:08x}", number(&format!("{stack}/{id}")))
}

/// A number that follows from a text alone (FNV-1a).
pub(crate) fn number(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn namespace(stack: &StackId, id: &str) -> String {
    format!("{}.{}.{id}", stack.account, stack.region)
}

/// The `number`th address of a network, counted from its end where less than 0.
fn nth(net: Ipv4Net, number: i64) -> Ipv4Addr {
    let from = if number < 0 { net.broadcast() } else { net.network() };
    let address = i64::from(u32::from(from)) + number;
    Ipv4Addr::from(u32::try_from(address).unwrap_or_default())
}

impl<'a> World<'a> {
    pub(crate) fn of(inventories: &'a Inventories, wishes: &'a Wishes) -> Result<Self> {
        let mut vpcs = vec![];
        for (stack, inventory) in inventories {
            for vpc in &inventory.vpcs {
                vpcs.push(VpcSite::of(stack, inventory, vpc, vpcs.len()));
            }
        }
        let mut world = Self { vpcs, peerings: vec![], wishes };
        world.peerings = world.peerings(inventories);
        world.settle_hosts()?;
        world.check_addresses()?;
        Ok(world)
    }

    fn peerings(&self, inventories: &'a Inventories) -> Vec<PeeringSite<'a>> {
        let all = || inventories.values().flat_map(|it| &it.peerings);
        let by_id: BTreeMap<&str, &Peering> = all().map(|it| (it.id.as_str(), it)).collect();
        let works = |id: &str| all().filter(|it| it.id == id).all(|it| it.state == PeeringState::Active);
        let end = |vpc: &PeeringVpc| {
            self.vpcs.iter().position(|it| {
                it.vpc.id == vpc.vpc_id && it.stack.account == *vpc.account && it.stack.region == *vpc.region
            })
        };
        let site = |(id, peering): (&str, &'a Peering)| {
            let device = format!("p-{:08x}", number(id));
            let ends = [end(&peering.requester)?, end(&peering.accepter)?];
            works(id).then_some(PeeringSite { peering, device, ends })
        };
        by_id.into_iter().filter_map(site).collect()
    }

    fn settle_hosts(&mut self) -> Result<()> {
        for host in &self.wishes.hosts {
            let Place::Subnet { stack, subnet_id, groups, public } = &host.place else { continue };
            let mut subnets =
                self.vpcs.iter_mut().filter(|it| it.stack == stack).flat_map(|it| &mut it.subnets);
            let subnet = subnets
                .find(|it| it.subnet.id == *subnet_id)
                .with_context(|| format!("host {}: {stack} has no subnet {subnet_id}", host.address))?;
            let cidr = subnet.subnet.cidr;
            ensure!(
                cidr.contains(&host.address),
                "host {}: not an address of {subnet_id}, which has {cidr}",
                host.address
            );
            let (address, public) = (host.address, *public);
            subnet.guests.push(Guest { address, public, groups: groups.clone() });
        }
        Ok(())
    }

    fn check_addresses(&self) -> Result<()> {
        for vpc in &self.vpcs {
            let mut seen = BTreeSet::new();
            let guests = vpc.subnets.iter().flat_map(|it| &it.guests).map(|it| it.address);
            for address in guests.chain(vpc.nats.iter().map(|it| it.private)) {
                ensure!(
                    seen.insert(address),
                    "{}: two have the address {address}: give one another",
                    vpc.vpc.id
                );
            }
        }
        let mut seen = BTreeSet::new();
        let translated = self.vpcs.iter().flat_map(VpcSite::translations).map(|(_, public)| public);
        let hosts = self.wishes.hosts.iter().filter(|it| it.place == Place::Internet).map(|it| it.address);
        for public in translated.chain(hosts) {
            ensure!(seen.insert(public), "two have the public address {public}: give one another");
        }
        Ok(())
    }

    pub(crate) fn sites(&self) -> Result<Sites> {
        let mut sites = Sites::default();
        for vpc in &self.vpcs {
            let address = vpc.resolver();
            let is_on = vpc.vpc.dns_support != Some(false);
            let (namespace, vpc_id) = (vpc.namespace.clone(), vpc.vpc.id.clone());
            sites.resolvers.push(ResolverSite { namespace, vpc_id, address, is_on });
            for subnet in &vpc.subnets {
                for function in vpc.functions(subnet.subnet) {
                    let zone = subnet.subnet.az_id.parse().with_context(|| subnet.subnet.id.clone())?;
                    let (namespace, function) = (subnet.namespace.clone(), function.name.clone());
                    let has_authorities = !self.wishes.without_authorities.contains(vpc.stack);
                    let site = ProbeSite { namespace, resolver: address, function, has_authorities };
                    sites.probes.insert((vpc.stack.clone(), zone), site);
                }
            }
        }
        let namespaces = self.wishes.hosts.iter().map(|host| match host.subnet() {
            Some((stack, subnet_id)) => namespace(stack, subnet_id),
            None => INTERNET.to_owned(),
        });
        sites.hosts = namespaces.collect();
        sites.parts = self.parts();
        Ok(sites)
    }
}

impl World<'_> {
    fn parts(&self) -> Vec<(Part, End)> {
        let mut parts = vec![];
        for vpc in &self.vpcs {
            let end = |device: &str| End { namespace: vpc.namespace.clone(), device: device.to_owned() };
            parts.extend(vpc.subnets.iter().map(|it| (Part::Subnet(it.subnet.id.clone()), end(&it.device))));
            parts.extend(vpc.nats.iter().map(|it| (Part::NatGateway(it.nat.id.clone()), end(&it.device))));
            let is_attached = |it: &&InternetGateway| it.vpc_id.as_ref() == Some(&vpc.vpc.id);
            // A VPC has one at most.
            let gateway = vpc.inventory.internet_gateways.iter().find(is_attached);
            parts.extend(gateway.map(|it| (Part::InternetGateway(it.id.clone()), end(INTERNET))));
        }
        parts.extend(self.peerings.iter().map(|it| {
            let namespace = self.vpcs[it.ends[0]].namespace.clone();
            (Part::Peering(it.peering.id.clone()), End { namespace, device: it.device.clone() })
        }));
        parts
    }
}

impl<'a> VpcSite<'a> {
    fn of(stack: &'a StackId, inventory: &'a Inventory, vpc: &'a Vpc, index: usize) -> Self {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        // Link-local addresses, which no VPC has: those from 169.254.0.1 for routers.
        let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(169, 254, 0, 1)) + index);
        let is_here = |id: &Option<String>| id.as_ref() == Some(&vpc.id);
        let mut site = Self {
            namespace: namespace(stack, &vpc.id),
            device: device('v', stack, &vpc.id),
            subnets: vec![],
            nats: vec![],
            is_online: inventory.internet_gateways.iter().any(|it| is_here(&it.vpc_id)),
            stack,
            inventory,
            vpc,
            address,
        };
        let subnets = inventory.subnets.iter().filter(|it| it.vpc_id == vpc.id);
        site.subnets = subnets.map(|subnet| site.subnet(subnet)).collect();
        let works = |it: &&NatGateway| it.vpc_id == vpc.id && it.state == NatState::Available;
        site.nats = inventory.nat_gateways.iter().filter(works).filter_map(|nat| site.nat(nat)).collect();
        site
    }

    fn subnet(&self, subnet: &'a Subnet) -> SubnetSite<'a> {
        let probe = |(place, function): (u32, &phonehome_network::Function)| Guest {
            address: nth(subnet.cidr, i64::from(FIRST_FREE + place)),
            public: None,
            groups: function.security_group_ids.iter().cloned().collect(),
        };
        SubnetSite {
            subnet,
            namespace: namespace(self.stack, &subnet.id),
            device: device('s', self.stack, &subnet.id),
            guests: (0..).zip(self.functions(subnet)).map(probe).collect(),
        }
    }

    /// The probes in a subnet.
    fn functions(&self, subnet: &Subnet) -> impl Iterator<Item = &'a phonehome_network::Function> {
        let id = subnet.id.clone();
        self.inventory.functions.iter().filter(move |it| it.subnet_ids.contains(&id))
    }

    fn nat(&self, nat: &'a NatGateway) -> Option<NatSite<'a>> {
        // Whatever has become of the others in its subnet, its address stays.
        let all = self.inventory.nat_gateways.iter();
        let place = all.filter(|it| it.subnet_id == nat.subnet_id).position(|it| it.id == nat.id)?;
        let place = u32::try_from(place).ok()?;
        let subnet = nat.subnet_id.as_ref().map(|id| self.subnets.iter().find(|it| it.subnet.id == *id));
        let private = match subnet {
            Some(subnet) => nth(subnet?.subnet.cidr, -2 - i64::from(place)),
            // A regional one is in no subnet.
            None => {
                nth(Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 128, 0), 17), i64::from(FIRST_FREE + place))
            }
        };
        let of_elastic_ip = || {
            let id = nat.allocation_ids.first()?;
            let found = self.inventory.elastic_ips.iter().find(|it| it.allocation_id == *id)?;
            found.public_ip.parse().ok()
        };
        let of_itself = nat.public_ips.iter().find_map(|it| match it {
            std::net::IpAddr::V4(address) => Some(*address),
            std::net::IpAddr::V6(_) => None,
        });
        let public = of_itself.or_else(of_elastic_ip);
        let namespace = namespace(self.stack, &nat.id);
        Some(NatSite { nat, namespace, device: device('n', self.stack, &nat.id), private, public })
    }

    /// The router's interfaces to a subnet, and to the NAT gateways that are in it.
    pub(crate) fn devices<'b>(&'b self, subnet: &'b SubnetSite<'_>) -> impl Iterator<Item = &'b str> {
        let is_in = |it: &&NatSite<'_>| it.nat.subnet_id.as_ref() == Some(&subnet.subnet.id);
        let nats = self.nats.iter().filter(is_in).map(|it| it.device.as_str());
        std::iter::once(subnet.device.as_str()).chain(nats)
    }

    /// The VPC's resolver: two above the base of its first CIDR.
    pub(crate) fn resolver(&self) -> Ipv4Addr {
        self.vpc.cidrs.first().map_or(Ipv4Addr::UNSPECIFIED, |cidr| nth(*cidr, 2))
    }

    /// What the internet gateway translates: private and public addresses.
    pub(crate) fn translations(&self) -> impl Iterator<Item = (Ipv4Addr, Ipv4Addr)> {
        let guests = self.subnets.iter().flat_map(|it| &it.guests);
        let guests = guests.filter_map(|it| Some((it.address, it.public?)));
        guests.chain(self.nats.iter().filter_map(|it| Some((it.private, it.public?))))
    }
}

impl SubnetSite<'_> {
    /// The router's address in it.
    pub(crate) fn gateway(&self) -> Ipv4Addr {
        nth(self.subnet.cidr, 1)
    }
}
