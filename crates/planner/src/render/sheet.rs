//! The plans of a whole fleet, sorted for whoever reads them: classes, what is as declared, what failed.

use std::collections::BTreeMap;

use crate::price::{difference, dollars};
use crate::{Disruption, Plan, classes};
use phonehome_text::count;

/// A stack's name, and its plan or why there is none.
pub type Planned = (String, Result<Plan, String>);

/// How long a plan's calls take within AWS's limits, in seconds.
pub type Estimate<'e> = &'e dyn Fn(&Plan) -> u64;

/// All plans, those that disturb most first.
pub(super) struct Sheet<'a> {
    pub(super) stacks: usize,
    pub(super) classes: Vec<Class<'a>>,
    /// The names of stacks in which nothing would change and nothing is waited for.
    pub(super) unchanged: Vec<&'a str>,
    /// Why stacks cannot be planned, and which.
    pub(super) failed: Vec<(&'a str, Vec<&'a str>)>,
}

/// Stacks that change in the same way.
pub(super) struct Class<'a> {
    pub(super) names: Vec<&'a str>,
    /// The plan of the first.
    pub(super) plan: &'a Plan,
    /// What all of them cost a month, before and after, in US cents.
    cents: (u64, u64),
    /// How long the calls of the slowest take.
    seconds: u64,
}

impl<'a> Sheet<'a> {
    pub(super) fn of(planned: &'a [Planned], estimate: Estimate<'_>) -> Self {
        let mut failed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let (mut unchanged, mut changed): (Vec<&str>, Vec<(&str, &Plan)>) = (vec![], vec![]);
        for (name, plan) in planned {
            match plan {
                Err(why) => failed.entry(why).or_default().push(name),
                Ok(plan) if has_something(plan) => changed.push((name, plan)),
                Ok(_) => unchanged.push(name),
            }
        }
        let groups = classes(changed.iter().map(|(_, plan)| *plan));
        let members = |group: Vec<usize>| group.into_iter().map(|at| changed[at]).collect::<Vec<_>>();
        let mut classes: Vec<Class<'_>> =
            groups.into_iter().filter_map(|group| Class::of(&members(group), estimate)).collect();
        classes.sort_by_key(|class| {
            let steps = (class.plan.withheld.len(), class.plan.steps.len());
            (std::cmp::Reverse((class.plan.worst(), steps, class.names.len())), class.names.clone())
        });
        Self { stacks: planned.len(), classes, unchanged, failed: failed.into_iter().collect() }
    }

    /// How many stacks would change.
    pub(super) fn changed(&self) -> usize {
        self.classes.iter().filter(|class| !class.plan.steps.is_empty()).map(|class| class.names.len()).sum()
    }

    /// How many stacks cannot be planned.
    pub(super) fn unplanned(&self) -> usize {
        self.failed.iter().map(|(_, names)| names.len()).sum()
    }

    /// `130 stacks: 128 would change, in 2 ways; 1 would not; 1 cannot be planned.`
    pub(super) fn sentence(&self) -> String {
        let (changed, unplanned) = (self.changed(), self.unplanned());
        let ways = match self.classes.iter().filter(|class| !class.plan.steps.is_empty()).count() {
            _ if changed < 2 => String::new(),
            1 => ", all in the same way".to_owned(),
            ways => format!(", in {ways} ways"),
        };
        let rest = self.stacks - changed - unplanned;
        format!(
            "{}: {changed} would change{ways}; {rest} would not; {unplanned} cannot be planned.",
            count(self.stacks, "stack")
        )
    }

    /// In how many stacks something is given up for good, if in any.
    pub(super) fn given_up(&self) -> Option<String> {
        let giving = self.classes.iter().filter(|class| !class.plan.given_up().is_empty());
        let stacks: usize = giving.map(|class| class.names.len()).sum();
        (stacks > 0).then(|| {
            format!(
                "In {} something is given up that no rollback brings back: once the version is in force, and not before.",
                count(stacks, "stack")
            )
        })
    }

    /// What NAT gateways cost in all stacks together, if that changes.
    pub(super) fn price(&self) -> Option<String> {
        let sum = |cents: fn(&Class<'_>) -> u64| self.classes.iter().map(cents).sum::<u64>();
        let (before, after) = (sum(|class| class.cents.0), sum(|class| class.cents.1));
        let words = || format!("from {} to {} a month without data", dollars(before), dollars(after));
        (before != after).then(|| format!("NAT gateways: {} ({}).", words(), difference(before, after)))
    }
}

impl<'a> Class<'a> {
    fn of(members: &[(&'a str, &'a Plan)], estimate: Estimate<'_>) -> Option<Self> {
        let (_, plan) = *members.first()?;
        let prices = || members.iter().filter_map(|(_, plan)| plan.price);
        Some(Self {
            names: members.iter().map(|(name, _)| *name).collect(),
            plan,
            cents: (prices().map(|it| it.before_cents).sum(), prices().map(|it| it.after_cents).sum()),
            seconds: members.iter().map(|(_, plan)| estimate(plan)).max().unwrap_or_default(),
        })
    }

    /// How many stacks it is.
    pub(super) fn stacks(&self) -> String {
        count(self.names.len(), "stack")
    }

    /// What it costs more or less a month, in all of its stacks together; empty where it costs the same.
    pub(super) fn price(&self) -> String {
        let (before, after) = self.cents;
        if before == after { String::new() } else { difference(before, after) }
    }

    /// The worst that it does to running traffic, and what it would with permission.
    pub(super) fn disruption(&self) -> String {
        let (now, worst) = (self.plan.disruption(), self.plan.worst());
        match (now, worst) {
            (Disruption::None, Disruption::None) => String::new(),
            (now, worst) if now == worst => now.in_words().to_owned(),
            (Disruption::None, worst) => format!("with permission {}", worst.in_words()),
            (now, worst) => format!("{}, with permission {}", now.in_words(), worst.in_words()),
        }
    }

    /// `56 calls, some 12 s`, of each stack; empty where there are none.
    pub(super) fn time(&self) -> String {
        match self.plan.steps.len() {
            0 => String::new(),
            calls => format!("{}, about {}", count(calls, "call"), duration(self.seconds)),
        }
    }
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        more => format!("{} min", more.div_ceil(60)),
    }
}

fn has_something(plan: &Plan) -> bool {
    !plan.is_converged() || !plan.withheld.is_empty() || !plan.unseen.is_empty()
}
