//! Whether a line may become another account while one is made for it.

use std::collections::BTreeMap;

use phonehome_fleet::{Line, Rebinding};
use phonehome_wire::AccountId;

use crate::lines::Lines;
use crate::order::Order;

/// Why a line is not rebound without force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderStands {
    /// The line's own account may be in the making.
    #[error(
        "an account is being made for {line}, which cannot be called off: wait until it is there (`phonehome status`), and \
         rebind then"
    )]
    UnderWay {
        /// The line.
        line: Line,
        /// The account that it would become.
        account: AccountId,
    },
    /// The account was made for another line, which is not bound to it yet.
    #[error("account {account} was made for {of}, which is no account without it, and gets no second one")]
    MadeForAnother {
        /// The line.
        line: Line,
        /// The account that it would become.
        account: AccountId,
        /// The line that it was made for.
        of: Line,
    },
}

impl OrderStands {
    /// What becomes of it where a person insists.
    #[must_use]
    pub fn if_forced(&self) -> String {
        match self {
            Self::UnderWay { line, account } => {
                format!("{line} becomes account {account} now, and the one that is made is nobody's")
            }
            Self::MadeForAnother { line, .. } => format!("{line} becomes it all the same"),
        }
    }
}

/// Whether an order stands against a rebinding. `orders` are all, by the lines that they were placed for.
#[must_use]
pub fn order_against(
    rebinding: &Rebinding,
    orders: &BTreeMap<Line, Order>,
    lines: &Lines,
) -> Option<OrderStands> {
    let (line, account) = (rebinding.member.line(), rebinding.account.clone());
    let orders = lines.orders(orders);
    if orders.get(&line).is_some_and(|order| order.is_open()) {
        return Some(OrderStands::UnderWay { line, account });
    }
    let is_of_another = |of: &&Line| **of != line && lines.declares(of) && lines.line_of(&account).is_none();
    let made = orders.iter().filter(|(_, order)| order.account() == Some(&account)).map(|(of, _)| *of);
    let of = made.into_iter().find(is_of_another)?.clone();
    Some(OrderStands::MadeForAnother { line, account, of })
}
