//! What may be to blame.

use phonehome_wire::{AccountId, AzId, CheckId, Region};
use serde::{Deserialize, Serialize};

use crate::ProbeKey;

/// The component that the failing things have in common, the widest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Suspect {
    /// phonehome itself: most of the fleet cannot have fallen silent at once.
    Collector,
    /// All accounts together: what a change of everything breaks.
    Fleet,
    /// A Region.
    Region {
        /// Which.
        region: Region,
    },
    /// A whole account in one Region: silent, or nothing gets out.
    Account {
        /// The account's id.
        account: AccountId,
        /// The Region.
        region: Region,
    },
    /// An Availability Zone, of one account or of several.
    AvailabilityZone {
        /// The account's id; absent when several accounts have lost the zone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<AccountId>,
        /// The Availability Zone ID.
        availability_zone: AzId,
    },
    /// The network of an account of the fleet that has no probes.
    Network {
        /// The account's name.
        account: String,
    },
    /// The way of an account's reports to the hub.
    Reporting {
        /// The account's id.
        account: AccountId,
        /// The Region.
        region: Region,
    },
    /// What resolves names for an account, or for one of its zones.
    Resolver {
        /// The account's id.
        account: AccountId,
        /// The Region.
        region: Region,
        /// The zone's ID; absent when it is all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        availability_zone: Option<AzId>,
    },
    /// What the ways of an account's zones to the internet have in common: the internet gateway, or all NAT
    /// gateways.
    WayOut {
        /// The account's id.
        account: AccountId,
        /// The Region.
        region: Region,
    },
    /// A NAT gateway.
    NatGateway {
        /// The account's id.
        account: AccountId,
        /// The Region.
        region: Region,
        /// The ID of the zone it is in; absent for a regional one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        availability_zone: Option<AzId>,
    },
    /// The default route of a zone's private subnet.
    InternetRoute {
        /// The account's id.
        account: AccountId,
        /// The Region.
        region: Region,
        /// The zone's ID.
        availability_zone: AzId,
    },
    /// The peering of two accounts' networks.
    Peering {
        /// Their names, in order.
        accounts: [String; 2],
    },
    /// The routes to another account's network.
    PeerRoute {
        /// The name of the account whose routes they are.
        account: String,
        /// The ID of the zone whose route it is; absent for those of all zones.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        availability_zone: Option<AzId>,
        /// The name of the account they lead to.
        to: String,
    },
    /// The security group in front of an account's targets.
    SecurityGroup {
        /// The account's name.
        account: String,
    },
    /// What an account's zones have in common on their way to one target.
    Connection {
        /// The account's id.
        account: AccountId,
        /// The Region.
        region: Region,
        /// The target's endpoint; of a host with several that fail the host alone.
        endpoint: String,
        /// The name of the account that owns it, when it is one of the fleet's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// What is aimed at.
    Target {
        /// As in the checks; of a host with several that fail the host alone.
        endpoint: String,
        /// The name of the account that owns it, when it is one of the fleet's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<String>,
    },
    /// An isolation that does not hold.
    Isolation {
        /// The account that reaches what it must not: its id.
        account: AccountId,
        /// The Region.
        region: Region,
        /// What it reaches.
        endpoint: String,
    },
    /// A single path; nothing in common with others.
    Path {
        /// From where.
        probe: ProbeKey,
        /// Which check.
        check: CheckId,
    },
    /// A probe that is not heard of.
    Probe {
        /// Which.
        probe: ProbeKey,
    },
    /// Probes that report but cannot tell.
    Prober {
        /// The account's id.
        account: AccountId,
        /// The Region.
        region: Region,
    },
}

impl Suspect {
    /// How much it explains, as a rank: the smaller, the wider. phonehome's own trouble is none of the
    /// network's, and so is wider than nothing.
    pub(crate) fn breadth(&self) -> u8 {
        match self {
            Self::Fleet | Self::Region { .. } => 0,
            Self::Account { .. } | Self::Network { .. } | Self::Reporting { .. } => 1,
            Self::AvailabilityZone { account: None, .. } => 2,
            Self::Resolver { availability_zone: None, .. } | Self::WayOut { .. } => 3,
            Self::AvailabilityZone { account: Some(_), .. } => 4,
            Self::Resolver { .. }
            | Self::NatGateway { .. }
            | Self::Peering { .. }
            | Self::SecurityGroup { .. }
            | Self::PeerRoute { availability_zone: None, .. } => 5,
            Self::InternetRoute { .. } | Self::PeerRoute { .. } => 6,
            Self::Target { .. } | Self::Connection { .. } => 7,
            Self::Isolation { .. } => 8,
            Self::Path { .. } | Self::Probe { .. } => 9,
            Self::Prober { .. } | Self::Collector => 10,
        }
    }
}
