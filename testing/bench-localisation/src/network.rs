//! A network as it is: routes, gateways, peerings, groups, hosts; what becomes of a packet in it.
//!
//! It knows nothing of components or dependencies: a fault takes something away here, and which paths fail for it
//! comes out of walking their packets.

use crate::fleet::{Aim, CLOSED_PORT, Fleet, OUTSIDE, PORTS, Path, ZONES};

/// What became of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was established.
    Connected,
    /// The name was not resolved.
    Unresolved,
    /// No answer came.
    Lost,
    /// The host refused it.
    Refused,
}

/// Where a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hop {
    /// To the NAT gateway of this zone.
    Nat(u32),
    /// Over the peering of this number.
    Peering(u32),
}

/// A route: addresses whose first bits are these, and where they go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) prefix: u32,
    pub(crate) bits: u32,
    pub(crate) hop: Hop,
}

/// A subnet of an account in a zone, with its table, its gateway and the host in it.
#[derive(Debug, Clone)]
pub(crate) struct Subnet {
    pub(crate) routes: Vec<Route>,
    /// Its network ACL lets packets in and out.
    pub(crate) acl_is_open: bool,
    pub(crate) nat_works: bool,
    /// The interface of the account's target in this subnet answers.
    pub(crate) interface_works: bool,
    pub(crate) probe_runs: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Vpc {
    pub(crate) subnets: Vec<Subnet>,
    pub(crate) resolves: bool,
    pub(crate) gateway_is_attached: bool,
    pub(crate) bus_works: bool,
    pub(crate) host_runs: bool,
    /// The ports at which the host listens.
    pub(crate) listens: Vec<u16>,
    /// The ports that the group in front of the host lets in, from anywhere.
    pub(crate) group: Vec<u16>,
    /// Packets may pass in and out of the VPC at all.
    pub(crate) is_cut_off: bool,
}

/// Everything that packets may meet.
#[derive(Debug, Clone)]
pub struct Network {
    /// By account.
    pub(crate) vpcs: Vec<Vpc>,
    /// Whether each zone works, for everybody.
    pub(crate) zones: Vec<bool>,
    /// Whether probes in a zone run.
    pub(crate) zones_run: Vec<bool>,
    /// Whether each peering is active; they are numbered as the connections are.
    pub(crate) peerings: Vec<bool>,
    /// Whether each host in the internet answers.
    pub(crate) outside: Vec<bool>,
    /// Whether reports get to the hub.
    pub(crate) hub_hears: bool,
    /// The paths whose packets get lost, and no others'.
    pub(crate) lost: Vec<Path>,
}

/// The first address of a VPC, of 2^14 addresses: 10,000 accounts have room.
pub(crate) fn vpc_prefix(account: u32) -> u32 {
    (10 << 24) + (account << 14)
}

pub(crate) const VPC_BITS: u32 = 18;

/// The address of a host in a zone's subnet of 2^10 addresses.
fn address(account: u32, zone: u32) -> u32 {
    vpc_prefix(account) + (zone << 10) + 10
}

impl Network {
    /// The network as it is declared, whole.
    #[must_use]
    pub fn of(fleet: &Fleet) -> Self {
        let count = u32::try_from(fleet.accounts.len()).unwrap_or(0);
        let mut vpcs: Vec<Vpc> = (0..count).map(|_| Vpc::whole()).collect();
        for (number, connection) in (0..).zip(&fleet.connections) {
            for (here, there) in [(connection.from, connection.to), (connection.to, connection.from)] {
                let route = Route { prefix: vpc_prefix(there), bits: VPC_BITS, hop: Hop::Peering(number) };
                for subnet in &mut vpcs[here as usize].subnets {
                    subnet.routes.push(route);
                }
            }
        }
        Self {
            vpcs,
            zones: vec![true; ZONES as usize],
            zones_run: vec![true; ZONES as usize],
            peerings: vec![true; fleet.connections.len()],
            outside: vec![true; OUTSIDE as usize],
            hub_hears: true,
            lost: Vec::new(),
        }
    }

    /// Whether a probe's report gets to the hub.
    #[must_use]
    pub fn reports(&self, account: u32, zone: u32) -> bool {
        let vpc = &self.vpcs[account as usize];
        self.hub_hears
            && vpc.bus_works
            && self.zones_run[zone as usize]
            && vpc.subnets[zone as usize].probe_runs
    }

    /// Whether an account's bus hands on what its probes report.
    #[must_use]
    pub fn hands_on(&self, account: u32) -> bool {
        self.vpcs[account as usize].bus_works
    }

    /// What becomes of a path's connection.
    #[must_use]
    pub fn connect(&self, fleet: &Fleet, path: &Path) -> Fate {
        if !self.vpcs[path.account as usize].resolves {
            return Fate::Unresolved;
        }
        if self.lost.contains(path) {
            return Fate::Lost;
        }
        match path.aim {
            Aim::Outside(host) => {
                let sent = self.leave(path.account, path.zone, 8 << 24);
                let arrives = matches!(sent, Some(Hop::Nat(zone)) if self.translates(path.account, zone));
                if arrives && self.outside[host as usize] { Fate::Connected } else { Fate::Lost }
            }
            Aim::Target { connection, zone, port } => {
                self.call(path, fleet.connections[connection as usize].to, zone, port)
            }
            Aim::Closed { connection, zone } => {
                self.call(path, fleet.connections[connection as usize].to, zone, CLOSED_PORT)
            }
        }
    }

    /// A SYN there and its answer back.
    fn call(&self, path: &Path, account: u32, zone: u32, port: u16) -> Fate {
        let target = &self.vpcs[account as usize];
        let there = self.cross(path.account, path.zone, address(account, zone));
        let is_let_in = self.is_open(account, zone) && target.group.contains(&port);
        let runs = target.host_runs && target.subnets[zone as usize].interface_works;
        let back = self.cross(account, zone, address(path.account, path.zone));
        if !(there && is_let_in && runs && back && self.is_open(path.account, path.zone)) {
            return Fate::Lost;
        }
        if target.listens.contains(&port) { Fate::Connected } else { Fate::Refused }
    }

    /// Whether a packet to an address gets over a peering into another VPC.
    fn cross(&self, account: u32, zone: u32, to: u32) -> bool {
        matches!(self.leave(account, zone, to), Some(Hop::Peering(number)) if self.peerings[number as usize])
    }

    /// Where the subnet's table sends a packet, if it gets out of the subnet: the longest prefix wins.
    fn leave(&self, account: u32, zone: u32, to: u32) -> Option<Hop> {
        let subnet = &self.vpcs[account as usize].subnets[zone as usize];
        let fits = |route: &&Route| route.bits == 0 || (to ^ route.prefix) >> (32 - route.bits) == 0;
        let route = subnet.routes.iter().filter(fits).max_by_key(|route| route.bits);
        route.map(|route| route.hop).filter(|_| self.is_open(account, zone))
    }

    /// Whether packets pass the border of a subnet.
    fn is_open(&self, account: u32, zone: u32) -> bool {
        let vpc = &self.vpcs[account as usize];
        self.zones[zone as usize] && vpc.subnets[zone as usize].acl_is_open && !vpc.is_cut_off
    }

    /// Whether a NAT gateway sends on to the internet.
    fn translates(&self, account: u32, zone: u32) -> bool {
        let vpc = &self.vpcs[account as usize];
        self.zones[zone as usize] && vpc.subnets[zone as usize].nat_works && vpc.gateway_is_attached
    }
}

impl Vpc {
    fn whole() -> Self {
        let subnet = |zone| Subnet {
            routes: vec![Route { prefix: 0, bits: 0, hop: Hop::Nat(zone) }],
            acl_is_open: true,
            nat_works: true,
            interface_works: true,
            probe_runs: true,
        };
        Self {
            subnets: (0..ZONES).map(subnet).collect(),
            resolves: true,
            gateway_is_attached: true,
            bus_works: true,
            host_runs: true,
            listens: [PORTS.as_slice(), &[CLOSED_PORT]].concat(),
            group: PORTS.to_vec(),
            is_cut_off: false,
        }
    }
}
