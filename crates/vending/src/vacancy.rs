//! What becomes of the lines that are no account: what there is to permit, and what to do about the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use phonehome_cloud::{Account, AccountWithEmail};
use phonehome_fleet::{Bindings, Fleet, IdentifiedLine, Line, LineState, Member, Roster};
use phonehome_wire::AccountId;

use crate::finding::because;
use crate::lines::Lines;
use crate::order::{Order, OrderState, Stop};

/// A line that is no account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vacancy {
    /// The line's member.
    pub member: Member,
    /// The name that its account would have.
    pub account_name: String,
    /// The e-mail address that its account would have; `None` where phonehome makes none.
    pub email: Option<String>,
    /// When an account for it was permitted; milliseconds since the Unix epoch.
    pub permitted_at_ms: Option<u64>,
    /// When its order stopped; milliseconds since the Unix epoch.
    pub stopped_at_ms: Option<u64>,
    /// What becomes of it.
    pub prospect: Prospect,
}

/// What becomes of a line that is no account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prospect {
    /// phonehome makes one, once that is permitted and its turn comes.
    ToMake,
    /// One is ordered: how far it is.
    Ordered(OrderState),
    /// One was ordered, and is not made with the e-mail address that the line still has.
    Stopped(Stop),
    /// One was ordered, and it goes on with a new permission.
    GoesOn {
        /// What stopped it, and may be mended.
        stop: Stop,
        /// With which e-mail address.
        email: String,
    },
    /// One was made for it and is not this line, or no more. None is made a second time.
    Made(AccountId),
    /// An account of the organization has the e-mail address that it would get.
    Exists {
        /// The account.
        account: AccountId,
        /// What it is called.
        name: String,
        /// Whether it can be worked in.
        active: bool,
    },
    /// An account that cannot become this line's has its account's name.
    NameTaken(AccountId),
    /// Another line's order has the e-mail address that it would get.
    EmailTaken(Line),
    /// AWS would take no such address or name: the file was published before that was refused.
    Unusable,
    /// The file pins an account that is no active one of the organization.
    Pinned(AccountId),
    /// It is not clear which of several accounts it is, or the account is another line.
    Contested,
    /// Nobody makes accounts: the file has no `vending`.
    Unvended,
    /// Control Tower makes the accounts.
    ControlTower,
    /// Something that may bind an account, or this line's order, cannot be read.
    Unreadable,
}

/// What is known.
#[derive(Debug, Clone, Copy)]
pub struct Vacancies<'a> {
    /// What is declared.
    pub fleet: &'a Fleet,
    /// Which account each line is.
    pub bindings: &'a Bindings,
    /// All accounts of the organization, closed ones too.
    pub accounts: &'a [AccountWithEmail],
    /// All orders, by the lines that they were placed for.
    pub orders: &'a BTreeMap<Line, Order>,
    /// The lines whose orders cannot be read.
    pub unreadable: &'a BTreeSet<Line>,
    /// The lines for which an account is permitted, and since when; milliseconds since the Unix epoch.
    pub permitted: &'a BTreeMap<Line, u64>,
}

impl Vacancy {
    /// The line.
    #[must_use]
    pub fn line(&self) -> Line {
        self.member.line()
    }

    /// The time of a permission that is given now: after its order stopped, also by another clock.
    #[must_use]
    pub fn permitted_now(&self, now_ms: u64) -> u64 {
        self.stopped_at_ms.map_or(now_ms, |stopped_at_ms| now_ms.max(stopped_at_ms + 1))
    }

    /// Whether an account is made for it once that is permitted, and is not permitted as it stands.
    #[must_use]
    pub fn needs_permission(&self) -> bool {
        match self.prospect {
            Prospect::ToMake | Prospect::Ordered(_) => self.permitted_at_ms.is_none(),
            Prospect::GoesOn { .. } => true,
            _ => false,
        }
    }

    /// Whether an account is made for it, as it stands.
    #[must_use]
    pub fn is_to_come(&self) -> bool {
        matches!(self.prospect, Prospect::ToMake | Prospect::Ordered(_)) && self.permitted_at_ms.is_some()
    }
}

impl Vacancies<'_> {
    /// The lines that are no account, in the file's order.
    #[must_use]
    pub fn all(&self) -> Vec<Vacancy> {
        let active = self.accounts.iter().map(|it| &it.account).filter(|account| account.active);
        let roster: Roster = active.map(|account| (account.id.clone(), account.name.clone())).collect();
        let (lines, emails) = (Lines::of(self.fleet, self.bindings), self.fleet.vending_emails());
        let orders = lines.orders(self.orders);
        let unreadable: BTreeSet<&Line> = self.unreadable.iter().map(|line| lines.present(line)).collect();
        let identified = self.fleet.identify(self.bindings, &roster).lines.into_iter();
        let vacancy = |IdentifiedLine { member, state }| {
            let line = member.line();
            let (order, email) = (orders.get(&line).copied(), emails.get(&line));
            let prospect = match state {
                LineState::Bound { .. } | LineState::Found { .. } => return None,
                LineState::Contested => Prospect::Contested,
                LineState::Vacant => match &member.account_id {
                    Some(pinned) => Prospect::Pinned(pinned.clone()),
                    None if self.bindings.is_partial() || unreadable.contains(&line) => Prospect::Unreadable,
                    None => self.prospect(&member, order, email, &lines),
                },
            };
            let permitted_at_ms = self.permitted.get(&line).copied();
            let next = next(order, email);
            let account_name = next.as_ref().map_or(&member.account_name, |it| &it.account_name).clone();
            let email = next.map(|it| it.email).or_else(|| email.cloned());
            let stopped_at_ms = order.and_then(Order::stopped_at_ms);
            Some(Vacancy { account_name, email, permitted_at_ms, stopped_at_ms, prospect, member })
        };
        identified.filter_map(vacancy).collect()
    }

    fn prospect(
        &self,
        member: &Member,
        order: Option<&Order>,
        email: Option<&String>,
        lines: &Lines,
    ) -> Prospect {
        // What is at Organizations is followed whatever the file says by now.
        if let Some(order) = order.filter(|it| it.is_open() || it.account().is_some()) {
            return match &order.state {
                OrderState::Made { account, .. } => Prospect::Made(account.clone()),
                state => Prospect::Ordered(state.clone()),
            };
        }
        match &self.fleet.vending {
            None => return Prospect::Unvended,
            Some(vending) if vending.control_tower => return Prospect::ControlTower,
            Some(_) => {}
        }
        let Some(email) = email else { return Prospect::Unusable };
        if let Some(Account { id, .. }) = self.named(&member.account_name) {
            return Prospect::NameTaken(id.clone());
        }
        let line = member.line();
        match order {
            Some(order) => match &order.state {
                OrderState::Stopped { stop, at_ms } => {
                    self.stopped(&line, order, (stop, *at_ms), email, lines)
                }
                state => Prospect::Ordered(state.clone()),
            },
            None => self.taken(&line, email, lines).unwrap_or(Prospect::ToMake),
        }
    }

    /// Of an order that stopped for this, then.
    fn stopped(
        &self,
        line: &Line,
        order: &Order,
        (stop, at_ms): (&Stop, u64),
        email: &str,
        lines: &Lines,
    ) -> Prospect {
        let has_its_own = order.anew(stop, email, at_ms).has_email(&order.email);
        if has_its_own && stop.needs_other_email() {
            return Prospect::Stopped(stop.clone());
        }
        if let Some(taken) = self.taken(line, email, lines).filter(|_| !has_its_own) {
            return taken;
        }
        match self.permitted.get(line).is_some_and(|permitted_ms| order.is_permitted_anew(*permitted_ms)) {
            true => Prospect::ToMake,
            false => Prospect::GoesOn { stop: stop.clone(), email: order.email.clone() },
        }
    }

    /// Who has the address that the file gives a line.
    fn taken(&self, line: &Line, email: &str, lines: &Lines) -> Option<Prospect> {
        if let Some(it) = self.accounts.iter().find(|it| it.email.eq_ignore_ascii_case(email)) {
            let Account { id, name, active, .. } = it.account.clone();
            return Some(Prospect::Exists { account: id, name, active });
        }
        let is_others = |it: &&Order| it.has_email(email) && lines.present(&it.line) != line;
        let other = self.orders.values().find(is_others)?;
        Some(Prospect::EmailTaken(lines.present(&other.line).clone()))
    }

    fn named(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().map(|it| &it.account).find(|account| account.name == name)
    }
}

impl fmt::Display for Vacancy {
    /// What becomes of it and what to do, without the line: `no account yet, and …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, email) = (self.line(), self.email.as_deref().unwrap_or_default());
        let is_permitted = self.permitted_at_ms.is_some();
        match &self.prospect {
            Prospect::ToMake if is_permitted => {
                f.write_str("an account is permitted, and is asked for in its turn")
            }
            Prospect::ToMake => f.write_str(
                "an account is made once that is permitted: `phonehome publish --allow-create N`",
            ),
            Prospect::Ordered(state) => {
                f.write_str(of_state(state))?;
                f.write_str(if is_permitted { "" } else { "; it is no longer permitted to ask for it again" })
            }
            Prospect::Stopped(stop) => {
                f.write_str("no account is made: ")?;
                because(f, email, stop)
            }
            Prospect::GoesOn { stop, email } => {
                f.write_str("no account is made: ")?;
                because(f, email, stop)?;
                f.write_str(". It goes on when it is permitted anew: `phonehome publish --allow-create N`")
            }
            Prospect::Made(account) => write!(
                f,
                "account {account} was made for it and is not this line: none is made a second time. Run `phonehome \
                 rebind {line} {account}`, or with another account's id"
            ),
            Prospect::Exists { account, name, active: true } => write!(
                f,
                "it exists already as {account} ({name}), which has the address {email}: `phonehome rebind {line} \
                 {account}`, or give the line another `email`"
            ),
            Prospect::Exists { account, name, active: false } => write!(
                f,
                "no account is made: {account} ({name}) has the address {email} and is closed. Reopen it within 90 \
                 days, or give the line another `email`"
            ),
            Prospect::NameTaken(account) => write!(
                f,
                "no account is made: account {account} is called {}, and it is suspended, closed or another line. Reopen \
                 or rename that one, or give the line another `account_name`",
                self.member.account_name
            ),
            Prospect::EmailTaken(other) => {
                write!(f, "no account is made: {other}'s was ordered with {email}. Give the line another `email`")
            }
            Prospect::Unusable => {
                f.write_str("no account is made: AWS does not take its address or its name. `phonehome validate` says why")
            }
            Prospect::Pinned(account) => {
                write!(f, "the file pins account {account}, which is no active account of the organization")
            }
            Prospect::Contested => f.write_str("it is not clear which account it is; see who is who"),
            Prospect::Unvended => f.write_str(
                "no active account of its name in the organization, and the file has no `vending`: make the account, or \
                 say which one it is (`phonehome rebind`)",
            ),
            Prospect::ControlTower => f.write_str(
                "Control Tower makes the accounts: phonehome makes none, waits for the one of its name and binds it",
            ),
            Prospect::Unreadable => f.write_str(
                "no account is made: what may bind an account, or the line's order, cannot be read. Restore the item of \
                 the table",
            ),
        }
    }
}

/// The order with which Organizations would be asked next, where there is one already.
fn next(order: Option<&Order>, email: Option<&String>) -> Option<Order> {
    let order = order?;
    Some(match (&order.state, email) {
        (OrderState::Stopped { stop, at_ms }, Some(email)) => order.anew(stop, email, *at_ms),
        _ => order.clone(),
    })
}

fn of_state(state: &OrderState) -> &'static str {
    match state {
        OrderState::Asking { .. } => "Organizations is being asked for its account",
        OrderState::Waiting { .. } => "its account is asked for again in a while",
        OrderState::Creating { .. } => "Organizations makes its account",
        OrderState::Searching { .. } => "its account may be there, and is looked for",
        OrderState::Made { .. } => "its account is there",
        OrderState::Stopped { .. } => "its account is not made",
    }
}
