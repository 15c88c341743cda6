//! What a check has to come to.

use std::net::{IpAddr, Ipv4Addr};

use phonehome_checks::{Identity, Settings, run_with};
use phonehome_wire::{
    Check, CheckId, CheckKind, CheckResult, Class, Expect, ProbeInput, Purpose, REPORT_VERSION, Stage,
    TRIES_DEFAULT, Target, Verdict, WIRE_VERSION,
};

use crate::lab::PROBER;
use crate::servers::nameserver_address;

/// A name that the target's nameserver knows, as it knows all.
pub(crate) const NAME: &str = "host.test";
/// Ample for what answers, and for two SYNs.
const TIMEOUT_MS: u64 = 3_000;

/// What a check has to come to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected {
    /// It must connect, and does.
    Ok,
    /// Silence of all of these.
    Denied(&'static [Ipv4Addr]),
    /// It must connect, and does not.
    Fail(Stage, Class),
    /// It must not connect, and something came back.
    Open,
    /// Nothing is known.
    Inconclusive,
}

/// The same endpoint, once as what must connect and once as what must not.
pub(crate) fn both(kind: CheckKind, connect: Expected, deny: Expected) -> [(Check, Expected); 2] {
    [(must_connect(kind.clone()), connect), (must_not_connect(kind), deny)]
}

pub(crate) fn must_connect(kind: CheckKind) -> Check {
    check(kind, Expect::Connect)
}

pub(crate) fn must_not_connect(kind: CheckKind) -> Check {
    check(kind, Expect::Deny)
}

fn check(kind: CheckKind, expect: Expect) -> Check {
    Check {
        id: CheckId(String::new()),
        kind,
        expect,
        purpose: Purpose::default(),
        target: Target::default(),
        timeout_ms: TIMEOUT_MS,
        control: None,
        every_minutes: 1,
        tries: TRIES_DEFAULT,
    }
}

pub(crate) fn tcp(host: impl ToString, port: u16) -> CheckKind {
    CheckKind::Tcp { host: host.to_string(), port }
}

pub(crate) fn tls(host: impl ToString, port: u16) -> CheckKind {
    CheckKind::Tls { host: host.to_string(), port, server_name: None }
}

pub(crate) fn http(url: impl ToString) -> CheckKind {
    CheckKind::Http {
        url: url.to_string(),
        status: 200,
        method: phonehome_wire::HttpMethod::Get,
        statuses: vec![],
        header: None,
        body: None,
    }
}

/// The settings of a probe that asks the target's nameserver.
pub(crate) fn settings() -> Settings {
    Settings { nameserver: Some(nameserver_address()), ..Settings::default() }
}

/// Runs all of them at once from the prober's namespace, and compares.
#[track_caller]
pub(crate) fn expect<const N: usize>(cases: [(Check, Expected); N]) {
    expect_with(&settings(), cases);
}

#[track_caller]
pub(crate) fn expect_with<const N: usize>(settings: &Settings, cases: [(Check, Expected); N]) {
    let named = cases.each_ref().map(|(check, _)| check.clone()).into_iter().enumerate();
    let checks = named.map(|(number, check)| Check { id: CheckId(number.to_string()), ..check }).collect();
    let results = PROBER.inside(|| run(checks, settings));
    assert_eq!(results.len(), N);
    for ((check, expected), result) in cases.iter().zip(results) {
        let text = format!("{:?} of {:?}:\nexpected {expected:?}, got {result:?}", check.expect, check.kind);
        assert!(is_as_expected(&result, *expected), "{text}");
    }
}

fn run(checks: Vec<Check>, settings: &Settings) -> Vec<CheckResult> {
    let input = ProbeInput {
        version: WIRE_VERSION,
        generation: 1,
        region: "us-east-1".parse().expect("it is one"),
        availability_zone: "use1-az1".parse().expect("it is one"),
        part: 0,
        rerun: false,
        report_version: REPORT_VERSION,
        timeout_s: 0,
        checks,
    };
    let account = "444455556666".parse().expect("12 digits");
    let identity = Identity { account, run_id: "run-1".to_owned() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it can be made");
    runtime.block_on(run_with(&input, &identity, settings)).results
}

fn is_as_expected(result: &CheckResult, expected: Expected) -> bool {
    match (&result.verdict, expected) {
        (Verdict::Ok, Expected::Ok) | (Verdict::Inconclusive { .. }, Expected::Inconclusive) => true,
        (Verdict::Denied { .. }, Expected::Denied(addresses)) => {
            let addresses: Vec<IpAddr> = addresses.iter().copied().map(IpAddr::V4).collect();
            result.addresses == addresses
        }
        (Verdict::Fail { stage, class: found, .. }, Expected::Fail(expected, class)) => {
            (*stage, *found) == (expected, class)
        }
        (Verdict::Fail { stage, class, .. }, Expected::Open) => {
            (*stage, *class) == (Stage::Open, Class::Open)
        }
        _ => false,
    }
}
