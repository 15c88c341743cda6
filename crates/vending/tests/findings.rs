//! What people are told.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_cloud::CloudError;
use phonehome_fleet::Line;
use phonehome_vending::{
    AccountFactory, FailureReason, Hold, Lines, LookUp, Order, OrderState, Pace, Stop, Unseen,
    VendingFinding, Wanted, World, findings,
};
use phonehome_wire::AccountId;

const NOW: u64 = 1_800_000_000_000;
const MINUTE: u64 = 60_000;
const DENIED: &str = "AccessDeniedException";
const BUSY: &str = "TooManyRequestsException";

fn line(name: &str) -> Line {
    Line::new(name, "prod")
}

fn id() -> AccountId {
    "111111111111".parse().unwrap()
}

fn order(name: &str) -> Order {
    Order::place(line(name), format!("{name}@example.com"), format!("{name}-prod"), NOW)
}

/// What is told at a time after [`NOW`], where the file has `shop/prod` and `pay/prod`.
fn told(orders: &[Order], bound: &[(AccountId, Line)], after_ms: u64, pace: &Pace) -> Vec<String> {
    let lines = Lines::new([line("shop"), line("pay")], bound.iter().cloned());
    let orders = orders.iter().map(|it| (it.line.clone(), it.clone())).collect();
    of(&World { orders: &orders, lines: &lines, pace, now_ms: NOW + after_ms, ..nothing() })
}

fn nothing() -> World<'static> {
    static LINES: std::sync::LazyLock<Lines> = std::sync::LazyLock::new(Lines::default);
    static ORDERS: BTreeMap<Line, Order> = BTreeMap::new();
    static UNREADABLE: BTreeSet<Line> = BTreeSet::new();
    static LOOKED: BTreeMap<Line, u64> = BTreeMap::new();
    static PACE: Pace = Pace { full_at_ms: 0, held: None };
    World {
        factory: AccountFactory::Phonehome,
        wanted: &[],
        lines: &LINES,
        orders: &ORDERS,
        unreadable: &UNREADABLE,
        pace: &PACE,
        looked_at_ms: &LOOKED,
        now_ms: NOW,
    }
}

fn wanted() -> Wanted {
    Wanted {
        line: line("ads"),
        email: "ads@example.com".to_owned(),
        account_name: "ads-prod".to_owned(),
        permitted_at_ms: NOW,
    }
}

/// What is told of a pace at a time after [`NOW`].
fn held(wanted: &[Wanted], pace: &Pace, after_ms: u64) -> Vec<String> {
    of(&World { wanted, pace, now_ms: NOW + after_ms, ..nothing() })
}

fn of(world: &World) -> Vec<String> {
    findings(world).iter().map(VendingFinding::to_string).collect()
}

#[test]
fn an_account_that_is_made_is_told_and_so_is_that_it_became_nobodys() {
    let made = [order("shop").made(id(), NOW)];
    let is = "shop/prod is account 111111111111, which was made for it";
    let pace = Pace::default();
    assert_eq!(told(&made, &[], 0, &pace), [is], "it is bound in a moment");
    assert_eq!(told(&made, &[(id(), line("shop"))], 90 * MINUTE, &pace), [is]);
    let unbound = told(&made, &[], 30 * MINUTE, &pace);
    assert_eq!(
        unbound,
        [
            "account 111111111111 was made for shop/prod, which is not that account (any more): none is made a second \
          time. Run `phonehome rebind shop/prod 111111111111`, or with another account's id"
        ]
    );
    assert_eq!(told(&made, &[(id(), line("pay"))], 0, &pace), [""; 0], "somebody made it another line");
    let of_a_line_that_is_no_more = [(id(), line("gone"))];
    assert_eq!(told(&made, &of_a_line_that_is_no_more, 30 * MINUTE - 1, &pace), [is]);
    assert_eq!(told(&made, &of_a_line_that_is_no_more, 30 * MINUTE, &pace), unbound);
}

#[test]
fn an_account_of_a_line_that_is_no_more_is_told_and_stays() {
    let orphan = "account 111111111111 was made for gone/prod, which the fleet file has no more: it is orphaned, stays as \
                  it is and costs money. Declare the line again, or run `phonehome decommission 111111111111 \
                  --close-account`";
    let (made, pace) = ([order("gone").made(id(), NOW)], Pace::default());
    assert_eq!(told(&made, &[], 0, &pace), [orphan]);
    assert_eq!(told(&made, &[(id(), line("gone"))], 0, &pace), [orphan]);
    let on_its_way = told(&[order("gone")], &[], 0, &pace);
    let said =
        "an account is being made for gone/prod, which the fleet file has no more: that cannot be called off";
    assert_eq!(on_its_way, [said]);
    for never_begun in [order("gone").stopped(Stop::EmailTaken, NOW), order("gone").not_begun(NOW)] {
        assert_eq!(told(&[never_begun], &[], 0, &pace), [""; 0]);
    }
}

#[test]
fn what_stops_a_line_is_told_with_its_address_and_what_to_do() {
    let said = |stop: Stop| {
        let told = told(&[order("shop").stopped(stop, NOW)], &[], 0, &Pace::default());
        let [said] = told.as_slice() else { panic!("{told:?}") };
        let said = said.strip_prefix("no account is made for shop/prod: ").unwrap();
        said.strip_suffix(". Other lines go on; this one does when it is permitted anew").unwrap().to_owned()
    };
    assert_eq!(
        said(Stop::Failed(FailureReason::MissingPaymentInstrument)),
        "Organizations says MISSING_PAYMENT_INSTRUMENT (shop@example.com): give the management account a means of \
         payment (Billing, Payment preferences)"
    );
    let unknown = Stop::Failed(FailureReason::Other("SOMETHING_NEW".to_owned()));
    assert_eq!(said(unknown), "Organizations says SOMETHING_NEW (shop@example.com)");
    for (stop, names) in [
        (
            Stop::Refused("InvalidInputException: bad".to_owned()),
            vec!["InvalidInputException: bad", "correct it"],
        ),
        (Stop::EmailTaken, vec!["not of this organization", "another `email`"]),
        (Stop::Closed(id()), vec!["111111111111", "is closed", "90 days"]),
        (Stop::OtherLine { account: id(), line: line("pay") }, vec!["111111111111", "it is pay/prod"]),
        (Stop::TooOften, vec!["8 times", "look into Organizations"]),
    ] {
        let said = said(stop);
        assert!(names.iter().all(|name| said.contains(name)), "{said}");
        assert!(said.contains("shop@example.com"), "{said}");
    }
}

#[test]
fn an_account_that_is_not_there_after_half_an_hour_is_told() {
    let pace = Pace::default();
    assert_eq!(told(&[order("shop")], &[], 30 * MINUTE - 1, &pace), [""; 0]);
    assert!(told(&[order("shop")], &[], 30 * MINUTE, &pace)[0].contains("asked for 30 minutes ago or more"));
    let waiting = Order { state: OrderState::Waiting { until_ms: NOW }, ..order("shop") };
    assert_eq!(told(&[waiting], &[], 30 * MINUTE, &pace), [""; 0]);
}

#[test]
fn a_hold_that_only_people_can_end_is_told_at_once_and_another_one_when_it_lasts() {
    let held = |hold: Hold, after_ms: u64| held(&[wanted()], &Pace::default().refused(hold, NOW), after_ms);
    assert!(held(Hold::NumberLimit, 0)[0].contains("ask AWS for more"));
    assert!(held(Hold::Denied("AccessDenied: no".to_owned()), 0)[0].contains("infra/management.yaml"));
    assert_eq!(held(Hold::Constraint("x: y".to_owned()), 0).len(), 1);
    for hold in [Hold::Throttled, Hold::TooManyInProgress, Hold::Finalizing] {
        assert_eq!(held(hold.clone(), 10 * MINUTE - 1), [""; 0], "{hold}");
        assert_eq!(
            held(hold.clone(), 10 * MINUTE),
            [format!("no account is asked for at the moment: {hold}")]
        );
    }
}

#[test]
fn a_hold_is_told_for_as_long_as_somebody_waits_for_an_account() {
    let full = Pace::default().refused(Hold::NumberLimit, NOW);
    assert_eq!(held(&[wanted()], &full, 24 * 60 * MINUTE).len(), 1, "until Organizations takes a request");
    assert_eq!(held(&[], &full, 0), [""; 0], "its line is gone");
}

/// A look-up of a kind that ended with an error.
fn unseen(look_up: LookUp, code: &str) -> Unseen {
    let operation = if look_up == LookUp::Role { "sts:AssumeRole" } else { "organizations:ListAccounts" };
    Unseen::of(look_up, &CloudError::service(operation, "all", code, "AWS says so"))
}

#[test]
fn what_cannot_be_looked_up_is_told_with_who_may_not_do_what_and_what_to_do() {
    for (look_up, code, expected) in [
        (
            LookUp::Names,
            DENIED,
            ["phonehome-vendor of the hub account may not call organizations:ListAccounts", "infra/hub.yaml"],
        ),
        (
            LookUp::Requests,
            DENIED,
            ["role in the management account may not call", "deploy infra/management.yaml again"],
        ),
        (LookUp::Role, "AccessDenied", ["role in the management account cannot be assumed", "HubAccountId"]),
        (
            LookUp::Account,
            "SomethingNew",
            ["AWS does not take organizations:ListAccounts", "correct what it says"],
        ),
    ] {
        let told = held(&[], &Pace::default().unseen(&unseen(look_up, code), NOW), 0);
        assert_eq!(told.len(), 1, "{look_up:?}: {told:?}");
        assert!(told[0].contains("AWS says so"), "{told:?}");
        assert!(expected.iter().all(|it| told[0].contains(it)), "{told:?}");
    }
    let busy = Pace::default().unseen(&unseen(LookUp::Requests, BUSY), NOW);
    assert_eq!(held(&[], &busy, 0), [""; 0], "it passes by itself");
}

#[test]
fn a_look_up_without_an_answer_holds_all_accounts_until_it_has_one_or_nobody_asks_any_more() {
    let (requests, names) = (unseen(LookUp::Requests, DENIED), unseen(LookUp::Names, DENIED));
    let pace = Pace::default().unseen(&requests, NOW);
    assert_eq!(pace.next_ms(), NOW + 3 * MINUTE);
    assert_eq!(pace.unseen(&requests, NOW + MINUTE), pace, "it is not written each time");
    assert_ne!(pace.unseen(&requests, NOW + 3 * MINUTE / 2), pace, "but once half of its time is over");
    let some = [LookUp::Requests, LookUp::Account].into();
    assert_eq!(
        pace.looked(&some, Some(&requests), NOW + MINUTE),
        pace,
        "answered of one account and not of another"
    );
    let (account, both) = (unseen(LookUp::Account, DENIED), [LookUp::Requests].into());
    let after = pace.looked(&both, Some(&account), NOW + MINUTE).held.unwrap();
    assert_eq!((after.hold, after.since_ms), (Hold::Unseen(account), NOW + MINUTE), "one after the other");
    assert_eq!(pace.looked(&[LookUp::Account].into(), None, NOW), pace);
    let again = pace.unseen(&requests, NOW + 2 * MINUTE);
    let held_since = |pace: &Pace| pace.held.as_ref().map(|it| (it.since_ms, it.until_ms));
    assert_eq!(held_since(&again), Some((NOW, NOW + 5 * MINUTE)));
    assert_eq!(held(&[], &again, 5 * MINUTE - 1).len(), 1);
    assert_eq!(held(&[], &again, 5 * MINUTE), [""; 0], "nobody asks any more");
    let anew = again.unseen(&requests, NOW + 5 * MINUTE);
    assert_eq!(held_since(&anew), Some((NOW + 5 * MINUTE, NOW + 8 * MINUTE)), "and this is another time");
    // What was told is told on, and what is answered is over.
    assert_eq!(pace.unseen(&names, NOW + MINUTE), pace);
    assert_eq!(pace.seen(&[LookUp::Names, LookUp::Request].into()), pace);
    assert_eq!(pace.seen(&[LookUp::Requests].into()), Pace::default());
    let other = pace.unseen(&names, NOW + 3 * MINUTE);
    assert_eq!(other.held.map(|it| it.hold), Some(Hold::Unseen(names.clone())));
}

#[test]
fn what_only_people_can_end_is_told_before_what_passes_by_itself() {
    let (denied, busy) = (unseen(LookUp::Request, DENIED), unseen(LookUp::Names, BUSY));
    let hold = |pace: Pace| pace.held.unwrap().hold;
    let (is_denied, is_busy) = (Hold::Unseen(denied.clone()), Hold::Unseen(busy.clone()));
    let pace = |first: &Unseen| Pace::default().unseen(first, NOW);
    assert_eq!(hold(pace(&busy).unseen(&denied, NOW)), is_denied);
    assert_eq!(hold(pace(&denied).unseen(&busy, NOW)), is_denied);
    assert_eq!(hold(pace(&busy).unseen(&unseen(LookUp::Request, BUSY), NOW)), is_busy, "the first one");
    let full = Pace::default().refused(Hold::NumberLimit, NOW);
    assert_eq!(hold(full.unseen(&busy, NOW)), Hold::NumberLimit);
    assert_eq!(hold(full.unseen(&denied, NOW)), is_denied);
    let throttled = Pace::default().refused(Hold::Throttled, NOW);
    assert_eq!(hold(throttled.unseen(&busy, NOW)), is_busy);
    assert_eq!(full.seen(&[LookUp::Names].into()), full, "no look-up ends a refusal");
}

#[test]
fn who_waits_for_control_tower_who_shares_an_address_and_what_cannot_be_read_is_told() {
    let wanted = [Wanted {
        line: line("shop"),
        email: "PAY@example.com".to_owned(),
        account_name: "shop-prod".to_owned(),
        permitted_at_ms: NOW,
    }];
    let lines = Lines::new([line("shop"), line("pay")], [(id(), line("pay"))]);
    let orders = BTreeMap::from([(line("pay"), order("pay").made(id(), NOW))]);
    let world = World { wanted: &wanted, lines: &lines, orders: &orders, ..nothing() };
    let shared = "no account is made for shop/prod: another line's was ordered with PAY@example.com. Give shop/prod \
                  another `email`";
    assert_eq!(of(&world)[1..], [shared]);
    let orders = BTreeMap::from([(line("pay"), order("pay")), (line("shop"), order("shop").not_begun(NOW))]);
    assert_eq!(of(&World { orders: &orders, ..world }), [""; 0], "its own order has its own address");
    let awaited = "shop/prod has no account yet: accounts of this organization are made by Control Tower. It is bound \
                   when it is there";
    assert_eq!(of(&World { factory: AccountFactory::ControlTower, ..world })[1..], [awaited]);
    let unreadable = BTreeSet::from([line("pay")]);
    let told = of(&World { unreadable: &unreadable, ..nothing() });
    assert!(told[0].contains("the account for pay/prod cannot be read: none is asked for"), "{told:?}");
}
