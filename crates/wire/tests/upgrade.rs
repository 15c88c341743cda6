//! What travels between the hub and a probe is written as the release before wrote it: hub and probes are
//! deployed one after the other, and either may be the older one.

use phonehome_releases::{Release, exactly};
use phonehome_wire::{
    Check, CheckId, CheckKind, CheckResult, Class, Expect, HttpMethod, ProbeInput, Purpose, Report, Stage,
    TRIES_DEFAULT, Target, Verdict,
};
use serde_json::{Value, json};

fn id(name: &str) -> CheckId {
    CheckId(name.to_owned())
}

fn check(name: &str, kind: CheckKind) -> Check {
    Check {
        id: id(name),
        kind,
        expect: Expect::Connect,
        purpose: Purpose::Connection,
        target: Target { endpoint: format!("{name}:443"), account: None },
        timeout_ms: 3000,
        control: None,
        every_minutes: 1,
        tries: TRIES_DEFAULT,
    }
}

/// A check of every kind, with and without what may be absent.
fn input() -> ProbeInput {
    let host = || "payments.example.com".to_owned();
    let tcp = CheckKind::Tcp { host: host(), port: 443 };
    let tls = |server_name: Option<&str>| CheckKind::Tls {
        host: host(),
        port: 443,
        server_name: server_name.map(str::to_owned),
    };
    let dns = |nameserver: Option<&str>| CheckKind::Dns {
        name: host(),
        nameserver: nameserver.map(str::to_owned),
        record: None,
        expected: vec![],
    };
    let http = CheckKind::Http {
        url: "https://www.example.com/".into(),
        status: 200,
        method: HttpMethod::Get,
        statuses: vec![],
        header: None,
        body: None,
    };
    let account = Some("payments-prod".to_owned());
    ProbeInput {
        version: phonehome_wire::WIRE_VERSION,
        generation: 12,
        report_version: 1,
        timeout_s: 0,
        region: "us-east-1".parse().unwrap(),
        availability_zone: "use1-az1".parse().unwrap(),
        part: 0,
        rerun: false,
        checks: vec![
            Check { target: Target { endpoint: host(), account }, ..check("tcp", tcp.clone()) },
            Check { purpose: Purpose::Egress, ..check("tls", tls(None)) },
            check("tls-name", tls(Some("api.example.com"))),
            check("http", http),
            check("dns", dns(None)),
            check("dns-server", dns(Some("10.0.0.2:53"))),
            Check {
                expect: Expect::Deny,
                purpose: Purpose::Isolation,
                control: Some(id("tcp")),
                ..check("isolation", tcp)
            },
        ],
    }
}

/// A result of every kind and stage.
fn report() -> Report {
    let fail = |stage| Verdict::Fail { stage, class: Class::Other, error: "no answer within 3000 ms".into() };
    let stages = [Stage::Resolve, Stage::Connect, Stage::Tls, Stage::Request, Stage::Response, Stage::Open];
    let verdicts = [
        Verdict::Ok,
        Verdict::DenyProven,
        Verdict::Inconclusive { reason: "its control did not pass".into() },
        Verdict::ProbeError { reason: "no sockets are left".into() },
    ];
    let verdicts = verdicts.into_iter().chain(stages.map(fail)).enumerate();
    Report {
        version: phonehome_wire::WIRE_VERSION,
        account: "444455556666".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        availability_zone: "use1-az1".parse().unwrap(),
        part: 0,
        run_id: "8f0f3a52-6f0e-4a76-9a5e-0b3c7d1f2a10".into(),
        generation: 12,
        started_at_ms: 1_778_833_634_000,
        duration_ms: 41,
        clock_ahead_ms: 0,
        stalled_ms: 0,
        rerun: false,
        results: verdicts
            .map(|(number, verdict)| CheckResult {
                latency_ms: 12,
                ..CheckResult::new(id(&format!("check-{number}")), verdict)
            })
            .collect(),
    }
}

#[test]
fn an_input_is_written_just_as_by_the_release_before() {
    exactly("wire/probe-input.json", &json!(input()));
}

#[test]
fn a_report_is_written_just_as_by_the_release_before() {
    exactly("wire/report.json", &json!(report()));
}

#[test]
fn what_every_older_release_wrote_is_read_as_what_it_meant() {
    for release in Release::all() {
        let read = |path: &str| release.file(path).unwrap_or(Value::Null);
        let old: ProbeInput = serde_json::from_value(read("wire/probe-input.json")).unwrap();
        assert_eq!(old, input(), "{}", release.version);
        let old: Report = serde_json::from_value(read("wire/report.json")).unwrap();
        assert_eq!(old, report(), "{}", release.version);
    }
}
