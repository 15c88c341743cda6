//! What has gone over a network, as the kernel counts it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::fs::FileExt as _;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::namespaces::inside;
use crate::network::End;

/// The longest list of interfaces that is read, in bytes: some 120 for each.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// What has gone over each part of a network since the lab stands, also where it is no longer there; by the ids that
/// EC2 gives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// `subnet-…`
    pub subnets: BTreeMap<String, Traffic>,
    /// `nat-…`: what a NAT gateway gets it sends on, so that a packet counts in both directions.
    pub nat_gateways: BTreeMap<String, Traffic>,
    /// `pcx-…`, as the requester's router sees it.
    pub peerings: BTreeMap<String, Traffic>,
    /// `igw-…`
    pub internet_gateways: BTreeMap<String, Traffic>,
}

/// What has gone in two directions. What an impairment lost on its way to is not counted, what it lost on its way
/// from is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// From the VPC's router to it.
    pub to: Amount,
    /// From it to the VPC's router.
    pub from: Amount,
}

/// How much. A packet has Ethernet's header of 14 bytes; ARP's packets count too, a few a minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// A part of a network that is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Subnet(String),
    NatGateway(String),
    Peering(String),
    InternetGateway(String),
}

/// Reads what the kernel has counted.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// The parts of the network as it is, each with its interface at a router.
    parts: Vec<(Part, End)>,
    /// Each router's list of interfaces. It is read in the namespace in which it was opened, from wherever.
    lists: BTreeMap<String, File>,
    /// What was counted by interfaces that are no longer there.
    past: Counters,
}

impl Counters {
    fn add(&mut self, part: &Part, traffic: Traffic) {
        let (map, id) = match part {
            Part::Subnet(id) => (&mut self.subnets, id),
            Part::NatGateway(id) => (&mut self.nat_gateways, id),
            Part::Peering(id) => (&mut self.peerings, id),
            Part::InternetGateway(id) => (&mut self.internet_gateways, id),
        };
        let sum = map.entry(id.clone()).or_default();
        for (sum, more) in [(&mut sum.to, traffic.to), (&mut sum.from, traffic.from)] {
            sum.packets += more.packets;
            sum.bytes += more.bytes;
        }
    }
}

impl Meter {
    /// What has been counted.
    pub(crate) fn read(&self) -> Result<Counters> {
        let mut counters = self.past.clone();
        self.add_to(&mut counters, |_| true)?;
        Ok(counters)
    }

    /// Keeps what the interfaces have counted that go now, and holds on to no namespace of theirs.
    pub(crate) fn let_go(&mut self, going: &BTreeSet<&End>) -> Result<()> {
        let mut past = std::mem::take(&mut self.past);
        let read = self.add_to(&mut past, |end| going.contains(end));
        self.past = past;
        self.lists.retain(|router, _| going.iter().all(|end| end.namespace != *router));
        self.parts.retain(|(_, end)| !going.contains(end));
        read
    }

    /// Counts these from now on.
    pub(crate) fn follow(&mut self, parts: &[(Part, End)]) -> Result<()> {
        self.parts = parts.to_vec();
        for (_, End { namespace, .. }) in parts {
            if !self.lists.contains_key(namespace) {
                let path = "/proc/thread-self/net/dev";
                let list = inside(namespace, || File::open(path).context(path))?;
                self.lists.insert(namespace.clone(), list);
            }
        }
        Ok(())
    }

    fn add_to(&self, counters: &mut Counters, counts: impl Fn(&End) -> bool) -> Result<()> {
        let mut text = vec![0; TEXT_BYTES_MAX];
        let mut by_router: BTreeMap<&str, BTreeMap<String, Traffic>> = BTreeMap::new();
        for (part, end) in self.parts.iter().filter(|(_, end)| counts(end)) {
            let router = end.namespace.as_str();
            if !by_router.contains_key(router) {
                let list = self.lists.get(router).with_context(|| format!("nothing is open of {router}"))?;
                by_router.insert(router, interfaces(whole(list, &mut text)?));
            }
            let found = by_router[router].get(&end.device);
            let traffic = found.with_context(|| format!("{router} has no interface {}", end.device))?;
            counters.add(part, *traffic);
        }
        Ok(())
    }
}

/// The whole of what the kernel says at once, from the beginning.
fn whole<'a>(list: &File, text: &'a mut [u8]) -> Result<&'a str> {
    let mut length = 0;
    loop {
        match list.read_at(&mut text[length..], u64::try_from(length)?)? {
            0 => return Ok(std::str::from_utf8(&text[..length])?),
            more => length += more,
        }
    }
}

/// The lines of `/proc/net/dev`: 16 numbers after each name, the first two of what came in, the ninth and tenth of what
/// went out.
fn interfaces(text: &str) -> BTreeMap<String, Traffic> {
    let interface = |line: &str| {
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> = numbers.split_whitespace().map_while(|it| it.parse().ok()).collect();
        let amount = |at: usize| Some(Amount { bytes: *numbers.get(at)?, packets: *numbers.get(at + 1)? });
        Some((name.trim().to_owned(), Traffic { from: amount(0)?, to: amount(8)? }))
    };
    text.lines().filter_map(interface).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_interface_it_is_known_what_came_in_and_what_went_out() {
        let text = "Inter-|   Receive                                                |  Transmit\n \
            face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls\n \
               lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0\n\
            s-0a1b2c3d: 1234      12    1    2    3     4          5         6     5678      56    0    0    0     0       0          0\n";
        let amount = |packets, bytes| Amount { packets, bytes };
        let found = interfaces(text);
        assert_eq!(found["s-0a1b2c3d"], Traffic { from: amount(12, 1_234), to: amount(56, 5_678) });
        assert_eq!(found.len(), 2);
    }
}
