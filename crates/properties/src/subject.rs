//! Which accounts there are, and what they are to bear.

use std::collections::BTreeMap;

use phonehome_fleet::{Bindings, Fleet, Line, Member, Properties};
use phonehome_vending::{Lines, Order};
use phonehome_wire::AccountId;
use sha2::{Digest as _, Sha256};

/// An account and what it is to bear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The line that it is, or was made for.
    pub line: Line,
    /// The account.
    pub account: AccountId,
    /// What is declared.
    pub properties: Properties,
    /// Whether phonehome made it.
    pub vended: bool,
}

impl Subject {
    /// Tells what is declared from what was declared before.
    #[must_use]
    pub fn digest(&self) -> String {
        let Properties { unit, tags, contacts, support_plan: _ } = &self.properties;
        let text = serde_json::json!([unit, tags, contacts]).to_string();
        Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The accounts of the file: those that are lines, and those that were made for one and are not bound yet, while what is
/// bound can be read. The management account is never among them.
#[must_use]
pub fn subjects(fleet: &Fleet, bindings: &Bindings, orders: &BTreeMap<Line, Order>) -> Vec<Subject> {
    let made: BTreeMap<&AccountId, &Line> =
        orders.values().filter_map(|order| Some((order.account()?, &order.line))).collect();
    let lines = Lines::of(fleet, bindings);
    let mut members = fleet.bound_members(bindings);
    let unbound =
        made.iter().filter(|(account, _)| !bindings.is_partial() && lines.line_of(account).is_none());
    for (account, line) in unbound {
        let member = fleet.members().into_iter().find(|it| it.line() == *lines.present(line));
        if let Some(member) = member.filter(|it| fleet.account_of(it, bindings).is_none()) {
            members.insert((*account).clone(), member);
        }
    }
    let management = &fleet.organization.management_account;
    let members = members.into_iter().filter(|(id, _)| id != management);
    let subject = |(account, member): (AccountId, Member)| Subject {
        line: member.line(),
        vended: made.contains_key(&account),
        properties: fleet.properties_of(&member),
        account,
    };
    members.map(subject).collect()
}
