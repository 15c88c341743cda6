//! What people are told.

use std::fmt;

use phonehome_fleet::Line;
use phonehome_wire::AccountId;

use crate::difference::Difference;
use crate::obstacle::Obstacle;
use crate::subject::Subject;

/// Something that people are told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The account.
    pub account: AccountId,
    /// The line that it is.
    pub line: Line,
    /// What somebody changed.
    pub drift: Vec<Difference>,
    /// Whether calls follow that put it right.
    pub mends: bool,
    /// What people have to do.
    pub obstacles: Vec<Obstacle>,
}

impl Told {
    /// Nothing yet.
    pub(crate) fn of(subject: &Subject) -> Self {
        let (account, line) = (subject.account.clone(), subject.line.clone());
        Self { account, line, drift: vec![], mends: false, obstacles: vec![] }
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.drift.is_empty() && self.obstacles.is_empty()
    }
}

impl fmt::Display for Told {
    /// One sentence or more: `shop/prod (account 123456789012): it has no tag owner, …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, line, drift, mends, obstacles } = self;
        let mut sentences = vec![];
        let differences: Vec<String> = drift.iter().map(ToString::to_string).collect();
        sentences.extend((!drift.is_empty()).then(|| differences.join("; ")));
        sentences.extend(mends.then(|| match drift.iter().any(|it| matches!(it, Difference::Unit { .. })) {
            true => {
                "phonehome puts it right now: the policies of that unit apply to the account again".to_owned()
            }
            false => "phonehome puts it right now".to_owned(),
        }));
        sentences.extend(obstacles.iter().map(|obstacle| obstacle.of_account(account).to_string()));
        if obstacles.iter().any(|it| it.is_the_same_cause(it)) {
            sentences.push("other accounts with the same cause are not told one by one".to_owned());
        }
        write!(f, "{line} (account {account}): {}", sentences.join(". "))
    }
}
