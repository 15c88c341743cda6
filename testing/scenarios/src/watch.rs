//! The probes' schedules, and what comes of their reports.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use phonehome_lab::Started;
use phonehome_wire::{AzId, ProbeInput, Report, rerun_input};

use crate::world::{World, stack};

/// Where a probe is: the account's name, and the zone.
pub type Place = (String, AzId);

/// What came of a probe's run.
type Arrival = (Place, Result<Report>);

/// A probe's schedule.
#[derive(Debug)]
struct Schedule {
    place: Place,
    input: ProbeInput,
    next: Instant,
}

/// Runs all probes once an interval, each at a moment of its own, and brings their reports to the hub.
#[derive(Debug)]
pub struct Watch {
    interval: Duration,
    schedules: Vec<Schedule>,
    next_minute: Instant,
    reports: (Sender<Arrival>, Receiver<Arrival>),
    runs: Vec<JoinHandle<()>>,
    /// The newest report of each probe.
    pub newest: BTreeMap<Place, Report>,
}

impl Watch {
    /// Begins now; the probes' first runs are spread over the interval.
    pub fn new(world: &World, interval: Duration) -> Self {
        let now = Instant::now();
        let probes = world.probes();
        let count = u32::try_from(probes.len()).unwrap_or(u32::MAX).max(1);
        let schedule = |(number, (name, zone, input))| Schedule {
            place: (name, zone),
            input,
            next: now + interval / count * number,
        };
        Self {
            interval,
            schedules: (0..).zip(probes).map(schedule).collect(),
            next_minute: now,
            reports: channel(),
            newest: BTreeMap::new(),
            runs: vec![],
        }
    }

    /// Every probe's place, and what it is given to test.
    pub fn inputs(&self) -> impl Iterator<Item = (&Place, &ProbeInput)> {
        self.schedules.iter().map(|it| (&it.place, &it.input))
    }

    /// Goes on until it is `done` or `longest` has passed; whether it is done. That is asked after each report and
    /// each of the alerter's minutes.
    ///
    /// # Errors
    /// When a probe gives no report, or a function of the hub's fails.
    pub fn until(
        &mut self,
        world: &mut World,
        longest: Duration,
        mut done: impl FnMut(&Self, &World) -> bool,
    ) -> Result<bool> {
        let end = Instant::now() + longest;
        loop {
            self.start_due(world)?;
            self.start_reruns(world)?;
            let schedules = self.schedules.iter().map(|it| it.next);
            let next = schedules.chain([self.next_minute, end]).chain(world.hub.looks_again_at()).min();
            let next = next.unwrap_or(end);
            match self.reports.1.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok((place, report)) => self.arrive(world, place, report?)?,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            if Instant::now() >= self.next_minute {
                world.minute()?;
                self.next_minute += self.interval;
            }
            if world.hub.looks_again_at().is_some_and(|at| at <= Instant::now()) {
                world.minute()?;
            }
            if done(self, world) {
                return Ok(true);
            }
            if Instant::now() >= end {
                return Ok(false);
            }
        }
    }

    fn start_due(&mut self, world: &World) -> Result<()> {
        let now = Instant::now();
        self.runs.retain(|it| !it.is_finished());
        if self.schedules.iter().all(|it| it.next > now) {
            return Ok(());
        }
        // A repair may have given it another input: a NAT gateway that is made again has another address.
        let inputs = world.probes().into_iter().map(|(name, zone, input)| ((name, zone), input));
        let mut inputs: BTreeMap<Place, ProbeInput> = inputs.collect();
        for schedule in self.schedules.iter_mut().filter(|it| it.next <= now) {
            schedule.next += self.interval;
            if let Some(input) = inputs.remove(&schedule.place) {
                schedule.input = input;
            }
            let started =
                world.lab().start_probe(&stack(&schedule.place.0), &schedule.place.1, &schedule.input)?;
            self.runs.push(run(self.reports.0.clone(), schedule.place.clone(), started));
        }
        Ok(())
    }

    /// Runs again what the alerter asks for, with what the schedule gives, as the provisioner does.
    fn start_reruns(&mut self, world: &mut World) -> Result<()> {
        for rerun in world.hub.reruns() {
            let is_it = |it: &&Schedule| {
                stack(&it.place.0).account == rerun.account && it.place.1 == rerun.availability_zone
            };
            let Some(schedule) = self.schedules.iter().find(is_it) else { continue };
            let input = rerun_input(&serde_json::to_string(&schedule.input)?, &rerun.checks);
            let Some(input) = input else { continue };
            let input: ProbeInput = serde_json::from_str(&input)?;
            let started = world.lab().start_probe(&stack(&schedule.place.0), &schedule.place.1, &input)?;
            self.runs.push(run(self.reports.0.clone(), schedule.place.clone(), started));
        }
        Ok(())
    }

    fn arrive(&mut self, world: &mut World, place: Place, report: Report) -> Result<()> {
        world.report(&report)?;
        // What ran again says nothing of the other checks.
        if !report.rerun {
            self.newest.insert(place, report);
        }
        Ok(())
    }
}

/// Waits for a run, and hands on what came of it.
fn run(sender: Sender<Arrival>, place: Place, started: Started) -> JoinHandle<()> {
    std::thread::spawn(move || {
        // Who has stopped watching does not need its report.
        let _ = sender.send((place, started.report()));
    })
}

/// What runs ends before the lab does.
impl Drop for Watch {
    fn drop(&mut self) {
        for run in self.runs.drain(..) {
            let _ = run.join();
        }
    }
}
