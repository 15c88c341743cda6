//! One declaration becomes one check.

use phonehome_wire::{
    Check, CheckId, CheckKind, Expect, ExpectedHeader, HttpMethod, Purpose, RecordType, StatusRange,
    TRIES_DEFAULT, Target,
};

use super::ids::{connection_id, egress_id, expand, isolation_id, team_check_id};
use crate::model::{
    CheckType, Connection, Domain, EgressTarget, Exchange, HttpUrl, Isolation, Pace, Probing, Scheme,
    TeamCheck,
};

/// The status of an answer that is right unless something else is said.
const OK: u16 = 200;
/// What a service of AWS's answers without a signature: a refusal, a redirect, or something. Nothing of
/// that is a fault of the way there, as an error of its own would be.
const ANSWERS: StatusRange = StatusRange { from: 200, to: 499 };

/// From where something is tested, and how unless it says otherwise.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'f> {
    pub(crate) environment: &'f str,
    pub(crate) region: &'f str,
    pub(crate) probing: &'f Probing,
}

/// What is connected to.
struct Endpoint<'e> {
    host: String,
    port: u16,
    check_type: CheckType,
    exchange: &'e Exchange,
}

pub(crate) fn connection(connection: &Connection, port: u16, to: &Domain, origin: Origin<'_>) -> Check {
    let environment = connection.target_environment(origin.environment);
    let fill = |text: &str| expand(text, environment, origin.region);
    let Connection { check, .. } = connection;
    let host = fill(&check.host);
    let target = target(&host, port, account_of(to, environment));
    let endpoint = Endpoint { host, port, check_type: check.check_type, exchange: &check.exchange };
    let id = connection_id(connection, port);
    connecting(id, kind(endpoint, fill), Purpose::Connection, target, &check.pace, origin)
}

pub(crate) fn isolation(isolation: &Isolation, to: &Domain, origin: Origin<'_>) -> Check {
    let environment = isolation.to_environment.as_deref().unwrap_or(origin.environment);
    let host = expand(&isolation.host, environment, origin.region);
    let every_minutes = isolation.every_minutes.unwrap_or(origin.probing.isolations_every_minutes);
    Check {
        id: CheckId(isolation_id(isolation, origin.environment, origin.region)),
        target: target(&host, isolation.port, account_of(to, environment)),
        kind: CheckKind::Tcp { host, port: isolation.port },
        expect: Expect::Deny,
        purpose: Purpose::Isolation,
        timeout_ms: u64::from(origin.probing.timeout_ms),
        control: Some(CheckId(isolation.control.clone())),
        every_minutes,
        tries: TRIES_DEFAULT,
    }
}

pub(crate) fn team_check(check: &TeamCheck, origin: Origin<'_>) -> Check {
    let fill = |text: &str| expand(text, origin.environment, origin.region);
    let host = fill(&check.host);
    let (kind, target) = match check.check_type.connects() {
        Some(check_type) => {
            let port = check.port.unwrap_or_default();
            let target = target(&host, port, None);
            (kind(Endpoint { host, port, check_type, exchange: &check.exchange }, fill), target)
        }
        None => {
            let target = Target { endpoint: host.clone(), account: None };
            (lookup(check, host, fill), target)
        }
    };
    connecting(team_check_id(check), kind, Purpose::Connection, target, &check.pace, origin)
}

pub(crate) fn egress(egress: &EgressTarget, origin: Origin<'_>) -> Check {
    let (kind, target, pace) = match egress {
        EgressTarget::Host(it) => {
            let kind = CheckKind::Tcp { host: it.host.clone(), port: it.port };
            (kind, target(&it.host, it.port, None), &it.pace)
        }
        EgressTarget::Echo(it) => {
            let kind = CheckKind::Egress { url: it.echo.to_string(), expected: it.expected.clone() };
            (kind, target(&it.echo.host, it.echo.port, None), &it.pace)
        }
        EgressTarget::Aws(it) => {
            let url = HttpUrl {
                scheme: Scheme::Https,
                host: format!("{}.{}.amazonaws.com", it.aws, origin.region),
                port: Scheme::Https.default_port(),
                path: "/".to_owned(),
            };
            let target = target(&url.host, url.port, None);
            (request(&url, HttpMethod::Get, &[ANSWERS]), target, &it.pace)
        }
    };
    connecting(egress_id(egress), kind, Purpose::Egress, target, pace, origin)
}

/// A check that must succeed.
fn connecting(
    id: String,
    kind: CheckKind,
    purpose: Purpose,
    target: Target,
    pace: &Pace,
    origin: Origin<'_>,
) -> Check {
    Check {
        id: CheckId(id),
        kind,
        expect: Expect::Connect,
        purpose,
        target,
        timeout_ms: u64::from(pace.timeout_ms.unwrap_or(origin.probing.timeout_ms)),
        control: None,
        every_minutes: pace.every_minutes.unwrap_or(1),
        tries: pace.tries.unwrap_or(TRIES_DEFAULT),
    }
}

fn kind(endpoint: Endpoint, fill: impl Fn(&str) -> String) -> CheckKind {
    let Endpoint { host, port, check_type, exchange } = endpoint;
    match check_type {
        CheckType::Tcp => CheckKind::Tcp { host, port },
        CheckType::Tls => {
            CheckKind::Tls { host, port, server_name: exchange.server_name.as_deref().map(fill) }
        }
        CheckType::Http => http(Scheme::Http, host, port, exchange, fill),
        CheckType::Https => http(Scheme::Https, host, port, exchange, fill),
    }
}

fn http(
    scheme: Scheme,
    host: String,
    port: u16,
    exchange: &Exchange,
    fill: impl Fn(&str) -> String,
) -> CheckKind {
    let path = exchange.path.as_deref().map_or_else(|| "/".to_owned(), fill);
    let mut kind = request(&HttpUrl { scheme, host, port, path }, exchange.method, &exchange.status);
    if let CheckKind::Http { header, body, .. } = &mut kind {
        let expected = exchange.header.clone();
        *header = expected.map(|it| ExpectedHeader { name: it.name, contains: it.contains });
        body.clone_from(&exchange.body);
    }
    kind
}

/// One status alone is written as the first release reads it.
fn request(url: &HttpUrl, method: HttpMethod, expected: &[StatusRange]) -> CheckKind {
    let first = expected.first().map_or(OK, |range| range.from);
    let statuses = match expected {
        [] => vec![],
        [one] if one.from == one.to => vec![],
        several => several.to_vec(),
    };
    CheckKind::Http { url: url.to_string(), status: first, method, statuses, header: None, body: None }
}

fn lookup(check: &TeamCheck, name: String, fill: impl Fn(&str) -> String) -> CheckKind {
    // The braces of a text, and addresses, are what they are.
    let holds_names =
        !matches!(check.record, None | Some(RecordType::A | RecordType::Aaaa | RecordType::Txt));
    let expected = check.expected.iter();
    let expected = expected.map(|text| if holds_names { fill(text) } else { text.clone() }).collect();
    CheckKind::Dns { name, nameserver: check.nameserver.clone(), record: check.record, expected }
}

fn target(host: &str, port: u16, account: Option<String>) -> Target {
    Target { endpoint: format!("{host}:{port}"), account }
}

fn account_of(domain: &Domain, environment: &str) -> Option<String> {
    let entry = domain.environments.iter().find(|entry| entry.name == environment)?;
    Some(entry.account_name(&domain.name))
}
