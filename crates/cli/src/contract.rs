//! The plan that is agreed to: its hash, what of it binds, and in what another one differs.

use std::collections::BTreeSet;
use std::path::Path;

use phonehome_planner::{Agreed, CONTRACT_FORM, Plan, render, sha256};
use phonehome_state::{Base, Contract, ProbeRelease};
use phonehome_wire::StackId;

use crate::bearing::Bearing;
use crate::creations::Creations;
use crate::output::{Failure, read};
use crate::packs::Packs;
use crate::summary::Planned;
use crate::validate::Loaded;

/// How many differences are shown.
const DIFFERENCES_MAX: usize = 100;

/// What a plan was made over and of.
pub(crate) struct Grounds {
    /// The version in force; 0 where there is none.
    over: u64,
    /// SHA-256 of the fleet file and its certificate authorities.
    file: String,
    /// The code of the probes that the version will name.
    probes: Option<ProbeRelease>,
    /// The digest of the accounts that there are to permit, where there are any, and a line for each.
    accounts: Option<String>,
    in_full: Vec<String>,
    /// The digest of what changes of what accounts bear, where anything does, and a line for each change.
    properties: Option<String>,
    properties_in_full: Vec<String>,
    packs: PackGrounds,
}

/// What becomes of the starter packs.
#[derive(Debug, Default)]
struct PackGrounds {
    /// The digest of it, where anything does.
    digest: Option<String>,
    in_full: Vec<String>,
    /// What is agreed to with each.
    agreed: Vec<(StackId, BTreeSet<String>)>,
}

impl Grounds {
    pub(crate) fn of(
        base: &Base,
        loaded: &Loaded,
        probes: Option<&ProbeRelease>,
        creations: &Creations,
        bearing: &Bearing,
    ) -> Self {
        let authorities = loaded.authorities_pem().unwrap_or_default();
        let over = base.current().map_or(0, |current| current.number);
        let file = sha256(&[loaded.text.as_str(), &authorities]);
        let (accounts, in_full) = (creations.digest(), creations.in_full());
        let (properties, properties_in_full) = (bearing.digest(), bearing.in_full());
        let (probes, packs) = (probes.cloned(), PackGrounds::default());
        Self { over, file, probes, accounts, in_full, properties, properties_in_full, packs }
    }

    /// The same with what becomes of the starter packs.
    pub(crate) fn with_packs(self, packs: &Packs) -> Self {
        let packs = PackGrounds { digest: packs.digest(), in_full: packs.in_full(), agreed: packs.agreed() };
        Self { packs, ..self }
    }

    /// The plan's hash: over the version in force, the fleet file, the probes' code, the accounts that there are to permit,
    /// what changes of what accounts bear, what becomes of the starter packs, the accounts and Regions there are, and what is
    /// planned in each with the permission that it asks for. Not over the ids that AWS makes, nor over any order.
    pub(crate) fn hash(&self, planned: &[Planned]) -> String {
        let mut stacks: Vec<String> = planned.iter().map(stack).collect();
        stacks.sort();
        let mut lines =
            vec![format!("phonehome plan {CONTRACT_FORM}"), format!("over {}", self.over), self.file.clone()];
        lines.extend(self.probes.iter().map(|probes| format!("probes {}", probes.code_sha256)));
        lines.extend(self.accounts.iter().map(|accounts| format!("accounts {accounts}")));
        lines.extend(self.properties.iter().map(|properties| format!("properties {properties}")));
        lines.extend(self.packs.digest.iter().map(|packs| format!("starter packs {packs}")));
        lines.extend(stacks);
        sha256(&lines)
    }

    /// What binds every stack that could be planned.
    pub(crate) fn contract(&self, planned: &[Planned]) -> Contract {
        let grounds = Contract {
            plan: self.hash(planned),
            form: CONTRACT_FORM,
            over: self.over,
            ..Contract::default()
        };
        let stacks = planned.iter().filter_map(|it| {
            let plan = it.plan.as_ref().ok()?;
            Some((StackId::new(&it.account, &it.region), Agreed::to(plan).digests()))
        });
        grounds.with(stacks).with_packs(self.packs.agreed.clone())
    }

    /// The complete plan, for people: what it is over, then each stack in full.
    pub(crate) fn in_full(&self, planned: &[Planned]) -> String {
        let over = match self.over {
            0 => "the first version".to_owned(),
            number => format!("over version {number}"),
        };
        let mut text = format!("Plan {}\n  {over}\n  fleet file {}\n", self.hash(planned), self.file);
        text.extend(self.probes.iter().map(|probes| format!("  probes {}\n", probes.title())));
        text.push('\n');
        let sections = [
            ("accounts to be made", &self.in_full),
            ("what accounts bear in the organization", &self.properties_in_full),
            ("starter packs", &self.packs.in_full),
        ];
        for (title, lines) in sections.into_iter().filter(|(_, lines)| !lines.is_empty()) {
            let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
            text.push_str(&format!("{title}\n{lines}\n"));
        }
        for it in planned {
            let plan = match &it.plan {
                Ok(plan) => render::text(plan),
                Err(problem) => format!("cannot be planned: {problem}\n"),
            };
            let lines: String = plan.lines().map(|line| format!("  {}\n", line.trim_start())).collect();
            text.push_str(&format!("{} ({}/{})\n{lines}\n", it.name, it.account, it.region));
        }
        text
    }
}

/// One stack's part of the hash.
fn stack(planned: &Planned) -> String {
    let terms =
        planned.plan.as_ref().map(Plan::terms).unwrap_or_else(|_| vec!["cannot be planned".to_owned()]);
    format!("{}/{} {}", planned.account, planned.region, sha256(&terms))
}

/// Why a plan is not the one that was agreed to, with what differs from the file that `phonehome plan
/// --output` wrote of that one.
pub(crate) fn refusal(
    wanted: &str,
    now: &str,
    in_full: &str,
    reviewed: Option<&Path>,
) -> Result<Failure, Failure> {
    let mut text = format!(
        "the world moved: the plan {wanted} is another one now, {now}. Nothing was published. Plan and review again"
    );
    match reviewed {
        Some(path) => {
            let (gone, new) = differences(&read(path)?, in_full);
            let marked = |sign: &'static str, lines: Vec<String>| {
                lines.into_iter().map(move |line| format!("\n{sign} {line}"))
            };
            let all: Vec<String> = marked("-", gone).chain(marked("+", new)).collect();
            text.push_str(". What differs:");
            text.extend(all.iter().take(DIFFERENCES_MAX).map(String::as_str));
            if all.len() > DIFFERENCES_MAX {
                text.push_str(&format!("\nand {} more", all.len() - DIFFERENCES_MAX));
            }
        }
        None => text.push_str(
            "; with --reviewed and the file that `phonehome plan --output` wrote, this shows what differs",
        ),
    }
    Ok(Failure::other(text))
}

/// The lines that are in one complete plan only, each with the stack that it is of.
fn differences(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
    let (old, new) = (placed(old), placed(new));
    (old.difference(&new).cloned().collect(), new.difference(&old).cloned().collect())
}

fn placed(text: &str) -> BTreeSet<String> {
    let mut heading = "";
    let mut lines = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("  ") {
            Some(line) => drop(lines.insert(format!("{heading}: {line}"))),
            // The first one has the hash, which differs always.
            None => heading = if line.starts_with("Plan ") { "plan" } else { line },
        }
    }
    lines
}

#[cfg(test)]
mod tests;
