use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::{Approach, Attempt, Certificate, CheckId, Stage, WIRE_VERSION};

fn report(results: Vec<CheckResult>) -> Report {
    Report {
        version: WIRE_VERSION,
        account: "444455556666".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        availability_zone: "use1-az1".parse().unwrap(),
        part: 0,
        run_id: "7f1c".into(),
        generation: 1,
        started_at_ms: 1,
        duration_ms: 2,
        clock_ahead_ms: 5,
        stalled_ms: 6,
        rerun: false,
        results,
    }
}

fn result(verdict: Verdict) -> CheckResult {
    CheckResult {
        latency_ms: 1,
        addresses: vec![[10, 0, 0, 1].into(); 2 * ADDRESSES_MAX],
        ..CheckResult::new(CheckId("connection/shop-to-payments/443".into()), verdict)
    }
}

fn fail(error: impl Into<String>) -> Verdict {
    Verdict::Fail { stage: Stage::Connect, class: Class::ConnectTimeout, error: error.into() }
}

fn attempt(last: u8, total_us: u64, error: Option<&str>) -> Attempt {
    let miss = |error: &str| Miss::Failed {
        stage: Stage::Connect,
        class: Class::ConnectTimeout,
        icmp: None,
        error: error.to_owned(),
    };
    Attempt {
        address: IpAddr::from([10, 0, 0, last]),
        approach: Approach::First,
        connect_us: Some(total_us),
        tls_us: None,
        first_byte_us: None,
        total_us,
        retransmissions: 1,
        rtt_us: 400,
        miss: error.map(miss),
    }
}

fn measured(verdict: Verdict, attempts: Vec<Attempt>) -> CheckResult {
    CheckResult { detail: Box::new(Detail { attempts, ..Detail::default() }), ..result(verdict) }
}

fn text_of(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Fail { error: text, .. }
        | Verdict::Denied { error: text }
        | Verdict::Inconclusive { reason: text }
        | Verdict::ProbeError { reason: text } => text,
        Verdict::Ok | Verdict::DenyProven => "",
    }
}

#[test]
fn every_text_is_cut_to_its_limit_and_a_short_one_stays_as_it_is() {
    let long = "ü\u{1b}".repeat(TEXT_CHARS_MAX);
    let mut clipped = report(vec![
        result(fail(long.clone())),
        result(Verdict::Inconclusive { reason: long.clone() }),
        result(Verdict::Denied { error: long.clone() }),
        result(Verdict::ProbeError { reason: long.clone() }),
        result(fail("x".repeat(TEXT_CHARS_MAX))),
    ]);
    clipped.run_id = long;
    clipped.clip();
    assert!(clipped.results.iter().all(|result| result.addresses.len() == ADDRESSES_MAX));
    let mut texts: Vec<&str> = clipped.results.iter().map(|result| text_of(&result.verdict)).collect();
    assert_eq!(texts.pop().unwrap(), "x".repeat(TEXT_CHARS_MAX));
    for text in texts {
        assert_eq!(text.chars().count(), TEXT_CHARS_MAX);
        assert!(text.len() <= TEXT_BYTES_MAX);
        assert!(text.ends_with('…') && !text.chars().any(char::is_control));
    }
    let mut wide = "😀".repeat(TEXT_CHARS_MAX);
    clip(&mut wide, TEXT_CHARS_MAX);
    assert!(wide.len() <= TEXT_BYTES_MAX && wide.ends_with('…'), "{} bytes", wide.len());
    assert_eq!(clipped.run_id.chars().count(), RUN_ID_CHARS_MAX);
}

#[test]
fn measurements_are_cut_to_their_limits_too() {
    let long = "x\u{7}".repeat(TEXT_CHARS_MAX);
    let certificate = Certificate { days_left: 1, subject: long.clone(), issuer: long.clone(), chain: 1 };
    let detail = Detail {
        attempts: vec![attempt(1, 1, Some(&long)); ATTEMPTS_MAX + 1],
        certificate: Some(certificate),
        answers: vec![long.clone(); ANSWERS_MAX + 1],
        note: Some(long),
        ..Detail::default()
    };
    let mut clipped = report(vec![CheckResult { detail: Box::new(detail), ..result(Verdict::Ok) }]);
    clipped.clip();
    let Detail { attempts, certificate, answers, note, .. } = &*clipped.results[0].detail;
    assert_eq!((attempts.len(), answers.len()), (ATTEMPTS_MAX, ANSWERS_MAX));
    let written = serde_json::to_string(&(attempts, certificate, answers, note)).unwrap();
    assert!(written.len() < 100_000 && !written.contains("\\u0007"), "{} bytes", written.len());
}

#[test]
fn a_hub_that_asks_for_the_first_version_gets_no_measurements() {
    let whole = report(vec![measured(fail("no answer"), vec![attempt(1, 1, Some("no answer"))])]);
    assert_eq!(whole.clone().in_version(REPORT_VERSION + 7), whole);
    let first = serde_json::to_value(whole.in_version(1)).unwrap();
    for key in ["clock_ahead_ms", "stalled_ms"] {
        assert!(first.get(key).is_none(), "{first}");
    }
    for key in ["detail", "class"] {
        assert!(first["results"][0].get(key).is_none(), "{first}");
    }
}

#[test]
fn of_a_report_that_grows_large_successes_are_summarised_and_failures_kept() {
    let attempts = || (1..=16).map(|last| attempt(last, u64::from(last), None)).collect();
    let failed = || vec![attempt(1, 9, Some("no answer from 10.0.0.1:443 within 3000 ms"))];
    let mut results = vec![measured(Verdict::Ok, attempts()); 40];
    results.push(measured(fail("no answer"), failed()));
    let mut cut = report(results);
    cut.fit(20_000, 200_000);
    let (kept, summarised) = (&cut.results[40].detail, &cut.results[0].detail);
    assert_eq!((kept.attempts.len(), kept.attempts_cut), (1, 0));
    assert_eq!((summarised.attempts.len(), summarised.attempts_cut), (1, 15));
    assert_eq!(summarised.attempts[0].total_us, 16, "the slowest");
}

#[test]
fn a_small_report_is_sent_as_it_is() {
    let whole = report(vec![measured(Verdict::Ok, vec![attempt(1, 1, None), attempt(2, 2, None)])]);
    let mut sent = whole.clone();
    sent.fit(10_000, 20_000);
    assert_eq!(sent, whole);
}

proptest! {
    #[test]
    fn a_report_of_any_size_fits_and_has_all_its_verdicts(
        checks in 1_usize..200, addresses in 1_u8..17, error in "[a-z ]{0,300}", all_fail in any::<bool>(),
    ) {
        let attempts: Vec<Attempt> =
            (0..addresses).map(|last| attempt(last, 1, all_fail.then_some(error.as_str()))).collect();
        let verdict = if all_fail { fail(error.clone()) } else { Verdict::Ok };
        let mut sent = report(vec![measured(verdict, attempts); checks]);
        sent.fit(50_000, 100_000);
        prop_assert!(sent.bytes() <= 100_000, "{} bytes", sent.bytes());
        prop_assert_eq!(sent.results.len(), checks);
        for result in &sent.results {
            prop_assert_eq!(result.detail.attempts.len() + result.detail.attempts_cut as usize, usize::from(addresses));
        }
    }
}
