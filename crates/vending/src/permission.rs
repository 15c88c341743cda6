//! For which lines an account may be made.

use std::collections::BTreeMap;

use phonehome_fleet::{Bindings, Fleet, Line};

/// The permissions that a new version keeps of those before it: of each of its lines that is no account yet, the newest
/// that it had under its name or the one that it was renamed from. Times are in milliseconds since the Unix epoch.
///
/// A line that left the file has none in the version that it is not in, so it comes back without one. `former` are those
/// of the version in force, and of the version whose place the new one takes.
#[must_use]
pub fn kept<'p>(
    fleet: &Fleet,
    bindings: &Bindings,
    former: impl IntoIterator<Item = (&'p Line, u64)>,
) -> BTreeMap<Line, u64> {
    let mut newest: BTreeMap<&Line, u64> = BTreeMap::new();
    for (line, at_ms) in former {
        let known_ms = newest.entry(line).or_default();
        *known_ms = at_ms.max(*known_ms);
    }
    let vacant = fleet.members().into_iter().filter(|it| fleet.account_of(it, bindings).is_none());
    let of_member = |member| {
        let at_ms = fleet.lines_of(&member).iter().filter_map(|line| newest.get(line)).max().copied()?;
        Some((member.line(), at_ms))
    };
    vacant.filter_map(of_member).collect()
}
