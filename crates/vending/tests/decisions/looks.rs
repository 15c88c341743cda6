//! How often is asked what became of an account.

use super::*;

/// How often the outcome of a request is asked for.
const LOOK_MS: u64 = 2_000;

#[test]
fn what_lasts_is_looked_for_less_often_and_each_in_its_own_time() {
    let searching = |name: &str, since_ms: u64| {
        order(name, OrderState::Searching { cause: SearchCause::Failed, since_ms })
    };
    let looks = |it: Order, looked_ms: u64| {
        let mut known = Known::of(&["shop"]).with([it]);
        known.looked_at_ms.insert(line("shop"), NOW - looked_ms);
        !known.at(NOW).steps.is_empty()
    };
    for (since_ms, every_ms) in [(SETTLED_MS - 1, 30_000), (SETTLED_MS, 60_000)] {
        let it = || searching("shop", NOW - since_ms);
        assert_eq!((looks(it(), every_ms - 1), looks(it(), every_ms)), (false, true), "since {since_ms}");
    }
    for (since_ms, every_ms) in [(10 * 60_000 - 1, LOOK_MS), (10 * 60_000, 60_000)] {
        let request = RequestId::new("car-1");
        let it =
            || order("shop", OrderState::Creating { request: request.clone(), since_ms: NOW - since_ms });
        assert_eq!((looks(it(), every_ms - 1), looks(it(), every_ms)), (false, true), "since {since_ms}");
    }
    let mut known =
        Known::of(&["shop", "pay"]).with([searching("shop", NOW - 40_000), searching("pay", NOW - 40_000)]);
    known.looked_at_ms = [(line("shop"), NOW - 30_000), (line("pay"), NOW - 29_999)].into();
    assert_eq!(known.at(NOW).steps, [Step::Search(line("shop"))]);
}

#[test]
fn the_outcomes_are_asked_for_within_organizations_two_calls_a_second() {
    let names = ["a", "b", "c", "d", "e"];
    let mut known = Known::of(&[]).with(names.iter().map(|name| creating(name)));
    let (mut now_ms, mut followed) = (NOW, Vec::new());
    while now_ms < NOW + 60_000 {
        let decision = known.at(now_ms);
        for step in decision.steps {
            let Step::Follow(line, _) = step else { panic!("{step:?}") };
            followed.push(now_ms);
            known.looked_at_ms.insert(line, now_ms);
        }
        now_ms = known.at(now_ms).again_at_ms.unwrap().max(now_ms);
    }
    assert!(followed.windows(2).all(|two| two[1] - two[0] >= 500), "{followed:?}");
    let each = followed.len() / names.len();
    assert!((18..=20).contains(&each), "five take turns, each every three seconds: {each} in a minute");
}
