//! The e-mail addresses and names of accounts that are made for lines of the file.
//!
//! AWS has no two accounts with one address, which is why an account is made once however often it is asked for. So no
//! two lines may have the same, whatever the pattern.

use std::collections::BTreeMap;
use std::fmt;

use crate::email::{EmailPattern, EmailRule};
use crate::identity::Line;
use crate::model::{Domain, DomainEnvironment, Fleet};

/// AWS's limit of an account's name, in characters.
const NAME_MAX: usize = 50;

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
