//! Which lines are to get an account.

use std::collections::BTreeMap;

use phonehome_cloud::Account;
use phonehome_fleet::{Bindings, Fleet, Line, LineState, Member, Roster};

use crate::decide::Wanted;
use crate::finding::VendingFinding;

/// The lines that are to get an account, in the file's order, and what is to be told of the others: those that are no
/// account, whose account the file does not name by its id, and for which one was permitted.
///
/// `accounts` are all of the organization, closed ones as well: a line whose account is suspended is no account, and
/// still gets no second one. `emails` are those of [`Fleet::emails`]; `permitted` says for which lines an account was
/// permitted, and when, in milliseconds since the Unix epoch.
///
/// While something that may bind an account cannot be read, there are none: a line that seems to be no account may be
/// one.
#[must_use]
pub fn wanted(
    fleet: &Fleet,
    bindings: &Bindings,
    accounts: &[Account],
    emails: &BTreeMap<Line, String>,
    permitted: &BTreeMap<Line, u64>,
) -> (Vec<Wanted>, Vec<VendingFinding>) {
    if bindings.is_partial() {
        return (vec![], vec![]);
    }
    let active = accounts.iter().filter(|account| account.active);
    let roster: Roster = active.map(|account| (account.id.clone(), account.name.clone())).collect();
    let names: BTreeMap<&str, &Account> =
        accounts.iter().map(|account| (account.name.as_str(), account)).collect();
    let identified = fleet.identify(bindings, &roster).lines.into_iter();
    let vacant = identified.filter(|it| it.state == LineState::Vacant && it.member.account_id.is_none());
    let (mut wanted, mut findings) = (vec![], vec![]);
    for Member { domain, environment, account_name, .. } in vacant.map(|it| it.member) {
        let line = Line::new(&domain, &environment);
        let (Some(email), Some(permitted_at_ms)) = (emails.get(&line), permitted.get(&line)) else {
            continue;
        };
        match names.get(account_name.as_str()) {
            Some(taken) => {
                let account = taken.id.clone();
                findings.push(VendingFinding::NameTaken { line, account, name: account_name });
            }
            None => {
                let (email, permitted_at_ms) = (email.clone(), *permitted_at_ms);
                wanted.push(Wanted { line, email, account_name, permitted_at_ms });
            }
        }
    }
    (wanted, findings)
}
