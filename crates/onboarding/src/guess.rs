//! Which line an account may be, by its name and its units.

use std::fmt;

use crate::shown::shown;
use crate::words::words;

/// What environments are called, and the words that mean them; in the order in which a file has them.
const ENVIRONMENTS: [(&str, &[&str]); 10] = [
    ("sandbox", &["sandbox", "sandboxes", "sbx"]),
    ("dev", &["dev", "develop", "development"]),
    ("test", &["test", "tst", "testing"]),
    ("qa", &["qa"]),
    ("int", &["int", "integration"]),
    ("uat", &["uat"]),
    ("stage", &["stage", "staging", "stg"]),
    ("preprod", &["preprod", "preproduction"]),
    ("nonprod", &["nonprod", "nonproduction"]),
    ("prod", &["prod", "prd", "production", "live"]),
];

/// Words of units that say nothing of what their accounts are.
const GENERIC: [&str; 8] = ["account", "accounts", "aws", "ou", "root", "workload", "workloads", "unit"];

/// The longest name of a domain that leaves room for an environment's, in characters.
const DOMAIN_MAX: usize = 40;

/// Which line an account may be. Nothing but a proposal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Guess {
    /// The domain: a name as the fleet file takes it.
    pub domain: String,
    /// The environment, one of ten.
    pub environment: &'static str,
}

/// Why an account is not placed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unplaced {
    /// Something in its name is not what it looks like.
    Unreadable,
    /// Neither its name nor a unit names an environment.
    NoEnvironment,
    /// What is said of it does not agree: these environments.
    Contradiction(Vec<&'static str>),
    /// Nothing but an environment is said of it, or what is left is no name of a domain.
    NoDomain,
}

impl fmt::Display for Unplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => {
                f.write_str("there are characters in the name that look like others or like nothing")
            }
            Self::NoEnvironment => f.write_str("neither name nor unit says which environment"),
            Self::Contradiction(environments) => {
                write!(f, "name and unit say {}", environments.join(" and "))
            }
            Self::NoDomain => f.write_str("neither name nor unit says which domain"),
        }
    }
}

/// Which line an account may be. What its name says goes before its units, the nearest of those before others, and they
/// must not disagree. `unit` has the names from below the root.
///
/// # Errors
/// [`Unplaced`]
pub fn guess(name: &str, unit: &[String]) -> Result<Guess, Unplaced> {
    let (rest, named) = taken_apart(name).ok_or(Unplaced::Unreadable)?;
    // A unit whose name cannot be read says nothing.
    let units: Vec<_> = unit.iter().rev().filter_map(|unit| taken_apart(unit)).collect();
    let of_unit = units.iter().map(|(_, environments)| environments).find(|it| !it.is_empty());
    let mut environments = named;
    environments.extend(of_unit.into_iter().flatten());
    environments.sort_unstable();
    environments.dedup();
    let environment = match environments.as_slice() {
        [] => return Err(Unplaced::NoEnvironment),
        [only] => *only,
        several => return Err(Unplaced::Contradiction(several.iter().map(|it| called(*it)).collect())),
    };
    let of_units = units.iter().map(|(rest, _)| rest).find(|rest| rest.iter().any(|word| !is_generic(word)));
    let domain = if rest.is_empty() { of_units.cloned().unwrap_or_default() } else { rest }.join("-");
    let is_name = domain.starts_with(|c: char| c.is_ascii_lowercase()) && domain.len() <= DOMAIN_MAX;
    match is_name {
        true => Ok(Guess { domain, environment: called(environment) }),
        false => Err(Unplaced::NoDomain),
    }
}

/// Where an environment stands in a file that has several.
pub(crate) fn place(environment: &str) -> usize {
    ENVIRONMENTS.iter().position(|(name, _)| *name == environment).unwrap_or(ENVIRONMENTS.len())
}

/// The environment of this name.
pub(crate) fn named(environment: &str) -> Option<&'static str> {
    ENVIRONMENTS.iter().map(|(name, _)| *name).find(|name| *name == environment)
}

/// What an environment is called.
fn called(place: usize) -> &'static str {
    ENVIRONMENTS.get(place).map_or("prod", |(name, _)| *name)
}

fn is_generic(word: &str) -> bool {
    GENERIC.contains(&word)
}

/// The words of a name that mean no environment, and the places of those environments that it names. `pre-prod` and
/// `non-prod` are one word.
fn taken_apart(name: &str) -> Option<(Vec<String>, Vec<usize>)> {
    let (mut rest, mut named): (Vec<String>, Vec<usize>) = (vec![], vec![]);
    for word in words(name)? {
        let half = rest.last().filter(|it| matches!(it.as_str(), "pre" | "non"));
        let whole = half.and_then(|half| meant(&format!("{half}{word}")));
        match (whole, meant(&word)) {
            (Some(environment), _) => {
                rest.pop();
                named.push(environment);
            }
            (None, Some(environment)) => named.push(environment),
            (None, None) => rest.push(word),
        }
    }
    Some((rest, named))
}

/// The environment that a word means.
fn meant(word: &str) -> Option<usize> {
    ENVIRONMENTS.iter().position(|(_, words)| words.contains(&word))
}

/// For people: `Workloads/Prod`.
pub(crate) fn unit_shown(unit: &[String]) -> String {
    unit.iter().map(|name| shown(name)).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(name: &str, unit: &str) -> String {
        let unit: Vec<String> = unit.split('/').filter(|it| !it.is_empty()).map(str::to_owned).collect();
        match guess(name, &unit) {
            Ok(Guess { domain, environment }) => format!("{domain}/{environment}"),
            Err(unplaced) => format!("? {unplaced}"),
        }
    }

    #[test]
    fn names_and_units_say_which_line_an_account_may_be() {
        for (name, unit, expected) in [
            ("shop-prod", "", "shop/prod"),
            ("prod/shop", "", "shop/prod"),
            ("ShopProduction", "", "shop/prod"),
            ("Shop Staging", "", "shop/stage"),
            ("acme-shop-dev-eu", "", "acme-shop-eu/dev"),
            ("shop", "Production", "shop/prod"),
            ("shop", "Workloads/Production/Web", "shop/prod"),
            ("shop-prod", "Workloads/Prod", "shop/prod"),
            ("Production", "Shop", "shop/prod"),
            ("dev", "Payments/Accounts", "payments/dev"),
            ("shop-pre-prod", "", "shop/preprod"),
            ("ShopNonProduction", "", "shop/nonprod"),
            ("pre-dev", "", "pre/dev"),
            ("shop-prod-prod", "", "shop/prod"),
            ("shop-live", "\u{200b}Dev", "shop/prod"),
        ] {
            assert_eq!(guessed(name, unit), expected, "{name} in {unit}");
        }
    }

    #[test]
    fn what_says_too_little_or_contradicts_itself_is_not_placed_and_why_is_said() {
        for (name, unit, expected) in [
            ("Log Archive", "Security", "? neither name nor unit says which environment"),
            ("dev-test-tools", "", "? name and unit say dev and test"),
            ("shop-dev", "Production", "? name and unit say dev and prod"),
            ("prod", "", "? neither name nor unit says which domain"),
            ("prod", "Workloads", "? neither name nor unit says which domain"),
            ("42-prod", "", "? neither name nor unit says which domain"),
            ("", "Prod", "? neither name nor unit says which domain"),
            (
                "shop\u{200b}-prod",
                "",
                "? there are characters in the name that look like others or like nothing",
            ),
        ] {
            assert_eq!(guessed(name, unit), expected, "{name} in {unit}");
        }
        assert!(guessed(&("a".repeat(41) + "-prod"), "").starts_with('?'));
    }
}
