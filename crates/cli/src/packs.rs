//! What becomes of the starter packs when a fleet file is published: from the table, without asking any account.

mod standing;
mod words;

pub(crate) use standing::standing;

use std::collections::{BTreeMap, BTreeSet};

use phonehome_cloud::table::Table;
use phonehome_fleet::{Fleet, IdentifiedLine, Member, Roster};
use phonehome_planner::sha256;
use phonehome_provision::{Job, pack_digests, pack_plan};
use phonehome_stacks::{OBSERVABILITY, ObservabilityRecord, PACKS, PackRecord};
use phonehome_starter_pack::{Known, Pack, PackPlan, PackPrice, VendorAccount};
use phonehome_state::readable;
use phonehome_wire::{AccountId, Region, StackId};
use serde_json::{Value, json};

use crate::creations::Creations;
use crate::output::Failure;
use crate::targets::{Targets, name};

/// What is stored of the packs.
#[derive(Debug, Default)]
struct Stored {
    records: BTreeMap<StackId, PackRecord>,
    /// By AWS account.
    observed: BTreeMap<AccountId, ObservabilityRecord>,
    unreadable: BTreeSet<StackId>,
}

impl Stored {
    async fn read(table: &impl Table) -> Result<Self, Failure> {
        let read = readable::<PackRecord>(table, PACKS).await.map_err(Failure::other)?;
        // One that cannot be read names no account, as one that is not there.
        let observed = readable::<ObservabilityRecord>(table, OBSERVABILITY).await.map_err(Failure::other)?;
        Ok(Self {
            observed: observed.found.into_iter().map(|(_, it)| (it.account.clone(), it)).collect(),
            unreadable: read.unreadable.iter().filter_map(|it| it.stack()).collect(),
            records: read.found.into_iter().map(|(_, record)| (record.stack(), record)).collect(),
        })
    }

    /// The pack as it will be: with the account at the vendor that it has, or one that is still to be made.
    fn known(&self, stack: &StackId, pack: Pack) -> Pack {
        let record = self.observed.get(&stack.account);
        let ready = record.and_then(|record| record.setup.ready_in(&stack.region));
        pack.naming(ready.map_or(VendorAccount::Planned, VendorAccount::Known))
    }

    fn plan(&self, stack: &StackId, wanted: Option<&Value>) -> PackPlan {
        if self.unreadable.contains(stack) {
            return PackPlan::of(Known::Unnoted, wanted);
        }
        pack_plan(self.records.get(stack), wanted)
    }
}

/// One pack.
#[derive(Debug, Clone, PartialEq)]
struct PlannedPack {
    /// How it is named to people.
    name: String,
    /// Where it is; of an account that is not there yet only its line and the Region are known.
    place: String,
    /// Which one, of an account that is there.
    stack: Option<StackId>,
    plan: PackPlan,
    /// SHA-256 of the wanted template; empty where none is declared.
    template: String,
}

/// What becomes of the packs of a fleet.
#[derive(Debug, Default)]
pub(crate) struct Packs {
    packs: Vec<PlannedPack>,
}

/// Packs of which the same becomes.
struct PackClass<'a> {
    plan: &'a PackPlan,
    names: Vec<&'a str>,
}

impl Packs {
    /// Of the accounts that are asked for, and of those that there are to permit: `wanted` names some, or none for all.
    pub(crate) async fn of(
        work: &Targets,
        creations: &Creations,
        wanted: &[String],
        table: &impl Table,
    ) -> Result<Self, Failure> {
        let stored = Stored::read(table).await?;
        let mut packs: Vec<PlannedPack> = work.jobs().iter().map(|job| of_job(&stored, job)).collect();
        let declared = stacks(&work.fleet, &work.who.identify.lines);
        packs.extend(left_alone(&stored, &declared, &work.who.roster, wanted));
        packs.extend(creations.to_permit().into_iter().flat_map(|it| of_new(&work.fleet, &it.member)));
        Ok(Self { packs })
    }

    /// Those of which something becomes.
    fn changed(&self) -> impl Iterator<Item = &PlannedPack> {
        self.packs.iter().filter(|it| !it.plan.is_unchanged())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changed().next().is_none()
    }

    /// Packs of which the same becomes together: what is withheld first.
    fn classes(&self) -> Vec<PackClass<'_>> {
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        let mut classes: Vec<PackClass<'_>> = Vec::new();
        for it in self.changed() {
            let at = *found.entry(json!(it.plan).to_string()).or_insert(classes.len());
            match classes.get_mut(at) {
                Some(class) => class.names.push(&it.name),
                None => classes.push(PackClass { plan: &it.plan, names: vec![&it.name] }),
            }
        }
        classes.sort_by(|a, b| a.plan.outcome.cmp(&b.plan.outcome));
        classes
    }

    /// What all of them cost a month.
    fn price(&self) -> PackPrice {
        self.packs.iter().fold(PackPrice::default(), |sum, it| PackPrice {
            before_cents: sum.before_cents + it.plan.price.before_cents,
            after_cents: sum.after_cents + it.plan.price.after_cents,
        })
    }

    /// For machines: each class with the packs that it is of.
    pub(crate) fn json(&self) -> Value {
        let class = |PackClass { plan, names }: &PackClass<'_>| {
            let mut shown = json!(plan);
            shown["packs"] = json!(names);
            shown
        };
        json!({ "price": self.price(), "classes": self.classes().iter().map(class).collect::<Vec<_>>() })
    }

    /// The digest of what becomes of them; `None` where nothing does.
    pub(crate) fn digest(&self) -> Option<String> {
        let term = |it: &PlannedPack| json!(["starter pack", it.place, it.plan, it.template]).to_string();
        let mut terms: Vec<String> = self.changed().map(term).collect();
        terms.sort();
        (!terms.is_empty()).then(|| sha256(&terms))
    }

    /// What is agreed to with each pack of which it is known what becomes of it.
    pub(crate) fn agreed(&self) -> Vec<(StackId, BTreeSet<String>)> {
        let is_known = |it: &&PlannedPack| !it.template.is_empty() && it.plan.is_known();
        let of = |it: &PlannedPack| Some((it.stack.clone()?, pack_digests(&it.plan.changes)));
        self.packs.iter().filter(is_known).filter_map(of).collect()
    }
}

fn of_job(stored: &Stored, job: &Job<'_>) -> PlannedPack {
    let stack = job.stack();
    let pack = Pack::of(job.fleet, job.member, job.region);
    // The hash is over what is declared: an account that is made in the meantime makes no other plan.
    let declared = pack.as_ref().map(Pack::template);
    let template = pack.map(|pack| stored.known(&stack, pack).template());
    PlannedPack {
        name: name(job),
        place: stack.to_string(),
        plan: stored.plan(&stack, template.as_ref()),
        template: declared.map(|it| sha256(&[it.to_string()])).unwrap_or_default(),
        stack: Some(stack),
    }
}

/// Every stack that a file declares of the lines that are accounts.
fn stacks(fleet: &Fleet, lines: &[IdentifiedLine]) -> BTreeSet<StackId> {
    let of = |it: &IdentifiedLine| {
        let account = it.state.account().cloned();
        let regions = fleet.regions.iter().map(|region| &region.name);
        let regions = regions.filter(|region| fleet.pool_for(&it.member.environment, region).is_some());
        let regions: Vec<&Region> = regions.collect();
        account
            .into_iter()
            .flat_map(move |id| regions.clone().into_iter().map(move |it| StackId::new(&id, it)))
    };
    lines.iter().flat_map(of).collect()
}

/// Of accounts that are no line any more, and in Regions that the file does not have any more.
fn left_alone(
    stored: &Stored,
    declared: &BTreeSet<StackId>,
    roster: &Roster,
    wanted: &[String],
) -> Vec<PlannedPack> {
    let is_wanted = |stack: &&StackId| {
        let names = [Some(stack.account.as_str()), roster.get(&stack.account).map(String::as_str)];
        wanted.is_empty() || names.into_iter().flatten().any(|name| wanted.iter().any(|it| it == name))
    };
    let left = stored.records.keys().chain(&stored.unreadable);
    let left = left.filter(|stack| !declared.contains(*stack)).filter(is_wanted);
    let left = left.map(|stack| PlannedPack {
        name: match roster.get(&stack.account) {
            Some(account) => format!("{account} in {}", stack.region),
            None => stack.to_string(),
        },
        place: stack.to_string(),
        stack: Some(stack.clone()),
        plan: stored.plan(stack, None),
        template: String::new(),
    });
    left.collect()
}

/// Of an account that is still to be made.
fn of_new(fleet: &Fleet, member: &Member) -> Vec<PlannedPack> {
    let regions = fleet.regions.iter().map(|region| &region.name);
    let packs = regions.filter_map(|region| Some((region, Pack::of(fleet, member, region)?)));
    let of = |(region, pack): (&Region, Pack)| {
        let (line, template) = (member.line(), pack.template());
        PlannedPack {
            name: format!("{line}, once its account is made"),
            place: format!("{line}/{region}"),
            stack: None,
            plan: PackPlan::of(Known::Nothing, Some(&template)),
            template: sha256(&[template.to_string()]),
        }
    };
    packs.map(of).collect()
}

#[cfg(test)]
mod tests;
