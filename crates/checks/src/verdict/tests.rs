use proptest::prelude::*;

use super::*;

const ONE: [u8; 4] = [10, 1, 2, 3];
const TWO: [u8; 4] = [10, 1, 2, 4];

fn met(ip: [u8; 4], outcome: Outcome) -> Met {
    Met { address: Some(ip.into()), outcome }
}

fn reached(ip: [u8; 4]) -> Met {
    met(ip, Outcome::Reached(format!("{}:443", IpAddr::from(ip))))
}

fn silent(ip: [u8; 4]) -> Met {
    met(ip, Outcome::Silent("no answer".into()))
}

fn refused() -> Met {
    met(ONE, Outcome::refused(Class::Refused, "connection refused by 10.1.2.3:443"))
}

fn unresolved() -> Met {
    Met::nowhere(Outcome::failed(Stage::Resolve, Class::Nxdomain, "db.example does not exist (NXDOMAIN)"))
}

fn no_route() -> Met {
    met(ONE, Outcome::failed(Stage::Connect, Class::NoRoute, "no route"))
}

fn expired() -> Met {
    met(TWO, Outcome::failed(Stage::Tls, Class::CertExpired, "certificate expired"))
}

fn own_machine() -> Met {
    met(ONE, Outcome::ProvesNothing("127.0.0.1 is the probe's own machine".to_owned()))
}

fn without_ipv6() -> Met {
    met(TWO, Outcome::NotTestable("no IPv6 here".to_owned()))
}

fn could_not_test() -> Met {
    met(TWO, Outcome::ProbeError("out of memory".to_owned()))
}

fn fail(stage: Stage, class: Class, error: &str) -> Verdict {
    Verdict::Fail { stage, class, error: error.to_owned() }
}

fn inconclusive(reason: &str) -> Verdict {
    Verdict::Inconclusive { reason: reason.to_owned() }
}

fn probe_error() -> Verdict {
    Verdict::ProbeError { reason: "out of memory".to_owned() }
}

#[test]
fn what_must_connect_passes_only_when_every_address_was_reached_and_what_is_certain_comes_first() {
    let refusal = |error: &str| fail(Stage::Connect, Class::Refused, error);
    for (met, expected) in [
        (vec![reached(ONE)], Verdict::Ok),
        (vec![reached(ONE), reached(TWO)], Verdict::Ok),
        (vec![silent(ONE)], fail(Stage::Connect, Class::ConnectTimeout, "no answer")),
        (vec![refused()], refusal("connection refused by 10.1.2.3:443")),
        (vec![unresolved()], fail(Stage::Resolve, Class::Nxdomain, "db.example does not exist (NXDOMAIN)")),
        (vec![expired()], fail(Stage::Tls, Class::CertExpired, "certificate expired")),
        (vec![reached(TWO), refused()], refusal("1 of 2 addresses: connection refused by 10.1.2.3:443")),
        (
            vec![expired(), refused()],
            refusal("2 of 2 addresses: certificate expired; connection refused by 10.1.2.3:443"),
        ),
        (vec![could_not_test(), refused()], refusal("1 of 2 addresses: connection refused by 10.1.2.3:443")),
        (vec![own_machine()], inconclusive("127.0.0.1 is the probe's own machine")),
        (vec![reached(TWO), own_machine()], inconclusive("127.0.0.1 is the probe's own machine")),
        (vec![reached(ONE), could_not_test()], probe_error()),
        (vec![own_machine(), could_not_test()], probe_error()),
        (vec![reached(ONE), without_ipv6()], Verdict::Ok),
        (vec![without_ipv6()], inconclusive("not testable from here: no IPv6 here")),
        (vec![without_ipv6(), refused()], refusal("1 of 2 addresses: connection refused by 10.1.2.3:443")),
    ] {
        assert_eq!(judge(&met, Expect::Connect).0, expected, "{met:?}");
    }
    assert_eq!(judge(&[reached(ONE), without_ipv6()], Expect::Connect).1, [IpAddr::from(ONE)]);
}

#[test]
fn what_must_not_connect_is_denied_only_by_silence_of_every_address_and_never_proven_by_the_probe() {
    let open = |error: &str| fail(Stage::Open, Class::Open, error);
    for (met, expected) in [
        (vec![silent(ONE)], Verdict::Denied { error: "no answer".to_owned() }),
        (
            vec![silent(ONE), silent(TWO)],
            Verdict::Denied { error: "2 of 2 addresses: no answer; no answer".to_owned() },
        ),
        (vec![silent(ONE), reached(TWO)], open("reached 10.1.2.4:443")),
        (vec![silent(TWO), refused()], open("a packet crossed: connection refused by 10.1.2.3:443")),
        (vec![could_not_test(), reached(ONE)], open("reached 10.1.2.3:443")),
        (vec![expired()], open("something answered: certificate expired")),
        (vec![unresolved()], inconclusive("db.example does not exist (NXDOMAIN)")),
        (vec![no_route()], inconclusive("no route")),
        (vec![silent(TWO), no_route()], inconclusive("2 of 2 addresses: no answer; no route")),
        (vec![own_machine()], inconclusive("127.0.0.1 is the probe's own machine")),
        (vec![silent(TWO), own_machine()], inconclusive("127.0.0.1 is the probe's own machine")),
        (vec![silent(ONE), could_not_test()], probe_error()),
        (
            vec![silent(ONE), without_ipv6()],
            Verdict::Denied { error: "1 of 2 addresses: no answer".to_owned() },
        ),
        (vec![without_ipv6()], inconclusive("not testable from here: no IPv6 here")),
        (vec![], inconclusive("not testable from here: ")),
    ] {
        assert_eq!(judge(&met, Expect::Deny).0, expected, "{met:?}");
    }
    assert_eq!(judge(&[silent(ONE), without_ipv6()], Expect::Deny).1, [IpAddr::from(ONE)]);
}

fn any_met() -> impl Strategy<Value = Met> {
    prop_oneof![
        Just(reached(ONE)),
        Just(silent(ONE)),
        Just(refused()),
        Just(unresolved()),
        Just(no_route()),
        Just(expired()),
        Just(own_machine()),
        Just(without_ipv6()),
        Just(could_not_test()),
    ]
}

proptest! {
    #[test]
    fn no_mixture_is_green_in_which_something_was_not_as_it_must_be(
        met in proptest::collection::vec(any_met(), 1..6),
    ) {
        let is = |good: fn(&Outcome) -> bool| {
            let testable = met.iter().filter(|it| !matches!(it.outcome, Outcome::NotTestable(_)));
            testable.clone().next().is_some() && testable.clone().all(|it| good(&it.outcome))
        };
        let connect = judge(&met, Expect::Connect).0;
        prop_assert_eq!(connect == Verdict::Ok, is(|it| matches!(it, Outcome::Reached(_))));
        let deny = judge(&met, Expect::Deny).0;
        prop_assert!(!matches!(deny, Verdict::Ok | Verdict::DenyProven));
        let is_denied = matches!(deny, Verdict::Denied { .. });
        prop_assert_eq!(is_denied, is(|it| matches!(it, Outcome::Silent(_))));
        let crossed = met.iter().any(|it| it.outcome.crossed());
        prop_assert_eq!(matches!(deny, Verdict::Fail { stage: Stage::Open, .. }), crossed);
    }
}
