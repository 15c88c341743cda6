use super::*;

const ONE: [u8; 4] = [10, 1, 2, 3];
const TWO: [u8; 4] = [10, 1, 2, 4];

fn reached(ip: [u8; 4]) -> Outcome {
    Outcome::reached(SocketAddr::from((ip, 443)))
}

fn silent(ip: [u8; 4]) -> Outcome {
    Outcome::silent(SocketAddr::from((ip, 443)), "no answer")
}

fn refused() -> Outcome {
    Outcome::refused("connection refused by 10.1.2.3:443")
}

fn unresolved() -> Outcome {
    Outcome::failed(Stage::Resolve, "db.example does not exist (NXDOMAIN)")
}

fn expired() -> Outcome {
    Outcome::failed(Stage::Tls, "certificate expired")
}

fn own_machine() -> Outcome {
    Outcome::Inconclusive("127.0.0.1 is the probe's own machine".to_owned())
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
        (reached(ONE), Verdict::Ok),
        (silent(ONE), fail(Stage::Connect, "no answer")),
        (refused(), fail(Stage::Connect, "connection refused by 10.1.2.3:443")),
        (unresolved(), fail(Stage::Resolve, "db.example does not exist (NXDOMAIN)")),
        (expired(), fail(Stage::Tls, "certificate expired")),
        (own_machine(), inconclusive("127.0.0.1 is the probe's own machine")),
        (could_not_test(), probe_error()),
    ] {
        assert_eq!(judge_connect(outcome.clone()), expected, "{outcome:?}");
    }
}

#[test]
fn what_must_not_connect_is_denied_only_by_silence_and_never_proven_by_the_probe() {
    for (outcome, expected) in [
        (silent(ONE), Verdict::Denied { error: "no answer".to_owned() }),
        (reached(ONE), fail(Stage::Open, "reached 10.1.2.3:443")),
        (refused(), fail(Stage::Open, "a packet crossed: connection refused by 10.1.2.3:443")),
        (expired(), fail(Stage::Open, "something answered: certificate expired")),
        (unresolved(), inconclusive("db.example does not exist (NXDOMAIN)")),
        (Outcome::failed(Stage::Connect, "no route"), inconclusive("no route")),
        (own_machine(), inconclusive("127.0.0.1 is the probe's own machine")),
        (could_not_test(), probe_error()),
    ] {
        assert_eq!(judge_deny(outcome.clone()), expected, "{outcome:?}");
    }
}

#[test]
fn every_address_must_connect_and_what_is_certain_comes_first() {
    let failed = |error: &str| Outcome::failed(Stage::Connect, error);
    let both = Outcome::Reached {
        what: "10.1.2.3:443, 10.1.2.4:443".to_owned(),
        addresses: vec![ONE.into(), TWO.into()],
    };
    for (outcomes, expected) in [
        (vec![reached(ONE), reached(TWO)], both),
        (vec![refused()], failed("connection refused by 10.1.2.3:443")),
        (vec![reached(ONE), refused()], failed("1 of 2 addresses: connection refused by 10.1.2.3:443")),
        (
            vec![refused(), expired()],
            failed("2 of 2 addresses: connection refused by 10.1.2.3:443; certificate expired"),
        ),
        (vec![could_not_test(), refused()], failed("1 of 2 addresses: connection refused by 10.1.2.3:443")),
        (vec![reached(ONE), could_not_test()], could_not_test()),
        (vec![reached(ONE), own_machine()], own_machine()),
        (vec![own_machine(), could_not_test()], could_not_test()),
    ] {
        assert_eq!(combine(outcomes.clone(), Expect::Connect), expected, "{outcomes:?}");
    }
}

#[test]
fn a_denial_needs_every_address_silent_and_tested() {
    let both = Outcome::Silent {
        error: "2 of 2 addresses: no answer; no answer".to_owned(),
        addresses: vec![ONE.into(), TWO.into()],
    };
    for (outcomes, expected) in [
        (vec![silent(ONE), silent(TWO)], both),
        (vec![silent(ONE), reached(TWO)], reached(TWO)),
        (vec![silent(ONE), refused()], refused()),
        (vec![could_not_test(), reached(ONE)], reached(ONE)),
        (vec![own_machine(), refused()], refused()),
        (vec![silent(ONE), could_not_test()], could_not_test()),
        (vec![silent(ONE), own_machine()], own_machine()),
        (
            vec![silent(ONE), Outcome::failed(Stage::Connect, "no route")],
            Outcome::failed(Stage::Connect, "2 of 2 addresses: no answer; no route"),
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
