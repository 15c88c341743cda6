//! A small fleet of which each test says what fails: accounts `a`, `b`, `c` …, three zones each, a target in each
//! account that all others connect to on two ports, and three hosts outside.

use phonehome_localisation::{
    Builder, Component, Explanation, Name, Outcome, PathId, Policy, ProbeId, Rules, Segment, Stage, State,
    Suspect,
};

pub(crate) const ZONES: [&str; 3] = ["az1", "az2", "az3"];

pub(crate) const POLICY: Policy = Policy {
    noise_ppm: 10_000,
    lost_ppm: 10_000,
    tick_ms: 1000,
    interval_ticks: 60,
    grace_ticks: 10,
    passes: 2,
    paths: 4000,
    false_notes_per_day: 1,
};

/// A path: from which probe (`a/az1`), what it tests (`b/443`, `out/one`, `not c`), and what came of it.
pub(crate) struct Seen {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) path: PathId,
    pub(crate) outcome: Outcome,
}

pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) paths: Vec<Seen>,
    probes: Vec<(String, ProbeId, bool)>,
    missed: Vec<(ProbeId, u32)>,
    pub(crate) now_ticks: u32,
}

impl World {
    pub(crate) fn new(accounts: usize) -> Self {
        Self::with(accounts, POLICY)
    }

    pub(crate) fn with(accounts: usize, policy: Policy) -> Self {
        let names: Vec<String> = ('a'..='z').take(accounts).map(String::from).collect();
        let mut builder = Builder::default();
        let (mut probes, mut paths) = (Vec::new(), Vec::new());
        for account in &names {
            for zone in ZONES {
                let probe = format!("{account}/{zone}");
                let id = add_probe(&mut builder, account, zone);
                let source = source(&mut builder, account, zone);
                let mut add = |builder: &mut Builder, to: String, segments: &[Segment]| {
                    let path = builder.path(segments);
                    paths.push(Seen { from: probe.clone(), to, path, outcome: Outcome::Pass });
                };
                for host in ["one", "two", "three"] {
                    let outside = outside(&mut builder, account, zone, host);
                    add(&mut builder, format!("out/{host}"), &[source, outside]);
                }
                for target in names.iter().filter(|it| *it != account) {
                    for port in ["443", "5432"] {
                        let way = way(&mut builder, account, zone, target, port);
                        add(&mut builder, format!("{target}/{port}"), &[source, way]);
                    }
                    let isolation =
                        Component::Isolation { account: builder.name(account), target: builder.name(target) };
                    let isolation = builder.segment(&[(isolation, Stage::Isolation)]);
                    add(&mut builder, format!("not {target}"), &[isolation]);
                }
                probes.push((probe, id, true));
            }
        }
        let state = State::new(builder.build(), Rules::of(policy));
        Self { state, paths, probes, missed: Vec::new(), now_ticks: 1000 }
    }

    pub(crate) fn probe(&self, account: usize, zone: usize) -> ProbeId {
        self.probes[account * ZONES.len() + zone].1
    }

    pub(crate) fn path(&self, account: usize, zone: usize, to: &str) -> PathId {
        let from = &self.probes[account * ZONES.len() + zone].0;
        self.paths.iter().find(|it| it.from == *from && it.to == to).expect("there is such a path").path
    }

    /// What comes of this path until it is mended.
    pub(crate) fn fail(&mut self, path: PathId, outcome: Outcome) {
        let seen = self.paths.iter_mut().find(|it| it.path == path).expect("there is such a path");
        seen.outcome = outcome;
    }

    /// What comes of paths, by where they come from and what they test; isolations go on being proven.
    pub(crate) fn fail_where(&mut self, fails: impl Fn(&str, &str) -> Option<Outcome>) {
        for seen in self.paths.iter_mut().filter(|it| !it.to.starts_with("not ")) {
            if let Some(outcome) = fails(&seen.from, &seen.to) {
                seen.outcome = outcome;
            }
        }
    }

    pub(crate) fn mend(&mut self) {
        self.paths.iter_mut().for_each(|seen| seen.outcome = Outcome::Pass);
        self.probes.iter_mut().for_each(|(_, _, reports)| *reports = true);
    }

    pub(crate) fn silence(&mut self, is_silent: impl Fn(&str) -> bool) {
        for (name, _, reports) in &mut self.probes {
            *reports &= !is_silent(name);
        }
    }

    /// So many minutes: all probes report, one after the other.
    pub(crate) fn minutes(&mut self, count: u32) {
        for _ in 0..count {
            self.each_report(|_| ());
        }
    }

    /// A minute; what is to be done after each report.
    pub(crate) fn each_report(&mut self, mut then: impl FnMut(&mut Self)) {
        let start_ticks = self.now_ticks;
        for number in 0..self.probes.len() {
            self.now_ticks = start_ticks + u32::try_from(number * 59 / self.probes.len()).expect("a minute");
            let (name, id, reports) = self.probes[number].clone();
            if reports {
                self.report(&name);
            } else {
                self.missed.push((id, self.now_ticks));
            }
            self.state.miss(self.now_ticks);
            then(self);
        }
        self.now_ticks = start_ticks + 60;
        self.state.miss(self.now_ticks);
    }

    /// One probe reports now.
    pub(crate) fn report(&mut self, probe: &str) {
        let (_, id, _) =
            self.probes.iter().find(|(name, _, _)| name == probe).expect("there is such a probe");
        self.state.report(*id, self.now_ticks);
        for seen in self.paths.iter().filter(|it| it.from == probe) {
            self.state.observe(seen.path, self.now_ticks, seen.outcome);
        }
    }

    /// What was missed arrives after all.
    pub(crate) fn catch_up(&mut self) {
        for (probe, at_ticks) in std::mem::take(&mut self.missed) {
            self.state.report(probe, at_ticks);
        }
    }

    pub(crate) fn explain(&self) -> Explanation {
        self.state.explain(self.now_ticks)
    }

    /// What is most likely broken, in words; what cannot be told apart with ` | ` between.
    pub(crate) fn causes(&self) -> Vec<String> {
        let word = |suspect: &Suspect| self.word(*suspect);
        let cause = |suspects: &[Suspect]| suspects.iter().map(word).collect::<Vec<_>>().join(" | ");
        self.explain().causes.iter().map(|it| cause(&it.suspects)).collect()
    }

    pub(crate) fn word(&self, suspect: Suspect) -> String {
        let text = |name: Name| self.state.topology().text(name);
        let component = match suspect {
            Suspect::Component(component) => component,
            Suspect::Path(path) => {
                let seen = self.paths.iter().find(|it| it.path == path).expect("there is such a path");
                return format!("path {} {}", seen.from, seen.to);
            }
        };
        match component {
            Component::Fleet => "fleet".to_owned(),
            Component::Collector => "collector".to_owned(),
            Component::Region(name) => format!("region {}", text(name)),
            Component::Zone(name) => format!("zone {}", text(name)),
            Component::Account(name) => format!("account {}", text(name)),
            Component::Reporting(name) => format!("reporting {}", text(name)),
            Component::Resolver(name) => format!("resolver {}", text(name)),
            Component::WayOut(name) => format!("way out {}", text(name)),
            Component::ZoneOf { account, zone } => format!("zone {} {}", text(account), text(zone)),
            Component::Subnet(name) => format!("subnet {}", text(name)),
            Component::RouteTable(name) => format!("route table {}", text(name)),
            Component::Route { table, to } => format!("route {} {}", text(table), text(to)),
            Component::Nat(name) => format!("nat {}", text(name)),
            Component::Peering(name) => format!("peering {}", text(name)),
            Component::SecurityGroup(name) => format!("group {}", text(name)),
            Component::Target(name) => format!("target {}", text(name)),
            Component::Service { target, port } => format!("service {} {}", text(target), text(port)),
            Component::Address { target, address } => format!("address {} {}", text(target), text(address)),
            Component::Probe { account, zone } => format!("probe {} {}", text(account), text(zone)),
            Component::Connection { account, target } => {
                format!("connection {} {}", text(account), text(target))
            }
            Component::Isolation { account, target } => {
                format!("isolation {} {}", text(account), text(target))
            }
        }
    }
}

fn add_probe(builder: &mut Builder, account: &str, zone: &str) -> ProbeId {
    let (account, zone, region) = (builder.name(account), builder.name(zone), builder.name("use1"));
    let report = builder.segment(&[
        (Component::Collector, Stage::Report),
        (Component::Reporting(account), Stage::Report),
        (Component::Probe { account, zone }, Stage::Report),
        (Component::Region(region), Stage::Run),
        (Component::Zone(zone), Stage::Run),
        (Component::Account(account), Stage::Run),
    ]);
    builder.probe(&[report])
}

fn source(builder: &mut Builder, account: &str, zone: &str) -> Segment {
    let place = builder.name(&format!("{account}/{zone}"));
    let (account, zone, region) = (builder.name(account), builder.name(zone), builder.name("use1"));
    builder.segment(&[
        (Component::Fleet, Stage::Way),
        (Component::Region(region), Stage::Way),
        (Component::Zone(zone), Stage::Way),
        (Component::Account(account), Stage::Way),
        (Component::ZoneOf { account, zone }, Stage::Way),
        (Component::Subnet(place), Stage::Way),
        (Component::RouteTable(place), Stage::Way),
        (Component::Resolver(account), Stage::Resolve),
    ])
}

fn outside(builder: &mut Builder, account: &str, zone: &str, host: &str) -> Segment {
    let table = builder.name(&format!("{account}/{zone}"));
    let (account, host, to) = (builder.name(account), builder.name(host), builder.name("internet"));
    builder.segment(&[
        (Component::Route { table, to }, Stage::Way),
        (Component::Nat(table), Stage::Way),
        (Component::WayOut(account), Stage::Way),
        (Component::Target(host), Stage::Target),
    ])
}

fn way(builder: &mut Builder, account: &str, zone: &str, target: &str, port: &str) -> Segment {
    let table = builder.name(&format!("{account}/{zone}"));
    let (first, second) = if account < target { (account, target) } else { (target, account) };
    let peering = builder.name(&format!("{first} {second}"));
    let (target, port) = (builder.name(target), builder.name(port));
    builder.segment(&[
        (Component::Route { table, to: peering }, Stage::Way),
        (Component::Peering(peering), Stage::Way),
        (Component::Account(target), Stage::Way),
        (Component::SecurityGroup(target), Stage::Way),
        (Component::Target(target), Stage::Target),
        (Component::Service { target, port }, Stage::Target),
    ])
}
