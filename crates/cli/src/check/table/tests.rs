use phonehome_wire::{CheckId, Stage};

use super::*;

fn attempt_at(last: u8, approach: Approach, miss: Option<Miss>) -> Attempt {
    Attempt {
        address: std::net::IpAddr::from([10, 0, 0, last]),
        approach,
        connect_us: miss.is_none().then_some(1_234),
        tls_us: None,
        first_byte_us: None,
        total_us: 1_234,
        retransmissions: u32::from(miss.is_some()),
        rtt_us: 900,
        miss,
    }
}

#[test]
fn a_report_is_told_in_words_for_people() {
    let failed = Miss::Failed {
        stage: Stage::Connect,
        class: Class::ConnectTimeout,
        icmp: None,
        error: "no answer from 10.0.0.2:443 within 3000 ms".into(),
    };
    let detail = Detail {
        resolve_us: Some(2_000),
        sampled_of: Some(17),
        attempts: vec![
            attempt_at(1, Approach::First, None),
            attempt_at(2, Approach::First, Some(failed.clone())),
            attempt_at(2, Approach::OtherPort, Some(failed)),
        ],
        certificate: Some(Certificate {
            days_left: -3,
            subject: "CN=api.test".into(),
            issuer: "CN=Authority".into(),
            chain: 2,
        }),
        note: Some("worth knowing".into()),
        ..Detail::default()
    };
    let verdict = Verdict::Fail {
        stage: Stage::Connect,
        class: Class::ConnectTimeout,
        error: "1 of 2 addresses: no answer from 10.0.0.2:443 within 3000 ms".into(),
    };
    let result = CheckResult {
        latency_ms: 3_000,
        detail: Box::new(detail),
        ..CheckResult::new(CheckId("tls://api.test:443".into()), verdict)
    };
    let words = words(&result.verdict).1;
    assert!(words.starts_with("fails at TCP connect [connect-timeout]: 1 of 2"), "{words}");
    let expected = [
        "name resolved in 2.0 ms",
        "the name has 17 addresses: these are a sample",
        "10.0.0.1: connect 1.2 ms, round trip 0.9 ms",
        "10.0.0.2: round trip 0.9 ms, 1 segment sent again, no answer from 10.0.0.2:443 within 3000 ms",
        "10.0.0.2, from another source port: round trip 0.9 ms, 1 segment sent again, no answer from \
         10.0.0.2:443 within 3000 ms",
        "certificate CN=api.test, issuer CN=Authority, 2 certificates shown: ended 3 days ago",
        "worth knowing",
    ];
    let details = details(&result);
    assert_eq!(details.lines().map(str::trim).collect::<Vec<_>>(), expected);
}

#[test]
fn the_end_of_a_certificate_is_told_in_days() {
    for (days_left, words) in
        [(-1, "ended 1 day ago"), (0, "ends today"), (1, "ends in 1 day"), (90, "ends in 90 days")]
    {
        let (subject, issuer) = ("CN=a".to_owned(), "CN=b".to_owned());
        let line = certificate_line(&Certificate { days_left, subject, issuer, chain: 1 });
        assert!(line.ends_with(words), "{line}");
    }
}
