//! What one fleet file declares otherwise than another, line by line. What is compared is what the declarations come
//! to: the checks of an account, who may connect to it, its NAT; not how the file says it.

mod bearing;
mod facts;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::identity::Line;
use crate::members::Member;
use crate::model::Fleet;
use facts::{facts, settings};

pub use bearing::{PropertyChanges, property_changes, setting_changes};

/// What changes from one fleet file to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// What is no line's: thresholds, routes, pools, windows; by its place in the file.
    pub settings: Vec<Change>,
    /// The lines of which something changes: those of the new file in its order, then those that it has no more.
    pub lines: Vec<LineChanges>,
}

/// What changes of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineChanges {
    /// The line, as the new file has it, or the only one that does.
    pub line: Line,
    /// What becomes of it.
    pub becomes: Becoming,
    /// What changes, in order of its names. Of a line that is new all that it has, of one that goes all that it had.
    pub changes: Vec<Change>,
}

/// What becomes of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Becoming {
    /// It is new.
    Added,
    /// It is no more.
    Removed,
    /// It stays, and something of it changes.
    Changed,
    /// It has another name, which was this.
    Renamed(Line),
}

/// One thing that is otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What, for people: `NAT`, `may connect to payments/prod at`.
    pub what: String,
    /// What it was; absent where there was nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it is; absent where there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Changes {
    /// What the file `after` declares otherwise than `before`.
    pub fn between(before: &Fleet, after: &Fleet) -> Self {
        let settings = differences(settings(before), settings(after));
        let (old, new) = (before.members(), after.members());
        let former = |member: &Member| former((after, &new), &old, member);
        let of_new = new.iter().filter_map(|member| {
            let was = former(member);
            let changes =
                differences(was.map(|it| facts(before, it)).unwrap_or_default(), facts(after, member));
            let becomes = match was {
                None => Becoming::Added,
                Some(was) if was.line() != member.line() => Becoming::Renamed(was.line()),
                Some(_) if changes.is_empty() => return None,
                Some(_) => Becoming::Changed,
            };
            Some(LineChanges { line: member.line(), becomes, changes })
        });
        let mut lines: Vec<LineChanges> = of_new.collect();
        let goes = |it: &&Member| !new.iter().any(|member| former(member) == Some(*it));
        lines.extend(old.iter().filter(goes).map(|member| LineChanges {
            line: member.line(),
            becomes: Becoming::Removed,
            changes: differences(facts(before, member), BTreeMap::new()),
        }));
        Self { settings, lines }
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.lines.is_empty()
    }
}

/// What a member of the new file was in the old one. A name that is another line's now is that line's former one.
fn former<'o>((after, new): (&Fleet, &[Member]), old: &'o [Member], member: &Member) -> Option<&'o Member> {
    let lines = after.lines_of(member);
    let found = lines.iter().find_map(|line| old.iter().find(|it| it.line() == *line))?;
    let is_its = found.line() == member.line() || !new.iter().any(|other| other.line() == found.line());
    is_its.then_some(found)
}

fn differences(mut before: BTreeMap<String, String>, after: BTreeMap<String, String>) -> Vec<Change> {
    let mut changes = Vec::new();
    for (what, after) in after {
        match before.remove(&what) {
            Some(same) if same == after => {}
            before => changes.push(Change { what, before, after: Some(after) }),
        }
    }
    changes.extend(before.into_iter().map(|(what, before)| Change {
        what,
        before: Some(before),
        after: None,
    }));
    changes.sort_by(|a, b| a.what.cmp(&b.what));
    changes
}
