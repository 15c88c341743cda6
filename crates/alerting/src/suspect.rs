//! What may be to blame.

use phonehome_wire::{AccountId, AzId, CheckId, Region};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ProbeKey;

/// The component that the failing things have in common, the widest first.
///
/// Release 0.1.0 knew eight of them. The others are stored as that one of these which is nearest, with what they are
/// `exactly` beside it, so that a hub that is rolled back reads them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(remote = "Self", tag = "kind", rename_all = "snake_case")]
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

impl Suspect {
    /// The nearest that release 0.1.0 knows, where it does not know this one.
    fn nearest(&self) -> Option<Self> {
        let target = |endpoint: &String, account: &Option<String>| Self::Target {
            endpoint: endpoint.clone(),
            account: account.clone(),
        };
        let account = |account: &AccountId, region: &Region, zone: &Option<AzId>| match zone {
            None => Self::Account { account: account.clone(), region: region.clone() },
            Some(zone) => {
                Self::AvailabilityZone { account: Some(account.clone()), availability_zone: zone.clone() }
            }
        };
        Some(match self {
            Self::Collector
            | Self::Account { .. }
            | Self::AvailabilityZone { .. }
            | Self::Target { .. }
            | Self::Isolation { .. }
            | Self::Path { .. }
            | Self::Probe { .. }
            | Self::Prober { .. } => return None,
            Self::Fleet | Self::Region { .. } => Self::Collector,
            Self::Network { account } | Self::SecurityGroup { account } => {
                target(account, &Some(account.clone()))
            }
            Self::Peering { accounts: [to, _] } | Self::PeerRoute { to, .. } => target(to, &Some(to.clone())),
            Self::Connection { endpoint, to, .. } => target(endpoint, to),
            Self::Reporting { account: id, region } | Self::WayOut { account: id, region } => {
                account(id, region, &None)
            }
            Self::Resolver { account: id, region, availability_zone: zone }
            | Self::NatGateway { account: id, region, availability_zone: zone } => account(id, region, zone),
            Self::InternetRoute { account: id, region, availability_zone: zone } => {
                account(id, region, &Some(zone.clone()))
            }
        })
    }
}

/// As each variant is written by itself.
struct Plain<S>(S);

impl Serialize for Plain<&Suspect> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Suspect::serialize(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Plain<Suspect> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Suspect::deserialize(deserializer).map(Self)
    }
}

impl Serialize for Suspect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'s> {
            #[serde(flatten)]
            nearest: Plain<&'s Suspect>,
            exactly: Plain<&'s Suspect>,
        }
        match self.nearest() {
            None => Self::serialize(self, serializer),
            Some(nearest) => Written { nearest: Plain(&nearest), exactly: Plain(self) }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Suspect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Read {
            #[serde(flatten)]
            nearest: Plain<Suspect>,
            #[serde(default)]
            exactly: Option<Plain<Suspect>>,
        }
        let Read { nearest: Plain(nearest), exactly } = Deserialize::deserialize(deserializer)?;
        Ok(exactly.map_or(nearest, |Plain(exactly)| exactly))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_first_release_did_not_know_is_read_by_it_as_what_is_nearest_and_by_us_as_what_it_is() {
        let (account, region): (AccountId, Region) =
            ("111111111111".parse().unwrap(), "us-east-1".parse().unwrap());
        let availability_zone: AzId = "use1-az1".parse().unwrap();
        let zone = Some(availability_zone.clone());
        let (shop, payments) = ("shop-prod".to_owned(), "payments-prod".to_owned());
        let cases = [
            (Suspect::Fleet, "collector"),
            (Suspect::Region { region: region.clone() }, "collector"),
            (Suspect::WayOut { account: account.clone(), region: region.clone() }, "account"),
            (Suspect::Reporting { account: account.clone(), region: region.clone() }, "account"),
            (
                Suspect::NatGateway {
                    account: account.clone(),
                    region: region.clone(),
                    availability_zone: zone.clone(),
                },
                "availability_zone",
            ),
            (
                Suspect::Resolver {
                    account: account.clone(),
                    region: region.clone(),
                    availability_zone: None,
                },
                "account",
            ),
            (
                Suspect::InternetRoute {
                    account: account.clone(),
                    region: region.clone(),
                    availability_zone,
                },
                "availability_zone",
            ),
            (Suspect::Peering { accounts: [payments.clone(), shop.clone()] }, "target"),
            (
                Suspect::PeerRoute { account: shop.clone(), availability_zone: None, to: payments.clone() },
                "target",
            ),
            (Suspect::SecurityGroup { account: payments.clone() }, "target"),
            (Suspect::Network { account: payments.clone() }, "target"),
            (
                Suspect::Connection { account: account.clone(), region, endpoint: "a:1".into(), to: None },
                "target",
            ),
            (Suspect::Target { endpoint: "a:1".into(), account: Some(shop) }, "target"),
            (Suspect::Collector, "collector"),
        ];
        for (suspect, nearest) in cases {
            let written = serde_json::to_value(&suspect).unwrap();
            assert_eq!(written["kind"], nearest, "{written}");
            assert_eq!(serde_json::from_value::<Suspect>(written).unwrap(), suspect);
        }
    }
}
