//! What can be broken.

use std::cmp::Ordering;

use crate::names::{Name, Texts};

/// Something that can be broken, and that checks depend on.
///
/// Only ids identify: a subnet, a route table, a gateway, a peering and a group are named by their ids at AWS, or
/// by their addresses within a stack; an account in a Region by both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// All accounts together: what a change of everything breaks.
    Fleet,
    /// phonehome's own way from the bus to the table: when it is late, every probe seems silent.
    Collector,
    /// A Region.
    Region(Name),
    /// An Availability Zone, for every account.
    Zone(Name),
    /// An account's network in a Region, as where connections come from and as where they go to.
    Account(Name),
    /// The way of an account's reports to the hub.
    Reporting(Name),
    /// What resolves names for an account in a Region.
    Resolver(Name),
    /// What the ways of an account's zones to the internet have in common: the internet gateway, or all NAT
    /// gateways.
    WayOut(Name),
    /// One zone of one account.
    ZoneOf {
        /// The account.
        account: Name,
        /// The zone.
        zone: Name,
    },
    /// A subnet, with its network ACL.
    Subnet(Name),
    /// A route table.
    RouteTable(Name),
    /// One route of a route table.
    Route {
        /// The table.
        table: Name,
        /// Where the route leads: a peering, or the way to the internet.
        to: Name,
    },
    /// A NAT gateway.
    Nat(Name),
    /// A peering of two VPCs.
    Peering(Name),
    /// The security group in front of a target.
    SecurityGroup(Name),
    /// A target, named by its host.
    Target(Name),
    /// What listens at one port of a target.
    Service {
        /// The target's host.
        target: Name,
        /// The port, or what else tells the services of the target apart.
        port: Name,
    },
    /// One of the addresses that a target's name has.
    Address {
        /// The target's host.
        target: Name,
        /// The address.
        address: Name,
    },
    /// What an account's zones have in common on their way to one target: a rule of a group, an entry of a network
    /// ACL.
    Connection {
        /// The account.
        account: Name,
        /// The target's host.
        target: Name,
    },
    /// A probe: its function and its schedule.
    Probe {
        /// The account.
        account: Name,
        /// The zone.
        zone: Name,
    },
    /// What keeps an account from a target.
    Isolation {
        /// The account that must not connect.
        account: Name,
        /// The target's host.
        target: Name,
    },
}

/// ln of (minutes in a year / failures in a year), in milli-nats, by how many failures a year one such thing has.
/// They are estimates, of faults that people make as well as AWS. What counts is their order: a difference of less than
/// [`crate::Rules::TIE`] prefers nothing.
mod once_in {
    pub(super) const TWO_YEARS: i64 = 13_865;
    pub(super) const A_YEAR: i64 = 13_172;
    pub(super) const FIFTEEN_MONTHS: i64 = 13_395;
    pub(super) const EIGHTEEN_MONTHS: i64 = 13_577;
    pub(super) const TWENTY_MONTHS: i64 = 13_683;
    pub(super) const FIVE_YEARS: i64 = 14_782;
    pub(super) const TEN_YEARS: i64 = 15_475;
    pub(super) const FORTY_YEARS: i64 = 16_861;
    pub(super) const A_CENTURY: i64 = 17_777;
}

impl Component {
    /// How unlikely it is that one breaks within a given minute, as −ln of the probability, in milli-nats.
    pub(crate) fn rarity(self) -> i64 {
        match self {
            Self::Isolation { .. } => once_in::TWO_YEARS,
            Self::Target(_) | Self::Service { .. } => once_in::A_YEAR,
            Self::Nat(_) | Self::Route { .. } => once_in::FIFTEEN_MONTHS,
            Self::Peering(_) | Self::SecurityGroup(_) | Self::RouteTable(_) | Self::Probe { .. } => {
                once_in::EIGHTEEN_MONTHS
            }
            Self::Address { .. }
            | Self::Connection { .. }
            | Self::Resolver(_)
            | Self::WayOut(_)
            | Self::Reporting(_)
            | Self::Account(_)
            | Self::ZoneOf { .. }
            | Self::Subnet(_) => once_in::TWENTY_MONTHS,
            Self::Collector => once_in::FIVE_YEARS,
            Self::Zone(_) => once_in::TEN_YEARS,
            Self::Fleet => once_in::FORTY_YEARS,
            Self::Region(_) => once_in::A_CENTURY,
        }
    }

    fn parts(self) -> (u8, [Option<Name>; 2]) {
        match self {
            Self::Fleet => (0, [None, None]),
            Self::Collector => (1, [None, None]),
            Self::Region(name) => (2, [Some(name), None]),
            Self::Zone(name) => (3, [Some(name), None]),
            Self::Account(name) => (4, [Some(name), None]),
            Self::Reporting(name) => (5, [Some(name), None]),
            Self::Resolver(name) => (6, [Some(name), None]),
            Self::WayOut(name) => (7, [Some(name), None]),
            Self::ZoneOf { account, zone } => (8, [Some(account), Some(zone)]),
            Self::Subnet(name) => (9, [Some(name), None]),
            Self::RouteTable(name) => (10, [Some(name), None]),
            Self::Route { table, to } => (11, [Some(table), Some(to)]),
            Self::Nat(name) => (12, [Some(name), None]),
            Self::Peering(name) => (13, [Some(name), None]),
            Self::SecurityGroup(name) => (14, [Some(name), None]),
            Self::Target(name) => (15, [Some(name), None]),
            Self::Service { target, port } => (16, [Some(target), Some(port)]),
            Self::Address { target, address } => (17, [Some(target), Some(address)]),
            Self::Connection { account, target } => (18, [Some(account), Some(target)]),
            Self::Probe { account, zone } => (19, [Some(account), Some(zone)]),
            Self::Isolation { account, target } => (20, [Some(account), Some(target)]),
        }
    }

    /// The order of components that does not depend on which name was met first: the widest kind first, then by
    /// what they are called.
    pub(crate) fn compare(self, other: Self, names: &impl Texts) -> Ordering {
        let (kind, parts) = self.parts();
        let (other_kind, other_parts) = other.parts();
        let text = |part: Option<Name>| part.map(|name| names.text(name));
        kind.cmp(&other_kind).then_with(|| parts.map(text).cmp(&other_parts.map(text)))
    }
}
