//! Where each account of an organization goes: into a line, or to those of which a person decides.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use phonehome_closing::AccountState;
use phonehome_wire::AccountId;

use crate::guess::{Guess, Unplaced, guess, place};
use crate::seen::{Organization, SeenAccount};

/// How many domains a fleet file may have.
const DOMAINS_MAX: usize = 1_000;

/// The longest name of an account, in characters.
const NAME_MAX: usize = 50;

/// The accounts, each once.
#[derive(Debug)]
pub(crate) struct Placed<'a> {
    /// The lines by their domains, each domain's in the order of [`place`].
    pub(crate) domains: BTreeMap<String, Vec<PlacedLine<'a>>>,
    /// The others with why, in the order of these reasons and then by their ids.
    pub(crate) left: BTreeMap<Left, Vec<&'a SeenAccount>>,
}

/// A line and its account.
#[derive(Debug)]
pub(crate) struct PlacedLine<'a> {
    pub(crate) environment: &'static str,
    pub(crate) account: &'a SeenAccount,
    /// The account's name, where it is another than the file assumes and can stand in it.
    pub(crate) account_name: Option<&'a str>,
}

/// Why an account is no line of the draft.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Left {
    Management,
    Hub,
    Unplaced(Unplaced),
    /// Several accounts would be the same line.
    Several(Guess),
    /// The file has no room for more domains.
    TooMany,
    /// It cannot be worked in: what it is instead, in words.
    NotActive(String),
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Management => f.write_str("the management account"),
            Self::Hub => f.write_str("the hub account"),
            Self::Unplaced(unplaced) => unplaced.fmt(f),
            Self::Several(Guess { domain, environment }) => {
                write!(f, "each of these would be {domain}/{environment}")
            }
            Self::TooMany => write!(f, "a fleet file has {DOMAINS_MAX} domains at most"),
            Self::NotActive(state) => write!(f, "cannot be worked in: {state}"),
        }
    }
}

impl<'a> Placed<'a> {
    /// Of accounts that are there twice one.
    pub(crate) fn of(organization: &Organization, accounts: &'a [SeenAccount]) -> Self {
        let accounts: BTreeMap<&AccountId, &SeenAccount> = accounts.iter().map(|it| (&it.id, it)).collect();
        let mut left: BTreeMap<Left, Vec<&SeenAccount>> = BTreeMap::new();
        let mut guesses: BTreeMap<Guess, Vec<&SeenAccount>> = BTreeMap::new();
        for account in accounts.into_values() {
            match guess_of(organization, account) {
                Ok(guess) => guesses.entry(guess).or_default().push(account),
                Err(why) => left.entry(why).or_default().push(account),
            }
        }
        let mut domains: BTreeMap<String, Vec<PlacedLine>> = BTreeMap::new();
        for (guess, accounts) in guesses {
            match accounts.as_slice() {
                [account] if domains.contains_key(&guess.domain) || domains.len() < DOMAINS_MAX => {
                    let (environment, account_name) = (guess.environment, None);
                    let line = PlacedLine { environment, account, account_name };
                    domains.entry(guess.domain).or_default().push(line);
                }
                [account] => left.entry(Left::TooMany).or_default().push(account),
                _ => left.entry(Left::Several(guess)).or_default().extend(accounts),
            }
        }
        domains.values_mut().for_each(|lines| lines.sort_by_key(|it| place(it.environment)));
        Self { domains, left }.named()
    }

    /// The same with the names that can stand in the file: no two are alike there, nor is one what another line's account
    /// is assumed to be called.
    fn named(mut self) -> Self {
        let assumed = |domain: &str, line: &PlacedLine| format!("{domain}-{}", line.environment);
        let all = || self.domains.iter().flat_map(|(domain, lines)| lines.iter().map(move |it| (domain, it)));
        let defaults: BTreeSet<String> = all().map(|(domain, line)| assumed(domain, line)).collect();
        let (mut once, mut twice) = (BTreeSet::new(), BTreeSet::new());
        for (_, line) in all() {
            let name = line.account.name.as_str();
            if !once.insert(name) {
                twice.insert(name);
            }
        }
        for line in self.domains.values_mut().flatten() {
            let name = line.account.name.as_str();
            let may_stand = can_stand(name) && !defaults.contains(name) && !twice.contains(name);
            line.account_name = may_stand.then_some(name);
        }
        self
    }

    /// How many accounts are lines.
    pub(crate) fn lines(&self) -> usize {
        self.domains.values().map(Vec::len).sum()
    }

    /// How many lines each environment has, in the order of [`place`].
    pub(crate) fn environments(&self) -> Vec<(&'static str, usize)> {
        let mut numbers: BTreeMap<(usize, &'static str), usize> = BTreeMap::new();
        for line in self.domains.values().flatten() {
            *numbers.entry((place(line.environment), line.environment)).or_default() += 1;
        }
        numbers.into_iter().map(|((_, name), number)| (name, number)).collect()
    }
}

fn guess_of(organization: &Organization, account: &SeenAccount) -> Result<Guess, Left> {
    match &account.state {
        _ if account.id == organization.management_account => Err(Left::Management),
        _ if account.id == organization.hub_account => Err(Left::Hub),
        AccountState::Active => {
            guess(&account.name, account.unit.as_deref().unwrap_or_default()).map_err(Left::Unplaced)
        }
        state => Err(Left::NotActive(state.to_string())),
    }
}

/// Whether a name can stand between quotes in a file.
fn can_stand(name: &str) -> bool {
    let is_plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    (1..=NAME_MAX).contains(&name.len()) && name.trim() == name && name.chars().all(is_plain)
}
