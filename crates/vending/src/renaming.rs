//! A line whose account is not there yet keeps its former name until it is.

use std::collections::BTreeMap;

use phonehome_fleet::{Bindings, Fleet, Line};

use crate::order::Order;

/// That a file has a line no more under the name under which its account was ordered, and still has the line: the account
/// would be nobody's, and the line could get a second one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the account for {line} was ordered when it was called {ordered}, and is not bound to it yet: without that name in \
     `renamed_from` the account would be nobody's, and {line} could get a second one. Keep it until `phonehome status` shows \
     {line} with its account"
)]
pub struct OrderLost {
    /// What the order calls the line.
    pub ordered: Line,
    /// What the new file calls it.
    pub line: Line,
}

/// The first order that `after` would lose, of a line that both files have. `orders` are all, by the lines that they were
/// placed for.
#[must_use]
pub fn order_lost(
    before: &Fleet,
    after: &Fleet,
    bindings: &Bindings,
    orders: &BTreeMap<Line, Order>,
) -> Option<OrderLost> {
    let is_bound = |order: &Order| {
        let line = order.account().and_then(|account| bindings.last_line_of(account));
        line.is_some_and(|line| after.member_at(line).is_some())
    };
    orders.values().filter(|it| it.may_bring_an_account() && !is_bound(it)).find_map(|order| {
        let known = before.member_at(&order.line).filter(|_| after.member_at(&order.line).is_none())?;
        Some(OrderLost { ordered: order.line.clone(), line: after.member_at(&known.line())?.line() })
    })
}
