//! Every old and new hub, probe and input side by side: while a roll-out is under way, and after one was taken
//! back, each meets the others.

mod first_release;

use phonehome_wire::{
    Approach, Attempt, Check, CheckId, CheckKind, CheckResult, Class, Detail, Expect, HttpMethod, Miss,
    ProbeInput, Purpose, REPORT_VERSION, RecordType, Report, Stage, StatusRange, TRIES_DEFAULT, Target,
    Verdict, WIRE_VERSION,
};
use serde_json::{Value, json};

use first_release as old;

fn check(id: &str, kind: CheckKind) -> Check {
    Check {
        id: CheckId(id.to_owned()),
        kind,
        expect: Expect::Connect,
        purpose: Purpose::Connection,
        target: Target { endpoint: format!("{id}.example.com:443"), account: Some("payments-prod".into()) },
        timeout_ms: 3_000,
        control: None,
        every_minutes: 1,
        tries: TRIES_DEFAULT,
    }
}

fn http(statuses: Vec<StatusRange>) -> CheckKind {
    CheckKind::Http {
        url: "https://web.example.com/".into(),
        status: 200,
        method: HttpMethod::Get,
        statuses,
        header: None,
        body: None,
    }
}

fn dns(record: Option<RecordType>) -> CheckKind {
    CheckKind::Dns { name: "web.example.com".into(), nameserver: None, record, expected: vec![] }
}

/// An input of the present hub. With `news`, checks of kinds that the first release does not know.
fn new_input(report_version: u32, news: bool) -> ProbeInput {
    let tcp = || CheckKind::Tcp { host: "db.example.com".into(), port: 5432 };
    let mut checks = vec![
        check("tcp", tcp()),
        check("http", http(vec![StatusRange { from: 200, to: 299 }])),
        check("dns", dns(Some(RecordType::Mx))),
        Check { expect: Expect::Deny, every_minutes: 5, tries: 1, ..check("isolation", tcp()) },
    ];
    if news {
        let url = "https://echo.example.com/".into();
        checks.push(check("egress", CheckKind::Egress { url, expected: vec![] }));
    }
    ProbeInput {
        version: WIRE_VERSION,
        generation: 12,
        report_version,
        timeout_s: 30,
        region: "us-east-1".parse().unwrap(),
        availability_zone: "use1-az1".parse().unwrap(),
        part: 0,
        rerun: false,
        checks,
    }
}

fn old_input() -> Value {
    let check = |id: &str, kind| old::Check {
        id: id.to_owned(),
        kind,
        expect: old::Expect::Connect,
        purpose: old::Purpose::Connection,
        target: old::Target { endpoint: format!("{id}.example.com:443"), account: None },
        timeout_ms: 3_000,
        control: None,
    };
    json!(old::ProbeInput {
        version: old::WIRE_VERSION,
        generation: 3,
        region: "us-east-1".into(),
        availability_zone: "use1-az1".into(),
        checks: vec![
            check("tcp", old::CheckKind::Tcp { host: "db.example.com".into(), port: 5432 }),
            check("http", old::CheckKind::Http { url: "https://web.example.com/".into(), status: 204 }),
        ],
    })
}

/// A report of the present probe: every verdict that it writes, with measurements.
fn new_report() -> Report {
    let address = [10, 0, 0, 1].into();
    let miss = Miss::Failed {
        stage: Stage::Tls,
        class: Class::CertExpired,
        icmp: None,
        error: "certificate expired".into(),
    };
    let attempt = Attempt {
        address,
        approach: Approach::OtherPort,
        connect_us: Some(900),
        tls_us: None,
        first_byte_us: None,
        total_us: 2_000,
        retransmissions: 1,
        rtt_us: 800,
        miss: Some(miss),
    };
    let detail = Detail { attempts: vec![attempt], ..Detail::default() };
    let fail =
        Verdict::Fail { stage: Stage::Tls, class: Class::CertExpired, error: "certificate expired".into() };
    let verdicts = [
        ("ok", Verdict::Ok),
        ("fail", fail),
        ("denied", Verdict::Denied { error: "no answer".into() }),
        ("inconclusive", Verdict::Inconclusive { reason: "unclear".into() }),
        ("error", Verdict::ProbeError { reason: "no memory".into() }),
    ];
    let result = |(id, verdict): (&str, Verdict)| CheckResult {
        latency_ms: 2,
        addresses: vec![address],
        detail: Box::new(detail.clone()),
        ..CheckResult::new(CheckId(id.into()), verdict)
    };
    Report {
        version: WIRE_VERSION,
        account: "444455556666".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        availability_zone: "use1-az1".parse().unwrap(),
        part: 0,
        run_id: "run-1".into(),
        generation: 12,
        started_at_ms: 1_778_833_634_000,
        duration_ms: 41,
        clock_ahead_ms: -7_200_000,
        stalled_ms: 120,
        rerun: false,
        results: verdicts.map(result).into(),
    }
}

#[test]
fn an_old_probe_reads_the_input_of_a_new_hub_as_long_as_its_code_knows_every_kind() {
    let known: old::ProbeInput = serde_json::from_value(json!(new_input(REPORT_VERSION, false))).unwrap();
    assert!(known.version <= old::WIRE_VERSION);
    assert_eq!(known.checks.len(), 4);
    // The reason why a probe's code comes before its input.
    let news = serde_json::from_value::<old::ProbeInput>(json!(new_input(REPORT_VERSION, true)));
    assert!(news.is_err());
}

#[test]
fn a_new_probe_reads_the_input_of_an_old_hub_and_answers_in_its_words() {
    let input: ProbeInput = serde_json::from_value(old_input()).unwrap();
    assert_eq!((input.checks.len(), input.report_version, input.timeout_s), (2, 1, 0));
    assert!(input.checks.iter().all(|check| check.every_minutes == 1));
    let written = json!(new_report().in_version(input.report_version));
    for later in ["clock_ahead_ms", "stalled_ms"] {
        assert!(written.get(later).is_none(), "{written}");
    }
    for result in written["results"].as_array().unwrap() {
        assert!(result.get("detail").is_none() && result.get("class").is_none(), "{result}");
    }
}

/// What each verdict of [`new_report`] is for the first release.
fn as_old_hubs_see_it() -> Vec<old::Verdict> {
    vec![
        old::Verdict::Ok,
        old::Verdict::Fail { stage: old::Stage::Tls, error: "certificate expired".into() },
        // It took refusals for denials, so what it calls proven is what it may not hear.
        old::Verdict::Inconclusive { reason: "no answer".into() },
        old::Verdict::Inconclusive { reason: "unclear".into() },
        old::Verdict::ProbeError { reason: "no memory".into() },
    ]
}

#[test]
fn a_hub_that_was_rolled_back_reads_reports_of_either_version() {
    for version in [1, REPORT_VERSION] {
        let written = json!(new_report().in_version(version));
        let read: old::Report = serde_json::from_value(written).unwrap();
        assert!(read.version <= old::WIRE_VERSION, "it would be refused");
        let verdicts: Vec<old::Verdict> = read.results.into_iter().map(|result| result.verdict).collect();
        assert_eq!(verdicts, as_old_hubs_see_it(), "version {version}");
    }
}

#[test]
fn a_new_hub_reads_reports_of_old_probes_and_of_its_own_in_either_version() {
    let old = json!(old::Report {
        version: old::WIRE_VERSION,
        account: "444455556666".into(),
        region: "us-east-1".into(),
        availability_zone: "use1-az1".into(),
        run_id: "run-1".into(),
        generation: 12,
        started_at_ms: 1,
        duration_ms: 2,
        results: vec![
            old::CheckResult { id: "a".into(), verdict: old::Verdict::DenyProven, latency_ms: 1 },
            old::CheckResult {
                id: "b".into(),
                verdict: old::Verdict::Fail { stage: old::Stage::Open, error: "open".into() },
                latency_ms: 1,
            },
        ],
    });
    let read: Report = serde_json::from_value(old).unwrap();
    assert_eq!(read.validate(&"444455556666".parse().unwrap()), Ok(()));
    assert_eq!(read.results[0].verdict, Verdict::DenyProven);
    assert!(matches!(read.results[1].verdict, Verdict::Fail { class: Class::Other, .. }));
    let whole = new_report();
    assert_eq!(serde_json::from_value::<Report>(json!(whole)).unwrap(), whole);
    let first = new_report().in_version(1);
    assert_eq!(serde_json::from_value::<Report>(json!(first)).unwrap(), first);
}

#[test]
fn a_new_probe_that_meets_a_newer_hub_tests_what_it_knows_and_says_what_it_does_not() {
    let mut value = json!(new_input(REPORT_VERSION + 1, true));
    value["checks"][0]["kind"] = json!({"type": "quantum", "entangled_with": "db"});
    value["checks"][1]["soon"] = json!(true);
    value["later"] = json!({});
    let input: ProbeInput = serde_json::from_value(value).unwrap();
    assert_eq!((input.checks.len(), &input.checks[0].kind), (5, &CheckKind::Unknown));
    assert_eq!(new_report().in_version(input.report_version), new_report(), "its newest");
}

#[test]
fn a_part_is_read_by_every_hub_and_probe_and_is_the_first_where_none_is_named() {
    let input = ProbeInput { part: 1, ..new_input(REPORT_VERSION, false) };
    let report = Report { part: 1, ..new_report() };
    assert!(serde_json::from_value::<old::ProbeInput>(json!(input)).is_ok());
    assert!(serde_json::from_value::<old::Report>(json!(report)).is_ok());
    assert_eq!(serde_json::from_value::<ProbeInput>(json!(input)).unwrap(), input);
    assert_eq!(serde_json::from_value::<Report>(json!(report)).unwrap(), report);
    for written in [json!(new_input(REPORT_VERSION, false)), json!(new_report())] {
        assert!(written.get("part").is_none(), "just as before");
        let part = serde_json::from_value::<Report>(written.clone()).map(|report| report.part);
        let part = part.or_else(|_| serde_json::from_value::<ProbeInput>(written).map(|input| input.part));
        assert_eq!(part.unwrap(), 0);
    }
}

/// A probe of an earlier release runs what it is given and does not say that it was a rerun, which the hub then knows from
/// what was given; a hub of an earlier release, which asks for none, reads what is still on its way.
#[test]
fn a_rerun_is_read_by_every_hub_and_probe_and_is_none_where_nobody_says_so() {
    let input = ProbeInput { rerun: true, ..new_input(REPORT_VERSION, false) };
    let report = Report { rerun: true, ..new_report() };
    assert!(serde_json::from_value::<old::ProbeInput>(json!(input)).is_ok());
    assert!(serde_json::from_value::<old::Report>(json!(report)).is_ok());
    assert_eq!(serde_json::from_value::<ProbeInput>(json!(input)).unwrap(), input);
    assert_eq!(serde_json::from_value::<Report>(json!(report)).unwrap(), report);
    assert!(report.in_version(1).rerun, "whatever the report says beside it");
    for written in [json!(new_input(REPORT_VERSION, false)), json!(new_report())] {
        assert!(written.get("rerun").is_none(), "just as before");
    }
    assert!(!serde_json::from_value::<ProbeInput>(old_input()).unwrap().rerun);
}
