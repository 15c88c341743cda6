//! Plays a scenario: everything works, something breaks, it is told, it is mended, everything works.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_wire::{AzId, CheckResult};

use crate::scenario::{Expected, Message, Repair, Scenario, Told};
use crate::watch::Watch;
use crate::world::World;
use phonehome_simulation::Posted;

/// How many intervals it may take until all is told, or all is well again.
pub(crate) const INTERVALS_MAX: u32 = 10;
/// How long it must stay as it is, in intervals, until nothing more is expected.
const INTERVALS_QUIET: u32 = 2;

/// How messages begin that say that it is over.
const ENDED: [&str; 2] = [":white_check_mark:", ":heavy_check_mark:"];

/// A result: the account's name, the zone, the check.
type Path = (String, AzId, String);

/// What came of a scenario.
#[derive(Debug)]
pub struct Outcome {
    /// How long changing the network took.
    pub change: Duration,
    /// From the fault until Slack had a message.
    pub message: Option<Duration>,
    /// From the fault until on-call was paged.
    pub page: Option<Duration>,
    /// From the repair until nothing was open any more.
    pub green: Option<Duration>,
    /// How many results were compared.
    pub results: usize,
    /// What was not as expected, for people. A scenario passes when there is nothing.
    pub differences: Vec<String>,
}

/// Plays a scenario on a world on which everything works, or will soon.
///
/// # Errors
/// When the network cannot be changed, a probe gives no report, or a function of the hub's fails.
pub fn run(world: &mut World, watch: &mut Watch, scenario: &Scenario, interval: Duration) -> Result<Outcome> {
    let longest = interval * INTERVALS_MAX;
    until_well(world, watch, interval, 0)??;
    world.forget()?;
    let before = Before::of(world);
    let (broken, broken_ms) = (Instant::now(), SystemClock.now_ms());
    (scenario.break_it)(world);
    world.follow()?;
    let change = broken.elapsed();
    let expected = expectations(watch, scenario);
    let mut outcome = Outcome {
        change,
        message: None,
        page: None,
        green: None,
        results: expected.len(),
        differences: vec![],
    };
    let told = |watch: &Watch, world: &World| {
        let mut differences = problems(watch, broken_ms, &expected);
        differences.extend(before.differences(world, scenario));
        differences
    };
    watch.until(world, longest, |watch, world| told(watch, world).is_empty())?;
    // What comes late must not be more than that.
    watch.until(world, interval * INTERVALS_QUIET, |_, _| false)?;
    outcome.differences = told(watch, world);
    let since = |at: Instant| at.saturating_duration_since(broken);
    outcome.message = before.messages(world).iter().map(|it| since(it.at.into_std())).min();
    outcome.page = world.hub.pages().get(before.pages).map(|it| since(it.at.into_std()));
    let while_broken = before.told(world);
    mend(world, scenario.repair, &before)?;
    let (mended, mended_ms) = (Instant::now(), SystemClock.now_ms());
    match until_well(world, watch, interval, mended_ms)? {
        Ok(()) => outcome.green = Some(mended.elapsed()),
        Err(unwell) => outcome.differences.push(format!("after the repair, {unwell}")),
    }
    if matches!(scenario.told, Told::Just(_)) {
        watch.until(world, longest, |_, world| before.without_end(world, while_broken).is_empty())?;
        outcome.differences.extend(before.without_end(world, while_broken));
    }
    Ok(outcome)
}

/// Waits until everything works, as runs after `since_ms` say; or says what does not.
pub(crate) fn until_well(
    world: &mut World,
    watch: &mut Watch,
    interval: Duration,
    since_ms: u64,
) -> Result<Result<()>> {
    if watch.until(world, interval * INTERVALS_MAX, |watch, world| is_well(watch, world, since_ms))? {
        return Ok(Ok(()));
    }
    let (problems, open, up) = (problems(watch, since_ms, &usual(watch)), world.open(), world.paths_up());
    Ok(Err(anyhow!(
        "not everything works: {up} paths are up, incidents {open:?} are open; {}",
        problems.join("; ")
    )))
}

/// As it was before something was broken.
pub(crate) struct Before {
    inventories: Vec<(String, phonehome_network::Inventory)>,
    wishes: phonehome_lab::Wishes,
    /// How many messages and pages there were.
    messages: usize,
    pages: usize,
}

impl Before {
    pub(crate) fn of(world: &World) -> Self {
        let names: BTreeSet<String> = world.probes().into_iter().map(|(name, ..)| name).collect();
        let inventories = names.into_iter().map(|name| (name.clone(), world.inventory(&name))).collect();
        let (messages, pages) = (world.hub.slack().len(), world.hub.pages().len());
        Self { inventories, wishes: world.wishes.clone(), messages, pages }
    }

    pub(crate) fn messages(&self, world: &World) -> Vec<Posted> {
        world.hub.slack().split_off(self.messages)
    }

    /// How many messages and pages there were since then.
    fn told(&self, world: &World) -> (usize, usize) {
        (world.hub.slack().len() - self.messages, world.hub.pages().len() - self.pages)
    }

    /// What was told of a fault and not of its end: of the messages and pages while it lasted, messages that do not
    /// say so, and pages that are not all followed by another one. What else a repair has to tell is no end.
    fn without_end(&self, world: &World, (messages, pages): (usize, usize)) -> Vec<String> {
        let is_open = |it: &Posted| !ENDED.iter().any(|mark| it.text.starts_with(mark));
        let open = self.messages(world).into_iter().take(messages).filter(is_open);
        let mut missing: Vec<String> = open.map(|it| format!("its end is not told: {}", it.text)).collect();
        let (_, all) = self.told(world);
        if all != 2 * pages {
            missing.push(format!("{pages} pages, and with their ends {all}"));
        }
        missing
    }

    /// What was told otherwise than a scenario expects.
    fn differences(&self, world: &World, scenario: &Scenario) -> Vec<String> {
        let (told, no_others) = match scenario.told {
            Told::Just(told) => (told, true),
            Told::AtLeast(told) => (told, false),
            Told::Anything => return vec![],
        };
        let mut wanted: Vec<String> = told
            .iter()
            .map(|it| match it {
                Message::Slack(channel, text) => format!("{channel}: {text}"),
                Message::Page(subject) => format!("page: {subject}"),
            })
            .collect();
        let posts = self.messages(world);
        let mut met: Vec<String> = posts.iter().map(|it| format!("{}: {}", it.channel, it.text)).collect();
        met.extend(world.hub.pages().iter().skip(self.pages).map(|it| format!("page: {}", it.subject)));
        wanted.retain(|it| match met.iter().position(|other| other == it) {
            Some(at) => {
                met.remove(at);
                false
            }
            None => true,
        });
        let missing = wanted.into_iter().map(|it| format!("not told: {it}"));
        let others = met.into_iter().filter(|_| no_others);
        missing.chain(others.map(|it| format!("told unexpectedly: {it}"))).collect()
    }
}

pub(crate) fn mend(world: &mut World, repair: Repair, before: &Before) -> Result<()> {
    match repair {
        Repair::Provisioner => world.repair()?,
        Repair::ByHand => {
            for (name, inventory) in &before.inventories {
                world.edit(name, |it| it.clone_from(inventory));
            }
            world.wishes.clone_from(&before.wishes);
        }
    }
    world.follow()
}

/// Whether every probe has reported of a run after `since_ms` in which everything worked, the hub knows every path to
/// be as declared, and nothing is open.
fn is_well(watch: &Watch, world: &World, since_ms: u64) -> bool {
    let usual = usual(watch);
    problems(watch, since_ms, &usual).is_empty() && world.paths_up() == usual.len() && world.open().is_empty()
}

/// What each path comes to while everything works: isolations are silent, all else connects.
fn usual(watch: &Watch) -> BTreeMap<Path, Expected> {
    let usual = |check: &phonehome_wire::Check| match check.expect {
        phonehome_wire::Expect::Connect => Expected::Ok,
        phonehome_wire::Expect::Deny => Expected::Denied,
    };
    let of = |(place, input): (&crate::watch::Place, &phonehome_wire::ProbeInput)| {
        let path = |check: &phonehome_wire::Check| (place.0.clone(), place.1.clone(), check.id.0.clone());
        input.checks.iter().map(|check| (path(check), usual(check))).collect::<Vec<_>>()
    };
    watch.inputs().flat_map(of).collect()
}

fn expectations(watch: &Watch, scenario: &Scenario) -> BTreeMap<Path, Expected> {
    let mut expected = usual(watch);
    for (account, zone, checks, outcome) in scenario.expected {
        let zone = (*zone > 0).then(|| format!("use1-az{zone}"));
        let is_meant = |path: &Path| {
            path.0 == *account
                && zone.as_ref().is_none_or(|it| path.1.as_str() == it)
                && checks.contains(&path.2.as_str())
        };
        expected.iter_mut().filter(|(path, _)| is_meant(path)).for_each(|(_, it)| *it = *outcome);
    }
    expected
}

/// How many paths fail of a scenario's fault.
pub(crate) fn broken_paths(watch: &Watch, scenario: &Scenario) -> usize {
    let usual = usual(watch);
    expectations(watch, scenario).iter().filter(|(path, expected)| usual.get(path) != Some(expected)).count()
}

/// What the newest reports say otherwise than expected, or do not say at all. Those of runs before `since_ms` do
/// not count.
fn problems(watch: &Watch, since_ms: u64, expected: &BTreeMap<Path, Expected>) -> Vec<String> {
    let result = |(account, zone, check): &Path| -> Option<&CheckResult> {
        let report = watch.newest.get(&(account.clone(), zone.clone()))?;
        let results = (report.started_at_ms >= since_ms).then_some(&report.results)?;
        results.iter().find(|it| it.id.0 == *check)
    };
    let problem = |(path, expected): (&Path, &Expected)| {
        let (account, zone, check) = path;
        match result(path) {
            Some(result) if expected.is_met(result) => None,
            Some(CheckResult { verdict, .. }) => {
                Some(format!("{account} {zone} {check}: {expected:?} expected, not {verdict:?}"))
            }
            None => Some(format!("{account} {zone} {check}: no result")),
        }
    };
    expected.iter().filter_map(problem).collect()
}
