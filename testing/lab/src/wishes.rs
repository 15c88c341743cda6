//! What a network has beside what EC2 says of it: hosts, what they answer, names, and faults. Other processes send
//! it as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use phonehome_wire::{AzId, StackId};
use serde::{Deserialize, Serialize};

/// What there is beside the inventories.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wishes {
    /// Hosts, each with an address of its own.
    pub hosts: Vec<Host>,
    /// What the VPCs' resolvers answer: addresses by name, in lower case without a dot at the end. Other names do
    /// not exist.
    pub names: BTreeMap<String, Vec<Ipv4Addr>>,
    /// Resolvers that do not answer as they should, by VPC.
    pub resolvers: BTreeMap<String, Resolver>,
    /// Longest packets that pass between a subnet and its router, in bytes; of longer ones nobody is told.
    pub mtus: BTreeMap<String, u32>,
    /// What packets meet with on their way. Where several concern a packet, each does.
    pub impairments: Vec<Impairment>,
    /// Accounts whose probes have no certificate authorities beside their code: they trust public ones alone, of
    /// which the lab has none.
    pub without_authorities: BTreeSet<StackId>,
}

/// What becomes of packets on a segment of their way, whatever EC2 says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Impairment {
    /// Where.
    pub segment: Segment,
    /// What.
    pub effect: Effect,
}

/// A segment of the way that packets take, in both directions. What it names has to be in the inventories,
/// and whose address it names among the hosts or the probes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Segment {
    /// The border of a subnet, `subnet-…`, with the NAT gateways in it, through which packets cross it twice.
    Subnet(String),
    /// The borders of all subnets of a zone, in one account or in all.
    Zone {
        /// Which zone.
        az_id: AzId,
        /// Whose subnets; everybody's when absent.
        #[serde(default)]
        stack: Option<StackId>,
    },
    /// The border of a subnet, for one address in it.
    Address {
        /// `subnet-…`
        subnet_id: String,
        /// The private address.
        address: Ipv4Addr,
    },
    /// The way to a host on the internet, by its address.
    Internet(Ipv4Addr),
    /// A NAT gateway, `nat-…`.
    NatGateway(String),
    /// A peering, `pcx-…`.
    Peering(String),
    /// An internet gateway, `igw-…`.
    InternetGateway(String),
}

/// What becomes of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// So many of a hundred are lost in each direction, at random, and nobody is told. At 100 the segment is dead.
    #[serde(rename = "loss_percent")]
    Loss(u8),
    /// A round trip takes so much longer, half of it in each direction: `{"delay_ms": 300}`.
    #[serde(rename = "delay_ms", with = "milliseconds")]
    Delay(Duration),
}

/// Something with an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Where it is.
    pub place: Place,
    /// Its address: a private one in a subnet, a public one on the internet.
    pub address: Ipv4Addr,
    /// What it answers, by TCP port. On other ports it refuses.
    #[serde(default)]
    pub ports: BTreeMap<u16, Answer>,
}

/// Where a host is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Place {
    /// In a subnet.
    Subnet {
        /// Whose inventory has the subnet.
        stack: StackId,
        /// `subnet-…`
        subnet_id: String,
        /// Its security groups, `sg-…`.
        #[serde(default)]
        groups: BTreeSet<String>,
        /// The public address that the internet gateway translates to its own.
        #[serde(default)]
        public: Option<Ipv4Addr>,
    },
    /// On the internet.
    Internet,
}

/// What a host answers on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It takes connections and says nothing.
    Tcp,
    /// It speaks HTTP: status 200, and in the body the address that it sees.
    Http,
    /// The same over TLS.
    Https(Certificate),
    /// It drops what comes.
    Silence,
}

/// A server's certificate, signed by the lab's own authority, which is in the file beside the probes' code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certificate {
    /// For every name in [`Wishes::names`].
    Valid,
    /// The same, until 2020.
    Expired,
    /// For `another.test`.
    OtherName,
    /// Signed by an authority that is in nobody's file.
    OtherAuthority,
    /// Signed by itself.
    SelfSigned,
}

/// How a VPC's resolver behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolver {
    /// It answers at once.
    #[default]
    Works,
    /// It never answers.
    Dead,
    /// It answers late: `{"slow_ms": 700}`.
    #[serde(rename = "slow_ms", with = "milliseconds")]
    Slow(Duration),
}

impl Host {
    /// The subnet it is in, with whose inventory has that.
    pub(crate) fn subnet(&self) -> Option<(&StackId, &str)> {
        match &self.place {
            Place::Subnet { stack, subnet_id, .. } => Some((stack, subnet_id)),
            Place::Internet => None,
        }
    }

    /// As a network of one address.
    pub(crate) fn net(&self) -> Ipv4Net {
        self.address.into()
    }
}

/// A duration in whole milliseconds.
mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sample::{Fleet, host_address, stack, zone};

    #[test]
    fn wishes_travel_as_json() {
        let mut wishes = Fleet::new(2, 2).wishes;
        wishes.resolvers.insert("vpc-1".to_owned(), Resolver::Slow(Duration::from_millis(700)));
        wishes.resolvers.insert("vpc-2".to_owned(), Resolver::Dead);
        wishes.mtus.insert("subnet-1-private-1".to_owned(), 1_200);
        let segment = Segment::Zone { az_id: zone(1), stack: Some(stack(1)) };
        wishes.impairments.push(Impairment { segment, effect: Effect::Loss(100) });
        let segment =
            Segment::Address { subnet_id: "subnet-1-private-1".to_owned(), address: host_address(1, 1) };
        wishes.impairments.push(Impairment { segment, effect: Effect::Delay(Duration::from_millis(300)) });
        let text = serde_json::to_string(&wishes).unwrap();
        assert_eq!(serde_json::from_str::<Wishes>(&text).unwrap(), wishes);
        let read: Wishes = serde_json::from_value(json!({
            "hosts": [
                { "place": "internet", "address": "192.0.2.80", "ports": { "80": "http", "443": { "https": "expired" } } },
                { "place": { "subnet": { "stack": "111111111111/us-east-1", "subnet_id": "subnet-1" } }, "address": "10.1.0.9" },
            ],
            "resolvers": { "vpc-1": { "slow_ms": 700 } },
            "impairments": [
                { "segment": { "zone": { "az_id": "use1-az1" } }, "effect": { "loss_percent": 30 } },
                { "segment": { "peering": "pcx-1" }, "effect": { "delay_ms": 300 } },
            ],
        }))
        .unwrap();
        assert_eq!(read.hosts[0].ports[&443], Answer::Https(Certificate::Expired));
        assert_eq!(read.hosts[1].subnet().unwrap().1, "subnet-1");
        assert_eq!(read.impairments[0].segment, Segment::Zone { az_id: zone(1), stack: None });
        assert_eq!(read.impairments[1].effect, Effect::Delay(Duration::from_millis(300)));
        assert_eq!(read.resolvers, wishes.resolvers.clone().into_iter().take(1).collect());
    }

    #[test]
    fn a_wish_that_nobody_knows_is_refused() {
        let error = serde_json::from_value::<Wishes>(json!({ "mtu": { "subnet-1": 1_200 } })).unwrap_err();
        assert!(error.to_string().contains("unknown field `mtu`"), "{error}");
    }
}
