//! What accounts bear in the organization, which settings they are to have, and what of that a fleet file changes.

use phonehome_fleet::{Change, Fleet, IdentifiedLine, Line, property_changes, setting_changes};
use phonehome_planner::render::{Section, Table, wrapped};
use phonehome_planner::sha256;
use phonehome_state::Base;
use phonehome_text::{agree, count, list};
use serde_json::{Value, json};

use crate::who::Who;

/// How many accounts the title of a table names.
const NAMED: usize = 10;

/// What becomes of the units, tags, contacts, support plans and settings of the accounts there are.
#[derive(Debug, Default)]
pub(crate) struct Bearing {
    /// Lines of which the same changes, together, in the file's order.
    classes: Vec<Class>,
}

#[derive(Debug)]
struct Class {
    of: Of,
    changes: Vec<Change>,
    /// Whether they are to be in another unit.
    moves: bool,
    lines: Vec<Line>,
}

/// What the changes of a class are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    /// What accounts bear in the organization.
    Organization,
    /// Settings in the accounts.
    Settings,
}

impl Of {
    /// `2 accounts are kept otherwise in the organization`
    fn title(self, accounts: usize) -> String {
        match self {
            Self::Organization => format!(
                "{} otherwise in the organization",
                agree(accounts, "account is kept", "accounts are kept")
            ),
            Self::Settings => {
                format!(
                    "{} settings otherwise",
                    agree(accounts, "account is to have", "accounts are to have")
                )
            }
        }
    }
}

impl Bearing {
    /// What a file changes over the version in force, of the lines that are accounts and that `is_wanted`. What a new
    /// account bears is no change.
    pub(crate) fn of(
        base: &Base,
        fleet: &Fleet,
        who: &Who,
        is_wanted: impl Fn(&IdentifiedLine) -> bool,
    ) -> Self {
        // One that cannot be read says nothing, and all that is declared is shown.
        let before = base.current().and_then(|it| phonehome_fleet::read(&it.text).ok()).map(|it| it.fleet);
        Self::between(before.as_ref(), fleet, who, is_wanted)
    }

    fn between(
        before: Option<&Fleet>,
        fleet: &Fleet,
        who: &Who,
        is_wanted: impl Fn(&IdentifiedLine) -> bool,
    ) -> Self {
        let management = &fleet.organization.management_account;
        let is_account = |line: &Line| {
            let mut lines = who.identify.lines.iter().filter(|it| it.member.line() == *line && is_wanted(it));
            let account = lines.find_map(|it| it.state.account());
            account.is_some_and(|id| id != management && who.roster.contains_key(id))
        };
        let mut classes: Vec<Class> = Vec::new();
        let properties = property_changes(before, fleet).into_iter();
        let properties = properties.map(|it| (Of::Organization, it.line, it.changes, it.moves));
        let settings = setting_changes(before, fleet).into_iter();
        let settings = settings.map(|(line, changes)| (Of::Settings, line, changes, false));
        for (of, line, changes, moves) in properties.chain(settings).filter(|(_, line, ..)| is_account(line))
        {
            match classes.iter_mut().find(|class| class.of == of && class.changes == changes) {
                Some(class) => class.lines.push(line),
                None => classes.push(Class { of, changes, moves, lines: vec![line] }),
            }
        }
        Self { classes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// How many accounts it concerns, and when; none where it is none.
    fn sentence(&self, of: Of) -> Option<String> {
        let classes = self.classes.iter().filter(|class| class.of == of);
        let accounts: usize = classes.map(|class| class.lines.len()).sum();
        let when = match of {
            Of::Organization => "once the version is in force in all accounts.",
            Of::Settings => {
                ", each in its turn. They are tightened alone: what is stricter in an account stays, and so does what is no \
                 longer declared."
            }
        };
        let space = if of == Of::Settings { "" } else { " " };
        (accounts > 0).then(|| format!("{}{space}{when}", of.title(accounts)))
    }

    /// What nobody may overlook: another unit has other policies.
    fn caution(&self) -> Option<String> {
        let moved: usize = self.classes.iter().filter(|it| it.moves).map(|it| it.lines.len()).sum();
        (moved > 0).then(|| {
            format!(
                "{} in another organizational unit, whose policies apply at once. An account that phonehome never had in a \
                 declared unit is moved by a person.",
                agree(moved, "account is to be", "accounts are to be")
            )
        })
    }

    /// For a terminal; empty where nothing changes.
    pub(crate) fn text(&self) -> String {
        [Of::Organization, Of::Settings].map(|of| self.text_of(of)).concat()
    }

    fn text_of(&self, of: Of) -> String {
        let caution = self.caution().filter(|_| of == Of::Organization);
        let mut text: String =
            self.sentence(of).into_iter().chain(caution).map(|words| format!("{words}\n")).collect();
        for Class { changes, lines, .. } in self.classes.iter().filter(|class| class.of == of) {
            text.push_str(&format!("  {}\n", count(lines.len(), "account")));
            changes.iter().for_each(|change| text.push_str(&format!("    ~ {}\n", words(change))));
            let names: Vec<&str> = lines.iter().map(Line::as_str).collect();
            text.push_str(&wrapped(&names));
        }
        text
    }

    /// The same in a comment on a pull request, beside what else it says.
    pub(crate) fn add_to(&self, section: &mut Section) {
        section.cautions.extend(self.caution());
        section
            .paragraphs
            .extend([Of::Organization, Of::Settings].into_iter().filter_map(|of| self.sentence(of)));
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "not declared".to_owned());
        for Class { of, changes, lines, .. } in &self.classes {
            let row = |it: &Change| vec![it.what.clone(), text(&it.before), text(&it.after)];
            let title = format!("{}: {}", of.title(lines.len()), list(lines, NAMED));
            let rows = changes.iter().map(row).collect();
            section.tables.push(Table { title, head: &["what", "from", "to"], rows });
        }
    }

    /// For machines.
    pub(crate) fn json(&self) -> Value {
        let class = |Class { changes, lines, .. }: &Class| json!({"lines": lines, "changes": changes});
        self.classes.iter().map(class).collect()
    }

    /// In the complete plan, a line for each change of each account.
    pub(crate) fn in_full(&self) -> Vec<String> {
        let of_class = |Class { changes, lines, .. }: &Class| -> Vec<String> {
            let of_line =
                |line: &Line| changes.iter().map(move |it| (line.clone(), it.clone())).collect::<Vec<_>>();
            lines.iter().flat_map(of_line).map(|(line, it)| format!("~ {line}: {}", words(&it))).collect()
        };
        self.classes.iter().flat_map(of_class).collect()
    }

    /// The digest of what changes; `None` where nothing does.
    pub(crate) fn digest(&self) -> Option<String> {
        let term = |line: &Line, changes: &[Change]| json!(["properties", line, changes]).to_string();
        let terms = self.classes.iter().flat_map(|it| it.lines.iter().map(|line| term(line, &it.changes)));
        let mut terms: Vec<String> = terms.collect();
        terms.sort();
        (!terms.is_empty()).then(|| sha256(&terms))
    }
}

/// `organizational unit: Workloads/Dev → Workloads/Prod`
fn words(Change { what, before, after }: &Change) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "not declared".to_owned());
    format!("{what}: {} → {}", text(before), text(after))
}

#[cfg(test)]
mod tests;
