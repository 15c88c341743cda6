//! What each path depends on, from what is declared: accounts, zones, gateways, routes, peerings, groups, targets.

use std::collections::BTreeMap;

use phonehome_localisation::{Builder, Component, Name, PathId, ProbeId, Segment, Stage, Topology};
use phonehome_wire::{AzId, Check, CheckKind, Expect, Purpose, Region, StackId};

use crate::{MemberKey, ProbeView, Symptom, World};

/// The paths of a world's probes and what they depend on, and what the components are called there.
pub(crate) struct Dependencies {
    pub(crate) topology: Topology,
    /// In the order of [`World::probes`].
    pub(crate) probes: Vec<Place>,
    pub(crate) named: BTreeMap<Name, Named>,
}

/// Where in the topology a probe is, and its paths, in the order of [`ProbeView::checks`].
pub(crate) struct Place {
    pub(crate) probe: ProbeId,
    pub(crate) paths: Vec<PathId>,
}

/// What a name is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    Region(Region),
    Zone(AzId),
    /// An account in a Region: its network.
    Stack(StackId),
    /// One zone of an account.
    Place(StackId, AzId),
    /// The network of an account of the fleet that has no probes, by the account's name.
    Account(String),
    /// Two accounts, by their names, in order.
    Peering(String, String),
    /// A host, and the name of the account that it belongs to, where that is one of the fleet's.
    Host(String, Option<String>),
    /// What a service of a host is called: its endpoint.
    Endpoint(String),
    Internet,
}

impl Dependencies {
    pub(crate) fn of(world: &World) -> Self {
        let mut collecting = Collecting {
            builder: Builder::default(),
            named: BTreeMap::new(),
            stacks: stacks(world),
            known: BTreeMap::new(),
        };
        let probes = world.probes.iter().map(|view| collecting.probe(view)).collect();
        Self { topology: collecting.builder.build(), probes, named: collecting.named }
    }
}

/// What is wrong when a path fails.
pub(crate) fn member(world: &World, topology: &Topology, path: PathId) -> Option<MemberKey> {
    let view = world.probes.get(topology.probe_of(path).number())?;
    let symptom = match topology.number_at_probe(path).checked_sub(1) {
        None => Symptom::Silent,
        Some(number) => Symptom::Down { check: view.checks.get(number)?.id.clone() },
    };
    Some(MemberKey { probe: view.key.clone(), symptom })
}

/// The stacks that have probes, by the account's name.
fn stacks(world: &World) -> BTreeMap<&str, Vec<StackId>> {
    let mut stacks: BTreeMap<&str, Vec<StackId>> = BTreeMap::new();
    for view in &world.probes {
        let known = stacks.entry(&view.account_name).or_default();
        let stack = view.key.stack();
        if !known.contains(&stack) {
            known.push(stack);
        }
    }
    stacks
}

struct Collecting<'w> {
    builder: Builder,
    named: BTreeMap<Name, Named>,
    stacks: BTreeMap<&'w str, Vec<StackId>>,
    /// What paths share, by what it is about.
    known: BTreeMap<Vec<(Component, Stage)>, Segment>,
}

impl Collecting<'_> {
    fn probe(&mut self, view: &ProbeView) -> Place {
        let report = self.report(view);
        let probe = self.builder.probe(&[report]);
        let source = self.source(view);
        Place { probe, paths: view.checks.iter().map(|check| self.path(view, check, source)).collect() }
    }

    /// The kind stands before the text, so that a host is never mistaken for an account.
    fn name(&mut self, kind: &str, text: &str, named: impl FnOnce() -> Named) -> Name {
        let name = self.builder.name(&format!("{kind}/{text}"));
        self.named.entry(name).or_insert_with(named);
        name
    }

    fn region(&mut self, region: &Region) -> Name {
        self.name("region", region.as_str(), || Named::Region(region.clone()))
    }

    fn zone(&mut self, zone: &AzId) -> Name {
        self.name("zone", zone.as_str(), || Named::Zone(zone.clone()))
    }

    fn stack(&mut self, stack: &StackId) -> Name {
        let text = format!("{}/{}", stack.account, stack.region);
        self.name("stack", &text, || Named::Stack(stack.clone()))
    }

    fn place(&mut self, stack: &StackId, zone: &AzId) -> Name {
        let text = format!("{}/{}/{zone}", stack.account, stack.region);
        self.name("place", &text, || Named::Place(stack.clone(), zone.clone()))
    }

    /// The network of the account that owns a target, as seen from a stack: the one in the same Region, where there
    /// is one.
    fn owner(&mut self, owner: &str, seen_from: &StackId) -> Name {
        let stacks = self.stacks.get(owner).map_or(&[][..], Vec::as_slice);
        let near = stacks.iter().find(|stack| stack.region == seen_from.region).or(stacks.first());
        match near.cloned() {
            Some(stack) => self.stack(&stack),
            None => self.name("account", owner, || Named::Account(owner.to_owned())),
        }
    }

    fn segment(&mut self, parts: Vec<(Component, Stage)>) -> Segment {
        if let Some(known) = self.known.get(&parts) {
            return *known;
        }
        let segment = self.builder.segment(&parts);
        self.known.insert(parts, segment);
        segment
    }

    /// What a report needs to arrive. Where it comes from is not cleared by it: probes report over AWS's own
    /// network, also where no packet gets out.
    fn report(&mut self, view: &ProbeView) -> Segment {
        let region = self.region(&view.key.region);
        let zone = self.zone(&view.key.availability_zone);
        let account = self.stack(&view.key.stack());
        self.segment(vec![
            (Component::Collector, Stage::Report),
            (Component::Reporting(account), Stage::Report),
            (Component::Probe { account, zone }, Stage::Report),
            (Component::Region(region), Stage::Run),
            (Component::Zone(zone), Stage::Run),
            (Component::Account(account), Stage::Run),
        ])
    }

    /// What everything needs that leaves a probe. A dead zone does not even reach its resolver, so names that are not
    /// resolved accuse the zone, too; they do not accuse the account, whose zones have the resolver in common.
    fn source(&mut self, view: &ProbeView) -> Segment {
        let region = self.region(&view.key.region);
        let zone = self.zone(&view.key.availability_zone);
        let account = self.stack(&view.key.stack());
        let place = self.place(&view.key.stack(), &view.key.availability_zone);
        self.segment(vec![
            (Component::Fleet, Stage::Way),
            (Component::Region(region), Stage::Way),
            (Component::Zone(zone), Stage::Way),
            (Component::Zone(zone), Stage::Resolve),
            (Component::Account(account), Stage::Way),
            (Component::ZoneOf { account, zone }, Stage::Way),
            (Component::Resolver(account), Stage::Resolve),
            (Component::Resolver(place), Stage::Resolve),
        ])
    }

    fn path(&mut self, view: &ProbeView, check: &Check, source: Segment) -> PathId {
        let (host, endpoint) = self.target(check);
        if check.expect == Expect::Deny {
            let account = self.stack(&view.key.stack());
            let isolation = Component::Isolation { account, target: host };
            let kept_apart = self.segment(vec![(isolation, Stage::Isolation)]);
            return self.builder.path(&[kept_apart]);
        }
        let account = self.stack(&view.key.stack());
        let target = self.segment(vec![
            (Component::Connection { account, target: host }, Stage::Way),
            (Component::Target(host), Stage::Target),
            (Component::Service { target: host, port: endpoint }, Stage::Target),
        ]);
        let way = match (&check.kind, check.purpose) {
            // It is over when the resolver has answered.
            (CheckKind::Dns { .. }, _) => None,
            (_, Purpose::Egress) => Some(self.way_out(view)),
            _ => check.target.account.as_ref().map(|owner| self.way_to(view, owner)),
        };
        let segments: Vec<Segment> = [Some(source), way, Some(target)].into_iter().flatten().collect();
        self.builder.path(&segments)
    }

    fn target(&mut self, check: &Check) -> (Name, Name) {
        let host = host(&check.kind).unwrap_or(&check.target.endpoint);
        let owner = check.target.account.as_ref();
        // Two accounts may call different hosts by one name.
        let text = format!("{host} {}", owner.map_or("", String::as_str));
        let host_name = self.name("host", &text, || Named::Host(host.to_owned(), owner.cloned()));
        let endpoint = &check.target.endpoint;
        (host_name, self.name("endpoint", endpoint, || Named::Endpoint(endpoint.clone())))
    }

    fn way_out(&mut self, view: &ProbeView) -> Segment {
        let stack = view.key.stack();
        let internet = self.name("internet", "", || Named::Internet);
        let (account, table) = (self.stack(&stack), self.place(&stack, &view.key.availability_zone));
        let mut parts = vec![
            (Component::WayOut(account), Stage::Way),
            (Component::Route { table, to: internet }, Stage::Way),
        ];
        match &view.nat_zone {
            None => parts.push((Component::Nat(account), Stage::Way)),
            Some(zone) => {
                parts.push((Component::Nat(self.place(&stack, zone)), Stage::Way));
                if *zone != view.key.availability_zone {
                    parts.push((Component::Zone(self.zone(zone)), Stage::Way));
                }
            }
        }
        self.segment(parts)
    }

    fn way_to(&mut self, view: &ProbeView, owner: &str) -> Segment {
        let stack = view.key.stack();
        let there = self.owner(owner, &stack);
        if there == self.stack(&stack) {
            return self.segment(vec![(Component::SecurityGroup(there), Stage::Way)]);
        }
        let mut both = [view.account_name.as_str(), owner];
        both.sort_unstable();
        let [one, other] = both;
        let text = format!("{one} {other} {}", stack.region);
        let peering = self.name("peering", &text, || Named::Peering(one.to_owned(), other.to_owned()));
        let table = self.place(&stack, &view.key.availability_zone);
        self.segment(vec![
            (Component::Peering(peering), Stage::Way),
            (Component::Route { table, to: peering }, Stage::Way),
            (Component::Route { table: there, to: peering }, Stage::Way),
            (Component::Account(there), Stage::Way),
            (Component::SecurityGroup(there), Stage::Way),
        ])
    }
}

/// The host that a check connects to, or the name that it looks up.
pub(crate) fn host(kind: &CheckKind) -> Option<&str> {
    match kind {
        CheckKind::Tcp { host, .. } | CheckKind::Tls { host, .. } => Some(host),
        CheckKind::Http { url, .. } | CheckKind::Egress { url, .. } => {
            let authority = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            let authority = authority.split(['/', '?', '#']).next().unwrap_or(authority);
            match authority.rsplit_once(':') {
                Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(host),
                _ => Some(authority),
            }
        }
        CheckKind::Dns { name, .. } => Some(name),
        CheckKind::Unknown => None,
    }
}
