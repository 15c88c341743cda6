//! Which accounts are kept as declared, and which never.

use std::collections::BTreeMap;

use phonehome_fleet::{Binding, Bindings, Fleet, Line, parse};
use phonehome_properties::{Subject, subjects};
use phonehome_vending::Order;
use phonehome_wire::AccountId;

/// `shop` and `payments`, each `dev` and `prod`.
fn fleet(change: impl Fn(String) -> String) -> Fleet {
    parse(&change(include_str!("../../fleet/tests/fixtures/small.yaml").to_owned())).unwrap()
}

fn id(digit: u32) -> AccountId {
    format!("{digit}").repeat(12).parse().unwrap()
}

fn bound(line: (&str, &str), digit: u32) -> Binding {
    Binding {
        line: Line::new(line.0, line.1),
        account: id(digit),
        account_name: String::new(),
        bound_at_ms: 0,
    }
}

fn made(line: (&str, &str), digit: u32) -> BTreeMap<Line, Order> {
    let line = Line::new(line.0, line.1);
    let order = Order::place(line.clone(), "a@example.com".into(), "a".into(), 0).made(id(digit), 0);
    BTreeMap::from([(line, order)])
}

fn shown(subjects: Vec<Subject>) -> Vec<String> {
    let shown = subjects.iter().map(|it| format!("{} {} {}", it.line, &it.account.as_str()[..1], it.vended));
    shown.collect()
}

#[test]
fn bound_accounts_are_kept_and_so_are_those_that_were_made_and_are_not_bound_yet() {
    let fleet = fleet(|text| text);
    let bindings = Bindings::new([bound(("shop", "dev"), 5)], []);
    let all = subjects(&fleet, &bindings, &made(("payments", "dev"), 6));
    assert_eq!(shown(all), ["shop/dev 5 false", "payments/dev 6 true"]);
    let both = Bindings::new([bound(("shop", "dev"), 5), bound(("payments", "dev"), 6)], []);
    let all = subjects(&fleet, &both, &made(("payments", "dev"), 6));
    assert_eq!(shown(all), ["shop/dev 5 false", "payments/dev 6 true"]);
}

#[test]
fn an_account_that_was_made_for_a_line_that_is_another_account_now_or_no_line_is_left_alone() {
    let fleet = fleet(|text| text);
    let bindings = Bindings::new([bound(("payments", "dev"), 7)], []);
    assert_eq!(shown(subjects(&fleet, &bindings, &made(("payments", "dev"), 6))), ["payments/dev 7 false"]);
    // Made for one line, and another one now.
    let bindings = Bindings::new([bound(("shop", "dev"), 6)], []);
    assert_eq!(shown(subjects(&fleet, &bindings, &made(("payments", "dev"), 6))), ["shop/dev 6 true"]);
    let gone = subjects(&fleet, &Bindings::default(), &made(("left", "dev"), 6));
    assert_eq!(shown(gone), Vec::<String>::new());
}

#[test]
fn while_something_that_may_bind_an_account_cannot_be_read_only_bound_ones_are_kept() {
    let bindings = Bindings::new([bound(("shop", "dev"), 5)], []).partial(true);
    let all = subjects(&fleet(|text| text), &bindings, &made(("payments", "dev"), 6));
    assert_eq!(shown(all), ["shop/dev 5 false"]);
}

#[test]
fn the_management_account_is_never_touched() {
    // Whatever somebody bound: the file itself refuses to pin it.
    let bindings = Bindings::new([bound(("shop", "dev"), 1), bound(("shop", "prod"), 5)], []);
    let all = subjects(&fleet(|text| text), &bindings, &BTreeMap::new());
    assert_eq!(fleet(|text| text).organization.management_account, id(1));
    assert_eq!(shown(all), ["shop/prod 5 false"]);
}

#[test]
fn an_account_that_was_made_for_a_line_under_its_former_name_is_kept_under_the_present_one() {
    let renamed =
        fleet(|text| text.replacen("- name: shop\n", "- name: shop\n    renamed_from: boutique\n", 1));
    let all = subjects(&renamed, &Bindings::default(), &made(("boutique", "dev"), 6));
    assert_eq!(shown(all), ["shop/dev 6 true"]);
}
