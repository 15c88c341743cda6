//! One e-mail address: from what it is made, and what AWS takes.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// AWS's limits of an e-mail address, in characters.
const EMAIL_LENGTH: (usize, usize) = (6, 64);
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
    /// The address of an environment of a domain. Two of them may have the same: [`emails`](crate::Fleet::emails) says so.
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
