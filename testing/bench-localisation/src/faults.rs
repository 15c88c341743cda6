//! What breaks: something is taken away in a network.

use crate::fleet::{Aim, CLOSED_PORT, Connection, Fleet, OUTSIDE, PORTS, Path, ZONES};
use crate::network::{Hop, Network, VPC_BITS, vpc_prefix};
use crate::random::Random;

/// What is broken, by the numbers of what it concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A zone, for every account: nothing gets in or out, and its probes run or do not.
    Zone {
        /// Which zone.
        zone: u32,
        /// Whether it reports nothing either.
        is_silent: bool,
    },
    /// An account: nothing gets in or out, and its probes' reports do or do not.
    Account {
        /// Which account.
        account: u32,
        /// Whether it reports nothing either.
        is_silent: bool,
    },
    /// A NAT gateway.
    Nat {
        /// Which account.
        account: u32,
        /// Which zone.
        zone: u32,
    },
    /// An account's internet gateway.
    WayOut {
        /// Which account.
        account: u32,
    },
    /// A peering.
    Peering {
        /// Which connection.
        connection: u32,
    },
    /// The default route of a zone.
    DefaultRoute {
        /// Which account.
        account: u32,
        /// Which zone.
        zone: u32,
    },
    /// A route to the other end of a connection.
    PeerRoute {
        /// Which connection.
        connection: u32,
        /// Which zone.
        zone: u32,
    },
    /// A subnet's network ACL.
    Subnet {
        /// Which account.
        account: u32,
        /// Which zone.
        zone: u32,
    },
    /// The security group in front of an account's target.
    Group {
        /// Which account.
        account: u32,
    },
    /// An account's resolver.
    Resolver {
        /// Which account.
        account: u32,
    },
    /// An account's target.
    Host {
        /// Which account.
        account: u32,
    },
    /// What listens at one of its ports.
    Service {
        /// Which account.
        account: u32,
        /// Which port.
        port: u16,
    },
    /// One of its addresses.
    Interface {
        /// Which account.
        account: u32,
        /// Which zone.
        zone: u32,
    },
    /// A host in the internet.
    Outside {
        /// Which host.
        host: u32,
    },
    /// The port that has to be closed is open.
    Isolation {
        /// Which account.
        account: u32,
    },
    /// A probe does not run.
    Probe {
        /// Which account.
        account: u32,
        /// Which zone.
        zone: u32,
    },
    /// An account's bus hands nothing on.
    Bus {
        /// Which account.
        account: u32,
    },
    /// The hub hears nothing.
    Hub,
    /// One path alone: what one probe sends to one port of one address gets lost.
    Path(Path),
}

/// The kinds of faults, as the figures name them.
pub const KINDS: [&str; 19] = [
    "zone everywhere",
    "account",
    "NAT gateway",
    "way out (all NAT)",
    "peering",
    "default route, one zone",
    "peering route, one zone",
    "subnet",
    "security group",
    "resolver",
    "target",
    "service of a target",
    "address of a target",
    "target outside",
    "isolation breached",
    "probe silent",
    "account silent",
    "phonehome itself",
    "a path by itself",
];

/// How many of the [`KINDS`] are of things that several paths may need.
pub const SHARED_KINDS: usize = 18;

impl Fault {
    /// A fault of a kind.
    #[must_use]
    pub fn any(kind: usize, fleet: &Fleet, random: &mut Random) -> Self {
        let count = |length: usize| u32::try_from(length).unwrap_or(0);
        let account = random.below(count(fleet.accounts.len()));
        let connection = random.below(count(fleet.connections.len()));
        let zone = random.below(ZONES);
        let addresses = &fleet.accounts[account as usize].addresses;
        match kind {
            0 => Self::Zone { zone, is_silent: random.happens(500_000) },
            1 => Self::Account { account, is_silent: random.happens(500_000) },
            2 => Self::Nat { account, zone },
            3 => Self::WayOut { account },
            4 => Self::Peering { connection },
            5 => Self::DefaultRoute { account, zone },
            6 => Self::PeerRoute { connection, zone },
            7 => Self::Subnet { account, zone },
            8 => Self::Group { account },
            9 => Self::Resolver { account },
            10 => Self::Host { account },
            11 => Self::Service { account, port: PORTS[random.below(2) as usize] },
            12 => Self::Interface { account, zone: addresses[random.below(count(addresses.len())) as usize] },
            13 => Self::Outside { host: random.below(OUTSIDE) },
            14 => Self::Isolation { account },
            15 => Self::Probe { account, zone },
            16 => Self::Bus { account },
            17 => Self::Hub,
            _ => {
                let Connection { from, to, .. } = fleet.connections[connection as usize];
                let there = &fleet.accounts[to as usize].addresses;
                let to_zone = there[random.below(count(there.len())) as usize];
                let aim = Aim::Target { connection, zone: to_zone, port: PORTS[0] };
                Self::Path(Path { account: from, zone, aim })
            }
        }
    }

    /// Its number in [`KINDS`].
    #[must_use]
    pub fn kind(self) -> usize {
        match self {
            Self::Zone { .. } => 0,
            Self::Account { .. } => 1,
            Self::Nat { .. } => 2,
            Self::WayOut { .. } => 3,
            Self::Peering { .. } => 4,
            Self::DefaultRoute { .. } => 5,
            Self::PeerRoute { .. } => 6,
            Self::Subnet { .. } => 7,
            Self::Group { .. } => 8,
            Self::Resolver { .. } => 9,
            Self::Host { .. } => 10,
            Self::Service { .. } => 11,
            Self::Interface { .. } => 12,
            Self::Outside { .. } => 13,
            Self::Isolation { .. } => 14,
            Self::Probe { .. } => 15,
            Self::Bus { .. } => 16,
            Self::Hub => 17,
            Self::Path(_) => 18,
        }
    }

    /// Whether the same thing breaks, be it in another way.
    #[must_use]
    pub fn is_same(self, other: Self) -> bool {
        match (self, other) {
            (Self::Zone { zone: a, .. }, Self::Zone { zone: b, .. }) => a == b,
            (Self::Account { account: a, .. }, Self::Account { account: b, .. }) => a == b,
            _ => self == other,
        }
    }

    /// Breaks it.
    pub fn apply(self, fleet: &Fleet, network: &mut Network) {
        let (account, zone) = self.place(fleet);
        let vpc = &mut network.vpcs[account as usize];
        let subnet = &mut vpc.subnets[zone as usize];
        match self {
            Self::Zone { zone, is_silent } => {
                network.zones[zone as usize] = false;
                network.zones_run[zone as usize] &= !is_silent;
            }
            Self::Account { is_silent, .. } => {
                vpc.is_cut_off = true;
                vpc.bus_works &= !is_silent;
            }
            Self::Nat { .. } => subnet.nat_works = false,
            Self::WayOut { .. } => vpc.gateway_is_attached = false,
            Self::Peering { connection } => network.peerings[connection as usize] = false,
            Self::DefaultRoute { .. } => subnet.routes.retain(|route| !matches!(route.hop, Hop::Nat(_))),
            Self::PeerRoute { connection, .. } => {
                let lost = vpc_prefix(fleet.connections[connection as usize].to);
                subnet.routes.retain(|route| (route.prefix, route.bits) != (lost, VPC_BITS));
            }
            Self::Subnet { .. } => subnet.acl_is_open = false,
            Self::Group { .. } => vpc.group.clear(),
            Self::Resolver { .. } => vpc.resolves = false,
            Self::Host { .. } => vpc.host_runs = false,
            Self::Service { port, .. } => vpc.listens.retain(|it| *it != port),
            Self::Interface { .. } => subnet.interface_works = false,
            Self::Outside { host } => network.outside[host as usize] = false,
            Self::Isolation { .. } => vpc.group.push(CLOSED_PORT),
            Self::Probe { .. } => subnet.probe_runs = false,
            Self::Bus { .. } => vpc.bus_works = false,
            Self::Hub => network.hub_hears = false,
            Self::Path(path) => network.lost.push(path),
        }
    }

    /// The account and the zone that it is in, as far as it is in one.
    fn place(self, fleet: &Fleet) -> (u32, u32) {
        match self {
            Self::Nat { account, zone }
            | Self::DefaultRoute { account, zone }
            | Self::Subnet { account, zone }
            | Self::Interface { account, zone }
            | Self::Probe { account, zone } => (account, zone),
            Self::PeerRoute { connection, zone } => (fleet.connections[connection as usize].from, zone),
            Self::Account { account, .. }
            | Self::WayOut { account }
            | Self::Group { account }
            | Self::Resolver { account }
            | Self::Host { account }
            | Self::Service { account, .. }
            | Self::Isolation { account }
            | Self::Bus { account } => (account, 0),
            Self::Zone { .. } | Self::Peering { .. } | Self::Outside { .. } | Self::Hub | Self::Path(_) => {
                (0, 0)
            }
        }
    }
}
