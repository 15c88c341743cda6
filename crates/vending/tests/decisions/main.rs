//! What is asked for, when, and with which address.

mod anew;
mod looks;

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fleet::{Bindings, Line};
use phonehome_vending::{
    ANSWER_MS, ASKS_MAX, AccountFactory, Decision, FailureReason, Hold, IN_PROGRESS_MAX, Lines, Order,
    OrderState, Outcome, Pace, Request, RequestId, SETTLED_MS, SearchCause, Step, Stop, Wanted, World,
    decide,
};

const NOW: u64 = 1_800_000_000_000;

fn line(name: &str) -> Line {
    Line::new(name, "prod")
}

fn wanted(name: &str) -> Wanted {
    Wanted {
        line: line(name),
        email: format!("{name}@example.com"),
        account_name: format!("{name}-prod"),
        permitted_at_ms: NOW - 1_000_000,
    }
}

/// What is known; nothing was looked at yet.
struct Known {
    factory: AccountFactory,
    wanted: Vec<Wanted>,
    lines: Lines,
    orders: Vec<Order>,
    unreadable: BTreeSet<Line>,
    pace: Pace,
    looked_at_ms: BTreeMap<Line, u64>,
}

impl Known {
    fn of(names: &[&str]) -> Self {
        Self {
            factory: AccountFactory::Phonehome,
            wanted: names.iter().map(|name| wanted(name)).collect(),
            lines: Lines::new(names.iter().map(|name| line(name)), []),
            orders: vec![],
            unreadable: BTreeSet::new(),
            pace: Pace::default(),
            looked_at_ms: BTreeMap::new(),
        }
    }

    fn with(self, orders: impl IntoIterator<Item = Order>) -> Self {
        Self { orders: orders.into_iter().collect(), ..self }
    }

    fn at(&self, now_ms: u64) -> Decision {
        let orders = self.orders.iter().map(|it| (it.line.clone(), it.clone())).collect();
        decide(&World {
            factory: self.factory,
            wanted: &self.wanted,
            lines: &self.lines,
            orders: &orders,
            unreadable: &self.unreadable,
            pace: &self.pace,
            looked_at_ms: &self.looked_at_ms,
            now_ms,
        })
    }

    /// The line and address that are asked for.
    fn asked(&self) -> Option<(String, String)> {
        self.at(NOW).steps.iter().find_map(|step| match step {
            Step::Ask(order) => Some((order.line.to_string(), order.email.clone())),
            _ => None,
        })
    }
}

fn order(name: &str, state: OrderState) -> Order {
    Order {
        state,
        ..Order::place(line(name), format!("{name}@example.com"), format!("{name}-prod"), NOW - 500_000)
    }
}

fn creating(name: &str) -> Order {
    order(
        name,
        OrderState::Creating { request: RequestId::new(format!("car-{name}")), since_ms: NOW - 1_000 },
    )
}

fn made(name: &str) -> Order {
    order(name, OrderState::Made { account: "111111111111".parse().unwrap(), at_ms: NOW - 100 })
}

fn stopped(name: &str, stop: Stop) -> Order {
    order(name, OrderState::Stopped { stop, at_ms: NOW - 100_000 })
}

fn asks(name: &str, email: &str) -> Option<(String, String)> {
    Some((format!("{name}/prod"), email.to_owned()))
}

#[test]
fn lines_are_asked_for_in_the_files_order_and_one_at_a_time() {
    let known = Known::of(&["shop", "pay", "ads"]);
    assert_eq!(known.at(NOW).steps.len(), 1);
    assert_eq!(known.asked(), asks("shop", "shop@example.com"));
    assert_eq!(known.with([made("shop")]).asked(), asks("pay", "pay@example.com"));
}

#[test]
fn no_more_are_under_way_than_organizations_makes_at_a_time() {
    let names = ["a", "b", "c", "d", "e", "f"];
    for (under_way, is_asked) in [(IN_PROGRESS_MAX - 1, true), (IN_PROGRESS_MAX, false)] {
        let known = Known::of(&names).with(names[..under_way].iter().map(|name| creating(name)));
        assert_eq!(known.asked().is_some(), is_asked, "{under_way}");
        assert!(known.at(NOW).again_at_ms.is_some());
    }
    let searching =
        |cause| names[..5].iter().map(move |it| order(it, OrderState::Searching { cause, since_ms: NOW }));
    for (cause, is_asked) in [
        (SearchCause::Unheard, false),
        (SearchCause::Concurrent, false),
        (SearchCause::EmailExists, true),
        (SearchCause::Failed, true),
    ] {
        let mut known = Known::of(&names).with(searching(cause));
        known.looked_at_ms = names.iter().map(|name| (line(name), NOW - 1_000)).collect();
        assert_eq!(known.asked().is_some(), is_asked, "{cause:?}");
    }
}

#[test]
fn nothing_is_asked_for_before_the_pace_allows_it_and_then_it_is() {
    let mut known = Known::of(&["shop"]);
    known.pace = known.pace.asked(NOW - 1_000).asked(NOW - 1_000);
    let decision = known.at(NOW);
    assert_eq!((decision.steps, decision.again_at_ms), (vec![], Some(NOW + 9_000)));
    assert_eq!(known.at(NOW + 8_999).steps, []);
    assert_eq!(known.at(NOW + 9_000).steps.len(), 1);
    known.pace = Pace::default().refused(Hold::Finalizing, NOW);
    assert_eq!(known.at(NOW).again_at_ms, Some(NOW + 900_000));
}

#[test]
fn the_address_of_an_order_is_never_worked_out_again() {
    let waiting =
        Order { email: "old@example.com".to_owned(), ..order("shop", OrderState::Waiting { until_ms: NOW }) };
    let known = Known::of(&["shop"]).with([waiting]);
    assert_eq!(known.asked(), asks("shop", "old@example.com"));
    let Some(Step::Ask(again)) = known.at(NOW).steps.pop() else { panic!("it is asked for") };
    assert_eq!((again.asks, again.state), (2, OrderState::Asking { since_ms: NOW }));
}

#[test]
fn what_comes_of_a_look_is_waited_for_before_an_account_is_asked_for() {
    let mut known = Known::of(&["shop"]).with([creating("pay")]);
    known.orders[0].state =
        OrderState::Creating { request: RequestId::new("car-pay"), since_ms: NOW - 3_000 };
    assert_eq!(known.at(NOW).steps, [Step::Follow(line("pay"), RequestId::new("car-pay"))]);
    known.looked_at_ms.insert(line("pay"), NOW);
    assert_eq!(known.asked(), asks("shop", "shop@example.com"));
}

#[test]
fn what_may_be_asked_for_first_is_waited_for_whatever_stands_before_it_in_the_file() {
    let waits = |name: &str, ms: u64| order(name, OrderState::Waiting { until_ms: NOW + ms });
    let known = Known::of(&["shop", "pay", "ads"]).with([
        waits("shop", 9_000),
        waits("pay", 4_000),
        waits("ads", 7_000),
    ]);
    assert_eq!(known.at(NOW), Decision { steps: vec![], again_at_ms: Some(NOW + 4_000) });
    // Of what may be asked for now, and of what may be at the same moment, the first one of the file.
    for ms in [0, 4_000] {
        let known = Known::of(&["shop", "pay", "ads"]).with([waits("pay", ms), waits("ads", ms)]);
        assert_eq!(known.asked(), asks("shop", "shop@example.com"));
        let known = Known::of(&["shop", "pay"]).with([waits("shop", ms), waits("pay", ms)]);
        let Some(Step::Ask(first)) = known.at(NOW + ms).steps.pop() else { panic!("one is due") };
        assert_eq!(first.line, line("shop"));
    }
    let known = Known::of(&["shop", "pay"]).with([order("shop", OrderState::Waiting { until_ms: NOW - 1 })]);
    assert_eq!(known.asked(), asks("shop", "shop@example.com"), "though pay could be asked for before it");
}

#[test]
fn what_is_stopped_keeps_no_other_line_from_its_account() {
    let known = Known::of(&["shop", "pay"]).with([stopped("shop", Stop::EmailTaken)]);
    assert_eq!(known.asked(), asks("pay", "pay@example.com"));
}

#[test]
fn what_is_made_is_never_asked_for_again_whoever_permits_it() {
    let mut known = Known::of(&["shop"]).with([made("shop")]);
    known.wanted[0].permitted_at_ms = NOW;
    known.wanted[0].email = "new@example.com".to_owned();
    assert_eq!(known.at(NOW), Decision::default());
}

#[test]
fn a_line_that_is_no_more_gets_nothing_asked_for_and_what_is_under_way_is_followed() {
    let known = Known::of(&[]).with([order("gone", OrderState::Waiting { until_ms: NOW })]);
    assert_eq!(known.at(NOW), Decision::default());
    let known = Known::of(&[]).with([creating("gone")]);
    assert_eq!(known.at(NOW + 3_000).steps, [Step::Follow(line("gone"), RequestId::new("car-gone"))]);
}

#[test]
fn a_line_that_is_renamed_while_its_account_is_made_gets_no_second_one() {
    let text = include_str!("../../../fleet/tests/fixtures/small.yaml");
    let renamed =
        text.replace("shop", "store").replace("- name: store", "- name: store\n    renamed_from: shop");
    let fleet = phonehome_fleet::parse(&renamed).unwrap_or_else(|problems| panic!("{problems}"));
    let mut known = Known::of(&["store"]).with([creating("shop")]);
    known.lines = Lines::of(&fleet, &Bindings::default());
    assert_eq!(known.asked(), None);
    known.orders = vec![order("shop", OrderState::Waiting { until_ms: NOW })];
    assert_eq!(known.asked(), asks("shop", "shop@example.com"), "the same order, under the same key");
    known.orders = vec![];
    known.unreadable = BTreeSet::from([line("shop")]);
    assert_eq!(known.asked(), None);
}

#[test]
fn of_a_line_whose_order_cannot_be_read_nothing_is_asked_for_and_the_others_go_on() {
    let mut known = Known::of(&["shop", "pay"]);
    known.unreadable = BTreeSet::from([line("shop")]);
    assert_eq!(known.asked(), asks("pay", "pay@example.com"));
}

#[test]
fn an_address_that_another_lines_order_has_is_not_used_however_it_is_written() {
    let mut known = Known::of(&["shop", "pay"])
        .with([Order { email: "SHOP@Example.com".to_owned(), ..stopped("old", Stop::TooOften) }]);
    assert_eq!(known.asked(), asks("pay", "pay@example.com"));
    known.orders.push(stopped("shop", Stop::EmailTaken));
    known.wanted[0].permitted_at_ms = NOW;
    known.orders[1].email = "first@example.com".to_owned();
    assert_eq!(known.asked(), asks("pay", "pay@example.com"), "nor when it is permitted anew");
}

#[test]
fn where_control_tower_makes_the_accounts_none_is_asked_for_and_what_was_begun_is_followed() {
    let mut known = Known::of(&["shop", "pay"]).with([creating("pay")]);
    known.factory = AccountFactory::ControlTower;
    assert_eq!(known.asked(), None);
    assert_eq!(known.at(NOW + 3_000).steps.len(), 1);
}

#[test]
fn an_answer_that_was_lost_is_looked_for_before_it_is_asked_again() {
    let asking = order("shop", OrderState::Asking { since_ms: NOW });
    let known = Known::of(&["shop"]).with([asking.clone()]);
    assert_eq!(known.at(NOW + ANSWER_MS - 1).steps, [], "somebody may still wait for the answer");
    assert_eq!(known.at(NOW + ANSWER_MS).steps, [Step::Search(line("shop"))]);
    assert_eq!(asking.not_found(NOW + ANSWER_MS).state, OrderState::Waiting { until_ms: NOW + ANSWER_MS });
}

#[test]
fn an_address_is_said_to_be_taken_only_once_lists_cannot_lack_its_account_any_more() {
    let searching = order("shop", OrderState::Searching { cause: SearchCause::EmailExists, since_ms: NOW });
    assert_eq!(searching.not_found(NOW + SETTLED_MS - 1), searching);
    let stop = Stop::EmailTaken;
    let at_ms = NOW + SETTLED_MS;
    assert_eq!(searching.not_found(at_ms).state, OrderState::Stopped { stop, at_ms });
    let concurrent = order("shop", OrderState::Searching { cause: SearchCause::Concurrent, since_ms: NOW });
    assert_eq!(concurrent.not_found(NOW + SETTLED_MS - 1), concurrent);
    assert_eq!(concurrent.not_found(at_ms).state, OrderState::Waiting { until_ms: at_ms + 60_000 });
    let third = Order {
        asks: 3,
        ..order("shop", OrderState::Searching { cause: SearchCause::Failed, since_ms: NOW })
    };
    assert_eq!(
        third.not_found(NOW).state,
        OrderState::Waiting { until_ms: NOW + 180_000 },
        "longer each time"
    );
}

#[test]
fn an_account_is_asked_for_so_often_and_then_people_look_and_a_refusal_does_not_count() {
    for (cause, stop) in [
        (SearchCause::Unheard, Stop::TooOften),
        (SearchCause::Concurrent, Stop::TooOften),
        (SearchCause::Failed, Stop::Failed(FailureReason::InternalFailure)),
    ] {
        let mut it = order("shop", OrderState::Searching { cause, since_ms: NOW - SETTLED_MS });
        for _ in 1..ASKS_MAX {
            it = it.not_found(NOW);
            assert!(matches!(it.state, OrderState::Waiting { .. }), "{it:?}");
            it = it.again(NOW - SETTLED_MS).not_begun(NOW).again(NOW - SETTLED_MS);
            it = it.searching(cause, NOW - SETTLED_MS);
        }
        assert_eq!(it.not_found(NOW).state, OrderState::Stopped { stop, at_ms: NOW });
    }
}

#[test]
fn every_reason_of_a_failure_stops_its_line_alone_or_is_looked_up() {
    let heard = |reason: FailureReason| creating("shop").heard(&Outcome::Failed(reason), NOW).state;
    let searches = |cause| OrderState::Searching { cause, since_ms: NOW };
    assert_eq!(heard(FailureReason::EmailAlreadyExists), searches(SearchCause::EmailExists));
    assert_eq!(heard(FailureReason::ConcurrentAccountModification), searches(SearchCause::Concurrent));
    assert_eq!(heard(FailureReason::InternalFailure), searches(SearchCause::Failed));
    for code in [
        "ACCOUNT_LIMIT_EXCEEDED",
        "FAILED_BUSINESS_VALIDATION",
        "GOVCLOUD_ACCOUNT_ALREADY_EXISTS",
        "INVALID_ADDRESS",
        "INVALID_EMAIL",
        "INVALID_IDENTITY_FOR_BUSINESS_VALIDATION",
        "INVALID_PAYMENT_INSTRUMENT",
        "MISSING_BUSINESS_VALIDATION",
        "MISSING_PAYMENT_INSTRUMENT",
        "PENDING_BUSINESS_VALIDATION",
        "UNKNOWN_BUSINESS_VALIDATION",
        "UPDATE_EXISTING_RESOURCE_POLICY_WITH_TAGS_NOT_SUPPORTED",
        "SOMETHING_NEW",
    ] {
        let reason = FailureReason::from(code.to_owned());
        assert_eq!(reason.to_string(), code);
        assert_eq!(reason.advice().is_some(), code != "SOMETHING_NEW", "{code}");
        assert_eq!(heard(reason.clone()), OrderState::Stopped { stop: Stop::Failed(reason), at_ms: NOW });
    }
    let documented = FailureReason::from("IDENTITY_INVALID_BUSINESS_VALIDATION".to_owned());
    assert_eq!(
        documented,
        FailureReason::InvalidIdentityForBusinessValidation,
        "as the documentation spells it"
    );
}

#[test]
fn an_order_is_read_as_it_was_written() {
    let request = Request {
        id: RequestId::new("car-1"),
        account_name: "shop-prod".to_owned(),
        requested_at_ms: NOW,
        outcome: Outcome::InProgress,
    };
    for it in [
        creating("shop"),
        made("shop"),
        order("shop", OrderState::Asking { since_ms: NOW }).taken(&request, NOW),
        order("shop", OrderState::Waiting { until_ms: NOW }),
        order("shop", OrderState::Searching { cause: SearchCause::EmailExists, since_ms: NOW }),
        stopped("shop", Stop::Failed(FailureReason::Other("NEW".to_owned()))),
        stopped("shop", Stop::OtherLine { account: "111111111111".parse().unwrap(), line: line("pay") }),
    ] {
        let stored = serde_json::to_string(&it).unwrap();
        assert_eq!(serde_json::from_str::<Order>(&stored).unwrap(), it, "{stored}");
    }
    let order = stopped("shop", Stop::Failed(FailureReason::InvalidEmail)).by(7);
    let stored = serde_json::to_string(&order).unwrap();
    let expected = r#"{"line":"shop/prod","email":"shop@example.com","account_name":"shop-prod","placed_at_ms":1799999500000,"asks":1,"permitted_at_ms":7,"state":{"stopped":{"stop":{"failed":"INVALID_EMAIL"},"at_ms":1799999900000}}}"#;
    assert_eq!(stored, expected);
    let before_it_was_noted = expected.replace(r#""permitted_at_ms":7,"#, "");
    assert_eq!(serde_json::from_str::<Order>(&before_it_was_noted).unwrap(), order.by(0));
}
