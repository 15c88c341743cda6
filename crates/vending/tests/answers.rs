//! What Organizations' errors and accounts mean.

use std::collections::BTreeMap;

use phonehome_cloud::{Cause, CloudError};
use phonehome_fleet::Line;
use phonehome_vending::{
    Candidates, FailureReason, Hold, Lines, NotAsked, Order, Outcome, OwnedAccount, Request, RequestId, Stop,
    candidates, claim,
};
use phonehome_wire::AccountId;

const NOW: u64 = 1_800_000_000_000;

fn line(name: &str) -> Line {
    Line::new(name, "prod")
}

fn id(digit: u32) -> AccountId {
    format!("{digit}").repeat(12).parse().unwrap()
}

fn order(name: &str) -> Order {
    Order::place(line(name), format!("{name}@example.com"), format!("{name}-prod"), NOW)
}

fn account(email: &str) -> OwnedAccount {
    OwnedAccount { id: id(1), email: email.to_owned(), active: true, made_for: None }
}

fn claimed(account: &OwnedAccount, orders: &[Order], lines: &Lines) -> Option<Result<AccountId, Stop>> {
    let orders: BTreeMap<Line, Order> = orders.iter().map(|it| (it.line.clone(), it.clone())).collect();
    claim(&order("shop"), account, &orders, lines)
}

#[test]
fn what_was_surely_not_begun_is_told_from_what_may_have_been() {
    let error =
        |code: &str| CloudError::service("organizations:CreateAccount", "shop/prod", code, "AWS says so");
    let said = |code: &str| format!("{code}: AWS says so");
    let constraint = "ConstraintViolationException";
    for (code, reason, hold) in [
        ("TooManyRequestsException", None, Hold::Throttled),
        ("ConcurrentModificationException", None, Hold::Throttled),
        ("FinalizingOrganizationException", None, Hold::Finalizing),
        (constraint, Some("ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED"), Hold::TooManyInProgress),
        (constraint, Some("ACCOUNT_NUMBER_LIMIT_EXCEEDED"), Hold::NumberLimit),
        (constraint, Some("MASTER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED"), Hold::Constraint(said(constraint))),
        (constraint, None, Hold::Constraint(said(constraint))),
        (
            "AWSOrganizationsNotInUseException",
            None,
            Hold::Constraint(said("AWSOrganizationsNotInUseException")),
        ),
        ("AccessDeniedException", None, Hold::Denied(said("AccessDeniedException"))),
    ] {
        assert_eq!(NotAsked::of(error(code), reason), NotAsked::Held(hold), "{code} {reason:?}");
    }
    let invalid = NotAsked::of(error("InvalidInputException"), Some("INVALID_PATTERN"));
    assert_eq!(invalid, NotAsked::Refused(said("InvalidInputException")));
    for cause in
        [Cause::Timeout, Cause::Connection("reset".to_owned()), Cause::Response("cut off".to_owned())]
    {
        let error = CloudError::of_cause("organizations:CreateAccount", "shop/prod", cause);
        assert_eq!(NotAsked::of(error.clone(), None), NotAsked::Unclear(error));
    }
    assert_eq!(NotAsked::of(error("ServiceException"), None), NotAsked::Unclear(error("ServiceException")));
    let failed = error("SomethingNew").with_status(503);
    assert_eq!(NotAsked::of(failed.clone(), None), NotAsked::Unclear(failed));
}

#[test]
fn a_request_without_an_answer_is_looked_for_by_name_and_time() {
    let request = |name: &str, after_ms: i64, outcome: Outcome| Request {
        id: RequestId::new("car-1"),
        account_name: name.to_owned(),
        requested_at_ms: NOW.checked_add_signed(after_ms).unwrap(),
        outcome,
    };
    let found = |requests: &[Request]| candidates(&order("shop"), requests);
    let none = Candidates::Accounts(vec![]);
    let (minute, succeeded) = (60_000, || Outcome::Succeeded(id(1)));
    assert_eq!(found(&[]), none);
    assert_eq!(found(&[request("shop-prod", -5 * minute, succeeded())]), Candidates::Accounts(vec![id(1)]));
    assert_eq!(found(&[request("shop-prod", 90 * minute, succeeded())]), Candidates::Accounts(vec![id(1)]));
    assert_eq!(found(&[request("shop-prod", -5 * minute - 1, succeeded())]), none, "older than the order");
    assert_eq!(found(&[request("Shop-prod", 0, succeeded())]), none);
    assert_eq!(
        found(&[request("shop-prod", 0, Outcome::Failed(FailureReason::InvalidEmail))]),
        none,
        "whose is it?"
    );
    let both = [request("shop-prod", 0, succeeded()), request("shop-prod", 0, Outcome::InProgress)];
    assert_eq!(found(&both), Candidates::UnderWay);
}

#[test]
fn an_account_is_claimed_by_its_address_alone_and_only_if_it_is_nobody_elses() {
    let (free, nobody) = (account("Shop@Example.com"), Lines::default());
    assert_eq!(claimed(&free, &[order("shop")], &nobody), Some(Ok(id(1))));
    assert_eq!(claimed(&account("pay@example.com"), &[order("shop")], &nobody), None);
    let other = |line: Line| Some(Err(Stop::OtherLine { account: id(1), line }));
    let bound = |to: &str| Lines::new([line("shop"), line("pay")], [(id(1), line(to))]);
    assert_eq!(claimed(&free, &[], &bound("pay")), other(line("pay")));
    assert_eq!(claimed(&free, &[], &bound("shop")), Some(Ok(id(1))));
    assert_eq!(claimed(&free, &[order("pay").made(id(1), NOW)], &nobody), other(line("pay")));
    assert_eq!(
        claimed(&free, &[order("ads").made(id(2), NOW)], &nobody),
        Some(Ok(id(1))),
        "that is another one"
    );
    let tagged = |to: &str| OwnedAccount { made_for: Some(line(to)), ..free.clone() };
    assert_eq!(claimed(&tagged("pay"), &[], &nobody), other(line("pay")));
    assert_eq!(claimed(&tagged("shop"), &[], &nobody), Some(Ok(id(1))));
    assert_eq!(claimed(&tagged("pay"), &[], &bound("shop")), Some(Ok(id(1))), "people made it this line");
    let closed = OwnedAccount { active: false, ..free };
    assert_eq!(claimed(&closed, &[], &nobody), Some(Err(Stop::Closed(id(1)))));
}
