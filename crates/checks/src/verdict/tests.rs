use super::*;

fn reached() -> Outcome {
    Outcome::Reached("10.1.2.3:443".to_owned())
}

fn refused() -> Outcome {
    Outcome::denied(Stage::Connect, "connection refused by 10.1.2.3:443")
}

fn unresolved() -> Outcome {
    Outcome::failed(Stage::Resolve, "db.example does not exist (NXDOMAIN)")
}

fn expired() -> Outcome {
    Outcome::failed(Stage::Tls, "certificate expired")
}

fn could_not_test() -> Outcome {
    Outcome::ProbeError("out of memory".to_owned())
}

fn fail(stage: Stage, error: &str) -> Verdict {
    Verdict::Fail { stage, error: error.to_owned() }
}

fn inconclusive(reason: &str) -> Verdict {
    Verdict::Inconclusive { reason: reason.to_owned() }
}

fn probe_error() -> Verdict {
    Verdict::ProbeError { reason: "out of memory".to_owned() }
}

#[test]
fn what_must_connect_passes_only_when_it_was_reached() {
    for (outcome, expected) in [
        (reached(), Verdict::Ok),
        (refused(), fail(Stage::Connect, "connection refused by 10.1.2.3:443")),
        (unresolved(), fail(Stage::Resolve, "db.example does not exist (NXDOMAIN)")),
        (expired(), fail(Stage::Tls, "certificate expired")),
        (could_not_test(), probe_error()),
    ] {
        assert_eq!(judge_connect(outcome.clone()), expected, "{outcome:?}");
    }
}

#[test]
fn what_must_not_connect_is_proven_only_by_a_denial_next_to_a_passing_control() {
    let id = CheckId("egress".to_owned());
    let passed = Control::Ran(&id, &Verdict::Ok);
    for (outcome, expected) in [
        (refused(), Verdict::DenyProven),
        (reached(), fail(Stage::Open, "reached 10.1.2.3:443")),
        (expired(), fail(Stage::Open, "something answered: certificate expired")),
        (unresolved(), inconclusive("db.example does not exist (NXDOMAIN)")),
        (Outcome::failed(Stage::Connect, "no route"), inconclusive("no route")),
        (could_not_test(), probe_error()),
    ] {
        assert_eq!(judge_deny(outcome.clone(), passed), expected, "{outcome:?}");
    }
}

#[test]
fn a_denial_without_a_passing_control_is_inconclusive_and_says_why() {
    let id = CheckId("egress".to_owned());
    let failed = fail(Stage::Connect, "no answer from 192.0.2.1:443 within 3000 ms");
    for (control, why) in [
        (Control::NotNamed, "the check names no positive control"),
        (Control::Unknown(&id), "its control \"egress\" is not among the checks"),
        (Control::IsDeny(&id), "its control \"egress\" must not connect either"),
        (
            Control::Ran(&id, &failed),
            "its control \"egress\" did not pass (no answer from 192.0.2.1:443 within 3000 ms)",
        ),
        (Control::Ran(&id, &probe_error()), "its control \"egress\" did not pass (out of memory)"),
    ] {
        let expected = inconclusive(&format!("connection refused by 10.1.2.3:443, but {why}"));
        assert_eq!(judge_deny(refused(), control), expected, "{control:?}");
    }
}

#[test]
fn an_open_path_is_a_failure_even_when_the_control_did_not_pass() {
    let verdict = judge_deny(reached(), Control::NotNamed);
    assert_eq!(verdict, fail(Stage::Open, "reached 10.1.2.3:443"));
}

#[test]
fn every_address_must_connect_and_what_is_certain_comes_first() {
    let both = "2 of 2 addresses: connection refused by 10.1.2.3:443; certificate expired";
    for (outcomes, expected) in [
        (vec![reached(), reached()], Outcome::Reached("10.1.2.3:443, 10.1.2.3:443".to_owned())),
        (vec![refused()], refused()),
        (
            vec![reached(), refused()],
            Outcome::denied(Stage::Connect, "1 of 2 addresses: connection refused by 10.1.2.3:443"),
        ),
        (vec![refused(), expired()], Outcome::failed(Stage::Connect, both)),
        (
            vec![could_not_test(), refused()],
            Outcome::denied(Stage::Connect, "1 of 2 addresses: connection refused by 10.1.2.3:443"),
        ),
        (vec![reached(), could_not_test()], could_not_test()),
    ] {
        assert_eq!(combine(outcomes.clone(), Expect::Connect), expected, "{outcomes:?}");
    }
}

#[test]
fn a_denial_needs_every_address_denied_and_tested() {
    let both = "2 of 2 addresses: connection refused by 10.1.2.3:443; \
                connection refused by 10.1.2.3:443";
    for (outcomes, expected) in [
        (vec![refused(), refused()], Outcome::denied(Stage::Connect, both)),
        (vec![refused(), reached()], reached()),
        (vec![could_not_test(), reached()], reached()),
        (vec![refused(), could_not_test()], could_not_test()),
        (
            vec![refused(), Outcome::failed(Stage::Connect, "no route")],
            Outcome::failed(Stage::Connect, "2 of 2 addresses: connection refused by 10.1.2.3:443; no route"),
        ),
    ] {
        assert_eq!(combine(outcomes.clone(), Expect::Deny), expected, "{outcomes:?}");
    }
}

#[test]
fn text_is_kept_to_one_line_of_at_most_300_characters() {
    assert_eq!(shorten("a\nb\u{1b}c"), "a b c");
    let exact = "é".repeat(MAX_TEXT);
    assert_eq!(shorten(&exact), exact);
    let cut = shorten(&"é".repeat(MAX_TEXT + 1));
    assert_eq!(cut.chars().count(), MAX_TEXT);
    assert!(cut.ends_with('…'));
}
