//! What was seen of a pack stack in this turn. What was not looked at is `None`.

use crate::change_set::ChangeSet;
use crate::expected::Expected;
use crate::stack::{PackStack, ResourceNote};

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The stack; `None`: there is none of that name.
    pub stack: Option<PackStack>,
    /// The change set of the attempt that is under way; `Some(None)`: there is none of that name.
    pub change_set: Option<Option<ChangeSet>>,
    /// The deployed template.
    pub deployed: Option<Deployed>,
    /// What is in the stack: of its resources those that were not deleted.
    pub remains: Option<Vec<ResourceNote>>,
    /// What failed in it lately, the first first.
    pub failures: Option<Vec<ResourceNote>>,
    /// What was changed by hand, by the last drift detection.
    pub drifts: Option<Vec<ResourceNote>>,
}

/// The deployed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// Its SHA-256, without its mark.
    pub sha256: String,
    /// What is noted of it ([`crate::noted`]).
    pub body: String,
    /// What the wanted one changes in it.
    pub expected: Expected,
}
