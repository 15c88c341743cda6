//! What people are told.

use std::fmt;

use phonehome_fleet::Line;
use phonehome_wire::AccountId;

use crate::decide::{AccountFactory, World, first};
use crate::order::{ASKS_MAX, Order, OrderState, Stop};
use crate::pace::Held;
use crate::refusal::Hold;

/// After how long an account that is not there yet is told of, in milliseconds. AWS makes one in less than a minute.
const LATE_MS: u64 = 30 * 60_000;

/// After how long that nothing is asked for is told, in milliseconds. What passes by itself in less is nobody's work.
const HELD_MS: u64 = 10 * 60_000;

/// Something that people are told, once for as long as it lasts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum VendingFinding {
    /// A line's account is made.
    Made {
        /// The line.
        line: Line,
        /// Its account.
        account: AccountId,
    },
    /// A line's account is not made, and people have to put something right.
    Stopped {
        /// The line.
        line: Line,
        /// The e-mail address.
        email: String,
        /// Why.
        stop: Stop,
    },
    /// A line's account is not there, and should be.
    Late {
        /// The line.
        line: Line,
    },
    /// An account that cannot become a line's has its name.
    NameTaken {
        /// The line that gets no account.
        line: Line,
        /// The account.
        account: AccountId,
        /// The name.
        name: String,
    },
    /// Two lines have one e-mail address.
    SharedEmail {
        /// The line that gets no account.
        line: Line,
        /// The address.
        email: String,
    },
    /// What is known of a line's account cannot be read.
    Unreadable {
        /// The line.
        line: Line,
    },
    /// A line's account was made, and no line of the file is that account.
    Orphaned {
        /// The line that it was made for.
        line: Line,
        /// The account; `None` while it is being made.
        account: Option<AccountId>,
    },
    /// A line's account was made, and the line is still none.
    Unbound {
        /// The line.
        line: Line,
        /// The account.
        account: AccountId,
    },
    /// Control Tower is to make a line's account.
    Awaited {
        /// The line.
        line: Line,
    },
    /// No account is asked for, for any line.
    Held {
        /// Why, for people.
        why: String,
    },
}

/// Everything that is to be told.
#[must_use]
pub fn findings(world: &World) -> Vec<VendingFinding> {
    let mut findings: Vec<_> = world.orders.values().filter_map(|order| of_order(world, order)).collect();
    findings.extend(world.unreadable.iter().map(|line| VendingFinding::Unreadable { line: line.clone() }));
    let orders = world.orders_by_line();
    for wanted in world.wanted.iter().filter(|it| !orders.contains_key(&it.line)) {
        let line = wanted.line.clone();
        if world.factory == AccountFactory::ControlTower {
            findings.push(VendingFinding::Awaited { line });
        } else if world.is_another_ones(wanted) {
            findings.push(VendingFinding::SharedEmail { line, email: wanted.email.clone() });
        }
    }
    let long = |held: &&Held| held.hold.needs_people() || held.since_ms + HELD_MS <= world.now_ms;
    let held = world.pace.held.as_ref().filter(|held| is_waited_for(world, held)).filter(long);
    findings.extend(held.map(|held| VendingFinding::Held { why: held.hold.to_string() }));
    findings
}

/// Whether a hold keeps anybody from an account. What Organizations refused is known to last as long as it is not asked
/// again; what could not be looked up is prolonged by whoever looks.
fn is_waited_for(world: &World, held: &Held) -> bool {
    held.lasts(world.now_ms) && (matches!(held.hold, Hold::Unseen(_)) || first(world).is_some())
}

fn of_order(world: &World, order: &Order) -> Option<VendingFinding> {
    let line = world.lines.present(&order.line).clone();
    let is_declared = world.lines.declares(&line);
    match &order.state {
        OrderState::Made { account, at_ms } => {
            let account = account.clone();
            match world.lines.line_of(&account) {
                // Somebody made it another line.
                Some(of) if !world.lines.are_one(of, &line) && world.lines.declares(of) => None,
                Some(of) if is_declared && world.lines.are_one(of, &line) => {
                    Some(VendingFinding::Made { line, account })
                }
                _ if is_declared && world.now_ms < at_ms + LATE_MS => {
                    Some(VendingFinding::Made { line, account })
                }
                _ if is_declared => Some(VendingFinding::Unbound { line, account }),
                _ => Some(VendingFinding::Orphaned { line, account: Some(account) }),
            }
        }
        OrderState::Stopped { stop, .. } => {
            let (email, stop) = (order.email.clone(), stop.clone());
            is_declared.then_some(VendingFinding::Stopped { line, email, stop })
        }
        _ if order.is_open() && !is_declared => Some(VendingFinding::Orphaned { line, account: None }),
        _ if order.is_open() && order.placed_at_ms + LATE_MS <= world.now_ms => {
            Some(VendingFinding::Late { line })
        }
        _ => None,
    }
}

impl fmt::Display for VendingFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Made { line, account } => write!(f, "{line} is account {account}, which was made for it"),
            Self::Stopped { line, email, stop } => {
                write!(f, "no account is made for {line}: ")?;
                because(f, email, stop)?;
                f.write_str(". Other lines go on; this one does when it is permitted anew")
            }
            Self::Late { line } => write!(
                f,
                "the account for {line} was asked for {} minutes ago or more and is not there: it is still looked for, \
                 and none is asked for twice. Look into Organizations, and ask AWS Support",
                LATE_MS / 60_000
            ),
            Self::NameTaken { line, account, name } => write!(
                f,
                "no account is made for {line}: account {account} is called {name}, and it is suspended, closed or another \
                 line. AWS Support reopens a closed one within 90 days; or rename that one, or give {line} another \
                 `account_name` and `email`"
            ),
            Self::SharedEmail { line, email } => write!(
                f,
                "no account is made for {line}: another line's was ordered with {email}. Give {line} another `email`"
            ),
            Self::Unreadable { line } => write!(
                f,
                "what is known of the account for {line} cannot be read: none is asked for, for there may be one. \
                 Restore the item of the table"
            ),
            Self::Orphaned { line, account: Some(account) } => write!(
                f,
                "account {account} was made for {line}, which the fleet file has no more: it is orphaned, stays as it is \
                 and costs money. Declare the line again, or run `phonehome decommission {account} --close-account`"
            ),
            Self::Orphaned { line, account: None } => write!(
                f,
                "an account is being made for {line}, which the fleet file has no more: that cannot be called off"
            ),
            Self::Unbound { line, account } => write!(
                f,
                "account {account} was made for {line}, which is not that account (any more): none is made a second \
                 time. Run `phonehome rebind {line} {account}`, or with another account's id"
            ),
            Self::Awaited { line } => write!(
                f,
                "{line} has no account yet: accounts of this organization are made by Control Tower. It is bound when \
                 it is there"
            ),
            Self::Held { why } => write!(f, "no account is asked for at the moment: {why}"),
        }
    }
}

/// Why no account is made with this address, and what to do.
pub(crate) fn because(f: &mut fmt::Formatter<'_>, email: &str, stop: &Stop) -> fmt::Result {
    match stop {
        Stop::Failed(reason) => match reason.advice() {
            Some(advice) => write!(f, "Organizations says {reason} ({email}): {advice}"),
            None => write!(f, "Organizations says {reason} ({email})"),
        },
        Stop::Refused(said) => {
            write!(f, "Organizations does not take the request with {email} ({said}): correct it")
        }
        Stop::EmailTaken => write!(
            f,
            "an account that is not of this organization, or one that was closed, has the address {email} for good: \
             give the line another `email`"
        ),
        Stop::Closed(account) => write!(
            f,
            "account {account} has the address {email} and is closed: reopen it within 90 days, or give the line \
             another `email`"
        ),
        Stop::OtherLine { account, line } => write!(
            f,
            "account {account} has the address {email}, and it is {line}: give the line another `email`, or run \
             `phonehome rebind` if it is the right one"
        ),
        Stop::TooOften => {
            write!(
                f,
                "it was asked for {ASKS_MAX} times with {email} and never seen: look into Organizations"
            )
        }
    }
}
