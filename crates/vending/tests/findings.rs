//! What people are told.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fleet::Line;
use phonehome_vending::{
    AccountFactory, FailureReason, Hold, Lines, Order, OrderState, Pace, Stop, VendingFinding, Wanted, World,
    findings,
};
use phonehome_wire::AccountId;

const NOW: u64 = 1_800_000_000_000;
const MINUTE: u64 = 60_000;

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
    let held = |hold: Hold, after_ms: u64| told(&[], &[], after_ms, &Pace::default().refused(hold, NOW));
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
