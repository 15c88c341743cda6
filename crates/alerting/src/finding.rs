//! What the provisioner found in a stack that is not as declared, and which causes that explains.

use std::collections::BTreeSet;

use phonehome_wire::{AzId, StackId};
use serde::{Deserialize, Serialize};

use crate::{Suspect, text};

/// How long each text of a finding is told, in characters: people choose names in it.
const TEXT_MAX: usize = 200;

/// A difference that somebody's change has made in a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Where.
    pub stack: StackId,
    /// What the account is called.
    pub account_name: String,
    /// In which part.
    pub part: StackPart,
    /// What differs, for people: `route 0.0.0.0/0 → nat-1 in rtb-1: not there`. The same as long as it is the same
    /// difference.
    pub what: String,
    /// What becomes of it.
    pub repair: RepairState,
    /// When it was seen; milliseconds since the Unix epoch.
    pub seen_ms: u64,
    /// Who made it, as far as is known, for people: `DeleteRoute by alice at 2026-11-22T23:04:05Z`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// The message that tells it: its id, as an incident.
    pub told_as: String,
    /// The incident in whose thread that message stands; where there is none it stands by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_in: Option<String>,
}

/// What becomes of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepairState {
    /// It is as declared again.
    Repaired,
    /// It is tried.
    UnderWay,
    /// It needs permission.
    Withheld,
}

/// A part of a stack, as far as a path depends on it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum StackPart {
    /// The VPC itself.
    Vpc,
    /// What resolves names in it.
    Resolver,
    /// The internet gateway, or the public subnets' way to it.
    InternetGateway,
    /// A NAT gateway, with its address.
    NatGateway {
        /// Its zone's ID; absent for a regional one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<AzId>,
    },
    /// A zone's private subnet, and which route table it has.
    Subnet {
        /// The zone's ID.
        zone: AzId,
    },
    /// The default route of a zone's private subnet, or all of its routes.
    DefaultRoute {
        /// The zone's ID.
        zone: AzId,
    },
    /// A route of a zone's private subnet to another account.
    PeerRoute {
        /// The zone's ID.
        zone: AzId,
    },
    /// A peering.
    Peering {
        /// The name of the other account.
        peer: String,
    },
    /// The network ACL.
    NetworkAcl,
    /// What the probes' own security group lets out.
    Outbound,
    /// What the security group in front of targets lets in.
    Inbound,
    /// A probe, its schedule or where its reports go.
    Probe {
        /// Its zone's ID; absent where it is not known by the zone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<AzId>,
    },
    /// Nothing that a path depends on.
    Other,
}

impl StackPart {
    /// The one zone that it is of.
    fn zone(&self) -> Option<&AzId> {
        match self {
            Self::NatGateway { zone } | Self::Probe { zone } => zone.as_ref(),
            Self::Subnet { zone } | Self::DefaultRoute { zone } | Self::PeerRoute { zone } => Some(zone),
            _ => None,
        }
    }

    /// What was changed, in the few words of a subject.
    pub(crate) fn short(&self) -> &'static str {
        match self {
            Self::Vpc => "VPC",
            Self::Resolver => "the VPC's DNS",
            Self::InternetGateway => "internet gateway",
            Self::NatGateway { .. } => "NAT gateway",
            Self::Subnet { .. } => "subnet",
            Self::DefaultRoute { .. } => "default route",
            Self::PeerRoute { .. } => "route",
            Self::Peering { .. } => "peering",
            Self::NetworkAcl => "network ACL",
            Self::Outbound | Self::Inbound => "security group",
            Self::Probe { .. } => "probe",
            Self::Other => "the network",
        }
    }

    fn is_probe(&self) -> bool {
        matches!(self, Self::Probe { .. })
    }

    fn is_way_out(&self) -> bool {
        matches!(self, Self::InternetGateway | Self::NatGateway { .. } | Self::DefaultRoute { .. })
    }

    fn is_way_to_peer(&self) -> bool {
        matches!(self, Self::PeerRoute { .. } | Self::Peering { .. })
    }

    /// What a packet meets wherever it goes from a zone, or from any.
    fn is_everybodys(&self, zone: Option<&AzId>) -> bool {
        match self {
            Self::Vpc | Self::NetworkAcl | Self::Outbound => true,
            Self::Subnet { zone: of } => zone.is_none_or(|zone| zone == of),
            _ => false,
        }
    }
}

impl RepairState {
    fn words(self) -> &'static str {
        match self {
            Self::Repaired => "repaired",
            Self::UnderWay => "the repair is under way",
            Self::Withheld => "not repaired without permission",
        }
    }
}

impl Finding {
    /// `route 0.0.0.0/0 → nat-1 in rtb-1: not there, DeleteRoute by alice at 2026-11-22T23:04:05Z, repaired`.
    pub(crate) fn words(&self) -> String {
        let parts = [self.what.clone()].into_iter().chain(self.by.iter().cloned());
        text::joined(parts.chain([self.repair.words().to_owned()]).map(|part| text::clip(&part, TEXT_MAX)))
    }

    /// What is new in it beside what was known of the same before.
    pub(crate) fn news(&self, known: &[Self]) -> Option<String> {
        match known.iter().find(|it| it.is_same(self)) {
            None => Some(format!("found: {}", self.words())),
            Some(known) if known.by != self.by || known.repair != self.repair => Some(self.words()),
            Some(_) => None,
        }
    }

    /// Whether it is the same difference.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.told_as, &self.what) == (&other.told_as, &other.what)
    }

    /// Whether this is why something fails for which `suspect` is to blame. `owners`: the names of the accounts that
    /// own what is aimed at.
    pub(crate) fn explains(&self, suspect: &Suspect, owners: &BTreeSet<&str>) -> bool {
        let part = &self.part;
        let here =
            |account: &str, region: &str| self.stack.account == *account && self.stack.region == *region;
        let named = |name: &str| self.account_name == name;
        let in_zone = |zone: &AzId| part.zone().is_none_or(|of| of == zone);
        let at_owner = owners.contains(self.account_name.as_str())
            && matches!(part, StackPart::Inbound | StackPart::NetworkAcl);
        if *part == StackPart::Other {
            return false;
        }
        match suspect {
            Suspect::Collector | Suspect::Fleet | Suspect::Region { .. } | Suspect::Prober { .. } => false,
            Suspect::AvailabilityZone { account: None, .. } | Suspect::Target { account: None, .. } => false,
            Suspect::Account { account, region } => here(account, region) && *part != StackPart::Inbound,
            Suspect::AvailabilityZone { account: Some(account), availability_zone } => {
                self.stack.account == *account && in_zone(availability_zone) && *part != StackPart::Inbound
            }
            Suspect::Reporting { account, region } => here(account, region) && part.is_probe(),
            Suspect::Resolver { account, region, availability_zone: zone } => {
                here(account, region) && (*part == StackPart::Resolver || part.is_everybodys(zone.as_ref()))
            }
            Suspect::WayOut { account, region } => {
                here(account, region) && (part.is_way_out() || part.is_everybodys(None))
            }
            Suspect::NatGateway { account, region, availability_zone: zone } => {
                let is_its = zone.as_ref().is_none_or(in_zone);
                here(account, region) && is_its && (part.is_way_out() || part.is_everybodys(zone.as_ref()))
            }
            Suspect::InternetRoute { account, region, availability_zone: zone } => {
                here(account, region)
                    && in_zone(zone)
                    && (part.is_way_out() || part.is_everybodys(Some(zone)))
            }
            Suspect::Network { account } => named(account) && !part.is_probe(),
            Suspect::Peering { accounts: [one, other] } => {
                let to = |peer: &str| match part {
                    StackPart::Peering { peer: it } => it == peer,
                    part => part.is_way_to_peer(),
                };
                (named(one) && to(other)) || (named(other) && to(one))
            }
            Suspect::PeerRoute { account, availability_zone: zone, to } => match part {
                StackPart::Peering { peer } => {
                    (named(account) && peer == to) || (named(to) && peer == account)
                }
                part => named(account) && part.is_way_to_peer() && zone.as_ref().is_none_or(in_zone),
            },
            Suspect::SecurityGroup { account } => named(account) && *part == StackPart::Inbound,
            Suspect::Target { account: Some(account), .. } => {
                named(account) && matches!(part, StackPart::Inbound | StackPart::NetworkAcl | StackPart::Vpc)
            }
            Suspect::Connection { account, region, .. } => {
                let on_the_way = part.is_way_to_peer() || part.is_everybodys(None);
                (here(account, region) && on_the_way) || at_owner
            }
            Suspect::Isolation { account, region, .. } => {
                let opens = part.is_way_to_peer() || part.is_everybodys(None);
                (here(account, region) && opens) || at_owner
            }
            Suspect::Path { probe, .. } => {
                let of_source = self.stack == probe.stack() && in_zone(&probe.availability_zone);
                (of_source && *part != StackPart::Inbound && !part.is_probe()) || at_owner
            }
            Suspect::Probe { probe } => {
                self.stack == probe.stack() && part.is_probe() && in_zone(&probe.availability_zone)
            }
        }
    }
}
