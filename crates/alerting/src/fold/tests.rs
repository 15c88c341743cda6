//! What is left alone is what it would have become.

use std::net::{IpAddr, Ipv4Addr};

use phonehome_localisation::Outcome;
use phonehome_wire::Class;
use proptest::prelude::*;

use super::*;
use crate::{Failure, PathResult};

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

/// A path as any release may have left it, before the run that begins at [`NOW_MS`].
fn path() -> impl Strategy<Value = PathState> {
    let outcomes = prop_oneof![2 => Just(Outcome::Pass), 1 => Just(Outcome::Silence)];
    let later = prop::collection::vec(outcomes, 0..3);
    // From the first that did not pass.
    let results = prop_oneof![3 => Just(vec![]), 1 => later.prop_map(|later| {
        (1..).zip([vec![Outcome::Silence], later].concat()).map(|(at_ms, it)| PathResult(at_ms, it)).collect()
    })];
    let statuses =
        prop_oneof![1 => Just(PathStatus::Unknown), 3 => Just(PathStatus::Up), 1 => Just(PathStatus::Down)];
    let failure = Just(Failure { stage: Stage::Connect, error: String::new() });
    let streaks =
        prop_oneof![4 => Just((0_u32, 0_u64)), 1 => Just((1, 0)), 1 => Just((0, 1)), 1 => Just((2, 5))];
    let all = (statuses, streaks, results, prop::option::weighted(0.2, failure));
    (all, result(), prop::bool::weighted(0.2)).prop_map(|(all, (last, target), is_earlier)| {
        let (status, (streak, streak_since_ms), results, failure) = all;
        PathState {
            status,
            streak,
            streak_since_ms,
            results,
            failure,
            ever_up: true,
            addresses: last.addresses,
            // Documents of earlier versions do not say it.
            target: Some(target).filter(|_| !is_earlier),
            ..PathState::unknown(&last.verdict, 1)
        }
    })
}

const NOW_MS: u64 = 60_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Neither more: what would become another one is not missed. Nor less: what passes as ever costs no copy.
    #[test]
    fn a_pass_leaves_those_paths_alone_that_it_would_not_change(
        old in path(), (result, endpoint) in result(), down_after in 0_u32..4, up_after in 0_u32..4
    ) {
        let (asked, hysteresis) = (Asked::default(), Hysteresis { down_after, up_after });
        let target = Some(&endpoint).filter(|it| !it.is_empty());
        let new = Folding::of(Paths::new(), &asked, NOW_MS, &hysteresis).in_full(Some(&old), &result, target);
        let is_pass = matches!(result.verdict, Verdict::Ok | Verdict::DenyProven);
        prop_assert_eq!(passes_as_before(&old, &result, target), is_pass && new == old);
    }

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
