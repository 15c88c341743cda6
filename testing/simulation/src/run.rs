//! One seed: a day of a fleet, and what was told of it.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::atomic::Ordering;

use anyhow::Result;
use phonehome_alerting::{MemberKey, Rerun, Symptom};
use phonehome_bench_localisation::{Network, ZONES};
use phonehome_cloud::WallClock as _;
use phonehome_wire::Report;
use serde::Deserialize;

use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::chance::{Chance, Question};
use crate::clock::{BEGIN_MS, VirtualClock};
use crate::envelope::body;
use crate::hub::{Hub, TICK};
use crate::mailbox::Mailbox;
use crate::on_call::OnCall;
use crate::options::Options;
use crate::oracle::{Told, Truth, judge};
use crate::plan::{Episode, MINUTE_MS, episodes};
use crate::seen::see;
use crate::slack::Slack;
use crate::stage::{Stage, place, probe};
use crate::table::SlowTable;
use crate::tape::Tape;

/// How long after an episode has begun the alerter looks for the first time, in milliseconds: by then every probe has
/// reported, as it would have all the time.
const HEARD_MS: u64 = 2 * MINUTE_MS;
/// How many of a million results are wrong by chance while it storms.
const NOISE_PPM: u32 = 1_000;
/// How many of a million reports get lost, come twice, and come late.
const LOST_PPM: u32 = 1_000;
const TWICE_PPM: u32 = 20_000;
const LATE_PPM: u32 = 10_000;
/// How late a report is that is, and how late one is at most that comes twice; milliseconds.
const LATE_MS_MAX: u32 = 90_000;
const TWICE_MS_MAX: u32 = 600_000;
/// How long a report takes from the probe to the queue, in milliseconds: at least, and how much more at most.
const WAY_MS: (u32, u32) = (300, 2_000);
/// How wrong a probe's clock is at most, in milliseconds, to either side. Lambda's are right within milliseconds.
const SKEW_MS: u32 = 3_000;

/// How long it takes from an ask to the rerun, in milliseconds: at least, and how much more at most. A message, a role
/// that is assumed, a schedule that is read, an invocation.
const ASKED_MS: (u32, u32) = (600, 2_500);

/// What the alerter asks for, as it travels.
#[derive(Deserialize)]
struct Asked {
    rerun: Rerun,
}

/// What came of a seed.
#[derive(Debug)]
pub struct Outcome {
    /// By episode: what was told of it, and what of that is wrong.
    pub told: Vec<Told>,
    /// How many reports there were.
    pub reports: u64,
    /// How many of these were of reruns that the alerter asked for.
    pub reruns: u64,
    /// How many invocations died.
    pub deaths: u64,
}

/// Simulates a seed.
///
/// # Errors
/// When there is no such fleet. What is told wrongly is in the outcome.
pub fn run(options: Options) -> Result<Outcome> {
    in_virtual_time(day(options, None))
}

/// Simulates a seed, and records it as the hub would: as the text of a recording, with what was told.
///
/// # Errors
/// As [`run`].
pub fn record(options: Options) -> Result<(Outcome, String)> {
    let tape = Tape::default();
    let outcome = in_virtual_time(day(options, Some(&tape)))?;
    Ok((outcome, tape.recording()))
}

fn in_virtual_time(day: impl Future<Output = Result<Outcome>>) -> Result<Outcome> {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
    LocalSet::new().block_on(&runtime, day)
}

async fn day(options: Options, tape: Option<&Tape>) -> Result<Outcome> {
    let (chance, clock) = (Chance(options.seed), VirtualClock::start());
    let stage = Stage::of(options.accounts)?;
    let table = SlowTable::new(stage.table().await?, clock, chance);
    let hub = Rc::new(Hub {
        table,
        slack: Slack::default(),
        on_call: OnCall::default(),
        reports: Mailbox::new(clock),
        hints: Mailbox::new(clock),
        notes: Mailbox::new(clock),
        letters: Mailbox::new(clock),
        asked: Mailbox::new(clock),
        clock,
        episodes: episodes(chance, &stage, &options),
        chance,
        deaths: 0.into(),
    });
    hub.open();
    let mut day = Day { stage: &stage, hub: &hub, reports: 0, reruns: 0, truth: Truth::default(), tape };
    let mut told = Vec::new();
    let mut awake_ms = BEGIN_MS;
    for episode in hub.episodes.clone() {
        let from_ms = if options.whole { awake_ms } else { episode.from_ms };
        day.truth = Truth::default();
        day.watch(&episode, from_ms).await;
        awake_ms = episode.until_ms;
        told.push(judge(&stage, &hub, &episode, &day.truth).await?);
    }
    if let Some(tape) = tape {
        tape.finish(&hub.table.table, BEGIN_MS, hub.clock.now_ms()).await?;
    }
    Ok(Outcome { told, reports: day.reports, reruns: day.reruns, deaths: hub.deaths.load(Ordering::Relaxed) })
}

struct Day<'d> {
    stage: &'d Stage,
    hub: &'d Rc<Hub>,
    reports: u64,
    reruns: u64,
    truth: Truth,
    tape: Option<&'d Tape>,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Run(u32, u32),
    Alerter,
    Notifier,
}

impl Day<'_> {
    /// Lives through an episode. Before it nothing happened for a while: every report was as the one before it, which
    /// changes nothing but the heartbeats, and the alerter had nothing to decide. So only the last of those minutes is
    /// lived through, in which every probe reports once more, unless `from_ms` is earlier.
    async fn watch(&mut self, episode: &Episode, from_ms: u64) {
        let mut networks: BTreeMap<bool, Network> = BTreeMap::new();
        for is_broken in [false, true] {
            let mut network = Network::of(&self.stage.fleet);
            if let Some(fault) = episode.trouble.fault().filter(|_| is_broken) {
                fault.apply(&self.stage.fleet, &mut network);
            }
            networks.insert(is_broken, network);
        }
        let looks_from_ms = if from_ms == episode.from_ms { from_ms + HEARD_MS } else { from_ms };
        let mut minute_ms = from_ms - from_ms % MINUTE_MS;
        while minute_ms < episode.until_ms {
            let mut due = vec![(minute_ms + 7_000, Due::Alerter), (minute_ms + 23_000, Due::Notifier)];
            for account in 0..self.stage.accounts() {
                due.extend(
                    (0..ZONES)
                        .map(|zone| (minute_ms + self.second_of(account, zone), Due::Run(account, zone))),
                );
            }
            due.sort_unstable();
            for (at_ms, due) in due {
                if at_ms < from_ms {
                    continue;
                }
                self.hub.clock.until(at_ms).await;
                self.rerun_asked(episode, &networks);
                match due {
                    Due::Run(account, zone) => {
                        let network = &networks[&episode.trouble.lasts_at(at_ms)];
                        self.run(episode, network, (account, zone), at_ms, None);
                    }
                    Due::Alerter if at_ms >= looks_from_ms => self.hub.hints.put(at_ms, TICK.to_owned()),
                    Due::Alerter => {}
                    Due::Notifier => self.hub.notes.put(at_ms, TICK.to_owned()),
                }
            }
            minute_ms += MINUTE_MS;
        }
    }

    /// When in its minute a probe runs, in milliseconds.
    fn second_of(&self, account: u32, zone: u32) -> u64 {
        let number = u64::from(account * ZONES + zone);
        u64::from(self.hub.chance.of(Question::Probe, number, 0).below(60)) * 1000
    }

    /// By how much a probe's clock is ahead, in milliseconds, and [`SKEW_MS`] more.
    fn skew_ms(&self, account: u32, zone: u32) -> u64 {
        let number = u64::from(account * ZONES + zone);
        u64::from(self.hub.chance.of(Question::Probe, number, 1).below(2 * SKEW_MS))
    }

    /// What the alerter asked for: the provisioner has probes run again, at once.
    fn rerun_asked(&mut self, episode: &Episode, networks: &BTreeMap<bool, Network>) {
        for (number, body) in (0..).zip(self.hub.asked.taken()) {
            let Ok(Asked { rerun }) = serde_json::from_str(&body) else { continue };
            let now_ms = self.hub.clock.now_ms();
            let mut random = self.hub.chance.of(Question::Ask, number, now_ms);
            let is_stormy = episode.is_stormy(now_ms);
            let is_lost = random.happens(if is_stormy { LOST_PPM } else { 0 });
            let comes_twice = random.happens(if is_stormy { TWICE_PPM } else { 0 });
            let Some(place) = place(&rerun).filter(|_| !is_lost) else { continue };
            for _ in 0..1 + u32::from(comes_twice) {
                let at_ms = now_ms + u64::from(ASKED_MS.0 + random.below(ASKED_MS.1));
                if !rerun.is_over(at_ms) {
                    self.reruns += 1;
                    let network = &networks[&episode.trouble.lasts_at(at_ms)];
                    self.run(episode, network, place, at_ms, Some(&rerun));
                }
            }
        }
    }

    /// A probe runs, and its report sets out; of a rerun with what it was asked.
    fn run(
        &mut self,
        episode: &Episode,
        network: &Network,
        (account, zone): (u32, u32),
        at_ms: u64,
        rerun: Option<&Rerun>,
    ) {
        let number = u64::from(account * ZONES + zone);
        let noise_ppm = if episode.is_stormy(at_ms) { NOISE_PPM } else { 0 };
        let by_its_clock_ms = at_ms + self.skew_ms(account, zone) - u64::from(SKEW_MS);
        let mut noise = self.hub.chance.of(Question::Noise, number, at_ms);
        let mut seen = see(self.stage, network, (account, zone), by_its_clock_ms, noise_ppm, &mut noise);
        if let Some(rerun) = rerun {
            seen = seen.of(rerun, &self.stage.checks[account as usize]);
        }
        let key = probe(account, zone);
        let path = |number: &usize| MemberKey {
            probe: key.clone(),
            symptom: Symptom::Down { check: self.stage.checks[account as usize][*number].0.id.clone() },
        };
        let broken: BTreeSet<MemberKey> = seen.broken.iter().map(path).collect();
        self.truth.noisy.extend(seen.noisy.iter().map(path));
        self.truth.broken.extend(broken);
        self.send(episode, network, (account, zone), at_ms, &seen.report);
    }

    /// A report sets out.
    fn send(
        &mut self,
        episode: &Episode,
        network: &Network,
        (account, zone): (u32, u32),
        at_ms: u64,
        report: &Report,
    ) {
        let is_stormy = episode.is_stormy(at_ms);
        let storm = |ppm| if is_stormy { ppm } else { 0 };
        let silent = MemberKey { probe: probe(account, zone), symptom: Symptom::Silent };
        let number = u64::from(account * ZONES + zone);
        let mut random = self.hub.chance.of(Question::Way, number, at_ms);
        let way_ms =
            |random: &mut phonehome_bench_localisation::Random| u64::from(WAY_MS.0 + random.below(WAY_MS.1));
        let mut arrives_ms = at_ms + report.duration_ms + way_ms(&mut random);
        let stands_still = episode.trouble.fault().is_none() && episode.trouble.lasts_at(at_ms);
        if stands_still {
            self.truth.broken.insert(silent.clone());
        }
        if !network.reports(account, zone) {
            self.truth.broken.insert(silent);
            // What does not run has no report that could be kept.
            if !episode.trouble.keeps_reports || !episode.keeps(network, account) {
                return;
            }
            arrives_ms = episode.trouble.until_ms + way_ms(&mut random);
        } else if random.happens(storm(LOST_PPM)) {
            return;
        } else if random.happens(storm(LATE_PPM)) {
            arrives_ms += u64::from(random.below(LATE_MS_MAX));
        }
        self.reports += 1;
        let body = body(report);
        if random.happens(storm(TWICE_PPM)) {
            let again_ms = arrives_ms + u64::from(random.below(TWICE_MS_MAX));
            self.arrive(again_ms, body.clone());
        }
        self.arrive(arrives_ms, body);
    }

    /// A report arrives then.
    fn arrive(&self, at_ms: u64, body: String) {
        if let Some(tape) = self.tape {
            tape.keep(at_ms, &body);
        }
        self.hub.reports.put(at_ms, body);
    }
}
