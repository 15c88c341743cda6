//! One difference, and what became of it.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_alerting::Words;
use phonehome_executor::{Applied, StepOutcome};
use phonehome_network::Address;
use phonehome_planner::{Change, Plan, Step, Withheld};
use phonehome_state::{ApiCall, Line, Repair};
use serde_json::{Value, json};

/// How many ids of a difference are kept: what a person's call can be about.
const IDS_MAX: usize = 20;
/// How long a reason is kept, in characters.
const REASON_MAX: usize = 200;
/// How many API calls a difference names.
pub(super) const API_CALLS_MAX: usize = 5;

pub(super) fn of_step(step: &Step, applied: Option<&Applied>, known: &BTreeMap<Address, String>) -> Line {
    let repair = if is_done(&step.address, applied) { Repair::Repaired } else { Repair::Pending };
    let mut ids = BTreeSet::new();
    collect_ids(&json!(step), &mut ids);
    line(step.address.clone(), &step.reason, repair, ids, known)
}

pub(super) fn of_withheld(held: &Withheld, known: &BTreeMap<Address, String>) -> Line {
    let ids = BTreeSet::from([held.id.clone()]);
    let reason = format!("{}: {}", held.what(), held.reason);
    line(held.address.clone(), &reason, Repair::Withheld, ids, known)
}

fn line(
    address: Address,
    reason: &str,
    repair: Repair,
    ids: BTreeSet<String>,
    known: &BTreeMap<Address, String>,
) -> Line {
    let mut ids: BTreeSet<String> = ids.into_iter().take(IDS_MAX).collect();
    let own = known.get(&address).cloned();
    let is_known = own.is_some();
    ids.extend(own);
    let reason = reason.chars().take(REASON_MAX).collect();
    Line { address, reason, repair, ids, is_known, by: vec![] }
}

/// Notes that it is as declared again: this observation has mended it, or finds it so.
pub(super) fn note_repair(line: &mut Line, plan: &Plan, applied: Option<&Applied>) {
    let address = &line.address;
    let differs = plan.steps.iter().any(|step| step.address == *address)
        || plan.waits.iter().any(|wait| wait.address == *address)
        || plan.withheld.iter().any(|held| held.address == *address)
        || plan.postponed.contains(address)
        || !plan.unseen.is_empty();
    if is_done(address, applied) || !differs {
        line.repair = Repair::Repaired;
    }
}

/// The difference in words: what was found, what was done about it, and who is behind it.
pub(super) fn words(line: &Line) -> Words {
    let outcome = match line.repair {
        Repair::Repaired => "repaired",
        Repair::Pending => "not repaired yet",
        Repair::Withheld => "not repaired without permission",
    };
    let words = Words::new().code(line.address.to_string()).text(format!(" {}, {outcome}", line.reason));
    match line.by.is_empty() {
        true => words,
        false => words.text(": ").then(who(&line.by)),
    }
}

/// What is new in it.
pub(super) fn change(line: &Line, before: &Line) -> Option<Words> {
    let address = Words::new().code(line.address.to_string());
    let new: Vec<ApiCall> =
        line.by.iter().filter(|api_call| !before.by.contains(api_call)).cloned().collect();
    let repaired = line.repair != before.repair;
    match (repaired, new.is_empty()) {
        (false, true) => None,
        (true, true) => Some(address.text(" repaired")),
        (false, false) => Some(address.text(": ").then(who(&new))),
        (true, false) => Some(address.text(" repaired: ").then(who(&new))),
    }
}

fn who(api_calls: &[ApiCall]) -> Words {
    let words =
        api_calls.iter().map(|it| Words::of(format!("{} by {} at {}", it.event_name, it.who, it.when)));
    words.reduce(|all, one| all.text(", ").then(one)).unwrap_or_default()
}

/// Whether a step was done.
pub(super) fn is_done(address: &Address, applied: Option<&Applied>) -> bool {
    let mut outcomes = applied.into_iter().flat_map(|applied| &applied.outcomes);
    outcomes.any(|(it, outcome)| it == address && matches!(outcome, StepOutcome::Done(_)))
}

/// What a step found: never empty, and the same as long as nobody changes it.
pub(super) fn found(step: &Step) -> String {
    let found = match &step.change {
        Change::Create => "nothing".to_owned(),
        Change::Update { before, .. } | Change::Delete { before } => format!("has {before}"),
        Change::Replace(_) => "does not work".to_owned(),
        Change::Adopt { id } | Change::Forget { id } => format!("is {id}"),
    };
    found.chars().take(REASON_MAX).collect()
}

/// What looks like the id of a resource, or like a probe's name, anywhere in a step.
fn collect_ids(value: &Value, ids: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let parts = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            ids.extend(parts.filter(|part| is_id(part)).map(str::to_owned));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_ids(item, ids)),
        Value::Object(fields) => fields.values().for_each(|field| collect_ids(field, ids)),
        _ => {}
    }
}

fn is_id(text: &str) -> bool {
    let hexadecimal = |digits: &str| digits.len() >= 4 && digits.chars().all(|c| c.is_ascii_hexdigit());
    text.len() <= 64
        && (text.starts_with("phonehome-probe-")
            || text.rsplit_once('-').is_some_and(|(_, digits)| hexadecimal(digits)))
}
