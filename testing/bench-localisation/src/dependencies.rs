//! What each path depends on, from the declaration alone, as a plan knows it: no packet is walked here.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_localisation::{Builder, Component, Name, PathId, ProbeId, Segment, Stage, Suspect, Topology};

use crate::world::{Truth, World};
use phonehome_bench_localisation::Fault;
use phonehome_bench_localisation::{Aim, Fleet, OUTSIDE, Path, ZONES};

/// The topology, and where in it each probe and path is.
pub(crate) struct Dependencies {
    pub(crate) topology: Topology,
    /// By account and zone.
    pub(crate) probes: Vec<ProbeId>,
    /// In the order of [`Fleet::paths`].
    pub(crate) paths: Vec<PathId>,
    walked: Vec<Path>,
    words: Words,
}

/// The names of things.
struct Words {
    accounts: Vec<Name>,
    zones: Vec<Name>,
    /// Of each account and zone: what its subnet, its route table, its NAT gateway and the address in it are called.
    places: Vec<Name>,
    peerings: Vec<Name>,
    outside: Vec<Name>,
    ports: Vec<(u16, Name)>,
    region: Name,
    internet: Name,
}

impl Words {
    fn of(fleet: &Fleet, builder: &mut Builder) -> Self {
        let accounts = 0..fleet.accounts.len();
        let names = |builder: &mut Builder, count: usize, text: &dyn Fn(usize) -> String| -> Vec<Name> {
            (0..count).map(|number| builder.name(&text(number))).collect()
        };
        let zones = ZONES as usize;
        Self {
            zones: names(builder, zones, &|zone| format!("use1-az{}", zone + 1)),
            places: names(builder, accounts.len() * zones, &|it| {
                format!("{:012}/use1-az{}", it / zones, it % zones + 1)
            }),
            peerings: names(builder, fleet.connections.len(), &|it| format!("pcx-{it:017x}")),
            outside: names(builder, OUTSIDE as usize, &|host| format!("host{host}.example.com")),
            ports: [443, 5432].map(|port| (port, builder.name(&port.to_string()))).to_vec(),
            region: builder.name("us-east-1"),
            internet: builder.name("internet"),
            accounts: names(builder, accounts.len(), &|account| format!("{account:012}")),
        }
    }

    fn place(&self, account: u32, zone: u32) -> Name {
        self.places[(account * ZONES + zone) as usize]
    }

    fn port(&self, port: u16) -> Name {
        self.ports.iter().find(|(number, _)| *number == port).map_or(self.internet, |(_, name)| *name)
    }

    fn account(&self, account: u32) -> Name {
        self.accounts[account as usize]
    }
}

impl Dependencies {
    pub(crate) fn of(fleet: &Fleet, paths: &[Path]) -> Self {
        let mut builder = Builder::default();
        let words = Words::of(fleet, &mut builder);
        let (mut probes, mut ids) = (Vec::new(), Vec::new());
        let mut segments = Segments { words: &words, builder: &mut builder, known: BTreeMap::new() };
        for at_probe in paths.chunk_by(|a, b| (a.account, a.zone) == (b.account, b.zone)) {
            let Path { account, zone, .. } = at_probe[0];
            let report = segments.builder.segment(&report_parts(&words, account, zone));
            let source = segments.builder.segment(&source_parts(&words, account, zone));
            probes.push(segments.builder.probe(&[report]));
            for path in at_probe {
                let list = segments.of(fleet, path, source);
                ids.push(segments.builder.path(&list));
            }
        }
        Self { topology: builder.build(), probes, paths: ids, walked: paths.to_vec(), words }
    }

    /// The paths of which two truths say different things, as far as the hub hears of it in the first.
    pub(crate) fn differing(&self, world: &World, truth: &Truth, other: &Truth) -> BTreeSet<PathId> {
        let is_heard = |path: &usize| {
            let Path { account, zone, .. } = world.paths[*path];
            truth.reports[(account * ZONES + zone) as usize]
        };
        let paths = (0..truth.outcomes.len()).filter(is_heard);
        let paths =
            paths.filter(|it| truth.outcomes[*it] != other.outcomes[*it]).map(|path| self.paths[path]);
        let reports = (0..truth.reports.len()).filter(|it| truth.reports[*it] != other.reports[*it]);
        paths.chain(reports.map(|it| self.topology.report_of(self.probes[it]))).collect()
    }

    /// The number of the probe that has a path, and the path's in the order of [`Fleet::paths`]; none of a probe's report.
    pub(crate) fn place_of(&self, path: PathId) -> Option<(u32, usize)> {
        let number = self.paths.binary_search(&path).ok()?;
        let probe = self.probes.binary_search(&self.topology.probe_of(path)).ok()?;
        Some((u32::try_from(probe).ok()?, number))
    }

    /// Whether a path is to connect, and no isolation.
    pub(crate) fn is_connection(&self, path: usize) -> bool {
        !matches!(self.walked[path].aim, Aim::Closed { .. })
    }

    /// What is to be named for a fault; any of them, where they are one thing by two names.
    pub(crate) fn expected(&self, fault: Fault, fleet: &Fleet) -> Vec<Suspect> {
        let words = &self.words;
        let expected = match fault {
            Fault::Zone { zone, .. } => Component::Zone(words.zones[zone as usize]),
            Fault::Account { account, .. } => Component::Account(words.account(account)),
            Fault::Nat { account, zone } => Component::Nat(words.place(account, zone)),
            Fault::WayOut { account } => Component::WayOut(words.account(account)),
            Fault::Peering { connection } => Component::Peering(words.peerings[connection as usize]),
            Fault::DefaultRoute { account, zone } => {
                Component::Route { table: words.place(account, zone), to: words.internet }
            }
            Fault::PeerRoute { connection, zone } => Component::Route {
                table: words.place(fleet.connections[connection as usize].from, zone),
                to: words.peerings[connection as usize],
            },
            Fault::Subnet { account, zone } => Component::Subnet(words.place(account, zone)),
            Fault::Group { account } => Component::SecurityGroup(words.account(account)),
            Fault::Resolver { account } => Component::Resolver(words.account(account)),
            Fault::Host { account } => Component::Target(words.account(account)),
            Fault::Service { account, port } => {
                Component::Service { target: words.account(account), port: words.port(port) }
            }
            Fault::Interface { account, zone } => {
                Component::Address { target: words.account(account), address: words.place(account, zone) }
            }
            Fault::Outside { host } => Component::Target(words.outside[host as usize]),
            Fault::Isolation { account: target } => {
                let all = fleet.connections.iter().filter(|it| it.to == target && it.ports == 2);
                let isolation = |from: u32| Component::Isolation {
                    account: words.account(from),
                    target: words.account(target),
                };
                return all.map(|connection| Suspect::Component(isolation(connection.from))).collect();
            }
            Fault::Probe { account, zone } => {
                Component::Probe { account: words.account(account), zone: words.zones[zone as usize] }
            }
            Fault::Bus { account } => Component::Reporting(words.account(account)),
            Fault::Hub => Component::Collector,
            Fault::Path(path) => {
                let number = self.walked.iter().position(|it| *it == path);
                return number.map(|number| Suspect::Path(self.paths[number])).into_iter().collect();
            }
        };
        vec![Suspect::Component(expected)]
    }
}

/// What a segment is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Outside {
        account: u32,
        zone: u32,
    },
    Host(u32),
    /// From a subnet into a peering.
    Leave {
        connection: u32,
        account: u32,
        zone: u32,
    },
    /// At the other end, as seen from the same zone or from another.
    Arrive {
        connection: u32,
        account: u32,
        zone: u32,
        is_same_zone: bool,
    },
    Target {
        account: u32,
        zone: u32,
        port: u16,
    },
    Isolation {
        account: u32,
        target: u32,
    },
}

/// The segments that paths share.
struct Segments<'w> {
    words: &'w Words,
    builder: &'w mut Builder,
    known: BTreeMap<Part, Segment>,
}

impl Segments<'_> {
    fn of(&mut self, fleet: &Fleet, path: &Path, source: Segment) -> Vec<Segment> {
        let Path { account, zone, aim } = *path;
        match aim {
            Aim::Outside(host) => {
                vec![source, self.get(Part::Outside { account, zone }), self.get(Part::Host(host))]
            }
            Aim::Target { connection, zone: there, port } => {
                let target = fleet.connections[connection as usize].to;
                let is_same_zone = zone == there;
                vec![
                    source,
                    self.get(Part::Leave { connection, account, zone }),
                    self.get(Part::Arrive { connection, account: target, zone: there, is_same_zone }),
                    self.get(Part::Target { account: target, zone: there, port }),
                ]
            }
            Aim::Closed { connection, .. } => {
                let target = fleet.connections[connection as usize].to;
                vec![self.get(Part::Isolation { account, target })]
            }
        }
    }

    fn get(&mut self, part: Part) -> Segment {
        if let Some(known) = self.known.get(&part) {
            return *known;
        }
        let segment = self.builder.segment(&parts(self.words, part));
        self.known.insert(part, segment);
        segment
    }
}

fn parts(words: &Words, part: Part) -> Vec<(Component, Stage)> {
    match part {
        Part::Outside { account, zone } => {
            let place = words.place(account, zone);
            vec![
                (Component::Route { table: place, to: words.internet }, Stage::Way),
                (Component::Nat(place), Stage::Way),
                (Component::WayOut(words.account(account)), Stage::Way),
            ]
        }
        Part::Host(host) => vec![(Component::Target(words.outside[host as usize]), Stage::Target)],
        Part::Leave { connection, account, zone } => {
            let peering = words.peerings[connection as usize];
            let route = Component::Route { table: words.place(account, zone), to: peering };
            vec![(Component::Peering(peering), Stage::Way), (route, Stage::Way)]
        }
        Part::Arrive { connection, account, zone, is_same_zone } => {
            let (table, to) = (words.place(account, zone), words.peerings[connection as usize]);
            let mut parts = vec![(Component::Route { table, to }, Stage::Way)];
            if !is_same_zone {
                parts.push((Component::Zone(words.zones[zone as usize]), Stage::Way));
            }
            parts
        }
        Part::Target { account, zone, port } => target_parts(words, account, zone, port),
        Part::Isolation { account, target } => {
            let isolation =
                Component::Isolation { account: words.account(account), target: words.account(target) };
            vec![(isolation, Stage::Isolation)]
        }
    }
}

fn report_parts(words: &Words, account: u32, zone: u32) -> Vec<(Component, Stage)> {
    let (account, zone) = (words.account(account), words.zones[zone as usize]);
    vec![
        (Component::Collector, Stage::Report),
        (Component::Reporting(account), Stage::Report),
        (Component::Probe { account, zone }, Stage::Report),
        (Component::Region(words.region), Stage::Run),
        (Component::Zone(zone), Stage::Run),
        (Component::Account(account), Stage::Run),
    ]
}

/// What everything that leaves a probe's subnet needs.
fn source_parts(words: &Words, account: u32, zone: u32) -> Vec<(Component, Stage)> {
    let place = words.place(account, zone);
    let (account, zone) = (words.account(account), words.zones[zone as usize]);
    vec![
        (Component::Fleet, Stage::Way),
        (Component::Region(words.region), Stage::Way),
        (Component::Zone(zone), Stage::Way),
        (Component::Account(account), Stage::Way),
        (Component::ZoneOf { account, zone }, Stage::Way),
        (Component::Subnet(place), Stage::Way),
        (Component::RouteTable(place), Stage::Way),
        (Component::Resolver(account), Stage::Resolve),
    ]
}

/// What is around a target's address.
fn target_parts(words: &Words, account: u32, zone: u32, port: u16) -> Vec<(Component, Stage)> {
    let place = words.place(account, zone);
    let (account, port) = (words.account(account), words.port(port));
    vec![
        (Component::Account(account), Stage::Way),
        (Component::ZoneOf { account, zone: words.zones[zone as usize] }, Stage::Way),
        (Component::Subnet(place), Stage::Way),
        (Component::RouteTable(place), Stage::Way),
        (Component::SecurityGroup(account), Stage::Way),
        (Component::Target(account), Stage::Target),
        (Component::Address { target: account, address: place }, Stage::Way),
        (Component::Service { target: account, port }, Stage::Target),
    ]
}
