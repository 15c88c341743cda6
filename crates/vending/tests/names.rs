//! Which accounts lines may become by their names while accounts are made.

use std::collections::BTreeSet;

use phonehome_fleet::{Line, Roster};
use phonehome_vending::{Lines, Order, OrderState, Orders, RequestId, SearchCause, Stop};
use phonehome_wire::AccountId;

const MADE: &str = "444455556601";
const OTHER: &str = "444455556602";

fn id(id: &str) -> AccountId {
    id.parse().unwrap()
}

fn account(of: &str, name: &str) -> (AccountId, String) {
    (id(of), name.to_owned())
}

fn lines() -> Lines {
    Lines::new([Line::new("shop", "dev"), Line::new("pay", "dev")], [])
}

/// The order of shop/dev in a state.
fn orders(state: OrderState) -> Orders {
    let (line, email) = (Line::new("shop", "dev"), "aws+shop-dev@example.com".to_owned());
    let order = Order { state, ..Order::place(line.clone(), email, "shop-dev".into(), 1) };
    Orders { orders: [(line, order)].into(), unreadable: BTreeSet::new() }
}

/// Whether a line may become an account by its name; the accounts `active` are.
fn may(orders: &Orders, line: &str, (account, name): &(AccountId, String), active: &[&str]) -> bool {
    let active: Roster = active.iter().map(|it| (id(it), "any".to_owned())).collect();
    orders.may_bind_by_name(&Line::new(line, "dev"), (account, name), &lines(), &active)
}

#[test]
fn while_an_account_is_made_neither_its_line_nor_its_name_is_bound_by_name() {
    let request = RequestId::new("car-1");
    for state in [
        OrderState::Asking { since_ms: 1 },
        OrderState::Creating { request, since_ms: 1 },
        OrderState::Searching { cause: SearchCause::Unheard, since_ms: 1 },
    ] {
        let orders = orders(state);
        assert!(!may(&orders, "shop", &account(MADE, "shop-dev"), &[MADE]), "{orders:?}");
        assert!(!may(&orders, "shop", &account(OTHER, "renamed"), &[OTHER]), "its line waits: {orders:?}");
        assert!(!may(&orders, "pay", &account(MADE, "shop-dev"), &[MADE]), "its name is taken: {orders:?}");
        assert!(may(&orders, "pay", &account(OTHER, "pay-dev"), &[OTHER]), "{orders:?}");
    }
}

#[test]
fn where_nothing_is_under_way_an_account_that_somebody_made_is_bound_as_ever() {
    let stop = Stop::EmailTaken;
    for state in [OrderState::Waiting { until_ms: 9 }, OrderState::Stopped { stop, at_ms: 1 }] {
        let orders = orders(state);
        assert!(may(&orders, "shop", &account(OTHER, "shop-dev"), &[OTHER]), "{orders:?}");
    }
    assert!(may(&Orders::default(), "shop", &account(OTHER, "shop-dev"), &[OTHER]));
}

#[test]
fn who_was_made_for_a_line_is_no_other_one_and_its_line_takes_nobody_else_while_it_is_active() {
    let orders = orders(OrderState::Made { account: id(MADE), at_ms: 1 });
    assert!(may(&orders, "shop", &account(MADE, "shop-dev"), &[MADE, OTHER]));
    assert!(!may(&orders, "pay", &account(MADE, "pay-dev"), &[MADE, OTHER]));
    assert!(!may(&orders, "shop", &account(OTHER, "shop-dev"), &[MADE, OTHER]));
    assert!(may(&orders, "shop", &account(OTHER, "shop-dev"), &[OTHER]), "its own was closed");
    assert!(may(&orders, "pay", &account(OTHER, "pay-dev"), &[MADE, OTHER]));
}

#[test]
fn a_line_whose_order_cannot_be_read_is_bound_by_no_name() {
    let unreadable = [Line::new("shop", "dev")].into();
    let orders = Orders { unreadable, ..Orders::default() };
    assert!(!may(&orders, "shop", &account(OTHER, "shop-dev"), &[OTHER]));
    assert!(may(&orders, "pay", &account(OTHER, "pay-dev"), &[OTHER]));
}
