//! What a network has beside what EC2 says of it: hosts, what they answer, names, and faults.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use phonehome_wire::StackId;

/// What there is beside the inventories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
}

/// Something with an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Where it is.
    pub place: Place,
    /// Its address: a private one in a subnet, a public one on the internet.
    pub address: Ipv4Addr,
    /// What it answers, by TCP port. On other ports it refuses.
    pub ports: BTreeMap<u16, Answer>,
}

/// Where a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a subnet.
    Subnet {
        /// Whose inventory has the subnet.
        stack: StackId,
        /// `subnet-…`
        subnet_id: String,
        /// Its security groups, `sg-…`.
        groups: BTreeSet<String>,
        /// The public address that the internet gateway translates to its own.
        public: Option<Ipv4Addr>,
    },
    /// On the internet.
    Internet,
}

/// What a host answers on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// A server's certificate, signed by the lab's own authority, which probes trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// For every name in [`Wishes::names`].
    Valid,
    /// The same, until 2020.
    Expired,
    /// For `another.test`.
    OtherName,
}

/// How a VPC's resolver behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Resolver {
    /// It answers at once.
    #[default]
    Works,
    /// It never answers.
    Dead,
    /// It answers late.
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
