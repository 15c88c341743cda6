//! What was changed lately where an incident's cause may be.

use std::collections::BTreeSet;

use phonehome_wire::StackId;
use serde::{Deserialize, Serialize};

use crate::text;

/// For how long before an incident began a change may have to do with it, in milliseconds: an hour. A sweep applies
/// what was published within half of it.
const BEFORE_MS: u64 = 60 * 60_000;
/// How many changes are told, the newest.
const SHOWN: usize = 5;
/// How long a text of a change is, in characters: people choose names in it.
const TEXT_MAX: usize = 120;

/// Something that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When; milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Where; absent of what concerns every account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<StackId>,
    /// What: a call, or a fleet file.
    pub what: String,
    /// Who did it.
    pub by: String,
}

/// What was changed lately in one of these stacks, or everywhere, the newest first: one line each.
pub(crate) fn lines(
    changes: &[Change],
    stacks: &BTreeSet<StackId>,
    since_ms: u64,
    name: impl Fn(&StackId) -> Option<String>,
) -> Vec<String> {
    let concerns = |change: &&Change| {
        change.at_ms.saturating_add(BEFORE_MS) >= since_ms
            && change.stack.as_ref().is_none_or(|stack| stacks.contains(stack))
    };
    let mut lately: Vec<&Change> = changes.iter().filter(concerns).collect();
    lately.sort_by(|a, b| (b.at_ms, &b.what, &b.by).cmp(&(a.at_ms, &a.what, &a.by)));
    let more = lately.len().saturating_sub(SHOWN);
    let line = |change: &&Change| {
        let place = change.stack.as_ref().map(|stack| {
            let account = name(stack).unwrap_or_else(|| stack.account.to_string());
            format!(" in {} ({})", text::clip(&account, TEXT_MAX), stack.region)
        });
        let (what, by) = (text::clip(&change.what, TEXT_MAX), text::clip(&change.by, TEXT_MAX));
        format!("{} {what}{} by {by}", text::instant(change.at_ms), place.unwrap_or_default())
    };
    let mut lines: Vec<String> = lately.iter().take(SHOWN).map(line).collect();
    lines.extend((more > 0).then(|| format!("{} before that", text::count(more, "change"))));
    lines
}
