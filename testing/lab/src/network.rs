//! A Linux network, described: what the kernel has to be told, as values that can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;

/// A network. Two that are equal behave alike; what differs between two is what has to be changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// Network namespaces by name.
    pub namespaces: BTreeMap<String, Namespace>,
    /// Pairs of virtual Ethernet interfaces.
    pub links: BTreeSet<Link>,
    /// Those that are slow.
    pub wires: BTreeSet<Wire>,
}

/// Two interfaces of a namespace which have no part in what the kernel does there: whatever comes in at one is sent
/// out at the other, later.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wire {
    /// The namespace.
    pub namespace: String,
    /// The interfaces.
    pub devices: [String; 2],
    /// How much later: the sum of all that concern a packet.
    pub delays: Vec<Delay>,
}

/// How much later a packet is sent on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delay {
    /// Of packets from and to this address; of all when absent.
    pub address: Option<Ipv4Addr>,
    /// The time.
    pub time: Duration,
}

/// Two interfaces that are one wire.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// One end.
    pub near: End,
    /// The other.
    pub far: End,
}

/// An interface: where it is, and its name there, of 15 characters at most.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct End {
    /// The namespace.
    pub namespace: String,
    /// The interface.
    pub device: String,
}

/// What one network namespace holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namespace {
    /// Whether it passes on what is not for itself.
    pub forwards: bool,
    /// Its addresses: the interface, and the address with its prefix.
    pub addresses: BTreeSet<(String, Ipv4Net)>,
    /// Longest packets in bytes, by interface; 1500 where nothing is said.
    pub mtus: BTreeMap<String, u32>,
    /// Interfaces by which the kernel sends each packet as it is to be on the wire. By the others it sends several
    /// as one long packet, which no limit of length meets.
    pub unbundled: BTreeSet<String>,
    /// Which routing table decides on what comes in by which interface; [`MAIN`] for the others.
    pub rules: BTreeMap<String, u32>,
    /// Its routes.
    pub routes: BTreeSet<Route>,
    /// Its packet filter.
    pub ruleset: Ruleset,
}

/// The kernel's own routing table.
pub const MAIN: u32 = 254;

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The routing table.
    pub table: u32,
    /// Where to.
    pub destination: Ipv4Net,
    /// The next hop.
    pub hop: Hop,
}

/// Where a route leads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hop {
    /// To whoever has the address, on this interface.
    Link(String),
    /// To this neighbour.
    Via {
        /// Its address.
        gateway: Ipv4Addr,
        /// The interface.
        device: String,
        /// The source address of what begins here, where it matters.
        source: Option<Ipv4Addr>,
    },
    /// Nowhere, without a word.
    Blackhole,
    /// The same, where no other route of the table leads to the same destination.
    LastBlackhole,
}

/// A packet filter: chains of rules in nft's own language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// In their order: one that is jumped to comes before those that jump.
    pub chains: Vec<Chain>,
}

/// A chain of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// Where packets enter it; `None` where other chains jump to it.
    pub hook: Option<Hook>,
    /// Its rules.
    pub rules: Vec<String>,
}

/// Where packets enter a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// On the way to the namespace itself; what no rule accepts is dropped.
    Input,
    /// On the way out of the namespace itself; what no rule accepts is dropped.
    Output,
    /// On the way through; what no rule drops passes.
    Forward,
    /// Before routing: where destinations are translated.
    Destinations,
    /// After routing: where sources are translated.
    Sources,
    /// Before all else, when a packet has come in.
    Arrival,
    /// After all else, before a packet goes out.
    Departure,
}

impl Hook {
    fn nft(self) -> &'static str {
        match self {
            Self::Input => "type filter hook input priority 0; policy drop;",
            Self::Output => "type filter hook output priority 0; policy drop;",
            Self::Forward => "type filter hook forward priority 0; policy accept;",
            Self::Destinations => "type nat hook prerouting priority -100; policy accept;",
            Self::Arrival => "type filter hook prerouting priority -300; policy accept;",
            Self::Departure => "type filter hook postrouting priority 300; policy accept;",
            Self::Sources => "type nat hook postrouting priority 100; policy accept;",
        }
    }
}

impl Ruleset {
    /// What `nft -f` reads: it takes the place of all that there was, at once.
    pub fn nft(&self) -> String {
        let mut text = "flush ruleset\ntable ip lab {\n".to_owned();
        for chain in &self.chains {
            text.push_str(&format!("  chain {} {{\n", chain.name));
            let rules =
                chain.hook.iter().map(|hook| hook.nft()).chain(chain.rules.iter().map(String::as_str));
            rules.for_each(|rule| text.push_str(&format!("    {rule}\n")));
            text.push_str("  }\n");
        }
        text.push_str("}\n");
        text
    }

    pub(crate) fn chain(&mut self, name: &str, hook: Option<Hook>, rules: Vec<String>) {
        self.chains.push(Chain { name: name.to_owned(), hook, rules });
    }
}

impl Route {
    /// The interface that it leads over.
    pub fn device(&self) -> Option<&str> {
        match &self.hop {
            Hop::Link(device) | Hop::Via { device, .. } => Some(device),
            Hop::Blackhole | Hop::LastBlackhole => None,
        }
    }

    /// As `ip route` takes it.
    pub fn ip(&self) -> String {
        let Self { table, destination, hop } = self;
        match hop {
            Hop::Link(device) => format!("{destination} dev {device} scope link table {table}"),
            Hop::Via { gateway, device, source } => {
                let source = source.map(|source| format!(" src {source}")).unwrap_or_default();
                format!("{destination} via {gateway} dev {device} onlink{source} table {table}")
            }
            Hop::Blackhole => format!("blackhole {destination} table {table}"),
            Hop::LastBlackhole => format!("blackhole {destination} metric 9999 table {table}"),
        }
    }
}
