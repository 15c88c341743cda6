//! What is left alone is what it would have become.

use std::net::{IpAddr, Ipv4Addr};

use phonehome_wire::Class;
use proptest::prelude::*;

use super::*;

fn verdict() -> impl Strategy<Value = Verdict> {
    let fail = |stage| Verdict::Fail { stage, class: Class::Other, error: String::new() };
    prop_oneof![
        4 => Just(Verdict::Ok),
        2 => Just(Verdict::DenyProven),
        1 => Just(fail(Stage::Connect)),
        1 => Just(fail(Stage::Open)),
        1 => Just(Verdict::Inconclusive { reason: String::new() }),
    ]
}

fn result() -> impl Strategy<Value = (CheckResult, String)> {
    let address = |last: u8| IpAddr::from(Ipv4Addr::new(10, 0, 0, last));
    (verdict(), prop::option::weighted(0.3, 0_u8..2), prop_oneof![9 => Just("a:443"), 1 => Just("")])
        .prop_map(move |(verdict, last, endpoint)| {
            let mut result = CheckResult::new(CheckId("c".to_owned()), verdict);
            result.addresses = last.map(address).into_iter().collect();
            (result, endpoint.to_owned())
        })
}

proptest! {
    #[test]
    fn what_is_left_alone_is_what_it_would_have_become(
        results in prop::collection::vec(result(), 1..40), down_after in 0_u32..4, up_after in 0_u32..4
    ) {
        let asked = Asked::default();
        let hysteresis = Hysteresis { down_after, up_after };
        let mut known: Option<PathState> = None;
        for (run, (result, endpoint)) in (1..).zip(&results) {
            let folding = Folding::of(Paths::new(), &asked, run * 60_000, &hysteresis);
            let target = Some(endpoint).filter(|it| !it.is_empty());
            let new = folding.in_full(known.as_ref(), result, target);
            if let Some(old) = known.as_ref().filter(|old| passes_as_before(old, result, target)) {
                prop_assert_eq!(&new, old, "run {}", run);
            }
            known = Some(new);
        }
    }
}
