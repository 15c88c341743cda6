//! What the plans of a whole fleet come to, for whoever is to accept it.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_network::Ask;
use phonehome_planner::Disruption;
use phonehome_planner::Plan;
use phonehome_state::AcceptedStack;
use phonehome_text::count;
use phonehome_wire::{AccountId, Region};
use serde_json::{Value, json};

/// What the plan of one stack came to.
pub(crate) struct Planned {
    /// How it is named to people.
    pub(crate) name: String,
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    /// The plan, or why there is none.
    pub(crate) plan: Result<Plan, String>,
}

/// The plans of a fleet, none of which may take anything away.
pub(crate) struct Summary {
    planned: Vec<Planned>,
    /// How much the functions take away, cut off or replace in an hour, in all accounts together.
    removals_per_hour: u32,
}

impl Summary {
    pub(crate) fn new(planned: Vec<Planned>, removals_per_hour: u32) -> Self {
        Self { planned, removals_per_hour }
    }

    pub(crate) fn planned(&self) -> &[Planned] {
        &self.planned
    }

    /// What is accepted by whoever accepts this, and nothing else: by ids, stack by stack.
    pub(crate) fn accepted(&self) -> Vec<AcceptedStack> {
        let asking = self.plans().filter(|(_, plan)| !plan.asks().is_empty());
        asking
            .map(|(planned, plan)| AcceptedStack {
                account: planned.account.clone(),
                region: planned.region.clone(),
                permission: plan.asks().into_iter().collect(),
            })
            .collect()
    }

    fn plans(&self) -> impl Iterator<Item = (&Planned, &Plan)> {
        self.planned.iter().filter_map(|it| Some((it, it.plan.as_ref().ok()?)))
    }

    fn failed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.planned.iter().filter_map(|it| Some((it.name.as_str(), it.plan.as_ref().err()?.as_str())))
    }

    /// What is taken away, cut off or replaced: one sentence.
    pub(crate) fn sentence(&self) -> String {
        let asks: BTreeSet<Ask> = self.plans().flat_map(|(_, plan)| plan.asks()).collect();
        let number = |is: fn(&Ask) -> bool| asks.iter().filter(|ask| is(ask)).count();
        let parts = [
            (number(|ask| matches!(ask, Ask::Unpeer { .. })), "removes", "peering"),
            (number(|ask| matches!(ask, Ask::Delete(_))), "deletes", "other resource"),
            (number(|ask| matches!(ask, Ask::Close { .. })), "closes", "port"),
            (number(|ask| !ask.takes_away()), "changes or replaces", "resource in use"),
        ];
        let parts = parts.into_iter().filter(|(number, ..)| *number > 0);
        let parts: Vec<String> = parts.map(|(n, verb, what)| format!("{verb} {}", count(n, what))).collect();
        let stacks = self.accepted().len();
        match parts.is_empty() {
            true => "takes nothing away".to_owned(),
            false => format!("{} in {}", parts.join(", "), count(stacks, "stack")),
        }
    }

    /// In how many stacks how many things are given up that no rollback brings back; `None` where none is.
    fn given_up(&self) -> Option<String> {
        let numbers = self.plans().map(|(_, plan)| plan.given_up().len()).filter(|number| *number > 0);
        let numbers: Vec<usize> = numbers.collect();
        (!numbers.is_empty()).then(|| {
            format!(
                "No rollback brings back {} in {}: done once the version is in force, and not before.",
                count(numbers.iter().sum::<usize>(), "thing"),
                count(numbers.len(), "stack")
            )
        })
    }

    /// How long it takes, where that is more than an hour may have; `None` where it is not.
    fn hours(&self) -> Option<String> {
        let asks: usize = self.plans().map(|(_, plan)| plan.asks().len()).sum();
        let per_hour = usize::try_from(self.removals_per_hour).unwrap_or(usize::MAX);
        let limit = "network.removals_per_hour";
        match (asks, per_hour) {
            (0, _) => None,
            (_, 0) => Some(format!("None of that is done: {limit} is 0.")),
            (asks, _) if asks <= per_hour => None,
            (asks, _) => Some(format!(
                "No more than {per_hour} of that are done in an hour ({limit}), in all accounts together: it takes {}, \
                 and waves wait for it.",
                count(asks.div_ceil(per_hour), "hour")
            )),
        }
    }

    /// A line for each stack that changes, and below it one for each thing that needs the permission, and for each that
    /// no rollback brings back.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (planned, plan) in self.plans() {
            let asks = asks(plan);
            if plan.steps.is_empty() && asks.is_empty() {
                continue;
            }
            text.push_str(&format!("{}: {}\n", planned.name, counts(plan)));
            for words in asks.values() {
                text.push_str(&format!("  ! {words}\n"));
            }
            for it in plan.given_up() {
                text.push_str(&format!("  no rollback brings back {it}\n"));
            }
        }
        for (name, problem) in self.failed() {
            text.push_str(&format!("{name}: cannot be planned, and gets no permission: {problem}\n"));
        }
        text.push_str(&self.given_up().map(|words| format!("{words}\n")).unwrap_or_default());
        let changed = self.plans().filter(|(_, plan)| !plan.steps.is_empty()).count();
        text.push_str(&format!(
            "{}: {changed} would change, {} cannot be planned. It {}.\n",
            count(self.planned.len(), "stack"),
            self.failed().count(),
            self.sentence(),
        ));
        text.push_str(&self.hours().map(|words| format!("{words}\n")).unwrap_or_default());
        text
    }

    pub(crate) fn json(&self) -> Value {
        let stacks: Vec<Value> = self
            .planned
            .iter()
            .map(|it| match &it.plan {
                Ok(plan) => json!({
                    "stack": it.name,
                    "changes": plan.steps.len(),
                    "worst": plan.worst(),
                    "accepted": asks(plan).into_values().collect::<Vec<_>>(),
                    "given_up": plan.given_up(),
                }),
                Err(problem) => json!({"stack": it.name, "error": problem}),
            })
            .collect();
        json!({"sentence": self.sentence(), "stacks": stacks})
    }
}

/// `3 to create, 1 to change, 1 to delete; at worst it cuts off its users`.
fn counts(plan: &Plan) -> String {
    let signs = [('+', "create"), ('~', "change"), ('±', "replace"), ('-', "delete")];
    let mut parts: Vec<String> = signs
        .into_iter()
        .map(|(sign, verb)| (plan.steps.iter().filter(|step| step.change.sign() == sign).count(), verb))
        .filter(|(number, _)| *number > 0)
        .map(|(number, verb)| format!("{number} to {verb}"))
        .collect();
    let asks = asks(plan).len();
    if asks > 0 {
        parts.push(format!("{asks} with your permission"));
    }
    if parts.is_empty() {
        parts.push("nothing that changes anything".to_owned());
    }
    let mut words = parts.join(", ");
    if plan.worst() != Disruption::None {
        words.push_str(&format!("; at worst it {}", plan.worst().in_words()));
    }
    words
}

/// What needs the permission, each once, in words.
fn asks(plan: &Plan) -> BTreeMap<Ask, String> {
    let mut words = BTreeMap::new();
    for held in &plan.withheld {
        for ask in &held.asks {
            let line = match ask {
                // The line of the peering itself, not of its routes.
                Ask::Unpeer { id } if held.id != *id => continue,
                Ask::Unpeer { id } => format!("removes {} {id} with its routes and rules", held.address),
                Ask::Delete(_) => format!("deletes {} {}", held.address, held.id).trim_end().to_owned(),
                Ask::Close { group_id, rule } => format!("closes {rule} in {group_id}"),
                Ask::Disturb { address, .. } => format!("{address}: {} ({})", held.what(), held.reason),
            };
            words.entry(ask.clone()).or_insert(line);
        }
    }
    // A peering of which only routes are withheld.
    for ask in plan.asks() {
        if let Ask::Unpeer { id } = &ask {
            let line = format!("removes the routes and rules of peering {id}");
            words.entry(ask).or_insert(line);
        }
    }
    words
}

#[cfg(test)]
mod tests;
