//! A line under its new name is the line that it was.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fleet::{Bindings, Line, Roster};
use phonehome_vending::{
    AccountFactory, Lines, Order, Orders, OwnedAccount, Pace, Step, Stop, VendingFinding, Wanted, World,
    claim, decide, findings,
};

const NOW: u64 = 1_800_000_000_000;
const MADE: &str = "111111111111";

/// The shop is called the store by now.
fn lines() -> Lines {
    let text = include_str!("../../fleet/tests/fixtures/small.yaml");
    let text =
        text.replace("shop", "store").replace("- name: store", "- name: store\n    renamed_from: shop");
    let fleet = phonehome_fleet::parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    Lines::of(&fleet, &Bindings::default())
}

fn line(domain: &str) -> Line {
    Line::new(domain, "prod")
}

fn order(domain: &str, email: &str) -> Order {
    Order::place(line(domain), email.to_owned(), format!("{domain}-prod"), NOW)
}

fn all(orders: &[Order]) -> BTreeMap<Line, Order> {
    orders.iter().map(|it| (it.line.clone(), it.clone())).collect()
}

/// What is known where the shop is called the store by now.
fn known<R>(orders: &[Order], wanted: &[Wanted], say: impl FnOnce(&World) -> R) -> R {
    let (lines, orders, pace) = (lines(), all(orders), Pace::default());
    let (unreadable, looked_at_ms) = (BTreeSet::new(), BTreeMap::new());
    say(&World {
        factory: AccountFactory::Phonehome,
        wanted,
        lines: &lines,
        orders: &orders,
        unreadable: &unreadable,
        pace: &pace,
        looked_at_ms: &looked_at_ms,
        now_ms: NOW,
    })
}

#[test]
fn it_is_declared_under_both_names_and_they_are_one() {
    let lines = lines();
    assert_eq!(
        (lines.present(&line("shop")), lines.present(&line("payments"))),
        (&line("store"), &line("payments"))
    );
    for (name, is_declared) in [("store", true), ("shop", true), ("payments", true), ("gone", false)] {
        assert_eq!(lines.declares(&line(name)), is_declared, "{name}");
    }
    assert!(lines.are_one(&line("shop"), &line("store")) && lines.are_one(&line("store"), &line("shop")));
    assert!(!lines.are_one(&line("shop"), &line("payments")));
}

#[test]
fn what_is_told_of_its_order_is_told_under_its_new_name() {
    let made = order("shop", "shop@example.com").made(MADE.parse().unwrap(), NOW);
    let told = known(&[made], &[], findings);
    assert_eq!(told, [VendingFinding::Made { line: line("store"), account: MADE.parse().unwrap() }]);
}

#[test]
fn an_account_that_was_made_for_it_under_its_old_name_is_its_own() {
    let (new, lines) = (order("store", "shop@example.com"), lines());
    let account = OwnedAccount {
        id: MADE.parse().unwrap(),
        email: "shop@example.com".to_owned(),
        active: true,
        made_for: Some(line("shop")),
    };
    assert_eq!(claim(&new, &account, &all(&[]), &lines), Some(Ok(account.id.clone())));
    let of = OwnedAccount { made_for: Some(line("payments")), ..account };
    assert!(matches!(claim(&new, &of, &all(&[]), &lines), Some(Err(Stop::OtherLine { .. }))));
}

#[test]
fn the_address_of_its_own_former_order_is_no_other_lines() {
    let wanted = Wanted {
        line: line("store"),
        email: "second@example.com".to_owned(),
        account_name: "store-prod".to_owned(),
        permitted_at_ms: NOW,
    };
    let asked = |of: &str| {
        let stopped = order("store", "first@example.com").stopped(Stop::EmailTaken, NOW - 1);
        let orders = [stopped, order(of, "second@example.com").stopped(Stop::TooOften, NOW - 2)];
        let decision = known(&orders, std::slice::from_ref(&wanted), decide);
        decision
            .steps
            .into_iter()
            .any(|step| matches!(step, Step::Ask(order) if order.email == "second@example.com"))
    };
    assert!(asked("shop"));
    assert!(!asked("payments"));
}

#[test]
fn an_order_under_its_own_name_goes_before_one_under_its_former_name() {
    let text = include_str!("../../fleet/tests/fixtures/small.yaml");
    // Whichever of the two comes first in the table.
    for name in ["books", "store"] {
        let text = text
            .replace("shop", name)
            .replace(&format!("- name: {name}"), &format!("- name: {name}\n    renamed_from: shop"));
        let fleet = phonehome_fleet::parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
        let lines = Lines::of(&fleet, &Bindings::default());
        let wanted = Wanted {
            line: line(name),
            email: "new@example.com".to_owned(),
            account_name: name.to_owned(),
            permitted_at_ms: NOW,
        };
        let orders = [
            order(name, "own@example.com").not_begun(NOW),
            order("shop", "former@example.com").not_begun(NOW),
        ];
        let decision = known(&orders, &[wanted], |world| decide(&World { lines: &lines, ..*world }));
        assert!(
            matches!(decision.steps.as_slice(), [Step::Ask(it)] if it.email == "own@example.com"),
            "{name}: {decision:?}"
        );
    }
}

#[test]
fn while_its_order_cannot_be_read_under_its_old_name_it_is_bound_by_no_name() {
    let orders = Orders { unreadable: [line("shop")].into(), ..Orders::default() };
    let account = MADE.parse().unwrap();
    let may = |of: &str| orders.may_bind_by_name(&line(of), (&account, "any"), &lines(), &Roster::new());
    assert_eq!((may("store"), may("shop"), may("payments")), (false, false, true));
}
