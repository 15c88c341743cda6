//! What a seed does to a day: episodes in which something breaks, or the collector stands still, with everything
//! around them that goes wrong on the way; and in between hours in which nothing happens at all.

use phonehome_bench_localisation::{Fault, KINDS, Network, Random, SHARED_KINDS};

use crate::chance::{Chance, Question};
use crate::clock::BEGIN_MS;
use crate::options::Options;
use crate::stage::Stage;

pub(crate) const MINUTE_MS: u64 = 60_000;
/// Before something breaks everything works for so long, in minutes.
const LEAD: u64 = 5;
/// After it everything works for so long, in minutes: by then all is told.
const TAIL: u64 = 25;
/// So long after it messages are still lost and functions still die, in minutes.
const STORMY: u64 = 8;
/// What lasts so long is told, in minutes: a single path needs three runs, a probe is overdue after three minutes,
/// and while functions die a report may take a visibility timeout of three minutes more.
pub(crate) const THRESHOLD: u64 = 8;

/// What an episode is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Something is broken.
    Fault(Fault),
    /// The collector stands still; then everything that was queued comes at once.
    Backlog,
}

/// What is wrong for a while.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trouble {
    pub(crate) cause: Cause,
    /// From when until when; milliseconds since the Unix epoch.
    pub(crate) from_ms: u64,
    pub(crate) until_ms: u64,
    /// Reports that do not get through are late by as long as it lasts, and else lost.
    pub(crate) keeps_reports: bool,
}

/// A part of the day in which something happens.
#[derive(Debug, Clone)]
pub(crate) struct Episode {
    pub(crate) number: u32,
    pub(crate) from_ms: u64,
    pub(crate) until_ms: u64,
    pub(crate) trouble: Trouble,
    /// Messages get lost and functions die around it.
    pub(crate) storms: bool,
}

impl Trouble {
    pub(crate) fn fault(&self) -> Option<Fault> {
        match self.cause {
            Cause::Fault(fault) => Some(fault),
            Cause::Backlog => None,
        }
    }

    /// Its kind, for people.
    pub(crate) fn kind(&self) -> &'static str {
        match self.cause {
            Cause::Fault(fault) => KINDS[fault.kind()],
            Cause::Backlog => "the collector stands still",
        }
    }

    /// Whether it lasts long enough to be told for certain.
    pub(crate) fn is_beyond_threshold(&self) -> bool {
        self.until_ms - self.from_ms >= THRESHOLD * MINUTE_MS
    }

    pub(crate) fn lasts_at(&self, at_ms: u64) -> bool {
        (self.from_ms..self.until_ms).contains(&at_ms)
    }
}

impl Episode {
    /// Whether messages get lost and functions die now.
    pub(crate) fn is_stormy(&self, at_ms: u64) -> bool {
        let until_ms = self.trouble.until_ms + STORMY * MINUTE_MS;
        self.storms && (self.from_ms + 2 * MINUTE_MS..until_ms).contains(&at_ms)
    }

    /// Whether what does not get through waits on the way: where a bus does not hand on what runs.
    pub(crate) fn keeps(&self, network: &Network, account: u32) -> bool {
        !network.hands_on(account)
    }

    /// What it is, for people: minutes count from the beginning.
    pub(crate) fn about(&self) -> String {
        let minutes = |ms: u64| (ms - BEGIN_MS) / MINUTE_MS;
        let trouble = &self.trouble;
        let fault = trouble.fault().map(|it| format!(" ({it:?})")).unwrap_or_default();
        let name = format!("{}{fault}", trouble.kind());
        let (from, until) = (minutes(trouble.from_ms), minutes(trouble.until_ms));
        format!("episode {}, {name}, minutes {from} to {until}", self.number)
    }
}

/// The episodes of so many hours.
pub(crate) fn episodes(chance: Chance, stage: &Stage, options: &Options) -> Vec<Episode> {
    let (hours, storms) = (options.hours, !options.calm);
    let mut random = chance.of(Question::Plan, 0, 0);
    let end_ms = BEGIN_MS + hours * 60 * MINUTE_MS;
    let mut episodes = Vec::new();
    let mut from_ms = BEGIN_MS;
    for number in 1.. {
        let start_ms = from_ms + LEAD * MINUTE_MS + below(&mut random, MINUTE_MS);
        let cause = cause(stage, &mut random, options.all_kinds);
        let lasts_ms = match cause {
            Cause::Backlog => 60 * MINUTE_MS,
            // One in four is short: of some it is said, of others not.
            Cause::Fault(_) if random.below(4) == 0 => 20_000 + below(&mut random, 3 * MINUTE_MS),
            Cause::Fault(_) => THRESHOLD * MINUTE_MS + below(&mut random, 25 * MINUTE_MS),
        };
        let keeps_reports = random.below(2) == 0;
        let trouble = Trouble { cause, from_ms: start_ms, until_ms: start_ms + lasts_ms, keeps_reports };
        let until_ms = trouble.until_ms + TAIL * MINUTE_MS;
        if until_ms > end_ms {
            break;
        }
        episodes.push(Episode { number, from_ms, until_ms, trouble, storms });
        from_ms = until_ms + MINUTE_MS * (60 + below(&mut random, 240));
    }
    episodes
}

fn cause(stage: &Stage, random: &mut Random, all_kinds: bool) -> Cause {
    if random.below(12) == 0 {
        return Cause::Backlog;
    }
    loop {
        let kind = random.below(u32::try_from(SHARED_KINDS).unwrap_or(1)) as usize;
        let fault = Fault::any(kind, &stage.fleet, random);
        if all_kinds || !takes_an_address_along(stage, fault) {
            return Cause::Fault(fault);
        }
    }
}

/// Whether a zone is lost, of all accounts or of one, in which a target has an address. The fleet file does not say
/// in which zones a target's addresses are, so that the alerter tells each such target beside the zone. This is what
/// [`Options::all_kinds`] shows.
fn takes_an_address_along(stage: &Stage, fault: Fault) -> bool {
    match fault {
        Fault::Zone { .. } => true,
        Fault::Subnet { account, zone } => stage.fleet.accounts[account as usize].addresses.contains(&zone),
        _ => false,
    }
}

fn below(random: &mut Random, count: u64) -> u64 {
    u64::from(random.below(u32::try_from(count).unwrap_or(u32::MAX)))
}
