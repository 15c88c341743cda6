//! What each path depends on, from what is declared: accounts, zones, gateways, routes, peerings, groups, targets.

use std::collections::{BTreeMap, HashMap};

use phonehome_localisation::{Builder, Component, Name, PathId, ProbeId, Segment, Stage, Topology};
use phonehome_wire::{AzId, Expect, Purpose, Region, StackId};

use crate::{Aim, MemberKey, ProbeView, Symptom, World};

/// The paths of a world's probes and what they depend on, and what the components are called there.
pub(crate) struct Dependencies<'w> {
    pub(crate) topology: Topology,
    /// The probes that are looked at by themselves, as they are numbered, in the order of [`World::probes`].
    pub(crate) views: Vec<&'w ProbeView>,
    /// Where each of them is.
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

impl<'w> Dependencies<'w> {
    /// Of the probes that are looked at by themselves, and of whatever is told behind them.
    pub(crate) fn of(
        world: &'w World,
        views: Vec<&'w ProbeView>,
        tell_others: impl FnOnce(&mut Collecting<'w>),
    ) -> Self {
        let mut collecting = Collecting {
            builder: Builder::default(),
            named: BTreeMap::new(),
            stacks: stacks(world),
            targets: HashMap::new(),
            known: HashMap::new(),
            text: String::new(),
        };
        let probes = views.iter().map(|view| collecting.probe(view)).collect();
        tell_others(&mut collecting);
        Self { topology: collecting.builder.build(), views, probes, named: collecting.named }
    }
}

/// What is wrong when a path fails, of one of these probes.
pub(crate) fn member(views: &[&ProbeView], topology: &Topology, path: PathId) -> Option<MemberKey> {
    let view = views.get(topology.probe_of(path).number())?;
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
        let known = stacks.entry(&view.account_name).or_insert_with(|| Vec::with_capacity(1));
        if !known.iter().any(|stack| view.key.is_of(stack)) {
            known.push(view.key.stack());
        }
    }
    stacks
}

/// The topology while it is collected.
pub(crate) struct Collecting<'w> {
    pub(crate) builder: Builder,
    named: BTreeMap<Name, Named>,
    stacks: BTreeMap<&'w str, Vec<StackId>>,
    /// What was aimed at so far, by host, owner and endpoint, and what the host and the endpoint are called: most of it
    /// is what many aim at.
    targets: HashMap<(&'w str, Option<&'w str>, &'w str), (Name, Name)>,
    /// What paths share, by what it is about.
    known: HashMap<Box<[(Component, Stage)]>, Segment>,
    /// The name that is looked up.
    text: String,
}

/// A probe while its paths are collected: what it is called, and what all of its paths have in common.
struct Here<'w> {
    view: &'w ProbeView,
    stack: StackId,
    region: Name,
    zone: Name,
    account: Name,
    /// The zone of the account, and its route table.
    place: Name,
    source: Segment,
    /// The way out, once a path takes it.
    way_out: Option<Segment>,
}

impl<'w> Collecting<'w> {
    fn probe(&mut self, view: &'w ProbeView) -> Place {
        let mut here = self.here(view);
        let report = self.report(&here);
        let probe = self.builder.probe(&[report]);
        Place { probe, paths: view.checks.aims().map(|aim| self.path(&mut here, aim)).collect() }
    }

    fn here(&mut self, view: &'w ProbeView) -> Here<'w> {
        let stack = view.key.stack();
        let region = self.region(&view.key.region);
        let zone = self.zone(&view.key.availability_zone);
        let account = self.stack(&stack);
        let place = self.place(&stack, &view.key.availability_zone);
        let source = self.segment(source(region, zone, account, place));
        Here { view, stack, region, zone, account, place, source, way_out: None }
    }

    /// The kind stands before the text, so that a host is never mistaken for an account.
    fn name(&mut self, kind: &str, text: &str, named: impl FnOnce() -> Named) -> Name {
        self.text.clear();
        self.text.extend([kind, "/", text]);
        let name = self.builder.name(&self.text);
        self.named.entry(name).or_insert_with(named);
        name
    }

    pub(crate) fn region(&mut self, region: &Region) -> Name {
        self.name("region", region.as_str(), || Named::Region(region.clone()))
    }

    pub(crate) fn zone(&mut self, zone: &AzId) -> Name {
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
    pub(crate) fn owner(&mut self, owner: &str, seen_from: &StackId) -> Name {
        let stacks = self.stacks.get(owner).map_or(&[][..], Vec::as_slice);
        let near = stacks.iter().find(|stack| stack.region == seen_from.region).or(stacks.first());
        match near.cloned() {
            Some(stack) => self.stack(&stack),
            None => self.name("account", owner, || Named::Account(owner.to_owned())),
        }
    }

    pub(crate) fn segment<const N: usize>(&mut self, parts: [(Component, Stage); N]) -> Segment {
        if let Some(known) = self.known.get(&parts[..]) {
            return *known;
        }
        let segment = self.builder.segment(&parts);
        self.known.insert(parts.into(), segment);
        segment
    }

    /// What a report needs to arrive. Where it comes from is not cleared by it: probes report over AWS's own
    /// network, also where no packet gets out.
    fn report(&mut self, here: &Here<'_>) -> Segment {
        let Here { region, zone, account, .. } = *here;
        self.segment([
            (Component::Collector, Stage::Report),
            (Component::Reporting(account), Stage::Report),
            (Component::Probe { account, zone }, Stage::Report),
            (Component::Region(region), Stage::Run),
            (Component::Zone(zone), Stage::Run),
            (Component::Account(account), Stage::Run),
        ])
    }

    fn path(&mut self, here: &mut Here<'_>, aim: Aim<'w>) -> PathId {
        let (host, endpoint) = self.target(aim);
        let account = here.account;
        if aim.expect == Expect::Deny {
            let isolation = Component::Isolation { account, target: host };
            let kept_apart = self.segment([(isolation, Stage::Isolation)]);
            return self.builder.path(&[kept_apart]);
        }
        let target = self.segment([
            (Component::Connection { account, target: host }, Stage::Way),
            (Component::Target(host), Stage::Target),
            (Component::Service { target: host, port: endpoint }, Stage::Target),
        ]);
        let way = match aim.purpose {
            _ if aim.is_lookup => None,
            Purpose::Egress => Some(self.way_out(here)),
            _ => aim.account.map(|owner| self.way_to(here, owner)),
        };
        match way {
            Some(way) => self.builder.path(&[here.source, way, target]),
            None => self.builder.path(&[here.source, target]),
        }
    }

    pub(crate) fn target(&mut self, aim: Aim<'w>) -> (Name, Name) {
        let Aim { host, endpoint, account, .. } = aim;
        if let Some(known) = self.targets.get(&(host, account, endpoint)) {
            return *known;
        }
        // Two accounts may call different hosts by one name.
        let text = format!("{host} {}", account.unwrap_or_default());
        let named = || Named::Host(host.to_owned(), account.map(str::to_owned));
        let host_name = self.name("host", &text, named);
        let names = (host_name, self.name("endpoint", endpoint, || Named::Endpoint(endpoint.to_owned())));
        self.targets.insert((host, account, endpoint), names);
        names
    }

    fn way_out(&mut self, here: &mut Here<'_>) -> Segment {
        if let Some(known) = here.way_out {
            return known;
        }
        let to = self.name("internet", "", || Named::Internet);
        let (account, table) = (here.account, here.place);
        let out = [(Component::WayOut(account), Stage::Way), (Component::Route { table, to }, Stage::Way)];
        let [way_out, route] = out;
        let segment = match &here.view.nat_zone {
            None => self.segment([way_out, route, (Component::Nat(account), Stage::Way)]),
            Some(zone) => {
                let nat = (Component::Nat(self.place(&here.stack, zone)), Stage::Way);
                if *zone == here.view.key.availability_zone {
                    self.segment([way_out, route, nat])
                } else {
                    let zone = self.zone(zone);
                    self.segment([way_out, route, nat, (Component::Zone(zone), Stage::Way)])
                }
            }
        };
        here.way_out = Some(segment);
        segment
    }

    fn way_to(&mut self, here: &Here<'_>, owner: &str) -> Segment {
        let there = self.owner(owner, &here.stack);
        if there == here.account {
            return self.segment([(Component::SecurityGroup(there), Stage::Way)]);
        }
        let mut both = [here.view.account_name.as_str(), owner];
        both.sort_unstable();
        let [one, other] = both;
        let text = format!("{one} {other} {}", here.stack.region);
        let peering = self.name("peering", &text, || Named::Peering(one.to_owned(), other.to_owned()));
        let table = here.place;
        self.segment([
            (Component::Peering(peering), Stage::Way),
            (Component::Route { table, to: peering }, Stage::Way),
            (Component::Route { table: there, to: peering }, Stage::Way),
            (Component::Account(there), Stage::Way),
            (Component::SecurityGroup(there), Stage::Way),
        ])
    }
}

/// What everything needs that leaves a probe. A dead zone does not even reach its resolver, so names that are not
/// resolved accuse the zone, too; they do not accuse the account, whose zones have the resolver in common.
fn source(region: Name, zone: Name, account: Name, place: Name) -> [(Component, Stage); 8] {
    [
        (Component::Fleet, Stage::Way),
        (Component::Region(region), Stage::Way),
        (Component::Zone(zone), Stage::Way),
        (Component::Zone(zone), Stage::Resolve),
        (Component::Account(account), Stage::Way),
        (Component::ZoneOf { account, zone }, Stage::Way),
        (Component::Resolver(account), Stage::Resolve),
        (Component::Resolver(place), Stage::Resolve),
    ]
}
