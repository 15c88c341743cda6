//! From declared connections to the checks of a probe.

use std::collections::BTreeMap;

use phonehome_wire::{Check, CheckId, CheckKind, Expect, Purpose, TRIES_DEFAULT, Target};

use crate::members::Member;
use crate::model::{CheckType, Connection, Domain, EgressTarget, Fleet, Isolation, Nat, Region};

/// Somebody who may connect to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Whose probes do.
    pub member: Member,
    /// Where, with its Availability Zones.
    pub region: Region,
    /// By which check.
    pub check: CheckId,
}

impl Fleet {
    /// What the probes of a member test in a Region: its declared connections, the isolations, and
    /// its way out unless the environment has none. Each in the file's order; ids are unique.
    ///
    /// Empty where the member has no network.
    pub fn checks_for(&self, member: &Member, region: &str) -> Vec<Check> {
        if self.pool_for(&member.environment, region).is_none() {
            return vec![];
        }
        let mut checks = self.connection_checks(member, region);
        checks.extend(self.isolation_checks(member, region));
        let has_way_out = self.environment(&member.environment).is_some_and(|e| e.nat != Nat::None);
        if has_way_out {
            checks.extend(self.probing.egress.iter().map(|target| self.egress_check(target)));
        }
        checks
    }

    /// Whose probes may connect to what others must not: by endpoint (`host:port`) of each isolation, in the
    /// file's order. An endpoint that nobody may connect to has none.
    ///
    /// It makes the checks of every account: ask once for many reports.
    pub fn isolated(&self) -> BTreeMap<String, Vec<Source>> {
        let mut isolated: BTreeMap<String, Vec<Source>> = BTreeMap::new();
        let mut sources = Vec::new();
        for member in self.members() {
            for region in &self.regions {
                for check in self.checks_for(&member, &region.name) {
                    let endpoint = check.target.endpoint;
                    match check.expect {
                        Expect::Deny => drop(isolated.entry(endpoint).or_default()),
                        Expect::Connect if is_lookup(&check.kind) => {}
                        Expect::Connect => {
                            let (member, region) = (member.clone(), region.clone());
                            sources.push((endpoint, Source { member, region, check: check.id }));
                        }
                    }
                }
            }
        }
        for (endpoint, source) in sources {
            if let Some(sources) = isolated.get_mut(&endpoint) {
                sources.push(source);
            }
        }
        isolated
    }

    fn connection_checks(&self, member: &Member, region: &str) -> Vec<Check> {
        let mut checks = vec![];
        for connection in self.connections.iter().filter(|c| c.from == member.domain) {
            let Some((from, to)) = self.ends(&connection.from, &connection.to) else { continue };
            let environment = member.environment.as_str();
            if !connection_environments(connection, from, to).contains(&environment) {
                continue;
            }
            let target_environment = connection.target_environment(environment);
            let host = expand(&connection.check.host, target_environment, region);
            for port in connection.ports.iter().copied() {
                checks.push(Check {
                    id: CheckId(connection_id(connection, port)),
                    kind: kind(connection.check.check_type, &host, port),
                    expect: Expect::Connect,
                    purpose: Purpose::Connection,
                    target: target(&host, port, account_of(to, target_environment)),
                    timeout_ms: u64::from(self.probing.timeout_ms),
                    control: None,
                    every_minutes: 1,
                    tries: TRIES_DEFAULT,
                });
            }
        }
        checks
    }

    fn isolation_checks(&self, member: &Member, region: &str) -> Vec<Check> {
        let mut checks = vec![];
        for isolation in self.isolations.iter().filter(|i| i.from == member.domain) {
            let Some((from, to)) = self.ends(&isolation.from, &isolation.to) else { continue };
            if !isolation_environments(isolation, from, to).contains(&member.environment.as_str()) {
                continue;
            }
            let environment = isolation.to_environment.as_ref().unwrap_or(&member.environment);
            let host = expand(&isolation.host, environment, region);
            checks.push(Check {
                id: CheckId(isolation_id(isolation, &member.environment, region)),
                kind: kind(CheckType::Tcp, &host, isolation.port),
                expect: Expect::Deny,
                purpose: Purpose::Isolation,
                target: target(&host, isolation.port, account_of(to, environment)),
                timeout_ms: u64::from(self.probing.timeout_ms),
                control: Some(CheckId(isolation.control.clone())),
                every_minutes: self.probing.isolations_every_minutes,
                tries: TRIES_DEFAULT,
            });
        }
        checks
    }

    fn egress_check(&self, egress: &EgressTarget) -> Check {
        Check {
            id: CheckId(egress_id(egress)),
            kind: kind(CheckType::Tcp, &egress.host, egress.port),
            expect: Expect::Connect,
            purpose: Purpose::Egress,
            target: target(&egress.host, egress.port, None),
            timeout_ms: u64::from(self.probing.timeout_ms),
            control: None,
            every_minutes: 1,
            tries: TRIES_DEFAULT,
        }
    }

    fn ends(&self, from: &str, to: &str) -> Option<(&Domain, &Domain)> {
        self.domain(from).zip(self.domain(to))
    }
}

/// The environments of the source from which a connection is tested.
pub(crate) fn connection_environments<'f>(
    connection: &'f Connection,
    from: &'f Domain,
    to: &Domain,
) -> Vec<&'f str> {
    match &connection.to_environment {
        _ if !connection.environments.is_empty() => {
            connection.environments.iter().map(String::as_str).collect()
        }
        Some(target) => {
            let names = from.environments.iter().map(|entry| entry.name.as_str());
            // An account does not connect to itself.
            names.filter(|name| from.name != to.name || name != target).collect()
        }
        None => common_environments(from, to),
    }
}

/// The environments from which an isolation is tested.
pub(crate) fn isolation_environments<'f>(
    isolation: &'f Isolation,
    from: &'f Domain,
    to: &Domain,
) -> Vec<&'f str> {
    match &isolation.to_environment {
        _ if !isolation.environments.is_empty() => {
            isolation.environments.iter().map(String::as_str).collect()
        }
        Some(target) => {
            let names = from.environments.iter().map(|entry| entry.name.as_str());
            names.filter(|name| name != target).collect()
        }
        None => common_environments(from, to),
    }
}

fn common_environments<'f>(from: &'f Domain, to: &Domain) -> Vec<&'f str> {
    let names = from.environments.iter().map(|entry| entry.name.as_str());
    names.filter(|name| to.has_environment(name)).collect()
}

pub(crate) fn connection_id(connection: &Connection, port: u16) -> String {
    let Connection { from, to, to_environment, .. } = connection;
    let to_environment = to_environment.as_ref().map(|name| format!("-{name}")).unwrap_or_default();
    format!("connection/{from}-to-{to}{to_environment}/{port}")
}

pub(crate) fn egress_id(egress: &EgressTarget) -> String {
    format!("egress/{}/{}", egress.host, egress.port)
}

/// The host is a part of it: a domain may have several things that must not be reached.
/// `environment` is that of the source.
pub(crate) fn isolation_id(isolation: &Isolation, environment: &str, region: &str) -> String {
    let Isolation { from, to, to_environment, host, port, .. } = isolation;
    let host = expand(host, to_environment.as_deref().unwrap_or(environment), region);
    format!("isolation/{from}-to-{to}/{host}/{port}")
}

/// The host with its placeholders filled in.
pub(crate) fn expand(host: &str, environment: &str, region: &str) -> String {
    host.replace("{environment}", environment).replace("{region}", region)
}

/// Looking up a name is not reaching what it names.
fn is_lookup(kind: &CheckKind) -> bool {
    matches!(kind, CheckKind::Dns { .. })
}

fn kind(check_type: CheckType, host: &str, port: u16) -> CheckKind {
    let host = host.to_owned();
    match check_type {
        CheckType::Tcp => CheckKind::Tcp { host, port },
        CheckType::Tls => CheckKind::Tls { host, port, server_name: None },
    }
}

fn target(host: &str, port: u16, account: Option<String>) -> Target {
    Target { endpoint: format!("{host}:{port}"), account }
}

fn account_of(domain: &Domain, environment: &str) -> Option<String> {
    let entry = domain.environments.iter().find(|entry| entry.name == environment)?;
    Some(entry.account_name(&domain.name))
}
