//! Which accounts may be a line's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use phonehome_fleet::{Fleet, Line, Member};
use phonehome_wire::AccountId;

use crate::guess::{Guess, guess, named};
use crate::seen::SeenAccount;

/// How many accounts are named that only resemble a line.
const RESEMBLING_MAX: usize = 5;

/// An account that may be a line's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The account.
    pub account: SeenAccount,
    /// What speaks for it: the strongest there is.
    pub likeness: Likeness,
}

/// What speaks for an account, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// The file has its id.
    Pinned,
    /// It has the line's e-mail address, which AWS gives to one account alone.
    Email,
    /// It has just the name that the file says. Whoever runs the account chose it.
    Name,
    /// Its name looks like that one, or its name and unit say so.
    Resembling,
}

impl fmt::Display for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pinned => "the file has its id",
            Self::Email => "it has the line's e-mail address",
            Self::Name => "it has the line's name",
            Self::Resembling => "its name or its unit looks like it",
        })
    }
}

/// The accounts by what may speak for them.
pub(crate) struct Candidates<'a> {
    accounts: &'a [SeenAccount],
    emails: BTreeMap<Line, String>,
    by_email: BTreeMap<String, Vec<&'a SeenAccount>>,
    by_name: BTreeMap<&'a str, Vec<&'a SeenAccount>>,
    by_look: BTreeMap<String, Vec<&'a SeenAccount>>,
    by_guess: BTreeMap<Guess, Vec<&'a SeenAccount>>,
}

impl<'a> Candidates<'a> {
    pub(crate) fn of(fleet: &Fleet, accounts: &'a [SeenAccount]) -> Self {
        let mut emails = fleet.vending_emails();
        for domain in &fleet.domains {
            let own = domain.environments.iter().filter_map(|it| Some((&it.name, it.email.clone()?)));
            emails.extend(own.map(|(environment, email)| (Line::new(&domain.name, environment), email)));
        }
        let mut all = Self {
            accounts,
            emails,
            by_email: [].into(),
            by_name: [].into(),
            by_look: [].into(),
            by_guess: [].into(),
        };
        for account in accounts {
            all.by_email.entry(account.email.to_ascii_lowercase()).or_default().push(account);
            all.by_name.entry(&account.name).or_default().push(account);
            all.by_look.entry(look(&account.name)).or_default().push(account);
            if let Ok(guess) = guess(&account.name, account.unit.as_deref().unwrap_or_default()) {
                all.by_guess.entry(guess).or_default().push(account);
            }
        }
        all
    }

    /// The accounts that may be a member's, the likeliest first, each once. Of those that only resemble it some, and none
    /// that is `taken`.
    pub(crate) fn for_member(&self, member: &Member, taken: &BTreeSet<AccountId>) -> Vec<Candidate> {
        let email = self.emails.get(&member.line()).map(|email| email.to_ascii_lowercase());
        let pinned = self.accounts.iter().filter(|it| Some(&it.id) == member.account_id.as_ref());
        let addressed = email.and_then(|email| self.by_email.get(&email)).into_iter().flatten().copied();
        let named = self.by_name.get(member.account_name.as_str()).into_iter().flatten().copied();
        let certain = pinned.map(|it| (Likeness::Pinned, it));
        let certain = certain.chain(addressed.map(|it| (Likeness::Email, it)));
        let all = certain.chain(named.map(|it| (Likeness::Name, it)));
        let mut candidates: Vec<(Likeness, &SeenAccount)> = vec![];
        let like = self.resembling(member).filter(|it| it.state.is_active() && !taken.contains(&it.id));
        let like = like.map(|it| (Likeness::Resembling, it)).take(RESEMBLING_MAX);
        for (likeness, account) in all.chain(like) {
            if !candidates.iter().any(|(_, known)| known.id == account.id) {
                candidates.push((likeness, account));
            }
        }
        // A file that has the id says which it is: nothing else is a candidate.
        candidates.retain(|(likeness, _)| member.account_id.is_none() || *likeness == Likeness::Pinned);
        candidates.into_iter().map(|(likeness, it)| Candidate { account: it.clone(), likeness }).collect()
    }

    fn resembling(&self, member: &Member) -> impl Iterator<Item = &'a SeenAccount> {
        let guess = named(&member.environment)
            .and_then(|environment| self.by_guess.get(&Guess { domain: member.domain.clone(), environment }));
        let look = self.by_look.get(&look(&member.account_name));
        look.into_iter().chain(guess).flatten().copied()
    }
}

/// What a name looks like: ASCII's letters and digits, in small letters.
fn look(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}
