//! What one of two files declares, and who has it.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::AccountId;

use super::ways::{End, Way};
use crate::checks::connection_environments;
use crate::identity::{Bindings, Line};
use crate::members::Member;
use crate::model::{Connection, Fleet};

/// What one of the files declares, and who has it.
pub(super) struct Declared<'f> {
    pub(super) fleet: &'f Fleet,
    ends: BTreeMap<Line, End>,
    /// Of those, the ends that have this file.
    having: BTreeSet<End>,
    pub(super) ways: BTreeSet<Way>,
}

impl<'f> Declared<'f> {
    pub(super) fn of(fleet: &'f Fleet, bindings: &Bindings, has: impl Fn(&End) -> bool) -> Self {
        let end = |line: Line, account: Option<AccountId>| account.map_or(End::Line(line), End::Account);
        let ends: BTreeMap<Line, End> = fleet
            .members()
            .iter()
            .map(|it| (it.line(), end(it.line(), fleet.account_of(it, bindings))))
            .collect();
        let having = ends.values().filter(|end| has(end)).cloned().collect();
        let mut declared = Self { fleet, ends, having, ways: BTreeSet::new() };
        declared.ways = fleet.connections.iter().flat_map(|it| declared.ways_of(it)).collect();
        declared
    }

    pub(super) fn has(&self, end: &End) -> bool {
        self.having.contains(end)
    }

    pub(super) fn end(&self, domain: &str, environment: &str) -> Option<&End> {
        self.ends.get(&Line::new(domain, environment))
    }

    /// The ways between two that have this file.
    pub(super) fn own_ways(&self) -> impl Iterator<Item = &Way> {
        self.ways.iter().filter(|(from, to, _)| self.has(from) && self.has(to))
    }

    /// The members that have this file.
    pub(super) fn members(&self) -> impl Iterator<Item = Member> {
        let members = self.fleet.members().into_iter();
        members.filter(|it| self.end(&it.domain, &it.environment).is_some_and(|end| self.has(end)))
    }

    /// The environments of those who have this file.
    pub(super) fn environments(&self) -> BTreeMap<End, String> {
        let environment = |member: Member| {
            Some((self.end(&member.domain, &member.environment)?.clone(), member.environment))
        };
        self.members().filter_map(environment).collect()
    }

    fn ways_of(&self, connection: &Connection) -> Vec<Way> {
        let of_source = |source: &str| {
            let from = self.end(&connection.from, source)?;
            let to = self.end(&connection.to, connection.target_environment(source))?;
            Some((from, to))
        };
        let ends = self.sources(connection).into_iter().filter_map(of_source);
        ends.flat_map(|(from, to)| connection.ports.iter().map(move |port| (from.clone(), to.clone(), *port)))
            .collect()
    }

    fn sources<'c>(&self, connection: &'c Connection) -> Vec<&'c str>
    where
        'f: 'c,
    {
        let ends = self.fleet.domain(&connection.from).zip(self.fleet.domain(&connection.to));
        ends.map(|(from, to)| connection_environments(connection, from, to)).unwrap_or_default()
    }

    /// The file with those of its connections that are agreed on.
    pub(super) fn with(&self, agreed: &BTreeSet<Way>) -> Fleet {
        let connections = self.fleet.connections.iter().flat_map(|it| self.kept(it, agreed)).collect();
        Fleet { connections, ..self.fleet.clone() }
    }

    /// What is left of a connection: as it is declared, or for each set of ports the environments that have it.
    fn kept(&self, connection: &Connection, agreed: &BTreeSet<Way>) -> Vec<Connection> {
        let mut by_ports: Vec<(Vec<u16>, Vec<String>)> = Vec::new();
        for source in self.sources(connection) {
            let from = self.end(&connection.from, source);
            let to = self.end(&connection.to, connection.target_environment(source));
            let Some((from, to)) = from.zip(to) else { continue };
            // What is between others who have the other file is not read here.
            let is_others = !self.has(from) && !self.has(to);
            let is_kept = |port: &&u16| is_others || agreed.contains(&(from.clone(), to.clone(), **port));
            let ports: Vec<u16> = connection.ports.iter().filter(is_kept).copied().collect();
            match by_ports.iter_mut().find(|(known, _)| *known == ports) {
                Some((_, sources)) => sources.push(source.to_owned()),
                None => by_ports.push((ports, vec![source.to_owned()])),
            }
        }
        if by_ports.iter().all(|(ports, _)| *ports == connection.ports) {
            return vec![connection.clone()];
        }
        let some = by_ports.into_iter().filter(|(ports, _)| !ports.is_empty());
        some.map(|(ports, environments)| Connection { ports, environments, ..connection.clone() }).collect()
    }
}
