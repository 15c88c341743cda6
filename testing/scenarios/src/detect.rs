//! How long it takes until a fault is told, wherever in the probes' interval it comes.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::run::{Before, INTERVALS_MAX, broken_paths, mend, until_well};
use crate::scenario::{Scenario, Told};
use crate::watch::Watch;
use crate::world::World;

/// The golden ratio's fraction: its multiples fill the interval evenly, however many there are.
const PHASE: f64 = 0.618_033_988_749_895;

/// A fault that was told.
#[derive(Debug, Clone, Copy)]
pub struct Detection {
    /// The scenario's name.
    pub scenario: &'static str,
    /// How many paths failed of it.
    pub paths: usize,
    /// From the fault until Slack had a message.
    pub message: Duration,
}

/// Brings the `number`th fault, of those of the scenarios that have to be told, and waits until it is told and mended.
///
/// # Errors
/// When it is not told within ten intervals, and as [`crate::run()`].
pub fn detect(world: &mut World, watch: &mut Watch, number: u32, interval: Duration) -> Result<Detection> {
    let scenarios: Vec<_> = crate::scenarios().filter(|it| is_told(it)).collect();
    let scenario = scenarios[number as usize % scenarios.len()];
    until_well(world, watch, interval, 0)?.with_context(|| format!("before {}", scenario.name))?;
    let phase = interval.mul_f64((f64::from(number) * PHASE).fract());
    watch.until(world, phase, |_, _| false)?;
    let before = Before::of(world);
    let broken = Instant::now();
    (scenario.break_it)(world);
    world.follow()?;
    watch.until(world, interval * INTERVALS_MAX, |_, world| !before.messages(world).is_empty())?;
    let first = before.messages(world).iter().map(|it| it.at.into_std()).min();
    let message =
        first.with_context(|| format!("{} was not told", scenario.name))?.saturating_duration_since(broken);
    mend(world, scenario.repair, &before)?;
    Ok(Detection { scenario: scenario.name, paths: broken_paths(watch, scenario), message })
}

fn is_told(scenario: &Scenario) -> bool {
    matches!(scenario.told, Told::Just(told) | Told::AtLeast(told) if !told.is_empty())
}
