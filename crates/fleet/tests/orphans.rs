//! Which accounts are orphaned: those whose line left every version in use.

mod support;

use std::collections::BTreeMap;

use phonehome_fleet::{Binding, Bindings, Fleet, Line, Orphan, Roster, orphans};
use phonehome_wire::AccountId;
use support::{SMALL, fleet};

const ONE: &str = "444400000001";
const TWO: &str = "444400000002";

fn id(text: &str) -> AccountId {
    text.parse().unwrap()
}

fn roster(pairs: &[(&str, &str)]) -> Roster {
    pairs.iter().map(|(id, name)| (self::id(id), (*name).to_owned())).collect()
}

fn stack(domain: &str, environment: &str) -> (Line, AccountId) {
    (Line::new(domain, environment), id(ONE))
}

fn bound(line: &Line) -> Binding {
    Binding { line: line.clone(), account: id(ONE), account_name: "shop-dev".into(), bound_at_ms: 0 }
}

/// Whose account is orphaned, of one account ONE called shop-dev.
fn lines(versions: &[&Fleet], bindings: &Bindings, name: &str) -> Vec<String> {
    let found = orphans(versions, bindings, &roster(&[(ONE, name), (TWO, "nobodys")]), &BTreeMap::new());
    assert!(found.iter().all(|it| it.account == id(ONE) && it.account_name == name), "{found:?}");
    found.into_iter().map(|Orphan { line, .. }| line.to_string()).collect()
}

fn without() -> Fleet {
    let text = SMALL.replacen("environments: [dev, prod]", "environments: [prod]", 1);
    fleet(&text.replacen("accounts: [shop-dev]", "accounts: [shop-prod]", 1))
}

#[test]
fn an_account_whose_line_left_is_orphaned_whether_a_binding_or_a_stack_or_only_its_making_says_so() {
    let (with, without) = (fleet(SMALL), without());
    let line = Line::new("shop", "dev");
    for bindings in [
        Bindings::new([bound(&line)], []),
        Bindings::new([], [stack("shop", "dev")]),
        Bindings::new([bound(&line)], [stack("shop", "dev")]),
    ] {
        assert_eq!(lines(&[&without], &bindings, "shop-dev"), ["shop/dev"]);
        assert_eq!(lines(&[&with], &bindings, "shop-dev"), [""; 0]);
    }
    let none = Bindings::default();
    assert_eq!(lines(&[&without], &none, "shop-dev"), [""; 0], "it never was a line");
    let made = BTreeMap::from([(id(ONE), line)]);
    let found = orphans(&[&without], &none, &roster(&[(ONE, "shop-dev")]), &made);
    assert_eq!(found.len(), 1, "it was made for a line, and never bound");
    assert_eq!(orphans(&[&with], &none, &roster(&[(ONE, "shop-dev")]), &made), []);
}

#[test]
fn while_a_version_in_use_has_its_line_it_is_not_orphaned() {
    let (with, without) = (fleet(SMALL), without());
    let bindings = Bindings::new([bound(&Line::new("shop", "dev"))], []);
    assert_eq!(lines(&[&with, &without], &bindings, "shop-dev"), [""; 0], "it is being rolled out");
    assert_eq!(lines(&[&without, &with], &bindings, "shop-dev"), [""; 0], "it comes back");
    assert_eq!(lines(&[&without, &without], &bindings, "shop-dev"), ["shop/dev"]);
    assert_eq!(lines(&[], &bindings, "shop-dev"), [""; 0], "of no version nothing is known");
}

#[test]
fn a_line_that_is_renamed_or_rebound_orphans_nobody() {
    let bindings = Bindings::new([bound(&Line::new("old", "dev"))], [stack("old", "dev")]);
    let renamed = fleet(&SMALL.replacen("  - name: shop\n", "  - name: shop\n    renamed_from: old\n", 1));
    assert_eq!(lines(&[&renamed], &bindings, "shop-dev"), [""; 0]);
    // Without `renamed_from` people have to say first what it is.
    assert_eq!(lines(&[&fleet(SMALL)], &bindings, "shop-dev"), [""; 0]);
    // Under another name nobody takes it for the new line.
    assert_eq!(lines(&[&fleet(SMALL)], &bindings, "old-dev"), ["old/dev"]);
    // The line is another account now; its former one has a stack of it.
    let moved = Binding { account: id(TWO), ..bound(&Line::new("shop", "dev")) };
    let bindings = Bindings::new([moved], [stack("shop", "dev")]);
    assert_eq!(lines(&[&fleet(SMALL)], &bindings, "shop-dev"), [""; 0]);
}

#[test]
fn the_hub_and_the_management_account_and_who_is_closed_are_never_orphaned() {
    let without = without();
    let hub = id("222222222222");
    let made = BTreeMap::from([(hub.clone(), Line::new("gone", "dev"))]);
    assert_eq!(orphans(&[&without], &Bindings::default(), &roster(&[("222222222222", "hub")]), &made), []);
    let bindings = Bindings::new([bound(&Line::new("shop", "dev"))], []);
    assert_eq!(orphans(&[&without], &bindings, &Roster::new(), &BTreeMap::new()), [], "it is not active");
}
