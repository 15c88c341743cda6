//! Whether an account that was found is the one that a line was to get.
//!
//! The order's own request says which account it made. Where there is none, for its answer was lost, requests are told
//! by their account's name and their time, and neither is anybody's alone; so an account is taken for a line's by its
//! e-mail address only.

use std::collections::BTreeMap;

use phonehome_fleet::Line;
use phonehome_wire::AccountId;

use crate::lines::Lines;
use crate::order::{Order, Stop};
use crate::request::{Outcome, OwnedAccount, Request};

/// How far the clocks of AWS and of who asks may be apart, in milliseconds: AWS refuses what is signed with another one.
const CLOCKS_MS: u64 = 5 * 60_000;

/// What the requests say of an order without a request of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Candidates {
    /// One that may be its own is under way.
    UnderWay,
    /// These accounts came of such requests; often none.
    Accounts(Vec<AccountId>),
}

/// Which requests may be an order's: of its account's name, and not older than the order. One that failed says nothing,
/// for it may be somebody else's: asked again, Organizations says it of the order's own.
#[must_use]
pub fn candidates(order: &Order, requests: &[Request]) -> Candidates {
    let may_be_its = |request: &&Request| {
        request.account_name == order.account_name
            && request.requested_at_ms + CLOCKS_MS >= order.placed_at_ms
    };
    let mut accounts = Vec::new();
    for request in requests.iter().filter(may_be_its) {
        match &request.outcome {
            Outcome::InProgress => return Candidates::UnderWay,
            Outcome::Succeeded(account) => accounts.push(account.clone()),
            Outcome::Failed(_) => {}
        }
    }
    Candidates::Accounts(accounts)
}

/// Whether an account becomes an order's: `None` where it has another e-mail address. `orders` are all.
#[must_use]
pub fn claim(
    order: &Order,
    account: &OwnedAccount,
    orders: &BTreeMap<Line, Order>,
    lines: &Lines,
) -> Option<Result<AccountId, Stop>> {
    if !order.has_email(&account.email) {
        return None;
    }
    let of_order = orders.values().find(|it| it.account() == Some(&account.id)).map(|it| &it.line);
    let owner = lines.line_of(&account.id).or(of_order).or(account.made_for.as_ref());
    Some(match owner {
        Some(line) if !lines.are_one(line, &order.line) => {
            Err(Stop::OtherLine { account: account.id.clone(), line: line.clone() })
        }
        _ if !account.active => Err(Stop::Closed(account.id.clone())),
        _ => Ok(account.id.clone()),
    })
}
