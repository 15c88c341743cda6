//! What accounts bear in the organization otherwise than declared, as far as it is known and told.

use std::collections::BTreeMap;

use phonehome_fleet::Line;
use phonehome_properties::Kept;
use phonehome_text::{count, list};
use phonehome_wire::AccountId;
use serde::Serialize;

use crate::output::time;

/// How many paragraphs there are, and how many accounts one names. `--format json` has all.
const SHOWN: usize = 20;

/// An account that bears something otherwise than declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Otherwise {
    pub(super) account: AccountId,
    line: Line,
    /// What somebody changed, until it is as declared again.
    drift: Vec<String>,
    /// Why it is not as declared, and what to do.
    obstacles: Vec<String>,
    /// When it was looked at to the end, in milliseconds since the Unix epoch; 0: never.
    looked_at_ms: u64,
}

impl Otherwise {
    /// `None` where nothing is told.
    pub(super) fn of(kept: &Kept) -> Option<Self> {
        let (account, line) = (kept.account.clone(), kept.line.clone());
        let drift: Vec<String> = kept.told.iter().map(ToString::to_string).collect();
        let obstacles: Vec<String> =
            kept.obstacles.iter().map(|it| it.of_account(&account).to_string()).collect();
        let is_told = !drift.is_empty() || !obstacles.is_empty();
        is_told.then_some(Self { account, line, drift, obstacles, looked_at_ms: kept.looked_at_ms })
    }

    fn words(&self) -> String {
        [self.drift.as_slice(), self.obstacles.as_slice()].concat().join("; ")
    }
}

/// For people: accounts of which the same is told, together.
pub(super) fn lines(all: &[Otherwise]) -> Vec<String> {
    let mut alike: BTreeMap<String, Vec<&Otherwise>> = BTreeMap::new();
    for it in all {
        alike.entry(it.words()).or_default().push(it);
    }
    let mut alike: Vec<_> = alike.into_iter().collect();
    alike.sort_by(|(_, a), (_, b)| a[0].line.cmp(&b[0].line));
    let line = |(words, accounts): &(String, Vec<&Otherwise>)| {
        let looked_at_ms = accounts.iter().map(|it| it.looked_at_ms).max().filter(|at_ms| *at_ms > 0);
        let when = looked_at_ms.map(|at_ms| format!(" (looked at {})", time(at_ms))).unwrap_or_default();
        match accounts.as_slice() {
            [only] => format!("not as declared: {} ({}): {words}{when}", only.line, only.account),
            several => format!(
                "not as declared: {}, {}: {words}{when}",
                count(several.len(), "account"),
                list(several.iter().map(|it| &it.line), SHOWN)
            ),
        }
    };
    let mut lines: Vec<String> = alike.iter().take(SHOWN).map(line).collect();
    let more: usize = alike.iter().skip(SHOWN).map(|(_, accounts)| accounts.len()).sum();
    if more > 0 {
        lines.push(format!("not as declared: {} more, which --format json shows", count(more, "account")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(number: usize, told: &str, obstacles: &str) -> Kept {
        let json = format!(
            r#"{{"account": "{number:012}", "line": "shop-{number:03}/prod", "looked_at_ms": 1700000000000, "told": [{told}],
                "obstacles": [{obstacles}]}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn shown(kept: &[Kept]) -> Vec<String> {
        lines(&kept.iter().filter_map(Otherwise::of).collect::<Vec<_>>())
    }

    const OWNER: &str = r#"{"tag": {"key": "owner", "seen": "nobody", "declared": "team-shop"}}"#;
    const DENIED: &str = r#"{"denied": {"operation": "organizations:TagResource", "said": "no"}}"#;

    #[test]
    fn what_was_told_of_an_account_is_one_line_until_it_is_as_declared_again() {
        assert_eq!(shown(&[kept(1, "", "")]), [""; 0]);
        let of_one = "not as declared: shop-001/prod (000000000001): its tag owner is \"nobody\", and the file says \
                      \"team-shop\" (looked at 2023-11-14 22:13:20Z)";
        assert_eq!(shown(&[kept(1, OWNER, ""), kept(2, "", "")]), [of_one]);
        let all: Vec<Kept> = (0..130).map(|number| kept(number, "", DENIED)).collect();
        let of_all = shown(&all);
        assert_eq!(of_all.len(), 1, "{of_all:?}");
        assert!(of_all[0].starts_with("not as declared: 130 accounts, shop-000/prod, "), "{}", of_all[0]);
        assert!(
            of_all[0].contains("and 110 more: phonehome may not call organizations:TagResource"),
            "{}",
            of_all[0]
        );
    }

    #[test]
    fn however_many_differ_each_in_its_own_way_there_are_a_few_lines() {
        let own = |number: usize| OWNER.replace("nobody", &format!("nobody-{number}"));
        let all: Vec<Kept> = (0..500).map(|number| kept(number, &own(number), "")).collect();
        let lines = shown(&all);
        assert_eq!(lines.len(), SHOWN + 1);
        assert_eq!(lines[SHOWN], "not as declared: 480 accounts more, which --format json shows");
    }
}
