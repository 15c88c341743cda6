//! What becomes of starter packs, for people.

use std::collections::BTreeSet;

use phonehome_planner::price::{difference, dollars};
use phonehome_planner::render::{Section, Table, wrapped};
use phonehome_starter_pack::{
    Change, Class, KEY_CENTS, KEY_ROTATED_CENTS, PackOutcome, PackPlan, PackPrice, Usage, Verdict,
};
use phonehome_text::{agree, list};

use super::{PackClass, Packs, PlannedPack};

/// How many packs the title of a table names.
const NAMED: usize = 10;
/// How many classes are shown at a terminal: where every pack changes otherwise the complete plan has them.
const CLASSES_MAX: usize = 50;

impl Packs {
    /// In how many something becomes of it; `None` where in none.
    fn sentence(&self) -> Option<String> {
        let number = |is: fn(&PackOutcome) -> bool| self.changed().filter(|it| is(&it.plan.outcome)).count();
        let parts = [
            (number(|it| matches!(it, PackOutcome::Made)), "made"),
            (number(|it| matches!(it, PackOutcome::Changed)), "changed in place"),
            (number(|it| matches!(it, PackOutcome::Withheld { .. })), "withheld"),
            (number(|it| matches!(it, PackOutcome::LeftAlone { .. })), "left alone"),
            (number(|it| matches!(it, PackOutcome::NotKnown)), "not known"),
        ];
        let parts = parts.iter().filter(|(number, _)| *number > 0);
        let parts: Vec<String> = parts.map(|(number, what)| format!("{number} {what}")).collect();
        (!parts.is_empty()).then(|| format!("Starter packs: {}.", parts.join(", ")))
    }

    /// What nobody may overlook.
    fn caution(&self) -> Option<String> {
        let is_withheld = |it: &&PlannedPack| matches!(it.plan.outcome, PackOutcome::Withheld { .. });
        let withheld = self.changed().filter(is_withheld).count();
        (withheld > 0).then(|| {
            format!(
                "{} not changed at all, whoever publishes this: what holds data or identity would be replaced, deleted, left \
                 behind, or may be.",
                agree(withheld, "starter pack is", "starter packs are")
            )
        })
    }

    /// What they cost a month, where that changes.
    fn price_words(&self) -> Option<String> {
        let PackPrice { before_cents, after_cents } = self.price();
        (before_cents != after_cents).then(|| {
            format!(
                "The starter packs' keys and secrets cost {} a month (now {}: {}). A key costs {}, and {} after its second yearly \
                 rotation; buckets, tables and roles cost what is done with them.",
                dollars(after_cents),
                dollars(before_cents),
                difference(before_cents, after_cents),
                dollars(KEY_CENTS),
                dollars(KEY_ROTATED_CENTS)
            )
        })
    }

    /// What is paid by use of what they have: nobody guesses how much that will be.
    fn usage_words(&self) -> Option<String> {
        let used: BTreeSet<Usage> = self.changed().flat_map(|it| it.plan.usage.iter().copied()).collect();
        let price = |it: &Usage| {
            format!("{} ${}.{:03} for each {}", it.of, it.thousandths / 1000, it.thousandths % 1000, it.per)
        };
        let prices: Vec<String> = used.iter().map(price).collect();
        (!prices.is_empty()).then(|| format!("Paid by use, and not in any sum: {}.", prices.join(", ")))
    }

    /// For a terminal; empty where nothing becomes of any.
    pub(crate) fn text(&self) -> String {
        let sentences = self.sentence().into_iter().chain(self.caution()).chain(self.price_words());
        let sentences = sentences.chain(self.usage_words());
        let mut text: String = sentences.map(|words| format!("{words}\n")).collect();
        let classes = self.classes();
        for class in classes.iter().take(CLASSES_MAX) {
            text.push_str(&format!("  {}\n", title(class)));
            lines(class.plan).iter().for_each(|line| text.push_str(&format!("    {line}\n")));
            text.push_str(&wrapped(&class.names));
        }
        let more: usize = classes.iter().skip(CLASSES_MAX).map(|class| class.names.len()).sum();
        if more > 0 {
            text.push_str(&format!(
                "  and {more} more, each otherwise: `phonehome plan --output FILE` has them\n"
            ));
        }
        text
    }

    /// The same in a comment on a pull request, beside what else it says.
    pub(crate) fn add_to(&self, section: &mut Section) {
        section.cautions.extend(self.caution());
        let sentences = self.sentence().into_iter().chain(self.price_words());
        section.paragraphs.extend(sentences.chain(self.usage_words()));
        for class in self.classes() {
            let names = list(&class.names, NAMED);
            let title = format!("{}: {names}", title(&class));
            section.tables.push(Table {
                title,
                head: &["", "what", "what becomes of it"],
                rows: rows(class.plan),
            });
        }
    }

    /// In the complete plan, a line for each thing that becomes of each pack.
    pub(crate) fn in_full(&self) -> Vec<String> {
        let of = |it: &PlannedPack| -> Vec<String> {
            let title = format!("{} ({}): {}", it.name, it.place, outcome(&it.plan.outcome));
            let lines = lines(&it.plan).into_iter().map(|line| format!("{} ({}): {line}", it.name, it.place));
            [title].into_iter().chain(lines).collect()
        };
        self.changed().flat_map(of).collect()
    }
}

fn title(class: &PackClass<'_>) -> String {
    format!(
        "{} {}",
        agree(class.names.len(), "starter pack is", "starter packs are"),
        outcome(&class.plan.outcome)
    )
}

fn outcome(outcome: &PackOutcome) -> &'static str {
    match outcome {
        PackOutcome::Withheld { .. } => "withheld, and nothing is changed",
        PackOutcome::LeftAlone { .. } => "declared no longer: the stack stays, and nobody looks after it",
        PackOutcome::NotKnown => {
            "not known: what the stack has was never noted; the next sweep does that, then plan again"
        }
        PackOutcome::Changed => "changed in place",
        PackOutcome::Made => "made",
        PackOutcome::Unchanged => "as it is",
    }
}

/// What becomes of one pack: a sign, what it is about, and what becomes of that.
fn rows(plan: &PackPlan) -> Vec<Vec<String>> {
    // Of what is made the sections that are no resource say nothing.
    let is_told = |change: &&Change| plan.outcome != PackOutcome::Made || !change.kind.is_empty();
    let is_held_up = matches!(plan.outcome, PackOutcome::Withheld { .. });
    let changes = plan.changes.iter().filter(is_told).map(|change| {
        let what = format!("{} {}", change.logical_id, change.kind);
        vec![sign(&change.class).to_owned(), what.trim_end().to_owned(), becomes(change, is_held_up)]
    });
    let kept = match &plan.outcome {
        PackOutcome::LeftAlone { kept } => kept.as_slice(),
        _ => &[],
    };
    let name = |name: &str| name.replace("${AWS::AccountId}", "ACCOUNT").replace("${AWS::Region}", "REGION");
    let kept = kept.iter().map(|it| {
        vec!["=".to_owned(), format!("{} {}", it.what, name(&it.name)), "it stays, with its data".to_owned()]
    });
    changes.chain(kept).collect()
}

fn lines(plan: &PackPlan) -> Vec<String> {
    rows(plan).into_iter().map(|row| format!("{} {}: {}", row[0], row[1], row[2])).collect()
}

fn sign(class: &Class) -> &'static str {
    match class {
        Class::Add => "+",
        Class::InPlace { .. } | Class::InPlaceOfData { .. } | Class::Unprotected { .. } => "~",
        Class::Replacement { .. } => "±",
        Class::Removal { .. } => "-",
        Class::Unclear => "?",
    }
}

/// What becomes of a resource, or would, and why it does not.
fn becomes(change: &Change, is_held_up: bool) -> String {
    match change.verdict() {
        Verdict::Allowed if is_held_up => format!("held up by the others: {change}"),
        Verdict::Allowed => change.to_string(),
        Verdict::Withheld { why } => {
            format!("withheld: {}", why.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
    }
}
