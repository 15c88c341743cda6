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

#[test]
fn there_is_one_outcome_to_ask_for_or_all_the_accounts_to_look_for_and_never_both() {
    let asking = |name: &str, since_ms: u64| order(name, OrderState::Asking { since_ms });
    let creating = |name: &str, since_ms: u64| {
        order(name, OrderState::Creating { request: RequestId::new(format!("car-{name}")), since_ms })
    };
    let (lost_ms, due_ms) = (NOW - ANSWER_MS, NOW - 3_000);
    let two = [asking("shop", lost_ms), asking("pay", lost_ms - 1)];
    let searches = [Step::Search(line("pay")), Step::Search(line("shop"))];
    assert_eq!(Known::of(&[]).with(two.clone()).at(NOW).steps, searches, "they share their lists");
    let searched_first = Known::of(&[]).with(two.into_iter().chain([creating("ads", due_ms)]));
    assert_eq!(searched_first.at(NOW).steps, searches);
    let followed_first = Known::of(&[]).with([asking("shop", lost_ms), creating("ads", due_ms - 1)]);
    assert_eq!(followed_first.at(NOW).steps, [Step::Follow(line("ads"), RequestId::new("car-ads"))]);
}

#[test]
fn what_is_due_first_says_when_to_look_again_whatever_else_is_to_come() {
    let mut known = Known::of(&["pay"]).with([creating("shop")]);
    known.pace = known.pace.asked(NOW).asked(NOW);
    assert_eq!(known.at(NOW).again_at_ms, Some(NOW + 2_000), "the outcome, long before the next request");
    known.pace = Pace::default();
    known.orders.push(order("pay", OrderState::Waiting { until_ms: NOW + 1_000 }));
    assert_eq!(known.at(NOW).again_at_ms, Some(NOW + 1_000), "the request, before the outcome");
}
