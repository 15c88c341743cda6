//! What a run of the alerter takes: it reads what is stored, decides, and stores incidents and messages.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use alerter::{Again, Alerter, Ask, Known, Pace};
use anyhow::Result;
use peak_alloc::PeakAlloc;
use phonehome_aws::Metrics;
use phonehome_cloud::table::{MemoryTable, Table as _};
use phonehome_cloud::{MemoryQueue, WallClock};
use phonehome_state::Keys;

use crate::fleet::{INTERVAL_MS, PATHS, Stored};
use crate::metered::Metered;

/// When the first run is; milliseconds since the Unix epoch.
const START_MS: u64 = 1_800_000_000_000;

/// The time that it is now in the fleet.
#[derive(Debug, Clone)]
struct Clock(Arc<AtomicU64>);

impl WallClock for Clock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Prints what a run takes in a fleet of so many accounts, with so many things broken at once.
pub(crate) async fn measure(memory: &PeakAlloc, accounts: usize, causes: usize) -> Result<()> {
    let table = MemoryTable::default();
    let fleet = Stored::of(accounts);
    println!(
        "\n{} accounts, 3 zones, {} paths; seconds of CPU, what is allocated at once, what is read, and how long it waits \
         for the table at 10 ms a call",
        fleet.accounts(),
        fleet.accounts() * 3 * PATHS
    );
    fleet.declare(&table, START_MS - 3_600_000);
    fleet.report(&table, START_MS).await?;
    let clock = Clock(Arc::new(AtomicU64::new(START_MS)));
    let alerter = Alerter {
        table: Metered::over(&table),
        metrics: Metrics::void("alerter"),
        again: Again::new(MemoryQueue::default()),
        ask: Ask { queue: MemoryQueue::default() },
        pace: Pace::default(),
        known: Known::default(),
        clock: clock.clone(),
    };
    run(memory, &alerter, "nothing fails, first run").await?;
    let mut now_ms = START_MS;
    for minute in ["nothing fails, a minute later", "nothing fails, two minutes later"] {
        now_ms += INTERVAL_MS;
        fleet.report(&table, now_ms).await?;
        clock.0.store(now_ms, Ordering::Relaxed);
        run(memory, &alerter, minute).await?;
    }
    let fleet = fleet.broken(causes);
    now_ms += INTERVAL_MS;
    let failing = fleet.report(&table, now_ms).await?;
    clock.0.store(now_ms, Ordering::Relaxed);
    run(memory, &alerter, &format!("{failing} paths fail")).await?;
    let (incidents, outbox) =
        (table.query(Keys::INCIDENTS).await?.len(), table.query(Keys::OUTBOX).await?.len());
    run(memory, &alerter, "the same, again").await?;
    println!("  {incidents} incidents are open, {outbox} messages wait");
    Ok(())
}

async fn run(memory: &PeakAlloc, alerter: &Alerter<Metered, MemoryQueue, Clock>, what: &str) -> Result<()> {
    let before = memory.current_usage_as_mb();
    memory.reset_peak_usage();
    let (start_s, start) = (cpu_s(), tokio::time::Instant::now());
    alerter.handle(&serde_json::json!({})).await.map_err(|error| anyhow::anyhow!("{error}"))?;
    let (seconds, more) = (cpu_s() - start_s, memory.peak_usage_as_mb() - before);
    let (waited, reads) = (start.elapsed(), alerter.table.take());
    println!("  {what:<34}{seconds:>8.2} s {more:>8.1} MB; {}, {} ms", reads.sum(), waited.as_millis());
    print!("{reads}");
    Ok(())
}

/// How long this thread has had the CPU, in seconds: the machine may be shared. Where the system does not say, how long
/// it has been.
pub(crate) fn cpu_s() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let on_cpu = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = on_cpu.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| START.get_or_init(Instant::now).elapsed().as_secs_f64(), |it| it / 1e9)
}
