//! The e-mail addresses and names of accounts that are made for lines of the file.
//!
//! AWS has no two accounts with one address, which is why an account is made once however often it is asked for. So no
//! two lines may have the same, whatever the pattern.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::identity::Line;
use crate::model::{Domain, DomainEnvironment, Fleet};

/// AWS's limits of an e-mail address, in characters.
const EMAIL_LENGTH: (usize, usize) = (6, 64);
/// AWS's limit of an account's name, in characters.
const NAME_MAX: usize = 50;
/// What the part before the `@` may not contain, beside spaces.
const NOT_LOCAL: &str = "\"'()<>[]:;,\\|%&";

/// From what addresses are made: `aws+{domain}-{environment}@example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailPattern {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Domain,
    Environment,
}

/// Why a text is no pattern of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmailPatternError {
    /// Something in braces that is neither of the two.
    #[error("`{{{0}}}` stands for nothing here: a pattern has `{{domain}}` and `{{environment}}`")]
    Unknown(String),
    /// A brace without its other half.
    #[error("a brace without its other half: a pattern has `{{domain}}` and `{{environment}}`")]
    Unclosed,
    /// Several accounts would have one address.
    #[error("the pattern lacks `{0}`: several accounts would have the same address")]
    Lacks(&'static str),
}

/// A rule of AWS's that an address breaks
/// (<https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailRule {
    /// 6 to 64 characters.
    Length,
    /// 7-bit ASCII.
    Ascii,
    /// One `@`, with something before and after it.
    At,
    /// What may not stand before the `@`.
    LocalCharacters,
    /// No dot at the beginning.
    LocalDot,
    /// Letters, digits, hyphens and dots after the `@`.
    HostCharacters,
    /// No hyphen or dot at the beginning and the end of what follows the `@`.
    HostEnds,
    /// A dot in what follows the `@`.
    HostDot,
}

/// Why no account can be made for a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmailProblem {
    /// AWS does not take the address.
    Email {
        /// The line.
        line: Line,
        /// The address.
        email: String,
        /// Which rule it breaks first.
        rule: EmailRule,
    },
    /// AWS does not take the account's name: it has 1 to 50 characters from space to `~`.
    Name {
        /// The line.
        line: Line,
        /// The name.
        name: String,
    },
    /// Another line has the same address. AWS tells no two apart by large and small letters.
    Shared {
        /// The line that comes later in the file.
        line: Line,
        /// The one that has it first.
        first: Line,
        /// The address.
        email: String,
    },
}

impl FromStr for EmailPattern {
    type Err = EmailPatternError;

    fn from_str(text: &str) -> Result<Self, EmailPatternError> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            let (name, after) = brace
                .strip_prefix('{')
                .and_then(|inside| inside.split_once('}'))
                .ok_or(EmailPatternError::Unclosed)?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(match name {
                "domain" => Piece::Domain,
                "environment" => Piece::Environment,
                other => return Err(EmailPatternError::Unknown(other.to_owned())),
            });
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        for (piece, name) in [(Piece::Domain, "{domain}"), (Piece::Environment, "{environment}")] {
            if !pieces.contains(&piece) {
                return Err(EmailPatternError::Lacks(name));
            }
        }
        Ok(Self { pieces })
    }
}

impl fmt::Display for EmailPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.email("{domain}", "{environment}"))
    }
}

impl Serialize for EmailPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl EmailPattern {
    /// The address of an environment of a domain. Two of them may have the same: [`Fleet::emails`] says so.
    #[must_use]
    pub fn email(&self, domain: &str, environment: &str) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Domain => domain.to_owned(),
            Piece::Environment => environment.to_owned(),
        };
        self.pieces.iter().map(text).collect()
    }
}

impl EmailRule {
    /// The first rule that an address breaks with which an account is to be made.
    #[must_use]
    pub fn broken_by(email: &str) -> Option<Self> {
        Self::all_broken_by(email).next()
    }

    /// The first rule that no account's address breaks, however old it is. The others AWS documents for accounts that
    /// are made now; it did not always ask for them, and the account of a line may be there already.
    pub(crate) fn broken_by_any(email: &str) -> Option<Self> {
        let has_space = email.contains(char::is_whitespace);
        let is_of_all = |rule: &Self| match rule {
            Self::Length | Self::At => true,
            Self::LocalCharacters | Self::HostCharacters => has_space,
            Self::Ascii | Self::LocalDot | Self::HostEnds | Self::HostDot => false,
        };
        Self::all_broken_by(email).find(is_of_all)
    }

    fn all_broken_by(email: &str) -> impl Iterator<Item = Self> {
        let (least, most) = EMAIL_LENGTH;
        let (local, host) = email.split_once('@').unwrap_or(("", ""));
        let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        let is_local = |c: char| !c.is_whitespace() && !NOT_LOCAL.contains(c);
        let broken = [
            (Self::Length, !(least..=most).contains(&email.chars().count())),
            (Self::Ascii, !email.is_ascii()),
            (Self::At, local.is_empty() || host.is_empty() || host.contains('@')),
            (Self::LocalCharacters, !local.chars().all(is_local)),
            (Self::LocalDot, local.starts_with('.')),
            (Self::HostCharacters, !host.chars().all(is_host)),
            (Self::HostEnds, host.starts_with(['-', '.']) || host.ends_with(['-', '.'])),
            (Self::HostDot, !host.contains('.')),
        ];
        broken.into_iter().filter(|(_, is_broken)| *is_broken).map(|(rule, _)| rule)
    }
}

impl EmailProblem {
    /// The line that gets no account because of it.
    #[must_use]
    pub fn line(&self) -> &Line {
        match self {
            Self::Email { line, .. } | Self::Name { line, .. } | Self::Shared { line, .. } => line,
        }
    }
}

impl Fleet {
    /// The address of each line's account: the one that the file gives it, or else the pattern's. A line whose account
    /// the file pins has one already, and here only an address that the file gives it.
    ///
    /// # Errors
    /// Everything because of which an account could not be made, in the file's order.
    pub fn emails(&self, pattern: &EmailPattern) -> Result<BTreeMap<Line, String>, Vec<EmailProblem>> {
        let (emails, problems) = emails_of(&self.domains, pattern);
        if problems.is_empty() { Ok(emails) } else { Err(problems) }
    }

    /// The address with which phonehome would make the account of each line, where `vending` says that it makes any:
    /// not of lines whose account the file pins, nor of one for which [`Fleet::emails`] knows a problem. Such a file is
    /// not published, but one may be in force from before.
    #[must_use]
    pub fn vending_emails(&self) -> BTreeMap<Line, String> {
        let pattern = self.vending.as_ref().filter(|it| !it.control_tower).and_then(|it| it.email.as_ref());
        let Some(pattern) = pattern else { return BTreeMap::new() };
        let (mut emails, problems) = emails_of(&self.domains, pattern);
        problems.iter().for_each(|problem| drop(emails.remove(problem.line())));
        for member in self.members().iter().filter(|member| member.account_id.is_some()) {
            emails.remove(&member.line());
        }
        emails
    }
}

/// What [`Fleet::emails`] says, of the lines that could be read.
pub(crate) fn emails_of<'d>(
    domains: impl IntoIterator<Item = &'d Domain>,
    pattern: &EmailPattern,
) -> (BTreeMap<Line, String>, Vec<EmailProblem>) {
    let (mut emails, mut problems) = (BTreeMap::new(), Vec::new());
    let mut owners: BTreeMap<String, Line> = BTreeMap::new();
    let entries = |domain: &'d Domain| domain.environments.iter().map(move |entry| (domain, entry));
    for (domain, entry) in domains.into_iter().flat_map(entries) {
        let line = Line::new(&domain.name, &entry.name);
        let Some(email) = email_of(domain, entry, pattern) else { continue };
        if entry.account_id.is_none() {
            problems.extend(unusable(&line, &email, entry.account_name(&domain.name)));
        }
        match owners.get(&email.to_ascii_lowercase()) {
            Some(first) => {
                let (line, first, email) = (line.clone(), first.clone(), email.clone());
                problems.push(EmailProblem::Shared { line, first, email });
            }
            None => drop(owners.insert(email.to_ascii_lowercase(), line.clone())),
        }
        emails.insert(line, email);
    }
    (emails, problems)
}

fn email_of(domain: &Domain, entry: &DomainEnvironment, pattern: &EmailPattern) -> Option<String> {
    let of_pattern = || entry.account_id.is_none().then(|| pattern.email(&domain.name, &entry.name));
    entry.email.clone().or_else(of_pattern)
}

fn unusable(line: &Line, email: &str, name: String) -> Vec<EmailProblem> {
    let rule = EmailRule::broken_by(email);
    let of_email = rule.map(|rule| EmailProblem::Email { line: line.clone(), email: email.to_owned(), rule });
    let is_name = (1..=NAME_MAX).contains(&name.len()) && name.chars().all(|c| matches!(c, ' '..='~'));
    let of_name = (!is_name).then(|| EmailProblem::Name { line: line.clone(), name });
    of_email.into_iter().chain(of_name).collect()
}

impl fmt::Display for EmailRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "an address has 6 to 64 characters",
            Self::Ascii => "an address has ASCII characters alone",
            Self::At => "an address has one `@`, with something before and after it",
            Self::LocalCharacters => "before the `@` there may be no space and none of \"'()<>[]:;,\\|%&",
            Self::LocalDot => "an address does not begin with a dot",
            Self::HostCharacters => "after the `@` there are letters, digits, hyphens and dots alone",
            Self::HostEnds => "what follows the `@` neither begins nor ends with a hyphen or a dot",
            Self::HostDot => "what follows the `@` has a dot",
        })
    }
}

impl fmt::Display for EmailProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email { line, email, rule } => {
                write!(
                    f,
                    "AWS does not take `{email}` as the e-mail address of {line}: {rule}. Give it an `email`, or its \
                     `account_id` if it is there"
                )
            }
            Self::Name { line, name } => write!(
                f,
                "AWS makes no account for {line} with the name `{name}`: it has 1 to {NAME_MAX} ASCII characters. \
                 Give it an `account_name`, or its `account_id` if it is there"
            ),
            Self::Shared { line, first, email } => write!(
                f,
                "{line} would have the e-mail address of {first}, `{email}`, and AWS makes no two accounts with one. \
                 Give one of them an `email`"
            ),
        }
    }
}
