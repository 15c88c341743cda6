//! What each path depends on, from the declaration alone, as a plan knows it: no packet is walked here.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_localisation::{Builder, Component, Name, PathId, ProbeId, Segment, Stage, Topology};

use crate::faults::Fault;
use crate::fleet::{Aim, Fleet, OUTSIDE, Path, ZONES};
use crate::world::{Truth, World};

/// The topology, and where in it each probe and path is.
pub(crate) struct Dependencies {
    pub(crate) topology: Topology,
    /// By account and zone.
    pub(crate) probes: Vec<ProbeId>,
    /// In the order of [`Fleet::paths`].
    pub(crate) paths: Vec<PathId>,
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
            places: names(builder, accounts.len() * zones, &|it| format!("{:012}/use1-az{}", it / zones, it % zones + 1)),
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
        let mut dependencies = (Vec::new(), Vec::new());
        let mut targets: BTreeMap<(u32, u32, u16), Segment> = BTreeMap::new();
        for at_probe in paths.chunk_by(|a, b| (a.account, a.zone) == (b.account, b.zone)) {
            let Path { account, zone, .. } = at_probe[0];
            let report = builder.segment(&report_parts(&words, account, zone));
            let source = builder.segment(&source_parts(&words, account, zone));
            let outside = builder.segment(&outside_parts(&words, account, zone));
            let probe = builder.probe(&[report]);
            dependencies.0.push(probe);
            for (number, path) in at_probe.iter().enumerate() {
                let check = builder.name(&format!("check/{number}"));
                let segments = match path.aim {
                    Aim::Outside(host) => {
                        let target = builder.segment(&[(Component::Target(words.outside[host as usize]), Stage::Target)]);
                        vec![source, outside, target]
                    }
                    Aim::Target { connection, zone: there, port } => {
                        let to = fleet.connections[connection as usize].to;
                        let target = targets
                            .entry((to, there, port))
                            .or_insert_with(|| builder.segment(&target_parts(&words, to, there, port)));
                        let target = *target;
                        let way = way_parts(&words, path, connection, (to, there));
                        vec![source, builder.segment(&way), target]
                    }
                    Aim::Closed { connection, .. } => {
                        let target = words.account(fleet.connections[connection as usize].to);
                        let isolation = Component::Isolation { account: words.account(account), target };
                        vec![builder.segment(&[(isolation, Stage::Isolation)])]
                    }
                };
                dependencies.1.push(builder.path(probe, check, &segments));
            }
        }
        Self { topology: builder.build(), probes: dependencies.0, paths: dependencies.1, words }
    }

    /// The paths of which two truths say different things, as far as the hub hears of it in the first.
    pub(crate) fn differing(&self, world: &World, truth: &Truth, other: &Truth) -> BTreeSet<PathId> {
        let is_heard = |path: &usize| {
            let Path { account, zone, .. } = world.paths[*path];
            truth.reports[(account * ZONES + zone) as usize]
        };
        let paths = (0..truth.outcomes.len()).filter(is_heard);
        let paths = paths.filter(|it| truth.outcomes[*it] != other.outcomes[*it]).map(|path| self.paths[path]);
        let reports = (0..truth.reports.len()).filter(|it| truth.reports[*it] != other.reports[*it]);
        paths.chain(reports.map(|it| self.topology.report_of(self.probes[it]))).collect()
    }

    /// What is to be named for a fault; any of them, where they are one thing by two names.
    pub(crate) fn expected(&self, fault: Fault, fleet: &Fleet) -> Vec<Component> {
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
                return all.map(|connection| isolation(connection.from)).collect();
            }
            Fault::Probe { account, zone } => {
                Component::Probe { account: words.account(account), zone: words.zones[zone as usize] }
            }
            Fault::Bus { account } => Component::Reporting(words.account(account)),
            Fault::Hub => Component::Collector,
        };
        vec![expected]
    }
}

fn report_parts(words: &Words, account: u32, zone: u32) -> Vec<(Component, Stage)> {
    let (account, zone) = (words.account(account), words.zones[zone as usize]);
    let all = [
        Component::Collector,
        Component::Region(words.region),
        Component::Zone(zone),
        Component::Account(account),
        Component::Reporting(account),
        Component::Probe { account, zone },
    ];
    all.map(|component| (component, Stage::Report)).to_vec()
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

fn outside_parts(words: &Words, account: u32, zone: u32) -> Vec<(Component, Stage)> {
    let place = words.place(account, zone);
    vec![
        (Component::Route { table: place, to: words.internet }, Stage::Way),
        (Component::Nat(place), Stage::Way),
        (Component::WayOut(words.account(account)), Stage::Way),
    ]
}

/// What is between the two subnets of a connection: the zone at the other end, too, where it is another one.
fn way_parts(words: &Words, path: &Path, connection: u32, there: (u32, u32)) -> Vec<(Component, Stage)> {
    let peering = words.peerings[connection as usize];
    let mut parts = vec![
        (Component::Peering(peering), Stage::Way),
        (Component::Route { table: words.place(path.account, path.zone), to: peering }, Stage::Way),
        (Component::Route { table: words.place(there.0, there.1), to: peering }, Stage::Way),
    ];
    if path.zone != there.1 {
        parts.push((Component::Zone(words.zones[there.1 as usize]), Stage::Way));
    }
    parts
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
