//! What the inference blames, in the words of incidents.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_localisation::{Cause, Component, Name, PathId, Suspect as Blamed, Topology};
use phonehome_wire::{AzId, StackId};

use crate::dependencies::{Named, member};
use crate::{MemberKey, ProbeKey, ProbeView, Suspect, Symptom};

/// The probes, by what they are called.
pub(crate) type Views<'w> = BTreeMap<&'w ProbeKey, &'w ProbeView>;

/// Something that fails by itself.
pub(crate) fn alone(MemberKey { probe, symptom }: MemberKey) -> Suspect {
    match symptom {
        Symptom::Down { check } => Suspect::Path { probe, check },
        Symptom::Silent => Suspect::Probe { probe },
        Symptom::Inconclusive => Suspect::Prober { account: probe.account, region: probe.region },
    }
}

/// What there is to say of a cause, and of what fails for it.
pub(crate) struct Blame<'a> {
    /// The probes that are looked at by themselves.
    pub(crate) numbered: &'a [&'a ProbeView],
    pub(crate) views: &'a Views<'a>,
    pub(crate) topology: &'a Topology,
    pub(crate) named: &'a BTreeMap<Name, Named>,
    pub(crate) members: &'a BTreeSet<MemberKey>,
}

impl Blame<'_> {
    /// What may be to blame, the likeliest first; never empty where something fails.
    pub(crate) fn suspects(&self, cause: &Cause) -> Vec<Suspect> {
        let mut suspects: Vec<Suspect> = Vec::new();
        for suspect in cause.suspects.iter().filter_map(|blamed| self.suspect(*blamed)) {
            if !suspects.contains(&suspect) {
                suspects.push(suspect);
            }
        }
        // Of a single path more is known than of what it may be: what it aims at.
        if let Some(path) = suspects.iter().position(|suspect| matches!(suspect, Suspect::Path { .. })) {
            suspects[..=path].rotate_right(1);
        }
        // What a cause has in common with nothing else is the path, and so it is where nobody can be named.
        if suspects.is_empty() {
            suspects.extend(self.members.first().map(|key| alone(key.clone())));
        }
        suspects
    }

    fn suspect(&self, blamed: Blamed) -> Option<Suspect> {
        match blamed {
            Blamed::Path(path) => self.path(path),
            Blamed::Component(component) => self.component(component),
        }
    }

    fn path(&self, path: PathId) -> Option<Suspect> {
        member(self.numbered, self.topology, path).map(alone)
    }

    fn component(&self, component: Component) -> Option<Suspect> {
        Some(match component {
            Component::Fleet => Suspect::Fleet,
            Component::Collector => Suspect::Collector,
            Component::Region(name) => match self.named.get(&name)? {
                Named::Region(region) => Suspect::Region { region: region.clone() },
                _ => return None,
            },
            Component::Zone(name) => {
                Suspect::AvailabilityZone { account: None, availability_zone: self.zone(name)?.clone() }
            }
            Component::Account(name) => match self.named.get(&name)? {
                Named::Stack(StackId { account, region }) => {
                    Suspect::Account { account: account.clone(), region: region.clone() }
                }
                Named::Account(account) => Suspect::Network { account: account.clone() },
                _ => return None,
            },
            Component::Reporting(name) => {
                let StackId { account, region } = self.stack(name)?.clone();
                Suspect::Reporting { account, region }
            }
            Component::Resolver(name) => {
                let (StackId { account, region }, availability_zone) = self.place(name)?;
                Suspect::Resolver { account, region, availability_zone }
            }
            Component::WayOut(name) => {
                let StackId { account, region } = self.stack(name)?.clone();
                Suspect::WayOut { account, region }
            }
            Component::Nat(name) => {
                let (StackId { account, region }, availability_zone) = self.place(name)?;
                Suspect::NatGateway { account, region, availability_zone }
            }
            Component::ZoneOf { account, zone } => Suspect::AvailabilityZone {
                account: Some(self.stack(account)?.account.clone()),
                availability_zone: self.zone(zone)?.clone(),
            },
            Component::Probe { .. } => alone(self.members.first()?.clone()),
            Component::Route { table, to } => self.route(table, to)?,
            Component::Peering(name) => {
                let (one, other) = self.peering(name)?;
                Suspect::Peering { accounts: [one, other] }
            }
            Component::SecurityGroup(name) => Suspect::SecurityGroup { account: self.account(name)? },
            Component::Target(host) => {
                let (endpoint, account) = self.target(host)?;
                Suspect::Target { endpoint, account }
            }
            Component::Connection { account, target } => {
                let StackId { account, region } = self.stack(account)?.clone();
                let (endpoint, to) = self.target(target)?;
                Suspect::Connection { account, region, endpoint, to }
            }
            Component::Service { target, port } => match (self.named.get(&target)?, self.named.get(&port)?) {
                (Named::Host(_, account), Named::Endpoint(endpoint)) => {
                    Suspect::Target { endpoint: endpoint.clone(), account: account.clone() }
                }
                _ => return None,
            },
            Component::Isolation { account, target } => {
                let StackId { account, region } = self.stack(account)?.clone();
                let (endpoint, _) = self.target(target)?;
                Suspect::Isolation { account, region, endpoint }
            }
            // Nothing depends on these here: what is declared does not tell them from their zone.
            Component::Subnet(_) | Component::RouteTable(_) | Component::Address { .. } => return None,
        })
    }

    /// A host is called by its service while that is the only one that is tried.
    fn target(&self, host: Name) -> Option<(String, Option<String>)> {
        let Named::Host(host, account) = self.named.get(&host)? else { return None };
        let endpoint = self.only_endpoint().unwrap_or_else(|| host.clone());
        Some((endpoint, account.clone()))
    }

    /// The endpoint of all members, if that is one.
    fn only_endpoint(&self) -> Option<String> {
        let endpoint = |key: &MemberKey| {
            let Symptom::Down { check } = &key.symptom else { return None };
            let view = self.views.get(&key.probe)?;
            view.checks.iter().find(|it| it.id == *check).map(|it| it.target.endpoint.as_str())
        };
        let endpoints: BTreeSet<Option<&str>> = self.members.iter().map(endpoint).collect();
        match (endpoints.len(), endpoints.first()) {
            (1, Some(Some(endpoint))) => Some((*endpoint).to_owned()),
            _ => None,
        }
    }

    fn route(&self, table: Name, to: Name) -> Option<Suspect> {
        if let Named::Internet = self.named.get(&to)? {
            let (StackId { account, region }, availability_zone) = self.place(table)?;
            return Some(Suspect::InternetRoute { account, region, availability_zone: availability_zone? });
        }
        let (one, other) = self.peering(to)?;
        let from = self.account(table)?;
        let to = if from == one { other } else { one };
        let availability_zone = self.place(table).and_then(|(_, zone)| zone);
        Some(Suspect::PeerRoute { account: from, availability_zone, to })
    }

    fn peering(&self, name: Name) -> Option<(String, String)> {
        match self.named.get(&name)? {
            Named::Peering(one, other) => Some((one.clone(), other.clone())),
            _ => None,
        }
    }

    fn zone(&self, name: Name) -> Option<&AzId> {
        match self.named.get(&name)? {
            Named::Zone(zone) => Some(zone),
            _ => None,
        }
    }

    fn stack(&self, name: Name) -> Option<&StackId> {
        match self.named.get(&name)? {
            Named::Stack(stack) | Named::Place(stack, _) => Some(stack),
            _ => None,
        }
    }

    fn place(&self, name: Name) -> Option<(StackId, Option<AzId>)> {
        match self.named.get(&name)? {
            Named::Stack(stack) => Some((stack.clone(), None)),
            Named::Place(stack, zone) => Some((stack.clone(), Some(zone.clone()))),
            _ => None,
        }
    }

    /// The name of an account.
    fn account(&self, name: Name) -> Option<String> {
        match self.named.get(&name)? {
            Named::Account(account) => Some(account.clone()),
            Named::Stack(stack) | Named::Place(stack, _) => {
                let is_of = |key: &ProbeKey| key.account == stack.account && key.region == stack.region;
                self.views.iter().find(|(key, _)| is_of(key)).map(|(_, view)| view.account_name.clone())
            }
            _ => None,
        }
    }
}
